from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_transaction

from payymo.postgres.reconciliation.models import Customer, Invoice
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/invoices"

type AddInvoice = Callable[..., Invoice]


@pytest.fixture
def customer(sessions: sessionmaker[Session], tenant_id: UUID) -> Customer:
    with tenant_transaction(sessions, tenant_id) as session:
        return add_customer(session, tenant_id, number="C-1", name="Example Ltd")


@pytest.fixture
def add(sessions: sessionmaker[Session], tenant_id: UUID, customer: Customer) -> AddInvoice:
    def add(**columns: Any) -> Invoice:
        with tenant_transaction(sessions, tenant_id) as session:
            return add_invoice(session, tenant_id, customer, **columns)

    return add


@pytest.fixture
def pay(
    member: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
) -> Callable[[Invoice, str], str]:
    """Pay a part of an invoice, and return the match."""

    def pay(invoice: Invoice, amount: str) -> str:
        with tenant_transaction(sessions, tenant_id) as session:
            payment = add_transaction(
                session, tenant_id, add_account(session, tenant_id), amount=Decimal(amount)
            )
        body = {
            "transaction_id": str(payment.id),
            "allocations": [{"invoice_id": str(invoice.id), "amount": amount}],
        }
        answer = member.post("/api/v1/matches", json=body)
        assert answer.status_code == 201, answer.text
        match_id: str = answer.json()["data"]["id"]
        return match_id

    return pay


def body(customer: Customer, **changes: Any) -> dict[str, Any]:
    return {
        "customer_id": str(customer.id),
        "number": "INV-1",
        "currency": "EUR",
        "total": "1190.00",
        "issue_date": "2026-02-01",
    } | changes


def ids(client: TestClient, **params: str) -> list[str]:
    answer = client.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


class TestCreating:
    def test_answers_with_the_invoice_and_its_address(
        self, member: TestClient, customer: Customer
    ) -> None:
        answer = member.post(
            URL,
            json=body(
                customer,
                due_date="2026-03-03",
                structured_reference="RF18539007547034",
                note="In two parts.",
            ),
        )

        assert answer.status_code == 201
        created = answer.json()["data"]
        assert created | {"id": 0, "created_at": 0, "updated_at": 0} == {
            "id": 0,
            "number": "INV-1",
            "customer_id": str(customer.id),
            "customer_number": "C-1",
            "customer_name": "Example Ltd",
            "currency": "EUR",
            "total": "1190.00",
            "allocated": "0.00",
            "adjusted": "0.00",
            "credited": "0.00",
            "balance": "1190.00",
            "status": "open",
            "is_overdue": False,
            "issue_date": "2026-02-01",
            "due_date": "2026-03-03",
            "structured_reference": "RF18539007547034",
            "note": "In two parts.",
            "import_id": None,
            "voided_at": None,
            "created_at": 0,
            "updated_at": 0,
        }
        assert answer.headers["Location"] == f"{URL}/{created['id']}"
        assert member.get(answer.headers["Location"]).json()["data"] == created

    @pytest.mark.parametrize(
        ("total", "written"),
        [
            ('"99999999999999.99"', "99999999999999.99"),
            ("99999999999999.99", "99999999999999.99"),
            ("0.1", "0.10"),
            ("5", "5.00"),
        ],
    )
    def test_a_total_is_read_exactly_as_text_and_as_a_number(
        self, member: TestClient, customer: Customer, total: str, written: str
    ) -> None:
        text = (
            f'{{"customer_id": "{customer.id}", "number": "INV-1", "currency": "EUR", '
            f'"total": {total}, "issue_date": "2026-02-01"}}'
        )

        answer = member.post(URL, content=text, headers={"Content-Type": "application/json"})

        assert answer.status_code == 201
        assert answer.json()["data"]["total"] == written

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"total": "0"}, "total", "greater than zero"),
            ({"total": "-5"}, "total", "greater than zero"),
            ({"total": "1.190,00"}, "total", "plain decimal"),
            ({"total": True}, "total", "12.50"),
            ({"total": None}, "total", "12.50"),
            ({"currency": "EURO"}, "currency", "ISO 4217"),
            ({"currency": "XYZ"}, "currency", "ISO 4217"),
            ({"issue_date": "2026-02-30"}, "issue_date", "no such day"),
            ({"issue_date": 1767225600}, "issue_date", "YYYY-MM-DD"),
            ({"due_date": "tomorrow"}, "due_date", "YYYY-MM-DD"),
            ({"number": " "}, "number", "at least 1"),
            ({"customer_id": "C-1"}, "customer_id", "UUID"),
            ({"status": "paid"}, "status", "no such field"),
        ],
    )
    def test_refuses_what_is_wrong_with_a_sentence(
        self,
        member: TestClient,
        customer: Customer,
        changes: dict[str, Any],
        field: str,
        words: str,
    ) -> None:
        answer = member.post(URL, json=body(customer, **changes))

        assert answer.status_code == 400
        [fault] = answer.json()["error"]["details"]
        assert fault["field"] == field
        assert words in fault["message"]
        assert ids(member) == []

    @pytest.mark.parametrize(("currency", "total"), [("EUR", "10.001"), ("JPY", "10.5")])
    def test_refuses_more_decimals_than_the_currency_has(
        self, member: TestClient, customer: Customer, currency: str, total: str
    ) -> None:
        answer = member.post(URL, json=body(customer, currency=currency, total=total))

        assert answer.status_code == 400
        (fault,) = answer.json()["error"]["details"]
        assert fault["field"] == "total"
        assert f"An amount in {currency} has" in fault["message"]

    def test_cannot_be_due_before_it_is_issued(
        self, member: TestClient, customer: Customer
    ) -> None:
        answer = member.post(URL, json=body(customer, due_date="2026-01-31"))

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "due_before_issue")

    def test_a_number_is_given_once(self, member: TestClient, customer: Customer) -> None:
        assert member.post(URL, json=body(customer)).status_code == 201

        answer = member.post(URL, json=body(customer))

        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "duplicate")

    def test_goes_to_an_own_customer(self, stranger: TestClient, customer: Customer) -> None:
        assert stranger.post(URL, json=body(customer)).status_code == 404

    def test_a_viewer_may_not(self, viewer: TestClient, customer: Customer) -> None:
        assert viewer.post(URL, json=body(customer)).status_code == 403


