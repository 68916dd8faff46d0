with

moments as (

    select distinct known_date
    from {{ ref('int_forecast_days') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}
    where is_sync_enabled

),

known_balances as (

    select
        tenant_id,
        account_id,
        currency,
        max(balance_date) as balance_date,
        arg_max(closing_balance, balance_date) as balance

    from {{ ref('fct_daily_balances') }}
    where closing_balance is not null and balance_date <= {{ as_of_date() }}
    group by tenant_id, account_id, currency

    union all

    select
        tenant_id,
        account_id,
        currency,
        balance_date,
        balance

    from {{ ref('int_told_balances') }}

),

balances as (

    select
        known_balances.*,
        accounts.known_from_date

    from known_balances
    inner join accounts
        on
            known_balances.tenant_id = accounts.tenant_id
            and known_balances.account_id = accounts.account_id

),

running as {{ running_amounts() }},

first_payments as (

    select
        tenant_id,
        account_id,
        currency,
        min(payment_date) as first_date

    from running
    group by tenant_id, account_id, currency

),

anchors as (

    select
        balances.tenant_id,
        balances.account_id,
        balances.currency,
        (balances.balance - coalesce(running.running_amount, 0))::decimal(38, 4) as start_balance,
        coalesce(balances.known_from_date, first_payments.first_date, {{ as_of_date() }})
            as known_from_date

    from balances
    asof left join running
        on
            balances.tenant_id = running.tenant_id
            and balances.account_id = running.account_id
            and balances.currency = running.currency
            and balances.balance_date >= running.payment_date
    left join first_payments
        on
            balances.tenant_id = first_payments.tenant_id
            and balances.account_id = first_payments.account_id
            and balances.currency = first_payments.currency

),

final as (

    select
        moments.known_date,
        anchors.tenant_id,
        anchors.account_id,
        anchors.currency,
        anchors.start_balance,
        -- Whole blocks of four weeks that were known then: those of a year at most.
        greatest(0, least(13, (moments.known_date - anchors.known_from_date) // 28))::integer
            as block_count

    from anchors
    inner join moments
        on
            moments.known_date = {{ as_of_date() }}
            or anchors.known_from_date <= moments.known_date - 84

)

select * from final
