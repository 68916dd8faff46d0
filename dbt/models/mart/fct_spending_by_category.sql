with

transactions as (

    select * from {{ ref('fct_transactions') }}
    where transaction_status = 'booked'

),

splits as (

    select * from {{ ref('stg_transaction_splits') }}

),

categories as (

    select * from {{ ref('stg_categories') }}

),

rates as (

    select * from {{ ref('int_exchange_rates') }}

),

-- A part in a currency that the bank has since restated says nothing of the amount.
parts as (

    select
        splits.tenant_id,
        splits.transaction_id,
        splits.category_id,
        splits.amount

    from splits
    inner join transactions
        on
            splits.tenant_id = transactions.tenant_id
            and splits.transaction_id = transactions.transaction_id
            and splits.currency = transactions.currency

),

divided as (

    select
        splits.tenant_id,
        splits.transaction_id,
        coalesce(
            sum(splits.amount) filter (where splits.currency = transactions.currency), 0
        ) as total

    from splits
    inner join transactions
        on
            splits.tenant_id = transactions.tenant_id
            and splits.transaction_id = transactions.transaction_id
    group by splits.tenant_id, splits.transaction_id

),

-- Whole transactions, parts, and what parts no longer account for since a restatement.
spread as (

    select
        transactions.tenant_id,
        transactions.transaction_id,
        transactions.category_id,
        transactions.amount

    from transactions
    anti join divided
        on
            transactions.tenant_id = divided.tenant_id
            and transactions.transaction_id = divided.transaction_id

    union all

    select * from parts

    union all

    select
        transactions.tenant_id,
        transactions.transaction_id,
        null as category_id,
        transactions.amount - divided.total as amount

    from transactions
    inner join divided
        on
            transactions.tenant_id = divided.tenant_id
            and transactions.transaction_id = divided.transaction_id
    where transactions.amount <> divided.total

),

placed as (

    select
        spread.tenant_id,
        transactions.account_id,
        transactions.currency,
        date_trunc('month', transactions.transaction_date)::date as month_start_date,
        spread.category_id,
        categories.category_name,
        categories.category_kind,
        spread.transaction_id,
        transactions.direction,
        spread.amount,
        transactions.reporting_currency,
        {{ convert(
            'spread.amount', 'transactions.currency', 'own.rate',
            'transactions.reporting_currency', 'reporting.rate'
        ) }} as reporting_amount

    from spread
    inner join transactions
        on
            spread.tenant_id = transactions.tenant_id
            and spread.transaction_id = transactions.transaction_id
    left join categories
        on
            spread.tenant_id = categories.tenant_id
            and spread.category_id = categories.category_id
    left join rates as own
        on
            transactions.tenant_id = own.tenant_id
            and transactions.currency = own.currency
            and transactions.transaction_date = own.amount_date
    left join rates as reporting
        on
            transactions.tenant_id = reporting.tenant_id
            and transactions.reporting_currency = reporting.currency
            and transactions.transaction_date = reporting.amount_date
    -- Money that comes in is spending that came back only where its category is an expense.
    where transactions.direction = 'debit' or categories.category_kind = 'expense'

),

final as (

    select
        tenant_id,
        account_id,
        currency,
        month_start_date,
        coalesce(category_id::varchar, 'uncategorised') as spending_key,
        category_id,
        coalesce(category_name, 'Uncategorised') as category_name,
        category_kind,
        coalesce(category_kind = 'transfer', false) as is_transfer,
        coalesce(-sum(amount) filter (where direction = 'debit'), 0) as money_out,
        coalesce(sum(amount) filter (where direction = 'credit'), 0) as money_back,
        -sum(amount) as net_spending,
        reporting_currency,
        case when count(*) = count(reporting_amount) then -sum(reporting_amount) end
            as reporting_net_spending,
        count(distinct transaction_id) filter (where direction = 'debit') as payment_count,
        count(distinct transaction_id) filter (where direction = 'credit') as refund_count

    from placed
    group by
        tenant_id,
        account_id,
        currency,
        month_start_date,
        category_id,
        category_name,
        category_kind,
        reporting_currency

)

select * from final
