with

source as (

    select * from {{ ref('src_sync_run_accounts') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as sync_run_account_id,
        sync_run_id,
        account_id,

        ---------- strings
        status as sync_status,
        remark_code,
        error_kind,
        error_code,

        ---------- numerics
        pulled_count,
        added_count,
        updated_count,
        unchanged_count,
        superseded_count,
        error_http_status,

        ---------- dates
        since as asked_from_date,
        until as asked_until_date,

        ---------- timestamps
        retry_at

    from source

)

select * from renamed
