"""What settles invoices without money, as people book it: write-offs, fees, discounts."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.enums import AdjustmentKind
from payymo.domain.errors import InvalidInputError, NotFoundError, Problem, RuleError
from payymo.domain.money import check_exponent, format_amount
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.reconciliation.models import Adjustment
from payymo.postgres.reconciliation.operations.invoices import get_locked_invoice
from payymo.postgres.reconciliation.operations.settlements import (
    AdjustmentValues,
    Lines,
    book_lines,
    reverse_line,
)


def get_adjustment(
    session: Session, tenant_id: UUID, invoice_id: UUID, adjustment_id: UUID
) -> Adjustment:
    """Return one adjustment of an invoice.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice that it must be of.
    :param adjustment_id: Adjustment to return.
    :raises NotFoundError: If the invoice has no such adjustment.
    """
    adjustment = session.scalars(
        select(Adjustment).where(
            Adjustment.tenant_id == tenant_id,
            Adjustment.invoice_id == invoice_id,
            Adjustment.id == adjustment_id,
        )
    ).one_or_none()
    if adjustment is None:
        raise NotFoundError("There is no such adjustment of this invoice.")
    return adjustment


def list_adjustments(session: Session, tenant_id: UUID, invoice_id: UUID) -> Sequence[Adjustment]:
    """Return the adjustments of an invoice in the order in which they were booked, all of them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param invoice_id: Invoice that they are of.
    """
    statement = (
        select(Adjustment)
        .where(Adjustment.tenant_id == tenant_id, Adjustment.invoice_id == invoice_id)
        .order_by(Adjustment.id)
    )
    return session.scalars(statement).all()


def create_adjustment(
    session: Session,
    tenant_id: UUID,
    invoice_id: UUID,
    *,
    kind: AdjustmentKind,
    amount: Decimal,
    reason: str | None,
    actor_id: UUID | None,
    now: datetime,
) -> Adjustment:
    """Settle some of an invoice without money, and return the line.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice to settle.
    :param kind: Why no money comes for it.
    :param amount: How much, in the invoice's currency; greater than zero.
    :param reason: Why, in the person's words.
    :param actor_id: User who books it.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such invoice.
    :raises InvalidInputError: If the amount has more decimals than its currency.
    :raises RuleError: ``over_allocation`` if less is left to pay, ``invoice_is_void``.
    """
    invoice = get_locked_invoice(session, tenant_id, invoice_id)
    check_amount(amount, invoice.currency)
    if invoice.voided_at is None and amount > invoice.balance:
        left = f"{format_amount(invoice.balance, invoice.currency)} {invoice.currency}"
        message = f"Only {left} are left to pay of the invoice."
        raise RuleError(message, code="over_allocation", problems=[Problem("amount", message)])
    values = AdjustmentValues(invoice_id, kind, amount, reason=reason)
    book_lines(session, tenant_id, Lines(adjustments=[values]), actor_id=actor_id, now=now)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="created",
        entity="adjustments",
        entity_id=values.id,
        after={
            "invoice_id": str(invoice_id),
            "kind": kind,
            "amount": str(amount),
            "reason": reason,
        },
    )
    return get_adjustment(session, tenant_id, invoice_id, values.id)


def reverse_adjustment(
    session: Session,
    tenant_id: UUID,
    invoice_id: UUID,
    adjustment_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Adjustment:
    """Take an adjustment back, and return it; a reversed one stays as it is.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param invoice_id: Invoice that it must be of.
    :param adjustment_id: Adjustment to reverse.
    :param actor_id: User who reverses it.
    :param now: Present time (aware).
    :raises NotFoundError: If the invoice has no such adjustment.
    :raises RuleError: ``line_of_match`` if a match brought it.
    """
    get_locked_invoice(session, tenant_id, invoice_id)
    adjustment = get_adjustment(session, tenant_id, invoice_id, adjustment_id)
    if adjustment.reversed_at is not None:
        return adjustment
    refuse_line_of_match(adjustment.match_id)
    reverse_line(session, tenant_id, adjustment, actor_id=actor_id, now=now)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="reversed",
        entity="adjustments",
        entity_id=adjustment_id,
    )
    return get_adjustment(session, tenant_id, invoice_id, adjustment_id)


def refuse_line_of_match(match_id: UUID | None) -> None:
    """Raise if a line goes with a match, and cannot be taken back alone.

    :param match_id: The match that brought it, if one did.
    :raises RuleError: ``line_of_match``.
    """
    if match_id is not None:
        raise RuleError(
            f"This goes with match {match_id}: reverse the match instead.", code="line_of_match"
        )


def check_amount(amount: Decimal, currency: str, *, field: str = "amount") -> None:
    """Raise if an amount is not one of its currency.

    :param amount: Amount in a request.
    :param currency: ISO 4217 code.
    :param field: Where it was said.
    :raises InvalidInputError: If it has more decimals than its currency.
    """
    try:
        check_exponent(amount, currency)
    except InvalidInputError as error:
        raise InvalidInputError(error.message, problems=[Problem(field, error.message)]) from error
