"""Which jobs are queued for a run, and what it makes of how they end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import dagster as dg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection

from payymo.domain.enums import Completeness, ConnectionStatus, JobKind, SyncTrigger
from payymo.domain.errors import InvalidInputError
from payymo.jobs.app import PostgresJobQueue
from payymo.orchestration import banking
from payymo.orchestration.banking import SyncConfig, queue_matches, queue_syncs
from payymo.orchestration.following import Order
from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.tables import table_key
from payymo.postgres.common.models import Account, CoverageRow
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import fail_job, finish_job, get_job, start_job
from payymo.postgres.jobs.operations.queue import find_task_status
from payymo.postgres.tenancy import tenant_transaction


def connect(sessions: sessionmaker[Session], tenant_id: UUID) -> Account:
    with tenant_transaction(sessions, tenant_id) as session:
        return add_account(session, tenant_id)


def cover(sessions: sessionmaker[Session], account: Account, *spans: tuple[date, date]) -> None:
    with tenant_transaction(sessions, account.tenant_id) as session:
        for first_day, last_day in spans:
            session.add(
                CoverageRow(
                    tenant_id=account.tenant_id,
                    account_id=account.id,
                    consent_id=account.consent_id,
                    asked_from=first_day,
                    first_day=first_day,
                    last_day=last_day,
                    completeness=Completeness.COMPLETE,
                    learnt_at=NOW,
                )
            )


def jobs(sessions: sessionmaker[Session], tenant_id: UUID) -> Sequence[Job]:
    with tenant_transaction(sessions, tenant_id) as session:
        return session.scalars(select(Job).order_by(Job.id)).all()


def triggers(services: OrchestrationServices, orders: Sequence[Order]) -> list[str]:
    """Return why each job runs, as the queue has it."""
    found = []
    for order in orders:
        with tenant_transaction(services.sessions, order.tenant_id) as session:
            job = get_job(session, order.tenant_id, order.job_id)
            assert job.queue_id is not None
            assert find_task_status(session, job.queue_id) == "todo"
            arguments = session.connection().exec_driver_sql(
                "SELECT args ->> 'trigger' FROM procrastinate_jobs WHERE id = %s", (job.queue_id,)
            )
            found.append(str(arguments.scalar_one()))
    return found


class TestQueueSyncs:
    def test_every_tenants_connections_are_queued(
        self, light_services: OrchestrationServices, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        mine = connect(light_services.sessions, tenant_id)
        theirs = connect(light_services.sessions, other_tenant_id)

        orders = queue_syncs(light_services, SyncConfig())

        assert [order.subject for order in orders] == [
            f"connection {account.connection_id} (Example Bank)" for account in (mine, theirs)
        ]
        assert triggers(light_services, orders) == [SyncTrigger.SCHEDULE, SyncTrigger.SCHEDULE]

    def test_a_connection_that_cannot_be_read_is_left_out(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        with tenant_transaction(light_services.sessions, tenant_id) as session:
            add_connection(session, tenant_id, status=ConnectionStatus.EXPIRED)

        assert queue_syncs(light_services, SyncConfig()) == []

    def test_one_that_is_named_is_synced_alone_and_as_a_person_asks(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        connect(light_services.sessions, tenant_id)
        named = connect(light_services.sessions, tenant_id)

        (order,) = queue_syncs(light_services, SyncConfig(connections=[str(named.connection_id)]))

        assert str(named.connection_id) in order.subject
        assert triggers(light_services, [order]) == [SyncTrigger.REQUEST]

    def test_one_that_runs_is_only_watched(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        account = connect(light_services.sessions, tenant_id)
        (first,) = queue_syncs(light_services, SyncConfig())
        with tenant_transaction(light_services.sessions, tenant_id) as session:
            job = get_job(session, tenant_id, first.job_id)
            start_job(session, tenant_id, job.id, queue_id=job.queue_id or 0, now=NOW)

        (second,) = queue_syncs(light_services, SyncConfig())

        assert second == first
        assert [job.connection_id for job in jobs(light_services.sessions, tenant_id)] == [
            account.connection_id
        ]

    def test_a_backfill_takes_those_with_unknown_days(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        today = light_services.clock().date()
        whole = connect(light_services.sessions, tenant_id)
        # Today and yesterday are for the next sync, and no hole.
        cover(light_services.sessions, whole, (date(2026, 1, 1), today - timedelta(days=2)))
        holed = connect(light_services.sessions, tenant_id)
        cover(
            light_services.sessions,
            holed,
            (date(2026, 1, 1), date(2026, 1, 31)),
            (date(2026, 2, 2), today),
        )

        (order,) = queue_syncs(light_services, SyncConfig(only_with_holes=True))

        assert str(holed.connection_id) in order.subject

    @pytest.mark.parametrize("name", ["00000000-0000-7000-8000-000000000000", "main"])
    def test_one_that_is_not_there_is_said(
        self, light_services: OrchestrationServices, tenant_id: UUID, name: str
    ) -> None:
        connect(light_services.sessions, tenant_id)

        with pytest.raises(InvalidInputError, match=name):
            queue_syncs(light_services, SyncConfig(connections=[name]))


def test_a_matching_is_queued_for_every_tenant(
    light_services: OrchestrationServices, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    orders = queue_matches(light_services)

    assert [order.tenant_id for order in orders] == [tenant_id, other_tenant_id]
    assert [job.kind for job in jobs(light_services.sessions, tenant_id)] == [JobKind.MATCH]


class InstantQueue(PostgresJobQueue):
    """A queue whose jobs end as soon as they are queued.

    :param ends: Whether each succeeds, in their order.
    """

    def __init__(self, *ends: bool) -> None:
        super().__init__()
        self._ends = list(ends)

    def queue_sync(self, session: Session, *arguments: Any, **options: Any) -> Job:
        return self._end(session, super().queue_sync(session, *arguments, **options))

    def queue_match(self, session: Session, *arguments: Any, **options: Any) -> Job:
        return self._end(session, super().queue_match(session, *arguments, **options))

    def _end(self, session: Session, job: Job) -> Job:
        queue_id = job.queue_id or 0
        start_job(session, job.tenant_id, job.id, queue_id=queue_id, now=NOW)
        if self._ends.pop(0):
            result = {"status": "succeeded", "pulled_count": 9, "added_count": 4}
            finish_job(session, job.tenant_id, job.id, queue_id=queue_id, result=result, now=NOW)
        else:
            fail_job(
                session,
                job.tenant_id,
                job.id,
                queue_id=queue_id,
                error_code="bank_down",
                error_message="The bank does not answer.",
                now=NOW,
            )
        return job


def materialise(
    asset: dg.AssetsDefinition, services: OrchestrationServices, *ends: bool
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [asset],
        resources={"services": replace(services, queue=InstantQueue(*ends))},
        raise_on_error=False,
    )


def complaint(result: dg.ExecuteInProcessResult) -> str | None:
    """Return why a run failed."""
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    told = failure.step_failure_data.user_failure_data
    return told.description if told else None


class TestAssets:
    def test_a_failing_connection_does_not_hide_the_others(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        connect(light_services.sessions, tenant_id)
        failing = connect(light_services.sessions, tenant_id)

        result = materialise(banking.bank_data, light_services, True, False)

        assert result.success
        (check,) = result.get_asset_check_evaluations()
        assert (check.check_name, check.passed) == ("every_connection_was_synced", False)
        (record,) = check.metadata["connections"].records  # type: ignore[attr-defined]  # a table
        assert record.data["subject"] == f"connection {failing.connection_id} (Example Bank)"
        assert record.data["message"] == "The bank does not answer."
        metadata = {
            event.asset_key: event.step_materialization_data.materialization.metadata
            for event in result.get_asset_materialization_events()
        }[table_key("accounts")]
        assert metadata["dagster/row_count"].value == 2
        assert metadata["added_count"].value == 4

    def test_a_run_in_which_nothing_succeeds_fails(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        connect(light_services.sessions, tenant_id)

        result = materialise(banking.bank_data, light_services, False)

        assert complaint(result) == "No connection could be synced; each says why."

    def test_a_run_without_connections_succeeds(
        self, light_services: OrchestrationServices
    ) -> None:
        assert materialise(banking.bank_data, light_services).success

    def test_a_matching_that_fails_fails_the_run(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        result = materialise(banking.matching, light_services, False)

        assert complaint(result) == "A matching failed; each tenant's says why."

    def test_what_cannot_be_done_is_a_sentence(self, light_services: OrchestrationServices) -> None:
        nobody = str(uuid4())

        result = dg.materialize(
            [banking.bank_data],
            resources={"services": light_services},
            run_config={"ops": {"bank_data": {"config": {"connections": [nobody]}}}},
            raise_on_error=False,
        )

        told = complaint(result)
        assert told is not None
        assert told.startswith(f"These connections are not there or cannot be read: {nobody}.")
