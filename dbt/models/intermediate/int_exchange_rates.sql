with

tenants as (

    select * from {{ ref('stg_tenants') }}

),

reference_rates as (

    select * from {{ ref('stg_fx_rates') }}

),

own_rates as (

    select * from {{ ref('stg_fx_rate_overrides') }}

),

amounts as (

    select
        tenant_id,
        currency,
        transaction_date as amount_date
    from {{ ref('stg_transactions') }}

    union distinct

    select
        balances.tenant_id,
        balances.currency,
        dates.calendar_date as amount_date
    from (
        select
            tenant_id,
            currency,
            min(balance_date) as first_date,
            max(balance_date) as last_date
        from (
            select
                tenant_id,
                currency,
                proof_date as balance_date
            from {{ ref('stg_balance_proofs') }}

            union all

            select
                tenant_id,
                currency,
                last_observed_at::date as balance_date
            from {{ ref('stg_balances') }}
            where not is_retracted
        ) as known_balances
        group by tenant_id, currency
    ) as balances
    inner join {{ ref('dim_dates') }} as dates
        on
            dates.calendar_date
            between balances.first_date and greatest(balances.last_date, {{ as_of_date() }})

    union distinct

    select
        tenant_id,
        currency,
        {{ as_of_date() }} as amount_date
    from {{ ref('stg_invoices') }}

),

-- What is converted needs the rate of its own currency, and of the one that the tenant reports in.
needed as (

    select
        tenant_id,
        currency,
        amount_date
    from amounts

    union distinct

    select
        amounts.tenant_id,
        tenants.currency,
        amounts.amount_date
    from amounts
    inner join tenants on amounts.tenant_id = tenants.tenant_id

),

-- The last rate on the day or before it, of either kind.
candidates as (

    select
        needed.tenant_id,
        needed.currency,
        needed.amount_date,
        reference_rates.rate as reference_rate,
        reference_rates.rate_date as reference_date,
        own_rates.rate as own_rate,
        own_rates.rate_date as own_date

    from needed
    asof left join reference_rates
        on
            needed.currency = reference_rates.currency
            and needed.amount_date >= reference_rates.rate_date
    asof left join own_rates
        on
            needed.tenant_id = own_rates.tenant_id
            and needed.currency = own_rates.currency
            and needed.amount_date >= own_rates.rate_date

),

-- The later one counts; on one day the tenant's own does.
chosen as (

    select
        tenant_id,
        currency,
        amount_date,
        case
            when currency = 'EUR' then 1
            when own_date >= coalesce(reference_date, own_date) then own_rate
            else reference_rate
        end::decimal(20, 10) as rate,
        case
            when currency = 'EUR' then amount_date
            when own_date >= coalesce(reference_date, own_date) then own_date
            else reference_date
        end as rate_date

    from candidates

),

final as (

    select
        tenant_id,
        currency,
        amount_date,
        rate,
        rate_date

    from chosen
    -- What is older means that rates were not taken in: then there is no amount, and no guess.
    where amount_date - rate_date <= 7

)

select * from final
