with

final as (

    select
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
        typical_amount,
        amount_low,
        amount_high,
        latest_amount,
        first_date,
        latest_date,
        next_expected_date,
        is_active,
        confidence

    from {{ ref('int_recurring_payments') }}
    where known_date = {{ as_of_date() }}

)

select * from final
