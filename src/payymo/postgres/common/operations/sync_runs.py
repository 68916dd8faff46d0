"""Attempts to bring connections up to date, and what each left behind."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import RunStatus, SyncTrigger
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import Account, SyncRun, SyncRunAccount
from payymo.postgres.core import Page


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How many rows a sync met in one account's answer.

    :ivar added: Rows that are new.
    :ivar updated: Known rows of which the bank says something new.
    :ivar superseded: Pending rows that the bank lists no more.
    """

    pulled: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0


@dataclass(frozen=True, slots=True)
class AccountResult:
    """What a sync did for one account.

    :ivar since: First day asked for; absent when all history was.
    :ivar error_code: Why it is not all done, for programs.
    :ivar error_message: The same in a sentence.
    :ivar retry_at: When it is worth trying again (aware), where something is not done.
    """

    account_id: UUID
    status: RunStatus
    counts: RunCounts = RunCounts()
    since: date | None = None
    until: date | None = None
    error_code: str | None = None
    error_message: str | None = None
    retry_at: datetime | None = None


def lock_account(session: Session, tenant_id: UUID, account_id: UUID) -> Account:
    """Return an account as it stands now, and keep others from writing to it.

    :param session: Open session; the lock lasts as long as its transaction.
    :param tenant_id: Tenant that must own it.
    :param account_id: Account to lock.
    :raises NotFoundError: If the tenant has no such account.
    """
    account = session.scalars(
        select(Account)
        .where(Account.tenant_id == tenant_id, Account.id == account_id)
        .with_for_update(of=Account)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if account is None:
        raise NotFoundError("There is no such account.")
    return account


def start_sync_run(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    trigger: SyncTrigger,
    job_id: UUID | None,
    now: datetime,
) -> SyncRun:
    """Note that a sync begins, and return its run.

    A run of the same connection that never ended was cut short, and is closed as failed.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection to sync.
    :param trigger: Why.
    :param job_id: Background job that it runs in.
    :param now: The time (aware).
    """
    session.execute(
        update(SyncRun)
        .where(
            SyncRun.tenant_id == tenant_id,
            SyncRun.connection_id == connection_id,
            SyncRun.status == RunStatus.RUNNING,
        )
        .values(
            status=RunStatus.FAILED,
            finished_at=now,
            error_code="interrupted",
            error_message="The sync was cut short; the next one goes on from what it stored.",
        )
    )
    run = SyncRun(
        tenant_id=tenant_id,
        connection_id=connection_id,
        job_id=job_id,
        trigger=trigger,
        status=RunStatus.RUNNING,
        started_at=now,
    )
    session.add(run)
    session.flush()
    return run


def record_replay_run(
    session: Session, tenant_id: UUID, connection_id: UUID, *, now: datetime
) -> UUID:
    """Note a replay that is applied, and return its run: what it changes is kept under it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection whose accounts are entered anew.
    :param now: The time (aware).
    """
    run = SyncRun(
        tenant_id=tenant_id,
        connection_id=connection_id,
        job_id=None,
        trigger=SyncTrigger.REPLAY,
        status=RunStatus.SUCCEEDED,
        started_at=now,
        finished_at=now,
    )
    session.add(run)
    session.flush()
    return run.id


def finish_sync_run(
    session: Session,
    tenant_id: UUID,
    sync_run_id: UUID,
    *,
    status: RunStatus,
    error_code: str | None,
    error_message: str | None,
    now: datetime,
) -> None:
    """Note how a sync ended.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: Run that ended.
    :param status: How.
    :param error_code: Why it is not all done, for programs.
    :param error_message: The same in a sentence.
    :param now: The time (aware).
    :raises NotFoundError: If the tenant has no such run, as when its connection was deleted.
    """
    finished = session.scalars(
        update(SyncRun)
        .where(SyncRun.tenant_id == tenant_id, SyncRun.id == sync_run_id)
        .values(status=status, error_code=error_code, error_message=error_message, finished_at=now)
        .returning(SyncRun.id)
    ).one_or_none()
    if finished is None:
        raise NotFoundError("There is no such sync run.")


def record_sync_run_account(
    session: Session, tenant_id: UUID, sync_run_id: UUID, result: AccountResult
) -> None:
    """Store what a sync did for one account.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: Run that it belongs to.
    :param result: What it did.
    """
    session.add(
        SyncRunAccount(
            tenant_id=tenant_id,
            sync_run_id=sync_run_id,
            account_id=result.account_id,
            status=result.status,
            since=result.since,
            until=result.until,
            pulled_count=result.counts.pulled,
            added_count=result.counts.added,
            updated_count=result.counts.updated,
            unchanged_count=result.counts.unchanged,
            superseded_count=result.counts.superseded,
            error_code=result.error_code,
            error_message=result.error_message,
            retry_at=result.retry_at,
        )
    )
    session.flush()


def list_sync_runs(
    session: Session, tenant_id: UUID, connection_id: UUID, *, page: int, per_page: int
) -> Page[SyncRun]:
    """Return a connection's sync runs with their accounts, the newest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that was synced.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    condition = (SyncRun.tenant_id == tenant_id) & (SyncRun.connection_id == connection_id)
    total = session.execute(select(func.count()).select_from(SyncRun).where(condition))
    rows = session.scalars(
        select(SyncRun)
        .where(condition)
        .order_by(SyncRun.started_at.desc(), SyncRun.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total.scalar_one())
