"""Workers: they do what waits, stop when told, and take up what the dead left behind."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import ConsentingBank
from testing.factories import add_category, add_transaction
from testing.fakes import FakeBooks, a_payload
from testing.workers import PATIENCE_SECONDS, SILENCE_SECONDS, bury, wait_until

from payymo.domain.enums import (
    AccessScope,
    CategorySource,
    FaultKind,
    JobKind,
    JobStatus,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import ProviderUnavailableError
from payymo.jobs.services import WorkerServices
from payymo.jobs.worker import Timing, run_worker
from payymo.postgres.common.models import Account, SyncRun, Transaction
from payymo.postgres.core import create_owner_engine
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.queue import last_worker_heartbeat
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.reconciliation.operations.match_runs import lock_matching
from payymo.postgres.tenancy import tenant_transaction

ROOT = Path(__file__).parents[2]

#: Everything happens more often than in earnest.
HASTY = Timing(
    heartbeat=0.5, silence_max=SILENCE_SECONDS, takeover=0.5, polling=0.3, finishing_max=0.5
)

_PAUSE_SECONDS = 1.0


def queue_sync(services: WorkerServices, account: Account) -> UUID:
    with tenant_transaction(services.sessions, account.tenant_id) as session:
        return services.queue.queue_sync(
            session,
            account.tenant_id,
            account.connection_id,
            trigger=SyncTrigger.FIRST,
            requested_by=None,
        ).id


def read_jobs(sessions: sessionmaker[Session], tenant_id: UUID) -> list[Job]:
    with tenant_transaction(sessions, tenant_id) as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


def has_run(sessions: sessionmaker[Session], tenant_id: UUID) -> bool:
    """Return whether a sync has begun."""
    with tenant_transaction(sessions, tenant_id) as session:
        return session.scalars(select(SyncRun.id)).first() is not None


@contextmanager
def working(url: str, services: WorkerServices) -> Iterator[threading.Event]:
    """Let a worker work in a thread within the block, or until the event is set."""
    stop = threading.Event()
    thread = threading.Thread(
        target=run_worker,
        args=(url, services),
        kwargs={"concurrency": 2, "stop": stop, "timing": HASTY},
        daemon=True,
    )
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(timeout=PATIENCE_SECONDS)
    assert not thread.is_alive()


class TestUntilIdle:
    def test_a_sync_is_done_and_the_matching_that_it_queued(
        self, database: str, services: WorkerServices, bank: ConsentingBank, account: Account
    ) -> None:
        bank.books[account.provider_reference] = FakeBooks(booked=[a_payload("12.50")])
        queue_sync(services, account)

        run_worker(database, services, concurrency=2, until_idle=True, timing=HASTY)

        jobs = read_jobs(services.sessions, account.tenant_id)
        assert [(job.kind, job.status) for job in jobs] == [
            (JobKind.SYNC, JobStatus.SUCCEEDED),
            (JobKind.MATCH, JobStatus.SUCCEEDED),
        ]
        sync, match = jobs
        assert (sync.progress_done, sync.progress_total) == (1, 1)
        assert sync.result is not None
        assert (sync.result["status"], sync.result["added_count"]) == ("succeeded", 1)
        assert match.result is not None
        assert match.result["payment_count"] == 1
        with tenant_transaction(services.sessions, account.tenant_id) as session:
            assert session.scalar(select(func.count()).select_from(Transaction)) == 1
            assert session.scalars(select(SyncRun.job_id)).one() == sync.id

    def test_a_long_job_is_not_handed_back_for_want_of_others(
        self, database: str, services: WorkerServices, bank: ConsentingBank, account: Account
    ) -> None:
        bank.before_call = lambda: time.sleep(3 * HASTY.finishing_max)
        queue_sync(services, account)

        run_worker(database, services, concurrency=2, until_idle=True, timing=HASTY)

        with tenant_transaction(services.sessions, account.tenant_id) as session:
            assert session.scalars(select(SyncRun.status)).all() == [RunStatus.SUCCEEDED]

    def test_what_transactions_are_for_is_decided_once_for_equal_requests(
        self, database: str, services: WorkerServices, account: Account
    ) -> None:
        tenant_id = account.tenant_id
        with tenant_transaction(services.sessions, tenant_id) as session:
            add_category(session, tenant_id, key="groceries")
            add_transaction(session, tenant_id, account, merchant_category_code="5411")
            jobs = [
                services.queue.queue_categorise(session, tenant_id, requested_by=None).id
                for _ in range(2)
            ]

        run_worker(database, services, concurrency=2, until_idle=True, timing=HASTY)

        (job,) = read_jobs(services.sessions, tenant_id)
        assert jobs == [job.id, job.id]
        assert (job.kind, job.status) == (JobKind.CATEGORISE, JobStatus.SUCCEEDED)
        assert (job.progress_done, job.progress_total) == (1, 1)
        assert job.result == {"transaction_count": 1, "changed_count": 1, "kept_count": 0}
        with tenant_transaction(services.sessions, tenant_id) as session:
            source = session.scalars(select(Transaction.category_source)).one()
            assert source is CategorySource.DEFAULT

    def test_what_the_bank_refuses_is_in_the_job(
        self, database: str, services: WorkerServices, bank: ConsentingBank, account: Account
    ) -> None:
        error = ProviderUnavailableError("The bank does not answer.")
        bank.refusals = {(account.provider_reference, scope): error for scope in AccessScope}
        queue_sync(services, account)

        run_worker(database, services, concurrency=1, until_idle=True, timing=HASTY)

        (job,) = read_jobs(services.sessions, account.tenant_id)
        assert (job.status, job.error_message) == (
            JobStatus.FAILED,
            "The bank does not answer. Payymo tries again by itself.",
        )

    def test_the_schedule_is_left_alone(
        self, database: str, services: WorkerServices, own_sessions: sessionmaker[Session]
    ) -> None:
        with own_sessions.begin() as session:
            session.execute(
                text(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name) "
                    "VALUES ('schedule', 'daily_sync')"
                )
            )

        run_worker(database, services, concurrency=1, until_idle=True, timing=HASTY)

        with own_sessions.begin() as session:
            rows = session.execute(text("SELECT task_name, status::text FROM procrastinate_jobs"))
            assert [tuple(row) for row in rows] == [("daily_sync", "todo")]


class TestUntilStopped:
    @pytest.fixture
    def worker(self, database: str, services: WorkerServices) -> Iterator[threading.Event]:
        """What stops the worker that works meanwhile."""
        with working(database, services) as stop:
            yield stop

    def test_it_shows_that_it_lives_and_starts_new_jobs_at_once(
        self, worker: threading.Event, services: WorkerServices, account: Account
    ) -> None:
        def is_seen() -> bool:
            with services.sessions.begin() as session:
                return last_worker_heartbeat(session) is not None

        wait_until(is_seen)
        queue_sync(services, account)

        wait_until(
            lambda: all(
                job.status is JobStatus.SUCCEEDED
                for job in read_jobs(services.sessions, account.tenant_id)
            )
        )

    def test_the_schedule_is_kept(
        self, worker: threading.Event, own_sessions: sessionmaker[Session]
    ) -> None:
        def deferred() -> set[str]:
            with own_sessions.begin() as session:
                names = text("SELECT task_name FROM procrastinate_periodic_defers")
                return set(session.scalars(names))

        wait_until(lambda: {"consent_poll", "postponed_sync"} <= deferred())

    def test_it_outlives_its_connections_to_the_database(
        self,
        worker: threading.Event,
        database: str,
        services: WorkerServices,
        account: Account,
    ) -> None:
        def worker_count() -> int:
            with services.sessions.begin() as session:
                return session.scalar(text("SELECT count(*) FROM procrastinate_workers")) or 0

        wait_until(lambda: worker_count() == 1)
        owner = create_owner_engine(database)
        with owner.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        owner.dispose()

        queue_sync(services, account)

        wait_until(
            lambda: read_jobs(services.sessions, account.tenant_id)[0].status is JobStatus.SUCCEEDED
        )

    def test_a_long_job_is_handed_back(
        self,
        worker: threading.Event,
        services: WorkerServices,
        bank: ConsentingBank,
        account: Account,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        asked, is_late = threading.Event(), threading.Event()

        def dawdle() -> None:
            asked.set()
            is_late.wait(PATIENCE_SECONDS)

        bank.before_call = dawdle
        caplog.set_level(logging.INFO, "procrastinate")
        queue_sync(services, account)
        assert asked.wait(PATIENCE_SECONDS)

        worker.set()
        wait_until(lambda: "still running after graceful timeout" in caplog.text)
        time.sleep(_PAUSE_SECONDS)  # it says so just before it does it
        is_late.set()

        wait_until(
            lambda: (
                read_jobs(services.sessions, account.tenant_id)[0].error_code == "worker_stopped"
            )
        )
        job = read_jobs(services.sessions, account.tenant_id)[0]
        assert job.status is JobStatus.QUEUED
        with tenant_transaction(services.sessions, account.tenant_id) as session:
            assert session.scalars(select(SyncRun.status)).all() == [RunStatus.FAILED]

    def test_a_long_matching_is_handed_back_and_leaves_nothing(
        self,
        worker: threading.Event,
        services: WorkerServices,
        own_tenant: UUID,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def job() -> Job:
            # A worker that begins may queue one of its own beside it.
            return next(each for each in read_jobs(services.sessions, own_tenant) if each.id in ids)

        ids: set[UUID] = set()
        caplog.set_level(logging.INFO, "procrastinate")

        with tenant_transaction(services.sessions, own_tenant) as other_matching:
            lock_matching(other_matching, own_tenant)
            with tenant_transaction(services.sessions, own_tenant) as session:
                ids.add(services.queue.queue_match(session, own_tenant, requested_by=None).id)
            wait_until(lambda: job().status is JobStatus.RUNNING)
            worker.set()
            wait_until(lambda: "still running after graceful timeout" in caplog.text)
            time.sleep(_PAUSE_SECONDS)  # it says so just before it does it

        # The nightly one, where it waits already, does the work of what is handed back.
        wait_until(lambda: job().error_code in {"worker_stopped", "replaced"})
        jobs = read_jobs(services.sessions, own_tenant)
        assert len([each for each in jobs if each.status is JobStatus.QUEUED]) == 1
        with tenant_transaction(services.sessions, own_tenant) as session:
            assert session.scalars(select(MatchRun.id)).all() == []


WORKER = """
import sys, time
from testing.consenting_bank import ConsentingBank, Providers
from testing.fakes import FakeClock
from payymo.jobs.services import WorkerServices
from payymo.jobs.worker import Timing, run_worker
from payymo.postgres.core import create_app_engine, create_sessions

