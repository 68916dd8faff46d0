-- Of every day: nothing is below zero, and what is told is told whole.
select
    tenant_id,
    balance_date

from {{ ref('fct_net_worth') }}
where
    net_worth <> assets - liabilities
    or assets < 0
    or liabilities < 0
    or (net_worth is null) <> (missing_rate_count > 0)
