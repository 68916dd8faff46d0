"""Money of payments that pays invoices: written when a match is confirmed, undone with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ARRAY, BindParameter, Uuid, any_, exists, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.errors import RuleError
from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.reconciliation.models import Allocation, Invoice

#: What each of the database's own guards means, by the constraint that it names.
_RULES = {
    "ck_invoices_allocated_within_total": (
        "over_allocation",
        "More would be allocated to an invoice than is left to pay of it.",
    ),
    "ck_allocations_within_payment": (
        "over_allocation",
        "More would be allocated than is left of the payment.",
    ),
    "ck_allocations_same_currency": (
        "currency_mismatch",
        "A payment pays only invoices in its own currency.",
    ),
    "ck_transactions_deleted_pays_nothing": (
        "transaction_is_deleted",
        "A deleted transaction pays no invoice: restore it first.",
    ),
    "ck_invoices_void_is_unpaid": ("invoice_is_void", "A void invoice cannot be paid."),
}


@dataclass(frozen=True, slots=True)
class AllocationValues:
    """How much of a payment goes to an invoice, and by which match."""

    match_id: UUID
    transaction_id: UUID
    invoice_id: UUID
    amount: Decimal


def list_allocations(
    session: Session,
    tenant_id: UUID,
    *,
    invoice_id: UUID | None = None,
    transaction_id: UUID | None = None,
) -> Sequence[Allocation]:
    """Return allocations in the order in which they were made, those undone too.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param invoice_id: Only those of this invoice.
    :param transaction_id: Only those of this payment.
    """
    statement = select(Allocation).where(Allocation.tenant_id == tenant_id)
    if invoice_id is not None:
        statement = statement.where(Allocation.invoice_id == invoice_id)
    if transaction_id is not None:
        statement = statement.where(Allocation.transaction_id == transaction_id)
    return session.scalars(statement.order_by(Allocation.id)).all()


def has_allocations(session: Session, tenant_id: UUID, connection_id: UUID) -> bool:
    """Return whether payments of a connection were ever allocated to invoices.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param connection_id: Connection whose payments are meant.
    """
    statement = (
        exists()
        .where(
            Allocation.tenant_id == tenant_id,
            Transaction.tenant_id == tenant_id,
            Transaction.id == Allocation.transaction_id,
            Account.tenant_id == tenant_id,
            Account.id == Transaction.account_id,
            Account.connection_id == connection_id,
        )
        .select()
    )
    return bool(session.scalar(statement))


def record_allocations(
    session: Session, tenant_id: UUID, allocations: Sequence[AllocationValues], *, now: datetime
) -> None:
    """Give money of payments to invoices: all of it, or nothing.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns payments and invoices.
    :param allocations: What to give.
    :param now: Present time.
    :raises RuleError: ``over_allocation`` if there is less than that, on either side;
        ``currency_mismatch``; ``transaction_is_deleted``; ``invoice_is_void``. Nothing is written
        then.
    """
    if not allocations:
        return
    _lock_in_order(session, tenant_id, allocations)
    rows = [
        {
            "tenant_id": tenant_id,
            "id": uuid7(),
            "match_id": values.match_id,
            "transaction_id": values.transaction_id,
            "invoice_id": values.invoice_id,
            "amount": values.amount,
            "created_at": now,
            "reversed_at": None,
        }
        for values in allocations
    ]
    try:
        with session.begin_nested():
            session.execute(insert(Allocation), rows)
    except IntegrityError as error:
        raise _as_rule(error) from error
    _forget_amounts(session)


def reverse_allocations(
    session: Session, tenant_id: UUID, match_id: UUID, *, now: datetime
) -> None:
    """Undo what a match gave: the money is free again, the history stays.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the match.
    :param match_id: Match to undo.
    :param now: Present time.
    """
    session.execute(
        update(Allocation)
        .where(
            Allocation.tenant_id == tenant_id,
            Allocation.match_id == match_id,
            Allocation.reversed_at.is_(None),
        )
        .values(reversed_at=now)
    )
    _forget_amounts(session)


def _lock_in_order(
    session: Session, tenant_id: UUID, allocations: Sequence[AllocationValues]
) -> None:
    """Lock all rows that will change, payments first, each in the order of ids.

    Whoever allocates does it in this order, so that two never wait for each other.
    """
    payments = {values.transaction_id for values in allocations}
    invoices = {values.invoice_id for values in allocations}
    for model, ids in ((Transaction, payments), (Invoice, invoices)):
        session.execute(
            select(model.id)
            .where(model.tenant_id == tenant_id, model.id == any_(_uuids(ids)))
            .order_by(model.id)
            .with_for_update()
        ).all()


def _uuids(ids: Collection[UUID]) -> BindParameter[list[UUID]]:
    return literal(list(ids), ARRAY(Uuid))


def _forget_amounts(session: Session) -> None:
    """Have what the database keeps itself read anew."""
    for row in session.identity_map.values():
        if isinstance(row, Invoice):
            session.expire(row, ["allocated", "balance", "status"])
        elif isinstance(row, Transaction):
            session.expire(row, ["allocated", "match_status"])


def _as_rule(error: IntegrityError) -> RuleError:
    diagnosis = getattr(error.orig, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    if constraint not in _RULES:
        raise error
    code, message = _RULES[constraint]
    return RuleError(message, code=code)
