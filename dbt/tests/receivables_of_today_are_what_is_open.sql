-- The receivables of the present month, counted from lines, are the balances of open invoices; only
-- invoices and payments that are dated ahead are not among them.
with

counted as (

    select
        tenant_id,
        currency,
        receivables_amount

    from {{ ref('fct_days_sales_outstanding') }}
    where counted_until_date = {{ as_of_date() }}

),

ahead as (

    select distinct
        invoices.tenant_id,
        invoices.currency

    from {{ ref('stg_invoices') }} as invoices
    left join {{ ref('int_invoice_settlements') }} as settlements
        on
            invoices.tenant_id = settlements.tenant_id
            and invoices.invoice_id = settlements.invoice_id
    where
        invoices.issue_date > {{ as_of_date() }}
        or settlements.settled_date > {{ as_of_date() }}

),

open_invoices as (

    select
        tenant_id,
        currency,
        sum(balance) as balance

    from {{ ref('fct_receivables_ageing') }}
    group by tenant_id, currency

)

select
    counted.tenant_id,
    counted.currency

from counted
left join open_invoices
    on
        counted.tenant_id = open_invoices.tenant_id
        and counted.currency = open_invoices.currency
where
    counted.receivables_amount <> coalesce(open_invoices.balance, 0)
    and not exists (
        select 1
        from ahead
        where
            ahead.tenant_id = counted.tenant_id
            and ahead.currency = counted.currency
    )
