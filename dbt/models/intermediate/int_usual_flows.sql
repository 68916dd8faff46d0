with

forecast_days as (

    select * from {{ ref('int_forecast_days') }}

),

-- A rhythm of less than three blocks is none.
known_accounts as (

    select
        *,
        known_date - 28 * block_count as last_unknown_date

    from {{ ref('int_known_accounts') }}
    where block_count >= 3

),

payment_days as (

    select * from {{ ref('int_payment_days') }}
    where not is_own_transfer

),

receipts as (

    select * from {{ ref('int_invoice_receipts') }}

),

series as (

    select * from {{ ref('int_recurring_payments') }}
    where not is_own_transfer and not is_of_customer

),

-- All that came and went, and of it what invoices brought, which is counted as theirs.
daily as (

    select
        tenant_id,
        account_id,
        currency,
        payment_date,
        sum(greatest(amount, 0)) as money_in,
        sum(greatest(-amount, 0)) as money_out,
        sum(invoiced_amount) as invoiced_in

    from (
        select
            tenant_id,
            account_id,
            currency,
            payment_date,
            amount,
            0 as invoiced_amount
        from payment_days

        union all

        select
            tenant_id,
            account_id,
            currency,
            payment_date,
            0 as amount,
            received_amount as invoiced_amount
        from receipts
    ) as booked
    group by tenant_id, account_id, currency, payment_date

),

counted as (

    select
        known_accounts.known_date,
        known_accounts.block_count,
        daily.*

    from daily
    inner join known_accounts
        on
            daily.tenant_id = known_accounts.tenant_id
            and daily.account_id = known_accounts.account_id
            and daily.currency = known_accounts.currency
            and daily.payment_date <= known_accounts.known_date
            and daily.payment_date > known_accounts.last_unknown_date

    union all

    -- What recurs, or did, is counted as that.
    select
        known_accounts.known_date,
        known_accounts.block_count,
        payment_days.tenant_id,
        payment_days.account_id,
        payment_days.currency,
        payment_days.payment_date,
        -greatest(payment_days.amount, 0) as money_in,
        -greatest(-payment_days.amount, 0) as money_out,
        0 as invoiced_in

    from series
    inner join payment_days
        on
            series.tenant_id = payment_days.tenant_id
            and series.account_id = payment_days.account_id
            and series.currency = payment_days.currency
            and series.direction = payment_days.direction
            and series.series_key = payment_days.series_key
    inner join known_accounts
        on
            series.known_date = known_accounts.known_date
            and series.tenant_id = known_accounts.tenant_id
            and series.account_id = known_accounts.account_id
            and series.currency = known_accounts.currency
            and payment_days.payment_date <= known_accounts.known_date
            and payment_days.payment_date > known_accounts.last_unknown_date

),

blocks as (

    select
        known_date,
        block_count,
        tenant_id,
        account_id,
        currency,
        (known_date - payment_date) // 28 as block_number,
        isodow(payment_date) as iso_weekday,
        sum(money_in - invoiced_in) as money_in,
        sum(money_out) as money_out

    from counted
    group by all

),

-- Means become decimals before they are added up, as the sum of floats depends on their order.
-- The greatest block of a day of the week counts as the next greatest: what came once, is not
-- expected again.
account_weekdays as (

    select
        known_date,
        tenant_id,
        account_id,
        currency,
        iso_weekday,
        greatest(sum(money_in) - max(money_in) + coalesce(max(money_in, 2)[2], 0), 0)
        / (4 * block_count) as mean_in,
        greatest(sum(money_out) - max(money_out) + coalesce(max(money_out, 2)[2], 0), 0)
        / (4 * block_count) as mean_out

    from blocks
    group by known_date, block_count, tenant_id, account_id, currency, iso_weekday

),

weekdays as (

    select
        known_date,
        tenant_id,
        currency,
        iso_weekday,
        sum(round(mean_in, 4)::decimal(38, 4)) as money_in,
        sum(round(mean_out, 4)::decimal(38, 4)) as money_out

    from account_weekdays
    group by known_date, tenant_id, currency, iso_weekday

),

