"""What each match would book: money on invoices, and the differences where they belong."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import AdjustmentKind, AmountClass, DifferenceKind, WaitReason
from payymo.domain.matching.gate import Wait
from payymo.domain.matching.records import OpenInvoice, Payment, Proposal
from payymo.domain.settlement import OpenCredit, Owed, Settlement, SettlementPolicy, settle
from payymo.postgres.reconciliation.operations.credits import list_open_credits
from payymo.postgres.reconciliation.operations.looks import find_suggested_credits
from payymo.postgres.reconciliation.operations.matches import list_reversed_pairs

_ADJUSTMENTS: Final[Mapping[DifferenceKind, AdjustmentKind]] = {
    DifferenceKind.BANK_FEE: AdjustmentKind.BANK_FEE,
    DifferenceKind.DISCOUNT: AdjustmentKind.DISCOUNT,
    DifferenceKind.EXCHANGE: AdjustmentKind.EXCHANGE_DIFFERENCE,
    DifferenceKind.PROCESSOR_FEE: AdjustmentKind.PROCESSOR_FEE,
    DifferenceKind.ROUNDING: AdjustmentKind.ROUNDING,
}


def settle_proposals(
    session: Session,
    tenant_id: UUID,
    proposals: Sequence[Proposal],
    payments: Sequence[Payment],
    invoices: Sequence[OpenInvoice],
    *,
    considered: Collection[Hashable],
    policy: SettlementPolicy,
) -> Mapping[Hashable, Settlement]:
    """Return what proposals would book, of those that leave a difference which has its place.

    No credit is used by two of them, nor by one of them and a suggestion that stands. Those for
    which the engine found that credit was deducted come first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns payments and invoices.
    :param proposals: What the engine proposes, at most one for each payment.
    :param payments: The payments that it looked at.
    :param invoices: The invoices that it looked at.
    :param considered: Payments that it thought over: what was suggested for them gives way.
    :param policy: How far differences may be booked.
    """
    amounts = {payment.id: payment for payment in payments}
    open_invoices = {invoice.id: invoice for invoice in invoices}
    held = {
        credit_id
        for payment_id, credit_ids in find_suggested_credits(session, tenant_id).items()
        if payment_id not in considered
        for credit_id in credit_ids
    }
    credits_open = {
        each.credit_id: each
        for each in list_open_credits(session, tenant_id)
        if each.credit_id not in held
    }
    found: dict[Hashable, Settlement] = {}
    for proposal in sorted(proposals, key=lambda each: not each.credits):
        payment = amounts[proposal.payment_id]
        meant = [open_invoices[each.invoice_id] for each in proposal.allocations]
        settlement = _settle(proposal, payment, meant, list(credits_open.values()), policy)
        if settlement is not None:
            found[proposal.payment_id] = settlement
            for applied in settlement.applied:
                credits_open.pop(applied.credit_id, None)
    return found


def settlement_waits(
    session: Session,
    tenant_id: UUID,
    proposals: Sequence[Proposal],
    settlements: Mapping[Hashable, Settlement],
    *,
    before: Mapping[Hashable, Sequence[Wait]],
    policy: SettlementPolicy,
) -> Mapping[Hashable, Sequence[Wait]]:
    """Return why proposals wait for a person, with what booking them has to do with it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the payments.
    :param proposals: What the engine proposes, at most one for each payment.
    :param settlements: What those of them would book that leave a difference.
    :param before: Why the gate lets each wait.
    :param policy: How far differences may be booked.
    """
    taken_back = list_reversed_pairs(session, tenant_id)
    return {
        proposal.payment_id: _waits(
            proposal,
            before[proposal.payment_id],
            settlements.get(proposal.payment_id),
            policy,
            is_taken_back=any(
                (proposal.payment_id, line.invoice_id) in taken_back
                for line in proposal.allocations
            ),
        )
        for proposal in proposals
    }


def _waits(
    proposal: Proposal,
    before: Sequence[Wait],
    settlement: Settlement | None,
    policy: SettlementPolicy,
    *,
    is_taken_back: bool,
) -> Sequence[Wait]:
    waits = list(before)
    if settlement is not None and settlement.credited is not None:
        # What is too much has its place.
        waits = [wait for wait in waits if wait.reason is not WaitReason.AMOUNT_LEFT_OVER]
    if is_taken_back:
        waits.append(
            Wait(
                WaitReason.TAKEN_BACK,
                "Waits because somebody took this back before: only a person applies it again.",
            )
        )
    if settlement is not None and settlement.has_differences and not policy.apply_differences:
        waits.append(
            Wait(
                WaitReason.BOOKS_DIFFERENCE,
                "Waits because it books more than money on invoices, which the settlement policy "
                "leaves to people.",
            )
        )
    if _settles_by_rate(proposal):
        waits.append(
            Wait(
                WaitReason.BOOKS_DIFFERENCE,
                "Waits because a rate says what it settles of an invoice in another currency, and "
                "only people may.",
            )
        )
    return tuple(waits)


def _settles_by_rate(proposal: Proposal) -> bool:
    """Return whether nobody said what the payment settles of invoices in another currency."""
    is_abroad = any(each.settled is not None for each in proposal.allocations)
    return is_abroad and proposal.amount_class is not AmountClass.INSTRUCTED


def _adjustment_of(proposal: Proposal) -> AdjustmentKind:
    """Return what a missing amount is taken for: a cent is a rounding whatever it looks like."""
    for difference in proposal.differences:
        if difference.kind in _ADJUSTMENTS:
            return _ADJUSTMENTS[difference.kind]
    return AdjustmentKind.ROUNDING


def _settle(
    proposal: Proposal,
    payment: Payment,
    invoices: Sequence[OpenInvoice],
    credits_open: Sequence[OpenCredit],
    policy: SettlementPolicy,
) -> Settlement | None:
    """Return what a proposal books; ``None`` for its allocations and no more."""
    # Another currency is settled with what the engine says, and by nothing else.
    if any(invoice.currency != payment.currency for invoice in invoices):
        return None
    given = sum((each.amount for each in proposal.allocations), Decimal(0))
    owed = [
        Owed(each.id, each.customer_id, each.currency, each.balance, each.issue_date, each.due_date)
        for each in invoices
    ]
    total = sum((each.balance for each in owed), Decimal(0))
    # Money that goes elsewhere, and invoices that are paid in part on purpose, are left alone.
    if given != min(payment.amount, total):
        return None
    settlement = settle(
        payment.amount,
        owed,
        paid_on=payment.booking_date,
        policy=policy,
        adjustment=_adjustment_of(proposal),
        credits_open=credits_open,
    )
    return settlement if settlement.has_differences else None
