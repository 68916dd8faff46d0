-- The lines that settle an invoice come to what the ledger keeps as its sums.
with

settled as (

    select
        tenant_id,
        invoice_id,
        sum(settled_amount) as settled_amount

    from {{ ref('int_invoice_settlements') }}
    group by tenant_id, invoice_id

)

select
    invoices.tenant_id,
    invoices.invoice_id

from {{ ref('stg_invoices') }} as invoices
left join settled
    on
        invoices.tenant_id = settled.tenant_id
        and invoices.invoice_id = settled.invoice_id
where
    invoices.allocated + invoices.adjusted + invoices.credited
    <> coalesce(settled.settled_amount, 0)
