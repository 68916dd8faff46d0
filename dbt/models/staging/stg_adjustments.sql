with

source as (

    select * from {{ ref('src_adjustments') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as adjustment_id,
        invoice_id,
        match_id,

        ---------- strings
        kind as adjustment_kind,

        ---------- numerics
        amount,

        ---------- booleans
        reversed_at is not null as is_reversed,

        ---------- timestamps
        created_at,
        reversed_at

    from source

)

select * from renamed
