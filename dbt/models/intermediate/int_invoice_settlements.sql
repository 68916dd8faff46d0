with

allocations as (

    select * from {{ ref('stg_allocations') }}
    where not is_reversed

),

transactions as (

    select * from {{ ref('stg_transactions') }}

),

adjustments as (

    select * from {{ ref('stg_adjustments') }}
    where not is_reversed

),

credit_uses as (

    select * from {{ ref('stg_credit_uses') }}
    where not is_reversed and invoice_id is not null

),

final as (

    -- Money settles an invoice on the day of the payment, whenever it was matched.
    select
        allocations.tenant_id,
        allocations.allocation_id as settlement_id,
        allocations.invoice_id,
        'payment' as settlement_kind,
        coalesce(allocations.settled, allocations.amount) as settled_amount,
        transactions.transaction_date as settled_date

    from allocations
    inner join transactions
        on
            allocations.tenant_id = transactions.tenant_id
            and allocations.transaction_id = transactions.transaction_id

    union all

    select
        tenant_id,
        adjustment_id as settlement_id,
        invoice_id,
        'adjustment' as settlement_kind,
        amount as settled_amount,
        created_at::date as settled_date
    from adjustments

    union all

    select
        tenant_id,
        credit_use_id as settlement_id,
        invoice_id,
        'credit' as settlement_kind,
        amount as settled_amount,
        created_at::date as settled_date
    from credit_uses

)

select * from final
