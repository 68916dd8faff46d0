with

forecast_days as (

    select * from {{ ref('int_forecast_days') }}

),

moments as (

    select distinct known_date
    from forecast_days

),

accounts as (

    select * from {{ ref('stg_accounts') }}
    where is_sync_enabled

),

invoices as (

    select
        *,
        coalesce(due_date, issue_date) as payable_date

    from {{ ref('stg_invoices') }}

),

-- What of each invoice was settled by then.
settled as (

    select
        moments.known_date,
        settlements.tenant_id,
        settlements.invoice_id,
        sum(settlements.settled_amount) as settled_amount,
        max(settlements.settled_date) filter (where settlements.settlement_kind = 'payment')
            as paid_date

    from {{ ref('int_invoice_settlements') }} as settlements
    inner join moments on settlements.settled_date <= moments.known_date
    group by moments.known_date, settlements.tenant_id, settlements.invoice_id

),

-- The invoices of a year, as they stood. What is older says no more, and is not counted on.
standing as (

    select
        moments.known_date,
        invoices.tenant_id,
        invoices.customer_id,
        invoices.currency,
        invoices.payable_date,
        invoices.total - coalesce(settled.settled_amount, 0) as balance,
        case when settled.settled_amount >= invoices.total then settled.paid_date end as paid_date

    from invoices
    inner join moments
        on
            invoices.issue_date <= moments.known_date
            and invoices.payable_date > moments.known_date - 364
    left join settled
        on
            invoices.tenant_id = settled.tenant_id
            and invoices.invoice_id = settled.invoice_id
            and moments.known_date = settled.known_date
    where
        (invoices.voided_at is null or invoices.voided_at::date > moments.known_date)
        and (settled.paid_date is not null or coalesce(settled.settled_amount, 0) < invoices.total)

),

customer_habits as (

    select
        known_date,
        tenant_id,
        customer_id,
        round(median(paid_date - payable_date))::integer as days_late

    from standing
    where paid_date is not null
    group by known_date, tenant_id, customer_id
    having count(*) >= 3

),

tenant_habits as (

    select
        known_date,
        tenant_id,
        count(*) as paid_count,
        round(median(paid_date - payable_date))::integer as days_late

    from standing
    where paid_date is not null
    group by known_date, tenant_id

),

-- Days since an invoice should have been paid by its customer's habit, else by everybody's.
aged as (

    select
        standing.known_date,
        standing.tenant_id,
        standing.currency,
        standing.balance,
        standing.paid_date is not null as is_paid,
        greatest(
            -60,
            least(
                180,
                coalesce(standing.paid_date, standing.known_date)
                - standing.payable_date
                - coalesce(customer_habits.days_late, tenant_habits.days_late, 0)
            )
        ) as lag_days

    from standing
    left join customer_habits
        on
            standing.known_date = customer_habits.known_date
            and standing.tenant_id = customer_habits.tenant_id
            and standing.customer_id = customer_habits.customer_id
    left join tenant_habits
        on
            standing.known_date = tenant_habits.known_date
            and standing.tenant_id = tenant_habits.tenant_id

),

counted as (

    select
        known_date,
        tenant_id,
        lag_days,
        count(*) as invoice_count,
        count(*) filter (where is_paid) as paid_count

    from aged
    group by known_date, tenant_id, lag_days

),

tenants as (

    select
        known_date,
        tenant_id,
        sum(paid_count) as paid_count

    from counted
    group by known_date, tenant_id

),

all_lags as (

    select unnest(generate_series(-60, 270))::integer as lag_days

),

lags as (

    select
        tenants.known_date,
        tenants.tenant_id,
        tenants.paid_count as total_paid_count,
        all_lags.lag_days,
        coalesce(counted.paid_count, 0) as paid_count,
        sum(coalesce(counted.invoice_count, 0)) over (
            partition by tenants.known_date, tenants.tenant_id
            order by all_lags.lag_days
            rows between current row and unbounded following
        ) as at_risk_count

    from tenants
    cross join all_lags
    left join counted
        on
            tenants.known_date = counted.known_date
            and tenants.tenant_id = counted.tenant_id
            and all_lags.lag_days = counted.lag_days

),

-- The share of invoices that are unpaid after so many days (Kaplan and Meier's, so that those still
-- open count for as long as they are). Before ten were paid: a thirtieth goes each day.
curves as (

    select
        known_date,
        tenant_id,
        lag_days,
        case
            when total_paid_count >= 10
                then round(exp(sum(ln(
                    greatest(1 - paid_count / greatest(at_risk_count, 1), 0.000001)
                )) over (
                    partition by known_date, tenant_id
                    order by lag_days
                )), 9)
            else least(1, greatest(0, 1 - (lag_days + 1) / 30))
        end as unpaid_share

    from lags

),

open_balances as (

    select
        aged.known_date,
        aged.tenant_id,
        aged.currency,
        aged.lag_days,
        sum(aged.balance) as balance

    from aged
    -- What is invoiced in a currency that no account has comes as other money.
    semi join accounts
        on
            aged.tenant_id = accounts.tenant_id
            and aged.currency = accounts.currency
    where not aged.is_paid and aged.lag_days < 180
    group by aged.known_date, aged.tenant_id, aged.currency, aged.lag_days

),

ahead as (

    select
        open_balances.*,
        forecast_days.horizon_days,
        (open_balances.lag_days + forecast_days.horizon_days)::bigint as later_lag_days

    from open_balances
    inner join forecast_days on open_balances.known_date = forecast_days.known_date

),

final as (

    select
        ahead.known_date,
        ahead.horizon_days,
        ahead.tenant_id,
        ahead.currency,
        -- Each is rounded before they are added up, as the sum of floats depends on their order.
        {{ round_to_coin('sum(
            round(ahead.balance * (1 - later.unpaid_share / sooner.unpaid_share), 4)
            ::decimal(38, 4)
        )', 'ahead.currency') }} as receivables_in

    from ahead
    inner join curves as sooner
        on
            ahead.known_date = sooner.known_date
            and ahead.tenant_id = sooner.tenant_id
            and ahead.lag_days = sooner.lag_days
    inner join curves as later
        on
            ahead.known_date = later.known_date
            and ahead.tenant_id = later.tenant_id
            and ahead.later_lag_days = later.lag_days
    where sooner.unpaid_share > 0.0001
    group by ahead.known_date, ahead.horizon_days, ahead.tenant_id, ahead.currency

)

select * from final
