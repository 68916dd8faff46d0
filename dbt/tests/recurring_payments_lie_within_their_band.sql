-- Of every series: the amount that is expected lies within its band, which is of one sign, and how
-- sure it is lies between 0 and 1, and is 0 where the series has ended.
select
    tenant_id,
    account_id,
    series_key

from {{ ref('fct_recurring_payments') }}
where
    typical_amount not between amount_low and amount_high
    or (direction = 'credit' and amount_low <= 0)
    or (direction = 'debit' and amount_high >= 0)
    or confidence not between 0 and 1
    or (confidence > 0) <> is_active
    or payment_count < 3
    or latest_date < first_date
    or next_expected_date <= latest_date
