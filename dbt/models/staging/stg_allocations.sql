with

source as (

    select * from {{ ref('src_allocations') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as allocation_id,
        match_id,
        transaction_id,
        invoice_id,

        ---------- numerics
        amount,
        settled,

        ---------- booleans
        reversed_at is not null as is_reversed,

        ---------- timestamps
        created_at,
        reversed_at

    from source

)

select * from renamed
