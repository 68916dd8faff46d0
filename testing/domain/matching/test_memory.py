"""What past matches teach, and how refusals fade."""

from datetime import date, timedelta

import pytest
from testing.domain.matching.builders import a_payment, an_invoice, others

from payymo.domain.matching.engine import Matcher
from payymo.domain.matching.memory import REFUSAL_HALF_LIFE_DAYS, PayerMemory
from payymo.domain.matching.records import Confirmation, Payment, Refusal

IBAN = "DE89370400440532013000"
TODAY = date(2026, 2, 10)


def a_confirmation(customer: str, *, lag: int = 0) -> Confirmation:
    due = date(2025, 12, 1)
    return Confirmation(customer, "S Kroll", IBAN, due + timedelta(days=lag), due)


def a_refusal(customer: str, days: int) -> Refusal:
    return Refusal(customer, "S Kroll", IBAN, TODAY - timedelta(days=days))


def test_a_refusal_counts_half_after_its_half_life() -> None:
    memory = PayerMemory.of(refusals=[a_refusal("whale", REFUSAL_HALF_LIFE_DAYS)])

    weigh = memory.refusal_weight
    # It is remembered by account and by name, and each counts.
    assert weigh("whale", IBAN, ("S", "KROLL"), TODAY) == pytest.approx(1.0)
    assert weigh("whale", IBAN, (), TODAY) == pytest.approx(0.5)
    assert weigh("fox", IBAN, ("S", "KROLL"), TODAY) == 0


def test_a_habit_is_the_mean_of_what_was_seen() -> None:
    memory = PayerMemory.of([a_confirmation("whale", lag=lag) for lag in (4, 6)])

    habit = memory.habits["whale"]
    assert habit.surprise(5) == 0
    assert habit.surprise(15) == 10
    assert PayerMemory.of([a_confirmation("whale")]).habits["whale"].surprise(0) is None


def confidence(payment: Payment, **past: object) -> float:
    matcher = Matcher([an_invoice("INV-1001", "83.21"), *others()], **past)  # type: ignore[arg-type]  # of any type
    found = matcher.propose([payment], confidence_min=0.01).proposals
    return found[0].confidence if found else 0.0


def test_confirmations_teach_and_refusals_unteach() -> None:
    payment = a_payment("thanks", "83.21", payer_name="S Kroll", payer_iban=IBAN)
    taught = [a_confirmation("whale")] * 3

    unknown = confidence(payment)
    known = confidence(payment, confirmations=taught)
    refused = confidence(payment, confirmations=taught, refusals=[a_refusal("whale", 3)])

    assert unknown < 0.5 < known
    assert refused < known


def test_a_quoted_open_invoice_outranks_all_memory() -> None:
    book = [
        an_invoice("INV-1001", "83.21"),
        an_invoice("INV-2002", "83.21", customer_id="fox", customer_name="Red Fox GmbH"),
        *others(),
    ]
    matcher = Matcher(book, confirmations=[a_confirmation("whale")] * 9)
    payment = a_payment("INV-2002", "83.21", payer_name="S Kroll", payer_iban=IBAN)

    (proposal,) = matcher.propose([payment]).proposals

    assert [each.invoice_id for each in proposal.allocations] == ["INV-2002"]


def test_the_evidence_adds_up_to_the_score() -> None:
    matcher = Matcher([an_invoice("INV-1001", "83.21"), an_invoice("INV-1002", "83.21"), *others()])
    payments = [
        a_payment("INV-1001", "83.21", id="plain"),
        a_payment("thanks", "83.21", id="vague", booking_date=date(2026, 2, 12)),
        a_payment("both", "166.42", id="both", booking_date=date(2026, 2, 14)),
    ]
    readings = matcher.read(payments, ())
    lessons = matcher.lessons(readings)
    claims = matcher.weigh(readings, lessons)
    grants = matcher.share_out(claims, 0.01)

    assert grants
    for reading, claim in zip(readings, claims, strict=True):
        if claim.number in grants:
            grant = grants[claim.number]
            proposal = matcher.explain(reading, claim, grant, lessons)
            total = sum(item.weight for item in proposal.evidence)
            assert total == pytest.approx(claim.bits[grant.place], abs=0.1)
