"""Transactions that people delete and restore: rows stay, and are recognised as before."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.errors import NotFoundError, RuleError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import Transaction


def lock_transaction(session: Session, tenant_id: UUID, transaction_id: UUID) -> Transaction:
    """Return one of the tenant's transactions as it is now, and keep others from changing it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to return.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    transaction = session.scalars(
        select(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == transaction_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if transaction is None:
        raise NotFoundError("There is no such transaction.")
    return transaction


def hide_transaction(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> bool:
    """Take a transaction out of lists, totals and matching; return whether it was in them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to delete.
    :param actor_id: User who deletes it.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such transaction.
    :raises RuleError: ``transaction_is_allocated`` if invoices are paid or credit is refunded
        with it.
    """
    transaction = lock_transaction(session, tenant_id, transaction_id)
    if transaction.deleted_at is not None:
        return False
    if transaction.allocated:
        raise RuleError(
            "Invoices are paid or credit is refunded with this transaction: reverse that, then "
            "delete it.",
            code="transaction_is_allocated",
        )
    transaction.deleted_at, transaction.deleted_by = now, actor_id
    _audit(session, transaction, "deleted", is_deleted=True, actor_id=actor_id)
    return True


def show_transaction(
    session: Session, tenant_id: UUID, transaction_id: UUID, *, actor_id: UUID | None
) -> bool:
    """Put a deleted transaction back into lists, totals and matching; return whether it was.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to restore.
    :param actor_id: User who restores it.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    transaction = lock_transaction(session, tenant_id, transaction_id)
    if transaction.deleted_at is None:
        return False
    transaction.deleted_at = transaction.deleted_by = None
    _audit(session, transaction, "restored", is_deleted=False, actor_id=actor_id)
    return True


def _audit(
    session: Session,
    transaction: Transaction,
    action: str,
    *,
    is_deleted: bool,
    actor_id: UUID | None,
) -> None:
    record_audit(
        session,
        transaction.tenant_id,
        actor_id=actor_id,
        action=action,
        entity="transactions",
        entity_id=transaction.id,
        before={"is_deleted": not is_deleted},
        after={"is_deleted": is_deleted},
    )
    session.flush()