class TestReading:
    def test_a_part_payment_shows_in_the_balance(
        self, member: TestClient, add: AddInvoice, pay: Callable[[Invoice, str], str]
    ) -> None:
        invoice = add(total=Decimal("100.00"), due_date=date(2026, 2, 14))

        pay(invoice, "30.00")

        row = member.get(f"{URL}/{invoice.id}").json()["data"]
        assert (row["allocated"], row["balance"]) == ("30.00", "70.00")
        assert (row["status"], row["is_overdue"]) == ("partially_paid", True)

    def test_what_is_paid_is_not_overdue(
        self, member: TestClient, add: AddInvoice, pay: Callable[[Invoice, str], str]
    ) -> None:
        invoice = add(total=Decimal("100.00"), due_date=date(2026, 2, 14))

        pay(invoice, "100.00")

        row = member.get(f"{URL}/{invoice.id}").json()["data"]
        assert (row["status"], row["balance"], row["is_overdue"]) == ("paid", "0.00", False)

    def test_another_tenants_invoice_does_not_exist(
        self, stranger: TestClient, add: AddInvoice
    ) -> None:
        invoice = add()

        assert ids(stranger) == []
        assert stranger.get(f"{URL}/{invoice.id}").status_code == 404
        assert stranger.patch(f"{URL}/{invoice.id}", json={"note": "x"}).status_code == 404
        assert stranger.delete(f"{URL}/{invoice.id}").status_code == 404


class TestFilters:
    def test_by_customer_number_currency_and_days(
        self, viewer: TestClient, add: AddInvoice, customer: Customer
    ) -> None:
        add(currency="USD", issue_date=date(2026, 1, 1))
        wanted = add(number="INV-7", issue_date=date(2026, 1, 10), due_date=date(2026, 1, 20))
        add(issue_date=date(2026, 1, 15), due_date=date(2026, 1, 25))

        assert ids(viewer, customer_id=str(uuid4())) == []
        assert len(ids(viewer, customer_id=str(customer.id))) == 3
        assert ids(viewer, number="INV-7") == [str(wanted.id)]
        assert ids(viewer, currency="EUR", due_before="2026-01-25") == [str(wanted.id)]
        assert ids(viewer, due_after="2026-01-19", due_before="2026-01-21") == [str(wanted.id)]
        assert ids(viewer, issued_from="2026-01-10", issued_to="2026-01-10") == [str(wanted.id)]

    def test_by_what_is_overdue_today(self, viewer: TestClient, add: AddInvoice) -> None:
        late = add(due_date=date(2026, 3, 1))
        today = add(due_date=date(2026, 3, 2))
        never = add(due_date=None)
        voided = add(due_date=date(2026, 3, 1), voided_at=datetime(2026, 3, 1, tzinfo=UTC))

        assert ids(viewer, overdue="true") == [str(late.id)]
        assert set(ids(viewer, overdue="false")) == {
            str(invoice.id) for invoice in (today, never, voided)
        }

    def test_by_status_total_and_text(self, viewer: TestClient, add: AddInvoice) -> None:
        wanted = add(total=Decimal("50.00"), structured_reference="RF18539007547034")
        add(total=Decimal("51.00"))
        add(voided_at=datetime(2026, 3, 1, tzinfo=UTC))

        assert ids(viewer, status="open", max_total="50.00") == [str(wanted.id)]
        assert ids(viewer, q="rf185390") == [str(wanted.id)]
        assert len(ids(viewer, q="example ltd", min_total="50.01")) == 2

    def test_go_with_pages_latest_first(self, viewer: TestClient, add: AddInvoice) -> None:
        invoices = [add(issue_date=date(2026, 1, day)) for day in (1, 2, 3)]

        answer = viewer.get(URL, params={"page": 2, "per_page": 2}).json()

        assert [row["id"] for row in answer["data"]] == [str(invoices[0].id)]
        assert answer["meta"] == {"total": 3, "page": 2, "per_page": 2, "total_pages": 2}

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"status": "late"}, "status"),
            ({"overdue": "maybe"}, "overdue"),
            ({"due_before": "2026-02-30"}, "due_before"),
            ({"currency": "ABC"}, "currency"),
            ({"issued_from": "2026-02-02", "issued_to": "2026-02-01"}, "issued_to"),
            ({"min_total": "2", "max_total": "1"}, "max_total"),
            ({"customer": "x"}, "customer"),
        ],
    )
    def test_refuse_what_they_do_not_know(
        self, viewer: TestClient, params: dict[str, str], field: str
    ) -> None:
        answer = viewer.get(URL, params=params)

        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]


