with

open_invoices as (

    select
        *,
        case when due_date is not null then greatest({{ as_of_date() }} - due_date, 0) end
            as days_overdue

    from {{ ref('stg_invoices') }}
    where invoice_status in ('open', 'partially_paid')

),

customers as (

    select * from {{ ref('dim_customers') }}

),

final as (

    select
        open_invoices.tenant_id,
        open_invoices.invoice_id,
        open_invoices.customer_id,
        customers.customer_name,
        open_invoices.invoice_number,
        open_invoices.issue_date,
        open_invoices.due_date,
        open_invoices.currency,
        open_invoices.total,
        open_invoices.allocated,
        open_invoices.adjusted,
        open_invoices.credited,
        open_invoices.balance,
        open_invoices.days_overdue,
        case
            when open_invoices.due_date is null then 'no_due_date'
            when open_invoices.days_overdue = 0 then 'not_due'
            when open_invoices.days_overdue <= 30 then '1_to_30'
            when open_invoices.days_overdue <= 60 then '31_to_60'
            when open_invoices.days_overdue <= 90 then '61_to_90'
            else 'over_90'
        end as ageing_bucket,
        {{ as_of_date() }} as as_of_date

    from open_invoices
    inner join customers
        on
            open_invoices.tenant_id = customers.tenant_id
            and open_invoices.customer_id = customers.customer_id

)

select * from final
