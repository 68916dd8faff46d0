"""The queue's own tables, which are Procrastinate's: who waits, who works, who stopped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from payymo.domain.enums import RunStatus
from payymo.domain.faults import Fault
from payymo.postgres.common.models import SyncRun
from payymo.postgres.common.operations.faults import fault_columns


@dataclass(frozen=True, slots=True)
class StalledTask:
    """A row of the queue whose worker has fallen silent.

    :ivar queue_id: The queue's number.
    :ivar name: What was to be done.
    :ivar arguments: With what.
    :ivar attempt_count: How often it was tried before.
    :ivar is_unique: Whether it never waits twice.
    """

    queue_id: int
    name: str
    arguments: Mapping[str, Any]
    attempt_count: int
    is_unique: bool


_STALLED = """
    SELECT task.id, task.task_name, task.args, task.attempts, task.queueing_lock
    FROM procrastinate_jobs AS task
    LEFT JOIN procrastinate_workers AS worker ON worker.id = task.worker_id
    WHERE task.status = 'doing'
        AND (
            worker.id IS NULL
            OR worker.last_heartbeat < now() - make_interval(secs => :silent_seconds)
        )
    ORDER BY task.id
"""


def hold_waiting(session: Session, queueing_lock: str) -> int | None:
    """Return the row that waits under this lock; ``None`` if none does.

    No worker starts it before the caller's transaction ends: so what the transaction writes is
    seen by whoever does the work.

    :param session: Open session; the caller manages the transaction.
    :param queueing_lock: What may wait only once.
    """
    queue_id: int | None = session.scalar(
        text(
            "SELECT id FROM procrastinate_jobs "
            "WHERE queueing_lock = :queueing_lock AND status = 'todo' FOR SHARE"
        ),
        {"queueing_lock": queueing_lock},
    )
    return queue_id


def bring_forward(session: Session, queue_id: int, *, not_before: datetime | None = None) -> None:
    """Let a row that waits for a certain time wait for an earlier one; never for a later.

    :param session: Open session; the caller manages the transaction.
    :param queue_id: Row that waits.
    :param not_before: When it may start (aware); ``None`` is at once.
    """
    session.execute(
        text(
            "UPDATE procrastinate_jobs SET scheduled_at = :not_before "
            "WHERE id = :queue_id AND status = 'todo' "
            "AND scheduled_at > COALESCE(:not_before, now())"
        ),
        {"queue_id": queue_id, "not_before": not_before},
    )


def change_argument(
    session: Session, queue_id: int, name: str, value: str, *, instead_of: Collection[str]
) -> None:
    """Tell a row that waits something else.

    :param session: Open session; the caller manages the transaction.
    :param queue_id: Row that waits.
    :param name: Argument of its task.
    :param value: What the argument is to be.
    :param instead_of: What it may have been; anything else stays.
    """
    session.execute(
        text(
            "UPDATE procrastinate_jobs "
            "SET args = jsonb_set(args, ARRAY[:name], to_jsonb(CAST(:value AS text))) "
            "WHERE id = :queue_id AND status = 'todo' AND args ->> :name = ANY(:instead_of)"
        ),
        {"queue_id": queue_id, "name": name, "value": value, "instead_of": list(instead_of)},
    )


def has_due_tasks(session: Session, line: str) -> bool:
    """Return whether anything waits in a line that could be started now.

    :param session: Open session; the caller manages the transaction.
    :param line: Name of the line: Procrastinate has any number of them.
    """
    return bool(
        session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo' "
                "AND queue_name = :line AND (scheduled_at IS NULL OR scheduled_at <= now()))"
            ),
            {"line": line},
        )
    )


def find_task_status(session: Session, queue_id: int) -> str | None:
    """Return where a row of the queue stands, in Procrastinate's words; ``None`` if it is gone.

    :param session: Open session; the caller manages the transaction.
    :param queue_id: The queue's number.
    """
    status: str | None = session.scalar(
        text("SELECT status::text FROM procrastinate_jobs WHERE id = :queue_id"),
        {"queue_id": queue_id},
    )
    return status


def list_stalled_tasks(session: Session, *, silent_seconds: float) -> Sequence[StalledTask]:
    """Return the rows that were started by workers who have fallen silent.

    :param session: Open session; the caller manages the transaction.
    :param silent_seconds: For how long a worker must not have been heard of.
    """
    rows = session.execute(text(_STALLED), {"silent_seconds": silent_seconds})
    return [
        StalledTask(
            queue_id=row.id,
            name=row.task_name,
            arguments=row.args,
            attempt_count=row.attempts,
            is_unique=row.queueing_lock is not None,
        )
        for row in rows
    ]


def end_stalled_task(session: Session, queue_id: int) -> bool:
    """Take a row away from the worker who fell silent, and return whether nobody else did.

    :param session: Open session; the caller manages the transaction.
    :param queue_id: Row that was started.
    """
    held = session.scalar(
        text(
            "SELECT id FROM procrastinate_jobs "
            "WHERE id = :queue_id AND status = 'doing' FOR UPDATE SKIP LOCKED"
        ),
        {"queue_id": queue_id},
    )
    if held is None:
        return False
    session.execute(
        text("SELECT procrastinate_finish_job_v1(:queue_id, 'failed', false)"),
        {"queue_id": queue_id},
    )
    return True


def retry_task(session: Session, queue_id: int) -> None:
    """Let a row that has ended wait again.

    :param session: Open session; the caller manages the transaction.
    :param queue_id: Row that failed.
    """
    session.execute(
        text("SELECT procrastinate_retry_job_v2(:queue_id, now(), NULL, NULL, NULL)"),
        {"queue_id": queue_id},
    )


def close_abandoned_runs(
    session: Session,
    tenant_id: UUID,
    job_id: UUID,
    *,
    fault: Fault,
    now: datetime,
) -> None:
    """Mark the sync runs that a job left running when it ended before its time.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the job.
    :param job_id: Job that ended.
    :param fault: Why.
    :param now: The time (aware).
    """
    session.execute(
        update(SyncRun)
        .where(
            SyncRun.tenant_id == tenant_id,
            SyncRun.job_id == job_id,
            SyncRun.status == RunStatus.RUNNING,
        )
        .values(status=RunStatus.FAILED, finished_at=now, **fault_columns(fault))
    )


def last_worker_heartbeat(session: Session) -> datetime | None:
    """Return when any worker was last heard of (aware); ``None`` when none is known.

    :param session: Open session; the caller manages the transaction.
    """
    heartbeat: datetime | None = session.scalar(
        text("SELECT max(last_heartbeat) FROM procrastinate_workers")
    )
    return heartbeat
