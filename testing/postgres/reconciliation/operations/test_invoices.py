"""Invoices in the database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from testing.factories import add_account, add_customer, add_invoice, add_transaction, paying

from payymo.domain.enums import InvoiceStatus
from payymo.domain.errors import DuplicateError, InvalidInputError, NotFoundError, RuleError
from payymo.domain.matching.records import ClosedInvoice
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.reconciliation.operations.decisions import create_match
from payymo.postgres.reconciliation.operations.invoices import (
    InvoiceFilter,
    InvoiceValues,
    create_invoice,
    delete_invoice,
    find_invoice_numbers,
    find_numbers_of,
    get_invoice,
    list_closed_invoices,
    list_invoices,
    list_open_invoices,
    record_invoices,
    update_invoice,
    void_invoice,
)
from payymo.postgres.tenancy import enter_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACTOR = uuid4()


def values(customer_id: Any, **changes: Any) -> InvoiceValues:
    given = {
        "customer_id": customer_id,
        "number": "INV-1",
        "currency": "EUR",
        "total": Decimal("119.00"),
        "issue_date": date(2026, 2, 1),
        "due_date": date(2026, 3, 3),
    }
    return InvoiceValues(**given | changes)


def pay(session: Session, tenant_id: Any, invoice: Any, amount: str, **columns: Any) -> None:
    account = add_account(session, tenant_id)
    payment = add_transaction(session, tenant_id, account, **columns)
    create_match(
        session,
        tenant_id,
        payment.id,
        paying((invoice.id, Decimal(amount))),
        actor_id=ACTOR,
        now=NOW,
    )


class TestWriting:
    def test_a_new_invoice_is_open_and_written_down(self, session: Session, tenant_id: Any) -> None:
        customer = add_customer(session, tenant_id)

        invoice = create_invoice(session, tenant_id, values(customer.id), actor_id=ACTOR)

        assert invoice.status is InvoiceStatus.OPEN
        assert invoice.balance == Decimal("119.00")
        assert invoice.customer.name == "Customer Ltd"
        entry = session.scalars(select(AuditEntry).where(AuditEntry.entity_id == invoice.id)).one()
        assert (entry.action, entry.actor_id) == ("created", ACTOR)
        assert entry.after is not None
        assert entry.after["total"] == "119.00"

    def test_numbers_are_unique_within_a_tenant(
        self, session: Session, tenant_id: Any, other_tenant_id: Any
    ) -> None:
        customer = add_customer(session, tenant_id)
        create_invoice(session, tenant_id, values(customer.id), actor_id=ACTOR)

        with pytest.raises(DuplicateError) as refusal:
            create_invoice(session, tenant_id, values(customer.id), actor_id=ACTOR)

        assert [problem.field for problem in refusal.value.problems] == ["number"]
        enter_tenant(session, other_tenant_id)
        stranger = add_customer(session, other_tenant_id)
        own = create_invoice(session, other_tenant_id, values(stranger.id), actor_id=ACTOR)
        assert own.number == "INV-1"

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"total": Decimal("1.001")}, InvalidInputError),
            ({"due_date": date(2026, 1, 31)}, RuleError),
            ({"customer_id": uuid4()}, NotFoundError),
        ],
    )
    def test_what_cannot_be_is_refused(
        self,
        session: Session,
        tenant_id: Any,
        changes: dict[str, Any],
        error: type[Exception],
    ) -> None:
        customer = add_customer(session, tenant_id)
        invoice = add_invoice(session, tenant_id, customer)

        with pytest.raises(error):
            create_invoice(
                session, tenant_id, values(**{"customer_id": customer.id} | changes), actor_id=ACTOR
            )
        with pytest.raises(error):
            update_invoice(
                session,
                tenant_id,
                invoice.id,
                actor_id=ACTOR,
                **{"issue_date": date(2026, 2, 1)} | changes,
            )

    def test_a_change_is_written_down_with_the_values_before(
        self, session: Session, tenant_id: Any
    ) -> None:
        invoice = add_invoice(session, tenant_id, number="INV-1")

        changed = update_invoice(
            session, tenant_id, invoice.id, actor_id=ACTOR, total=Decimal("50.00"), number="INV-2"
        )
        update_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, number="INV-2")

        assert (changed.number, changed.balance) == ("INV-2", Decimal("50.00"))
        entry = session.scalars(select(AuditEntry).where(AuditEntry.entity_id == invoice.id)).one()
        assert entry.before == {"total": "100.0000", "number": "INV-1"}

    def test_a_number_cannot_be_changed_into_a_taken_one(
        self, session: Session, tenant_id: Any
    ) -> None:
        add_invoice(session, tenant_id, number="INV-1")
        other = add_invoice(session, tenant_id, number="INV-2")

        with pytest.raises(DuplicateError):
            update_invoice(session, tenant_id, other.id, actor_id=ACTOR, number="INV-1")

    def test_an_invoice_with_payments_keeps_its_terms_and_may_change_the_rest(
        self, session: Session, tenant_id: Any
    ) -> None:
        invoice = add_invoice(session, tenant_id)
        pay(session, tenant_id, invoice, "40.00")

        for terms in ({"total": Decimal("90.00")}, {"currency": "GBP"}):
            with pytest.raises(RuleError) as refusal:
                update_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, **terms)
            assert refusal.value.code == "invoice_has_payments"
        with pytest.raises(RuleError) as refusal:
            void_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, now=NOW)
        assert refusal.value.code == "invoice_has_payments"
        noted = update_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, note="called")
        assert noted.note == "called"

    def test_a_void_invoice_stays_void(self, session: Session, tenant_id: Any) -> None:
        invoice = add_invoice(session, tenant_id)

        void = void_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, now=NOW)
        again = void_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, now=NOW)

        assert void.status is InvoiceStatus.VOID
        assert again.voided_at == NOW
        with pytest.raises(RuleError) as refusal:
            update_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, note="late")
        assert refusal.value.code == "invoice_is_void"

    def test_only_an_invoice_that_was_never_matched_can_be_removed(
        self, session: Session, tenant_id: Any
    ) -> None:
        free, matched = add_invoice(session, tenant_id), add_invoice(session, tenant_id)
        pay(session, tenant_id, matched, "40.00")

        delete_invoice(session, tenant_id, free.id, actor_id=ACTOR)
        with pytest.raises(RuleError) as refusal:
            delete_invoice(session, tenant_id, matched.id, actor_id=ACTOR)

        assert refusal.value.code == "invoice_has_matches"
        with pytest.raises(NotFoundError):
            get_invoice(session, tenant_id, free.id)

    def test_many_are_added_at_once_or_none(self, session: Session, tenant_id: Any) -> None:
        customer = add_customer(session, tenant_id)
        rows = [values(customer.id, number=f"INV-{n}") for n in range(3)]

        ids = record_invoices(session, tenant_id, rows)

        assert set(find_numbers_of(session, tenant_id, ids).values()) == {"INV-0", "INV-1", "INV-2"}
        with pytest.raises(DuplicateError):
            record_invoices(session, tenant_id, [values(customer.id, number="INV-9"), rows[0]])
        assert find_invoice_numbers(session, tenant_id, ["INV-0", "INV-9"]) == {"INV-0"}


class TestReading:
    def test_filters(self, session: Session, tenant_id: Any) -> None:
        customer = add_customer(session, tenant_id, name="Blue Whale Ltd", number="KD-77")
        late = add_invoice(session, tenant_id, customer, number="A-1", due_date=date(2026, 2, 1))
        dear = add_invoice(session, tenant_id, number="A-2", total=Decimal("900.00"), due_date=None)
        pounds = add_invoice(
            session,
            tenant_id,
            number="A-3",
            currency="GBP",
            issue_date=date(2026, 2, 20),
            due_date=date(2026, 3, 20),
            structured_reference="RF18539007547034",
        )

        def found(**conditions: Any) -> set[Any]:
            page = list_invoices(session, tenant_id, where=InvoiceFilter(**conditions))
            assert page.total == len(page.rows)
            return {invoice.id for invoice in page.rows}

        assert found() == {late.id, dear.id, pounds.id}
        assert found(status=InvoiceStatus.PAID) == set()
        assert found(customer_id=customer.id) == {late.id}
        assert found(currency="GBP") == {pounds.id}
        assert found(issued_from=date(2026, 2, 20)) == {pounds.id}
        assert found(issued_to=date(2026, 2, 19)) == {late.id, dear.id}
        assert found(due_from=date(2026, 2, 2)) == {pounds.id}
        assert found(due_to=date(2026, 2, 2)) == {late.id}
        assert found(min_total=Decimal(500)) == {dear.id}
        assert found(max_total=Decimal(500)) == {late.id, pounds.id}
        assert found(is_overdue_on=date(2026, 2, 2)) == {late.id}
        assert found(q="whale") == {late.id}
        assert found(q="kd-77") == {late.id}
        assert found(q="RF18") == {pounds.id}
        assert found(q="%") == set()
        page = list_invoices(session, tenant_id, page=2, per_page=2)
        assert (len(page.rows), page.total) == (1, 3)

    def test_what_is_open_comes_with_what_is_on_file_of_its_customer(
        self, session: Session, tenant_id: Any
    ) -> None:
        customer = add_customer(session, tenant_id, number="C-1", ibans=["DE89370400440532013000"])
        paid = add_invoice(session, tenant_id, customer, number="INV-1")
        part = add_invoice(session, tenant_id, customer, number="INV-2")
        void = add_invoice(session, tenant_id, customer, number="INV-3")
        owner = {
            "counterparty_iban": "GB82WEST12345698765432",
            "counterparty_name": "Owner of Customer",
        }
        pay(session, tenant_id, paid, "60.00", **owner)
        pay(session, tenant_id, paid, "40.00", **owner)
        pay(session, tenant_id, part, "40.00", counterparty_name="A Processor")
        void_invoice(session, tenant_id, void.id, actor_id=ACTOR, now=NOW)

        (left,) = list_open_invoices(session, tenant_id)

        assert (left.id, left.balance, left.total) == (part.id, Decimal("60.00"), Decimal(100))
        assert left.customer_number == "C-1"
        assert left.customer_ibans == ("DE89370400440532013000",)
        closed = list_closed_invoices(session, tenant_id)
        assert set(closed) == {
            ClosedInvoice("INV-1", None, customer.id),
            ClosedInvoice("INV-3", None, customer.id),
        }

    def test_another_tenant_finds_nothing(
        self, session: Session, tenant_id: Any, other_tenant_id: Any
    ) -> None:
        invoice_id = add_invoice(session, tenant_id, number="INV-1").id
        enter_tenant(session, other_tenant_id)
        session.expunge_all()

        with pytest.raises(NotFoundError):
            get_invoice(session, other_tenant_id, invoice_id)
        assert list_invoices(session, other_tenant_id).total == 0
        assert list_open_invoices(session, other_tenant_id) == []
        assert find_invoice_numbers(session, other_tenant_id, ["INV-1"]) == set()
        assert find_numbers_of(session, other_tenant_id, [invoice_id]) == {}
