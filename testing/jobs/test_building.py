"""The warehouse is built by the queue: when somebody asks, and when something has changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import Providers
from testing.factories import NOW, add_account
from testing.fakes import FakeClock
from testing.marts import publish

from payymo.analytics.steps import Progress
from payymo.analytics.warehouse import BuildFailure, BuildRecord, Warehouse
from payymo.domain.enums import JobStatus, SyncTrigger
from payymo.domain.errors import BuildFailedError
from payymo.jobs.app import REFRESH_AFTER, Order
from payymo.jobs.attempts import Attempt
from payymo.jobs.outcomes import Try
from payymo.jobs.schedule import refresh_warehouse
from payymo.jobs.services import WorkerServices
from payymo.jobs.tasks import build
from payymo.postgres.auth.operations.tenants import update_tenant
from payymo.postgres.common.operations.sync_runs import record_own_run
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import get_job
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.warehouse import WarehouseBuilder

PAUSE = timedelta(minutes=15)


class QuickBuilder(WarehouseBuilder):
    """Publishes an empty build at once, and counts.

    :ivar meanwhile: What another builder shows who was waited for.
    """

    builds = 0
    meanwhile: datetime | None = None
    error: BuildFailedError | None = None

    def build(
        self, progress: Progress, *, is_wanted: Callable[[], bool] | None = None
    ) -> BuildRecord:
        if self.meanwhile is not None:
            publish(self.warehouse.folder, {}, as_of=self.meanwhile)
        published = self.warehouse.current()
        if published is not None and is_wanted is not None and not is_wanted():
            return published
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
    monkeypatch.setattr(QuickBuilder, "meanwhile", None)
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

    def test_a_build_that_is_waited_for_does_for_it(
        self, services: WorkerServices, job: Job, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        later = job.created_at + timedelta(seconds=1)
        monkeypatch.setattr(QuickBuilder, "meanwhile", later)

        done = work(services, job)

        assert done.status is JobStatus.SUCCEEDED
        assert done.result is not None
        assert datetime.fromisoformat(done.result["as_of"]) == later
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

    def test_what_another_builder_shows_who_was_waited_for_is_not_built_again(
        self,
        services: WorkerServices,
        builder: QuickBuilder,
        sync: Callable[..., None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.shown(builder, minutes=40)
        sync(minutes=10)
        monkeypatch.setattr(QuickBuilder, "meanwhile", NOW - timedelta(minutes=1))

        refresh_warehouse(services)

        assert QuickBuilder.builds == 0


class TestAfterAnEdit:
    def edit(self, services: WorkerServices, tenant_id: UUID) -> datetime:
        """Let a person edit something, and return when the database says that was."""
        with tenant_transaction(services.sessions, tenant_id) as session:
            update_tenant(session, tenant_id, actor_id=None, name="Renamed Ltd")
            moment = session.scalar(select(func.now()))
            assert moment is not None
            services.queue.queue_refresh(session, now=moment)
        return moment

    def looks(self, services: WorkerServices) -> list[datetime]:
        """Return for when a look at the warehouse waits."""
        statement = text(
            "SELECT scheduled_at FROM procrastinate_jobs"
            " WHERE task_name = 'warehouse_build' AND status = 'todo'"
        )
        with services.sessions.begin() as session:
            return list(session.scalars(statement))

    def test_one_look_waits_for_all_tenants_and_edits(
        self, services: WorkerServices, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        moment = self.edit(services, tenant_id)
        self.edit(services, other_tenant_id)
        self.edit(services, tenant_id)

        assert self.looks(services) == [moment + REFRESH_AFTER]

    def test_the_look_builds_what_was_edited_once(
        self, services: WorkerServices, builder: QuickBuilder, tenant_id: UUID, clock: FakeClock
    ) -> None:
        moment = self.edit(services, tenant_id)
        publish(builder.warehouse.folder, {}, as_of=moment - timedelta(minutes=20))
        clock.now = moment + REFRESH_AFTER

        refresh_warehouse(services)
        refresh_warehouse(services)

        assert QuickBuilder.builds == 1

    def test_within_the_pause_another_look_is_left_for_its_end(
        self, services: WorkerServices, builder: QuickBuilder, tenant_id: UUID, clock: FakeClock
    ) -> None:
        moment = self.edit(services, tenant_id)
        with services.sessions.begin() as session:
            session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
        publish(builder.warehouse.folder, {}, as_of=moment - timedelta(minutes=1))
        clock.now = moment + REFRESH_AFTER

        refresh_warehouse(services)

        assert QuickBuilder.builds == 0
        assert self.looks(services) == [moment - timedelta(minutes=1) + PAUSE]
