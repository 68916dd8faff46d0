"""What becomes of a job when a try ends without success: another try, or the end."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import FaultKind, FaultReach
from payymo.domain.faults import Fault
from payymo.jobs.app import Order, PostgresJobQueue
from payymo.postgres.jobs.operations.jobs import fail_job, hold_job, replace_job
from payymo.postgres.jobs.operations.queue import close_abandoned_runs

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a job: one row of the queue.

    :ivar order: What the job does.
    :ivar job_id: The job.
    :ivar queue_id: The queue's number of the row.
    """

    order: Order
    job_id: UUID
    queue_id: int

    @property
    def tenant_id(self) -> UUID:
        """Tenant that the job works for."""
        return self.order.tenant_id

    def describe(self) -> dict[str, Any]:
        """Return what log lines say of it: ids, nothing else."""
        return {
            "tenant_id": str(self.tenant_id),
            "job_id": str(self.job_id),
            "job_kind": self.order.kind.value,
            "queue_id": self.queue_id,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try did not succeed.

    :ivar code: For programs.
    :ivar message: In a sentence, without secrets and personal data.
    :ivar result: What was done all the same, for people.
    :ivar kind: Whose matter it is.
    """

    code: str
    message: str
    result: Mapping[str, Any] | None = None
    kind: FaultKind = FaultKind.OURS


STOPPED: Final = Failure(
    "worker_stopped",
    "The worker stopped before the job was done.",
    kind=FaultKind.INTERRUPTED,
)


def hand_back(
    session: Session,
    queue: PostgresJobQueue,
    this: Try,
    failure: Failure,
    *,
    not_before: datetime | None,
    now: datetime,
) -> None:
    """Let a job wait for another try; when an equal one waits already, that one does the work.

    A try that has lost its job meanwhile changes nothing.

    :param session: Open session; the caller manages the transaction.
    :param queue: Takes the next try.
    :param this: The try that ended.
    :param failure: Why it did not succeed.
    :param not_before: When the next may start (aware); ``None`` is at once.
    :param now: The time (aware).
    """
    if hold_job(session, this.tenant_id, this.job_id, queue_id=this.queue_id) is None:
        return
    waits = queue.requeue(
        session,
        this.order,
        this.job_id,
        not_before=not_before,
        error_code=failure.code,
        error_message=failure.message,
    )
    if waits:
        logger.info("Job waits for another try", extra=this.describe())
    else:
        replace_job(session, this.tenant_id, this.job_id, queue_id=this.queue_id, now=now)
        logger.info("Job is replaced by an equal one", extra=this.describe())
    close_runs(session, this, failure, now)


def give_up(session: Session, this: Try, failure: Failure, *, now: datetime) -> None:
    """Note that a job failed for good.

    :param session: Open session; the caller manages the transaction.
    :param this: The try that ended; one that has lost its job changes nothing.
    :param failure: Why it did not succeed.
    :param now: The time (aware).
    """
    fail_job(
        session,
        this.tenant_id,
        this.job_id,
        queue_id=this.queue_id,
        error_code=failure.code,
        error_message=failure.message,
        result=failure.result,
        now=now,
    )
    close_runs(session, this, failure, now)
    logger.warning("Job failed", extra={**this.describe(), "error_code": failure.code})


def close_runs(session: Session, this: Try, failure: Failure, now: datetime) -> None:
    """Note of the sync runs that an earlier try left behind that they came to nothing.

    :param session: Open session; the caller manages the transaction.
    :param this: A try of the same job.
    :param failure: Why the earlier one ended.
    :param now: The time (aware).
    """
    close_abandoned_runs(
        session,
        this.tenant_id,
        this.job_id,
        fault=Fault(
            kind=failure.kind,
            reach=FaultReach.CONNECTION,
            code=failure.code,
            message=failure.message,
        ),
        now=now,
    )
