with

transactions as (

    -- What a person deleted, and what the bank replaced or dropped, is no money.
    select * from {{ ref('stg_transactions') }}
    where not is_deleted and transaction_status in ('pending', 'booked')

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

tenants as (

    select * from {{ ref('stg_tenants') }}

),

rates as (

    select * from {{ ref('int_exchange_rates') }}

),

categories as (

    select * from {{ ref('stg_categories') }}

),

paid_invoices as (

    select
        tenant_id,
        transaction_id,
        sum(amount) as invoiced_amount

    from {{ ref('stg_allocations') }}
    where not is_reversed
    group by tenant_id, transaction_id

),

became_credit as (

    select
        tenant_id,
        transaction_id,
        sum(amount) as credited_amount

    from {{ ref('stg_customer_credits') }}
    where not is_reversed and transaction_id is not null
    group by tenant_id, transaction_id

),

refunded_credit as (

    select
        tenant_id,
        transaction_id,
        sum(amount) as refunded_amount

    from {{ ref('stg_credit_uses') }}
    where not is_reversed and transaction_id is not null
    group by tenant_id, transaction_id

),

final as (

    select
        transactions.tenant_id,
        transactions.transaction_id,
        transactions.account_id,
        accounts.institution_id,
        accounts.institution_name,
        accounts.account_name,
        transactions.transaction_date,
        transactions.booking_date,
        transactions.value_date,
        transactions.transaction_status,
        transactions.direction,
        transactions.amount,
        transactions.currency,
        tenants.currency as reporting_currency,
        {{ convert(
            'transactions.amount', 'transactions.currency', 'own.rate',
            'tenants.currency', 'reporting.rate'
        ) }} as reporting_amount,
        least(own.rate_date, reporting.rate_date) as rate_date,
        transactions.payee,
        transactions.counterparty_name,
        transactions.description,
        transactions.structured_reference,
        transactions.category_id,
        categories.category_name,
        categories.category_kind,
        transactions.category_source,
        transactions.match_status,
        coalesce(paid_invoices.invoiced_amount, 0) as invoiced_amount,
        coalesce(became_credit.credited_amount, 0) as credited_amount,
        coalesce(refunded_credit.refunded_amount, 0) as refunded_amount,
        transactions.amount - transactions.allocated as unallocated_amount,
        transactions.missing_since is not null as is_missing_at_bank,
        transactions.created_at,
        transactions.updated_at

    from transactions
    inner join accounts
        on
            transactions.tenant_id = accounts.tenant_id
            and transactions.account_id = accounts.account_id
    inner join tenants on transactions.tenant_id = tenants.tenant_id
    left join rates as own
        on
            transactions.tenant_id = own.tenant_id
            and transactions.currency = own.currency
            and transactions.transaction_date = own.amount_date
    left join rates as reporting
        on
            transactions.tenant_id = reporting.tenant_id
            and tenants.currency = reporting.currency
            and transactions.transaction_date = reporting.amount_date
    left join categories
        on
            transactions.tenant_id = categories.tenant_id
            and transactions.category_id = categories.category_id
    left join paid_invoices
        on
            transactions.tenant_id = paid_invoices.tenant_id
            and transactions.transaction_id = paid_invoices.transaction_id
    left join became_credit
        on
            transactions.tenant_id = became_credit.tenant_id
            and transactions.transaction_id = became_credit.transaction_id
    left join refunded_credit
        on
            transactions.tenant_id = refunded_credit.tenant_id
            and transactions.transaction_id = refunded_credit.transaction_id

)

select * from final
