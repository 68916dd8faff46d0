-- Over all months, money in less money out is what the booked transactions come to.
with

flows as (

    select
        tenant_id,
        account_id,
        currency,
        sum(money_in - money_out) as total

    from {{ ref('fct_monthly_cash_flow') }}
    group by tenant_id, account_id, currency

),

booked as (

    select
        tenant_id,
        account_id,
        currency,
        sum(amount) as total

    from {{ ref('fct_transactions') }}
    where transaction_status = 'booked'
    group by tenant_id, account_id, currency

)

select
    coalesce(flows.tenant_id, booked.tenant_id) as tenant_id,
    coalesce(flows.account_id, booked.account_id) as account_id,
    coalesce(flows.currency, booked.currency) as currency

from flows
full outer join booked
    on
        flows.tenant_id = booked.tenant_id
        and flows.account_id = booked.account_id
        and flows.currency = booked.currency
where flows.total is distinct from booked.total
