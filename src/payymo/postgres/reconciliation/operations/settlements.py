"""Booking what settles invoices, and taking it back: all of it, or nothing.

Whoever books locks payments first, then invoices, then credits, each in the order of ids, so that
two never wait for each other. The database itself refuses more than there is.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Uuid,
    any_,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import (
    AdjustmentKind,
    CreditKind,
    CreditUseKind,
    EventKind,
    EventSubject,
    InvoiceStatus,
)
from payymo.domain.errors import Problem, RuleError
from payymo.domain.money import format_amount
from payymo.postgres.common.models import Transaction
from payymo.postgres.common.operations.events import record_events
from payymo.postgres.reconciliation.models import (
    Adjustment,
    Allocation,
    CreditUse,
    CustomerCredit,
    Invoice,
)

#: What each of the database's own guards means, by the constraint that it names.
_RULES = {
    "ck_invoices_settled_within_total": (
        "over_allocation",
        "More would settle an invoice than is left to pay of it.",
    ),
    "ck_allocations_within_payment": (
        "over_allocation",
        "More would be allocated than is left of the payment.",
    ),
    "ck_allocations_same_currency": (
        "currency_mismatch",
        "A payment pays an invoice in another currency only where it is said what that settles.",
    ),
    "ck_customer_credits_same_currency": (
        "currency_mismatch",
        "Credit is in the currency of the payment that brings it.",
    ),
    "ck_credit_uses_same_currency": (
        "currency_mismatch",
        "Credit is used in its own currency only.",
    ),
    "ck_credit_uses_same_customer": (
        "customer_mismatch",
        "A customer's credit settles that customer's invoices only.",
    ),
    "ck_credit_uses_within_refund": (
        "over_allocation",
        "More would be refunded than is left of the outgoing payment.",
    ),
    "ck_customer_credits_used_within_amount": (
        "credit_exhausted",
        "More of the credit would be used than is left of it.",
    ),
    "ck_customer_credits_reversed_is_unused": (
        "credit_is_used",
        "A credit is used or reversed, and this one is the other already.",
    ),
    "ck_transactions_deleted_pays_nothing": (
        "transaction_is_deleted",
        "A deleted transaction settles nothing: restore it first.",
    ),
    "ck_invoices_void_is_unpaid": ("invoice_is_void", "A void invoice cannot be paid."),
}

#: With one of these nothing is left to pay.
_SETTLED = frozenset({InvoiceStatus.PAID, InvoiceStatus.WRITTEN_OFF})


@dataclass(frozen=True, slots=True)
class AllocationValues:
    """How much of a payment goes to an invoice, and by which match.

    :ivar settled: What it settles of an invoice in another currency; ``None`` in a common one.
    """

    match_id: UUID
    transaction_id: UUID
    invoice_id: UUID
    amount: Decimal
    settled: Decimal | None = None
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class AdjustmentValues:
    """What settles an invoice without money.

    :ivar match_id: The match that brings it; ``None`` when a person books it alone.
    """

    invoice_id: UUID
    kind: AdjustmentKind
    amount: Decimal
    match_id: UUID | None = None
    reason: str | None = None
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class CreditValues:
    """What a customer has good: of a payment, by a match, or a credit note."""

    customer_id: UUID
    kind: CreditKind
    currency: str
    amount: Decimal
    credited_on: date
    match_id: UUID | None = None
    transaction_id: UUID | None = None
    number: str | None = None
    invoice_id: UUID | None = None
    import_id: UUID | None = None
    note: str | None = None
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class CreditUseValues:
    """What becomes of some of a customer's credit.

    :ivar match_id: The match that applies it; ``None`` when it is used alone.
    :ivar match_run_id: The matching that applies it by the tenant's policy.
    """

    credit_id: UUID
    kind: CreditUseKind
    amount: Decimal
    invoice_id: UUID | None = None
    transaction_id: UUID | None = None
    match_id: UUID | None = None
    match_run_id: UUID | None = None
    reason: str | None = None
    id: UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class Lines:
    """What is booked together."""

    allocations: Sequence[AllocationValues] = ()
    adjustments: Sequence[AdjustmentValues] = ()
    credits: Sequence[CreditValues] = ()
    uses: Sequence[CreditUseValues] = ()


def book_lines(
    session: Session, tenant_id: UUID, lines: Lines, *, actor_id: UUID | None, now: datetime
) -> None:
    """Book what settles invoices: all of it, or nothing. Tell of the invoices that are paid then.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns whatever the lines name.
    :param lines: What to book.
    :param actor_id: User who books; ``None`` when Payymo does.
    :param now: Present time (aware).
    :raises RuleError: ``over_allocation`` or ``credit_exhausted`` if there is less than that;
        ``currency_mismatch``; ``customer_mismatch``; ``transaction_is_deleted``;
        ``invoice_is_void``; ``credit_is_used``. Nothing is written then.
    """
    payments: set[UUID | None] = {each.transaction_id for each in lines.allocations}
    payments |= {each.transaction_id for each in lines.credits}
    payments |= {each.transaction_id for each in lines.uses}
    invoices: set[UUID | None] = {each.invoice_id for each in lines.allocations}
    invoices |= {each.invoice_id for each in lines.adjustments}
    invoices |= {each.invoice_id for each in lines.uses}
    before = _lock_in_order(
        session,
        tenant_id,
        payments={each for each in payments if each is not None},
        invoices={each for each in invoices if each is not None},
        credits_used={each.credit_id for each in lines.uses},
    )
    stamped = {"tenant_id": tenant_id, "created_at": now}
    by_person = stamped | {"created_by": actor_id}
    try:
        with session.begin_nested():
            _insert(session, Allocation, lines.allocations, stamped)
            _insert(session, Adjustment, lines.adjustments, by_person)
            _insert(session, CustomerCredit, lines.credits, by_person)
            _insert(session, CreditUse, lines.uses, by_person)
    except IntegrityError as error:
        raise _as_rule(error) from error
    _forget_sums(session)
    _tell(session, tenant_id, before, now=now)


def reverse_lines(
    session: Session,
    tenant_id: UUID,
    *,
    match_ids: Collection[UUID] = (),
    match_run_id: UUID | None = None,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Take back what matches booked, or a matching by itself: the money is free again.

    Credit that they created goes, credit that they used comes back; all lines stay as history.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_ids: Matches whose lines are taken back.
    :param match_run_id: Matching whose own uses of credit are taken back as well.
    :param actor_id: User who takes them back.
    :param now: Present time (aware).
    :raises RuleError: ``credit_is_used`` if credit that they created is used by something else,
        with each use among the problems. Nothing is changed then.
    """
    blockers = find_uses_in_the_way(session, tenant_id, match_ids, match_run_id=match_run_id)
    if blockers:
        raise RuleError(
            "Credit that this created is used: reverse what uses it first.",
            code="credit_is_used",
            problems=blockers,
        )
    of_matches = _of_matches(match_ids)
    uses = or_(of_matches(CreditUse), CreditUse.match_run_id == match_run_id)
    _reverse(
        session,
        tenant_id,
        {
            CreditUse: uses,
            Adjustment: of_matches(Adjustment),
            Allocation: of_matches(Allocation),
            CustomerCredit: of_matches(CustomerCredit),
        },
        actor_id=actor_id,
        now=now,
    )


