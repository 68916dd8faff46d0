from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_transaction, paying

from payymo.postgres.reconciliation.models import Customer
from payymo.postgres.reconciliation.operations.decisions import create_match
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/customers"
IBAN = "DE89370400440532013000"


@pytest.fixture
def customer(sessions: sessionmaker[Session], tenant_id: UUID) -> Customer:
    with tenant_transaction(sessions, tenant_id) as session:
        return add_customer(
            session, tenant_id, number="C-1", name="Example Ltd", email="a@example.com"
        )


class TestCreating:
    def test_answers_with_the_customer_and_its_address(self, member: TestClient) -> None:
        body = {
            "number": " C-1001 ",
            "name": "Example Ltd",
            "email": "accounts@example.com",
            "country": "GB",
            "ibans": ["de89 3704 0044 0532 0130 00"],
        }

        answer = member.post(URL, json=body)

        assert answer.status_code == 201
        created = answer.json()["data"]
        assert created | {"id": 0, "created_at": 0, "updated_at": 0} == {
            "id": 0,
            "number": "C-1001",
            "name": "Example Ltd",
            "email": "accounts@example.com",
            "country": "GB",
            "ibans": [IBAN],
            "created_at": 0,
            "updated_at": 0,
        }
        assert answer.headers["Location"] == f"{URL}/{created['id']}"
        assert member.get(answer.headers["Location"]).json()["data"] == created

    def test_needs_no_more_than_a_number_and_a_name(self, member: TestClient) -> None:
        created = member.post(URL, json={"number": "C-1", "name": "Example Ltd"}).json()["data"]

        assert (created["email"], created["country"], created["ibans"]) == (None, None, [])

    def test_writes_codes_in_capitals_and_each_account_once(self, member: TestClient) -> None:
        spaced = "DE89 3704 0044 0532 0130 00"
        body = {"number": "C-1", "name": "X", "country": "gb", "ibans": [IBAN, spaced]}

        created = member.post(URL, json=body).json()["data"]

        assert (created["country"], created["ibans"]) == ("GB", [IBAN])

    def test_a_number_is_given_once(self, member: TestClient, customer: Customer) -> None:
        answer = member.post(URL, json={"number": "C-1", "name": "Another"})

        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "duplicate"

    def test_two_tenants_may_use_the_same_number(
        self, stranger: TestClient, customer: Customer
    ) -> None:
        assert stranger.post(URL, json={"number": "C-1", "name": "Other"}).status_code == 201

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"number": ""}, "number", "at least 1"),
            ({"number": None}, "number", "text"),
            ({"name": "x" * 201}, "name", "at most 200"),
            ({"name": "a\0b"}, "name", "NUL"),
            ({"email": "nobody"}, "email", "e-mail address such as"),
            ({"country": "G1"}, "country", "two letters"),
            ({"ibans": ["DE89370400440532013001"]}, "ibans.0", "IBAN"),
            ({"ibans": "DE89370400440532013000"}, "ibans", "list"),
            ({"ibans": [IBAN] * 51}, "ibans", "at most 50"),
            ({"colour": "red"}, "colour", "no such field"),
        ],
    )
    def test_refuses_what_is_wrong_with_a_sentence(
        self, member: TestClient, changes: dict[str, Any], field: str, words: str
    ) -> None:
        answer = member.post(URL, json={"number": "C-1", "name": "Example Ltd"} | changes)

        assert answer.status_code == 400
        [fault] = answer.json()["error"]["details"]
        assert fault["field"] == field
        assert words in fault["message"]

    def test_a_viewer_may_not(self, viewer: TestClient) -> None:
        assert viewer.post(URL, json={"number": "C-1", "name": "X"}).status_code == 403


class TestListing:
    def test_goes_by_name_and_searches(
        self, viewer: TestClient, customer: Customer, sessions: sessionmaker[Session]
    ) -> None:
        with tenant_transaction(sessions, customer.tenant_id) as session:
            first = add_customer(session, customer.tenant_id, name="Alpha", number="C-2")

        everyone = viewer.get(URL).json()
        found = viewer.get(URL, params={"q": "example"}).json()

        assert [row["id"] for row in everyone["data"]] == [str(first.id), str(customer.id)]
        assert everyone["meta"]["total"] == 2
        assert [row["id"] for row in found["data"]] == [str(customer.id)]

    def test_is_empty_for_another_tenant(self, stranger: TestClient, customer: Customer) -> None:
        assert stranger.get(URL).json()["data"] == []


