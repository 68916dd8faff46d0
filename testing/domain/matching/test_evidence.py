"""Evidence reads as a person expects: its signs, its size, and that it adds up."""

from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from testing.domain.matching.builders import a_payment, an_invoice, others

from payymo.domain.enums import EvidenceKind
from payymo.domain.matching.engine import Matcher
from payymo.domain.matching.records import Payment, Proposal

INVOICE = an_invoice(
    "INV-2026-0731",
    "1240.57",
    customer_ibans=("GB82WEST12345698765432",),
    structured_reference="RF18539007547034",
)
MATCHER = Matcher([INVOICE, an_invoice("INV-2026-0732", "310.00"), *others(200)])

#: Kinds that never speak against a match, and those that never speak for one.
SPEAKING_FOR = {
    EvidenceKind.STRUCTURED_REFERENCE,
    EvidenceKind.INVOICE_NUMBER,
    EvidenceKind.AMOUNT_EXACT,
    EvidenceKind.NAME_IN_TEXT,
    EvidenceKind.CUSTOMER_NUMBER,
}
SPEAKING_AGAINST = {EvidenceKind.CONTRADICTION, EvidenceKind.COMPETITION}

#: What a payment may say, the less telling first.
TEXTS = ("", "2026 0731", "INV-2026-0731")
PAYERS = ("Somebody Else", None, "Blue Whale Trading")
ACCOUNTS = (None, "GB82WEST12345698765432")
AMOUNTS = ("1215.57", "1240.57")
REFERENCES = (None, "RF18539007547034")

LADDERS = (TEXTS, PAYERS, ACCOUNTS, AMOUNTS, REFERENCES)


def said(rungs: tuple[int, ...]) -> Payment:
    text, payer, account, amount, reference = (
        ladder[rung] for ladder, rung in zip(LADDERS, rungs, strict=True)
    )
    return a_payment(
        text,
        amount or "",
        payer_name=payer,
        payer_iban=account,
        structured_reference=reference,
    )


def proposed(payment: Payment) -> Proposal | None:
    proposals = MATCHER.propose([payment], confidence_min=0.0).proposals
    return next((each for each in proposals if each.allocations[0].invoice_id == INVOICE.id), None)


def score(proposal: Proposal | None) -> float:
    return fsum(each.weight for each in proposal.evidence) if proposal else -99.0


rungs = st.tuples(*(st.integers(0, len(ladder) - 1) for ladder in LADDERS))


@given(rungs, st.integers(0, len(LADDERS) - 1))
def test_more_that_agrees_never_lowers_the_score(where: tuple[int, ...], ladder: int) -> None:
    higher = tuple(
        min(rung + (place == ladder), len(LADDERS[place]) - 1) for place, rung in enumerate(where)
    )

    # Each reason is told with two decimals.
    assert score(proposed(said(higher))) >= score(proposed(said(where))) - 0.1


@given(rungs)
def test_no_reason_has_the_wrong_sign(where: tuple[int, ...]) -> None:
    proposal = proposed(said(where))

    for each in proposal.evidence if proposal else ():
        if each.kind in SPEAKING_FOR:
            assert each.weight >= 0, each
        if each.kind in SPEAKING_AGAINST:
            assert each.weight <= 0, each


@given(rungs)
def test_the_reasons_add_up_to_the_score(where: tuple[int, ...]) -> None:
    payment = said(where)
    readings = MATCHER.read([payment], set())
    lessons = MATCHER.lessons(readings)
    claims = MATCHER.weigh(readings, lessons)
    grants = MATCHER.share_out(claims, 0.0)

    for reading, claim in zip(readings, claims, strict=True):
        if claim.number in grants:
            grant = grants[claim.number]
            proposal = MATCHER.explain(reading, claim, grant, lessons)
            assert score(proposal) == pytest.approx(claim.bits[grant.place], abs=0.1)


def test_a_number_that_is_quoted_whole_is_worth_many_bits() -> None:
    proposal = proposed(a_payment("INV-2026-0731", "1240.57"))
    assert proposal is not None
    weights = {each.kind: each.weight for each in proposal.evidence}

    assert weights[EvidenceKind.INVOICE_NUMBER] >= 5
    assert weights[EvidenceKind.AMOUNT_EXACT] >= 4
    assert weights[EvidenceKind.PAYER_NAME] > 0
    assert weights[EvidenceKind.PRIOR] < 0
