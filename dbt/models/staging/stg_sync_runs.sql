with

source as (

    select * from {{ ref('src_sync_runs') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as sync_run_id,
        connection_id,
        reverts as reverts_sync_run_id,

        ---------- strings
        trigger as sync_trigger,
        status as sync_status,
        remark_code,
        error_kind,
        error_code,

        ---------- timestamps
        started_at,
        finished_at

    from source

)

select * from renamed
