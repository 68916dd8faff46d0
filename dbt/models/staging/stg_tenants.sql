with

source as (

    select * from {{ ref('src_tenants') }}

),

renamed as (

    select

        ---------- ids
        id as tenant_id,

        ---------- strings
        currency,

        ---------- timestamps
        created_at

    from source

)

select * from renamed
