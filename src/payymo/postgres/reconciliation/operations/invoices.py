"""Invoices."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    any_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, contains_eager
from uuid_utils.compat import uuid7

from payymo.domain.enums import InvoiceStatus
from payymo.domain.errors import (
    DuplicateError,
    InvalidInputError,
    NotFoundError,
    Problem,
    RuleError,
)
from payymo.domain.matching.records import ClosedInvoice, OpenInvoice
from payymo.domain.money import check_exponent
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import (
    Adjustment,
    CreditUse,
    Customer,
    CustomerCredit,
    Invoice,
    MatchDifference,
    MatchLine,
)
from payymo.postgres.reconciliation.operations.customers import get_customer

#: With these the invoice says what was agreed; changing them would change what was paid.
_FIXED_BY_PAYMENTS = frozenset({"total", "currency", "customer_id"})


@dataclass(frozen=True, slots=True)
class InvoiceValues:
    """An invoice as it is to be stored.

    :ivar total: What was invoiced, in ``currency``; greater than zero.
    """

    customer_id: UUID
    number: str
    currency: str
    total: Decimal
    issue_date: date
    due_date: date | None = None
    structured_reference: str | None = None
    note: str | None = None


class InvoiceChanges(TypedDict, total=False):
    """What to change of an invoice: what is left out stays."""

    customer_id: UUID
    number: str
    currency: str
    total: Decimal
    issue_date: date
    due_date: date | None
    structured_reference: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """Which invoices to list; all given conditions must hold.

    :ivar number: Exactly this number.
    :ivar due_before: Due before this day.
    :ivar due_after: Due after this day.
    :ivar is_overdue_on: Only those with something left to pay after their due date, on that day.
    :ivar is_not_overdue_on: Only the others, on that day.
    :ivar q: Text in the number, the customer's name or number, or the structured reference.
    """

    status: InvoiceStatus | None = None
    customer_id: UUID | None = None
    number: str | None = None
    currency: str | None = None
    issued_from: date | None = None
    issued_to: date | None = None
    due_from: date | None = None
    due_to: date | None = None
    due_before: date | None = None
    due_after: date | None = None
    min_total: Decimal | None = None
    max_total: Decimal | None = None
    is_overdue_on: date | None = None
    is_not_overdue_on: date | None = None
    q: str | None = None


def get_invoice(session: Session, tenant_id: UUID, invoice_id: UUID) -> Invoice:
    """Return one of the tenant's invoices, with its customer.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice to return.
    :raises NotFoundError: If the tenant has no such invoice.
    """
    return _get(session, select(Invoice).where(*_is(tenant_id, invoice_id)))


def list_invoices(
    session: Session,
    tenant_id: UUID,
    *,
    where: InvoiceFilter = InvoiceFilter(),  # frozen
    page: int = 1,
    per_page: int = 100,
) -> Page[Invoice]:
    """Return the tenant's invoices with their customers, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param where: Which ones.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = (
        select(Invoice)
        .join(Invoice.customer)
        .options(contains_eager(Invoice.customer))
        .where(Invoice.tenant_id == tenant_id, *_conditions(where))
    )
    total = session.scalar(
        select(func.count())
        .select_from(Invoice)
        .join(Invoice.customer)
        .where(Invoice.tenant_id == tenant_id, *_conditions(where))
    )
    rows = session.scalars(
        statement.order_by(Invoice.issue_date.desc(), Invoice.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def create_invoice(
    session: Session, tenant_id: UUID, values: InvoiceValues, *, actor_id: UUID | None
) -> Invoice:
    """Add an invoice, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that is to own it.
    :param values: What to store.
    :param actor_id: User who adds it.
    :raises NotFoundError: If the tenant has no such customer.
    :raises DuplicateError: If an invoice has that number.
    :raises InvalidInputError: If the total has more decimals than its currency.
    :raises RuleError: ``due_before_issue``.
    """
    get_customer(session, tenant_id, values.customer_id)
    _check_dates(values.issue_date, values.due_date)
    _check_total(values.total, values.currency)
    invoice = Invoice(tenant_id=tenant_id, id=uuid7(), **_row(values))
    with _unique_number(session):
        session.add(invoice)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="created",
        entity="invoices",
        entity_id=invoice.id,
        after=_as_json(_row(values)),
    )
    return get_invoice(session, tenant_id, invoice.id)


def update_invoice(
    session: Session,
    tenant_id: UUID,
    invoice_id: UUID,
    *,
    actor_id: UUID | None,
    **changes: Unpack[InvoiceChanges],
) -> Invoice:
    """Change an invoice, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice to change.
    :param actor_id: User who changes it.
    :param changes: New values; what is left out stays.
    :raises NotFoundError: If the tenant has no such invoice or customer.
    :raises DuplicateError: If another invoice has that number.
    :raises InvalidInputError: If the total has more decimals than its currency.
    :raises RuleError: ``invoice_has_payments`` if total, currency or customer of an invoice with
        payments would change, ``invoice_is_void`` if it is void, ``due_before_issue``.
    """
    invoice = get_locked_invoice(session, tenant_id, invoice_id)
    wanted: dict[str, Any] = dict(changes)
    before = {name: getattr(invoice, name) for name in wanted}
    if before == wanted:
        return invoice
    _check_changes(session, tenant_id, invoice, wanted, before)
    with _unique_number(session):
        for name, value in wanted.items():
            setattr(invoice, name, value)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="changed",
        entity="invoices",
        entity_id=invoice_id,
        before=_as_json(before),
        after=_as_json(wanted),
    )
    session.expire(invoice)
    return get_invoice(session, tenant_id, invoice_id)


