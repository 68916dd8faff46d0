"""What a matching books besides money on invoices, and what it leaves to people."""

from collections.abc import Hashable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session
from testing.factories import (
    add_account,
    add_customer,
    add_decisions,
    add_invoice,
    add_transaction,
)

from payymo.domain.enums import AdjustmentKind, CreditKind, InvoiceStatus, MatchScope, MatchStatus
from payymo.domain.matching.records import Proposal, ProposedAllocation
from payymo.postgres.reconciliation.models import Invoice, Match
from payymo.postgres.reconciliation.operations.credits import (
    CreditNoteValues,
    create_credit_note,
    get_credit,
    list_credits,
    list_uses,
    reverse_use,
)
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.invoices import get_invoice, list_open_invoices
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.payments import list_unexplained_payments
from payymo.postgres.reconciliation.operations.policies import get_policy, update_policy
from payymo.workflows.credits import propose_credit_uses
from payymo.workflows.reconcile import match_payments
from payymo.workflows.settling import settle_proposals

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Book:
    """A tenant's books: one customer, one account."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        self.session = session
        self.tenant_id = tenant_id
        self.account = add_account(session, tenant_id)
        self.customer = add_customer(session, tenant_id, name="Blue Whale Trading Ltd")

    def invoice(self, number: str, total: str, **columns: Any) -> Invoice:
        return add_invoice(
            self.session,
            self.tenant_id,
            self.customer,
            number=number,
            total=Decimal(total),
            **columns,
        )

    def payment(self, amount: str, remittance: str) -> UUID:
        return add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(amount),
            remittance=remittance,
            counterparty_name="BLUE WHALE TRADING",
        ).id

    def note(self, number: str, total: str) -> UUID:
        values = CreditNoteValues(
            self.customer.id, number, "EUR", Decimal(total), date(2026, 1, 20)
        )
        return create_credit_note(self.session, self.tenant_id, values, actor_id=None, now=NOW).id

    def allow(self, **changes: Any) -> None:
        update_policy(self.session, self.tenant_id, actor_id=None, **changes)

    def run(self) -> int:
        return match_payments(self.session, self.tenant_id, now=NOW).applied_count

    def matches(self, status: MatchStatus) -> list[Match]:
        self.session.expire_all()
        where = MatchFilter(status=status)
        return list(list_matches(self.session, self.tenant_id, where=where).rows)

    def stands(self, invoice: Invoice) -> tuple[InvoiceStatus, Decimal]:
        found = get_invoice(self.session, self.tenant_id, invoice.id)
        return found.status, found.balance


@pytest.fixture
def book(session: Session, tenant_id: UUID) -> Book:
    return Book(session, tenant_id)


def test_an_overpayment_is_suggested_with_the_customers_credit(book: Book) -> None:
    invoice = book.invoice("INV-2026-0042", "119.00")
    book.payment("120.00", "INV-2026-0042")

    assert book.run() == 0

    (match,) = book.matches(MatchStatus.SUGGESTED)
    reasons = [wait["reason"] for wait in (match.waits or {})["items"]]
    assert "books_difference" in reasons
    assert "amount_left_over" not in reasons
    (difference,) = match.differences
    assert (difference.credit_kind, difference.customer_id, difference.amount) == (
        CreditKind.OVERPAYMENT,
        book.customer.id,
        Decimal("1.00"),
    )
    confirm_match(book.session, book.tenant_id, match.id, actor_id=None, now=NOW)
    assert book.stands(invoice) == (InvoiceStatus.PAID, Decimal(0))
    (credit,) = list_credits(book.session, book.tenant_id).rows
    assert credit.balance == Decimal("1.00")


def test_a_suggestion_with_a_difference_stays_the_same_while_nothing_changes(book: Book) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.payment("120.00", "INV-2026-0042")
    book.run()
    (first,) = book.matches(MatchStatus.SUGGESTED)

    book.run()

    (again,) = book.matches(MatchStatus.SUGGESTED)
    assert again.id == first.id

    book.allow(credit_overpayments=False)
    book.run()

    (other,) = book.matches(MatchStatus.SUGGESTED)
    assert (other.id != first.id, other.differences) == (True, [])


def test_differences_are_applied_where_the_policy_says_so(book: Book) -> None:
    book.allow(apply_differences=True)
    proven = add_decisions(book.session, book.tenant_id, book.account, [(0.98, True)] * 60)
    invoice = book.invoice("INV-2026-0042", "119.00")
    book.payment("118.97", "INV-2026-0042")

    book.run()

    assert book.stands(invoice) == (InvoiceStatus.PAID, Decimal(0))
    known = {each.id for each in proven}
    (match,) = [each for each in book.matches(MatchStatus.CONFIRMED) if each.id not in known]
    assert [(each.adjustment, each.amount) for each in match.differences] == [
        (AdjustmentKind.ROUNDING, Decimal("0.03"))
    ]


def test_a_payment_short_by_a_credit_note_is_explained_by_it_once(book: Book) -> None:
    first, second = book.invoice("INV-2026-0042", "100.00"), book.invoice("INV-2026-0050", "90.00")
    note = book.note("CN-2026-7", "20.00")
    book.payment("80.00", "INV-2026-0042")
    book.payment("70.00", "INV-2026-0050")

    book.run()

    netted = [
        (line.invoice_id, line.credit_id, line.amount)
        for status in (MatchStatus.SUGGESTED, MatchStatus.CONFIRMED)
        for match in book.matches(status)
        for line in match.differences
    ]
    assert len(netted) == 1
    assert netted[0][0] in {first.id, second.id}
    assert netted[0][1:] == (note, Decimal("20.00"))


class TestACreditThatTwoPaymentsAreShortOf:
    """Suggestions compete for a customer's credit as they do for invoices."""

    def uses(self, book: Book) -> dict[UUID, UUID]:
        """Return the credit that is suggested to be used, by payment."""
        return {
            match.transaction_id: line.credit_id
            for match in book.matches(MatchStatus.SUGGESTED)
            for line in match.differences
            if line.credit_id is not None
        }

    def news(self, book: Book) -> int:
        return match_payments(
            book.session, book.tenant_id, now=NOW, scope=MatchScope.NEWS
        ).payment_count

    def test_is_suggested_for_one_of_them_whenever_they_come(self, book: Book) -> None:
        book.invoice("INV-2026-0042", "100.00")
        book.invoice("INV-2026-0050", "90.00")
        note = book.note("CN-2026-7", "20.00")
        first = book.payment("80.00", "INV-2026-0042")
        book.run()
        assert self.uses(book) == {first: note}

        second = book.payment("70.00", "INV-2026-0050, CN-2026-7")
        considered = self.news(book)
        by_news = self.uses(book)
        book.run()

        assert considered == 2
        assert list(by_news.values()) == [note]
        assert by_news == self.uses(book)
        assert {match.transaction_id for match in book.matches(MatchStatus.SUGGESTED)} >= {second}

    def test_is_left_to_a_suggestion_that_is_not_thought_over(self, book: Book) -> None:
        """A part payment, to the engine: booking it finds no credit that another one holds."""
        book.invoice("INV-2026-0042", "100.00")
        note = book.note("CN-2026-7", "20.00")
        first = book.payment("80.00", "INV-2026-0042")
        book.run()
        invoice = book.invoice("INV-2026-0050", "90.00")
        second = book.payment("70.00", "INV-2026-0050")
        share = ProposedAllocation(invoice.id, Decimal("70.00"))
        proposal = Proposal(second, (share,), 0.9, (), runner_up=None, is_tie=False)

        def used(*considered: UUID) -> list[Hashable]:
            found = settle_proposals(
                book.session,
                book.tenant_id,
                [proposal],
                list_unexplained_payments(book.session, book.tenant_id),
                list_open_invoices(book.session, book.tenant_id),
                considered=considered,
                policy=get_policy(book.session, book.tenant_id),
            )
            return [use.credit_id for each in found.values() for use in each.applied]

        assert used(second) == []
        assert used(second, first) == [note]

    def test_goes_to_the_other_when_a_person_refuses_the_first(self, book: Book) -> None:
        book.invoice("INV-2026-0042", "100.00")
        book.invoice("INV-2026-0050", "90.00")
        note = book.note("CN-2026-7", "20.00")
        book.payment("80.00", "INV-2026-0042")
        book.payment("70.00", "INV-2026-0050")
        book.run()
        ((holder, _),) = self.uses(book).items()
        (match,) = [
            each for each in book.matches(MatchStatus.SUGGESTED) if each.transaction_id == holder
        ]
        reject_match(book.session, book.tenant_id, match.id, actor_id=uuid4(), now=NOW)

        self.news(book)

        ((other, credit_id),) = self.uses(book).items()
        assert (other != holder, credit_id) == (True, note)


