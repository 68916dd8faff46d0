with

source as (

    select * from {{ ref('src_consents') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as consent_id,
        connection_id,

        ---------- strings
        status as consent_status,

        ---------- numerics
        history_days,
        access_days,

        ---------- timestamps
        granted_at,
        expires_at,
        created_at

    from source

)

select * from renamed
