-- Of every horizon: no more bands held the balance than there were, nor more were there than
-- forecasts, and their share is told where there were any.
select
    tenant_id,
    currency,
    horizon_days

from {{ ref('fct_cash_forecast_backtest') }}
where
    inside_count + below_count > band_count
    or band_count > forecast_count
    or (band_coverage is null) <> (band_count = 0)
    or band_coverage not between 0 and 1
    or mean_absolute_error_amount < abs(mean_error_amount)
    or mean_band_amount < 0
    or last_made_on_date < first_made_on_date
