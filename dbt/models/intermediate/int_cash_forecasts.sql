with

expectations as (

    select * from {{ ref('int_cash_expectations') }}

),

-- How wrong each forecast was, as soon as its day was over.
errors as (

    select
        tenant_id,
        currency,
        known_date as made_on_date,
        horizon_days as error_horizon_days,
        forecast_date as ended_on_date,
        (actual_balance - expected_balance)::double as error_amount

    from expectations
    where actual_balance is not null

),

-- What was known then of forecasts that had been made before, for about as many days. Errors grow
-- with the root of the days, as those of independent days do.
known_errors as (

    select
        expectations.known_date,
        expectations.tenant_id,
        expectations.currency,
        expectations.horizon_days,
        count(distinct errors.made_on_date) as forecast_count,
        list_sort(list(
            errors.error_amount
            * sqrt(expectations.horizon_days::double / errors.error_horizon_days)
        )) as scaled_errors

    from expectations
    inner join errors
        on
            expectations.tenant_id = errors.tenant_id
            and expectations.currency = errors.currency
            and expectations.known_date > errors.ended_on_date
            and expectations.known_date <= errors.made_on_date + 455
    where
        2 * errors.error_horizon_days >= expectations.horizon_days
        and errors.error_horizon_days <= greatest(2 * expectations.horizon_days, 10)
    group by
        expectations.known_date,
        expectations.tenant_id,
        expectations.currency,
        expectations.horizon_days

),

-- The tenth part of them at each end is left out; less of few, of which the next may well be the
-- worst so far.
tails as (

    select
        *,
        greatest(0, 1 - 0.9 * (len(scaled_errors) + 1) / len(scaled_errors)) as tail_share

    from known_errors
    where forecast_count >= 6

),

ends as (

    select
        known_date,
        tenant_id,
        currency,
        horizon_days,
        scaled_errors[(floor(tail_share * len(scaled_errors)) + 1)::integer] as error_low,
        scaled_errors[
            len(scaled_errors) - floor(tail_share * len(scaled_errors))::integer
        ] as error_high

    from tails

),

-- Of few days behind, their mean is not sure either.
rooted as (

    select
        *,
        sqrt(horizon_days + horizon_days * horizon_days / greatest(history_days, 1)) as root_days

    from expectations

),

banded as (

    select
        expectations.*,
        case
            when ends.error_low is not null then 'back_test'
            when expectations.daily_swing > 0 then 'daily_swings'
            else 'none'
        end as band_basis,
        -- Where too little is behind, days are taken for independent and normal: of such, eight of
        -- ten lie within 1.2816 standard deviations.
        case
            when ends.error_low is not null then least(ends.error_low, 0)
            else -1.2816 * expectations.daily_swing * expectations.root_days
        end as error_low,
        case
            when ends.error_high is not null then greatest(ends.error_high, 0)
            else 1.2816 * expectations.daily_swing * expectations.root_days
        end as error_high

    from rooted as expectations
    left join ends
        on
            expectations.tenant_id = ends.tenant_id
            and expectations.currency = ends.currency
            and expectations.known_date = ends.known_date
            and expectations.horizon_days = ends.horizon_days

),

final as (

    select
        known_date,
        horizon_days,
        forecast_date,
        tenant_id,
        currency,
        history_days,
        opening_balance,
        recurring_in,
        recurring_out,
        receivables_in,
        other_in,
        other_out,
        expected_balance,
        actual_balance,
        band_basis,
        case
            when band_basis <> 'none'
                then {{ round_to_coin('expected_balance + error_low', 'currency') }}
        end as balance_low,
        case
            when band_basis <> 'none'
                then {{ round_to_coin('expected_balance + error_high', 'currency') }}
        end as balance_high

    from banded

)

select * from final
