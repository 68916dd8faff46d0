with

source as (

    select * from {{ ref('src_matches') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as match_id,
        transaction_id,
        match_run_id,
        applied_run_id,
        decided_by as decided_by_user_id,

        ---------- strings
        status as match_status,
        origin,
        engine_version,

        ---------- numerics
        confidence,
        engine_confidence,

        ---------- booleans
        is_tie,
        decided_by is not null as is_decided_by_person,

        ---------- timestamps
        decided_at,
        created_at

    from source

)

select * from renamed
