-- Over all categories, what payments took in a month is the money out of its cash flow.
with

spending as (

    select
        tenant_id,
        account_id,
        currency,
        month_start_date,
        sum(money_out) as total

    from {{ ref('fct_spending_by_category') }}
    group by tenant_id, account_id, currency, month_start_date

),

flows as (

    select
        tenant_id,
        account_id,
        currency,
        month_start_date,
        money_out as total

    from {{ ref('fct_monthly_cash_flow') }}

)

select
    coalesce(spending.tenant_id, flows.tenant_id) as tenant_id,
    coalesce(spending.account_id, flows.account_id) as account_id,
    coalesce(spending.month_start_date, flows.month_start_date) as month_start_date

from spending
full outer join flows
    on
        spending.tenant_id = flows.tenant_id
        and spending.account_id = flows.account_id
        and spending.currency = flows.currency
        and spending.month_start_date = flows.month_start_date
where coalesce(spending.total, 0) <> coalesce(flows.total, 0)
