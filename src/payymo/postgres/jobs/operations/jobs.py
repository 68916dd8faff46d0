"""Background jobs, as their tenants see them.

A job may be tried several times: each try is a row of the queue, whose number the job carries.
Whoever was given an older row has lost the job and changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session

from payymo.domain.enums import JobKind, JobStatus
from payymo.domain.errors import NotFoundError, RuleError
from payymo.postgres.core import Page
from payymo.postgres.jobs.models import Job


def create_job(
    session: Session,
    tenant_id: UUID,
    *,
    kind: JobKind,
    connection_id: UUID | None = None,
    requested_by: UUID | None = None,
) -> Job:
    """Add a job that waits, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that it works for.
    :param kind: What it does.
    :param connection_id: Connection that it is about, where it is about one.
    :param requested_by: User who asked for it; absent when Payymo did.
    """
    job = Job(
        tenant_id=tenant_id,
        kind=kind,
        status=JobStatus.QUEUED,
        connection_id=connection_id,
        requested_by=requested_by,
        attempt_count=0,
        progress_done=0,
    )
    session.add(job)
    session.flush()
    return job


def get_job(session: Session, tenant_id: UUID, job_id: UUID) -> Job:
    """Return one of the tenant's jobs.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param job_id: Job to return.
    :raises NotFoundError: If the tenant has no such job.
    """
    job = session.scalars(select(Job).where(_is(tenant_id, job_id))).one_or_none()
    if job is None:
        raise NotFoundError("There is no such job.")
    return job


def find_job_by_queue_id(session: Session, tenant_id: UUID, queue_id: int) -> Job | None:
    """Return the job whose present try is this row of the queue; ``None`` if there is none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param queue_id: The queue's number.
    """
    return session.scalars(
        select(Job).where(Job.tenant_id == tenant_id, Job.queue_id == queue_id)
    ).one_or_none()


def list_jobs(
    session: Session,
    tenant_id: UUID,
    *,
    status: JobStatus | None = None,
    kind: JobKind | None = None,
    page: int,
    per_page: int,
) -> Page[Job]:
    """Return the tenant's jobs, newest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param status: Only those that stand so.
    :param kind: Only those that do this.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = select(Job).where(Job.tenant_id == tenant_id)
    if status is not None:
        statement = statement.where(Job.status == status)
    if kind is not None:
        statement = statement.where(Job.kind == kind)
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Job.id).subquery())
    )
    rows = session.scalars(
        statement.order_by(Job.id.desc()).offset((page - 1) * per_page).limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def list_waiting_jobs(session: Session, tenant_id: UUID, connection_id: UUID) -> Sequence[Job]:
    """Return a connection's jobs that wait or run, oldest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_id: Connection that they are about.
    """
    return session.scalars(
        select(Job)
        .where(
            Job.tenant_id == tenant_id,
            Job.connection_id == connection_id,
            Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)),
        )
        .order_by(Job.id)
    ).all()


def start_job(
    session: Session, tenant_id: UUID, job_id: UUID, *, queue_id: int, now: datetime
) -> Job | None:
    """Note that a job is being tried, and return it; ``None`` when there is nothing to do.

    A job that is running already was tried by the same row before, and its end could not be noted.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param job_id: Job to start; it may be cancelled, deleted or handed to another try by now.
    :param queue_id: Row of the queue that asks for it.
    :param now: The time (aware).
    """
    return session.scalars(
        update(Job)
        .where(
            _is(tenant_id, job_id),
            Job.queue_id == queue_id,
            Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)),
        )
        .values(
            status=JobStatus.RUNNING,
            attempt_count=Job.attempt_count + 1,
            progress_done=0,
            progress_total=None,
            error_code=None,
            error_message=None,
            started_at=now,
            finished_at=None,
        )
        .returning(Job)
        .execution_options(populate_existing=True)
    ).one_or_none()


def record_progress(
    session: Session, tenant_id: UUID, job_id: UUID, *, done: int, total: int
) -> None:
    """Note how far a running job is.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param job_id: Job; one that is gone is left alone.
    :param done: Units done.
    :param total: Units to do.
    """
    session.execute(
        update(Job)
        .where(_is(tenant_id, job_id), Job.status == JobStatus.RUNNING)
        .values(progress_done=done, progress_total=total)
    )


def finish_job(
    session: Session,
    tenant_id: UUID,
    job_id: UUID,
    *,
    queue_id: int,
    result: Mapping[str, Any],
    now: datetime,
) -> None:
    """Note that a job did what it should.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param job_id: Job; one that is gone or was handed to another try is left alone.
    :param queue_id: Row of the queue that finished it.
    :param result: What it did, for people.
    :param now: The time (aware).
    """
    session.execute(
        update(Job)
        .where(_is_held_by(tenant_id, job_id, queue_id))
        .values(status=JobStatus.SUCCEEDED, result=result, finished_at=now)
    )


