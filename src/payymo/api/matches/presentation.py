"""How matches become answers, together with what they speak of."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.api.matches.models import (
    EvidenceRead,
    MatchDifferenceRead,
    MatchedPayment,
    MatchLineRead,
    MatchRead,
    RunnerUpLine,
    RunnerUpRead,
    WaitRead,
)
from payymo.domain.enums import MatchStatus
from payymo.domain.money import format_amount
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Match, MatchDifference, MatchLine
from payymo.postgres.reconciliation.operations.invoices import find_numbers_of
from payymo.postgres.reconciliation.operations.payments import list_payments_of


def present_matches(
    session: Session, tenant_id: UUID, matches: Sequence[Match]
) -> Sequence[MatchRead]:
    """Return matches with their payments and the numbers of the runners-up's invoices.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param matches: A page of matches.
    """
    payments = list_payments_of(session, tenant_id, matches)
    mentioned = {
        UUID(line["invoice_id"])
        for match in matches
        if match.runner_up
        for line in match.runner_up["lines"]
    }
    numbers = find_numbers_of(session, tenant_id, mentioned)
    return [_present(match, payments[match.transaction_id], numbers) for match in matches]


def present_match(session: Session, tenant_id: UUID, match: Match) -> MatchRead:
    """Return one match as :func:`present_matches` does."""
    [presented] = present_matches(session, tenant_id, [match])
    return presented


def _present(match: Match, payment: Transaction, numbers: Mapping[UUID, str]) -> MatchRead:
    return MatchRead(
        id=match.id,
        status=match.status,
        origin=match.origin,
        confidence=float(match.confidence),
        engine_confidence=None
        if match.engine_confidence is None
        else float(match.engine_confidence),
        is_tie=match.is_tie,
        needs_review=match.status is MatchStatus.CONFIRMED
        and payment.allocated > 0
        and payment.amount < payment.allocated,
        transaction=_present_payment(payment),
        lines=[_present_line(line, payment.currency) for line in match.lines],
        differences=[_present_difference(each, payment.currency) for each in match.differences],
        waits=[WaitRead.model_validate(item) for item in (match.waits or {"items": []})["items"]],
        evidence=[EvidenceRead.model_validate(item) for item in match.evidence["items"]],
        runner_up=_present_runner_up(match, payment.currency, numbers),
        engine_version=match.engine_version,
        match_run_id=match.match_run_id,
        applied_run_id=match.applied_run_id,
        decided_by=match.decided_by,
        decided_at=match.decided_at,
        created_at=match.created_at,
        updated_at=match.updated_at,
    )


def _present_payment(payment: Transaction) -> MatchedPayment:
    return MatchedPayment(
        id=payment.id,
        account_id=payment.account_id,
        amount=format_amount(payment.amount, payment.currency),
        currency=payment.currency,
        allocated=format_amount(payment.allocated, payment.currency),
        transaction_date=payment.transaction_date,
        counterparty_name=payment.counterparty_name,
        counterparty_iban=payment.counterparty_iban,
        remittance=payment.remittance,
        structured_reference=payment.structured_reference,
        match_status=payment.match_status,
    )


def _present_line(line: MatchLine, payment_currency: str) -> MatchLineRead:
    invoice = line.invoice
    return MatchLineRead(
        invoice_id=invoice.id,
        invoice_number=invoice.number,
        invoice_status=invoice.status,
        invoice_total=format_amount(invoice.total, invoice.currency),
        invoice_balance=format_amount(invoice.balance, invoice.currency),
        customer_id=invoice.customer_id,
        customer_name=invoice.customer.name,
        amount=format_amount(line.amount, payment_currency),
        settled=format_amount(line.settled or line.amount, invoice.currency),
        currency=invoice.currency,
    )


def _present_difference(line: MatchDifference, payment_currency: str) -> MatchDifferenceRead:
    currency = payment_currency if line.invoice is None else line.invoice.currency
    return MatchDifferenceRead(
        invoice_id=line.invoice_id,
        invoice_number=None if line.invoice is None else line.invoice.number,
        adjustment=line.adjustment,
        credit_id=line.credit_id,
        credit_number=None if line.credit is None else line.credit.number,
        credit=line.credit_kind,
        customer_id=line.customer_id,
        amount=format_amount(line.amount, currency),
        currency=currency,
    )


def _present_runner_up(
    match: Match, currency: str, numbers: Mapping[UUID, str]
) -> RunnerUpRead | None:
    if match.runner_up is None:
        return None
    return RunnerUpRead(
        confidence=match.runner_up["confidence"],
        lines=[
            RunnerUpLine(
                invoice_id=line["invoice_id"],
                invoice_number=numbers.get(UUID(line["invoice_id"])),
                amount=format_amount(Decimal(line["amount"]), currency),
            )
            for line in match.runner_up["lines"]
        ],
    )
