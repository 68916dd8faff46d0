with

source as (

    select * from {{ ref('src_match_runs') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as match_run_id,

        ---------- strings
        status as match_run_status,
        engine_version,
        scope as match_scope,

        ---------- numerics
        payment_count,
        invoice_count,
        applied_count,
        suggested_count,
        unexplained_count,

        ---------- booleans
        reversed_at is not null as is_reversed,

        ---------- timestamps
        started_at,
        finished_at,
        reversed_at

    from source

)

select * from renamed
