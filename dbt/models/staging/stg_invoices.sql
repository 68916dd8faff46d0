with

source as (

    select * from {{ ref('src_invoices') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as invoice_id,
        customer_id,

        ---------- strings
        number as invoice_number,
        currency,
        status as invoice_status,

        ---------- numerics
        total,
        allocated,
        adjusted,
        credited,
        balance,

        ---------- dates
        issue_date,
        due_date,

        ---------- timestamps
        voided_at,
        created_at,
        updated_at

    from source

)

select * from renamed
