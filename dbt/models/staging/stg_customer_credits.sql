with

source as (

    select * from {{ ref('src_customer_credits') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as customer_credit_id,
        customer_id,
        transaction_id,
        match_id,
        invoice_id,

        ---------- strings
        kind as credit_kind,
        currency,

        ---------- numerics
        amount,
        used,
        balance,

        ---------- booleans
        reversed_at is not null as is_reversed,

        ---------- dates
        credited_on as credited_date,

        ---------- timestamps
        created_at,
        reversed_at

    from source

)

select * from renamed
