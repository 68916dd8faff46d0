-- What settles an open invoice, and what is left to pay of it, come to its total.
select
    tenant_id,
    invoice_id

from {{ ref('fct_receivables_ageing') }}
where
    total <> allocated + adjusted + credited + balance
    or balance <= 0
