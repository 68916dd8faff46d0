with

accounts as (

    select * from {{ ref('dim_accounts') }}

),

known_balances as (

    select
        tenant_id,
        account_id,
        currency,
        arg_max(closing_balance, balance_date) as balance

    from {{ ref('fct_daily_balances') }}
    where closing_balance is not null
    group by tenant_id, account_id, currency

),

-- Before a first day was over, nothing but the bank's word says what an account holds.
told_balances as (

    select
        tenant_id,
        account_id,
        currency,
        amount as balance

    from {{ ref('stg_balances') }}
    where
        not is_retracted
        and balance_type in ('interim_booked', 'closing_booked', 'expected')
    qualify row_number() over (
        partition by tenant_id, account_id, currency
        order by
            last_observed_at desc,
            list_position(['interim_booked', 'closing_booked', 'expected'], balance_type)
    ) = 1

),

balances as (

    select * from known_balances

    union all

    select told_balances.*
    from told_balances
    anti join known_balances
        on
            told_balances.tenant_id = known_balances.tenant_id
            and told_balances.account_id = known_balances.account_id
            and told_balances.currency = known_balances.currency

),

openings as (

    select
        balances.tenant_id,
        balances.currency,
        sum(balances.balance)::decimal(38, 4) as opening_balance

    from balances
    inner join accounts
        on
            balances.tenant_id = accounts.tenant_id
            and balances.account_id = accounts.account_id
    where accounts.is_sync_enabled
    group by balances.tenant_id, balances.currency

),

days as (

    select
        openings.tenant_id,
        openings.currency,
        openings.opening_balance,
        dates.calendar_date as forecast_date

    from openings
    inner join {{ ref('dim_dates') }} as dates
        on
            dates.calendar_date > {{ as_of_date() }}
            and dates.calendar_date <= {{ as_of_date() }} + 90

),

steps as (

    select unnest(generate_series(0, 15)) as step

),

recurring as (

    select
        series.tenant_id,
        series.currency,
        series.typical_amount,
        {{ expected_date('series', 'steps.step', as_of_date()) }} as expected_date

    from {{ ref('fct_recurring_payments') }} as series
    cross join steps
    inner join accounts
        on
            series.tenant_id = accounts.tenant_id
            and series.account_id = accounts.account_id
    where series.is_active and accounts.is_sync_enabled

),

recurring_days as (

    select
        tenant_id,
        currency,
        expected_date,
        sum(typical_amount) filter (where typical_amount > 0) as recurring_in,
        -sum(typical_amount) filter (where typical_amount < 0) as recurring_out

    from recurring
    group by tenant_id, currency, expected_date

),

-- A customer pays as late as it mostly did; what is later than that is not counted on.
receivables as (

    select
        invoices.tenant_id,
        invoices.currency,
        invoices.due_date
        + greatest(coalesce(round(behaviour.median_days_late), 0), 0)::integer as expected_date,
        invoices.balance

    from {{ ref('fct_receivables_ageing') }} as invoices
    left join {{ ref('fct_customer_payment_behaviour') }} as behaviour
        on
            invoices.tenant_id = behaviour.tenant_id
            and invoices.customer_id = behaviour.customer_id
            and invoices.currency = behaviour.currency

),

receivable_days as (

    select
        tenant_id,
        currency,
        expected_date,
        sum(balance) as receivables_in

    from receivables
    group by tenant_id, currency, expected_date

),

final as (

    select
        days.tenant_id,
        days.currency,
        days.forecast_date,
        days.opening_balance,
        coalesce(recurring_days.recurring_in, 0) as recurring_in,
        coalesce(recurring_days.recurring_out, 0) as recurring_out,
        coalesce(receivable_days.receivables_in, 0) as receivables_in,
        (
            days.opening_balance
            + sum(
                coalesce(recurring_days.recurring_in, 0)
                - coalesce(recurring_days.recurring_out, 0)
                + coalesce(receivable_days.receivables_in, 0)
            ) over (
                partition by days.tenant_id, days.currency
                order by days.forecast_date
            )
        )::decimal(38, 4) as expected_balance

    from days
    left join recurring_days
        on
            days.tenant_id = recurring_days.tenant_id
            and days.currency = recurring_days.currency
            and days.forecast_date = recurring_days.expected_date
    left join receivable_days
        on
            days.tenant_id = receivable_days.tenant_id
            and days.currency = receivable_days.currency
            and days.forecast_date = receivable_days.expected_date

)

select * from final
