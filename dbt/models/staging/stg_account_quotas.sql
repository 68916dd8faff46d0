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

        ---------- numerics
        call_limit,
        call_count,

        ---------- timestamps
        updated_at

    from source

)

select * from renamed
