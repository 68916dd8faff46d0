"""What starts runs by itself, and what is told when one fails."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import dagster as dg
import pytest
from sqlalchemy import func, select
from testing.factories import add_connection
from testing.fakes import FakeClock
from testing.orchestration.builds import add_build

from payymo.analytics.warehouse import BuildFailure, Warehouse
from payymo.domain.enums import (
    EventKind,
    EventSubject,
    JobStatus,
    RunStatus,
    SyncRemark,
    SyncTrigger,
)
from payymo.orchestration.automation import (
    SCHEDULES,
    bank_connections,
    build_after_changes,
    failed_runs,
)
from payymo.orchestration.banking import concerning
from payymo.orchestration.debounce import QUIET, Cursor
from payymo.orchestration.following import Order, Outcome
from payymo.orchestration.replaying import CONNECTIONS
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.auth.operations.tenants import update_tenant
from payymo.postgres.common.models import Event, SyncRun
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.freshness import find_last_change
from payymo.workflows.rates import import_rates


def add_run(
    services: OrchestrationServices,
    tenant_id: UUID,
    *,
    ago: timedelta,
    remark: SyncRemark | None = None,
) -> UUID:
    """Add a sync that ended some time ago, and return its connection."""
    with tenant_transaction(services.sessions, tenant_id) as session:
        connection = add_connection(session, tenant_id)
        ended = services.clock() - ago
        session.add(
            SyncRun(
                tenant_id=tenant_id,
                connection_id=connection.id,
                trigger=SyncTrigger.SCHEDULE,
                status=RunStatus.SUCCEEDED,
                started_at=ended,
                finished_at=ended,
                remark_code=remark,
            )
        )
        return connection.id


def make_job(name: str) -> dg.JobDefinition:
    @dg.op
    def build() -> None:
        """Never begins."""

    @dg.job(name=name)
    def job() -> None:
        build()

    return job


def add_matching(
    services: OrchestrationServices, tenant_id: UUID, *, ago: timedelta, suggested: int
) -> None:
    with tenant_transaction(services.sessions, tenant_id) as session:
        ended = services.clock() - ago
        session.add(
            MatchRun(
                tenant_id=tenant_id,
                status=RunStatus.SUCCEEDED,
                engine_version="1",
                suggested_count=suggested,
                started_at=ended,
                finished_at=ended,
            )
        )


class TestFindLastChange:
    def test_nothing_changed_where_nothing_ran(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        assert find_last_change(light_services.sessions) is None

    def test_what_brought_nothing_is_no_change(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        add_run(light_services, tenant_id, ago=timedelta(), remark=SyncRemark.ALL_KNOWN)
        add_matching(light_services, tenant_id, ago=timedelta(), suggested=0)

        assert find_last_change(light_services.sessions) is None

    def test_what_people_edit_is_a_change(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        with tenant_transaction(light_services.sessions, tenant_id) as session:
            update_tenant(session, tenant_id, actor_id=None, name="Renamed Ltd")
            began = session.scalar(select(func.now()))

        assert find_last_change(light_services.sessions) == began

    def test_exchange_rates_that_come_are_a_change(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        clock = FakeClock()
        import_rates(light_services.sessions, b"Date,USD,\n2026-01-02,1.1,\n", clock=clock)
        came_at = clock.now
        clock.now += timedelta(hours=1)
        import_rates(light_services.sessions, b"Date,USD,\n2026-01-02,1.1,\n", clock=clock)

        assert find_last_change(light_services.sessions) == came_at

    def test_the_latest_of_all_tenants_counts(
        self, light_services: OrchestrationServices, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        add_run(light_services, tenant_id, ago=timedelta(hours=3))
        add_matching(light_services, other_tenant_id, ago=timedelta(hours=1), suggested=1)
        add_run(light_services, tenant_id, ago=timedelta(hours=2))

        changed_at = find_last_change(light_services.sessions)

        assert changed_at is not None
        passed = light_services.clock() - changed_at
        assert timedelta(hours=1) <= passed < timedelta(hours=1, minutes=1)


class TestBuildAfterChanges:
    def look(self, services: OrchestrationServices, cursor: str | None) -> dg.SensorResult:
        context = dg.build_sensor_context(cursor=cursor, resources={"services": services})
        result = build_after_changes(context)
        assert isinstance(result, dg.SensorResult)
        return result

    def test_a_change_is_built_once(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        add_run(light_services, tenant_id, ago=QUIET)

        first = self.look(light_services, None)
        second = self.look(light_services, first.cursor)

        assert len(first.run_requests or ()) == 1
        assert not second.run_requests
        assert second.skip_reason == dg.SkipReason(
            "Nothing has changed that the warehouse does not show."
        )

    def test_a_fresh_change_is_waited_for(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        add_run(light_services, tenant_id, ago=timedelta())

        result = self.look(light_services, None)

        assert not result.run_requests
        assert Cursor.read(result.cursor).waiting_since == find_last_change(light_services.sessions)


class TestBankConnections:
    def look(
        self, services: OrchestrationServices, instance: dg.DagsterInstance
    ) -> dg.SensorResult | dg.SkipReason:
        context = dg.build_sensor_context(instance=instance, resources={"services": services})
        result = bank_connections(context)
        assert isinstance(result, dg.SensorResult | dg.SkipReason)
        return result

    def test_partitions_come_and_go_with_connections(
        self,
        light_services: OrchestrationServices,
        tenant_id: UUID,
        other_tenant_id: UUID,
        instance: dg.DagsterInstance,
    ) -> None:
        name = str(CONNECTIONS.name)
        instance.add_dynamic_partitions(name, ["gone"])
        present = [
            str(add_run(light_services, each, ago=timedelta()))
            for each in (tenant_id, other_tenant_id)
        ]

        result = self.look(light_services, instance)

        assert isinstance(result, dg.SensorResult)
        add, delete = result.dynamic_partitions_requests or ()
        assert isinstance(add, dg.AddDynamicPartitionsRequest)
        assert sorted(add.partition_keys) == sorted(present)
        assert isinstance(delete, dg.DeleteDynamicPartitionsRequest)
        assert list(delete.partition_keys) == ["gone"]

    def test_nothing_is_asked_for_where_all_are_known(
        self, light_services: OrchestrationServices, instance: dg.DagsterInstance
    ) -> None:
        assert isinstance(self.look(light_services, instance), dg.SkipReason)


class TestFailedRuns:
    def tell(
        self,
        services: OrchestrationServices,
        instance: dg.DagsterInstance,
        job_name: str,
        *,
        concerned: Sequence[UUID] = (),
        partition: object = None,
    ) -> str:
        """Let a run fail, and return its id."""

        @dg.op
        def build() -> None:
            outcomes = [
                Outcome(
                    Order(each, uuid4(), "connection"),
                    JobStatus.FAILED,
                    is_replaced=False,
                    message="The bank is down.",
                    result={},
                )
                for each in concerned
            ]
            raise dg.Failure("It was not built.", metadata=concerning(outcomes))

        @dg.job(name=job_name)
        def failing() -> None:
            build()

        tags = {"dagster/partition": str(partition)} if partition else {}
        result = failing.execute_in_process(instance=instance, raise_on_error=False, tags=tags)
        self.sense(services, instance, result)
        return result.run_id

    def sense(
        self,
        services: OrchestrationServices,
        instance: dg.DagsterInstance,
        result: dg.ExecuteInProcessResult,
    ) -> None:
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs",
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
            resources={"services": services},
        ).for_run_failure()
        for _ in range(2):  # a second time changes nothing
            failed_runs(context)

    def events(self, services: OrchestrationServices, tenant_id: UUID) -> Sequence[Event]:
        with tenant_transaction(services.sessions, tenant_id) as session:
            return session.scalars(select(Event).where(Event.tenant_id == tenant_id)).all()

    def test_a_tenant_whose_work_failed_is_told_once_and_no_other(
        self,
        light_services: OrchestrationServices,
        instance: dg.DagsterInstance,
        tenant_id: UUID,
        other_tenant_id: UUID,
    ) -> None:
        run_id = self.tell(
            light_services, instance, "daily_transaction_sync", concerned=[tenant_id, uuid4()]
        )

        (event,) = self.events(light_services, tenant_id)
        assert event.kind is EventKind.PIPELINE_RUN_FAILED
        assert (event.subject_kind, event.subject_id) == (EventSubject.PIPELINE_RUN, UUID(run_id))
        assert event.payload == {"job": "daily_transaction_sync", "failed_steps": ["build"]}
        assert self.events(light_services, other_tenant_id) == []
        assert Warehouse(light_services.warehouse_dir).latest_failure() is None

    def test_a_replay_is_the_work_of_its_connections_tenant(
        self,
        light_services: OrchestrationServices,
        instance: dg.DagsterInstance,
        tenant_id: UUID,
        other_tenant_id: UUID,
    ) -> None:
        connection_id = add_run(light_services, tenant_id, ago=timedelta())

        self.tell(light_services, instance, "replay", partition=connection_id)
        self.tell(light_services, instance, "replay", partition=uuid4())

        assert len(self.events(light_services, tenant_id)) == 1
        assert self.events(light_services, other_tenant_id) == []

    @pytest.mark.parametrize("job_name", ["analytics_build", "daily_transaction_sync"])
    def test_what_is_nobodys_work_is_told_to_nobody(
        self,
        light_services: OrchestrationServices,
        instance: dg.DagsterInstance,
        tenant_id: UUID,
        job_name: str,
    ) -> None:
        self.tell(light_services, instance, job_name)

        assert self.events(light_services, tenant_id) == []

    def test_a_run_that_was_told_what_cannot_be_is_no_build_that_failed(
        self, light_services: OrchestrationServices, instance: dg.DagsterInstance, tenant_id: UUID
    ) -> None:
        run = instance.create_run_for_job(make_job("analytics_build"))
        instance.report_run_failed(run, "The configuration is not valid.")
        (record,) = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
        ).records
        event = record.event_log_entry.dagster_event
        assert event is not None
        context = dg.build_run_status_sensor_context(
            sensor_name="failed_runs",
            dagster_instance=instance,
            dagster_run=run,
            dagster_event=event,
            resources={"services": light_services},
        ).for_run_failure()

        failed_runs(context)

        assert self.events(light_services, tenant_id) == []
        assert Warehouse(light_services.warehouse_dir).latest_failure() is None

    def test_the_warehouse_says_that_its_build_failed(
        self, light_services: OrchestrationServices, instance: dg.DagsterInstance
    ) -> None:
        run_id = self.tell(light_services, instance, "analytics_build")

        failure = Warehouse(light_services.warehouse_dir).latest_failure()
        assert failure is not None
        assert run_id in failure.message
        assert failure.problems == ["What failed is build: Dagster's log of the run says why."]

    def test_what_the_build_said_itself_stays(
        self, light_services: OrchestrationServices, instance: dg.DagsterInstance
    ) -> None:
        own = BuildFailure(light_services.clock(), "A test failed.", ["amounts: 2 rows"])
        Warehouse(light_services.warehouse_dir).note_failure(own)

        self.tell(light_services, instance, "analytics_build")

        assert Warehouse(light_services.warehouse_dir).latest_failure() == own

    def test_a_build_that_succeeded_after_it_counts(
        self, light_services: OrchestrationServices, instance: dg.DagsterInstance
    ) -> None:
        add_build(light_services, age=-timedelta(hours=1))

        self.tell(light_services, instance, "analytics_build")

        assert Warehouse(light_services.warehouse_dir).latest_failure() is None


def test_what_the_queue_does_by_itself_is_off() -> None:
    assert {
        schedule.job_name: schedule.default_status is dg.DefaultScheduleStatus.RUNNING
        for schedule in SCHEDULES
    } == {
        "daily_transaction_sync": False,
        "refresh_expiring_consents": False,
        "analytics_build": False,
    }
