with

source as (

    select * from {{ ref('src_customers') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as customer_id,

        ---------- strings
        number as customer_number,
        name as customer_name,
        country,

        ---------- timestamps
        created_at

    from source

)

select * from renamed
