with

source as (

    select * from {{ ref('src_institutions') }}

),

renamed as (

    select

        ---------- ids
        id as institution_id,

        ---------- strings
        provider,
        reference as institution_reference,
        name as institution_name,
        bic,

        ---------- numerics
        history_days_max,
        consent_days_max

    from source

)

select * from renamed
