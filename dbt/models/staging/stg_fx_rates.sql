with

source as (

    select * from {{ ref('src_fx_rates') }}

),

renamed as (

    select

        ---------- strings
        currency,

        ---------- numerics
        rate,

        ---------- dates
        rate_date

    from source

)

select * from renamed
