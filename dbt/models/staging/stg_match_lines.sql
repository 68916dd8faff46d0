with

source as (

    select * from {{ ref('src_match_lines') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as match_line_id,
        match_id,
        invoice_id,

        ---------- numerics
        amount,
        settled

    from source

)

select * from renamed
