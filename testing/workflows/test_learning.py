"""What decisions teach, and that nothing of it stays when they are taken back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session
from testing.domain.matching.builders import a_payment, an_invoice, others
from testing.factories import add_account, add_customer, add_invoice, add_transaction, paying

from payymo.domain.enums import MatchStatus
from payymo.domain.matching.engine import propose
from payymo.domain.matching.records import Confirmation, Refusal
from payymo.domain.matching.rejections import bits_more
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Customer, Invoice, Match
from payymo.postgres.reconciliation.operations.decisions import (
    create_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.memory import (
    list_confirmations,
    list_payers,
    list_refusals,
)
from payymo.postgres.tenancy import enter_tenant
from payymo.workflows.reconcile import match_payments

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
IBAN = "GB82WEST12345698765432"


class Book:
    """One customer, invoices and payments."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        self.session, self.tenant_id = session, tenant_id
        self.account = add_account(session, tenant_id)
        self.customer: Customer = add_customer(session, tenant_id, name="Blue Whale Trading Ltd")

    def invoice(self, number: str, total: str = "119.00", **columns: Any) -> Invoice:
        given: dict[str, Any] = {"customer": self.customer, "due_date": date(2026, 2, 1)} | columns
        customer = given.pop("customer")
        return add_invoice(
            self.session, self.tenant_id, customer, number=number, total=Decimal(total), **given
        )

    def payment(self, text: str, amount: str = "119.00", **columns: Any) -> Transaction:
        given = {"counterparty_name": "J Smith", "counterparty_iban": IBAN} | columns
        return add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(amount),
            remittance=text,
            transaction_date=date(2026, 2, 11),
            booking_date=date(2026, 2, 11),
            **given,
        )

    def by_hand(self, payment: Transaction, *invoices: Invoice) -> Match:
        shares = paying(*((invoice.id, invoice.total) for invoice in invoices))
        return create_match(
            self.session, self.tenant_id, payment.id, shares, actor_id=uuid4(), now=NOW
        )

    def match(self, now: datetime = NOW) -> list[Match]:
        match_payments(self.session, self.tenant_id, now=now)
        self.session.expire_all()
        where = MatchFilter(status=MatchStatus.SUGGESTED)
        return list(list_matches(self.session, self.tenant_id, where=where).rows)


@pytest.fixture
def book(session: Session, tenant_id: UUID) -> Book:
    return Book(session, tenant_id)


class TestConfirmations:
    def test_one_teaches_who_pays_and_when(
        self, session: Session, tenant_id: UUID, book: Book
    ) -> None:
        book.by_hand(book.payment("thanks"), book.invoice("INV-1"))

        assert list_confirmations(session, tenant_id) == [
            Confirmation(book.customer.id, "J Smith", IBAN, date(2026, 2, 11), date(2026, 2, 1))
        ]
        [payer] = list_payers(session, tenant_id, book.customer.id)
        assert (payer.iban, payer.payment_count, payer.refusal_count) == (IBAN, 1, 0)
        assert (payer.mean_lag, payer.last_seen) == (Decimal("10.0"), date(2026, 2, 11))

    def test_several_invoices_in_one_payment_are_one_lesson(
        self, session: Session, tenant_id: UUID, book: Book
    ) -> None:
        payment = book.payment("thanks", "200.00")
        book.by_hand(payment, book.invoice("INV-1", "120.00"), book.invoice("INV-2", "80.00"))

        assert len(list_confirmations(session, tenant_id)) == 1
        [payer] = list_payers(session, tenant_id, book.customer.id)
        assert (payer.payment_count, payer.combined_count) == (1, 1)

    def test_taking_it_back_takes_its_lesson_back(
        self, session: Session, tenant_id: UUID, book: Book
    ) -> None:
        kept = book.by_hand(book.payment("thanks"), book.invoice("INV-1"))
        before = list_confirmations(session, tenant_id)
        match = book.by_hand(book.payment("more", "80.00"), book.invoice("INV-2", "80.00"))
        assert len(list_confirmations(session, tenant_id)) == 2

        reverse_match(session, tenant_id, match.id, actor_id=uuid4(), now=NOW)

        assert list_confirmations(session, tenant_id) == before
        reverse_match(session, tenant_id, kept.id, actor_id=uuid4(), now=NOW)
        assert list_payers(session, tenant_id, book.customer.id) == []

    def test_what_was_applied_without_a_quote_does_not_bear_itself_out(
        self, session: Session, tenant_id: UUID, book: Book
    ) -> None:
        match = book.by_hand(book.payment("thanks"), book.invoice("INV-1"))
        session.execute(
            update(Match).values(origin="engine", decided_by=None).where(Match.id == match.id)
        )
        assert list_confirmations(session, tenant_id) == []

        evidence = {"items": [{"kind": "invoice_number", "weight": 1.0}]}
        session.execute(update(Match).values(evidence=evidence).where(Match.id == match.id))
        assert len(list_confirmations(session, tenant_id)) == 1

    def test_another_tenant_learns_nothing(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID, book: Book
    ) -> None:
        book.by_hand(book.payment("thanks"), book.invoice("INV-1"))
        enter_tenant(session, other_tenant_id)

        assert list_confirmations(session, other_tenant_id) == []
        # Nor where the wall of the database is all that is left, or the wall of the query.
        assert list_confirmations(session, tenant_id) == []
        enter_tenant(session, tenant_id)
        assert list_confirmations(session, other_tenant_id) == []

    def test_a_known_account_tells_who_paid(
        self, session: Session, tenant_id: UUID, book: Book
    ) -> None:
        for place in range(20):
            customer = add_customer(session, tenant_id, name=f"Other {place} GmbH")
            book.invoice(f"X-{place}", f"{300 + place}.00", customer=customer)
        stranger = add_customer(session, tenant_id, name="Red Fox Ltd")
        book.by_hand(book.payment("thanks"), book.invoice("INV-1"))
        meant = book.invoice("INV-2", "80.00")
        book.invoice("FOX-1", "80.00", customer=stranger)

        book.payment("thanks again", "80.00")
        [match] = book.match()

        assert [line.invoice_id for line in match.lines] == [meant.id]
        assert "payer_iban" in {item["kind"] for item in match.evidence["items"]}


