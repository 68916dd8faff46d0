"""Which invoices a payment is for, how surely, and why."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from testing.domain.matching.builders import a_payment, an_invoice, others

from payymo.domain.enums import DifferenceKind, EvidenceKind
from payymo.domain.matching.engine import PROGRESS_EVERY, Matcher, propose
from payymo.domain.matching.records import (
    ClosedInvoice,
    Confirmation,
    OpenInvoice,
    Outcome,
    Payment,
    Proposal,
    Rejection,
)

SURE = 0.95


def explain(payment: Payment, *invoices: OpenInvoice, **options: Any) -> Proposal | None:
    """Return what is proposed for a payment, in a book with invoices of others."""
    outcome = propose([payment], [*invoices, *others()], **options)
    return outcome.proposals[0] if outcome.proposals else None


def paid(proposal: Proposal | None) -> dict[Any, str]:
    if proposal is None:
        return {}
    return {each.invoice_id: str(each.amount) for each in proposal.allocations}


def kinds(proposal: Proposal | None) -> set[EvidenceKind]:
    assert proposal is not None
    return {item.kind for item in proposal.evidence}


class TestReferences:
    @pytest.mark.parametrize(
        ("number", "text"),
        [
            ("INV-2026-00414", "INV-2026-00414"),
            ("INV-2026-00414", "thanks for inv 2026/00414!"),
            ("INV-2026-00414", "SVWZ+Rechnung inv-2026-0041 4 EREF+0595504846022445"),
            ("INV-2026-00414", "Faktura INV-20\n26-00414"),
            ("INV-2026-00414", "Factuur 2026-00414"),
            ("INV-2026-00414", "invoice 00414"),
            ("RE2600743", "SALDO FATT. 2600743 DEL 15.03."),
            ("RE2600743", "REF RE 2600743 14/02/26"),
            ("24480", "FP Hamilton-Clarke 24480"),
            ("2026/0378", "/TRTP/SEPA/IBAN//BIC/X/NAME/Y/REMI/20260378/EREF/NOTPROVIDED"),
        ],
    )
    def test_a_quoted_number_is_found_however_it_is_written(self, number: str, text: str) -> None:
        neighbour = an_invoice(number[:-1] + str((int(number[-1]) + 1) % 10), id="neighbour")

        proposal = explain(a_payment(text), an_invoice(number, id="meant"), neighbour)

        assert paid(proposal) == {"meant": "100.00"}
        assert proposal is not None
        assert proposal.confidence >= SURE
        assert not proposal.is_tie

    @pytest.mark.parametrize(
        ("field", "text"),
        [
            ("RF18539007547034", None),
            ("rf18 5390 0754 7034", None),
            (None, "RF18 5390 0754 7034"),
            (None, "thank you RF18539007547034 regards"),
        ],
    )
    def test_an_issued_reference_is_found_in_field_and_text(
        self, field: str | None, text: str | None
    ) -> None:
        meant = an_invoice("INV-1001", structured_reference="RF18539007547034")
        payment = a_payment(text, structured_reference=field, payer_name=None)

        proposal = explain(payment, meant, an_invoice("INV-1002"))

        assert paid(proposal) == {"INV-1001": "100.00"}
        assert EvidenceKind.STRUCTURED_REFERENCE in kinds(proposal)

    def test_leading_zeros_of_a_reference_may_be_lost(self) -> None:
        meant = an_invoice("INV-1001", structured_reference="000018305263180")

        proposal = explain(a_payment(structured_reference="18305263180"), meant)

        assert EvidenceKind.STRUCTURED_REFERENCE in kinds(proposal)

    def test_an_end_to_end_id_may_be_the_number(self) -> None:
        proposal = explain(
            a_payment("thanks", end_to_end_id="INV-1001"),
            an_invoice("INV-1001"),
            an_invoice("INV-1002"),
        )

        assert paid(proposal) == {"INV-1001": "100.00"}
        assert EvidenceKind.END_TO_END_ID in kinds(proposal)

    def test_a_slip_of_the_hand_is_forgiven_where_amount_and_payer_agree(self) -> None:
        proposal = explain(a_payment("RE2600734"), an_invoice("RE2600743"))

        assert paid(proposal) == {"RE2600743": "100.00"}
        assert any("one slip away" in item.text for item in proposal.evidence)  # type: ignore[union-attr]  # there is one

    def test_a_number_that_is_paid_already_speaks_against_the_others(self) -> None:
        closed = [ClosedInvoice("INV-1001", None)]
        payment = a_payment("INV-1001")

        proposal = explain(payment, an_invoice("INV-1777"), closed=closed)

        assert proposal is None or proposal.confidence < SURE

    def test_the_end_of_a_paid_number_is_that_though_another_customer_has_it(self) -> None:
        """Of one who paid before: a bare number could be a customer's, and is the invoice's."""
        mine = an_invoice("SI-020828", customer_number="301")
        theirs = an_invoice(
            *("SI-024019", "55.00"),
            customer_id="other",
            customer_name="Orchard Tools AG",
            customer_number="14145",
        )
        before = [
            Confirmation(mine.customer_id, "Blue Whale Ltd", None, date(2026, month, 3), None)
            for month in (1, 2)
        ]
        closed = [ClosedInvoice("SI-014145", None, mine.customer_id)]
        payment = a_payment("14145", payer_name="Blue Whale Ltd")

        unpaid = explain(payment, mine, theirs, confirmations=before)
        known = explain(payment, mine, theirs, confirmations=before, closed=closed)

        assert unpaid is not None
        assert unpaid.confidence >= SURE
        assert known is None or known.confidence < SURE

    def test_a_number_of_our_kind_that_we_do_not_know_is_never_applied(self) -> None:
        proposal = explain(a_payment("INV-2025-00999"), an_invoice("INV-2026-00414"))

        assert proposal is None or proposal.confidence < SURE

    def test_every_reason_is_a_sentence(self) -> None:
        proposal = explain(a_payment("INV-1001"), an_invoice("INV-1001"))

        assert proposal is not None
        assert kinds(proposal) == {
            EvidenceKind.INVOICE_NUMBER,
            EvidenceKind.PAYER_NAME,
            EvidenceKind.AMOUNT_EXACT,
            EvidenceKind.DATE,
            EvidenceKind.PRIOR,
        }
        assert proposal.summary == (
            "Quotes INV-1001; amount equals its balance; paid by Blue Whale Trading Ltd."
        )
        assert all(item.text.endswith(".") for item in proposal.evidence)

    def test_a_text_without_end_is_read_as_far_as_banks_carry_it(self) -> None:
        text = "INV-1001 " + "SVWZ+EREF+INV 12 " * 200_000

        assert paid(explain(a_payment(text), an_invoice("INV-1001"))) == {"INV-1001": "100.00"}


class TestPayers:
    @pytest.mark.parametrize(
        ("customer", "payer"),
        [
            ("Müller Maschinenbau GmbH", "MUELLER MASCHINENBAU"),
            ("Kay-Thompson", "KAYTHOMPSON"),
            ("Brown, Jones Logistics Ltd", "BROWN JONES LOGIST"),
            ("Smith, Bruce and Price", "Smith, Bruce and"),
            ("Lindholm Fischereibedarf", "LINDHOLM FISCHEREIBEDRAF"),
        ],
    )
    def test_a_name_is_known_however_it_is_written(self, customer: str, payer: str) -> None:
        meant = an_invoice("INV-1001", "83.21", customer_id="c", customer_name=customer)

        proposal = explain(a_payment("thanks", "83.21", payer_name=payer), meant)

        assert paid(proposal) == {"INV-1001": "83.21"}
        assert EvidenceKind.PAYER_NAME in kinds(proposal)

    def test_a_name_may_stand_in_the_text(self) -> None:
        payment = a_payment("FPS CREDIT BLUE WHALE TRADING", "83.21", payer_name=None)

        proposal = explain(payment, an_invoice("INV-1001", "83.21"))

        assert EvidenceKind.NAME_IN_TEXT in kinds(proposal)

    def test_a_customer_number_may_stand_in_the_text(self) -> None:
        meant = an_invoice("INV-1001", "83.21", customer_number="C18481")
        payment = a_payment("Kd.Nr. 18481", "83.21", payer_name="Somebody Else")

        proposal = explain(payment, meant)

        assert paid(proposal) == {"INV-1001": "83.21"}
        assert EvidenceKind.CUSTOMER_NUMBER in kinds(proposal)

    def test_a_known_account_tells_who_pays(self) -> None:
        meant = an_invoice("INV-1001", "83.21", customer_ibans=("DE89370400440532013000",))
        payment = a_payment(
            "", "83.21", payer_name="J Smith", payer_iban="DE89 3704 0044 0532 0130 00"
        )

        proposal = explain(payment, meant)

        assert paid(proposal) == {"INV-1001": "83.21"}
        assert proposal is not None
        assert proposal.confidence >= SURE

    def test_a_stranger_with_the_right_amount_is_not_believed(self) -> None:
        proposal = explain(
            a_payment("holiday", "83.21", payer_name="Zoe Quux"), an_invoice("INV-1001", "83.21")
        )

        assert proposal is None or proposal.confidence < 0.5


class TestAmounts:
    @pytest.mark.parametrize(
        ("amount", "kind", "allocated"),
        [
            ("400.00", EvidenceKind.AMOUNT_EXACT, "400.00"),
            ("200.00", EvidenceKind.AMOUNT_PART, "200.00"),
            ("392.00", EvidenceKind.AMOUNT_PART, "392.00"),
            ("390.00", EvidenceKind.AMOUNT_PART, "390.00"),
            ("399.98", EvidenceKind.AMOUNT_PART, "399.98"),
            ("123.45", EvidenceKind.AMOUNT_PART, "123.45"),
            ("400.02", EvidenceKind.AMOUNT_OVER, "400.00"),
            ("420.00", EvidenceKind.AMOUNT_OVER, "400.00"),
        ],
    )
    def test_what_is_paid_may_differ_from_what_is_open(
        self, amount: str, kind: EvidenceKind, allocated: str
    ) -> None:
        proposal = explain(a_payment("INV-1001", amount), an_invoice("INV-1001", "400.00"))

        assert paid(proposal) == {"INV-1001": allocated}
        assert kind in kinds(proposal)

    def test_far_too_much_is_never_sure(self) -> None:
        proposal = explain(a_payment("INV-1001", "9000.00"), an_invoice("INV-1001", "400.00"))

        assert proposal is None or proposal.confidence < SURE

    @pytest.mark.parametrize(("amount", "credit"), [("410.00", "-10.00"), ("800.00", "-400.00")])
    def test_what_is_too_much_is_the_customers(self, amount: str, credit: str) -> None:
        proposal = explain(a_payment("INV-1001", amount), an_invoice("INV-1001", "400.00"))

        assert paid(proposal) == {"INV-1001": "400.00"}
        assert proposal is not None
        assert [(each.kind, str(each.amount)) for each in proposal.differences] == [
            (DifferenceKind.CREDIT, credit)
        ]

    @pytest.mark.parametrize("text", ["on account", "Vorauszahlung", "deposit"])
    def test_money_paid_in_advance_is_never_applied(self, text: str) -> None:
        proposal = explain(a_payment(text, "83.21"), an_invoice("INV-1001", "83.21"))

        assert proposal is not None
        assert proposal.confidence < SURE

    def test_what_is_left_of_a_payment_is_never_applied(self) -> None:
        remainder = a_payment("INV-1001", "400.00", explained=Decimal("10.00"))

        proposal = explain(remainder, an_invoice("INV-1001", "400.00"))

        assert proposal is not None
        assert proposal.confidence < SURE

    @pytest.mark.parametrize(
        ("amount", "sentence"),
        [
            ("400.0000", "The amount is exactly what is open: 400.00 EUR."),
            (
                "392.0000",
                "The amount is 8.00 EUR less than what is open: a discount, taken too late.",
            ),
            ("420.0000", "The amount is 20.00 EUR more than what is open: a round sum on top."),
        ],
    )
    def test_amounts_are_said_with_their_currency_and_its_decimals(
        self, amount: str, sentence: str
    ) -> None:
        proposal = explain(a_payment("INV-1001", amount), an_invoice("INV-1001", "400.0000"))

        assert proposal is not None
        assert sentence in {item.text for item in proposal.evidence}

    def test_the_balance_counts_and_not_the_total(self) -> None:
        invoice = an_invoice("INV-1001", "400.00", balance=Decimal("150.00"))

        proposal = explain(a_payment("INV-1001", "150.00"), invoice)

        assert paid(proposal) == {"INV-1001": "150.00"}
        assert EvidenceKind.AMOUNT_EXACT in kinds(proposal)

    def test_currencies_are_never_mixed(self) -> None:
        assert explain(a_payment("INV-1001"), an_invoice("INV-1001", currency="GBP")) is None

    @pytest.mark.parametrize("amount", ["-100.00", "0.00"])
    def test_only_money_that_came_in_pays(self, amount: str) -> None:
        assert explain(a_payment("INV-1001", amount), an_invoice("INV-1001")) is None

    def test_a_payment_before_the_invoice_is_not_for_it(self) -> None:
        early = a_payment("thanks", "83.21", booking_date=date(2025, 6, 1))

        proposal = explain(early, an_invoice("INV-1001", "83.21"))

        assert proposal is None or proposal.confidence < SURE


class TestDates:
    @pytest.mark.parametrize("issued", [date.min, date.max])
    @pytest.mark.parametrize("booked", [date.min, date.max])
    def test_days_at_the_calendars_edges_are_days_like_others(
        self, issued: date, booked: date
    ) -> None:
        invoice = an_invoice("INV-2026-00414", issue_date=issued, due_date=None)
        again = an_invoice("INV-2026-00415", issue_date=issued, due_date=None)
        payment = a_payment("INV-2026-00414", booking_date=booked)
        both = a_payment(None, amount="200.00", booking_date=booked)

        assert paid(explain(payment, invoice, again)) == {"INV-2026-00414": "100.00"}
        outcome = propose([both], [invoice, again, *others()])
        assert all(proposal.payment_id == both.id for proposal in outcome.proposals)


class TestSeveralInvoices:
    ONE = an_invoice("RE2600853", "345.31")
    TWO = an_invoice("RE2600973", "505.03")
    THREE = an_invoice("RE2601122", "185.00")
    FOUR = an_invoice("RE2601200", "62.00")

    @pytest.mark.parametrize(
        "text",
        [
            "RE2600853, RE2600973 + RE2601122",
            "RE2600853/973/1122",
            "RE2600853 and more",
            "monthly",
        ],
    )
    def test_invoices_that_are_quoted_or_add_up_are_paid_together(self, text: str) -> None:
        payment = a_payment(text, "1035.34")

        proposal = explain(payment, self.ONE, self.TWO, self.THREE, self.FOUR)

        assert paid(proposal) == {
            "RE2600853": "345.31",
            "RE2600973": "505.03",
            "RE2601122": "185.00",
        }
        assert EvidenceKind.AMOUNT_SUM in kinds(proposal)

    def test_what_a_fee_took_is_missing_from_the_last(self) -> None:
        payment = a_payment("RE2600853 RE2600973", "848.34")

        assert paid(explain(payment, self.ONE, self.TWO)) == {
            "RE2600853": "345.31",
            "RE2600973": "503.03",
        }

    def test_two_ways_to_add_up_are_a_question(self) -> None:
        invoices = [
            an_invoice("INV-1", "10.10"),
            an_invoice("INV-2", "20.20"),
            an_invoice("INV-3", "15.15"),
            an_invoice("INV-4", "15.15"),
        ]

        proposal = explain(a_payment("monthly", "30.30"), *invoices)

        assert proposal is not None
        assert proposal.is_tie


class TestTies:
    def test_equal_invoices_of_a_customer_are_paid_oldest_first_and_asked_about(self) -> None:
        old = an_invoice("INV-1001", issue_date=date(2026, 1, 1), due_date=date(2026, 1, 31))
        young = an_invoice("INV-1002")

        proposal = explain(a_payment("monthly"), young, old)

        assert paid(proposal) == {"INV-1001": "100.00"}
        assert proposal is not None
        assert proposal.is_tie
        assert proposal.runner_up is not None
        assert [each.invoice_id for each in proposal.runner_up.allocations] == ["INV-1002"]

    def test_a_payment_that_quotes_its_invoice_chooses_before_one_that_does_not(self) -> None:
        book = [an_invoice("INV-1001"), an_invoice("INV-1002"), *others()]
        payments = [a_payment("monthly", id="vague"), a_payment("INV-1001", id="plain")]

        chosen = {each.payment_id: paid(each) for each in propose(payments, book).proposals}

        assert chosen == {"plain": {"INV-1001": "100.00"}, "vague": {"INV-1002": "100.00"}}

    def test_equal_customers_are_a_tie_that_is_never_sure(self) -> None:
        twins = [
            an_invoice(f"INV-{n}", "83.21", customer_id=n, customer_name="Smith Services")
            for n in range(2)
        ]

        proposal = explain(a_payment("thanks", "83.21", payer_name="SMITH SERVICES"), *twins)

        assert proposal is None or (proposal.is_tie and proposal.confidence < SURE)


class TestCompetition:
    def test_an_invoice_is_paid_once(self) -> None:
        payments = [
            a_payment("INV-1001", id="first"),
            a_payment("for INV-1001", id="second", booking_date=date(2026, 2, 20)),
        ]

        outcome = propose(payments, [an_invoice("INV-1001"), *others()])

        assert [each.payment_id for each in outcome.proposals] == ["first"]

    def test_two_halves_pay_it_together(self) -> None:
        payments = [
            a_payment("INV-1001", "50.00", id="first"),
            a_payment("rest of INV-1001", "50.00", id="second", booking_date=date(2026, 3, 1)),
        ]

        outcome = propose(payments, [an_invoice("INV-1001"), *others()])

        assert {each.payment_id for each in outcome.proposals} == {"first", "second"}

    def test_an_equal_payment_soon_after_looks_booked_twice(self) -> None:
        book = [an_invoice("INV-1001"), an_invoice("INV-1002"), *others()]
        payment = a_payment("monthly", id="first")
        again = replace(payment, id="again", booking_date=payment.booking_date + timedelta(days=3))

        together = propose([again, payment], book)
        afterwards = propose([again], book[1:], explained=[payment])

        doubtful = [each for each in together.proposals if each.payment_id == "again"]
        for proposal in (*doubtful, *afterwards.proposals):
            assert proposal.confidence < SURE
            assert EvidenceKind.COMPETITION in kinds(proposal)

    def test_a_rejected_pair_never_returns(self) -> None:
        book = [an_invoice("INV-1001"), *others()]
        rejections = [Rejection("payment", "INV-1001"), Rejection("payment", "gone")]

        assert propose([a_payment("INV-1001")], book, rejections=rejections).proposals == ()


# ------------------------------------------------------------------ properties

_names = st.sampled_from(["Blue Whale Ltd", "Red Fox GmbH", "Grey Heron", "Blue Whale Nord"])
_cents = st.sampled_from([1_000, 2_000, 2_550, 5_000, 7_500, 10_000]).map(
    lambda cents: Decimal(cents) / 100
)
_numbers = st.lists(st.integers(1_000, 1_030), min_size=1, max_size=12, unique=True)


@st.composite
def books(draw: st.DrawFn) -> tuple[list[Payment], list[OpenInvoice]]:
    """Draw a small book in which numbers, names and amounts collide."""
    invoices = []
    for number in draw(_numbers):
        name, total = draw(_names), draw(_cents)
        invoices.append(
            an_invoice(
                f"INV-{number}",
                str(total),
                customer_id=name,
                customer_name=name,
                currency=draw(st.sampled_from(["EUR", "EUR", "GBP"])),
                issue_date=date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 40))),
            )
        )
    payments = []
    for place in range(draw(st.integers(1, 8))):
        quoted = draw(st.lists(st.integers(1_000, 1_030), max_size=3))
        payments.append(
            a_payment(
                " ".join(f"INV-{number}" for number in quoted),
                str(draw(_cents) + draw(st.sampled_from([Decimal(0), Decimal(25)]))),
                id=place,
                payer_name=draw(st.none() | _names),
                booking_date=date(2026, 2, 1) + timedelta(days=draw(st.integers(0, 20))),
            )
        )
    return payments, invoices


def assert_nothing_is_spent_twice(
    proposals: Sequence[Proposal], payments: Sequence[Payment], invoices: Sequence[OpenInvoice]
) -> None:
    claimed: dict[Any, Decimal] = defaultdict(Decimal)
    payment_of = {payment.id: payment for payment in payments}
    invoice_of = {invoice.id: invoice for invoice in invoices}
    for proposal in proposals:
        payment = payment_of[proposal.payment_id]
        assert sum(each.amount for each in proposal.allocations) <= payment.amount
        for each in proposal.allocations:
            assert each.amount > 0
            assert invoice_of[each.invoice_id].currency == payment.currency
            claimed[each.invoice_id] += each.amount
    for invoice_id, amount in claimed.items():
        assert amount <= invoice_of[invoice_id].balance


@settings(max_examples=120, deadline=None)
@given(books(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    book: tuple[list[Payment], list[OpenInvoice]], chance: random.Random
) -> None:
    payments, invoices = book
    first = propose(payments, invoices)

    assert_nothing_is_spent_twice(first.proposals, payments, invoices)
    chance.shuffle(payments)
    chance.shuffle(invoices)
    assert propose(payments, invoices) == first


@settings(max_examples=60, deadline=None)
@given(books())
def test_rejecting_everything_ends_with_nothing(
    book: tuple[list[Payment], list[OpenInvoice]],
) -> None:
    payments, invoices = book
    rejections: set[Rejection] = set()
    for _ in range(len(payments) * len(invoices) + 1):
        outcome = propose(payments, invoices, rejections=rejections)
        pairs = {
            Rejection(proposal.payment_id, each.invoice_id)
            for proposal in outcome.proposals
            for each in proposal.allocations
        }
        assert pairs.isdisjoint(rejections)
        rejections |= pairs
        if not pairs:
            break
    assert outcome.proposals == ()


@settings(max_examples=60, deadline=None)
@given(books())
def test_an_unrelated_invoice_is_never_proposed(
    book: tuple[list[Payment], list[OpenInvoice]],
) -> None:
    payments, invoices = book
    stranger = an_invoice("ZZ/77", "9999.00", customer_id="zz", customer_name="Quux Zyzzyva")

    outcome = propose(payments, [*invoices, stranger])

    assert all(stranger.id not in paid(proposal) for proposal in outcome.proposals)


@settings(max_examples=60, deadline=None)
@given(books())
def test_an_unrelated_invoice_changes_no_unrelated_match(
    book: tuple[list[Payment], list[OpenInvoice]],
) -> None:
    payments, invoices = book
    stranger = an_invoice("ZZ/77", "9999.00", customer_id="zz", customer_name="Quux Zyzzyva")

    def likely(outcome: Outcome) -> dict[Any, dict[Any, str]]:
        return {each.payment_id: paid(each) for each in outcome.proposals if each.confidence > 0.7}

    before, after = propose(payments, invoices), propose(payments, [*invoices, stranger])

    everything = {each.payment_id: paid(each) for each in (*before.proposals, *after.proposals)}
    for outcome in (before, after):
        for payment_id, found in likely(outcome).items():
            assert everything[payment_id] == found


@settings(max_examples=60, deadline=None)
@given(books())
def test_a_book_that_grew_is_the_book_that_it_is_now(
    book: tuple[list[Payment], list[OpenInvoice]],
) -> None:
    payments, invoices = book
    grown = Matcher(invoices[:1])
    for invoice in invoices[1:]:
        grown.index.add(invoice)

    assert grown.propose(payments) == Matcher(invoices).propose(payments)


@settings(max_examples=60, deadline=None)
@given(books())
def test_an_invoice_that_left_the_book_is_not_proposed(
    book: tuple[list[Payment], list[OpenInvoice]],
) -> None:
    payments, invoices = book
    matcher = Matcher(invoices)
    gone = invoices[0]
    matcher.index.remove(gone.id)
    matcher.index.remove("never there")

    outcome = matcher.propose(payments)

    assert all(gone.id not in paid(proposal) for proposal in outcome.proposals)
    matcher.index.add(gone)
    assert matcher.propose(payments) == Matcher(invoices).propose(payments)


def test_a_changed_invoice_is_known_as_it_is_now() -> None:
    matcher = Matcher([an_invoice("INV-1001", "100.00"), *others()])
    matcher.index.add(an_invoice("INV-1001", "100.00", balance=Decimal("40.00")))

    (proposal,) = matcher.propose([a_payment("INV-1001", "40.00")]).proposals

    assert paid(proposal) == {"INV-1001": "40.00"}
    assert EvidenceKind.AMOUNT_EXACT in kinds(proposal)


def test_nothing_is_proposed_from_nothing() -> None:
    assert propose([], []).proposals == ()
    assert propose([a_payment("INV-1001")], []).proposals == ()
    assert propose([], [an_invoice("INV-1001")]).proposals == ()


def test_it_tells_how_far_it_is() -> None:
    payments = [a_payment(id=f"p{number}") for number in range(PROGRESS_EVERY + 1)]
    told: list[int] = []

    propose(payments, [an_invoice("INV-1001")], progress=told.append)

    assert told == [0, PROGRESS_EVERY]
