"""Parts of transactions: what people divided them into, which no sync changes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.ledger.splits import SplitPart, check_parts
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import Transaction, TransactionSplit
from payymo.postgres.common.operations.deletions import lock_transaction


def list_splits(
    session: Session, tenant_id: UUID, transaction_id: UUID
) -> Sequence[TransactionSplit]:
    """Return the parts of a transaction, in their order.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param transaction_id: The transaction.
    """
    return session.scalars(
        select(TransactionSplit)
        .where(
            TransactionSplit.tenant_id == tenant_id,
            TransactionSplit.transaction_id == transaction_id,
        )
        .order_by(TransactionSplit.position)
    ).all()


def replace_splits(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    parts: Sequence[SplitPart],
    *,
    actor_id: UUID | None,
) -> None:
    """Divide a transaction into parts, in the place of those that it has.

    The same parts again change nothing.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to divide.
    :param parts: What it is divided into.
    :param actor_id: User who divides it.
    :raises NotFoundError: If the tenant has no such transaction.
    :raises InvalidInputError: If a part cannot be one.
    :raises RuleError: ``splits_unbalanced`` if the parts do not come to its amount.
    """
    transaction = lock_transaction(session, tenant_id, transaction_id)
    check_parts(parts, transaction.amount, transaction.currency)
    before = list_splits(session, tenant_id, transaction_id)
    if transaction.split_currency == transaction.currency and _parts_of(before) == list(parts):
        return
    _remove(session, transaction)
    session.execute(
        insert(TransactionSplit),
        [
            {
                "tenant_id": tenant_id,
                "id": uuid7(),
                "transaction_id": transaction_id,
                "position": position,
                "amount": part.amount,
                "currency": transaction.currency,
                "category_id": part.category_id,
                "note": part.note,
            }
            for position, part in enumerate(parts, 1)
        ],
    )
    transaction.split_total = transaction.amount
    transaction.split_currency = transaction.currency
    _audit(session, transaction, "split", before=_parts_of(before), after=parts, actor_id=actor_id)
    session.flush()


def delete_splits(
    session: Session, tenant_id: UUID, transaction_id: UUID, *, actor_id: UUID | None
) -> None:
    """Let a transaction be whole again; one that is whole stays so.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: The transaction.
    :param actor_id: User who does it.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    transaction = lock_transaction(session, tenant_id, transaction_id)
    if transaction.split_total is None:
        return
    before = _parts_of(list_splits(session, tenant_id, transaction_id))
    _remove(session, transaction)
    transaction.split_total = transaction.split_currency = None
    _audit(session, transaction, "unsplit", before=before, after=(), actor_id=actor_id)
    session.flush()


def _parts_of(rows: Sequence[TransactionSplit]) -> list[SplitPart]:
    return [SplitPart(row.amount, row.category_id, row.note) for row in rows]


def _remove(session: Session, transaction: Transaction) -> None:
    session.execute(
        delete(TransactionSplit).where(
            TransactionSplit.tenant_id == transaction.tenant_id,
            TransactionSplit.transaction_id == transaction.id,
        )
    )


def _audit(
    session: Session,
    transaction: Transaction,
    action: str,
    *,
    before: Sequence[SplitPart],
    after: Sequence[SplitPart],
    actor_id: UUID | None,
) -> None:
    record_audit(
        session,
        transaction.tenant_id,
        actor_id=actor_id,
        action=action,
        entity="transactions",
        entity_id=transaction.id,
        before={"splits": [_plain(part) for part in before]},
        after={"splits": [_plain(part) for part in after]},
    )


def _plain(part: SplitPart) -> dict[str, Any]:
    category_id = None if part.category_id is None else str(part.category_id)
    return {"amount": f"{part.amount:f}", "category_id": category_id, "note": part.note}