def void_invoice(
    session: Session,
    tenant_id: UUID,
    invoice_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Invoice:
    """Make an invoice worth nothing, and return it; a void one stays as it is.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice to void.
    :param actor_id: User who voids it.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such invoice.
    :raises RuleError: ``invoice_has_payments`` if anything settles some of it.
    """
    invoice = get_locked_invoice(session, tenant_id, invoice_id)
    if invoice.voided_at is not None:
        return invoice
    if invoice.balance != invoice.total:
        raise RuleError(
            "An invoice of which something is settled cannot be voided: reverse its matches, "
            "adjustments and uses of credit first.",
            code="invoice_has_payments",
        )
    invoice.voided_at = now
    session.flush()
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="voided",
        entity="invoices",
        entity_id=invoice_id,
    )
    session.refresh(invoice)
    return invoice


def delete_invoice(
    session: Session, tenant_id: UUID, invoice_id: UUID, *, actor_id: UUID | None
) -> None:
    """Remove an invoice that was never matched or settled.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice to remove.
    :param actor_id: User who removes it.
    :raises NotFoundError: If the tenant has no such invoice.
    :raises RuleError: ``invoice_has_matches`` if a match, an adjustment or credit names it,
        whatever became of them.
    """
    invoice = get_locked_invoice(session, tenant_id, invoice_id)
    named = (
        exists().where(model.tenant_id == tenant_id, model.invoice_id == invoice_id)
        for model in (MatchLine, MatchDifference, Adjustment, CreditUse, CustomerCredit)
    )
    if session.scalar(select(or_(*named))):
        raise RuleError(
            "An invoice that a match, an adjustment or credit names cannot be removed: void it "
            "instead.",
            code="invoice_has_matches",
        )
    before = {name: getattr(invoice, name) for name in InvoiceValues.__slots__}
    session.delete(invoice)
    session.flush()
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="deleted",
        entity="invoices",
        entity_id=invoice_id,
        before=_as_json(before),
    )


def find_numbers_of(
    session: Session, tenant_id: UUID, invoice_ids: Collection[UUID]
) -> Mapping[UUID, str]:
    """Return the numbers of those invoices that there are, by id.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param invoice_ids: Invoices to look for.
    """
    rows = session.execute(
        select(Invoice.id, Invoice.number).where(
            Invoice.tenant_id == tenant_id, Invoice.id.in_(invoice_ids)
        )
    )
    return {row.id: row.number for row in rows}