def reverse_line(
    session: Session,
    tenant_id: UUID,
    line: Adjustment | CreditUse | CustomerCredit,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Take back one line that no match booked.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param line: What to take back.
    :param actor_id: User who takes it back.
    :param now: Present time (aware).
    :raises RuleError: ``credit_is_used`` if it is a credit that was used meanwhile.
    """
    model = type(line)
    _reverse(session, tenant_id, {model: model.id == line.id}, actor_id=actor_id, now=now)
    session.expire(line)


def find_uses_in_the_way(
    session: Session,
    tenant_id: UUID,
    match_ids: Collection[UUID],
    *,
    match_run_id: UUID | None = None,
) -> Sequence[Problem]:
    """Return what uses credit that some matches created, each use in a sentence.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_ids: Matches that are to be taken back.
    :param match_run_id: Matching that is to be taken back as well: its own uses go with it.
    """
    of_matches = _of_matches(match_ids)
    statement = (
        select(CreditUse, CustomerCredit.currency, Invoice.number)
        .join(
            CustomerCredit,
            (CustomerCredit.tenant_id == CreditUse.tenant_id)
            & (CustomerCredit.id == CreditUse.credit_id),
        )
        .outerjoin(
            Invoice,
            (Invoice.tenant_id == CreditUse.tenant_id) & (Invoice.id == CreditUse.invoice_id),
        )
        .where(
            CreditUse.tenant_id == tenant_id,
            CreditUse.reversed_at.is_(None),
            of_matches(CustomerCredit),
            or_(CreditUse.match_id.is_(None), ~of_matches(CreditUse)),
        )
        .order_by(CreditUse.id)
    )
    if match_run_id is not None:
        statement = statement.where(CreditUse.match_run_id.is_distinct_from(match_run_id))
    return [
        Problem(None, _in_the_way(row.CreditUse, row.currency, row.number))
        for row in session.execute(statement)
    ]


def describe_use(use: CreditUse, currency: str, invoice_number: str | None) -> str:
    """Return what became of some credit, as part of a sentence.

    :param use: What became of it.
    :param currency: The credit's.
    :param invoice_number: Number of the invoice that it settles, where it does.
    """
    amount = f"{format_amount(use.amount, currency)} {currency} of the credit"
    match use.kind:
        case CreditUseKind.APPLIED:
            return f"{amount} settle invoice {invoice_number}"
        case CreditUseKind.REFUNDED:
            return f"{amount} were refunded by transaction {use.transaction_id}"
        case CreditUseKind.WRITTEN_OFF:
            return f"{amount} were written off"


def _in_the_way(use: CreditUse, currency: str, invoice_number: str | None) -> str:
    told = describe_use(use, currency, invoice_number)
    first = f"use {use.id}" if use.match_id is None else f"match {use.match_id}"
    return f"{told}: reverse {first} first."


# -------------------------------------------------------------------- details

type _Line = Allocation | Adjustment | CreditUse | CustomerCredit
type _Values = AllocationValues | AdjustmentValues | CreditUseValues | CreditValues


def _of_matches(match_ids: Collection[UUID]) -> Callable[[type[_Line]], ColumnElement[bool]]:
    ids = uuids(match_ids)

    def of(model: type[_Line]) -> ColumnElement[bool]:
        return model.match_id == any_(ids)

    return of


def _reverse(
    session: Session,
    tenant_id: UUID,
    chosen: Mapping[type[_Line], ColumnElement[bool]],
    *,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    payments: set[UUID] = set()
    invoices: set[UUID] = set()
    credits_used: set[UUID] = set()
    for model, condition in chosen.items():
        names = {"transaction_id": payments, "invoice_id": invoices, "credit_id": credits_used}
        known = [name for name in names if name in model.__table__.columns]
        rows: Iterable[Any] = session.execute(
            select(*(getattr(model, name) for name in known)).where(
                model.tenant_id == tenant_id, model.reversed_at.is_(None), condition
            )
        )
        for row in rows:
            for name, value in zip(known, row, strict=True):
                if value is not None:
                    names[name].add(value)
    before = _lock_in_order(
        session, tenant_id, payments=payments, invoices=invoices, credits_used=credits_used
    )
    try:
        with session.begin_nested():
            for model, condition in chosen.items():
                by = {} if model is Allocation else {"reversed_by": actor_id}
                session.execute(
                    update(model)
                    .where(model.tenant_id == tenant_id, model.reversed_at.is_(None), condition)
                    .values(reversed_at=now, **by)
                    .execution_options(synchronize_session=False)
                )
    except IntegrityError as error:
        raise _as_rule(error) from error
    _forget_sums(session)
    _tell(session, tenant_id, before, now=now)


def _insert(
    session: Session, model: type[_Line], lines: Sequence[_Values], stamps: Mapping[str, Any]
) -> None:
    """Insert lines with one statement, however many they are: each column is one parameter."""
    if not lines:
        return
    names = lines[0].__slots__
    table = model.__table__
    columns = [
        literal([getattr(each, name) for each in lines], ARRAY(table.c[name].type))
        for name in names
    ]
    given = func.unnest(*columns).table_valued(*names).render_derived()
    stamped = [literal(value, table.c[name].type) for name, value in stamps.items()]
    session.execute(
        insert(model).from_select(
            [*names, *stamps], select(*(given.c[name] for name in names), *stamped)
        )
    )


def _lock_in_order(
    session: Session,
    tenant_id: UUID,
    *,
    payments: Collection[UUID],
    invoices: Collection[UUID],
    credits_used: Collection[UUID],
) -> Mapping[UUID, InvoiceStatus]:
    """Lock all rows whose sums will change; return how the invoices stand."""
    _lock(session, tenant_id, Transaction, payments)
    statuses = session.execute(
        select(Invoice.id, Invoice.status)
        .where(Invoice.tenant_id == tenant_id, Invoice.id == any_(uuids(invoices)))
        .order_by(Invoice.id)
        .with_for_update()
    ).all()
    _lock(session, tenant_id, CustomerCredit, credits_used)
    return {row.id: row.status for row in statuses}


def _lock(
    session: Session,
    tenant_id: UUID,
    model: type[Transaction | CustomerCredit],
    ids: Collection[UUID],
) -> None:
    if ids:
        session.execute(
            select(model.id)
            .where(model.tenant_id == tenant_id, model.id == any_(uuids(ids)))
            .order_by(model.id)
            .with_for_update()
        ).all()


def _tell(
    session: Session, tenant_id: UUID, before: Mapping[UUID, InvoiceStatus], *, now: datetime
) -> None:
    """Tell of the invoices that have become paid, or are to be paid again."""
    rows = session.execute(
        select(
            Invoice.id,
            Invoice.status,
            Invoice.currency,
            Invoice.total,
            Invoice.allocated,
            Invoice.adjusted,
            Invoice.credited,
            Invoice.balance,
        ).where(Invoice.tenant_id == tenant_id, Invoice.id == any_(uuids(before)))
    ).all()
    news: dict[EventKind, dict[UUID, Mapping[str, Any]]] = {
        EventKind.INVOICE_PAID: {},
        EventKind.INVOICE_REOPENED: {},
    }
    for row in rows:
        was = before[row.id]
        if row.status is InvoiceStatus.PAID and was is not InvoiceStatus.PAID:
            kind = EventKind.INVOICE_PAID
        elif was in _SETTLED and row.status not in _SETTLED:
            kind = EventKind.INVOICE_REOPENED
        else:
            continue
        sums = ("total", "allocated", "adjusted", "credited", "balance")
        news[kind][row.id] = {"currency": row.currency} | {
            name: format_amount(getattr(row, name), row.currency) for name in sums
        }
    for kind, payloads in news.items():
        record_events(session, tenant_id, kind, EventSubject.INVOICE, payloads, now=now)


def uuids(ids: Collection[UUID]) -> BindParameter[list[UUID]]:
    """Return ids as one parameter, however many they are.

    :param ids: The ids.
    """
    return literal(list(ids), ARRAY(Uuid))


def _forget_sums(session: Session) -> None:
    """Have what the database keeps itself read anew."""
    kept = {
        Invoice: ["allocated", "adjusted", "credited", "balance", "status"],
        Transaction: ["allocated", "match_status"],
        CustomerCredit: ["used", "balance"],
    }
    for row in session.identity_map.values():
        for model, names in kept.items():
            if isinstance(row, model):
                session.expire(row, names)


def _as_rule(error: IntegrityError) -> RuleError:
    diagnosis = getattr(error.orig, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    if constraint not in _RULES:
        raise error
    code, message = _RULES[constraint]
    return RuleError(message, code=code)
