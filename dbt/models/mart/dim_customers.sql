with

customers as (

    select * from {{ ref('stg_customers') }}

),

invoices as (

    select
        tenant_id,
        customer_id,
        count(*) as invoice_count,
        min(issue_date) as first_invoice_date,
        max(issue_date) as latest_invoice_date

    from {{ ref('stg_invoices') }}
    where invoice_status <> 'void'
    group by tenant_id, customer_id

),

final as (

    select
        customers.tenant_id,
        customers.customer_id,
        customers.customer_number,
        customers.customer_name,
        customers.country,
        coalesce(invoices.invoice_count, 0) as invoice_count,
        invoices.first_invoice_date,
        invoices.latest_invoice_date,
        customers.created_at

    from customers
    left join invoices
        on
            customers.tenant_id = invoices.tenant_id
            and customers.customer_id = invoices.customer_id

)

select * from final
