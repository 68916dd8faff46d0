-- Of every payment: what pays invoices, what became credit, and what has no place yet come to its
-- amount; of money out, what gave credit back counts against it.
select
    tenant_id,
    transaction_id,
    amount,
    invoiced_amount,
    credited_amount,
    refunded_amount,
    unallocated_amount

from {{ ref('fct_transactions') }}
where amount <> invoiced_amount + credited_amount - refunded_amount + unallocated_amount
