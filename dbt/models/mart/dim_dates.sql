with

days as (

    select calendar.calendar_date::date as calendar_date
    from
        generate_series(
            '2000-01-01'::date, {{ as_of_date() }} + interval 2 years, interval 1 day
        ) as calendar (calendar_date)

),

final as (

    select
        calendar_date,
        year(calendar_date) as calendar_year,
        quarter(calendar_date) as calendar_quarter,
        month(calendar_date) as calendar_month,
        day(calendar_date) as day_of_month,
        isodow(calendar_date) as iso_weekday,
        isoyear(calendar_date) as iso_year,
        weekofyear(calendar_date) as iso_week,
        date_trunc('month', calendar_date)::date as month_start_date,
        last_day(calendar_date) as month_end_date,
        isodow(calendar_date) >= 6 as is_weekend,
        calendar_date = {{ as_of_date() }} as is_today

    from days

)

select * from final
