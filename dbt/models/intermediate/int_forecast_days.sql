with

moments as {{ known_dates() }},

horizons as (

    select unnest(generate_series(1, 90))::integer as horizon_days

),

final as (

    select
        moments.known_date,
        horizons.horizon_days,
        moments.known_date + horizons.horizon_days as forecast_date

    from moments
    cross join horizons
    -- Of forecasts that are looked back at, some days are enough.
    where
        moments.known_date = {{ as_of_date() }}
        or horizons.horizon_days in (5, 10, 15, 20, 25, 30, 45, 60, 75, 90)

)

select * from final
