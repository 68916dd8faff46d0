with

source as (

    select * from {{ ref('src_fx_rate_overrides') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as fx_rate_override_id,

        ---------- strings
        currency,

        ---------- numerics
        rate,

        ---------- dates
        rate_date

    from source

)

select * from renamed
