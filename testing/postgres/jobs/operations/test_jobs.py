"""A job's life, as its tenant sees it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_connection

from payymo.domain.enums import JobKind, JobStatus, SyncTrigger
from payymo.domain.errors import NotFoundError, RuleError
from payymo.jobs.app import PostgresJobQueue
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import (
    cancel_connection_jobs,
    cancel_job,
    create_job,
    fail_job,
    find_job_by_queue_id,
    finish_job,
    get_job,
    hold_job,
    list_jobs,
    list_running_connections,
    record_progress,
    replace_job,
    start_job,
)
from payymo.postgres.tenancy import tenant_transaction

QUEUE = PostgresJobQueue()


@pytest.fixture
def job(session: Session, tenant_id: UUID) -> Job:
    return QUEUE.queue_match(session, tenant_id, requested_by=None)


def start(session: Session, job: Job) -> Job | None:
    return start_job(session, job.tenant_id, job.id, queue_id=job.queue_id or 0, now=NOW)


def finish(session: Session, job: Job, queue_id: int) -> None:
    finish_job(session, job.tenant_id, job.id, queue_id=queue_id, result={"done": 1}, now=NOW)


def fail(session: Session, job: Job, queue_id: int) -> None:
    fail_job(
        session,
        job.tenant_id,
        job.id,
        queue_id=queue_id,
        error_code="x",
        error_message="X.",
        now=NOW,
    )


def replace(session: Session, job: Job, queue_id: int) -> None:
    replace_job(session, job.tenant_id, job.id, queue_id=queue_id, now=NOW)


ENDS: list[tuple[Callable[[Session, Job, int], None], JobStatus]] = [
    (finish, JobStatus.SUCCEEDED),
    (fail, JobStatus.FAILED),
    (replace, JobStatus.CANCELLED),
]


class TestLife:
    def test_a_start_counts_as_a_try_and_forgets_the_last_failure(
        self, session: Session, job: Job
    ) -> None:
        job.error_code, job.error_message, job.progress_done = "x", "X.", 3

        started = start(session, job)

        assert started is not None
        assert (started.status, started.attempt_count) == (JobStatus.RUNNING, 1)
        assert (started.error_code, started.progress_done) == (None, 0)
        assert started.started_at == NOW

    def test_the_same_row_starts_it_again_while_its_end_is_not_noted(
        self, session: Session, job: Job
    ) -> None:
        assert start(session, job) is not None

        again = start(session, job)

        assert again is not None
        assert (again.status, again.attempt_count) == (JobStatus.RUNNING, 2)

    def test_what_has_ended_is_not_started(self, session: Session, job: Job) -> None:
        start(session, job)
        finish(session, job, job.queue_id or 0)

        assert start(session, job) is None

    def test_a_row_that_lost_the_job_cannot_start_it(self, session: Session, job: Job) -> None:
        assert start_job(session, job.tenant_id, job.id, queue_id=-1, now=NOW) is None

    def test_progress_is_noted_while_it_runs(self, session: Session, job: Job) -> None:
        record_progress(session, job.tenant_id, job.id, done=1, total=3)
        session.refresh(job)
        assert (job.progress_done, job.progress_total) == (0, None)
        start(session, job)

        record_progress(session, job.tenant_id, job.id, done=1, total=3)

        session.refresh(job)
        assert (job.progress_done, job.progress_total) == (1, 3)

    @pytest.mark.parametrize(("end", "status"), ENDS)
    def test_it_ends_once(
        self,
        session: Session,
        job: Job,
        end: Callable[[Session, Job, int], None],
        status: JobStatus,
    ) -> None:
        start(session, job)
        end(session, job, job.queue_id or 0)
        fail(session, job, job.queue_id or 0)
        finish(session, job, job.queue_id or 0)

        session.refresh(job)
        assert (job.status, job.finished_at) == (status, NOW)

    @pytest.mark.parametrize(("end", "status"), ENDS)
    def test_a_row_that_lost_the_job_cannot_end_it(
        self,
        session: Session,
        job: Job,
        end: Callable[[Session, Job, int], None],
        status: JobStatus,
    ) -> None:
        start(session, job)

        end(session, job, -1)

        session.refresh(job)
        assert job.status is JobStatus.RUNNING

    def test_it_is_held_by_its_present_row_only(self, session: Session, job: Job) -> None:
        assert hold_job(session, job.tenant_id, job.id, queue_id=-1) is None
        assert hold_job(session, job.tenant_id, job.id, queue_id=job.queue_id or 0) is job
        assert find_job_by_queue_id(session, job.tenant_id, job.queue_id or 0) is job


class TestCancel:
    def test_a_job_that_waits_leaves_the_queue(self, session: Session, job: Job) -> None:
        cancelled = cancel_job(session, job.tenant_id, job.id, now=NOW)

        assert (cancelled.status, cancelled.finished_at) == (JobStatus.CANCELLED, NOW)
        status = session.scalar(text("SELECT status::text FROM procrastinate_jobs"))
        assert status == "cancelled"
        assert start(session, job) is None

    @pytest.mark.parametrize("twice", [True, False])
    def test_one_that_runs_or_has_ended_stays(
        self, session: Session, job: Job, twice: bool
    ) -> None:
        if twice:
            cancel_job(session, job.tenant_id, job.id, now=NOW)
        else:
            start(session, job)

        with pytest.raises(RuleError) as caught:
            cancel_job(session, job.tenant_id, job.id, now=NOW)

        assert caught.value.code == "job_not_cancellable"
        assert job.status.value in caught.value.message

    def test_a_connections_waiting_jobs_are_taken_back(
        self, session: Session, tenant_id: UUID
    ) -> None:
        connection = add_connection(session, tenant_id)
        QUEUE.queue_sync(
            session, tenant_id, connection.id, trigger=SyncTrigger.FIRST, requested_by=None
        )
        QUEUE.queue_match(session, tenant_id, requested_by=None)

        cancel_connection_jobs(session, tenant_id, connection.id, now=NOW)

        rows = session.execute(text("SELECT task_name, status::text FROM procrastinate_jobs"))
        assert sorted(map(tuple, rows)) == [("match", "todo"), ("sync", "cancelled")]
        (sync,) = list_jobs(session, tenant_id, kind=JobKind.SYNC, page=1, per_page=2).rows
        assert (sync.status, sync.finished_at) == (JobStatus.CANCELLED, NOW)


class TestList:
    def test_the_newest_comes_first_and_filters_apply(
        self, session: Session, tenant_id: UUID
    ) -> None:
        match = create_job(session, tenant_id, kind=JobKind.MATCH)
        sync = create_job(session, tenant_id, kind=JobKind.SYNC)
        sync.status = JobStatus.FAILED
        session.flush()

        def ids(**question: Any) -> list[UUID]:
            page = list_jobs(session, tenant_id, page=1, per_page=10, **question)
            assert page.total == len(page.rows)
            return [job.id for job in page.rows]

        assert ids() == [sync.id, match.id]
        assert ids(kind=JobKind.MATCH) == [match.id]
        assert ids(status=JobStatus.FAILED) == [sync.id]
        assert ids(status=JobStatus.FAILED, kind=JobKind.MATCH) == []

    def test_connections_are_being_synced_while_their_job_runs(
        self, session: Session, tenant_id: UUID
    ) -> None:
        connection = add_connection(session, tenant_id)
        job = create_job(session, tenant_id, kind=JobKind.SYNC, connection_id=connection.id)
        create_job(session, tenant_id, kind=JobKind.MATCH)
        for status, running in (
            (JobStatus.QUEUED, []),
            (JobStatus.RUNNING, [connection.id]),
            (JobStatus.SUCCEEDED, []),
        ):
            job.status = status
            session.flush()

            assert list_running_connections(session, tenant_id) == running


def test_another_tenants_job_is_not_found(
    sessions: sessionmaker[Session], tenant_id: UUID, other_tenant_id: UUID
) -> None:
    with tenant_transaction(sessions, other_tenant_id) as session:
        foreign = create_job(session, other_tenant_id, kind=JobKind.MATCH)

    with tenant_transaction(sessions, tenant_id) as session:
        for tenant in (tenant_id, other_tenant_id):
            with pytest.raises(NotFoundError):
                get_job(session, tenant, foreign.id)
            with pytest.raises(NotFoundError):
                cancel_job(session, tenant, foreign.id, now=NOW)