def test_several_invoices_less_a_credit_note_are_suggested_together(book: Book) -> None:
    first, second = book.invoice("INV-2026-0042", "611.37"), book.invoice("INV-2026-0050", "90.21")
    note = book.note("CN-2026-7", "119.93")
    book.payment("581.65", "INV-2026-0042, INV-2026-0050, CN-2026-7")

    book.run()

    (match,) = book.matches(MatchStatus.SUGGESTED)
    assert {line.invoice_id for line in match.lines} == {first.id, second.id}
    assert sum(line.amount for line in match.lines) == Decimal("581.65")
    assert [(each.credit_id, each.amount) for each in match.differences] == [
        (note, Decimal("119.93"))
    ]


def test_what_was_taken_back_is_applied_by_people_alone(book: Book) -> None:
    invoice = book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042")
    assert book.run() == 1
    (match,) = book.matches(MatchStatus.CONFIRMED)
    reverse_match(book.session, book.tenant_id, match.id, actor_id=None, now=NOW)

    assert book.run() == 0

    (suggestion,) = book.matches(MatchStatus.SUGGESTED)
    assert [wait["reason"] for wait in (suggestion.waits or {})["items"]] == ["taken_back"]
    assert book.stands(invoice) == (InvoiceStatus.OPEN, Decimal("119.00"))
    confirm_match(book.session, book.tenant_id, match.id, actor_id=None, now=NOW)
    assert book.run() == 0
    assert [each.id for each in book.matches(MatchStatus.CONFIRMED)] == [match.id]
    assert [each.id for each in book.matches(MatchStatus.WITHDRAWN)] == [suggestion.id]


