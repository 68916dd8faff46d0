"""The laws of money find what breaks them: data that no guard of the database would let in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from testing.factories import (
    add_account,
    add_customer,
    add_invoice,
    add_tenant,
    add_transaction,
    paying,
)
from testing.laws import broken_laws

from payymo.domain.enums import CreditKind, EventKind, EventSubject
from payymo.domain.settlement import Credited, Settlement
from payymo.postgres.common.operations.events import record_event
from payymo.postgres.reconciliation.operations.decisions import create_match

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MORE_PLACED = "no more is placed of a payment than it moved"
WHOLLY_PLACED = (
    "a payment is matched where its lines come to all of it, and in part where they do not"
)
SUM_OF_LINES = "what is placed of a payment is what its lines come to"


class Paid:
    """A payment of 100.00 EUR of which 70.00 settle an invoice and 30.00 are the customer's."""

    def __init__(self, session: Session) -> None:
        self.session, self.tenant_id = session, add_tenant(session)
        customer = add_customer(session, self.tenant_id)
        invoice = add_invoice(session, self.tenant_id, customer, total=Decimal("70.00"))
        payment = add_transaction(session, self.tenant_id, add_account(session, self.tenant_id))
        credited = Credited(customer.id, CreditKind.OVERPAYMENT, Decimal("30.00"))
        create_match(
            session,
            self.tenant_id,
            payment.id,
            Settlement(paying((invoice.id, Decimal("70.00"))).paid, credited=credited),
            actor_id=uuid4(),
            now=NOW,
        )
        self.payment_id = payment.id

    def change(self, table: str, **columns: Any) -> None:
        """Write columns of the payment's rows, past the database's own guard."""
        key = "id" if table == "transactions" else "transaction_id"
        new = ", ".join(f"{name} = :{name}" for name in columns)
        self.session.execute(
            text(f"UPDATE {table} SET {new} WHERE {key} = :payment_id"),
            {**columns, "payment_id": self.payment_id},
        )

    def broken(self) -> set[str]:
        """Return the laws that are broken."""
        return set(broken_laws(self.session))


@pytest.fixture
def paid(superuser_engine: Engine) -> Iterator[Paid]:
    with Session(superuser_engine) as session:
        paid = Paid(session)
        session.flush()
        session.execute(text("SET LOCAL session_replication_role = replica"))  # no trigger fires
        yield paid
        session.rollback()


def test_a_payment_that_is_wholly_placed_breaks_none(paid: Paid) -> None:
    assert paid.broken() == set()


@pytest.mark.parametrize("table", ["allocations", "customer_credits"])
def test_a_line_that_takes_a_cent_more_than_there_is_is_found(paid: Paid, table: str) -> None:
    paid.change(table, amount=Decimal("70.01") if table == "allocations" else Decimal("30.01"))
    paid.change("transactions", allocated=Decimal("100.01"))  # and the kept sum agrees with it

    assert MORE_PLACED in paid.broken()


def test_lines_are_added_up_whatever_sum_is_kept_of_them(paid: Paid) -> None:
    paid.change("allocations", amount=Decimal("70.01"))

    assert {MORE_PLACED, SUM_OF_LINES} <= paid.broken()


def test_money_that_came_in_is_not_placed_as_if_it_had_gone_out(paid: Paid) -> None:
    paid.change("transactions", amount=Decimal("-100.00"))

    assert MORE_PLACED in paid.broken()


def test_a_matched_payment_of_which_a_cent_is_left_is_found(paid: Paid) -> None:
    paid.change("transactions", amount=Decimal("100.01"))
    assert paid.broken() == {WHOLLY_PLACED}

    paid.change("transactions", match_status="partially_matched")
    assert paid.broken() == set()


def test_a_payment_that_the_bank_restated_to_less_may_be_told_of_instead(paid: Paid) -> None:
    paid.change("transactions", amount=Decimal("90.00"))
    assert paid.broken() == {MORE_PLACED}

    record_event(
        paid.session,
        paid.tenant_id,
        EventKind.TRANSACTION_OVER_ALLOCATED,
        subject=(EventSubject.TRANSACTION, paid.payment_id),
        key="90.00 EUR:100.00",
        payload={"amount": "90.00", "currency": "EUR", "allocated": "100.00"},
        now=NOW,
    )
    assert paid.broken() == set()

    paid.change("allocations", amount=Decimal("70.01"))
    assert MORE_PLACED in paid.broken()
