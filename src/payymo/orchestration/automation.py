"""Jobs, and what starts them: people, the clock, and changes of the tables."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import dagster as dg

from payymo.analytics.warehouse import BuildFailure, Warehouse
from payymo.domain.errors import NotFoundError
from payymo.orchestration.banking import (
    CONCERNED,
    CONSENT_TABLES,
    MATCHED_TABLES,
    SYNCED_TABLES,
)
from payymo.orchestration.debounce import Cursor, decide
from payymo.orchestration.replaying import (
    CONNECTIONS,
    find_owner,
    list_partitions,
    raw_replay,
)
from payymo.orchestration.services import OrchestrationServices
from payymo.workflows.freshness import find_last_change
from payymo.workflows.pipeline_runs import tell_of_failed_run

_SYNCED: Final = dg.AssetSelection.assets(*(spec.key for spec in SYNCED_TABLES))
_MATCHED: Final = dg.AssetSelection.assets(*(spec.key for spec in MATCHED_TABLES))
_CONSENTS: Final = dg.AssetSelection.assets(*(spec.key for spec in CONSENT_TABLES))
#: Where Dagster keeps which partition a run is of.
_PARTITION: Final = "dagster/partition"
_LAYERS: Final = ("source", "staging", "intermediate", "mart", "warehouse")

daily_transaction_sync: Final = dg.define_asset_job(
    "daily_transaction_sync",
    _SYNCED | _MATCHED,
    description="Sync every connection that can be read, match what came, and check the ledger.",
)
backfill_holes: Final = dg.define_asset_job(
    "backfill_holes",
    _SYNCED | _MATCHED,
    config={"ops": {"bank_data": {"config": {"only_with_holes": True}}}},
    description="Sync the connections of which days are unknown, as far as their consents reach.",
)
refresh_expiring_consents: Final = dg.define_asset_job(
    "refresh_expiring_consents",
    _CONSENTS,
    description="Mark consents that ran out or soon will, warn, and ask about pending ones.",
)
analytics_build: Final = dg.define_asset_job(
    "analytics_build",
    dg.AssetSelection.groups(*_LAYERS),
    description="Bring the warehouse up to the present moment, test it, and publish it.",
)
replay: Final = dg.define_asset_job(
    "replay",
    dg.AssetSelection.assets(raw_replay),
    description="Enter a connection's raw archive anew, and compare it with its ledger.",
)

JOBS: Final = (
    daily_transaction_sync,
    backfill_holes,
    refresh_expiring_consents,
    analytics_build,
    replay,
)

#: Off, because the queue's own schedule does the same without Dagster: see `jobs/schedule.py`.
_LEFT_TO_THE_QUEUE: Final = dg.DefaultScheduleStatus.STOPPED

#: What is asked for by itself ends at once where somebody else has built it meanwhile.
_UNLESS_SHOWN: Final = {"ops": {"warehouse_models": {"config": {"unless_shown": True}}}}

SCHEDULES: Final = (
    dg.ScheduleDefinition(
        job=daily_transaction_sync,
        cron_schedule="0 1 * * *",
        default_status=_LEFT_TO_THE_QUEUE,
        description="The worker syncs daily by itself: turn this on only to see it in Dagster.",
    ),
    dg.ScheduleDefinition(
        job=refresh_expiring_consents,
        cron_schedule="0 * * * *",
        default_status=_LEFT_TO_THE_QUEUE,
        description="The worker does it hourly by itself: turn this on only to see it in Dagster.",
    ),
    dg.ScheduleDefinition(
        job=analytics_build,
        cron_schedule="10 0 * * *",
        default_status=_LEFT_TO_THE_QUEUE,
        description="The worker builds on a new day by itself: turn this on where it may not.",
    ),
)


@dg.sensor(
    job=analytics_build,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def build_after_changes(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[OrchestrationServices]
) -> dg.SensorResult:
    """Build the warehouse once a sync, a matching or a person changed something.

    It waits for two quiet minutes, and for fifteen minutes after the first change at the latest.
    """
    record = Warehouse(services.warehouse_dir).current()
    decision = decide(
        Cursor.read(context.cursor),
        changed_at=find_last_change(services.sessions),
        shown=None if record is None else record.as_of,
        now=services.clock(),
    )
    asked_for = decision.cursor.asked_for
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=str(asked_for), run_config=_UNLESS_SHOWN)]
        if decision.is_due
        else None,
        skip_reason=None if decision.is_due else decision.reason,
        cursor=decision.cursor.write(),
    )


@dg.sensor(minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def bank_connections(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[OrchestrationServices]
) -> dg.SensorResult | dg.SkipReason:
    """Keep a partition for each connection that there is."""
    present = set(list_partitions(services))
    known = set(context.instance.get_dynamic_partitions(str(CONNECTIONS.name)))
    if present == known:
        return dg.SkipReason(f"{len(known)} connections, as before.")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if new := sorted(present - known):
        requests.append(CONNECTIONS.build_add_request(new))
    if gone := sorted(known - present):
        requests.append(CONNECTIONS.build_delete_request(gone))
    return dg.SensorResult(dynamic_partitions_requests=requests)


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING)
def failed_runs(
    context: dg.RunFailureSensorContext, services: dg.ResourceParam[OrchestrationServices]
) -> None:
    """Tell those whose work failed in a run; of a build, that figures are not the latest.

    What is nobody's work in particular, such as a run that was told something it cannot be, is the
    operator's matter alone: it is here, and in the log.
    """
    run = context.dagster_run
    failures = context.get_step_failure_events()
    steps = sorted({str(event.step_key) for event in failures})
    tenant_ids = find_concerned(services, run, failures)
    context.log.warning("%s failed; it was the work of %s tenants.", run.job_name, len(tenant_ids))
    tell_of_failed_run(
        services.sessions,
        UUID(run.run_id),
        tenant_ids=tenant_ids,
        job=run.job_name,
        steps=steps,
        clock=services.clock,
    )
    has_begun = bool(context.instance.get_run_step_stats(run.run_id))
    if run.job_name == analytics_build.name and has_begun:
        record = context.instance.get_run_record_by_id(run.run_id)
        ended = record.end_time if record else None
        failed_at = datetime.fromtimestamp(ended, UTC) if ended else services.clock()
        note_failed_build(services, run.run_id, steps, failed_at=failed_at)


SENSORS: Final = (build_after_changes, bank_connections, failed_runs)


def find_concerned(
    services: OrchestrationServices, run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent]
) -> Collection[UUID]:
    """Return the tenants whose work failed in a run: as its steps say, or as its partition does.

    :param services: What to work with.
    :param run: The run.
    :param failures: Which of its steps failed.
    """
    concerned: set[UUID] = set()
    for event in failures:
        told = event.step_failure_data.user_failure_data
        named = told.metadata.get(CONCERNED) if told else None
        if named is not None and isinstance(named.value, list):
            concerned |= {UUID(str(each)) for each in named.value}
    partition = run.tags.get(_PARTITION)
    if failures and run.job_name == replay.name and partition is not None:
        try:
            concerned.add(find_owner(services, UUID(partition)))
        except NotFoundError:
            return concerned  # the connection has gone, and its tenant's work with it
    return concerned


def note_failed_build(
    services: OrchestrationServices, run_id: str, steps: Iterable[str], *, failed_at: datetime
) -> None:
    """Let the warehouse's freshness say that a build failed.

    Where the build said so itself, or another one succeeded after it, that counts.

    :param services: What to work with.
    :param run_id: The run that failed.
    :param steps: Which steps of it did.
    :param failed_at: When (aware).
    """
    warehouse = Warehouse(services.warehouse_dir)
    current = warehouse.current()
    is_overtaken = current is not None and current.finished_at > failed_at
    if is_overtaken or warehouse.latest_failure() is not None:
        return
    names = ", ".join(steps) or "its process"
    warehouse.note_failure(
        BuildFailure(
            failed_at=failed_at,
            message=f"The run {run_id} of analytics_build failed.",
            problems=[f"What failed is {names}: Dagster's log of the run says why."],
        )
    )
