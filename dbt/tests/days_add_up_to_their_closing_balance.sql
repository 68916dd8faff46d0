-- Opening balance, booked rows and what the bank has more come to the closing balance.
select
    tenant_id,
    account_id,
    currency,
    proof_date

from {{ ref('fct_balance_proof') }}
where
    closing_balance <> opening_balance + booked_amount + coalesce(difference, 0)
    or (proof_status = 'proved' and (closing_balance is null or difference is not null))
    or (proof_status = 'unknown' and closing_balance is not null)
