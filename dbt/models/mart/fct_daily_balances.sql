with

proofs as (

    select * from {{ ref('fct_balance_proof') }}

),

-- Days between two balances that are known form a stretch, which begins with the former.
stretches as (

    select
        *,
        count(closing_balance) over (
            partition by tenant_id, account_id, currency
            order by proof_date
        ) as stretch_number

    from proofs

),

reckoned as (

    select
        *,
        first_value(closing_balance) over (
            partition by tenant_id, account_id, currency, stretch_number
            order by proof_date
        ) + sum(case when closing_balance is null then booked_amount else 0 end) over (
            partition by tenant_id, account_id, currency, stretch_number
            order by proof_date
        ) as reckoned_balance

    from stretches

),

final as (

    select
        tenant_id,
        account_id,
        currency,
        proof_date as balance_date,
        proof_status,
        booked_amount,
        transaction_count,
        case
            when closing_balance is not null then closing_balance
            when stretch_number > 0 then reckoned_balance
        end::decimal(38, 4) as closing_balance,
        closing_balance is null and stretch_number > 0 as is_estimated

    from reckoned

)

select * from final
