-- Where a day's closing balance is known, no other is shown; where none is, none is made up before
-- the first one that is.
with

proofs as (

    select
        *,
        min(case when closing_balance is not null then proof_date end) over (
            partition by tenant_id, account_id, currency
        ) as first_known_date

    from {{ ref('fct_balance_proof') }}

)

select
    proofs.tenant_id,
    proofs.account_id,
    proofs.currency,
    proofs.proof_date

from proofs
inner join {{ ref('fct_daily_balances') }} as balances
    on
        proofs.tenant_id = balances.tenant_id
        and proofs.account_id = balances.account_id
        and proofs.currency = balances.currency
        and proofs.proof_date = balances.balance_date
where
    balances.closing_balance is distinct from proofs.closing_balance
    and (
        proofs.closing_balance is not null
        or not balances.is_estimated
        or proofs.first_known_date is null
        or proofs.proof_date < proofs.first_known_date
    )
