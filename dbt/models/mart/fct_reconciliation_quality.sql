with

matches as (

    select
        * exclude (engine_version),
        coalesce(engine_version, 'unknown') as engine_version,
        date_trunc('month', created_at)::date as month_start_date,
        case
            when confidence < 0.5 then '0 to 0.5'
            when confidence < 0.8 then '0.5 to 0.8'
            when confidence < 0.9 then '0.8 to 0.9'
            when confidence < 0.95 then '0.9 to 0.95'
            when confidence < 0.99 then '0.95 to 0.99'
            else '0.99 to 1'
        end as confidence_band

    from {{ ref('stg_matches') }}
    where origin = 'engine'

),

final as (

    select
        tenant_id,
        month_start_date,
        engine_version,
        confidence_band,
        count(*) as match_count,
        count(*) filter (where match_status = 'suggested') as waiting_count,
        count(*) filter (where match_status = 'withdrawn') as withdrawn_count,
        count(*) filter (where applied_run_id is not null) as applied_count,
        count(*) filter (
            where applied_run_id is not null and match_status in ('rejected', 'reversed')
        ) as applied_wrong_count,
        count(*) filter (
            where is_decided_by_person and match_status <> 'suggested'
        ) as decided_count,
        count(*) filter (where is_decided_by_person and match_status = 'confirmed') as right_count,
        round(avg(confidence), 4) as average_confidence

    from matches
    group by tenant_id, month_start_date, engine_version, confidence_band

)

select * from final
