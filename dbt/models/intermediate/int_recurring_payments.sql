with

-- Today, and each day on which a forecast is looked back at was made.
moments as (

    select {{ as_of_date() }} - unnest([0, 30, 60, 90])::integer as known_date

),

-- Several rows of one day are one payment of it.
payments as (

    select
        moments.known_date,
        bank_rows.tenant_id,
        bank_rows.account_id,
        bank_rows.currency,
        bank_rows.direction,
        lower(trim(coalesce(bank_rows.payee, bank_rows.counterparty_name))) as series_key,
        max(coalesce(bank_rows.payee, bank_rows.counterparty_name)) as payee,
        bank_rows.transaction_date,
        sum(bank_rows.amount) as amount

    from {{ ref('fct_transactions') }} as bank_rows
    inner join moments on bank_rows.transaction_date <= moments.known_date
    where
        bank_rows.transaction_status = 'booked'
        and trim(coalesce(bank_rows.payee, bank_rows.counterparty_name)) <> ''
    group by
        moments.known_date,
        bank_rows.tenant_id,
        bank_rows.account_id,
        bank_rows.currency,
        bank_rows.direction,
        lower(trim(coalesce(bank_rows.payee, bank_rows.counterparty_name))),
        bank_rows.transaction_date

),

gaps as (

    select
        *,
        transaction_date - lag(transaction_date) over (
            partition by known_date, tenant_id, account_id, currency, direction, series_key
            order by transaction_date
        ) as gap_days

    from payments

),

measured as (

    select
        *,
        round(median(gap_days) over (
            partition by known_date, tenant_id, account_id, currency, direction, series_key
        ))::integer as interval_days

    from gaps

),

series as (

    select
        known_date,
        tenant_id,
        account_id,
        currency,
        direction,
        series_key,
        arg_max(payee, transaction_date) as payee,
        interval_days,
        case
            when interval_days between 6 and 8 then 'weekly'
            when interval_days between 13 and 15 then 'fortnightly'
            when interval_days between 27 and 33 then 'monthly'
            when interval_days between 86 and 96 then 'quarterly'
            when interval_days between 355 and 375 then 'yearly'
        end as cadence,
        count(*) as payment_count,
        count(gap_days) filter (
            where abs(gap_days - interval_days) <= greatest(1, least(10, interval_days // 7))
        ) as regular_gap_count,
        quantile_disc(amount, 0.5) as typical_amount,
        arg_max(amount, transaction_date) as latest_amount,
        min(transaction_date) as first_date,
        max(transaction_date) as latest_date

    from measured
    group by
        known_date,
        tenant_id,
        account_id,
        currency,
        direction,
        series_key,
        interval_days

),

final as (

    select
        known_date,
        tenant_id,
        account_id,
        currency,
        direction,
        series_key,
        payee,
        cadence,
        interval_days,
        payment_count,
        typical_amount,
        latest_amount,
        first_date,
        latest_date,
        case cadence
            when 'monthly' then latest_date + interval 1 month
            when 'quarterly' then latest_date + interval 3 months
            when 'yearly' then latest_date + interval 1 year
            else latest_date + to_days(interval_days)
        end::date as next_expected_date,
        2 * (known_date - latest_date) <= 3 * interval_days as is_active

    from series
    -- Three payments make two gaps: of all gaps, three quarters have to be alike.
    where
        cadence is not null
        and payment_count >= 3
        and 4 * regular_gap_count >= 3 * (payment_count - 1)

)

select * from final
