"""What happens by itself happens at its time, for every tenant, and spread."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from procrastinate import App
from procrastinate.testing import InMemoryConnector
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import ConsentingBank, Providers
from testing.factories import NOW, add_connection, add_tenant
from testing.fakes import FakeClock

from payymo.domain.enums import JobKind, JobStatus, SyncTrigger
from payymo.jobs.schedule import (
    SPREAD,
    ScheduledTaskError,
    add_schedule,
    queue_due_syncs,
    queue_postponed_syncs,
)
from payymo.jobs.services import WorkerServices
from payymo.postgres.common.models import Connection
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction

HOUR = timedelta(hours=1)


@pytest.fixture
def services(sessions: sessionmaker[Session]) -> WorkerServices:
    return WorkerServices(sessions=sessions, providers=Providers(), clock=FakeClock())


@pytest.fixture
def app(services: WorkerServices) -> App:
    app = App(connector=InMemoryConnector())
    add_schedule(app, services)
    return app


def add_due(services: WorkerServices, tenant_id: UUID, **columns: Any) -> UUID:
    with tenant_transaction(services.sessions, tenant_id) as session:
        return add_connection(session, tenant_id, **columns).id


def read_jobs(services: WorkerServices, tenant_id: UUID) -> list[Job]:
    with tenant_transaction(services.sessions, tenant_id) as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


class TestAddSchedule:
    def test_each_task_has_its_time(self, app: App) -> None:
        times = {
            name: task.cron for (name, _), task in app.periodic_registry.periodic_tasks.items()
        }

        assert times == {
            "consent_check": "0 * * * *",
            "daily_sync": "0 1 * * *",
            "consent_poll": "*/5 * * * *",
            "nightly_match": "0 4 * * *",
            "postponed_sync": "*/15 * * * *",
            "rates_update": "15 16,20 * * *",
            "warehouse_build": "*/5 * * * *",
            "queue_purge": "30 2 * * *",
        }

    @pytest.mark.parametrize(
        "name",
        [
            "consent_check",
            "daily_sync",
            "consent_poll",
            "nightly_match",
            "postponed_sync",
            "rates_update",
        ],
    )
    def test_each_task_does_what_it_says_for_nobody(self, app: App, name: str) -> None:
        app.tasks[name].func(timestamp=0)

    def test_the_daily_task_queues_syncs(
        self, app: App, services: WorkerServices, tenant_id: UUID
    ) -> None:
        connection_id = add_due(services, tenant_id)

        app.tasks["daily_sync"].func(timestamp=0)

        (job,) = read_jobs(services, tenant_id)
        assert (job.connection_id, job.status) == (connection_id, JobStatus.QUEUED)

    def test_the_nightly_task_queues_one_matching_for_each_tenant(
        self, app: App, services: WorkerServices, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        for _ in range(2):
            app.tasks["nightly_match"].func(timestamp=0)

        for each in (tenant_id, other_tenant_id):
            [job] = read_jobs(services, each)
            assert (job.kind, job.requested_by) == (JobKind.MATCH, None)

    def test_a_task_that_fails_is_tried_again_and_tells_no_secrets(
        self, own_sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture
    ) -> None:
        services = WorkerServices(
            sessions=own_sessions, providers=Providers(ConsentingBank()), clock=FakeClock()
        )
        app = App(connector=InMemoryConnector())
        add_schedule(app, services)
        with own_sessions.begin() as session:
            session.execute(text("SET LOCAL ROLE NONE"))
            session.execute(text("ALTER TABLE tenants RENAME TO gone"))

        with pytest.raises(ScheduledTaskError) as caught:
            app.tasks["daily_sync"].func(timestamp=0)

        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert "SELECT" not in caplog.text


class TestQueueDueSyncs:
    def test_every_tenants_due_connections_are_queued_within_the_spread(
        self, services: WorkerServices, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        connections = {
            add_due(services, tenant) for tenant in (tenant_id, tenant_id, other_tenant_id)
        }
        connections.add(add_due(services, tenant_id, next_sync_at=NOW + HOUR))

        queue_due_syncs(services)

        jobs = read_jobs(services, tenant_id) + read_jobs(services, other_tenant_id)
        assert {job.connection_id for job in jobs} == connections
        with services.sessions.begin() as session:
            times = session.scalars(text("SELECT scheduled_at FROM procrastinate_jobs")).all()
        assert len(times) == 4
        assert all(NOW <= at < NOW + SPREAD for at in times)

    def test_a_connection_always_has_the_same_moment(
        self, services: WorkerServices, tenant_id: UUID
    ) -> None:
        connection_id = add_due(services, tenant_id)

        queue_due_syncs(services)

        with services.sessions.begin() as session:
            at = session.scalars(text("SELECT scheduled_at FROM procrastinate_jobs")).one()
        assert at - NOW == timedelta(seconds=connection_id.int % 3600)

    def test_a_connection_that_is_being_synced_is_left_alone(
        self, services: WorkerServices, tenant_id: UUID
    ) -> None:
        add_due(services, tenant_id)
        queue_due_syncs(services)
        with services.sessions.begin() as session:
            session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
        with tenant_transaction(services.sessions, tenant_id) as session:
            session.execute(text("UPDATE jobs SET status = 'running'"))

        queue_due_syncs(services)

        assert len(read_jobs(services, tenant_id)) == 1

    def test_a_sync_that_waits_for_a_later_reset_is_brought_forward(
        self, services: WorkerServices, tenant_id: UUID
    ) -> None:
        connection_id = add_due(services, tenant_id)
        with tenant_transaction(services.sessions, tenant_id) as session:
            services.queue.queue_sync(
                session,
                tenant_id,
                connection_id,
                trigger=SyncTrigger.SCHEDULE,
                requested_by=None,
                not_before=NOW + 20 * HOUR,
            )

        queue_due_syncs(services)

        assert len(read_jobs(services, tenant_id)) == 1
        with services.sessions.begin() as session:
            at = session.scalars(text("SELECT scheduled_at FROM procrastinate_jobs")).one()
        assert NOW <= at < NOW + SPREAD


class TestQueuePostponedSyncs:
    def test_what_has_come_due_is_queued_once(
        self, services: WorkerServices, tenant_id: UUID
    ) -> None:
        postponed = add_due(services, tenant_id, next_sync_at=NOW)
        add_due(services, tenant_id, next_sync_at=NOW + HOUR)
        add_due(services, tenant_id)

        for _ in range(2):
            queue_postponed_syncs(services)

        (job,) = read_jobs(services, tenant_id)
        assert job.connection_id == postponed
        with tenant_transaction(services.sessions, tenant_id) as session:
            connection = session.get_one(Connection, (tenant_id, postponed))
            assert connection.next_sync_at is None

    def test_a_tenant_without_connections_is_no_trouble(self, services: WorkerServices) -> None:
        with services.sessions.begin() as session:
            tenant_id = add_tenant(session)

        queue_postponed_syncs(services)
        queue_due_syncs(services)

        assert read_jobs(services, tenant_id) == []
