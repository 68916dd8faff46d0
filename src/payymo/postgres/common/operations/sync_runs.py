"""Attempts to bring connections up to date, and what each left behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import RunStatus, SyncTrigger
from payymo.domain.errors import NotFoundError
from payymo.domain.faults import Fault, interruption
from payymo.domain.ledger.replay import ArchivedReversal
from payymo.domain.syncing import Remark
from payymo.postgres.common.models import Account, SyncRun, SyncRunAccount
from payymo.postgres.common.operations.faults import fault_columns
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
    :ivar fault: Why it is not all done.
    :ivar remark: Why it brought nothing, where nothing failed.
    """

    account_id: UUID
    status: RunStatus
    counts: RunCounts = RunCounts()
    since: date | None = None
    until: date | None = None
    fault: Fault | None = None
    remark: Remark | None = None

    @property
    def error_code(self) -> str | None:
        """Why it is not all done, for programs."""
        return self.fault.code if self.fault else None

    @property
    def error_message(self) -> str | None:
        """The same in a sentence."""
        return self.fault.message if self.fault else None

    @property
    def retry_at(self) -> datetime | None:
        """When it is worth trying again (aware), where something is not done."""
        return self.fault.retry_at if self.fault else None


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
        .values(status=RunStatus.FAILED, finished_at=now, **fault_columns(interruption()))
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


def record_own_run(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    trigger: SyncTrigger,
    reverts: UUID | None = None,
    now: datetime,
) -> SyncRun:
    """Note a run that asks no bank, and return it: what it changes is kept under it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection whose accounts are changed.
    :param trigger: A replay, or a reversal.
    :param reverts: The run that it takes back.
    :param now: The time (aware).
    """
    run = SyncRun(
        tenant_id=tenant_id,
        connection_id=connection_id,
        job_id=None,
        trigger=trigger,
        reverts=reverts,
        status=RunStatus.SUCCEEDED,
        started_at=now,
        finished_at=now,
        accounts=[],
    )
    session.add(run)
    session.flush()
    return run


def get_sync_run(
    session: Session, tenant_id: UUID, sync_run_id: UUID, *, connection_id: UUID | None = None
) -> SyncRun:
    """Return one of the tenant's sync runs with its accounts.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param sync_run_id: Run to return.
    :param connection_id: Connection that it must be of, where that is said.
    :raises NotFoundError: If there is no such run.
    """
    run = session.scalars(
        select(SyncRun).where(SyncRun.tenant_id == tenant_id, SyncRun.id == sync_run_id)
    ).one_or_none()
    if run is None or connection_id not in {None, run.connection_id}:
        raise NotFoundError("There is no such sync run.")
    return run


def list_unfinished_runs(
    session: Session, tenant_id: UUID, *, begun_before: datetime
) -> Sequence[SyncRun]:
    """Return the tenant's sync runs that began some time ago and did not end, the oldest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param begun_before: The time (aware) before which they began.
    """
    return session.scalars(
        select(SyncRun)
        .where(
            SyncRun.tenant_id == tenant_id,
            SyncRun.status == RunStatus.RUNNING,
            SyncRun.started_at < begun_before,
        )
        .order_by(SyncRun.started_at, SyncRun.id)
    ).all()


def find_last_news(session: Session, tenant_id: UUID) -> datetime | None:
    """Return when a sync last brought anything new, or failed (aware); ``None`` if never.

    One that brought nothing says why in its remark.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the runs.
    """
    moment: datetime | None = session.scalar(
        select(func.max(SyncRun.finished_at)).where(
            SyncRun.tenant_id == tenant_id, SyncRun.remark_code.is_(None)
        )
    )
    return moment


def list_reverted_runs(session: Session, tenant_id: UUID, connection_id: UUID) -> set[UUID]:
    """Return the runs of a connection that count no more, since they were taken back.

    A reversal that was itself taken back counts no more either, and what it reverted does again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that is meant.
    """
    reverted: set[UUID] = set()
    # The latest first: it alone is certain to count.
    for reversal in reversed(list_reversals(session, tenant_id, connection_id)):
        if reversal.run_id not in reverted:
            reverted.add(reversal.reverts)
    return reverted


def list_reversals(
    session: Session, tenant_id: UUID, connection_id: UUID | None = None
) -> Sequence[ArchivedReversal]:
    """Return what took runs back, the oldest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the runs.
    :param connection_id: Only runs of this connection; ``None`` is all.
    """
    statement = (
        select(SyncRun.id, SyncRun.reverts, SyncRun.started_at)
        .where(SyncRun.tenant_id == tenant_id, SyncRun.reverts.is_not(None))
        .order_by(SyncRun.started_at, SyncRun.id)
    )
    if connection_id is not None:
        statement = statement.where(SyncRun.connection_id == connection_id)
    return [
        ArchivedReversal(run_id, reverts, started_at)
        for run_id, reverts, started_at in session.execute(statement)
        if reverts is not None
    ]


def finish_sync_run(
    session: Session,
    tenant_id: UUID,
    sync_run_id: UUID,
    *,
    status: RunStatus,
    fault: Fault | None,
    remark: Remark | None,
    now: datetime,
) -> None:
    """Note how a sync ended.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: Run that ended.
    :param status: How.
    :param fault: Why it is not all done.
    :param remark: Why it brought nothing, where nothing failed.
    :param now: The time (aware).
    :raises NotFoundError: If the tenant has no such run, as when its connection was deleted.
    """
    finished = session.scalars(
        update(SyncRun)
        .where(SyncRun.tenant_id == tenant_id, SyncRun.id == sync_run_id)
        .values(status=status, finished_at=now, **fault_columns(fault), **_remark_columns(remark))
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
            retry_at=result.retry_at,
            **fault_columns(result.fault),
            **_remark_columns(result.remark),
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


def _remark_columns(remark: Remark | None) -> dict[str, object]:
    return {
        "remark_code": remark.code if remark else None,
        "remark": remark.message if remark else None,
    }
