with

source as (

    select * from {{ ref('src_connections') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as connection_id,
        institution_id,

        ---------- strings
        provider,
        name as connection_name,
        status as connection_status,
        error_kind,
        error_code,

        ---------- timestamps
        expires_at,
        last_synced_at,
        next_sync_at,
        created_at

    from source

)

select * from renamed
