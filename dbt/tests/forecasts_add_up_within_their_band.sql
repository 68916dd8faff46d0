-- Of every day to come: its balance is what is held and all that is expected up to it, nothing is
-- below zero, and a band holds the balance that is expected.
with

days as (

    select
        *,
        opening_balance + sum(expected_in - expected_out) over (
            partition by tenant_id, currency
            order by forecast_date
        ) as summed_balance

    from {{ ref('fct_cash_forecast') }}

)

select
    tenant_id,
    currency,
    forecast_date

from days
where
    expected_balance <> summed_balance
    or expected_in <> recurring_in + receivables_in + other_in
    or expected_out <> recurring_out + other_out
    or least(recurring_in, recurring_out, receivables_in, other_in, other_out) < 0
    or (balance_low is null) <> (band_basis = 'none')
    or (balance_high is null) <> (band_basis = 'none')
    or expected_balance not between balance_low and balance_high
    or history_days not between 0 and 364