class TestChanging:
    def test_keeps_what_is_left_out_and_clears_what_is_null(
        self, member: TestClient, add: AddInvoice
    ) -> None:
        invoice = add(number="INV-1", note="Old")

        answer = member.patch(f"{URL}/{invoice.id}", json={"note": None, "total": "80.00"})

        assert answer.status_code == 200
        row = answer.json()["data"]
        assert (row["number"], row["note"], row["total"], row["balance"]) == (
            "INV-1",
            None,
            "80.00",
            "80.00",
        )

    def test_payments_fix_the_total(
        self, member: TestClient, add: AddInvoice, pay: Callable[[Invoice, str], str]
    ) -> None:
        invoice = add()
        pay(invoice, "30.00")

        answer = member.patch(f"{URL}/{invoice.id}", json={"total": "80.00", "note": "New"})

        assert (answer.status_code, answer.json()["error"]["code"]) == (
            422,
            "invoice_has_payments",
        )
        assert member.get(f"{URL}/{invoice.id}").json()["data"]["note"] is None

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"status": "paid"}, "status"),
            ({"total": None}, "total"),
            ({"number": None}, "number"),
            ({"balance": "0"}, "balance"),
        ],
    )
    def test_refuses_what_an_invoice_cannot_become(
        self, member: TestClient, add: AddInvoice, changes: dict[str, Any], field: str
    ) -> None:
        answer = member.patch(f"{URL}/{add().id}", json=changes)

        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]

    def test_a_viewer_may_not(self, viewer: TestClient, add: AddInvoice) -> None:
        assert viewer.patch(f"{URL}/{add().id}", json={"note": "x"}).status_code == 403


class TestVoiding:
    def test_ends_an_unpaid_invoice_and_may_be_repeated(
        self, member: TestClient, add: AddInvoice
    ) -> None:
        url = f"{URL}/{add().id}"

        first = member.patch(url, json={"status": "void"})
        again = member.patch(url, json={"status": "void"})

        assert (first.status_code, again.status_code) == (200, 200)
        row = first.json()["data"]
        assert (row["status"], row["voided_at"]) == ("void", "2026-03-02T09:00:00Z")
        assert row["is_overdue"] is False

    def test_may_say_why_in_the_same_breath(self, member: TestClient, add: AddInvoice) -> None:
        row = member.patch(f"{URL}/{add().id}", json={"status": "void", "note": "Sent twice"})

        assert (row.json()["data"]["status"], row.json()["data"]["note"]) == ("void", "Sent twice")

    def test_needs_its_payments_reversed_first(
        self, member: TestClient, add: AddInvoice, pay: Callable[[Invoice, str], str]
    ) -> None:
        invoice = add()
        match_id = pay(invoice, "30.00")

        refused = member.patch(f"{URL}/{invoice.id}", json={"status": "void", "note": "x"})
        member.patch(f"/api/v1/matches/{match_id}", json={"status": "reversed"})
        accepted = member.patch(f"{URL}/{invoice.id}", json={"status": "void"})

        assert (refused.status_code, accepted.status_code) == (422, 200)
        assert refused.json()["error"]["code"] == "invoice_has_payments"
        assert accepted.json()["data"]["note"] is None

    def test_a_void_invoice_stays_as_it_is(self, member: TestClient, add: AddInvoice) -> None:
        invoice = add(voided_at=datetime(2026, 3, 1, tzinfo=UTC))

        answer = member.patch(f"{URL}/{invoice.id}", json={"total": "1.00"})

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invoice_is_void")


class TestDeleting:
    def test_removes_what_no_match_names(self, member: TestClient, add: AddInvoice) -> None:
        url = f"{URL}/{add().id}"

        assert member.delete(url).status_code == 204
        assert member.get(url).status_code == 404

    def test_leaves_what_was_matched_once_even_if_undone(
        self, member: TestClient, add: AddInvoice, pay: Callable[[Invoice, str], str]
    ) -> None:
        invoice = add()
        match_id = pay(invoice, "30.00")
        member.patch(f"/api/v1/matches/{match_id}", json={"status": "reversed"})

        answer = member.delete(f"{URL}/{invoice.id}")

        assert (answer.status_code, answer.json()["error"]["code"]) == (
            422,
            "invoice_has_matches",
        )

    def test_a_viewer_may_not(self, viewer: TestClient, add: AddInvoice) -> None:
        assert viewer.delete(f"{URL}/{add().id}").status_code == 403
