with

source as (

    select * from {{ ref('src_balances') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as balance_id,
        account_id,

        ---------- strings
        balance_type,
        currency,

        ---------- numerics
        amount,

        ---------- booleans
        credit_limit_included,
        retracted_at is not null as is_retracted,

        ---------- dates
        reference_date,

        ---------- timestamps
        observed_at,
        last_observed_at,
        retracted_at

    from source

)

select * from renamed
