with

runs as (

    select
        *,
        started_at::date as sync_date

    from {{ ref('stg_sync_runs') }}
    -- A replay or a reversal asks no bank.
    where sync_status <> 'running' and sync_trigger not in ('replay', 'reversal')

),

results as (

    select * from {{ ref('stg_sync_run_accounts') }}

),

-- What is left of each scope is told as of the build, beside the latest day that there is.
quotas as (

    select
        tenant_id,
        account_id,
        sum(today_count)::bigint as today_count,
        min(left_count) as left_count,
        arg_min(access_scope, (left_count, -call_limit, access_scope)) as scarcest_scope,
        arg_min(resets_at, (left_count, -call_limit, access_scope)) as resets_at

    from {{ ref('fct_quota_use') }}
    group by tenant_id, account_id

),

days as (

    select
        results.tenant_id,
        results.account_id,
        runs.connection_id,
        runs.sync_date,
        count(*) as sync_count,
        count(*) filter (where results.sync_status = 'succeeded') as succeeded_count,
        count(*) filter (where results.sync_status = 'partial') as partial_count,
        count(*) filter (where results.sync_status = 'failed') as failed_count,
        count(*) filter (where results.error_kind = 'ours') as ours_fault_count,
        count(*) filter (where results.error_kind = 'consent') as consent_fault_count,
        count(*) filter (where results.error_kind = 'quota') as quota_fault_count,
        count(*) filter (where results.error_kind = 'bank') as bank_fault_count,
        count(*) filter (where results.error_kind = 'account') as account_fault_count,
        count(*) filter (where results.error_kind = 'interrupted') as interrupted_count,
        sum(results.pulled_count)::bigint as pulled_count,
        sum(results.added_count)::bigint as added_count,
        sum(results.updated_count)::bigint as updated_count,
        sum(results.superseded_count)::bigint as superseded_count,
        max(runs.finished_at) filter (where results.sync_status = 'succeeded')
            as latest_success_at

    from results
    inner join runs
        on
            results.tenant_id = runs.tenant_id
            and results.sync_run_id = runs.sync_run_id
    where results.sync_status <> 'running'
    group by results.tenant_id, results.account_id, runs.connection_id, runs.sync_date

),

latest as (

    select
        tenant_id,
        account_id,
        max(sync_date) as sync_date

    from days
    group by tenant_id, account_id

),

spans as (

    select
        tenant_id,
        account_id,
        first_date,
        -- No answer speaks of days to come, but its own moment may be after the build's.
        least(last_date, {{ as_of_date() }}) as last_date

    from {{ ref('stg_coverage_spans') }}
    where not is_retracted and first_date <= {{ as_of_date() }}

),

-- Answers overlap: each adds the days after the last one that those before it speak of.
added_spans as (

    select
        *,
        greatest(
            last_date - greatest(first_date - 1, max(last_date) over earlier), 0
        ) as added_count

    from spans
    window earlier as (
        partition by tenant_id, account_id
        order by first_date, last_date
        rows between unbounded preceding and 1 preceding
    )

),

coverages as (

    select
        tenant_id,
        account_id,
        max(last_date) as known_through_date,
        {{ as_of_date() }} - min(first_date) + 1 - sum(added_count)::bigint as unknown_day_count

    from added_spans
    group by tenant_id, account_id

),

final as (

    select
        days.*,
        case when days.sync_date = {{ as_of_date() }} then quotas.today_count end as call_count,
        quotas.left_count as calls_left,
        quotas.scarcest_scope,
        quotas.resets_at as calls_reset_at,
        coverages.known_through_date,
        coverages.unknown_day_count

    from days
    left join latest
        on
            days.tenant_id = latest.tenant_id
            and days.account_id = latest.account_id
            and days.sync_date = latest.sync_date
    left join quotas
        on
            latest.tenant_id = quotas.tenant_id
            and latest.account_id = quotas.account_id
    left join coverages
        on
            latest.tenant_id = coverages.tenant_id
            and latest.account_id = coverages.account_id

)

select * from final
