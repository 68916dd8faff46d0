with

source as (

    select * from {{ ref('src_transactions') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as transaction_id,
        account_id,
        category_id,

        ---------- strings
        status as transaction_status,
        currency,
        counterparty_name,
        counterparty_iban,
        payee,
        description,
        remittance,
        structured_reference,
        end_to_end_id,
        mandate_id,
        creditor_id,
        purpose_code,
        bank_transaction_code,
        merchant_category_code,
        instructed_currency,
        category_source,
        match_status,
        split_currency,
        case when amount > 0 then 'credit' else 'debit' end as direction,

        ---------- numerics
        amount,
        instructed_amount,
        allocated,
        split_total,

        ---------- booleans
        deleted_at is not null as is_deleted,

        ---------- dates
        transaction_date,
        booking_date,
        value_date,

        ---------- timestamps
        missing_since,
        deleted_at,
        created_at,
        updated_at

    from source

)

select * from renamed
