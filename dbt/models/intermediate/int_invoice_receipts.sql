with

allocations as (

    select * from {{ ref('stg_allocations') }}
    where not is_reversed

),

transactions as (

    select * from {{ ref('stg_transactions') }}
    where transaction_status = 'booked' and not is_deleted

),

invoices as (

    select * from {{ ref('stg_invoices') }}

),

final as (

    select
        allocations.tenant_id,
        transactions.account_id,
        transactions.currency,
        transactions.transaction_date as payment_date,
        greatest(transactions.transaction_date - invoices.issue_date, 0) as age_days,
        sum(allocations.amount)::decimal(38, 4) as received_amount

    from allocations
    inner join transactions
        on
            allocations.tenant_id = transactions.tenant_id
            and allocations.transaction_id = transactions.transaction_id
    inner join invoices
        on
            allocations.tenant_id = invoices.tenant_id
            and allocations.invoice_id = invoices.invoice_id
            and transactions.currency = invoices.currency
    where transactions.direction = 'credit'
    group by all

)

select * from final
