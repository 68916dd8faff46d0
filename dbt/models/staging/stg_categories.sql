with

source as (

    select * from {{ ref('src_categories') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as category_id,

        ---------- strings
        name as category_name,
        kind as category_kind,
        key as category_key,

        ---------- booleans
        is_active

    from source

)

select * from renamed