by_weekday as (

    select
        weekdays.known_date,
        weekdays.tenant_id,
        weekdays.currency,
        forecast_days.horizon_days,
        -- How often that day of the week comes within so many days.
        (
            forecast_days.horizon_days + 6
            - (weekdays.iso_weekday + 6 - isodow(forecast_days.known_date)) % 7
        ) // 7 as weekday_count,
        weekday_count * weekdays.money_in as other_in,
        weekday_count * weekdays.money_out as other_out

    from weekdays
    inner join forecast_days on weekdays.known_date = forecast_days.known_date

),

-- Invoices that are not written yet bring each day what came, on a day, of invoices so young.
account_receipts as (

    select
        known_accounts.known_date,
        receipts.tenant_id,
        receipts.account_id,
        receipts.currency,
        receipts.age_days,
        sum(receipts.received_amount) / (28 * known_accounts.block_count) as mean_amount

    from receipts
    inner join known_accounts
        on
            receipts.tenant_id = known_accounts.tenant_id
            and receipts.account_id = known_accounts.account_id
            and receipts.currency = known_accounts.currency
            and receipts.payment_date <= known_accounts.known_date
            and receipts.payment_date > known_accounts.last_unknown_date
    where receipts.age_days < 90
    group by
        known_accounts.known_date,
        known_accounts.block_count,
        receipts.tenant_id,
        receipts.account_id,
        receipts.currency,
        receipts.age_days

),

young_receipts as (

    select
        known_date,
        tenant_id,
        currency,
        age_days,
        sum(round(mean_amount, 6)::decimal(38, 6)) as daily_amount

    from account_receipts
    group by known_date, tenant_id, currency, age_days

),

unwritten as (

    select
        young_receipts.known_date,
        young_receipts.tenant_id,
        young_receipts.currency,
        forecast_days.horizon_days,
        young_receipts.daily_amount * (forecast_days.horizon_days - young_receipts.age_days)
            as other_in,
        0 as other_out

    from young_receipts
    inner join forecast_days
        on
            young_receipts.known_date = forecast_days.known_date
            and young_receipts.age_days < forecast_days.horizon_days

),

totals as (

    select
        known_date,
        horizon_days,
        tenant_id,
        currency,
        sum(other_in) as other_in,
        sum(other_out) as other_out

    from (
        select
            known_date,
            horizon_days,
            tenant_id,
            currency,
            other_in,
            other_out
        from by_weekday

        union all

        select
            known_date,
            horizon_days,
            tenant_id,
            currency,
            other_in,
            other_out
        from unwritten
    ) as flows
    group by known_date, horizon_days, tenant_id, currency

),

currency_days as (

    select
        known_date,
        tenant_id,
        currency,
        max(block_count) * 28 as day_count,
        payment_date,
        (10000 * sum(money_in - money_out))::hugeint as net_amount

    from counted
    group by known_date, tenant_id, currency, payment_date

),

-- How much a day differs from the days of those weeks: their standard deviation.
swings as (

    select
        known_date,
        tenant_id,
        currency,
        round(sqrt(greatest(
            sum(net_amount * net_amount)::double / max(day_count)
            - power(sum(net_amount)::double / max(day_count), 2),
            0
        )) / 10000, 4)::decimal(38, 4) as daily_swing

    from currency_days
    group by known_date, tenant_id, currency

),

final as (

    select
        totals.known_date,
        totals.horizon_days,
        totals.tenant_id,
        totals.currency,
        {{ round_to_coin('totals.other_in', 'totals.currency') }} as other_in,
        {{ round_to_coin('totals.other_out', 'totals.currency') }} as other_out,
        swings.daily_swing

    from totals
    inner join swings
        on
            totals.known_date = swings.known_date
            and totals.tenant_id = swings.tenant_id
            and totals.currency = swings.currency

)

select * from final
