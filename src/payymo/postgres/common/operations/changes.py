"""What sync runs did to transactions, and taking it back."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import TransactionStatus
from payymo.postgres.common.identifiable import is_worked_on
from payymo.postgres.common.models import SyncRun, Transaction, TransactionChange


class AddedTransaction(NamedTuple):
    """A transaction that a run added.

    :ivar is_worked_on: People edited or split it since, or invoices are paid with it.
    """

    id: UUID
    account_id: UUID
    status: TransactionStatus
    is_worked_on: bool


class LaterChange(NamedTuple):
    """A change of a transaction by a run that began later."""

    transaction_id: UUID
    sync_run_id: UUID


def list_added(session: Session, tenant_id: UUID, sync_run_id: UUID) -> Sequence[AddedTransaction]:
    """Return the transactions that a run added.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: The run.
    """
    rows = session.execute(
        select(Transaction.id, Transaction.account_id, Transaction.status, is_worked_on())
        .where(Transaction.tenant_id == tenant_id, Transaction.added_by == sync_run_id)
        .order_by(Transaction.id)
    )
    return list(map(AddedTransaction._make, rows))


def list_changes(
    session: Session, tenant_id: UUID, sync_run_id: UUID
) -> Sequence[TransactionChange]:
    """Return what transactions were before a run changed them, the first change first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: The run.
    """
    return session.scalars(
        select(TransactionChange)
        .where(
            TransactionChange.tenant_id == tenant_id,
            TransactionChange.sync_run_id == sync_run_id,
        )
        .order_by(TransactionChange.changed_at, TransactionChange.id)
    ).all()


def list_later_changes(
    session: Session,
    tenant_id: UUID,
    run: SyncRun,
    transaction_ids: Collection[UUID],
    *,
    reverted: Collection[UUID],
) -> Sequence[LaterChange]:
    """Return what later runs, which still count, did to transactions.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param run: The run after which to look.
    :param transaction_ids: Which transactions.
    :param reverted: Runs that were taken back; they and what took them back say nothing.
    """
    rows = session.execute(
        select(TransactionChange.transaction_id, SyncRun.id, SyncRun.reverts)
        .join(
            SyncRun,
            (SyncRun.tenant_id == TransactionChange.tenant_id)
            & (SyncRun.id == TransactionChange.sync_run_id),
        )
        .where(
            TransactionChange.tenant_id == tenant_id,
            TransactionChange.transaction_id
            == any_(bindparam("ids", list(transaction_ids), ARRAY(Uuid()))),
            SyncRun.id != run.id,
            SyncRun.started_at >= run.started_at,
        )
        .order_by(SyncRun.started_at, SyncRun.id)
    )
    return [
        LaterChange(transaction_id, run_id)
        for transaction_id, run_id, reverts in rows
        if run_id not in reverted and reverts not in reverted
    ]


def list_paying(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID]
) -> Sequence[UUID]:
    """Return those of some transactions with which invoices are paid, or credit is refunded.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The transactions.
    """
    return session.scalars(
        select(Transaction.id).where(
            Transaction.tenant_id == tenant_id,
            Transaction.id == any_(bindparam("ids", list(transaction_ids), ARRAY(Uuid()))),
            Transaction.allocated != 0,
        )
    ).all()


def restore_state(session: Session, tenant_id: UUID, change: TransactionChange) -> None:
    """Let a transaction stand as it did before a change; its content is written apart.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param change: What it was.
    """
    session.execute(
        update(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == change.transaction_id)
        .values(
            raw_id=change.raw_id,
            status=change.status,
            transaction_date=change.transaction_date,
            occurrence=change.occurrence,
            identity_version=change.identity_version,
            identity_tier=change.identity_tier,
            missing_since=change.missing_since,
            superseded_by=change.superseded_by,
        )
        .execution_options(synchronize_session=False)
    )
