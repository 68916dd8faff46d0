"""What happens by itself, and when (UTC). PostgreSQL and one worker are all that it takes."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from procrastinate import App, RetryStrategy
from procrastinate.job_context import JobContext

from payymo.domain.enums import RunStatus, SyncTrigger
from payymo.domain.syncing import stagger
from payymo.jobs.app import CONSENT_CHECK, SCHEDULE_QUEUE, WAREHOUSE_BUILD
from payymo.jobs.attempts import log_error
from payymo.jobs.services import WorkerServices
from payymo.postgres.common.operations.connections import (
    claim_postponed_connections,
    list_due_connections,
)
from payymo.postgres.jobs.operations.jobs import list_running_connections
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.consents import check_consents, poll_consents
from payymo.workflows.freshness import find_due, is_build_due
from payymo.workflows.rates import update_rates

logger = logging.getLogger(__name__)

CONSENT_HOURLY: Final = "0 * * * *"
DAILY_SYNC: Final = "0 1 * * *"
CONSENT_POLL: Final = "*/5 * * * *"
NIGHTLY_MATCH: Final = "0 4 * * *"
POSTPONED_SYNC: Final = "*/15 * * * *"
QUEUE_PURGE: Final = "30 2 * * *"
#: Reference rates are published at about 16:00 in Frankfurt; what failed is tried once more.
RATES_UPDATE: Final = "15 16,20 * * *"
#: How often it is looked whether the warehouse shows what has changed.
WAREHOUSE_LOOK: Final = "*/5 * * * *"

#: Daily syncs start within this time, each connection always at the same moment of it.
SPREAD: Final = timedelta(hours=1)
#: For how long a consent is asked for often; the hourly check asks for older ones.
CONSENT_POLL_AGE_MAX: Final = timedelta(hours=1)
#: For how long rows of the queue are kept once they have ended.
QUEUE_HOURS_KEPT: Final = 7 * 24
#: A task that was due while no worker ran is still done, unless it is due again anyway.
LATENESS_MAX: Final = timedelta(hours=23)

_RETRY: Final = RetryStrategy(max_attempts=3, wait=60)


class ScheduledTaskError(Exception):
    """A task of the schedule failed; the log says where."""


def add_schedule(app: App, services: WorkerServices) -> None:
    """Let a worker do what happens by itself.

    :param app: The worker's queue.
    :param services: What to work with.
    """

    @app.periodic(cron=CONSENT_HOURLY)
    @app.task(name=CONSENT_CHECK, queue=SCHEDULE_QUEUE, retry=_RETRY)
    def consent_check(timestamp: int) -> None:
        _run(
            CONSENT_CHECK,
            timestamp,
            lambda: check_consents(
                services.sessions, services.providers, services.queue, clock=services.clock
            ),
        )

    @app.periodic(cron=DAILY_SYNC)
    @app.task(name="daily_sync", queue=SCHEDULE_QUEUE, retry=_RETRY)
    def daily_sync(timestamp: int) -> None:
        _run("daily_sync", timestamp, lambda: queue_due_syncs(services))

    @app.periodic(cron=NIGHTLY_MATCH)
    @app.task(name="nightly_match", queue=SCHEDULE_QUEUE, retry=_RETRY)
    def nightly_match(timestamp: int) -> None:
        _run("nightly_match", timestamp, lambda: queue_matches(services))

    # These two come again soon: one that could not be done is dropped.
    @app.periodic(cron=CONSENT_POLL)
    @app.task(name="consent_poll", queue=SCHEDULE_QUEUE, queueing_lock="consent_poll")
    def consent_poll(timestamp: int) -> None:
        _run(
            "consent_poll",
            timestamp,
            lambda: poll_consents(
                services.sessions,
                services.providers,
                services.queue,
                age_max=CONSENT_POLL_AGE_MAX,
                clock=services.clock,
            ),
        )

    @app.periodic(cron=POSTPONED_SYNC)
    @app.task(name="postponed_sync", queue=SCHEDULE_QUEUE, queueing_lock="postponed_sync")
    def postponed_sync(timestamp: int) -> None:
        _run("postponed_sync", timestamp, lambda: queue_postponed_syncs(services))

    @app.periodic(cron=RATES_UPDATE)
    @app.task(name="rates_update", queue=SCHEDULE_QUEUE, queueing_lock="rates_update")
    def rates_update(timestamp: int) -> None:
        _run("rates_update", timestamp, lambda: bring_rates(services))

    @app.periodic(cron=WAREHOUSE_LOOK)
    @app.task(
        name=WAREHOUSE_BUILD,
        queue=SCHEDULE_QUEUE,
        queueing_lock=WAREHOUSE_BUILD,
        lock=WAREHOUSE_BUILD,
    )
    def warehouse_build(timestamp: int) -> None:
        _run(WAREHOUSE_BUILD, timestamp, lambda: refresh_warehouse(services))

    @app.periodic(cron=QUEUE_PURGE)
    @app.task(
        name="queue_purge", queue=SCHEDULE_QUEUE, queueing_lock="queue_purge", pass_context=True
    )
    async def queue_purge(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # told by name
        await context.app.job_manager.delete_old_jobs(
            nb_hours=QUEUE_HOURS_KEPT,
            include_failed=True,
            include_cancelled=True,
            include_aborted=True,
        )


def queue_due_syncs(services: WorkerServices) -> None:
    """Queue a sync of every tenant's connections that are due, spread over :data:`SPREAD`.

    One that is being synced is left alone; a sync that waits for later is brought forward.

    :param services: What to work with.
    """
    now = services.clock()
    with services.sessions.begin() as session:
        tenant_ids = list_tenant_ids(session)
    for tenant_id in tenant_ids:
        with tenant_transaction(services.sessions, tenant_id) as session:
            running = set(list_running_connections(session, tenant_id))
            for connection in list_due_connections(session, tenant_id, now=now):
                if connection.id in running:
                    continue
                services.queue.queue_sync(
                    session,
                    tenant_id,
                    connection.id,
                    trigger=SyncTrigger.SCHEDULE,
                    requested_by=None,
                    not_before=now + stagger(connection.id, SPREAD),
                )


def queue_matches(services: WorkerServices) -> None:
    """Queue a matching for every tenant: a day after the last full one it looks at everything.

    :param services: What to work with.
    """
    with services.sessions.begin() as session:
        tenant_ids = list_tenant_ids(session)
    for tenant_id in tenant_ids:
        with tenant_transaction(services.sessions, tenant_id) as session:
            services.queue.queue_match(session, tenant_id, requested_by=None)


def queue_postponed_syncs(services: WorkerServices) -> None:
    """Queue a sync of every tenant's connections that had to wait, for a quota for example.

    :param services: What to work with.
    """
    now = services.clock()
    with services.sessions.begin() as session:
        tenant_ids = list_tenant_ids(session)
    for tenant_id in tenant_ids:
        with tenant_transaction(services.sessions, tenant_id) as session:
            for connection_id in claim_postponed_connections(session, tenant_id, now=now):
                services.queue.queue_sync(
                    session,
                    tenant_id,
                    connection_id,
                    trigger=SyncTrigger.SCHEDULE,
                    requested_by=None,
                )


def bring_rates(services: WorkerServices) -> None:
    """Ask for the reference rates that are not known yet, where anybody shall be asked.

    That it failed is written down, and shown by ``payymo rates status`` and ``/fx_imports``.

    :param services: What to work with.
    """
    if services.rates is None:
        return
    report = update_rates(services.sessions, services.rates, clock=services.clock)
    if report.status is RunStatus.FAILED:
        logger.warning("Exchange rates were not updated", extra={"error_code": report.error_code})


def refresh_warehouse(services: WorkerServices) -> None:
    """Build the warehouse where it shows less than it should, and this worker builds it.

    Where the pause between two builds is not over, another look is left for its end.

    :param services: What to work with.
    """
    builder, pause = services.builder, services.build_pause
    if builder is None or pause is None:
        return
    sessions, warehouse, now = services.sessions, builder.warehouse, services.clock()
    due_at = find_due(sessions, warehouse, pause=pause, now=now)
    if due_at is None:
        return
    if due_at > now:
        with sessions.begin() as session:
            services.queue.queue_refresh(session, now=now, not_before=due_at)
        return
    builder.build(
        lambda *_: None,
        is_wanted=lambda: is_build_due(sessions, warehouse, pause=pause, now=services.clock()),
    )


def _run(name: str, timestamp: int, work: Callable[[], None]) -> None:
    """Do a task of the schedule; what it raises is logged by type and place only.

    :raises ScheduledTaskError: If it failed: the queue tries again, or leaves it to the next time.
    """
    description = {"task": name, "scheduled_at": datetime.fromtimestamp(timestamp, UTC).isoformat()}
    logger.info("Scheduled task started", extra=description)
    try:
        work()
    except Exception as error:  # noqa: BLE001  # the worker outlives whatever a task raises
        log_error(error, description)
        raise ScheduledTaskError(name) from None
