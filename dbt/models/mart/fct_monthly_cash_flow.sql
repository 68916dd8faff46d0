with

booked as (

    select
        *,
        date_trunc('month', transaction_date)::date as month_start_date

    from {{ ref('fct_transactions') }}
    where transaction_status = 'booked'

),

final as (

    select
        tenant_id,
        account_id,
        currency,
        month_start_date,
        coalesce(sum(amount) filter (where amount > 0), 0) as money_in,
        coalesce(-sum(amount) filter (where amount < 0), 0) as money_out,
        sum(amount) as net_cash_flow,
        reporting_currency,
        case when count(*) = count(reporting_amount) then sum(reporting_amount) end
            as reporting_net_cash_flow,
        count(*) filter (where amount > 0) as incoming_count,
        count(*) filter (where amount < 0) as outgoing_count

    from booked
    group by tenant_id, account_id, currency, month_start_date, reporting_currency

)

select * from final
