"""Why lines cannot be booked: each reason in a sentence, before the database refuses them all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, any_, select
from sqlalchemy.orm import Session

from payymo.domain.enums import TransactionStatus
from payymo.domain.errors import Problem
from payymo.domain.money import format_amount
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import CustomerCredit, Invoice
from payymo.postgres.reconciliation.operations.settlements import Lines, uuids

#: So many are told one by one.
NAMED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why lines cannot be booked.

    :ivar code: For programs: as a refusal by the database would have it.
    """

    code: str
    message: str


def find_obstacles(session: Session, tenant_id: UUID, lines: Lines) -> Sequence[Obstacle]:
    """Return what stands in the way of lines: payments first, then invoices, then credits.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns whatever the lines name.
    :param lines: What is to be booked, together.
    """
    found = [
        *_of_payments(session, tenant_id, lines),
        *_of_invoices(session, tenant_id, lines),
        *_of_credits(session, tenant_id, lines),
    ]
    return [each for each in found if each is not None]


def as_problems(obstacles: Sequence[Obstacle]) -> Sequence[Problem]:
    """Return obstacles as the details of a refusal: the first ones, and how many more there are.

    :param obstacles: What was found.
    """
    named = [Problem(None, each.message) for each in obstacles[:NAMED_MAX]]
    if len(obstacles) > NAMED_MAX:
        named.append(Problem(None, f"{len(obstacles) - NAMED_MAX} more of the kind."))
    return named


def _of_payments(session: Session, tenant_id: UUID, lines: Lines) -> Sequence[Obstacle | None]:
    shares = [(each.transaction_id, each.amount) for each in lines.allocations]
    shares += [(each.transaction_id, each.amount) for each in lines.credits if each.transaction_id]
    needed = _sums(shares)
    rows = session.execute(
        select(
            Transaction.id,
            (Transaction.amount - Transaction.allocated).label("left"),
            Transaction.currency,
            Transaction.status,
            Transaction.deleted_at,
        )
        .where(Transaction.tenant_id == tenant_id, Transaction.id == any_(uuids(needed)))
        .order_by(Transaction.id)
    )
    return [_of_payment(row, needed[row.id]) for row in rows]


def _of_payment(row: Row[*tuple[Any, ...]], needed: Decimal) -> Obstacle | None:
    if row.deleted_at is not None:
        message = f"Transaction {row.id} was deleted: restore it first."
        return Obstacle("transaction_is_deleted", message)
    if row.status is not TransactionStatus.BOOKED:
        return Obstacle("over_allocation", f"Transaction {row.id} is not booked any more.")
    return _too_little(row, needed, f"of transaction {row.id}", "over_allocation")


def _of_invoices(session: Session, tenant_id: UUID, lines: Lines) -> Sequence[Obstacle | None]:
    shares = [
        (each.invoice_id, each.amount if each.settled is None else each.settled)
        for each in lines.allocations
    ]
    shares += [(each.invoice_id, each.amount) for each in lines.adjustments]
    shares += [(each.invoice_id, each.amount) for each in lines.uses if each.invoice_id]
    needed = _sums(shares)
    rows = session.execute(
        select(
            Invoice.id,
            Invoice.number,
            Invoice.balance.label("left"),
            Invoice.currency,
            Invoice.voided_at,
        )
        .where(Invoice.tenant_id == tenant_id, Invoice.id == any_(uuids(needed)))
        .order_by(Invoice.number)
    )
    return [
        Obstacle("invoice_is_void", f"Invoice {row.number} is void.")
        if row.voided_at is not None
        else _too_little(row, needed[row.id], f"to pay of invoice {row.number}", "over_allocation")
        for row in rows
    ]


def _of_credits(session: Session, tenant_id: UUID, lines: Lines) -> Sequence[Obstacle | None]:
    needed = _sums((each.credit_id, each.amount) for each in lines.uses)
    rows = session.execute(
        select(
            CustomerCredit.id,
            CustomerCredit.number,
            CustomerCredit.balance.label("left"),
            CustomerCredit.currency,
        )
        .where(CustomerCredit.tenant_id == tenant_id, CustomerCredit.id == any_(uuids(needed)))
        .order_by(CustomerCredit.id)
    )
    return [
        _too_little(
            row,
            needed[row.id],
            f"of credit note {row.number}" if row.number else f"of credit {row.id}",
            "credit_exhausted",
        )
        for row in rows
    ]


def _sums(shares: Iterable[tuple[UUID, Decimal]]) -> Mapping[UUID, Decimal]:
    sums: dict[UUID, Decimal] = defaultdict(Decimal)
    for at, amount in shares:
        sums[at] += amount
    return sums


def _too_little(
    row: Row[*tuple[Any, ...]], needed: Decimal, what: str, code: str
) -> Obstacle | None:
    if needed <= row.left:
        return None
    left, wanted = (
        f"{format_amount(each, row.currency)} {row.currency}" for each in (row.left, needed)
    )
    return Obstacle(code, f"Only {left} are left {what}: {wanted} are needed.")
