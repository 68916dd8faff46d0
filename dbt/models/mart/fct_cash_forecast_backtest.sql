with

moments as (

    select
        horizon_days,
        {{ as_of_date() }} - horizon_days as made_on_date

    from (select unnest([30, 60, 90])::integer as horizon_days) as horizons

),

accounts as (

    select * from {{ ref('dim_accounts') }}
    where is_sync_enabled

),

invoices as (

    select * from {{ ref('stg_invoices') }}

),

settlements as (

    select * from {{ ref('int_invoice_settlements') }}

),

-- Accounts of which a balance was known then, with what they held then and hold now.
held as (

    select
        moments.horizon_days,
        moments.made_on_date,
        balances.tenant_id,
        balances.account_id,
        balances.currency,
        arg_max(balances.closing_balance, balances.balance_date) filter (
            where balances.balance_date <= moments.made_on_date
        ) as opening_balance,
        arg_max(balances.closing_balance, balances.balance_date) filter (
            where balances.balance_date > moments.made_on_date
        ) as actual_balance

    from {{ ref('fct_daily_balances') }} as balances
    inner join accounts
        on
            balances.tenant_id = accounts.tenant_id
            and balances.account_id = accounts.account_id
    cross join moments
    where
        balances.closing_balance is not null
        and balances.balance_date <= {{ as_of_date() }}
    group by
        moments.horizon_days,
        moments.made_on_date,
        balances.tenant_id,
        balances.account_id,
        balances.currency
    having min(balances.balance_date) <= moments.made_on_date

),

totals as (

    select
        horizon_days,
        made_on_date,
        tenant_id,
        currency,
        sum(opening_balance) as opening_balance,
        case when count(*) = count(actual_balance) then sum(actual_balance) end as actual_balance

    from held
    group by horizon_days, made_on_date, tenant_id, currency

),

steps as (

    select unnest(generate_series(0, 15)) as step

),

recurring as (

    select
        held.horizon_days,
        held.tenant_id,
        held.currency,
        series.typical_amount,
        {{ expected_date('series', 'steps.step', 'held.made_on_date') }} as expected_date

    from held
    inner join {{ ref('int_recurring_payments') }} as series
        on
            held.tenant_id = series.tenant_id
            and held.account_id = series.account_id
            and held.currency = series.currency
            and held.made_on_date = series.known_date
    cross join steps
    where series.is_active

),

recurring_totals as (

    select
        horizon_days,
        tenant_id,
        currency,
        sum(typical_amount) filter (where typical_amount > 0) as recurring_in,
        -sum(typical_amount) filter (where typical_amount < 0) as recurring_out

    from recurring
    where expected_date <= {{ as_of_date() }}
    group by horizon_days, tenant_id, currency

),

-- What of each invoice was settled by then, and whether that was all.
settled as (

    select
        moments.made_on_date,
        settlements.tenant_id,
        settlements.invoice_id,
        sum(settlements.settled_amount) as settled_amount,
        max(settlements.settled_date) as settled_date

    from settlements
    inner join moments on settlements.settled_date <= moments.made_on_date
    group by moments.made_on_date, settlements.tenant_id, settlements.invoice_id

),

judged as (

    select
        moments.horizon_days,
        moments.made_on_date,
        invoices.tenant_id,
        invoices.customer_id,
        invoices.currency,
        invoices.due_date,
        invoices.total - coalesce(settled.settled_amount, 0) as balance,
        settled.settled_date

    from invoices
    inner join moments on invoices.issue_date <= moments.made_on_date
    left join settled
        on
            invoices.tenant_id = settled.tenant_id
            and invoices.invoice_id = settled.invoice_id
            and moments.made_on_date = settled.made_on_date
    where invoices.voided_at is null or invoices.voided_at::date > moments.made_on_date

),

habits as (

    select
        made_on_date,
        tenant_id,
        customer_id,
        currency,
        greatest(round(median(settled_date - due_date)), 0)::integer as days_late

    from judged
    where balance <= 0 and due_date is not null and settled_date is not null
    group by made_on_date, tenant_id, customer_id, currency

),

receivables as (

    select
        judged.horizon_days,
        judged.tenant_id,
        judged.currency,
        sum(judged.balance) as receivables_in

    from judged
    left join habits
        on
            judged.made_on_date = habits.made_on_date
            and judged.tenant_id = habits.tenant_id
            and judged.customer_id = habits.customer_id
            and judged.currency = habits.currency
    where
        judged.balance > 0
        and judged.due_date + coalesce(habits.days_late, 0) > judged.made_on_date
        and judged.due_date + coalesce(habits.days_late, 0) <= {{ as_of_date() }}
    group by judged.horizon_days, judged.tenant_id, judged.currency

),

forecasts as (

    select
        totals.tenant_id,
        totals.currency,
        totals.horizon_days,
        totals.made_on_date,
        totals.opening_balance,
        coalesce(recurring_totals.recurring_in, 0) as recurring_in,
        coalesce(recurring_totals.recurring_out, 0) as recurring_out,
        coalesce(receivables.receivables_in, 0) as receivables_in,
        (
            totals.opening_balance
            + coalesce(recurring_totals.recurring_in, 0)
            - coalesce(recurring_totals.recurring_out, 0)
            + coalesce(receivables.receivables_in, 0)
        )::decimal(38, 4) as expected_balance,
        totals.actual_balance

    from totals
    left join recurring_totals
        on
            totals.tenant_id = recurring_totals.tenant_id
            and totals.currency = recurring_totals.currency
            and totals.horizon_days = recurring_totals.horizon_days
    left join receivables
        on
            totals.tenant_id = receivables.tenant_id
            and totals.currency = receivables.currency
            and totals.horizon_days = receivables.horizon_days

),

final as (

    select
        *,
        (actual_balance - expected_balance)::decimal(38, 4) as error_amount,
        (actual_balance - opening_balance)::decimal(38, 4) as unchanged_error_amount

    from forecasts

)

select * from final