url, dawdle = sys.argv[1], float(sys.argv[2])
bank = ConsentingBank(before_call=lambda: time.sleep(dawdle))
services = WorkerServices(
    sessions=create_sessions(create_app_engine(url)),
    providers=Providers(bank),
    clock=FakeClock(),
)
run_worker(url, services, concurrency=1, timing=Timing(0.5, 600, 0.5, 0.3, 300))
print("stopped")
"""


class TestProcesses:
    """A worker as it runs in earnest: a process that can be killed."""

    def start(self, url: str, *, dawdle: float) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WORKER, url, str(dawdle)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_the_job_of_a_killed_worker_is_taken_up_again(
        self, database: str, services: WorkerServices, account: Account
    ) -> None:
        job_id = queue_sync(services, account)

        def status() -> JobStatus:
            return read_jobs(services.sessions, account.tenant_id)[0].status

        with self.start(database, dawdle=600) as killed:
            try:
                wait_until(lambda: has_run(services.sessions, account.tenant_id))
            finally:
                killed.kill()
        bury(services.sessions)
        with working(database, services):
            wait_until(lambda: status() not in {JobStatus.QUEUED, JobStatus.RUNNING})

        job = read_jobs(services.sessions, account.tenant_id)[0]
        assert (job.status, job.error_message) == (JobStatus.SUCCEEDED, None)
        assert (job.id, job.attempt_count) == (job_id, 2)
        with tenant_transaction(services.sessions, account.tenant_id) as session:
            runs = session.scalars(select(SyncRun).order_by(SyncRun.started_at)).all()
        by_status = {run.status: run for run in runs}
        assert len(runs) == 2
        failed = by_status[RunStatus.FAILED]
        assert (failed.error_kind, failed.error_code) == (FaultKind.INTERRUPTED, "worker_stopped")
        assert RunStatus.SUCCEEDED in by_status

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_stops_it_when_the_running_job_is_done(
        self,
        database: str,
        services: WorkerServices,
        account: Account,
        number: signal.Signals,
    ) -> None:
        queue_sync(services, account)

        with self.start(database, dawdle=0.5) as process:
            try:
                wait_until(
                    lambda: (
                        read_jobs(services.sessions, account.tenant_id)[0].status
                        is JobStatus.RUNNING
                    )
                )
                process.send_signal(number)
                output, _ = process.communicate(timeout=PATIENCE_SECONDS)
            finally:
                process.kill()

        assert (process.returncode, output) == (0, "stopped\n")
        assert read_jobs(services.sessions, account.tenant_id)[0].status is JobStatus.SUCCEEDED
