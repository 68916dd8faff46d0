"""One try of a job: what is noted before and after, and what becomes of whatever it raises.

This is the one place that catches every error: a job never ends without a trace.
"""

import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from procrastinate import RetryStrategy
from sqlalchemy.exc import OperationalError

from payymo.domain.enums import FaultKind
from payymo.domain.errors import PayymoError, ProviderError, StoppedError
from payymo.domain.faults import kind_of, kind_of_end
from payymo.jobs.outcomes import STOPPED, Failure, Try, close_runs, give_up, hand_back
from payymo.jobs.services import WorkerServices
from payymo.postgres.jobs.operations.jobs import finish_job, record_progress, start_job
from payymo.postgres.tenancy import tenant_transaction

logger = logging.getLogger(__name__)

#: How long to wait after the first try that failed for a passing reason, after the second …
RETRY_DELAYS: Final = (timedelta(minutes=1), timedelta(minutes=10))
ATTEMPTS_MAX: Final = len(RETRY_DELAYS) + 1

#: An end that could not be noted, because the database went away: the queue takes up its row again.
UNNOTED: Final = RetryStrategy(
    max_attempts=5, wait=5, linear_wait=10, retry_exceptions={OperationalError}
)

_UNEXPECTED: Final = Failure(
    "server_error", "Something unexpected happened: the worker's log says where."
)
_NO_DATABASE: Final = Failure(
    "server_error", "The database could not be reached.", kind=FaultKind.INTERRUPTED
)

_FRAMES_LOGGED: Final = 5


class WorkerStoppingError(StoppedError):
    """The worker is to stop: the job is handed back."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try of a job by this worker.

    :ivar this: Which one.
    :ivar is_stopping: Tells whether the worker is to stop.
    """

    services: WorkerServices
    this: Try
    is_stopping: Callable[[], bool]

    def run(self, work: "Callable[[Attempt], Mapping[str, Any] | Failure]") -> None:
        """Do the work, and note in the job what became of it.

        :param work: Does it: returns what it did, or why it did not.
        :raises OperationalError: If the database is gone when it ends: see :data:`UNNOTED`.
        """
        tries = self._start()
        if tries is None:
            logger.info("Job is no longer wanted", extra=self.this.describe())
            return
        logger.info("Job started", extra=self.this.describe())
        try:
            outcome = work(self)
        except WorkerStoppingError:
            self._hand_back(STOPPED, delay=timedelta())
        except (PayymoError, OperationalError) as error:
            log_error(error, self.this.describe())
            if _passes(error) and tries < ATTEMPTS_MAX:
                self._hand_back(_explain(error), delay=RETRY_DELAYS[tries - 1])
            else:
                self._end(_explain(error))
        except Exception as error:  # noqa: BLE001  # the worker outlives whatever a task raises
            log_error(error, self.this.describe())
            self._end(_UNEXPECTED)
        else:
            self._end(outcome)

    def report(self, done: int, total: int) -> None:
        """Note how far the work is.

        :param done: Units done.
        :param total: Units to do.
        :raises WorkerStoppingError: If the worker is to stop.
        """
        with tenant_transaction(self.services.sessions, self.this.tenant_id) as session:
            record_progress(session, self.this.tenant_id, self.this.job_id, done=done, total=total)
        if self.is_stopping():
            raise WorkerStoppingError

    def _start(self) -> int | None:
        """Return which try this is, from 1; ``None`` when the job is no longer wanted."""
        now = self.services.clock()
        with tenant_transaction(self.services.sessions, self.this.tenant_id) as session:
            job = start_job(
                session,
                self.this.tenant_id,
                self.this.job_id,
                queue_id=self.this.queue_id,
                now=now,
            )
            if job is None:
                return None
            if job.attempt_count > 1:
                close_runs(session, self.this, STOPPED, now)
            return job.attempt_count

    def _hand_back(self, failure: Failure, *, delay: timedelta) -> None:
        now = self.services.clock()
        with tenant_transaction(self.services.sessions, self.this.tenant_id) as session:
            hand_back(
                session,
                self.services.queue,
                self.this,
                failure,
                not_before=now + delay if delay else None,
                now=now,
            )

    def _end(self, outcome: Mapping[str, Any] | Failure) -> None:
        now = self.services.clock()
        with tenant_transaction(self.services.sessions, self.this.tenant_id) as session:
            if isinstance(outcome, Failure):
                give_up(session, self.this, outcome, now=now)
                return
            finish_job(
                session,
                self.this.tenant_id,
                self.this.job_id,
                queue_id=self.this.queue_id,
                result=outcome,
                now=now,
            )
        logger.info("Job done", extra=self.this.describe())


def log_error(error: Exception, description: Mapping[str, Any]) -> None:
    """Log what was raised and where; not its text, which may quote a row or an answer.

    :param error: What was raised.
    :param description: Ids of what it was raised by.
    """
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_LOGGED:]
    logger.error(
        "Task raised an error",
        extra={
            **description,
            "error": type(error).__name__,
            "where": [f"{frame.filename}:{frame.lineno}" for frame in frames],
        },
    )


def _passes(error: PayymoError | OperationalError) -> bool:
    """Return whether the provider, the bank or the database is only not there for the moment."""
    if isinstance(error, OperationalError):
        return True
    return isinstance(error, ProviderError) and kind_of(error) is FaultKind.BANK


def _explain(error: PayymoError | OperationalError) -> Failure:
    if isinstance(error, PayymoError):
        return Failure(error.code, error.message, kind=kind_of_end(error))
    return _NO_DATABASE
