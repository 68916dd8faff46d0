with

source as (

    select * from {{ ref('src_coverage_spans') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as coverage_span_id,
        account_id,
        sync_run_id,

        ---------- strings
        completeness,

        ---------- booleans
        is_firm,
        retracted_at is not null as is_retracted,

        ---------- dates
        asked_from as asked_from_date,
        first_day as first_date,
        last_day as last_date,

        ---------- timestamps
        learnt_at,
        retracted_at

    from source

)

select * from renamed
