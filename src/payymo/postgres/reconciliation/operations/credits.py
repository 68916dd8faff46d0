"""What customers have good with a tenant, where it came from and what became of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import CreditKind, CreditUseKind
from payymo.domain.errors import DuplicateError, NotFoundError, Problem, RuleError
from payymo.domain.money import format_amount
from payymo.domain.settlement import OpenCredit, Owed
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import CreditUse, CustomerCredit, Invoice
from payymo.postgres.reconciliation.operations.adjustments import (
    check_amount,
    refuse_line_of_match,
)
from payymo.postgres.reconciliation.operations.customers import get_customer
from payymo.postgres.reconciliation.operations.invoices import get_locked_invoice
from payymo.postgres.reconciliation.operations.payments import get_payment, update_match_status
from payymo.postgres.reconciliation.operations.settlements import (
    CreditUseValues,
    CreditValues,
    Lines,
    book_lines,
    describe_use,
    reverse_line,
)


@dataclass(frozen=True, slots=True)
class CreditNoteValues:
    """A credit note as it is to be booked.

    :ivar total: What it takes off what the customer owes, in ``currency``; greater than zero.
    :ivar invoice_id: The invoice that it corrects, where it names one.
    """

    customer_id: UUID
    number: str
    currency: str
    total: Decimal
    issue_date: date
    invoice_id: UUID | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CreditFilter:
    """Which credits to list; all given conditions must hold.

    :ivar is_open: Only those of which something is left, or only the others.
    """

    customer_id: UUID | None = None
    kind: CreditKind | None = None
    currency: str | None = None
    is_open: bool | None = None


@dataclass(frozen=True, slots=True)
class CreditBalance:
    """What a customer has good in one currency."""

    currency: str
    balance: Decimal


def get_credit(session: Session, tenant_id: UUID, credit_id: UUID) -> CustomerCredit:
    """Return one credit of the tenant's customers.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param credit_id: Credit to return.
    :raises NotFoundError: If the tenant has no such credit.
    """
    credit = session.scalars(
        select(CustomerCredit)
        .where(*_is(tenant_id, credit_id))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if credit is None:
        raise NotFoundError("There is no such credit.")
    return credit


def list_credits(
    session: Session,
    tenant_id: UUID,
    *,
    where: CreditFilter = CreditFilter(),  # frozen
    page: int = 1,
    per_page: int = 100,
) -> Page[CustomerCredit]:
    """Return credits of the tenant's customers, the latest first, those reversed too.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param where: Which ones.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    conditions = [CustomerCredit.tenant_id == tenant_id, *_conditions(where)]
    total = session.scalar(select(func.count()).select_from(CustomerCredit).where(*conditions))
    rows = session.scalars(
        select(CustomerCredit)
        .where(*conditions)
        .order_by(CustomerCredit.credited_on.desc(), CustomerCredit.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def list_credit_balances(
    session: Session, tenant_id: UUID, customer_id: UUID
) -> Sequence[CreditBalance]:
    """Return what a customer has good, by currency; none where that is nothing.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the customer.
    :param customer_id: Customer who is meant.
    """
    rows = session.execute(
        select(CustomerCredit.currency, func.sum(CustomerCredit.balance).label("balance"))
        .where(
            CustomerCredit.tenant_id == tenant_id,
            CustomerCredit.customer_id == customer_id,
            CustomerCredit.balance > 0,
        )
        .group_by(CustomerCredit.currency)
        .order_by(CustomerCredit.currency)
    )
    return [CreditBalance(row.currency, row.balance) for row in rows]


def list_open_credits(
    session: Session, tenant_id: UUID, *, customer_id: UUID | None = None
) -> Sequence[OpenCredit]:
    """Return credit that is not used up, as the rules of settlement read it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param customer_id: Only this customer's.
    """
    statement = select(CustomerCredit).where(
        CustomerCredit.tenant_id == tenant_id, CustomerCredit.balance > 0
    )
    if customer_id is not None:
        statement = statement.where(CustomerCredit.customer_id == customer_id)
    return [
        OpenCredit(
            row.id,
            row.customer_id,
            row.kind,
            row.currency,
            row.balance,
            row.credited_on,
            row.number,
        )
        for row in session.scalars(statement)
    ]


def list_owed_with_credit(
    session: Session, tenant_id: UUID, *, customer_id: UUID | None = None
) -> Sequence[Owed]:
    """Return the open invoices of customers who have credit in their currency.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param customer_id: Only this customer's.
    """
    statement = select(Invoice).where(
        Invoice.tenant_id == tenant_id,
        Invoice.balance > 0,
        Invoice.voided_at.is_(None),
        exists().where(
            CustomerCredit.tenant_id == tenant_id,
            CustomerCredit.customer_id == Invoice.customer_id,
            CustomerCredit.currency == Invoice.currency,
            CustomerCredit.balance > 0,
        ),
    )
    if customer_id is not None:
        statement = statement.where(Invoice.customer_id == customer_id)
    return [
        Owed(row.id, row.customer_id, row.currency, row.balance, row.issue_date, row.due_date)
        for row in session.scalars(statement)
    ]


def list_reversed_uses(session: Session, tenant_id: UUID) -> Collection[tuple[UUID, UUID]]:
    """Return the pairs of credit and invoice that were taken back: applied by people alone.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    rows = session.execute(
        select(CreditUse.credit_id, CreditUse.invoice_id).where(
            CreditUse.tenant_id == tenant_id,
            CreditUse.invoice_id.is_not(None),
            CreditUse.reversed_at.is_not(None),
        )
    )
    return {(row.credit_id, row.invoice_id) for row in rows if row.invoice_id is not None}


# --------------------------------------------------------------- credit notes


def create_credit_note(
    session: Session,
    tenant_id: UUID,
    values: CreditNoteValues,
    *,
    import_id: UUID | None = None,
    actor_id: UUID | None,
    now: datetime,
) -> CustomerCredit:
    """Book a credit note, and return the credit that it is.

    Where it names an invoice, as much of it as is left to pay there settles that at once.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own customer and invoice.
    :param values: What to book.
    :param import_id: Import that it came with.
    :param actor_id: User who adds it.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such customer or invoice.
    :raises DuplicateError: If an invoice or another credit note has that number.
    :raises InvalidInputError: If the total has more decimals than its currency.
    :raises RuleError: ``customer_mismatch`` or ``currency_mismatch`` if the invoice is another's,
        ``invoice_is_void``.
    """
    get_customer(session, tenant_id, values.customer_id)
    check_amount(values.total, values.currency, field="total")
    _refuse_taken_number(session, tenant_id, values.number)
    invoice = None
    if values.invoice_id is not None:
        invoice = get_locked_invoice(session, tenant_id, values.invoice_id)
        _refuse_other_invoice(invoice, values)
    credit = CreditValues(
        values.customer_id,
        CreditKind.CREDIT_NOTE,
        values.currency,
        values.total,
        values.issue_date,
        number=values.number,
        invoice_id=values.invoice_id,
        import_id=import_id,
        note=values.note,
        id=uuid7(),
    )
    try:
        with session.begin_nested():
            book_lines(session, tenant_id, Lines(credits=[credit]), actor_id=actor_id, now=now)
    except IntegrityError as error:
        raise _taken() from error
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="created",
        entity="customer_credits",
        entity_id=credit.id,
        after={
            "kind": CreditKind.CREDIT_NOTE,
            "number": values.number,
            "amount": str(values.total),
            "currency": values.currency,
            "customer_id": str(values.customer_id),
            "invoice_id": None if values.invoice_id is None else str(values.invoice_id),
        },
    )
    if invoice is not None and invoice.balance > 0:
        use_credit(
            session,
            tenant_id,
            credit.id,
            kind=CreditUseKind.APPLIED,
            amount=min(invoice.balance, values.total),
            invoice_id=invoice.id,
            actor_id=actor_id,
            now=now,
        )
    return get_credit(session, tenant_id, credit.id)


def reverse_credit_note(
    session: Session, tenant_id: UUID, credit_id: UUID, *, actor_id: UUID | None, now: datetime
) -> CustomerCredit:
    """Take a credit note back, and return it; a reversed one stays as it is.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param credit_id: Credit to take back.
    :param actor_id: User who takes it back.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such credit.
    :raises RuleError: ``line_of_match`` if a payment brought it; ``credit_is_used``, with each use
        among the problems.
    """
    credit = _get_locked(session, tenant_id, credit_id)
    if credit.reversed_at is not None:
        return credit
    refuse_line_of_match(credit.match_id)
    problems = [
        Problem(None, f"{describe_use(use, credit.currency, number)}: reverse use {use.id} first.")
        for use, number in list_uses(session, tenant_id, credit_id)
        if use.reversed_at is None
    ]
    if problems:
        raise RuleError(
            "Some of the credit note is used: reverse what uses it first.",
            code="credit_is_used",
            problems=problems,
        )
    reverse_line(session, tenant_id, credit, actor_id=actor_id, now=now)
    _audit_reversal(session, tenant_id, "customer_credits", credit_id, actor_id)
    return get_credit(session, tenant_id, credit_id)


# ----------------------------------------------------------------------- uses


def get_use(session: Session, tenant_id: UUID, credit_id: UUID, use_id: UUID) -> CreditUse:
    """Return one use of a credit.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param credit_id: Credit that it must be of.
    :param use_id: Use to return.
    :raises NotFoundError: If the credit has no such use.
    """
    use = session.scalars(
        select(CreditUse).where(
            CreditUse.tenant_id == tenant_id,
            CreditUse.credit_id == credit_id,
            CreditUse.id == use_id,
        )
    ).one_or_none()
    if use is None:
        raise NotFoundError("There is no such use of this credit.")
    return use


def list_uses(
    session: Session, tenant_id: UUID, credit_id: UUID
) -> Sequence[tuple[CreditUse, str | None]]:
    """Return what became of a credit, in order, those uses reversed too.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param credit_id: Credit that is meant.
    :returns: Each use with the number of the invoice that it settles, where it does.
    """
    rows = session.execute(
        select(CreditUse, Invoice.number)
        .outerjoin(
            Invoice,
            (Invoice.tenant_id == CreditUse.tenant_id) & (Invoice.id == CreditUse.invoice_id),
        )
        .where(CreditUse.tenant_id == tenant_id, CreditUse.credit_id == credit_id)
        .order_by(CreditUse.id)
    )
    return [(row.CreditUse, row.number) for row in rows]


def use_credit(
    session: Session,
    tenant_id: UUID,
    credit_id: UUID,
    *,
    kind: CreditUseKind,
    amount: Decimal,
    invoice_id: UUID | None = None,
    transaction_id: UUID | None = None,
    reason: str | None = None,
    match_run_id: UUID | None = None,
    actor_id: UUID | None,
    now: datetime,
) -> CreditUse:
    """Apply, refund or write off some of a customer's credit, and return the line.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own credit, invoice and transaction.
    :param credit_id: Credit to use.
    :param kind: What becomes of it.
    :param amount: How much, in the credit's currency; greater than zero.
    :param invoice_id: The customer's invoice that it settles, where it is applied.
    :param transaction_id: The outgoing payment that gave it back, where it is refunded.
    :param reason: Why, in a person's words.
    :param match_run_id: Matching that applies it by the tenant's policy.
    :param actor_id: User who does it; ``None`` when Payymo does.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such credit, invoice or transaction.
    :raises InvalidInputError: If the amount has more decimals than its currency.
    :raises RuleError: ``credit_exhausted``, ``over_allocation``, ``customer_mismatch``,
        ``currency_mismatch``, ``invoice_is_void``, ``transaction_is_deleted``, ``not_a_refund``.
    """
    credit = get_credit(session, tenant_id, credit_id)
    check_amount(amount, credit.currency)
    if invoice_id is not None:
        _refuse_more_than_owed(get_locked_invoice(session, tenant_id, invoice_id), amount)
    if transaction_id is not None and get_payment(session, tenant_id, transaction_id).amount >= 0:
        raise RuleError("Only money that went out can be a refund.", code="not_a_refund")
    if amount > credit.balance:
        left = f"{format_amount(credit.balance, credit.currency)} {credit.currency}"
        message = f"Only {left} are left of the credit."
        raise RuleError(message, code="credit_exhausted", problems=[Problem("amount", message)])
    values = CreditUseValues(
        credit_id,
        kind,
        amount,
        invoice_id=invoice_id,
        transaction_id=transaction_id,
        match_run_id=match_run_id,
        reason=reason,
    )
    book_lines(session, tenant_id, Lines(uses=[values]), actor_id=actor_id, now=now)
    if transaction_id is not None:
        update_match_status(session, tenant_id, [transaction_id])
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="created",
        entity="credit_uses",
        entity_id=values.id,
        after={
            "kind": kind,
            "amount": str(amount),
            "credit_id": str(credit_id),
            "invoice_id": None if invoice_id is None else str(invoice_id),
            "transaction_id": None if transaction_id is None else str(transaction_id),
            "reason": reason,
        },
    )
    return get_use(session, tenant_id, credit_id, values.id)


def reverse_use(
    session: Session,
    tenant_id: UUID,
    credit_id: UUID,
    use_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> CreditUse:
    """Take a use of credit back, and return it; a reversed one stays as it is.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param credit_id: Credit that it must be of.
    :param use_id: Use to reverse.
    :param actor_id: User who reverses it.
    :param now: Present time (aware).
    :raises NotFoundError: If the credit has no such use.
    :raises RuleError: ``line_of_match`` if a match brought it.
    """
    use = get_use(session, tenant_id, credit_id, use_id)
    if use.reversed_at is not None:
        return use
    refuse_line_of_match(use.match_id)
    reverse_line(session, tenant_id, use, actor_id=actor_id, now=now)
    if use.transaction_id is not None:
        update_match_status(session, tenant_id, [use.transaction_id])
    _audit_reversal(session, tenant_id, "credit_uses", use_id, actor_id)
    return get_use(session, tenant_id, credit_id, use_id)


# -------------------------------------------------------------------- details


def _is(tenant_id: UUID, credit_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return CustomerCredit.tenant_id == tenant_id, CustomerCredit.id == credit_id


def _get_locked(session: Session, tenant_id: UUID, credit_id: UUID) -> CustomerCredit:
    credit = session.scalars(
        select(CustomerCredit)
        .where(*_is(tenant_id, credit_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if credit is None:
        raise NotFoundError("There is no such credit.")
    return credit


def _conditions(where: CreditFilter) -> list[Any]:
    found = [
        CustomerCredit.customer_id == where.customer_id if where.customer_id else None,
        CustomerCredit.kind == where.kind if where.kind else None,
        CustomerCredit.currency == where.currency if where.currency else None,
        CustomerCredit.balance > 0 if where.is_open is True else None,
        CustomerCredit.balance == 0 if where.is_open is False else None,
    ]
    return [condition for condition in found if condition is not None]


def _refuse_taken_number(session: Session, tenant_id: UUID, number: str) -> None:
    is_taken = select(
        exists().where(Invoice.tenant_id == tenant_id, Invoice.number == number)
        | exists().where(
            CustomerCredit.tenant_id == tenant_id,
            CustomerCredit.number == number,
            CustomerCredit.reversed_at.is_(None),
        )
    )
    if session.scalar(is_taken):
        raise _taken()


def _taken() -> DuplicateError:
    message = "There is an invoice or a credit note with this number already."
    return DuplicateError(message, problems=[Problem("number", message)])


def _refuse_other_invoice(invoice: Invoice, values: CreditNoteValues) -> None:
    if invoice.customer_id != values.customer_id:
        message = "A credit note corrects an invoice of its own customer."
        code = "customer_mismatch"
    elif invoice.currency != values.currency:
        message, code = "A credit note is in its invoice's currency.", "currency_mismatch"
    elif invoice.voided_at is not None:
        message, code = "The invoice is void: nothing of it is left to correct.", "invoice_is_void"
    else:
        return
    raise RuleError(message, code=code, problems=[Problem("invoice_id", message)])


def _refuse_more_than_owed(invoice: Invoice, amount: Decimal) -> None:
    if invoice.voided_at is None and amount > invoice.balance:
        left = f"{format_amount(invoice.balance, invoice.currency)} {invoice.currency}"
        message = f"Only {left} are left to pay of the invoice."
        raise RuleError(message, code="over_allocation", problems=[Problem("amount", message)])


def _audit_reversal(
    session: Session, tenant_id: UUID, entity: str, entity_id: UUID, actor_id: UUID | None
) -> None:
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="reversed",
        entity=entity,
        entity_id=entity_id,
    )
