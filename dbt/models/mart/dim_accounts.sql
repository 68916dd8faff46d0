with

accounts as (

    select * from {{ ref('stg_accounts') }}

),

connections as (

    select * from {{ ref('stg_connections') }}

),

institutions as (

    select * from {{ ref('stg_institutions') }}

),

first_known_days as (

    select
        tenant_id,
        account_id,
        min(first_date) as known_from_date

    from {{ ref('stg_coverage_spans') }}
    where not is_retracted
    group by tenant_id, account_id

),

final as (

    select
        accounts.tenant_id,
        accounts.account_id,
        accounts.connection_id,
        connections.institution_id,
        institutions.institution_name,
        connections.connection_name,
        connections.connection_status,
        connections.expires_at as consent_expires_at,
        accounts.account_name,
        accounts.account_type,
        accounts.account_status,
        accounts.iban,
        accounts.masked_number,
        accounts.currency,
        accounts.is_sync_enabled,
        accounts.is_offered,
        first_known_days.known_from_date,
        accounts.synced_through_date,
        accounts.last_synced_at,
        accounts.proof_status,
        accounts.proof_reason,
        accounts.proved_through_date,
        accounts.failure_count,
        accounts.error_kind,
        accounts.error_code,
        accounts.created_at

    from accounts
    inner join connections
        on
            accounts.tenant_id = connections.tenant_id
            and accounts.connection_id = connections.connection_id
    inner join institutions on connections.institution_id = institutions.institution_id
    left join first_known_days
        on
            accounts.tenant_id = first_known_days.tenant_id
            and accounts.account_id = first_known_days.account_id

)

select * from final
