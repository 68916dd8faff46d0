{%- set series = 'tenant_id, account_id, currency, direction, is_own_transfer, series_key' -%}
with

moments as {{ known_dates() }},

customers as (

    select distinct
        tenant_id,
        lower(trim(customer_name)) as series_key

    from {{ ref('stg_customers') }}

),

gaps as (

    select
        *,
        payment_date - lag(payment_date) over payments as gap_days

    from {{ ref('int_payment_days') }}
    where series_key <> ''
    window payments as (
        partition by {{ series }}
        order by payment_date
    )

),

rhythms as (

    select
        *,
        case
            when gap_days between 6 and 8 then 'weekly'
            when gap_days between 12 and 16 then 'fortnightly'
            when gap_days between 26 and 35 then 'monthly'
            when gap_days between 83 and 99 then 'quarterly'
            when gap_days between 355 and 375 then 'yearly'
        end as rhythm

    from gaps

),

-- What was known of the rhythm after each payment: which one three quarters of the last gaps keep.
counted as (

    select
        *,
        count(gap_days) over latest_gaps as gap_count,
        {%- for rhythm in ['weekly', 'fortnightly', 'monthly', 'quarterly', 'yearly'] %}
            count(case when rhythm = '{{ rhythm }}' then 1 end) over latest_gaps
                as {{ rhythm }}_count,
        {%- endfor %}
        greatest(weekly_count, fortnightly_count, monthly_count, quarterly_count, yearly_count)
            as regular_count,
        case
            when gap_count < 2 or 4 * regular_count < 3 * gap_count then null
            when weekly_count = regular_count then 'weekly'
            when fortnightly_count = regular_count then 'fortnightly'
            when monthly_count = regular_count then 'monthly'
            when quarterly_count = regular_count then 'quarterly'
            else 'yearly'
        end as cadence

    from rhythms
    window latest_gaps as (
        partition by {{ series }}
        order by payment_date
        rows between 11 preceding and current row
    )

),

candidates as (

    select *
    from counted
    qualify count(cadence) over (partition by {{ series }}) > 0

),

-- What was known of the amounts: those of the last payments.
judged as (

    select
        *,
        lead(payment_date) over payments as following_date,
        row_number() over payments as payment_count,
        first_value(payment_date) over payments as first_date,
        round(median(gap_days) over latest_gaps)::integer as interval_days,
        sum(invoiced_amount) over latest_gaps > 0 as is_invoiced,
        quantile_disc(amount, 0.5) over latest_amounts as middle_amount,
        min(amount) over latest_amounts as least_amount,
        max(amount) over latest_amounts as greatest_amount,
        -- A price that came three times running is the price, whatever was before.
        amount = lag(amount, 1) over payments and amount = lag(amount, 2) over payments as is_fixed

    from candidates
    window
        payments as (
            partition by {{ series }}
            order by payment_date
        ),
        latest_gaps as (
            partition by {{ series }}
            order by payment_date
            rows between 11 preceding and current row
        ),
        latest_amounts as (
            partition by {{ series }}
            order by payment_date
            rows between 8 preceding and current row
        )

),

regular as (

    select * from judged
    where cadence is not null

),

dated as (

    select
        moments.known_date,
        regular.*,
        case when regular.is_fixed then regular.amount else regular.middle_amount end
            as typical_amount,
        case when regular.is_fixed then regular.amount else regular.least_amount end as amount_low,
        case when regular.is_fixed then regular.amount else regular.greatest_amount end
            as amount_high,
        case regular.cadence
            when 'monthly' then regular.payment_date + interval 1 month
            when 'quarterly' then regular.payment_date + interval 3 months
            when 'yearly' then regular.payment_date + interval 1 year
            else regular.payment_date + to_days(regular.interval_days)
        end::date as next_expected_date,
        greatest(3, least(15, regular.interval_days // 4)) as tolerance_days,
        -- What pays invoices, or is named like a customer, is expected as invoices.
        regular.direction = 'credit' and (regular.is_invoiced or customers.series_key is not null)
            as is_of_customer

    from regular
    inner join moments
        on
            regular.payment_date <= moments.known_date
            and coalesce(regular.following_date, '9999-12-31') > moments.known_date
    left join customers
        on
            regular.tenant_id = customers.tenant_id
            and regular.series_key = customers.series_key

),

late as (

    select
        *,
        greatest(known_date - next_expected_date, 0) as days_late

    from dated

),

final as (

    select
        known_date,
        tenant_id,
        account_id,
        currency,
        direction,
        is_own_transfer,
        series_key,
        payee,
        cadence,
        interval_days,
        payment_count,
        typical_amount::decimal(38, 4) as typical_amount,
        amount_low::decimal(38, 4) as amount_low,
        amount_high::decimal(38, 4) as amount_high,
        amount as latest_amount,
        first_date,
        payment_date as latest_date,
        next_expected_date,
        tolerance_days,
        is_of_customer,
        days_late <= tolerance_days as is_active,
        -- The rule of succession for the rhythm; half of the rest for the amount; less by each day
        -- that it is late.
        round(
            (regular_count + 1) / (gap_count + 2)
            * (
                1
                + least(abs(amount_low), abs(amount_high))
                / greatest(abs(amount_low), abs(amount_high))
            ) / 2
            * greatest(0, 1 - days_late / (tolerance_days + 1)),
            2
        ) as confidence

    from late

)

select * from final
