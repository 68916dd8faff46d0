with

forecast_days as (

    select * from {{ ref('int_forecast_days') }}

),

known_accounts as (

    select * from {{ ref('int_known_accounts') }}

),

series as (

    select * from {{ ref('int_recurring_payments') }}
    where is_active and not is_own_transfer and not is_of_customer

),

running as {{ running_amounts() }},

-- A forecast opens with what is held on its day; what came of it is known of days that are over.
looked_at as (

    select distinct
        known_date,
        0 as horizon_days,
        known_date as balance_date
    from forecast_days

    union all

    select
        known_date,
        horizon_days,
        forecast_date as balance_date
    from forecast_days
    where forecast_date < {{ as_of_date() }}

),

account_balances as (

    select
        known_accounts.known_date,
        known_accounts.tenant_id,
        known_accounts.account_id,
        known_accounts.currency,
        known_accounts.start_balance,
        known_accounts.block_count,
        looked_at.horizon_days,
        looked_at.balance_date

    from known_accounts
    inner join looked_at on known_accounts.known_date = looked_at.known_date

),

balances as (

    select
        account_balances.known_date,
        account_balances.horizon_days,
        account_balances.tenant_id,
        account_balances.currency,
        sum(account_balances.start_balance + coalesce(running.running_amount, 0)) as balance,
        max(account_balances.block_count) as block_count

    from account_balances
    asof left join running
        on
            account_balances.tenant_id = running.tenant_id
            and account_balances.account_id = running.account_id
            and account_balances.currency = running.currency
            and account_balances.balance_date >= running.payment_date
    group by
        account_balances.known_date,
        account_balances.horizon_days,
        account_balances.tenant_id,
        account_balances.currency

),

openings as (

    select * from balances
    where horizon_days = 0

),

steps as (

    select unnest(generate_series(0, 15)) as step

),

expected_payments as (

    select
        series.known_date,
        series.tenant_id,
        series.currency,
        series.typical_amount,
        {{ expected_date('series', 'steps.step', 'series.known_date') }} as expected_date

    from series
    cross join steps
    semi join known_accounts
        on
            series.known_date = known_accounts.known_date
            and series.tenant_id = known_accounts.tenant_id
            and series.account_id = known_accounts.account_id
            and series.currency = known_accounts.currency
    where series.is_active

),

expected_days as (

    select
        known_date,
        tenant_id,
        currency,
        expected_date,
        coalesce(sum(typical_amount) filter (where typical_amount > 0), 0) as recurring_in,
        coalesce(-sum(typical_amount) filter (where typical_amount < 0), 0) as recurring_out

    from expected_payments
    where expected_date <= known_date + 90
    group by known_date, tenant_id, currency, expected_date

),

recurring as (

    select
        expected_days.known_date,
        expected_days.tenant_id,
        expected_days.currency,
        forecast_days.horizon_days,
        sum(expected_days.recurring_in) as recurring_in,
        sum(expected_days.recurring_out) as recurring_out

    from expected_days
    inner join forecast_days
        on
            expected_days.known_date = forecast_days.known_date
            and expected_days.expected_date <= forecast_days.forecast_date
    group by
        expected_days.known_date,
        expected_days.tenant_id,
        expected_days.currency,
        forecast_days.horizon_days

),

expected as (

    select
        forecast_days.known_date,
        forecast_days.horizon_days,
        forecast_days.forecast_date,
        openings.tenant_id,
        openings.currency,
        openings.balance as opening_balance,
        coalesce(recurring.recurring_in, 0) as recurring_in,
        coalesce(recurring.recurring_out, 0) as recurring_out,
        coalesce(invoices.receivables_in, 0) as receivables_in,
        coalesce(usual.other_in, 0) as other_in,
        coalesce(usual.other_out, 0) as other_out,
        case when openings.block_count >= 3 then 28 * openings.block_count else 0 end
            as history_days,
        usual.daily_swing,
        balances.balance as actual_balance

    from openings
    inner join forecast_days on openings.known_date = forecast_days.known_date
    left join recurring
        on
            openings.tenant_id = recurring.tenant_id
            and openings.currency = recurring.currency
            and openings.known_date = recurring.known_date
            and forecast_days.horizon_days = recurring.horizon_days
    left join {{ ref('int_expected_receipts') }} as invoices
        on
            openings.tenant_id = invoices.tenant_id
            and openings.currency = invoices.currency
            and openings.known_date = invoices.known_date
            and forecast_days.horizon_days = invoices.horizon_days
    left join {{ ref('int_usual_flows') }} as usual
        on
            openings.tenant_id = usual.tenant_id
            and openings.currency = usual.currency
            and openings.known_date = usual.known_date
            and forecast_days.horizon_days = usual.horizon_days
    left join balances
        on
            openings.tenant_id = balances.tenant_id
            and openings.currency = balances.currency
            and openings.known_date = balances.known_date
            and forecast_days.horizon_days = balances.horizon_days

),

final as (

    select
        known_date,
        horizon_days,
        forecast_date,
        tenant_id,
        currency,
        history_days::integer as history_days,
        daily_swing,
        opening_balance::decimal(38, 4) as opening_balance,
        recurring_in::decimal(38, 4) as recurring_in,
        recurring_out::decimal(38, 4) as recurring_out,
        receivables_in::decimal(38, 4) as receivables_in,
        other_in::decimal(38, 4) as other_in,
        other_out::decimal(38, 4) as other_out,
        (
            opening_balance
            + recurring_in - recurring_out + receivables_in + other_in - other_out
        )::decimal(38, 4) as expected_balance,
        actual_balance::decimal(38, 4) as actual_balance

    from expected

)

select * from final
