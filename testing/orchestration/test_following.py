"""Jobs are watched until they end, whatever becomes of them."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW

from payymo.domain.enums import JobStatus
from payymo.domain.errors import OutageError
from payymo.orchestration.following import Order, Patience, follow, follow_task
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.jobs.operations.jobs import (
    fail_job,
    finish_job,
    get_job,
    record_progress,
    replace_job,
    start_job,
)
from payymo.postgres.tenancy import tenant_transaction

HASTY = Patience(poll=0, worker_max=1000)
NO_WORKER = Patience(poll=0, worker_max=0)

type Step = Callable[[Session, int], object]


@pytest.fixture
def order(light_services: OrchestrationServices, tenant_id: UUID) -> Order:
    """A matching that waits."""
    with tenant_transaction(light_services.sessions, tenant_id) as session:
        job = light_services.queue.queue_match(session, tenant_id, requested_by=None)
        return Order(tenant_id, job.id, "matching")


class Worker:
    """Does the next step of a job each time that something is logged."""

    def __init__(self, services: OrchestrationServices, order: Order, *steps: Step) -> None:
        self.services, self.order, self.steps = services, order, list(steps)
        self.logged: list[str] = []

    def log(self, sentence: str) -> None:
        self.logged.append(sentence)
        if self.steps:
            with tenant_transaction(self.services.sessions, self.order.tenant_id) as session:
                job = get_job(session, self.order.tenant_id, self.order.job_id)
                self.steps.pop(0)(session, job.queue_id or 0)


def hear_worker(sessions: sessionmaker[Session], *, silent_seconds: int) -> None:
    with sessions.begin() as session:
        session.execute(
            text(
                "INSERT INTO procrastinate_workers (last_heartbeat) "
                "VALUES (now() - make_interval(secs => :seconds))"
            ),
            {"seconds": silent_seconds},
        )


class TestFollow:
    def test_each_step_is_told_and_the_result_returned(
        self, light_services: OrchestrationServices, order: Order
    ) -> None:
        tenant_id, job_id = order.tenant_id, order.job_id
        worker = Worker(
            light_services,
            order,
            lambda session, row: start_job(session, tenant_id, job_id, queue_id=row, now=NOW),
            lambda session, row: record_progress(session, tenant_id, job_id, done=1, total=3),
            lambda session, row: finish_job(
                session, tenant_id, job_id, queue_id=row, result={"applied_count": 7}, now=NOW
            ),
        )

        (outcome,) = follow(light_services, [order], log=worker.log, seconds_max=60, patience=HASTY)

        assert worker.logged == [
            "matching: queued",
            "matching: running",
            "matching: running, 1 of 3",
            "matching: succeeded, 1 of 3",
        ]
        assert (outcome.status, outcome.result) == (JobStatus.SUCCEEDED, {"applied_count": 7})
        assert not outcome.is_failure

    def test_a_failure_says_why(self, light_services: OrchestrationServices, order: Order) -> None:
        tenant_id, job_id = order.tenant_id, order.job_id
        worker = Worker(
            light_services,
            order,
            lambda session, row: start_job(session, tenant_id, job_id, queue_id=row, now=NOW),
            lambda session, row: fail_job(
                session,
                tenant_id,
                job_id,
                queue_id=row,
                error_code="bank_down",
                error_message="The bank does not answer.",
                now=NOW,
            ),
        )

        (outcome,) = follow(light_services, [order], log=worker.log, seconds_max=60, patience=HASTY)

        assert worker.logged[-1] == "matching: failed: The bank does not answer."
        assert (outcome.is_failure, outcome.message) == (True, "The bank does not answer.")

    def test_a_job_that_an_equal_one_replaced_is_no_failure(
        self, light_services: OrchestrationServices, order: Order
    ) -> None:
        tenant_id, job_id = order.tenant_id, order.job_id
        worker = Worker(
            light_services,
            order,
            lambda session, row: start_job(session, tenant_id, job_id, queue_id=row, now=NOW),
            lambda session, row: replace_job(session, tenant_id, job_id, queue_id=row, now=NOW),
        )

        (outcome,) = follow(light_services, [order], log=worker.log, seconds_max=60, patience=HASTY)

        assert (outcome.status, outcome.is_failure) == (JobStatus.CANCELLED, False)

    def test_a_job_that_went_with_its_connection_has_ended(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        logged: list[str] = []

        (outcome,) = follow(
            light_services,
            [Order(tenant_id, uuid4(), "connection")],
            log=logged.append,
            seconds_max=60,
            patience=HASTY,
        )

        assert (logged, outcome.is_failure) == (["connection: gone"], True)

    def test_nothing_to_follow_is_done_at_once(self, light_services: OrchestrationServices) -> None:
        assert follow(light_services, [], log=lambda _: None, seconds_max=0) == []

    def test_two_orders_of_one_job_end_alike(
        self, light_services: OrchestrationServices, order: Order
    ) -> None:
        tenant_id, job_id = order.tenant_id, order.job_id
        worker = Worker(
            light_services,
            order,
            lambda session, row: start_job(session, tenant_id, job_id, queue_id=row, now=NOW),
            lambda session, row: finish_job(
                session, tenant_id, job_id, queue_id=row, result={}, now=NOW
            ),
        )

        outcomes = follow(
            light_services, [order, order], log=worker.log, seconds_max=60, patience=HASTY
        )

        assert [outcome.status for outcome in outcomes] == [JobStatus.SUCCEEDED] * 2

    @pytest.mark.parametrize("silent_seconds", [None, 120])
    def test_without_a_worker_it_says_so(
        self, light_services: OrchestrationServices, order: Order, silent_seconds: int | None
    ) -> None:
        if silent_seconds is not None:
            hear_worker(light_services.sessions, silent_seconds=silent_seconds)

        with pytest.raises(OutageError, match="start `payymo worker`"):
            follow(
                light_services,
                [order],
                log=lambda _: None,
                seconds_max=1000,
                patience=NO_WORKER,
            )

    def test_with_a_worker_it_waits_until_its_time_is_up(
        self, light_services: OrchestrationServices, order: Order
    ) -> None:
        hear_worker(light_services.sessions, silent_seconds=5)

        with pytest.raises(OutageError, match=r"have not ended: matching\. The queue goes on"):
            follow(light_services, [order], log=lambda _: None, seconds_max=0, patience=NO_WORKER)


class TestFollowTask:
    @pytest.fixture
    def queue_id(self, light_services: OrchestrationServices) -> int:
        """A check of the consents that waits."""
        with light_services.sessions.begin() as session:
            return light_services.queue.queue_consent_check(session, now=NOW)

    @pytest.mark.parametrize(("end", "is_success"), [("succeeded", True), ("failed", False)])
    def test_its_end_is_told(
        self, light_services: OrchestrationServices, queue_id: int, end: str, is_success: bool
    ) -> None:
        logged: list[str] = []

        def log(sentence: str) -> None:
            logged.append(sentence)
            with light_services.sessions.begin() as session:
                session.execute(
                    text(
                        "UPDATE procrastinate_jobs "
                        "SET status = CAST(:end AS procrastinate_job_status)"
                    ),
                    {"end": end},
                )

        done = follow_task(light_services, queue_id, log=log, seconds_max=60, patience=HASTY)

        assert done is is_success
        assert logged == [f"task {queue_id} of the queue: {told}" for told in ("todo", end)]

    def test_without_a_worker_it_says_so(
        self, light_services: OrchestrationServices, queue_id: int
    ) -> None:
        with pytest.raises(OutageError, match="start `payymo worker`"):
            follow_task(
                light_services,
                queue_id,
                log=lambda _: None,
                seconds_max=1000,
                patience=NO_WORKER,
            )

    def test_it_does_not_wait_for_ever(
        self, light_services: OrchestrationServices, queue_id: int
    ) -> None:
        with pytest.raises(OutageError, match="has not ended"):
            follow_task(light_services, queue_id, log=lambda _: None, seconds_max=0, patience=HASTY)
