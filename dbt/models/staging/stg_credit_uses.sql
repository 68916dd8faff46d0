with

source as (

    select * from {{ ref('src_credit_uses') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as credit_use_id,
        credit_id,
        invoice_id,
        transaction_id,
        match_id,

        ---------- strings
        kind as credit_use_kind,

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
