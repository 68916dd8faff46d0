with

invoices as (

    select * from {{ ref('stg_invoices') }}
    where invoice_status <> 'void'

),

settled as (

    select
        tenant_id,
        invoice_id,
        max(settled_date) as settled_date

    from {{ ref('int_invoice_settlements') }}
    group by tenant_id, invoice_id

),

judged as (

    select
        invoices.*,
        case when invoices.invoice_status = 'paid' then settled.settled_date end as paid_date,
        invoices.balance > 0 and invoices.due_date < {{ as_of_date() }} as is_overdue

    from invoices
    left join settled
        on
            invoices.tenant_id = settled.tenant_id
            and invoices.invoice_id = settled.invoice_id

),

final as (

    select
        judged.tenant_id,
        judged.customer_id,
        customers.customer_name,
        judged.currency,
        count(*) as invoice_count,
        sum(judged.total) as invoiced_amount,
        sum(judged.balance) as open_amount,
        coalesce(sum(judged.balance) filter (where judged.is_overdue), 0) as overdue_amount,
        coalesce(
            sum(judged.total) filter (where judged.invoice_status = 'written_off'), 0
        ) as written_off_amount,
        count(judged.paid_date) as paid_count,
        count(*) filter (where judged.paid_date > judged.due_date) as paid_late_count,
        round(avg(judged.paid_date - judged.issue_date), 1) as average_days_to_pay,
        round(avg(judged.paid_date - judged.due_date), 1) as average_days_late,
        round(median(judged.paid_date - judged.due_date), 1) as median_days_late,
        max(judged.paid_date) as latest_paid_date

    from judged
    inner join {{ ref('dim_customers') }} as customers
        on
            judged.tenant_id = customers.tenant_id
            and judged.customer_id = customers.customer_id
    group by judged.tenant_id, judged.customer_id, customers.customer_name, judged.currency

)

select * from final
