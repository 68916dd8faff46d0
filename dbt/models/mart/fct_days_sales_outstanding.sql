with

invoices as (

    select * from {{ ref('stg_invoices') }}
    where invoice_status <> 'void'

),

settlements as (

    select * from {{ ref('int_invoice_settlements') }}

),

-- From the month of the first invoice on; of the present one, what has passed of it.
months as (

    select
        firsts.tenant_id,
        firsts.currency,
        dates.month_start_date,
        least(dates.month_end_date, {{ as_of_date() }}) as counted_until_date

    from (
        select
            tenant_id,
            currency,
            min(issue_date) as first_date
        from invoices
        group by tenant_id, currency
    ) as firsts
    inner join {{ ref('dim_dates') }} as dates
        on
            dates.calendar_date = dates.month_start_date
            and firsts.first_date <= dates.month_end_date
            and dates.month_start_date <= {{ as_of_date() }}

),

-- Three months of sales, the present one among them.
windows as (

    select
        *,
        (month_start_date - interval 2 months)::date as counted_from_date

    from months

),

sales as (

    select
        windows.tenant_id,
        windows.currency,
        windows.month_start_date,
        sum(invoices.total) filter (
            where invoices.issue_date between windows.counted_from_date
            and windows.counted_until_date
        ) as sales_amount,
        sum(invoices.total) filter (
            where invoices.issue_date <= windows.counted_until_date
        ) as invoiced_amount

    from windows
    inner join invoices
        on
            windows.tenant_id = invoices.tenant_id
            and windows.currency = invoices.currency
    group by windows.tenant_id, windows.currency, windows.month_start_date

),

settled as (

    select
        windows.tenant_id,
        windows.currency,
        windows.month_start_date,
        sum(settlements.settled_amount) as settled_amount

    from windows
    inner join invoices
        on
            windows.tenant_id = invoices.tenant_id
            and windows.currency = invoices.currency
            and windows.counted_until_date >= invoices.issue_date
    inner join settlements
        on
            invoices.tenant_id = settlements.tenant_id
            and invoices.invoice_id = settlements.invoice_id
            and windows.counted_until_date >= settlements.settled_date
    group by windows.tenant_id, windows.currency, windows.month_start_date

),

final as (

    select
        windows.tenant_id,
        windows.currency,
        windows.month_start_date,
        windows.counted_from_date,
        windows.counted_until_date,
        windows.counted_until_date - windows.counted_from_date + 1 as day_count,
        coalesce(sales.sales_amount, 0) as sales_amount,
        (
            coalesce(sales.invoiced_amount, 0) - coalesce(settled.settled_amount, 0)
        )::decimal(38, 4) as receivables_amount,
        round(
            (coalesce(sales.invoiced_amount, 0) - coalesce(settled.settled_amount, 0))
            * (windows.counted_until_date - windows.counted_from_date + 1)
            / nullif(sales.sales_amount, 0),
            1
        ) as days_sales_outstanding

    from windows
    left join sales
        on
            windows.tenant_id = sales.tenant_id
            and windows.currency = sales.currency
            and windows.month_start_date = sales.month_start_date
    left join settled
        on
            windows.tenant_id = settled.tenant_id
            and windows.currency = settled.currency
            and windows.month_start_date = settled.month_start_date

)

select * from final
