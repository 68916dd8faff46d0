with

proofs as (

    select * from {{ ref('stg_balance_proofs') }}

),

final as (

    select
        tenant_id,
        account_id,
        currency,
        proof_date,
        proof_status,
        proof_reason,
        transaction_count,
        opening_balance,
        booked_amount,
        closing_balance,
        difference,
        agreed_date,
        told_at

    from proofs

)

select * from final
