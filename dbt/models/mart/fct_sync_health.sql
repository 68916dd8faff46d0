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

final as (

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

)

select * from final
