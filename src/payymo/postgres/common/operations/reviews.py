"""What people did with transactions and no longer holds, since the bank restated them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, or_, select
from sqlalchemy.orm import Session

from payymo.domain.enums import EventKind, EventSubject
from payymo.domain.ledger.splits import judge_splits
from payymo.domain.money import format_amount
from payymo.postgres.common.identifiable import is_over_allocated, is_unbalanced
from payymo.postgres.common.models import Transaction, TransactionSplit
from payymo.postgres.common.operations.events import record_event


def tell_of_restated(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID], *, now: datetime
) -> None:
    """Tell of transactions that the bank restated so that people's work fits no more.

    Parts and allocations stay as people made them. Each contradiction is told once: the same
    amounts again are no news, unless people divided the transaction anew in between.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the transactions.
    :param transaction_ids: Transactions that were written anew.
    :param now: The time (aware).
    """
    if not transaction_ids:
        return
    first_part = (
        select(TransactionSplit.id)
        .where(
            TransactionSplit.tenant_id == Transaction.tenant_id,
            TransactionSplit.transaction_id == Transaction.id,
            TransactionSplit.position == 1,
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Transaction.id,
            Transaction.amount,
            Transaction.currency,
            Transaction.allocated,
            Transaction.split_total,
            Transaction.split_currency,
            is_over_allocated().label("is_over_allocated"),
            is_unbalanced().label("is_unbalanced"),
            first_part.label("first_part"),
        ).where(
            Transaction.tenant_id == tenant_id,
            Transaction.id == any_(bindparam("ids", list(transaction_ids), ARRAY(Uuid()))),
            or_(is_over_allocated(), is_unbalanced()),
        )
    ).all()
    for row in rows:
        subject = (EventSubject.TRANSACTION, row.id)
        amount = format_amount(row.amount, row.currency)
        told = {"amount": amount, "currency": row.currency}
        if row.is_over_allocated:
            allocated = format_amount(row.allocated, row.currency)
            record_event(
                session,
                tenant_id,
                EventKind.TRANSACTION_OVER_ALLOCATED,
                subject=subject,
                key=f"{amount} {row.currency}:{allocated}",
                payload=told | {"allocated": allocated},
                now=now,
            )
        if row.is_unbalanced:
            _, left = judge_splits(
                row.amount,
                row.currency,
                split_total=row.split_total,
                split_currency=row.split_currency,
            )
            record_event(
                session,
                tenant_id,
                EventKind.TRANSACTION_SPLITS_UNBALANCED,
                subject=subject,
                key=f"{amount} {row.currency}:{row.first_part}",
                payload=told
                | {
                    "split_total": format_amount(row.split_total, row.split_currency),
                    "split_currency": row.split_currency,
                    "difference": None if left is None else format_amount(left, row.currency),
                },
                now=now,
            )
