"""What a tenant's decisions teach of payers: who pays for whom, and when.

There is no table of it. What is known is what the decisions that stand say when it is asked for.
So undoing one takes back exactly what it taught, what is deleted teaches nothing, and nothing
reaches another tenant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from payymo.domain.enums import EvidenceKind, MatchOrigin, MatchStatus
from payymo.domain.matching.records import Confirmation, Refusal
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Invoice, Match, MatchLine

#: Kinds of evidence with which a match that nobody looked at may teach: it owes nothing to memory.
_ISSUED = (EvidenceKind.STRUCTURED_REFERENCE, EvidenceKind.INVOICE_NUMBER)


@dataclass(frozen=True, slots=True)
class Payer:
    """One account and name from which a customer was paid for.

    :ivar payment_count: Payments that were confirmed as the customer's.
    :ivar refusal_count: Payments that a person did not take for the customer's.
    :ivar quoting_count: Payments that quoted an invoice.
    :ivar combined_count: Payments for several invoices.
    :ivar mean_lag: Days after the due date, on average; ``None`` where no invoice had one.
    :ivar last_seen: Day of the latest payment.
    """

    iban: str | None
    name: str | None
    payment_count: int
    refusal_count: int
    quoting_count: int
    combined_count: int
    mean_lag: Decimal | None
    last_seen: date


def list_confirmations(session: Session, tenant_id: UUID) -> Sequence[Confirmation]:
    """Return what confirmed matches teach: one lesson for each payment and customer.

    A match teaches when a person confirmed or made it. One that Payymo applied does so only when
    the payment quotes an invoice: otherwise memory would bear itself out.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the matches.
    """
    statement = (
        _matched(tenant_id)
        .with_only_columns(
            Invoice.customer_id,
            Transaction.counterparty_name,
            Transaction.counterparty_iban,
            _paid_on().label("paid_on"),
            func.min(Invoice.due_date).label("due_date"),
        )
        .where(Match.status == MatchStatus.CONFIRMED, _teaches())
        .group_by(
            Match.id,
            Invoice.customer_id,
            Transaction.counterparty_name,
            Transaction.counterparty_iban,
            _paid_on(),
        )
        .order_by(Match.id)
    )
    return [
        Confirmation(
            customer_id=row.customer_id,
            payer_name=row.counterparty_name,
            payer_iban=row.counterparty_iban,
            booking_date=row.paid_on,
            due_date=row.due_date,
        )
        for row in session.execute(statement)
    ]


def list_refusals(session: Session, tenant_id: UUID) -> Sequence[Refusal]:
    """Return which payers people did not take for a customer.

    Whoever refuses one invoice and then confirms another of the same customer has not refused the
    payer.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the matches.
    """
    rows = session.execute(
        _matched(tenant_id)
        .with_only_columns(
            Invoice.customer_id,
            Transaction.counterparty_name,
            Transaction.counterparty_iban,
            Match.decided_at,
        )
        .where(Match.status == MatchStatus.REJECTED, ~_paid_after_all(tenant_id))
        .group_by(
            Match.id,
            Invoice.customer_id,
            Transaction.counterparty_name,
            Transaction.counterparty_iban,
            Match.decided_at,
        )
        .order_by(Match.decided_at, Match.id)
    )
    return [
        Refusal(
            customer_id=row.customer_id,
            payer_name=row.counterparty_name,
            payer_iban=row.counterparty_iban,
            refused_on=row.decided_at.date(),
        )
        for row in rows
    ]


def list_payers(session: Session, tenant_id: UUID, customer_id: UUID) -> Sequence[Payer]:
    """Return from where, and how, a customer was paid for, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the customer.
    :param customer_id: Customer whose payers are known.
    """
    each = (
        _matched(tenant_id)
        .with_only_columns(
            Match.id,
            Transaction.counterparty_iban.label("iban"),
            Transaction.counterparty_name.label("name"),
            _paid_on().label("paid_on"),
            (Match.status == MatchStatus.CONFIRMED).label("is_confirmed"),
            _quotes().label("is_quoting"),
            (func.count() > 1).label("is_combined"),
            (_paid_on() - func.min(Invoice.due_date)).label("lag"),
        )
        .where(
            Invoice.customer_id == customer_id,
            or_(
                and_(Match.status == MatchStatus.CONFIRMED, _teaches()),
                and_(Match.status == MatchStatus.REJECTED, ~_paid_after_all(tenant_id)),
            ),
        )
        .group_by(
            Match.tenant_id,
            Match.id,
            Transaction.tenant_id,
            Transaction.id,
        )
        .subquery()
    )
    is_confirmed = each.c.is_confirmed
    rows = session.execute(
        select(
            each.c.iban,
            each.c.name,
            func.count().filter(is_confirmed).label("payment_count"),
            func.count().filter(~is_confirmed).label("refusal_count"),
            func.count().filter(is_confirmed, each.c.is_quoting).label("quoting_count"),
            func.count().filter(is_confirmed, each.c.is_combined).label("combined_count"),
            func.avg(case((is_confirmed, each.c.lag))).label("mean_lag"),
            func.max(each.c.paid_on).label("last_seen"),
        )
        .group_by(each.c.iban, each.c.name)
        .order_by(func.max(each.c.paid_on).desc(), each.c.iban, each.c.name)
    )
    return [
        Payer(
            iban=row.iban,
            name=row.name,
            payment_count=row.payment_count,
            refusal_count=row.refusal_count,
            quoting_count=row.quoting_count,
            combined_count=row.combined_count,
            mean_lag=None if row.mean_lag is None else round(row.mean_lag, 1),
            last_seen=row.last_seen,
        )
        for row in rows
    ]


def _matched(tenant_id: UUID) -> Select[*tuple[Any, ...]]:
    """Return the lines of matches with their invoices and payments that are not deleted."""
    return (
        select()
        .select_from(Match)
        .join(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .join(
            Invoice, (Invoice.tenant_id == Match.tenant_id) & (Invoice.id == MatchLine.invoice_id)
        )
        .join(
            Transaction,
            (Transaction.tenant_id == Match.tenant_id) & (Transaction.id == Match.transaction_id),
        )
        .where(Match.tenant_id == tenant_id, Transaction.deleted_at.is_(None))
    )


def _paid_on() -> ColumnElement[date]:
    return func.coalesce(Transaction.booking_date, Transaction.transaction_date)


def _quotes() -> ColumnElement[bool]:
    return or_(*(Match.evidence.contains({"items": [{"kind": kind.value}]}) for kind in _ISSUED))


def _teaches() -> ColumnElement[bool]:
    return or_(Match.origin == MatchOrigin.MANUAL, Match.decided_by.is_not(None), _quotes())


def _paid_after_all(tenant_id: UUID) -> ColumnElement[bool]:
    """Return whether the same payment was confirmed as the same customer's."""
    other, line, invoice = aliased(Match), aliased(MatchLine), aliased(Invoice)
    return (
        select(other.id)
        .join(line, (line.tenant_id == other.tenant_id) & (line.match_id == other.id))
        .join(invoice, (invoice.tenant_id == other.tenant_id) & (invoice.id == line.invoice_id))
        .where(
            other.tenant_id == tenant_id,
            other.transaction_id == Match.transaction_id,
            other.status == MatchStatus.CONFIRMED,
            invoice.customer_id == Invoice.customer_id,
        )
        .exists()
    )
