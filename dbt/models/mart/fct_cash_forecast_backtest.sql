with

-- Forecasts of the last year, on days that are over.
forecasts as (

    select
        *,
        actual_balance - expected_balance as error_amount,
        actual_balance - opening_balance as change_amount,
        actual_balance between balance_low and balance_high as is_inside

    from {{ ref('int_cash_forecasts') }}
    where actual_balance is not null and known_date >= {{ as_of_date() }} - 364

),

final as (

    select
        tenant_id,
        currency,
        horizon_days,
        min(known_date) as first_made_on_date,
        max(known_date) as last_made_on_date,
        count(*) as forecast_count,
        round(avg(error_amount), 4)::decimal(38, 4) as mean_error_amount,
        round(avg(abs(error_amount)), 4)::decimal(38, 4) as mean_absolute_error_amount,
        round(avg(abs(change_amount)), 4)::decimal(38, 4) as unchanged_absolute_error_amount,
        count(is_inside) as band_count,
        count(*) filter (where is_inside) as inside_count,
        count(*) filter (where actual_balance < balance_low) as below_count,
        round(count(*) filter (where is_inside) / nullif(count(is_inside), 0), 4)
            as band_coverage,
        round(avg(balance_high - balance_low), 4)::decimal(38, 4) as mean_band_amount

    from forecasts
    group by tenant_id, currency, horizon_days

)

select * from final