class TestRefusals:
    @pytest.fixture
    def refused(self, session: Session, tenant_id: UUID, book: Book) -> Match:
        """A suggestion that a person rejected."""
        book.invoice("INV-2026-0050")
        book.payment("monthly", counterparty_name="Blue Whale Trading")
        [match] = book.match()
        return reject_match(session, tenant_id, match.id, actor_id=uuid4(), now=NOW)

    def test_one_is_remembered_with_its_day(
        self, session: Session, tenant_id: UUID, book: Book, refused: Match
    ) -> None:
        assert list_refusals(session, tenant_id) == [
            Refusal(book.customer.id, "Blue Whale Trading", IBAN, NOW.date())
        ]
        [payer] = list_payers(session, tenant_id, book.customer.id)
        assert (payer.payment_count, payer.refusal_count) == (0, 1)

    def test_whoever_means_another_invoice_has_not_refused_the_payer(
        self, session: Session, tenant_id: UUID, book: Book, refused: Match
    ) -> None:
        other = book.invoice("INV-2026-0051")
        shares = paying((other.id, Decimal("119.00")))
        create_match(session, tenant_id, refused.transaction_id, shares, actor_id=uuid4(), now=NOW)

        assert list_refusals(session, tenant_id) == []

    def test_it_is_not_proposed_again_however_long_ago_it_was(
        self, book: Book, refused: Match
    ) -> None:
        for days in (0, 90, 3650):
            assert book.match(NOW + timedelta(days=days)) == []

    def test_stronger_evidence_lets_it_be_proposed_again(
        self, session: Session, book: Book, refused: Match
    ) -> None:
        session.execute(
            update(Transaction)
            .where(Transaction.id == refused.transaction_id)
            .values(remittance="Invoice INV-2026-0050")
        )

        match_payments(session, book.tenant_id, now=NOW + timedelta(days=1))

        [match] = list_matches(
            session, book.tenant_id, where=MatchFilter(status=MatchStatus.CONFIRMED)
        ).rows
        assert {item["kind"] for item in match.evidence["items"]} >= {"invoice_number"}


def test_half_of_what_a_refusal_demands_is_forgotten_after_90_days() -> None:
    day = date(2026, 1, 1)

    assert bits_more(day, day) == 6.0
    assert bits_more(day, day + timedelta(days=90)) == 3.5
    assert bits_more(day, day + timedelta(days=180)) == 2.25
    assert bits_more(day, day - timedelta(days=5)) == 6.0
    assert bits_more(day, date(2050, 1, 1)) == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.booleans(), st.booleans())
def test_memory_is_never_stronger_than_a_quoted_open_reference(
    times: int, by_account: bool, by_name: bool
) -> None:
    """However often a payer paid for one customer: a quoted invoice of another is meant."""
    learnt = Confirmation(
        customer_id="fox",
        payer_name="Payer AG" if by_name else None,
        payer_iban=IBAN if by_account else None,
        booking_date=date(2026, 1, 10),
        due_date=date(2026, 1, 8),
    )
    quoted = an_invoice("INV-2026-0042")
    remembered = an_invoice("FOX-77001", customer_id="fox", customer_name="Red Fox Ltd")

    outcome = propose(
        [a_payment("Invoice INV-2026-0042", payer_name="Payer AG", payer_iban=IBAN)],
        [quoted, remembered, *others()],
        confirmations=[learnt] * times,
    )

    for proposal in outcome.proposals:
        assert [each.invoice_id for each in proposal.allocations] == ["INV-2026-0042"]
