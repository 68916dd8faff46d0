with

quotas as (

    select
        tenant_id,
        account_id,
        access_scope,
        told_by,
        told_remaining,
        told_at,
        case when refused_until > {{ as_of() }} then refused_until end as refused_until,
        -- Where none is told: what PSD2 grants without the account holder being present.
        greatest(coalesce(call_limit, greatest(4, told_remaining), 4), 1) as call_limit,
        -- What the provider says is left holds for as long as the window that it says it of.
        case when resets_at > {{ as_of() }} and told_remaining is not null then resets_at end
            as told_until,
        from_json(calls, '[{"id": "VARCHAR", "made_at": "TIMESTAMPTZ", "ended_at": "TIMESTAMPTZ"}]')
            as calls

    from {{ ref('stg_account_quotas') }}

),

listed as (

    select
        tenant_id,
        account_id,
        access_scope,
        unnest(calls) as single_call

    from quotas

),

calls as (

    select
        tenant_id,
        account_id,
        access_scope,
        single_call['id'] as call_id,
        single_call['made_at'] as made_at,
        -- One of which nothing was heard again was counted within ten minutes.
        coalesce(single_call['ended_at'], single_call['made_at'] + interval 10 minutes) as over_at

    from listed

),

-- A call has left every window of a day a day after it was over.
counted as (

    select
        quotas.tenant_id,
        quotas.account_id,
        quotas.access_scope,
        count(*) filter (where calls.made_at::date = {{ as_of_date() }}) as today_count,
        count(*) filter (where calls.over_at + interval 24 hours > {{ as_of() }}) as day_count,
        count(*) filter (
            where calls.over_at > quotas.told_at and calls.call_id is distinct from quotas.told_by
        ) as untold_count,
        min(calls.over_at + interval 24 hours) filter (
            where calls.over_at + interval 24 hours > {{ as_of() }}
        ) as given_back_at,
        max(calls.made_at) as latest_call_at

    from quotas
    inner join calls
        on
            quotas.tenant_id = calls.tenant_id
            and quotas.account_id = calls.account_id
            and quotas.access_scope = calls.access_scope
    group by quotas.tenant_id, quotas.account_id, quotas.access_scope

),

used as (

    select
        quotas.*,
        coalesce(counted.today_count, 0) as today_count,
        case
            when quotas.told_until is not null
                then greatest(
                    quotas.call_limit - quotas.told_remaining + coalesce(counted.untold_count, 0), 0
                )
            else coalesce(counted.day_count, 0)
        end::bigint as used_count,
        counted.given_back_at,
        counted.latest_call_at

    from quotas
    left join counted
        on
            quotas.tenant_id = counted.tenant_id
            and quotas.account_id = counted.account_id
            and quotas.access_scope = counted.access_scope

),

final as (

    select
        tenant_id,
        account_id,
        access_scope,
        call_limit::bigint as call_limit,
        today_count,
        used_count,
        case
            when refused_until is not null then 0
            else greatest(call_limit - used_count, 0)
        end::bigint as left_count,
        case
            when refused_until is not null then refused_until
            when used_count > 0 then coalesce(told_until, given_back_at)
        end as resets_at,
        refused_until,
        latest_call_at

    from used

)

select * from final