def find_invoice_numbers(
    session: Session, tenant_id: UUID, numbers: Collection[str]
) -> Collection[str]:
    """Return those of some invoice numbers that are taken.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the invoices.
    :param numbers: Numbers to look for.
    """
    rows = session.scalars(
        select(Invoice.number).where(
            Invoice.tenant_id == tenant_id,
            Invoice.number == any_(literal(list(numbers), ARRAY(Text))),
        )
    )
    return set(rows)


def find_invoice_ids(
    session: Session, tenant_id: UUID, numbers: Collection[str]
) -> Mapping[str, UUID]:
    """Return the ids of those invoices that there are, by number.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the invoices.
    :param numbers: Numbers to look for.
    """
    rows = session.execute(
        select(Invoice.number, Invoice.id).where(
            Invoice.tenant_id == tenant_id,
            Invoice.number == any_(literal(list(numbers), ARRAY(Text))),
        )
    )
    return {row.number: row.id for row in rows}


def record_invoices(
    session: Session,
    tenant_id: UUID,
    invoices: Sequence[InvoiceValues],
    *,
    import_id: UUID | None = None,
) -> Sequence[UUID]:
    """Add many invoices at once, and return their ids in order.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that is to own them.
    :param invoices: What to store; the numbers must be free.
    :param import_id: Import that they came with.
    :raises DuplicateError: If a number is taken.
    """
    rows = [
        {"tenant_id": tenant_id, "id": uuid7(), "import_id": import_id, **_row(values)}
        for values in invoices
    ]
    if rows:
        try:
            with session.begin_nested():
                session.execute(insert(Invoice), rows)
        except IntegrityError as error:
            raise DuplicateError("An invoice number of the file was taken just now.") from error
    return [row["id"] for row in rows]


# ------------------------------------------------------------------- matching


def list_open_invoices(session: Session, tenant_id: UUID) -> Sequence[OpenInvoice]:
    """Return everything that is left to pay, as the matching engine reads it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the invoices.
    """
    is_open = (Invoice.tenant_id == tenant_id, Invoice.balance > 0, Invoice.voided_at.is_(None))
    # Each customer once: most owe several invoices.
    customers = {
        row.id: (row.name, row.number, tuple(row.ibans))
        for row in session.execute(
            select(Customer.id, Customer.name, Customer.number, Customer.ibans).where(
                Customer.tenant_id == tenant_id,
                Customer.id.in_(select(Invoice.customer_id).where(*is_open)),
            )
        )
    }
    rows = session.execute(
        select(
            Invoice.id,
            Invoice.number,
            Invoice.customer_id,
            Invoice.currency,
            Invoice.total,
            Invoice.balance,
            Invoice.issue_date,
            Invoice.due_date,
            Invoice.structured_reference,
        ).where(*is_open)
    )
    found = []
    for at, number, customer_id, currency, total, balance, issued, due, reference in rows:
        if customer_id not in customers:
            continue  # was added between the two statements: the next look finds it
        name, customer_number, ibans = customers[customer_id]
        found.append(
            OpenInvoice(
                id=at,
                number=number,
                customer_id=customer_id,
                customer_name=name,
                customer_ibans=ibans,
                currency=currency,
                total=total,
                balance=balance,
                issue_date=issued,
                due_date=due,
                structured_reference=reference,
                customer_number=customer_number,
            )
        )
    return found


def list_closed_invoices(session: Session, tenant_id: UUID) -> Sequence[ClosedInvoice]:
    """Return the numbers of what is paid or void, as the matching engine reads them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the invoices.
    """
    rows = session.execute(
        select(Invoice.number, Invoice.structured_reference, Invoice.customer_id).where(
            Invoice.tenant_id == tenant_id,
            or_(Invoice.balance == 0, Invoice.voided_at.is_not(None)),
        )
    )
    return [ClosedInvoice(row.number, row.structured_reference, row.customer_id) for row in rows]


# -------------------------------------------------------------------- details


