with

source as (

    select * from {{ ref('src_transaction_splits') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as transaction_split_id,
        transaction_id,
        category_id,

        ---------- strings
        currency,

        ---------- numerics
        position,
        amount

    from source

)

select * from renamed
