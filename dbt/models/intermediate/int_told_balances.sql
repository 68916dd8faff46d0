with

balances as (

    select * from {{ ref('stg_balances') }}
    where not is_retracted and balance_type in ('interim_booked', 'closing_booked', 'expected')

),

known as (

    select distinct
        tenant_id,
        account_id,
        currency

    from {{ ref('fct_daily_balances') }}
    where closing_balance is not null

),

final as (

    select
        balances.tenant_id,
        balances.account_id,
        balances.currency,
        balances.last_observed_at::date as balance_date,
        balances.amount as balance

    from balances
    anti join known
        on
            balances.tenant_id = known.tenant_id
            and balances.account_id = known.account_id
            and balances.currency = known.currency
    qualify row_number() over (
        partition by balances.tenant_id, balances.account_id, balances.currency
        order by
            balances.last_observed_at desc,
            list_position(
                ['interim_booked', 'closing_booked', 'expected'], balances.balance_type
            )
    ) = 1

)

select * from final