def _is(tenant_id: UUID, invoice_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Invoice.tenant_id == tenant_id, Invoice.id == invoice_id


def _get(session: Session, statement: Select[Invoice]) -> Invoice:
    invoice = session.scalars(statement).one_or_none()
    if invoice is None:
        raise NotFoundError("There is no such invoice.")
    return invoice


def get_locked_invoice(session: Session, tenant_id: UUID, invoice_id: UUID) -> Invoice:
    """Return one of the tenant's invoices, and keep others from changing it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice to return.
    :raises NotFoundError: If the tenant has no such invoice.
    """
    statement = (
        select(Invoice)
        .where(*_is(tenant_id, invoice_id))
        .with_for_update(of=Invoice)
        .execution_options(populate_existing=True)
    )
    return _get(session, statement)


def _conditions(where: InvoiceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool] | None] = [
        Invoice.status == where.status if where.status else None,
        Invoice.customer_id == where.customer_id if where.customer_id else None,
        Invoice.number == where.number if where.number else None,
        Invoice.currency == where.currency if where.currency else None,
        Invoice.issue_date >= where.issued_from if where.issued_from else None,
        Invoice.issue_date <= where.issued_to if where.issued_to else None,
        Invoice.due_date >= where.due_from if where.due_from else None,
        Invoice.due_date <= where.due_to if where.due_to else None,
        Invoice.due_date < where.due_before if where.due_before else None,
        Invoice.due_date > where.due_after if where.due_after else None,
        Invoice.total >= where.min_total if where.min_total is not None else None,
        Invoice.total <= where.max_total if where.max_total is not None else None,
        _overdue(where.is_overdue_on) if where.is_overdue_on else None,
        _overdue(where.is_not_overdue_on).is_not(True) if where.is_not_overdue_on else None,
        _mentions(where.q) if where.q else None,
    ]
    return [condition for condition in found if condition is not None]


def _overdue(today: date) -> ColumnElement[bool]:
    return (Invoice.due_date < today) & (Invoice.balance > 0) & (Invoice.voided_at.is_(None))


def _mentions(q: str) -> ColumnElement[bool]:
    fields = (Invoice.number, Invoice.structured_reference, Customer.name, Customer.number)
    return or_(*(field.icontains(q, autoescape=True) for field in fields))


def _check_changes(
    session: Session,
    tenant_id: UUID,
    invoice: Invoice,
    wanted: Mapping[str, Any],
    before: Mapping[str, Any],
) -> None:
    if invoice.voided_at is not None:
        raise RuleError("A void invoice cannot be changed.", code="invoice_is_void")
    changed = {name for name in wanted if wanted[name] != before[name]}
    if invoice.balance != invoice.total and not changed.isdisjoint(_FIXED_BY_PAYMENTS):
        raise RuleError(
            "An invoice of which something is settled keeps its total, currency and customer: "
            "reverse its matches, adjustments and uses of credit first.",
            code="invoice_has_payments",
        )
    if "customer_id" in changed:
        get_customer(session, tenant_id, wanted["customer_id"])
    _check_dates(
        wanted.get("issue_date", invoice.issue_date), wanted.get("due_date", invoice.due_date)
    )
    _check_total(wanted.get("total", invoice.total), wanted.get("currency", invoice.currency))


def _check_total(total: Decimal, currency: str) -> None:
    try:
        check_exponent(total, currency)
    except InvalidInputError as error:
        problem = Problem("total", error.message)
        raise InvalidInputError(error.message, problems=[problem]) from error


def _check_dates(issue_date: date, due_date: date | None) -> None:
    if due_date is not None and due_date < issue_date:
        message = "An invoice cannot be due before it is issued."
        raise RuleError(message, code="due_before_issue", problems=[Problem("due_date", message)])


def _row(values: InvoiceValues) -> dict[str, Any]:
    return {
        "customer_id": values.customer_id,
        "number": values.number,
        "currency": values.currency,
        "total": values.total,
        "issue_date": values.issue_date,
        "due_date": values.due_date,
        "structured_reference": values.structured_reference,
        "note": values.note,
    }


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None if value is None else str(value) for name, value in values.items()}


@contextmanager
def _unique_number(session: Session) -> Iterator[None]:
    """Write what the block changes, and nothing of it if its number is taken."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        message = "There is an invoice with this number already."
        raise DuplicateError(message, problems=[Problem("number", message)]) from error
