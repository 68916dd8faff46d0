"""A try of a job ends with a trace, whatever it raises."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from procrastinate.jobs import Job as QueueRow
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import Providers
from testing.factories import NOW
from testing.fakes import FakeClock

from payymo.domain.enums import JobStatus, RunStatus
from payymo.domain.errors import ProviderRequestError, ProviderUnavailableError
from payymo.jobs.app import Order
from payymo.jobs.attempts import ATTEMPTS_MAX, RETRY_DELAYS, UNNOTED, Attempt
from payymo.jobs.outcomes import Failure, Try
from payymo.jobs.services import WorkerServices
from payymo.jobs.takeover import take_over_stalled
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import cancel_job, get_job
from payymo.postgres.reconciliation.operations.match_runs import list_match_runs
from payymo.postgres.tenancy import tenant_transaction

SECRET = "DE89370400440532013000"

type Work = Callable[[Attempt], Mapping[str, Any] | Failure]


@pytest.fixture
def services(sessions: sessionmaker[Session]) -> WorkerServices:
    return WorkerServices(sessions=sessions, providers=Providers(), clock=FakeClock())


@pytest.fixture
def job(services: WorkerServices, tenant_id: UUID) -> Job:
    with tenant_transaction(services.sessions, tenant_id) as session:
        return services.queue.queue_match(session, tenant_id, requested_by=None)


def attempt(services: WorkerServices, job: Job, *, is_stopping: bool = False) -> Attempt:
    this = Try(Order.match(job.tenant_id), job.id, job.queue_id or 0)
    return Attempt(services=services, this=this, is_stopping=lambda: is_stopping)


def fetch(services: WorkerServices) -> None:
    """Let a worker end what it works on, and take what waits."""
    with services.sessions.begin() as session:
        session.execute(
            text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'doing'")
        )
        session.execute(
            text(
                "UPDATE procrastinate_jobs SET status = 'doing', scheduled_at = NULL "
                "WHERE status = 'todo'"
            )
        )


def reread(services: WorkerServices, job: Job) -> Job:
    with tenant_transaction(services.sessions, job.tenant_id) as session:
        return get_job(session, job.tenant_id, job.id)


def planned_at(services: WorkerServices) -> list[Any]:
    with services.sessions.begin() as session:
        statement = text("SELECT scheduled_at FROM procrastinate_jobs WHERE status = 'todo'")
        return list(session.scalars(statement))


def a_row(*, attempts: int) -> QueueRow:
    return QueueRow(
        id=1, queue="default", lock=None, queueing_lock=None, task_name="match", attempts=attempts
    )


def raising(error: Exception) -> Work:
    def work(_: Attempt) -> Mapping[str, Any]:
        raise error

    return work


def no_database() -> OperationalError:
    return OperationalError("SELECT 1", {"iban": SECRET}, Exception("gone"))


class Fragile:
    """An opener of transactions that the database refuses once."""

    def __init__(self, sessions: sessionmaker[Session], *, refused: int) -> None:
        self.sessions, self.refused, self.opened = sessions, refused, 0

    def begin(self) -> Any:
        self.opened += 1
        if self.opened == self.refused:
            raise no_database()
        return self.sessions.begin()


class TestRun:
    def test_an_end_that_could_not_be_noted_is_tried_again_by_the_queue(
        self, services: WorkerServices, job: Job
    ) -> None:
        fragile: Any = Fragile(services.sessions, refused=2)
        with pytest.raises(OperationalError) as raised:
            attempt(replace(services, sessions=fragile), job).run(lambda _: {"count": 3})
        assert reread(services, job).status is JobStatus.RUNNING

        assert UNNOTED.get_retry_decision(exception=raised.value, job=a_row(attempts=0)) is not None
        attempt(services, job).run(lambda _: {"count": 3})

        done = reread(services, job)
        assert (done.status, done.result, done.attempt_count) == (
            JobStatus.SUCCEEDED,
            {"count": 3},
            2,
        )

    def test_what_it_did_is_the_jobs_result(self, services: WorkerServices, job: Job) -> None:
        attempt(services, job).run(lambda _: {"count": 3})

        done = reread(services, job)
        assert (done.status, done.result) == (JobStatus.SUCCEEDED, {"count": 3})
        assert done.finished_at == NOW

    def test_why_it_did_not_is_the_jobs_error(self, services: WorkerServices, job: Job) -> None:
        attempt(services, job).run(lambda _: Failure("x", "X.", {"count": 1}))

        done = reread(services, job)
        assert (done.status, done.error_code, done.error_message, done.result) == (
            JobStatus.FAILED,
            "x",
            "X.",
            {"count": 1},
        )

    def test_a_cancelled_job_is_not_done(self, services: WorkerServices, job: Job) -> None:
        with tenant_transaction(services.sessions, job.tenant_id) as session:
            cancel_job(session, job.tenant_id, job.id, now=NOW)

        attempt(services, job).run(lambda _: pytest.fail("it was done"))

        assert reread(services, job).status is JobStatus.CANCELLED

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (ProviderUnavailableError("The bank is down."), "The bank is down."),
            (no_database(), "The database could not be reached."),
        ],
    )
    def test_a_reason_that_passes_is_waited_for_so_often_and_no_more(
        self, services: WorkerServices, job: Job, error: Exception, message: str
    ) -> None:
        for tries, delay in enumerate(RETRY_DELAYS, 1):
            fetch(services)
            attempt(services, reread(services, job)).run(raising(error))

            waiting = reread(services, job)
            assert (waiting.status, waiting.attempt_count) == (JobStatus.QUEUED, tries)
            assert waiting.error_message == message
            assert planned_at(services) == [NOW + delay]
        fetch(services)
        attempt(services, reread(services, job)).run(raising(error))

        failed = reread(services, job)
        assert (failed.status, failed.attempt_count) == (JobStatus.FAILED, ATTEMPTS_MAX)
        assert failed.error_message == message

    def test_a_reason_that_stays_is_not_waited_for(
        self, services: WorkerServices, job: Job
    ) -> None:
        attempt(services, job).run(raising(ProviderRequestError("Wrong question.")))

        failed = reread(services, job)
        assert (failed.status, failed.error_message) == (JobStatus.FAILED, "Wrong question.")

    def test_what_nobody_expected_is_told_without_its_words(
        self, services: WorkerServices, job: Job, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO):
            attempt(services, job).run(raising(KeyError(SECRET)))

        failed = reread(services, job)
        assert (failed.status, failed.error_code) == (JobStatus.FAILED, "server_error")
        assert SECRET not in f"{failed.error_message}"
        (record,) = [one for one in caplog.records if one.message == "Task raised an error"]
        assert all(SECRET not in f"{vars(one)}" for one in caplog.records)
        assert vars(record)["error"] == "KeyError"
        assert vars(record)["job_id"] == str(job.id)
        assert vars(record)["tenant_id"] == str(job.tenant_id)
        assert any("test_attempts.py" in place for place in vars(record)["where"])

    def test_a_worker_that_is_to_stop_hands_back_at_the_next_sign_of_progress(
        self, services: WorkerServices, job: Job
    ) -> None:
        fetch(services)

        def work(this: Attempt) -> Mapping[str, Any]:
            this.report(1, 2)
            return {}

        attempt(services, job, is_stopping=True).run(work)

        back = reread(services, job)
        assert (back.status, back.error_code) == (JobStatus.QUEUED, "worker_stopped")
        assert planned_at(services) == [None]

    def test_when_an_equal_job_waits_that_one_does_the_work(
        self, services: WorkerServices, job: Job
    ) -> None:
        fetch(services)
        with tenant_transaction(services.sessions, job.tenant_id) as session:
            waiting = services.queue.queue_match(session, job.tenant_id, requested_by=None)
        assert waiting.id != job.id

        attempt(services, job).run(raising(ProviderUnavailableError("Down.")))

        replaced = reread(services, job)
        assert (replaced.status, replaced.error_code) == (JobStatus.CANCELLED, "replaced")
        assert reread(services, waiting).status is JobStatus.QUEUED


class TestTakeOver:
    def test_a_job_is_taken_up_so_often_and_no_more(
        self, services: WorkerServices, job: Job
    ) -> None:
        for tries in range(1, ATTEMPTS_MAX + 1):
            fetch(services)
            with tenant_transaction(services.sessions, job.tenant_id) as session:
                running = get_job(session, job.tenant_id, job.id)
                running.status, running.attempt_count = JobStatus.RUNNING, tries

            take_over_stalled(services, silent_seconds=30)

        failed = reread(services, job)
        assert (failed.status, failed.error_code) == (JobStatus.FAILED, "worker_stopped")
        assert planned_at(services) == []
        with tenant_transaction(services.sessions, job.tenant_id) as session:
            (run,) = list_match_runs(session, job.tenant_id).rows
        assert (run.job_id, run.status) == (job.id, RunStatus.FAILED)
        assert run.error_message == "The worker stopped before the job was done."

    def test_a_row_that_lost_its_job_is_only_ended(
        self, services: WorkerServices, job: Job
    ) -> None:
        fetch(services)
        with tenant_transaction(services.sessions, job.tenant_id) as session:
            get_job(session, job.tenant_id, job.id).queue_id = -1

        take_over_stalled(services, silent_seconds=30)

        assert reread(services, job).queue_id == -1
        assert planned_at(services) == []

    @pytest.mark.parametrize(
        ("name", "queueing_lock", "attempts", "waits"),
        [
            ("daily_sync", None, 0, True),
            ("daily_sync", None, 2, False),
            ("consent_poll", "consent_poll", 0, False),
        ],
    )
    def test_a_task_of_the_schedule_is_started_anew_unless_it_comes_again_soon(
        self,
        services: WorkerServices,
        name: str,
        queueing_lock: str | None,
        attempts: int,
        waits: bool,
    ) -> None:
        with services.sessions.begin() as session:
            session.execute(
                text(
                    "INSERT INTO procrastinate_jobs "
                    "(queue_name, task_name, queueing_lock, attempts, status) "
                    "VALUES ('default', :name, :queueing_lock, :attempts, 'doing')"
                ),
                {"name": name, "queueing_lock": queueing_lock, "attempts": attempts},
            )

        take_over_stalled(services, silent_seconds=30)

        assert planned_at(services) != [] if waits else planned_at(services) == []

    def test_one_that_cannot_be_read_leaves_the_others(
        self, services: WorkerServices, job: Job
    ) -> None:
        fetch(services)
        with services.sessions.begin() as session:
            unreadable = text(
                "INSERT INTO procrastinate_jobs (id, queue_name, task_name, args, status) "
                "VALUES (-1, 'default', 'dance', CAST(:args AS jsonb), 'doing')"
            )
            session.execute(unreadable, {"args": '{"job_id": "x", "tenant_id": "x"}'})

        take_over_stalled(services, silent_seconds=30)

        assert planned_at(services) == [None]
