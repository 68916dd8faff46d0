"""The queue's own tables: who waits, who stopped."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from testing.factories import NOW, add_connection

from payymo.domain.enums import JobKind, RunStatus, SyncTrigger
from payymo.domain.faults import interruption
from payymo.jobs.app import PostgresJobQueue
from payymo.postgres.common.models import SyncRun
from payymo.postgres.jobs.operations.jobs import create_job
from payymo.postgres.jobs.operations.queue import (
    close_abandoned_runs,
    end_stalled_task,
    has_due_tasks,
    last_worker_heartbeat,
    list_stalled_tasks,
    retry_task,
)
from payymo.postgres.jobs.operations.tenants import list_tenant_ids

QUEUE = PostgresJobQueue()


def add_worker(session: Session, *, silent_seconds: int) -> int:
    statement = text(
        "INSERT INTO procrastinate_workers (last_heartbeat) "
        "VALUES (now() - make_interval(secs => :seconds)) RETURNING id"
    )
    return int(session.scalars(statement, {"seconds": silent_seconds}).one())


def put_to_work(session: Session, worker_id: int | None) -> None:
    session.execute(
        text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker_id"),
        {"worker_id": worker_id},
    )


@pytest.fixture
def queue_id(session: Session, tenant_id: UUID) -> int:
    return QUEUE.queue_match(session, tenant_id, requested_by=None).queue_id or 0


class TestStalled:
    @pytest.mark.parametrize(("silent_seconds", "is_stalled"), [(29, False), (31, True)])
    def test_a_task_is_stalled_when_its_worker_is_silent(
        self, session: Session, queue_id: int, silent_seconds: int, is_stalled: bool
    ) -> None:
        put_to_work(session, add_worker(session, silent_seconds=silent_seconds))

        stalled = list_stalled_tasks(session, silent_seconds=30)

        assert [task.queue_id for task in stalled] == ([queue_id] if is_stalled else [])

    def test_a_task_whose_worker_nobody_remembers_is_stalled(
        self, session: Session, queue_id: int, tenant_id: UUID
    ) -> None:
        put_to_work(session, None)

        (task,) = list_stalled_tasks(session, silent_seconds=30)

        assert (task.name, task.attempt_count, task.is_unique) == ("match", 0, True)
        assert task.arguments["tenant_id"] == str(tenant_id)

    def test_a_task_that_waits_is_not(self, session: Session, queue_id: int) -> None:
        assert list_stalled_tasks(session, silent_seconds=30) == []

    def test_it_is_ended_once_and_may_be_tried_again(self, session: Session, queue_id: int) -> None:
        put_to_work(session, None)

        assert end_stalled_task(session, queue_id)
        assert not end_stalled_task(session, queue_id)
        assert not has_due_tasks(session, "default")
        retry_task(session, queue_id)
        assert has_due_tasks(session, "default")


def test_what_is_planned_for_later_is_not_due(session: Session, queue_id: int) -> None:
    assert has_due_tasks(session, "default")
    assert not has_due_tasks(session, "schedule")

    session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() + '1 hour'"))

    assert not has_due_tasks(session, "default")


def test_the_last_sign_of_any_worker_counts(session: Session) -> None:
    assert last_worker_heartbeat(session) is None
    for silent_seconds in (50, 5, 500):
        add_worker(session, silent_seconds=silent_seconds)

    seconds = session.scalar(
        text("SELECT extract(epoch FROM now() - CAST(:heartbeat AS timestamptz))"),
        {"heartbeat": last_worker_heartbeat(session)},
    )

    assert seconds == 5


def test_only_runs_that_the_job_left_running_are_closed(session: Session, tenant_id: UUID) -> None:
    connection = add_connection(session, tenant_id)
    job = create_job(session, tenant_id, kind=JobKind.SYNC, connection_id=connection.id)
    runs = [
        SyncRun(
            tenant_id=tenant_id,
            connection_id=connection.id,
            job_id=job_id,
            trigger=SyncTrigger.FIRST,
            status=status,
            started_at=NOW,
        )
        for job_id, status in (
            (job.id, RunStatus.RUNNING),
            (job.id, RunStatus.PARTIAL),
            (uuid4(), RunStatus.RUNNING),
        )
    ]
    session.add_all(runs)
    session.flush()

    close_abandoned_runs(session, tenant_id, job.id, fault=interruption(), now=NOW)

    session.expire_all()
    assert [(run.status, run.error_code) for run in runs] == [
        (RunStatus.FAILED, "interrupted"),
        (RunStatus.PARTIAL, None),
        (RunStatus.RUNNING, None),
    ]


def test_scheduled_work_is_done_for_every_tenant(
    session: Session, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    assert set(list_tenant_ids(session)) >= {tenant_id, other_tenant_id}
