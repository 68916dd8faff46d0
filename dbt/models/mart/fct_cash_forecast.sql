with

forecasts as (

    select * from {{ ref('int_cash_forecasts') }}
    where known_date = {{ as_of_date() }}

),

-- What is expected up to a day, less what is up to the day before.
days as (

    select
        *,
        recurring_in - lag(recurring_in, 1, 0) over horizons as recurring_in_of_day,
        recurring_out - lag(recurring_out, 1, 0) over horizons as recurring_out_of_day,
        receivables_in - lag(receivables_in, 1, 0) over horizons as receivables_in_of_day,
        other_in - lag(other_in, 1, 0) over horizons as other_in_of_day,
        other_out - lag(other_out, 1, 0) over horizons as other_out_of_day

    from forecasts
    window horizons as (
        partition by tenant_id, currency
        order by horizon_days
    )

),

final as (

    select
        tenant_id,
        currency,
        forecast_date,
        opening_balance,
        recurring_in_of_day::decimal(38, 4) as recurring_in,
        recurring_out_of_day::decimal(38, 4) as recurring_out,
        receivables_in_of_day::decimal(38, 4) as receivables_in,
        other_in_of_day::decimal(38, 4) as other_in,
        other_out_of_day::decimal(38, 4) as other_out,
        (recurring_in_of_day + receivables_in_of_day + other_in_of_day)::decimal(38, 4)
            as expected_in,
        (recurring_out_of_day + other_out_of_day)::decimal(38, 4) as expected_out,
        expected_balance,
        balance_low,
        balance_high,
        band_basis,
        history_days

    from days

)

select * from final