class TestCreditThatIsLeft:
    def test_it_is_proposed_for_the_next_invoice_and_applied_by_nobody(self, book: Book) -> None:
        note = book.note("CN-2026-7", "20.00")
        invoice = book.invoice("INV-2026-0042", "119.00")

        book.run()

        ((credit, applied),) = propose_credit_uses(book.session, book.tenant_id)
        assert (credit.credit_id, applied.invoice_id, applied.amount) == (
            note,
            invoice.id,
            Decimal("20.00"),
        )
        assert book.stands(invoice) == (InvoiceStatus.OPEN, Decimal("119.00"))

    def test_it_is_applied_where_the_policy_says_so_but_not_against_a_person(
        self, book: Book
    ) -> None:
        book.allow(apply_credits=True)
        note = book.note("CN-2026-7", "20.00")
        invoice = book.invoice("INV-2026-0042", "119.00")

        book.run()

        assert book.stands(invoice) == (InvoiceStatus.PARTIALLY_PAID, Decimal("99.00"))
        ((use, _),) = list_uses(book.session, book.tenant_id, note)
        assert use.match_run_id is not None
        reverse_use(book.session, book.tenant_id, note, use.id, actor_id=None, now=NOW)
        book.run()
        assert book.stands(invoice) == (InvoiceStatus.OPEN, Decimal("119.00"))
        assert get_credit(book.session, book.tenant_id, note).balance == Decimal("20.00")

    def test_it_is_proposed_for_one_customer_alone_where_asked(self, book: Book) -> None:
        book.note("CN-2026-7", "20.00")
        book.invoice("INV-2026-0042", "119.00")
        other = add_customer(book.session, book.tenant_id)

        assert propose_credit_uses(book.session, book.tenant_id, customer_id=other.id) == []
        found = propose_credit_uses(book.session, book.tenant_id, customer_id=book.customer.id)
        assert len(found) == 1


class TestThePolicy:
    def test_it_is_cautious_until_somebody_chooses(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        before = get_policy(session, tenant_id)
        assert (before.apply_differences, before.apply_credits) == (False, False)

        update_policy(session, tenant_id, actor_id=None, rounding_max=Decimal("0.02"))
        update_policy(session, tenant_id, actor_id=None, discount_days_max=10)
        same = update_policy(session, tenant_id, actor_id=None, discount_days_max=10)

        assert (same.rounding_max, same.discount_days_max) == (Decimal("0.02"), 10)
        assert same.bank_fee_max == before.bank_fee_max
        assert get_policy(session, other_tenant_id) == before