def fail_job(
    session: Session,
    tenant_id: UUID,
    job_id: UUID,
    *,
    queue_id: int,
    error_code: str,
    error_message: str,
    now: datetime,
    result: Mapping[str, Any] | None = None,
) -> None:
    """Note that a job did not do what it should, for good.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param job_id: Job; one that is gone or was handed to another try is left alone.
    :param queue_id: Row of the queue that failed.
    :param error_code: Why, for programs.
    :param error_message: Why, in a sentence without secrets and personal data.
    :param now: The time (aware).
    :param result: What it did before it failed, for people.
    """
    session.execute(
        update(Job)
        .where(_is_held_by(tenant_id, job_id, queue_id))
        .values(
            status=JobStatus.FAILED,
            error_code=error_code,
            error_message=error_message,
            result=result,
            finished_at=now,
        )
    )


def replace_job(
    session: Session, tenant_id: UUID, job_id: UUID, *, queue_id: int, now: datetime
) -> None:
    """Note that an equal job, which waited already, does a job's work.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param job_id: Job; one that is gone or was handed to another try is left alone.
    :param queue_id: Row of the queue that was its last try.
    :param now: The time (aware).
    """
    session.execute(
        update(Job)
        .where(_is_held_by(tenant_id, job_id, queue_id))
        .values(
            status=JobStatus.CANCELLED,
            error_code="replaced",
            error_message="An equal job waited already: it does the work.",
            finished_at=now,
        )
    )


def list_running_connections(session: Session, tenant_id: UUID) -> Sequence[UUID]:
    """Return the tenant's connections for which a job runs.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    return session.scalars(
        select(Job.connection_id)
        .where(
            Job.tenant_id == tenant_id,
            Job.connection_id.is_not(None),
            Job.status == JobStatus.RUNNING,
        )
        .distinct()
    ).all()  # type: ignore[return-value]  # those without a connection are left out


def hold_job(session: Session, tenant_id: UUID, job_id: UUID, *, queue_id: int) -> Job | None:
    """Return a job, kept from others, while its present try is this row; ``None`` otherwise.

    :param session: Open session; the lock lasts as long as its transaction.
    :param tenant_id: Tenant that must own it.
    :param job_id: Job; it may be gone, or handed to another try.
    :param queue_id: Row of the queue that asks.
    """
    return session.scalars(
        select(Job)
        .where(
            _is(tenant_id, job_id),
            Job.queue_id == queue_id,
            Job.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def requeue_job(
    session: Session,
    tenant_id: UUID,
    job_id: UUID,
    *,
    queue_id: int,
    error_code: str,
    error_message: str,
) -> None:
    """Let a job wait for another try.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param job_id: Job.
    :param queue_id: Row of the queue that is its next try.
    :param error_code: Why the last try did not succeed, for programs.
    :param error_message: Why the last try did not succeed, in a sentence.
    """
    session.execute(
        update(Job)
        .where(_is(tenant_id, job_id))
        .values(
            status=JobStatus.QUEUED,
            queue_id=queue_id,
            error_code=error_code,
            error_message=error_message,
        )
    )


def cancel_job(session: Session, tenant_id: UUID, job_id: UUID, *, now: datetime) -> Job:
    """Take back a job that waits, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param job_id: Job to cancel.
    :param now: The time (aware).
    :raises NotFoundError: If the tenant has no such job.
    :raises RuleError: If the job runs or has ended.
    """
    job = session.scalars(
        select(Job)
        .where(_is(tenant_id, job_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if job is None:
        raise NotFoundError("There is no such job.")
    if job.status != JobStatus.QUEUED:
        raise RuleError(
            f"Only a job that waits can be cancelled; this one is {job.status.value}.",
            code="job_not_cancellable",
        )
    _cancel(session, job, now)
    return job


def cancel_connection_jobs(
    session: Session, tenant_id: UUID, connection_id: UUID, *, now: datetime
) -> None:
    """Take back a connection's jobs that wait, since the connection ends.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that ends.
    :param now: The time (aware).
    """
    waiting = (
        select(Job)
        .where(
            Job.tenant_id == tenant_id,
            Job.connection_id == connection_id,
            Job.status == JobStatus.QUEUED,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for job in session.scalars(waiting).all():
        _cancel(session, job, now)


def _cancel(session: Session, job: Job, now: datetime) -> None:
    session.execute(
        text("SELECT procrastinate_cancel_job_v1(:queue_id, false, false)"),
        {"queue_id": job.queue_id},
    )
    job.status = JobStatus.CANCELLED
    job.finished_at = now
    session.flush()


def _is(tenant_id: UUID, job_id: UUID) -> ColumnElement[bool]:
    return (Job.tenant_id == tenant_id) & (Job.id == job_id)


def _is_held_by(tenant_id: UUID, job_id: UUID, queue_id: int) -> ColumnElement[bool]:
    return _is(tenant_id, job_id) & (Job.queue_id == queue_id) & (Job.status == JobStatus.RUNNING)
