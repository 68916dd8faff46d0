"""The queue: a job exists if and only if its reason was committed, and never waits twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_connection, add_tenant

from payymo.domain.enums import JobKind, JobStatus, SyncTrigger
from payymo.jobs.app import Order, PostgresJobQueue
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import get_job
from payymo.postgres.jobs.operations.queue import hold_waiting
from payymo.postgres.tenancy import enter_tenant, tenant_transaction

TASKS = "SELECT task_name, lock, queueing_lock, args, scheduled_at FROM procrastinate_jobs"


@pytest.fixture
def queue() -> PostgresJobQueue:
    return PostgresJobQueue()


@pytest.fixture
def connection_id(session: Session, tenant_id: UUID) -> UUID:
    return add_connection(session, tenant_id).id


class TestQueueSync:
    def test_the_job_and_its_row_of_the_queue_know_each_other(
        self, session: Session, tenant_id: UUID, connection_id: UUID, queue: PostgresJobQueue
    ) -> None:
        actor = uuid4()

        job = queue.queue_sync(
            session, tenant_id, connection_id, trigger=SyncTrigger.REQUEST, requested_by=actor
        )

        assert (job.kind, job.status, job.requested_by) == (JobKind.SYNC, JobStatus.QUEUED, actor)
        row = session.execute(text(TASKS)).one()
        assert row.task_name == "sync"
        assert row.lock == row.queueing_lock == f"connection:{connection_id}"
        assert row.args == {
            "tenant_id": str(tenant_id),
            "job_id": str(job.id),
            "connection_id": str(connection_id),
            "trigger": "request",
        }

    def test_an_equal_job_that_waits_is_returned(
        self, session: Session, tenant_id: UUID, connection_id: UUID, queue: PostgresJobQueue
    ) -> None:
        jobs = [
            queue.queue_sync(session, tenant_id, connection_id, trigger=trigger, requested_by=None)
            for trigger in (SyncTrigger.FIRST, SyncTrigger.SCHEDULE)
        ]

        assert jobs[0].id == jobs[1].id
        assert session.scalar(select(func.count()).select_from(Job)) == 1

    def test_each_connection_has_a_job_of_its_own(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue
    ) -> None:
        jobs = {
            queue.queue_sync(
                session,
                tenant_id,
                add_connection(session, tenant_id).id,
                trigger=SyncTrigger.FIRST,
                requested_by=None,
            ).id
            for _ in range(2)
        }

        assert len(jobs) == 2

    @pytest.mark.parametrize(
        "trigger", [SyncTrigger.REQUEST, SyncTrigger.FIRST, SyncTrigger.SCHEDULE]
    )
    def test_what_is_asked_for_at_once_does_not_wait_for_a_planned_time(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue, trigger: SyncTrigger
    ) -> None:
        connection_id = add_connection(session, tenant_id).id
        far = NOW + timedelta(days=36500)
        queue.queue_sync(
            session,
            tenant_id,
            connection_id,
            trigger=SyncTrigger.SCHEDULE,
            requested_by=None,
            not_before=far,
        )

        queue.queue_sync(session, tenant_id, connection_id, trigger=trigger, requested_by=None)

        row = session.execute(text(TASKS)).one()
        assert row.scheduled_at is None
        assert row.args["trigger"] == trigger  # with the rights of whoever asked

    def test_a_planned_time_is_brought_forward_and_never_put_off(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue
    ) -> None:
        connection_id = add_connection(session, tenant_id).id
        far = NOW + timedelta(days=36500)
        for days in (2, 1, 3):
            queue.queue_sync(
                session,
                tenant_id,
                connection_id,
                trigger=SyncTrigger.SCHEDULE,
                requested_by=None,
                not_before=far + timedelta(days=days),
            )

        assert session.execute(text(TASKS)).one().scheduled_at == far + timedelta(days=1)

    def test_a_first_sync_stays_one_when_a_person_asks_too(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue
    ) -> None:
        connection_id = add_connection(session, tenant_id).id
        for trigger in (SyncTrigger.FIRST, SyncTrigger.REQUEST):
            queue.queue_sync(session, tenant_id, connection_id, trigger=trigger, requested_by=None)

        assert session.execute(text(TASKS)).one().args["trigger"] == SyncTrigger.FIRST


class TestQueueMatch:
    def test_one_waits_for_each_tenant(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue
    ) -> None:
        first = queue.queue_match(session, tenant_id, requested_by=None)
        second = queue.queue_match(session, tenant_id, requested_by=None)

        assert first.id == second.id
        row = session.execute(text(TASKS)).one()
        assert (row.task_name, row.lock) == ("match", f"match:{tenant_id}")


class TestRequeue:
    def test_the_job_goes_on_in_another_row(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue
    ) -> None:
        job = queue.queue_match(session, tenant_id, requested_by=None)
        before = job.queue_id
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))

        waits = queue.requeue(
            session,
            Order.match(tenant_id),
            job.id,
            not_before=NOW,
            error_code="provider_unavailable",
            error_message="Down.",
        )

        session.refresh(job)
        assert waits
        assert job.queue_id != before
        assert (job.status, job.error_code) == (JobStatus.QUEUED, "provider_unavailable")

    def test_it_does_not_when_an_equal_one_waits(
        self, session: Session, tenant_id: UUID, queue: PostgresJobQueue
    ) -> None:
        job = queue.queue_match(session, tenant_id, requested_by=None)

        waits = queue.requeue(
            session,
            Order.match(tenant_id),
            uuid4(),
            not_before=None,
            error_code="x",
            error_message="x",
        )

        assert not waits
        assert get_job(session, tenant_id, job.id).status is JobStatus.QUEUED


class TestOrder:
    def test_what_is_read_from_the_queue_is_what_was_put_in(self) -> None:
        tenant_id, connection_id = uuid4(), uuid4()
        for order in (
            Order.match(tenant_id),
            Order.sync(tenant_id, connection_id, SyncTrigger.RENEWAL),
        ):
            arguments = {"tenant_id": str(tenant_id), "job_id": "x", **order.arguments}

            assert Order.read(order.kind.value, arguments) == order


class TestTransactions:
    """What needs transactions that are really committed."""

    @pytest.fixture
    def own_sessions(self, database: str) -> Iterator[sessionmaker[Session]]:
        engine: Engine = create_app_engine(database)
        yield create_sessions(engine)
        engine.dispose()

    @pytest.fixture
    def own_tenant(self, own_sessions: sessionmaker[Session]) -> UUID:
        with own_sessions.begin() as session:
            return add_tenant(session)

    def test_without_its_reason_there_is_no_job(
        self, own_sessions: sessionmaker[Session], own_tenant: UUID, queue: PostgresJobQueue
    ) -> None:
        session = own_sessions()
        enter_tenant(session, own_tenant)
        queue.queue_match(session, own_tenant, requested_by=None)
        session.rollback()
        session.close()

        with tenant_transaction(own_sessions, own_tenant) as session:
            assert session.scalar(select(func.count()).select_from(Job)) == 0
            assert session.execute(text(TASKS)).all() == []

    def test_many_who_queue_at_once_get_one_job(
        self, own_sessions: sessionmaker[Session], own_tenant: UUID, queue: PostgresJobQueue
    ) -> None:
        def put(_: int) -> UUID:
            with tenant_transaction(own_sessions, own_tenant) as session:
                return queue.queue_match(session, own_tenant, requested_by=None).id

        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(put, range(24)))

        assert len(ids) == 1

    def test_a_waiting_job_is_not_started_before_whoever_counts_on_it_commits(
        self, own_sessions: sessionmaker[Session], own_tenant: UUID, queue: PostgresJobQueue
    ) -> None:
        fetch = text("SELECT id FROM procrastinate_fetch_job_v2(NULL, NULL)")
        with tenant_transaction(own_sessions, own_tenant) as session:
            job = queue.queue_match(session, own_tenant, requested_by=None)

        with tenant_transaction(own_sessions, own_tenant) as session:
            queue.queue_match(session, own_tenant, requested_by=None)
            with own_sessions.begin() as worker:
                fetched_early = worker.scalar(fetch)
        with own_sessions.begin() as worker:
            fetched_late = worker.scalar(fetch)

        assert (fetched_early, fetched_late) == (None, job.queue_id)
        with own_sessions.begin() as session:
            assert hold_waiting(session, f"match:{own_tenant}") is None
