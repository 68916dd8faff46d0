with

accounts as (

    select * from {{ ref('stg_accounts') }}
    where is_sync_enabled

),

transactions as (

    select * from {{ ref('stg_transactions') }}
    where transaction_status = 'booked' and not is_deleted

),

transfer_categories as (

    select
        tenant_id,
        category_id

    from {{ ref('stg_categories') }}
    where category_kind = 'transfer'

),

own_ibans as (

    select distinct
        tenant_id,
        iban,
        currency

    from accounts
    where iban is not null

),

named_transfers as (

    select
        transactions.tenant_id,
        transactions.transaction_id,
        transactions.account_id,
        transactions.currency,
        transactions.amount,
        transactions.transaction_date

    from transactions
    semi join transfer_categories
        on
            transactions.tenant_id = transfer_categories.tenant_id
            and transactions.category_id = transfer_categories.category_id

),

-- Of what is filed as a transfer, the other side is to be seen, some days sooner or later.
mirrored as (

    select
        named_transfers.tenant_id,
        named_transfers.transaction_id

    from named_transfers
    semi join named_transfers as other_sides
        on
            named_transfers.tenant_id = other_sides.tenant_id
            and named_transfers.currency = other_sides.currency
            and named_transfers.amount = -other_sides.amount
            and named_transfers.account_id <> other_sides.account_id
            and other_sides.transaction_date
            between named_transfers.transaction_date - 3 and named_transfers.transaction_date + 3

),

final as (

    select
        transactions.tenant_id,
        transactions.account_id,
        transactions.currency,
        transactions.direction,
        coalesce(lower(trim(coalesce(transactions.payee, transactions.counterparty_name))), '')
            as series_key,
        own_ibans.iban is not null or mirrored.transaction_id is not null as is_own_transfer,
        transactions.transaction_date as payment_date,
        max(coalesce(transactions.payee, transactions.counterparty_name)) as payee,
        sum(transactions.amount)::decimal(38, 4) as amount,
        sum(case when transactions.direction = 'credit' then transactions.allocated else 0 end)
        ::decimal(38, 4) as invoiced_amount

    from transactions
    left join own_ibans
        on
            transactions.tenant_id = own_ibans.tenant_id
            and transactions.counterparty_iban = own_ibans.iban
            and transactions.currency = own_ibans.currency
    left join mirrored
        on
            transactions.tenant_id = mirrored.tenant_id
            and transactions.transaction_id = mirrored.transaction_id
    group by all

)

select * from final
