with

source as (

    select * from {{ ref('src_account_quotas') }}

),

renamed as (

    select

        ---------- ids
        tenant_id,
        id as account_quota_id,
        account_id,

        ---------- strings
        scope as access_scope,
        told_by,
        calls,

        ---------- numerics
        call_limit,
        told_remaining,

        ---------- timestamps
        told_at,
        resets_at,
        refused_until,
        updated_at

    from source

)

select * from renamed
