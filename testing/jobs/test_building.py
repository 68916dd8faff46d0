"""The warehouse is built by the queue: when somebody asks, and when something has changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import Providers
from testing.factories import NOW, add_account
from testing.fakes import FakeClock
from testing.marts import publish

from payymo.analytics.transforming import Progress
from payymo.analytics.warehouse import BuildFailure, BuildRecord, Warehouse
from payymo.domain.enums import JobStatus, SyncTrigger
from payymo.domain.errors import BuildFailedError
from payymo.jobs.app import Order
from payymo.jobs.attempts import Attempt
from payymo.jobs.outcomes import Try
from payymo.jobs.schedule import refresh_warehouse
from payymo.jobs.services import WorkerServices
from payymo.jobs.tasks import build
from payymo.postgres.common.operations.sync_runs import record_own_run
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import get_job
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.warehouse import WarehouseBuilder

PAUSE = timedelta(minutes=15)


class QuickBuilder(WarehouseBuilder):
    """Publishes an empty build at once, and counts."""

    builds = 0
    error: BuildFailedError | None = None

    def build(self, progress: Progress) -> BuildRecord:
        type(self).builds += 1
        progress(1, 2, "src_accounts")
        if self.error is not None:
            raise self.error
        publish(self.warehouse.folder, {}, as_of=self.clock(), built_at=self.clock())
        record = self.warehouse.current()
        assert record is not None
        return record


@pytest.fixture
def builder(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> QuickBuilder:
    monkeypatch.setattr(QuickBuilder, "builds", 0)
    monkeypatch.setattr(QuickBuilder, "error", None)
    return QuickBuilder("postgresql://nobody", Warehouse(tmp_path), clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(
    sessions: sessionmaker[Session], builder: QuickBuilder, clock: FakeClock
) -> WorkerServices:
    return WorkerServices(
        sessions=sessions,
        providers=Providers(),
        clock=clock,
        builder=builder,
        build_pause=PAUSE,
    )


@pytest.fixture
def job(services: WorkerServices, tenant_id: UUID) -> Job:
    with tenant_transaction(services.sessions, tenant_id) as session:
        return services.queue.queue_build(session, tenant_id, requested_by=None)


def work(services: WorkerServices, job: Job) -> Job:
    """Let a worker do a job, and return what became of it."""
    with services.sessions.begin() as session:
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    this = Try(Order.build(job.tenant_id), job.id, job.queue_id or 0)
    Attempt(services=services, this=this, is_stopping=lambda: False).run(build)
    with tenant_transaction(services.sessions, job.tenant_id) as session:
        return get_job(session, job.tenant_id, job.id)


class TestWhenSomebodyAsks:
    def test_it_is_built_and_the_job_says_what(
        self, services: WorkerServices, builder: QuickBuilder, job: Job
    ) -> None:
        done = work(services, job)

        record = builder.warehouse.current()
        assert record is not None
        assert done.status is JobStatus.SUCCEEDED
        assert done.result is not None
        assert done.result["build_id"] == record.id
        assert done.result["as_of"] == "2026-03-01T12:00:00Z"
        assert (done.progress_done, done.progress_total) == (1, 2)

    def test_it_waits_only_once(
        self, services: WorkerServices, job: Job, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        with tenant_transaction(services.sessions, tenant_id) as session:
            again = services.queue.queue_build(session, tenant_id, requested_by=None)
        with tenant_transaction(services.sessions, other_tenant_id) as session:
            other = services.queue.queue_build(session, other_tenant_id, requested_by=None)

        assert again.id == job.id != other.id

    def test_a_build_of_a_later_moment_does_for_it(
        self, services: WorkerServices, builder: QuickBuilder, job: Job
    ) -> None:
        later = job.created_at + timedelta(seconds=1)
        publish(builder.warehouse.folder, {}, as_of=later)

        done = work(services, job)

        assert done.status is JobStatus.SUCCEEDED
        assert QuickBuilder.builds == 0

    def test_one_that_fails_says_so(
        self, services: WorkerServices, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(QuickBuilder, "error", BuildFailedError("It was not built."))

        done = work(services, job)

        assert (done.status, done.error_code) == (JobStatus.FAILED, "build_failed")
        assert done.error_message == "It was not built."

    def test_a_worker_that_builds_none_says_what_to_do(
        self, services: WorkerServices, job: Job
    ) -> None:
        done = work(replace(services, builder=None), job)

        assert done.status is JobStatus.FAILED
        assert "payymo analytics build" in (done.error_message or "")

    def test_what_the_queue_says_is_read_back(self, tenant_id: UUID) -> None:
        order = Order.build(tenant_id)

        assert Order.read("build", {"tenant_id": str(tenant_id)}) == order


class TestByItself:
    @pytest.fixture
    def sync(self, sessions: sessionmaker[Session], tenant_id: UUID) -> Callable[..., None]:
        def sync(**ago: float) -> None:
            with tenant_transaction(sessions, tenant_id) as session:
                account = add_account(session, tenant_id)
                record_own_run(
                    session,
                    tenant_id,
                    account.connection_id,
                    trigger=SyncTrigger.REPLAY,
                    now=NOW - timedelta(**ago),
                )

        return sync

    def shown(self, builder: QuickBuilder, **ago: float) -> None:
        publish(builder.warehouse.folder, {}, as_of=NOW - timedelta(**ago))

    def test_the_first_is_built(self, services: WorkerServices) -> None:
        refresh_warehouse(services)

        assert QuickBuilder.builds == 1

    def test_nothing_new_builds_nothing(
        self, services: WorkerServices, builder: QuickBuilder
    ) -> None:
        self.shown(builder, minutes=40)

        refresh_warehouse(services)

        assert QuickBuilder.builds == 0

    def test_a_change_is_built_after_the_pause(
        self,
        services: WorkerServices,
        builder: QuickBuilder,
        sync: Callable[..., None],
        clock: FakeClock,
    ) -> None:
        self.shown(builder, minutes=14)
        sync(minutes=1)

        refresh_warehouse(services)
        assert QuickBuilder.builds == 0

        clock.now += timedelta(minutes=1)
        refresh_warehouse(services)
        refresh_warehouse(services)
        assert QuickBuilder.builds == 1

    def test_a_change_that_is_shown_builds_nothing(
        self, services: WorkerServices, builder: QuickBuilder, sync: Callable[..., None]
    ) -> None:
        self.shown(builder, minutes=20)
        sync(minutes=30)

        refresh_warehouse(services)

        assert QuickBuilder.builds == 0

    def test_another_day_is_built(self, services: WorkerServices, builder: QuickBuilder) -> None:
        self.shown(builder, hours=24)

        refresh_warehouse(services)

        assert QuickBuilder.builds == 1

    @pytest.mark.parametrize(("minutes", "builds"), [(59, 0), (61, 1)])
    def test_after_a_failure_it_is_left_alone_for_an_hour(
        self, services: WorkerServices, builder: QuickBuilder, minutes: int, builds: int
    ) -> None:
        self.shown(builder, hours=24)
        failed_at = NOW - timedelta(minutes=minutes)
        builder.warehouse.note_failure(BuildFailure(failed_at, "It was not built.", []))

        refresh_warehouse(services)

        assert builds == QuickBuilder.builds

    def test_it_can_be_switched_off(self, services: WorkerServices) -> None:
        refresh_warehouse(replace(services, build_pause=None))
        refresh_warehouse(replace(services, builder=None))

        assert QuickBuilder.builds == 0
