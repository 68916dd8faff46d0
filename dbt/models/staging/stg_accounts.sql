with

source as (

    select * from {{ ref('src_accounts') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as account_id,
        connection_id,

        ---------- strings
        iban,
        masked_number,
        name as account_name,
        product,
        currency,
        account_type,
        status as account_status,
        proof_status,
        proof_reason,
        error_kind,
        error_code,

        ---------- numerics
        failure_count,

        ---------- booleans
        is_sync_enabled,
        is_offered,

        ---------- dates
        synced_through as synced_through_date,
        proved_through as proved_through_date,

        ---------- timestamps
        last_synced_at,
        retry_at,
        created_at

    from source

)

select * from renamed
