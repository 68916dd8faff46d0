"""What is applied by itself, and what a person reads where it is not."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import AmountClass, GateDemand, Signal, WaitReason
from payymo.domain.matching.gate import DECISIONS_MIN, Gate, GatePolicy, TrackRecord
from payymo.domain.matching.records import (
    OpenInvoice,
    Payment,
    Proposal,
    ProposedAllocation,
)

OPEN = GatePolicy(is_open=True, threshold=Decimal("0.95"))
#: 60 of 60: Wilson's lower bound is 60 / (60 + 1.6449²) = 0.9568.
PROVEN = TrackRecord(decided=60, right=60)
PAYMENT = Payment(
    id="p",
    amount=Decimal("119.00"),
    currency="EUR",
    booking_date=date(2026, 3, 1),
    payer_name="Blue Whale",
    payer_iban=None,
    remittance="INV-1",
    structured_reference=None,
    end_to_end_id=None,
)


def invoice(number: str, balance: str = "119.00", customer: str = "c") -> OpenInvoice:
    return OpenInvoice(
        id=number,
        number=number,
        customer_id=customer,
        customer_name="Blue Whale Ltd",
        customer_ibans=(),
        currency="EUR",
        total=Decimal(balance),
        balance=Decimal(balance),
        issue_date=date(2026, 1, 1),
        due_date=None,
        structured_reference=None,
    )


def proposal(
    *signals: Signal,
    confidence: float = 0.98,
    amount: str = "119.00",
    is_tie: bool = False,
    is_quoted: bool = False,
) -> Proposal:
    """Propose the invoice INV-1, for these reasons."""
    return Proposal(
        payment_id="p",
        allocations=(ProposedAllocation("INV-1", Decimal(amount)),),
        confidence=confidence,
        evidence=(),
        runner_up=None,
        is_tie=is_tie,
        signals=frozenset(signals),
        is_quoted=is_quoted,
    )


QUOTED = proposal(Signal.REFERENCE, Signal.AMOUNT, is_quoted=True)
UNQUOTED = proposal(Signal.PAYER, Signal.AMOUNT)


def reasons(
    what: Proposal,
    *,
    policy: GatePolicy = OPEN,
    record: TrackRecord = PROVEN,
    others: tuple[OpenInvoice, ...] = (),
    payment: Payment = PAYMENT,
    balance: str = "119.00",
) -> list[WaitReason]:
    gate = Gate(policy, record, [invoice("INV-1", balance), *others])
    waits = gate.waits(payment, what)
    assert all(wait.text.startswith("Waits because ") for wait in waits)
    return [wait.reason for wait in waits]


def test_an_exact_amount_for_a_quoted_invoice_needs_no_history() -> None:
    assert reasons(QUOTED, record=TrackRecord()) == []


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (UNQUOTED, WaitReason.PRECISION_UNPROVEN),
        (
            proposal(Signal.REFERENCE, Signal.AMOUNT),
            WaitReason.PRECISION_UNPROVEN,
        ),
    ],
)
def test_anything_else_waits_until_decisions_prove_the_threshold(
    what: Proposal, reason: WaitReason
) -> None:
    assert reasons(what, record=TrackRecord()) == [reason]
    assert reasons(what, record=TrackRecord(decided=49, right=49)) == [reason]
    # Of 52 right ones the lower bound is 52 / (52 + 2.7057) = 0.9505; of 51 it is 0.9496.
    assert reasons(what, record=TrackRecord(decided=51, right=51)) == [reason]
    assert reasons(what, record=TrackRecord(decided=52, right=52)) == []


def test_a_part_of_a_quoted_invoice_waits_for_proof_too() -> None:
    assert reasons(QUOTED, balance="200.00", record=TrackRecord()) == [
        WaitReason.PRECISION_UNPROVEN
    ]
    assert reasons(QUOTED, balance="200.00") == []


def test_a_tenant_may_go_without_proof_for_good() -> None:
    policy = replace(OPEN, demand=GateDemand.ISSUED_REFERENCE)

    assert reasons(UNQUOTED, policy=policy) == [WaitReason.REFERENCE_DEMANDED]
    assert reasons(QUOTED, policy=policy) == []


def test_decisions_that_refute_the_threshold_close_the_gate_to_all() -> None:
    # 40 of 50: at 95 % the precision is at most 0.877.
    record = TrackRecord(decided=50, right=40)

    assert reasons(QUOTED, record=record) == [WaitReason.PRECISION_REFUTED]
    assert reasons(UNQUOTED, record=record) == [WaitReason.PRECISION_REFUTED]


def test_what_nobody_looked_at_proves_nothing() -> None:
    blind = TrackRecord(decided=500, right=500, is_credible=False)

    assert reasons(UNQUOTED, record=blind) == [WaitReason.PRECISION_UNPROVEN]
    assert reasons(QUOTED, record=blind) == []


def test_an_equal_invoice_that_is_not_quoted_keeps_it_waiting() -> None:
    sibling = invoice("INV-2")

    assert reasons(UNQUOTED, others=(sibling,)) == [WaitReason.EQUAL_SIBLING]
    assert reasons(UNQUOTED, others=(invoice("INV-2", customer="another"),)) == []
    assert reasons(UNQUOTED, others=(invoice("INV-2", "118.00"),)) == []
    assert reasons(QUOTED, others=(sibling,)) == []


def test_one_signal_is_not_enough_unless_it_is_a_reference_of_ours() -> None:
    by_amount = proposal(Signal.AMOUNT)
    by_payer = proposal(Signal.PAYER)
    by_number = proposal(Signal.REFERENCE, is_quoted=True)

    assert reasons(by_amount) == [WaitReason.ONE_SIGNAL_ONLY]
    assert reasons(by_payer) == [WaitReason.ONE_SIGNAL_ONLY]
    assert reasons(by_number, balance="200.00") == []


def test_money_left_over_waits() -> None:
    much = replace(PAYMENT, amount=Decimal("130.00"))

    assert reasons(QUOTED, payment=much) == [WaitReason.AMOUNT_LEFT_OVER]


def test_each_reason_is_named_the_plainest_first() -> None:
    what = proposal(Signal.AMOUNT, confidence=0.9, is_tie=True)
    policy = replace(OPEN, is_open=False)

    assert reasons(what, policy=policy, record=TrackRecord(), others=(invoice("INV-2"),)) == [
        WaitReason.SWITCHED_OFF,
        WaitReason.TIE,
        WaitReason.BELOW_THRESHOLD,
        WaitReason.EQUAL_SIBLING,
        WaitReason.ONE_SIGNAL_ONLY,
        WaitReason.PRECISION_UNPROVEN,
    ]


def test_the_sentence_of_proof_says_how_many_were_right() -> None:
    gate = Gate(OPEN, TrackRecord(decided=10, right=9), [invoice("INV-1")])

    [wait] = gate.waits(PAYMENT, UNQUOTED)

    assert "9 of 10 decided matches" in wait.text


@given(st.integers(0, 2000), st.data())
def test_the_bounds_hold_the_share_between_them(decided: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, decided))
    record = TrackRecord(decided, right)

    assert 0 <= record.precision_min <= record.precision_max <= 1 + 1e-12
    if decided:
        assert record.precision_min <= right / decided + 1e-12 <= record.precision_max + 2e-12


@given(st.integers(DECISIONS_MIN, 500), st.integers(0, 500))
def test_one_more_wrong_decision_never_opens_the_gate(decided: int, wrong: int) -> None:
    right = max(decided - wrong, 0)
    before = reasons(UNQUOTED, record=TrackRecord(decided, right))
    after = reasons(UNQUOTED, record=TrackRecord(decided + 1, right))

    assert not (before and not after)


class TestAcrossCurrencies:
    """A payment of 119.00 EUR for an invoice of 130.00 USD that it quotes, unproven."""

    BILL = replace(invoice("INV-1", "130.00"), currency="USD")

    def reasons(self, amount_class: AmountClass, ordered: str) -> list[WaitReason]:
        said = ProposedAllocation("INV-1", Decimal("119.00"), settled=Decimal("130.00"))
        paid = replace(PAYMENT, instructed_amount=Decimal(ordered), instructed_currency="USD")
        proposed = replace(QUOTED, allocations=(said,), amount_class=amount_class)
        gate = Gate(OPEN, TrackRecord(), [self.BILL])
        return [wait.reason for wait in gate.waits(paid, proposed)]

    def test_what_the_payer_ordered_is_exact(self) -> None:
        assert self.reasons(AmountClass.INSTRUCTED, "130.00") == []

    def test_another_order_is_not(self) -> None:
        waits = self.reasons(AmountClass.INSTRUCTED, "129.99")
        assert waits == [WaitReason.PRECISION_UNPROVEN]

    def test_what_a_rate_makes_of_it_is_not(self) -> None:
        waits = self.reasons(AmountClass.NEAR_MID_RATE, "130.00")
        assert waits == [WaitReason.PRECISION_UNPROVEN]
