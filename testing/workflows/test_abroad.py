"""Invoices in another currency, paid with what the bank says that the payer ordered."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session
from testing.factories import (
    add_account,
    add_customer,
    add_decisions,
    add_invoice,
    add_transaction,
)

from payymo.domain.enums import InvoiceStatus, MatchStatus
from payymo.postgres.fx.operations.overrides import record_override
from payymo.postgres.reconciliation.models import Invoice, Match
from payymo.postgres.reconciliation.operations.decisions import confirm_match, reverse_match
from payymo.postgres.reconciliation.operations.invoices import get_invoice
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.payments import (
    get_payment,
    list_unexplained_payments,
)
from payymo.postgres.reconciliation.operations.policies import update_policy
from payymo.workflows.reconcile import match_payments

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Book:
    """A tenant that is paid in euros, and a customer who is invoiced in dollars."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        self.session, self.tenant_id = session, tenant_id
        self.account = add_account(session, tenant_id)
        self.customer = add_customer(session, tenant_id, name="Blue Whale Trading Ltd")

    def invoice(self, number: str, total: str) -> Invoice:
        return add_invoice(
            self.session,
            self.tenant_id,
            self.customer,
            number=number,
            total=Decimal(total),
            currency="USD",
        )

    def payment(self, amount: str, remittance: str, **columns: Any) -> UUID:
        return add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(amount),
            remittance=remittance,
            counterparty_name="BLUE WHALE TRADING",
            **columns,
        ).id

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


def test_what_the_payer_ordered_settles_the_invoice_that_is_quoted(book: Book) -> None:
    invoice = book.invoice("INV-2026-0042", "119.00")
    payment = book.payment(
        "109.64",
        "Invoice INV-2026-0042",
        instructed_amount=Decimal("119.00"),
        instructed_currency="USD",
    )

    report = match_payments(book.session, book.tenant_id, now=NOW)

    assert report.applied_count == 1
    (match,) = book.matches(MatchStatus.CONFIRMED)
    assert [(line.amount, line.settled) for line in match.lines] == [
        (Decimal("109.64"), Decimal("119.00"))
    ]
    assert book.stands(invoice) == (InvoiceStatus.PAID, Decimal(0))
    assert get_payment(book.session, book.tenant_id, payment).allocated == Decimal("109.64")

    reverse_match(book.session, book.tenant_id, match.id, actor_id=None, now=NOW)
    assert book.stands(invoice) == (InvoiceStatus.OPEN, Decimal("119.00"))
    assert get_payment(book.session, book.tenant_id, payment).allocated == 0
    confirm_match(book.session, book.tenant_id, match.id, actor_id=None, now=NOW)
    assert book.stands(invoice) == (InvoiceStatus.PAID, Decimal(0))


def test_a_rate_makes_it_a_suggestion_and_never_more(book: Book) -> None:
    add_decisions(book.session, book.tenant_id, book.account, [(0.98, True)] * 60)  # proven
    update_policy(book.session, book.tenant_id, actor_id=None, apply_differences=True)
    record_override(
        book.session,
        book.tenant_id,
        currency="USD",
        day=NOW.date(),
        rate=Decimal("1.0800"),
        note=None,
        actor_id=None,
    )
    invoice = book.invoice("INV-2026-0042", "119.00")
    book.payment("109.64", "Invoice INV-2026-0042")  # 119.00 / 1.08 is 110.19

    report = match_payments(book.session, book.tenant_id, now=NOW)

    assert (report.applied_count, report.suggested_count) == (0, 1)
    (match,) = book.matches(MatchStatus.SUGGESTED)
    assert "books_difference" in [wait["reason"] for wait in (match.waits or {})["items"]]
    confirm_match(book.session, book.tenant_id, match.id, actor_id=None, now=NOW)
    assert book.stands(invoice) == (InvoiceStatus.PAID, Decimal(0))


def test_without_either_nothing_is_said_of_another_currency(book: Book) -> None:
    invoice = book.invoice("INV-2026-0042", "119.00")
    book.payment("109.64", "Invoice INV-2026-0042")

    report = match_payments(book.session, book.tenant_id, now=NOW)

    assert (report.applied_count, report.suggested_count) == (0, 0)
    assert book.stands(invoice) == (InvoiceStatus.OPEN, Decimal("119.00"))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"instructed_amount": "119.00", "instructed_currency": "USD"}, ("119.00", "USD")),
        ({"instructed_amount": "-119.00", "instructed_currency": "USD"}, ("119.00", "USD")),
        ({"instructed_amount": "109.64", "instructed_currency": "EUR"}, (None, None)),
        ({"instructed_amount": "0.00", "instructed_currency": "USD"}, (None, None)),
        ({"instructed_currency": "USD"}, (None, None)),
        ({"instructed_amount": "119.00"}, (None, None)),
        (
            {"instructed_amount": "119.00", "instructed_currency": "USD", "allocated": "9.64"},
            (None, None),
        ),
    ],
)
def test_only_a_whole_order_in_another_currency_counts(
    session: Session,
    tenant_id: UUID,
    book: Book,
    columns: dict[str, str],
    said: tuple[str | None, str | None],
) -> None:
    amounts = {
        name: value if name == "instructed_currency" else Decimal(value)
        for name, value in columns.items()
    }
    book.payment("109.64", "", **amounts)

    (payment,) = list_unexplained_payments(session, tenant_id)

    amount, currency = said
    expected = None if amount is None else Decimal(amount)
    assert (payment.instructed_amount, payment.instructed_currency) == (expected, currency)
    session.rollback()  # nothing says what the payment is allocated to
