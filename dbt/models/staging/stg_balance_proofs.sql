with

source as (

    select * from {{ ref('src_balance_proofs') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as balance_proof_id,
        account_id,

        ---------- strings
        currency,
        status as proof_status,
        reason as proof_reason,

        ---------- numerics
        row_count as transaction_count,
        booked as booked_amount,
        opening as opening_balance,
        closing as closing_balance,
        difference,

        ---------- dates
        day as proof_date,
        agreed_on as agreed_date,

        ---------- timestamps
        told_at

    from source

)

select * from renamed
