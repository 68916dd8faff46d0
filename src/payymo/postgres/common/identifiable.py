"""Which transactions an answer of the bank may speak of."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_

from payymo.domain.enums import CategorySource, TransactionStatus
from payymo.postgres.common.models import Transaction


def is_identifiable(
    tenant_id: UUID, account_id: UUID, *, since: date | None, closed_after: datetime
) -> ColumnElement[bool]:
    """Return the condition for the rows that an answer may speak of.

    :param tenant_id: Tenant that owns the account.
    :param account_id: Account whose rows are meant.
    :param since: First day of booked rows, removed ones included; ``None`` is all. Pending rows
        have no limit.
    :param closed_after: Pending rows closed without a successor after this (aware) are included.
    """
    was_booked = Transaction.status.in_((TransactionStatus.BOOKED, TransactionStatus.REMOVED))
    return and_(
        Transaction.tenant_id == tenant_id,
        Transaction.account_id == account_id,
        or_(
            was_booked if since is None else was_booked & (Transaction.transaction_date >= since),
            Transaction.status == TransactionStatus.PENDING,
            and_(
                Transaction.status == TransactionStatus.SUPERSEDED,
                Transaction.superseded_by.is_(None),
                Transaction.missing_since >= closed_after,
            ),
        ),
    )


def is_worked_on() -> ColumnElement[bool]:
    """Return the condition for transactions that people edited or split, or that settle things."""
    return or_(
        Transaction.allocated != 0,
        and_(
            Transaction.category_source == CategorySource.USER,
            Transaction.category_id.is_not(None),
        ),
        Transaction.note.is_not(None),
        Transaction.split_total.is_not(None),
    )


def is_touched() -> ColumnElement[bool]:
    """Return the condition for transactions that people worked on, or deleted.

    What a bank withdraws is removed; of these, that is for people to decide.
    """
    return or_(is_worked_on(), Transaction.deleted_at.is_not(None))


def is_over_allocated() -> ColumnElement[bool]:
    """Return the condition for transactions of which more is used than they brought or took."""
    return or_(
        and_(Transaction.allocated > 0, Transaction.allocated > Transaction.amount),
        and_(Transaction.allocated < 0, Transaction.allocated < Transaction.amount),
    )


def is_unbalanced() -> ColumnElement[bool]:
    """Return the condition for transactions whose parts do not come to their amount."""
    return and_(
        Transaction.split_total.is_not(None),
        or_(
            Transaction.split_total != Transaction.amount,
            Transaction.split_currency != Transaction.currency,
        ),
    )
