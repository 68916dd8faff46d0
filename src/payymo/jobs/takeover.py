"""Taking up again what was started by workers who were killed, cut off or switched off."""

import logging
from typing import Final
from uuid import UUID

from payymo.domain.enums import JobKind, MatchScope
from payymo.domain.matching.engine import ENGINE_VERSION
from payymo.jobs.app import Order
from payymo.jobs.attempts import ATTEMPTS_MAX, log_error
from payymo.jobs.outcomes import STOPPED, Try, give_up, hand_back
from payymo.jobs.services import WorkerServices
from payymo.postgres.jobs.operations.jobs import hold_job
from payymo.postgres.jobs.operations.queue import (
    StalledTask,
    end_stalled_task,
    list_stalled_tasks,
    retry_task,
)
from payymo.postgres.reconciliation.operations.match_runs import record_failed_run
from payymo.postgres.tenancy import tenant_transaction

logger = logging.getLogger(__name__)

#: How often a task of the schedule is started anew.
_SCHEDULED_RETRIES_MAX: Final = 2


def take_over_stalled(services: WorkerServices, *, silent_seconds: float) -> None:
    """Let wait again what was started by workers who have since fallen silent.

    :param services: What to work with.
    :param silent_seconds: For how long a worker must not have been heard of.
    """
    with services.sessions.begin() as session:
        stalled = list_stalled_tasks(session, silent_seconds=silent_seconds)
    for task in stalled:
        logger.warning("Task was left behind", extra={"queue_id": task.queue_id, "task": task.name})
        try:
            _take_over(services, task)
        except Exception as error:  # noqa: BLE001  # one that cannot be read leaves the others
            log_error(error, {"queue_id": task.queue_id, "task": task.name})


def _take_over(services: WorkerServices, task: StalledTask) -> None:
    if "job_id" in task.arguments:
        _take_over_job(services, task)
    else:
        _take_over_scheduled(services, task)


def _take_over_job(services: WorkerServices, task: StalledTask) -> None:
    this = Try(
        order=Order.read(task.name, task.arguments),
        job_id=UUID(task.arguments["job_id"]),
        queue_id=task.queue_id,
    )
    now = services.clock()
    with tenant_transaction(services.sessions, this.tenant_id) as session:
        if not end_stalled_task(session, task.queue_id):
            return
        job = hold_job(session, this.tenant_id, this.job_id, queue_id=this.queue_id)
        if job is not None and job.attempt_count >= ATTEMPTS_MAX:
            give_up(session, this, STOPPED, now=now)
            if this.order.kind is JobKind.MATCH:
                # Its last run died with the worker, and could not say so itself.
                record_failed_run(
                    session,
                    this.tenant_id,
                    job_id=this.job_id,
                    engine_version=ENGINE_VERSION,
                    scope=MatchScope.NEWS if job.requested_by is None else MatchScope.FULL,
                    error_message=STOPPED.message,
                    started_at=job.started_at or now,
                    now=now,
                )
        elif job is not None:
            hand_back(session, services.queue, this, STOPPED, not_before=None, now=now)


def _take_over_scheduled(services: WorkerServices, task: StalledTask) -> None:
    """Start a task of the schedule anew, unless the schedule does so soon enough by itself."""
    with services.sessions.begin() as session:
        is_ours = end_stalled_task(session, task.queue_id)
        if is_ours and not task.is_unique and task.attempt_count < _SCHEDULED_RETRIES_MAX:
            retry_task(session, task.queue_id)
