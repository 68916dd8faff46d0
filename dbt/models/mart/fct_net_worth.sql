with

accounts as (

    select * from {{ ref('dim_accounts') }}

),

-- Before a first day of an account is over, nothing but the bank's word says what it holds.
balances as (

    select
        tenant_id,
        account_id,
        currency,
        balance_date,
        closing_balance

    from {{ ref('fct_daily_balances') }}
    where closing_balance is not null

    union all

    select
        tenant_id,
        account_id,
        currency,
        balance_date,
        balance as closing_balance

    from {{ ref('int_told_balances') }}

),

tenants as (

    select * from {{ ref('stg_tenants') }}

),

rates as (

    select * from {{ ref('int_exchange_rates') }}

),

-- What an account held last, it holds still, for as long as it is read.
spans as (

    select
        balances.tenant_id,
        balances.account_id,
        balances.currency,
        min(balances.balance_date) as first_date,
        case
            when bool_or(accounts.is_sync_enabled)
                then greatest({{ as_of_date() }}, max(balances.balance_date))
            else max(balances.balance_date)
        end as last_date

    from balances
    inner join accounts
        on
            balances.tenant_id = accounts.tenant_id
            and balances.account_id = accounts.account_id
    group by balances.tenant_id, balances.account_id, balances.currency

),

days as (

    select
        spans.tenant_id,
        spans.account_id,
        spans.currency,
        dates.calendar_date as balance_date

    from spans
    inner join {{ ref('dim_dates') }} as dates
        on dates.calendar_date between spans.first_date and spans.last_date

),

held as (

    select
        days.tenant_id,
        days.account_id,
        days.currency,
        days.balance_date,
        balances.balance_date as known_date,
        balances.closing_balance

    from days
    asof inner join balances
        on
            days.tenant_id = balances.tenant_id
            and days.account_id = balances.account_id
            and days.currency = balances.currency
            and days.balance_date >= balances.balance_date

),

converted as (

    select
        held.tenant_id,
        held.account_id,
        held.balance_date,
        held.known_date,
        tenants.currency as reporting_currency,
        {{ convert(
            'held.closing_balance', 'held.currency', 'own.rate',
            'tenants.currency', 'reporting.rate'
        ) }} as reporting_balance

    from held
    inner join tenants on held.tenant_id = tenants.tenant_id
    left join rates as own
        on
            held.tenant_id = own.tenant_id
            and held.currency = own.currency
            and held.balance_date = own.amount_date
    left join rates as reporting
        on
            held.tenant_id = reporting.tenant_id
            and tenants.currency = reporting.currency
            and held.balance_date = reporting.amount_date

),

totals as (

    select
        tenant_id,
        balance_date,
        reporting_currency,
        count(distinct account_id) as account_count,
        min(known_date) as oldest_balance_date,
        count(*) - count(reporting_balance) as missing_rate_count,
        coalesce(sum(reporting_balance) filter (where reporting_balance > 0), 0) as assets,
        coalesce(-sum(reporting_balance) filter (where reporting_balance < 0), 0) as liabilities

    from converted
    group by tenant_id, balance_date, reporting_currency

),

final as (

    select
        tenant_id,
        balance_date,
        reporting_currency,
        account_count,
        oldest_balance_date,
        missing_rate_count,
        case when missing_rate_count = 0 then assets end as assets,
        case when missing_rate_count = 0 then liabilities end as liabilities,
        case when missing_rate_count = 0 then assets - liabilities end::decimal(38, 4) as net_worth

    from totals

)

select * from final