class TestChanging:
    def test_keeps_what_is_left_out_and_clears_what_is_null(
        self, member: TestClient, customer: Customer
    ) -> None:
        answer = member.patch(f"{URL}/{customer.id}", json={"email": None, "ibans": [IBAN]})

        assert answer.status_code == 200
        changed = answer.json()["data"]
        assert (changed["number"], changed["email"], changed["ibans"]) == ("C-1", None, [IBAN])

    @pytest.mark.parametrize("body", [{"name": None}, {"number": ""}, {"id": str(uuid4())}])
    def test_refuses_what_a_customer_cannot_be_without(
        self, member: TestClient, customer: Customer, body: dict[str, Any]
    ) -> None:
        assert member.patch(f"{URL}/{customer.id}", json=body).status_code == 400

    def test_a_number_of_another_is_refused(self, member: TestClient, customer: Customer) -> None:
        other = member.post(URL, json={"number": "C-2", "name": "Another"}).json()["data"]

        answer = member.patch(f"{URL}/{other['id']}", json={"number": "C-1"})

        assert answer.status_code == 409
        assert member.get(f"{URL}/{other['id']}").json()["data"]["number"] == "C-2"

    def test_only_those_who_may_write_can(
        self, viewer: TestClient, stranger: TestClient, customer: Customer
    ) -> None:
        assert viewer.patch(f"{URL}/{customer.id}", json={"name": "X"}).status_code == 403
        assert stranger.patch(f"{URL}/{customer.id}", json={"name": "X"}).status_code == 404


class TestDeleting:
    def test_removes_a_customer_without_invoices(
        self, member: TestClient, customer: Customer
    ) -> None:
        answer = member.delete(f"{URL}/{customer.id}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert member.get(f"{URL}/{customer.id}").status_code == 404

    def test_leaves_one_with_invoices(
        self, member: TestClient, customer: Customer, sessions: sessionmaker[Session]
    ) -> None:
        with tenant_transaction(sessions, customer.tenant_id) as session:
            add_invoice(session, customer.tenant_id, customer)

        answer = member.delete(f"{URL}/{customer.id}")

        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "customer_has_invoices"
        assert member.get(f"{URL}/{customer.id}").status_code == 200

    def test_only_those_who_may_write_can(
        self, viewer: TestClient, stranger: TestClient, customer: Customer
    ) -> None:
        assert viewer.delete(f"{URL}/{customer.id}").status_code == 403
        assert stranger.delete(f"{URL}/{customer.id}").status_code == 404
        assert stranger.get(f"{URL}/{customer.id}").status_code == 404


class TestPayers:
    @pytest.fixture
    def paid(
        self, sessions: sessionmaker[Session], tenant_id: UUID, customer: Customer
    ) -> Customer:
        """A customer whose invoice somebody matched by hand."""
        with tenant_transaction(sessions, tenant_id) as session:
            invoice = add_invoice(session, tenant_id, customer, total=Decimal(20))
            payment = add_transaction(
                session,
                tenant_id,
                add_account(session, tenant_id),
                amount=Decimal(20),
                counterparty_name="Example Holding",
                counterparty_iban=IBAN,
            )
            shares = paying((invoice.id, Decimal(20)))
            now = datetime(2026, 3, 1, tzinfo=UTC)
            create_match(session, tenant_id, payment.id, shares, actor_id=uuid4(), now=now)
        return customer

    def test_it_says_who_paid_for_a_customer(self, viewer: TestClient, paid: Customer) -> None:
        answer = viewer.get(f"{URL}/{paid.id}/payers").json()

        assert answer["meta"]["total"] == 1
        assert answer["data"][0] | {"mean_lag": 0, "last_seen": 0} == {
            "iban": IBAN,
            "name": "Example Holding",
            "payment_count": 1,
            "refusal_count": 0,
            "quoting_count": 0,
            "combined_count": 0,
            "mean_lag": 0,
            "last_seen": 0,
        }

    def test_another_tenant_finds_nothing(self, stranger: TestClient, paid: Customer) -> None:
        assert stranger.get(f"{URL}/{paid.id}/payers").status_code == 404
        assert stranger.get(f"{URL}/{uuid4()}/payers").status_code == 404
