"""Following jobs: the queue does them, and we watch until they are done."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from payymo.domain.enums import JobStatus
from payymo.domain.errors import NotFoundError, OutageError
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.jobs.operations.jobs import get_job
from payymo.postgres.jobs.operations.queue import find_task_status, last_worker_heartbeat
from payymo.postgres.tenancy import tenant_transaction

#: A worker of which nothing was heard for so long does not work.
SILENCE_MAX: Final = timedelta(minutes=1)

_PENDING: Final = (JobStatus.QUEUED, JobStatus.RUNNING)
_TASK_PENDING: Final = ("todo", "doing")


@dataclass(frozen=True, slots=True)
class Patience:
    """How jobs are watched, in seconds.

    :ivar poll: Between two looks.
    :ivar worker_max: How long a worker may take to show that it lives while all jobs wait.
    """

    poll: float = 0.5
    worker_max: float = 30


@dataclass(frozen=True, slots=True)
class Order:
    """A job that was queued, or was waiting already.

    :ivar subject: What it is about, for people; without names of accounts or persons.
    """

    tenant_id: UUID
    job_id: UUID
    subject: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    :ivar is_replaced: An equal job waited already, and does the work.
    :ivar message: Why it did not succeed, in a sentence.
    :ivar result: What it did.
    """

    order: Order
    status: JobStatus
    is_replaced: bool
    message: str | None
    result: Mapping[str, Any]

    @property
    def is_failure(self) -> bool:
        """Whether a person should look at it."""
        return self.status is not JobStatus.SUCCEEDED and not self.is_replaced


def follow(
    services: OrchestrationServices,
    orders: Collection[Order],
    *,
    log: Callable[[str], None],
    seconds_max: float,
    patience: Patience = Patience(),
) -> Sequence[Outcome]:
    """Watch jobs until each has ended, and return how, in the order of the orders.

    What a job brings about is the queue's: it goes on when nobody watches any more.

    :param services: What to work with.
    :param orders: The jobs.
    :param log: Told of each step of a job, in a sentence.
    :param seconds_max: How long to watch.
    :param patience: How to watch.
    :raises OutageError: If no worker is there, or jobs have not ended in time.
    """
    watch = _Watch(services, log)
    ended: dict[UUID, Outcome] = {}
    started = time.monotonic()
    while True:
        for order in orders:
            if order.job_id not in ended and (outcome := watch.look(order)):
                ended[order.job_id] = outcome
        if len(ended) == len({order.job_id for order in orders}):
            return [ended[order.job_id] for order in orders]
        waited = time.monotonic() - started
        if waited > patience.worker_max:
            watch.demand_worker()
        if waited > seconds_max:
            late = sorted({order.subject for order in orders if order.job_id not in ended})
            raise OutageError(
                f"After {seconds_max / 60:.0f} minutes these have not ended: {', '.join(late)}. "
                "The queue goes on with them; run this again to see how they ended."
            )
        time.sleep(patience.poll)


def follow_task(
    services: OrchestrationServices,
    queue_id: int,
    *,
    log: Callable[[str], None],
    seconds_max: float,
    patience: Patience = Patience(),
) -> bool:
    """Watch a task of the schedule until it has ended, and return whether it succeeded.

    :param services: What to work with.
    :param queue_id: The queue's number of it.
    :param log: Told of each step, in a sentence.
    :param seconds_max: How long to watch.
    :param patience: How to watch.
    :raises OutageError: If no worker is there, or it has not ended in time.
    """
    watch = _Watch(services, log)
    started = time.monotonic()
    while True:
        with services.sessions.begin() as session:
            status = find_task_status(session, queue_id)
        watch.tell(queue_id, f"task {queue_id} of the queue: {status}")
        if status not in _TASK_PENDING:
            return status == "succeeded"
        waited = time.monotonic() - started
        if status == "todo" and waited > patience.worker_max:
            watch.demand_worker()
        if waited > seconds_max:
            raise OutageError(
                f"After {seconds_max / 60:.0f} minutes task {queue_id} of the queue has not ended."
            )
        time.sleep(patience.poll)


class _Watch:
    """What was told of each job so far."""

    def __init__(self, services: OrchestrationServices, log: Callable[[str], None]) -> None:
        self._services = services
        self._log = log
        self._told: dict[UUID | int, str] = {}

    def tell(self, key: UUID | int, sentence: str) -> None:
        """Log a sentence about a job, unless it was the last one."""
        if self._told.get(key) != sentence:
            self._told[key] = sentence
            self._log(sentence)

    def look(self, order: Order) -> Outcome | None:
        """Return how a job ended; ``None`` while it has not."""
        try:
            with tenant_transaction(self._services.sessions, order.tenant_id) as session:
                job = get_job(session, order.tenant_id, order.job_id)
        except NotFoundError:
            # Its connection was ended with all its data, which takes its jobs along.
            self.tell(order.job_id, f"{order.subject}: gone")
            return Outcome(order, JobStatus.CANCELLED, is_replaced=False, message=None, result={})
        progress = f", {job.progress_done} of {job.progress_total}" if job.progress_total else ""
        why = f": {job.error_message}" if job.error_message else ""
        self.tell(order.job_id, f"{order.subject}: {job.status.value}{progress}{why}")
        if job.status in _PENDING:
            return None
        return Outcome(
            order,
            job.status,
            is_replaced=job.error_code == "replaced",
            message=job.error_message,
            result=job.result or {},
        )

    def demand_worker(self) -> None:
        """Raise if no worker was heard of lately."""
        with self._services.sessions.begin() as session:
            heard = last_worker_heartbeat(session)
        if heard is None or self._services.clock() - heard > SILENCE_MAX:
            raise OutageError(
                "No worker is there to do the jobs that wait: start `payymo worker`, or the whole "
                "house with `payymo up`. They are done as soon as one works."
            )
