from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_transaction

from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Customer, Invoice
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1"

type AddInvoice = Callable[..., Invoice]
type AddPayment = Callable[..., Transaction]


@pytest.fixture
def customer(sessions: sessionmaker[Session], tenant_id: UUID) -> Customer:
    with tenant_transaction(sessions, tenant_id) as session:
        return add_customer(session, tenant_id, name="Example Ltd")


@pytest.fixture
def invoice(sessions: sessionmaker[Session], tenant_id: UUID, customer: Customer) -> AddInvoice:
    def add(total: str = "100.00", **columns: Any) -> Invoice:
        with tenant_transaction(sessions, tenant_id) as session:
            return add_invoice(session, tenant_id, customer, total=Decimal(total), **columns)

    return add


@pytest.fixture
def payment(sessions: sessionmaker[Session], tenant_id: UUID) -> AddPayment:
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)

    def add(amount: str = "100.00") -> Transaction:
        with tenant_transaction(sessions, tenant_id) as session:
            return add_transaction(session, tenant_id, account, amount=Decimal(amount))

    return add


def note(customer: Customer, total: str = "20.00", **fields: Any) -> dict[str, Any]:
    return {
        "customer_id": str(customer.id),
        "number": "CN-1",
        "currency": "EUR",
        "total": total,
        "issue_date": "2026-02-01",
        **fields,
    }


@pytest.fixture
def credit(member: TestClient, customer: Customer) -> str:
    """A credit note of 20.00 EUR that names no invoice."""
    answer = member.post(f"{URL}/credit_notes", json=note(customer))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])


def use(invoice: Invoice, amount: str = "20.00") -> dict[str, Any]:
    return {"kind": "applied", "amount": amount, "invoice_id": str(invoice.id)}


class TestCreditNotes:
    def test_answers_with_the_credit_and_its_address(
        self, member: TestClient, customer: Customer, invoice: AddInvoice, user_id: UUID
    ) -> None:
        corrected = invoice("15.00")

        answer = member.post(
            f"{URL}/credit_notes",
            json=note(customer, invoice_id=str(corrected.id), note="Damaged."),
        )

        assert answer.status_code == 201
        created = answer.json()["data"]
        assert answer.headers["Location"] == f"{URL}/credits/{created['id']}"
        assert member.get(answer.headers["Location"]).json()["data"] == created
        assert created | {"id": 0, "created_by": 0, "created_at": 0} == {
            "id": 0,
            "customer_id": str(customer.id),
            "kind": "credit_note",
            "status": "booked",
            "currency": "EUR",
            "amount": "20.00",
            "used": "15.00",
            "balance": "5.00",
            "credited_on": "2026-02-01",
            "transaction_id": None,
            "match_id": None,
            "number": "CN-1",
            "invoice_id": str(corrected.id),
            "import_id": None,
            "note": "Damaged.",
            "created_by": 0,
            "created_at": 0,
            "reversed_by": None,
            "reversed_at": None,
        }
        row = member.get(f"{URL}/invoices/{corrected.id}").json()["data"]
        assert (row["credited"], row["balance"], row["status"]) == ("15.00", "0.00", "paid")

    def test_names_what_is_wrong(
        self, member: TestClient, customer: Customer, credit: str, invoice: AddInvoice
    ) -> None:
        def refused(**fields: Any) -> tuple[int, str, str]:
            answer = member.post(f"{URL}/credit_notes", json=note(customer) | fields)
            error = answer.json()["error"]
            return answer.status_code, error["code"], error["details"][0]["field"]

        assert refused() == (409, "duplicate", "number")
        assert refused(number="CN-2", total="0") == (400, "validation_error", "total")
        assert refused(number="CN-2", total="0.001") == (400, "validation_error", "total")
        dollars = str(invoice(currency="USD").id)
        assert refused(number="CN-2", invoice_id=dollars) == (
            422,
            "currency_mismatch",
            "invoice_id",
        )

    def test_is_taken_back(self, member: TestClient, credit: str, invoice: AddInvoice) -> None:
        used = member.post(f"{URL}/credits/{credit}/uses", json=use(invoice(), "1.00"))

        refusal = member.delete(f"{URL}/credits/{credit}")
        assert (refusal.status_code, refusal.json()["error"]["code"]) == (422, "credit_is_used")
        assert used.json()["data"]["id"] in refusal.json()["error"]["details"][0]["message"]

        assert member.delete(used.headers["Location"]).status_code == 204
        assert member.delete(f"{URL}/credits/{credit}").status_code == 204
        row = member.get(f"{URL}/credits/{credit}").json()["data"]
        assert (row["status"], row["balance"]) == ("reversed", "0.00")


class TestUses:
    def test_credit_is_applied_and_given_back(
        self, member: TestClient, credit: str, invoice: AddInvoice
    ) -> None:
        owed = invoice("50.00")

        answer = member.post(f"{URL}/credits/{credit}/uses", json=use(owed))

        assert answer.status_code == 201
        created = answer.json()["data"]
        assert member.get(answer.headers["Location"]).json()["data"] == created
        assert (created["kind"], created["amount"], created["status"]) == (
            "applied",
            "20.00",
            "booked",
        )
        assert member.get(f"{URL}/invoices/{owed.id}").json()["data"]["balance"] == "30.00"

        assert member.delete(answer.headers["Location"]).status_code == 204
        listed = member.get(f"{URL}/credits/{credit}/uses").json()
        assert [row["status"] for row in listed["data"]] == ["reversed"]
        assert listed["meta"]["total"] == 1
        assert member.get(f"{URL}/invoices/{owed.id}").json()["data"]["balance"] == "50.00"

    def test_credit_is_refunded_or_written_off(
        self, member: TestClient, credit: str, payment: AddPayment
    ) -> None:
        out = payment("-19.00")
        uses = f"{URL}/credits/{credit}/uses"

        refunded = member.post(
            uses, json={"kind": "refunded", "amount": "19.00", "transaction_id": str(out.id)}
        )
        written_off = member.post(
            uses, json={"kind": "written_off", "amount": "1.00", "reason": "Too small to send."}
        )

        assert (refunded.status_code, written_off.status_code) == (201, 201)
        assert member.get(f"{URL}/credits/{credit}").json()["data"]["balance"] == "0.00"
        row = member.get(f"{URL}/transactions/{out.id}").json()["data"]
        assert (row["allocated"], row["match_status"]) == ("-19.00", "matched")
        assert (row["needs_review"], row["review_reasons"]) == (False, [])

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": "applied"},
            {"kind": "applied", "transaction_id": str(uuid4())},
            {"kind": "refunded"},
            {"kind": "refunded", "invoice_id": str(uuid4())},
            {"kind": "written_off", "invoice_id": str(uuid4())},
            {"kind": "lost"},
        ],
    )
    def test_each_kind_has_its_own_target(
        self, member: TestClient, credit: str, fields: dict[str, Any]
    ) -> None:
        answer = member.post(f"{URL}/credits/{credit}/uses", json={"amount": "1.00", **fields})

        assert answer.status_code == 400

    def test_no_more_than_there_is(
        self, member: TestClient, credit: str, invoice: AddInvoice
    ) -> None:
        answer = member.post(f"{URL}/credits/{credit}/uses", json=use(invoice(), "20.01"))

        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (422, "credit_exhausted")
        assert error["details"] == [
            {"field": "amount", "message": "Only 20.00 EUR are left of the credit."}
        ]


class TestLists:
    def test_by_customer_kind_currency_and_what_is_left(
        self, viewer: TestClient, member: TestClient, customer: Customer, credit: str
    ) -> None:
        other = member.post(
            f"{URL}/credit_notes", json=note(customer, "5.00", number="CN-2", currency="USD")
        ).json()["data"]["id"]
        member.post(f"{URL}/credits/{other}/uses", json={"kind": "written_off", "amount": "5.00"})

        def ids(path: str, **params: str) -> set[str]:
            answer = viewer.get(f"{URL}/{path}", params=params)
            assert answer.status_code == 200, answer.text
            return {row["id"] for row in answer.json()["data"]}

        assert ids("credits") == ids(f"customers/{customer.id}/credits") == {credit, other}
        assert ids("credits", is_open="true") == ids("credits", currency="eur") == {credit}
        assert ids("credits", is_open="false") == {other}
        assert ids("credits", kind="overpayment") == set()
        assert ids("credits", customer_id=str(uuid4())) == set()
        assert viewer.get(f"{URL}/customers/{customer.id}/credit_balances").json()["data"] == [
            {"currency": "EUR", "balance": "20.00"}
        ]

    def test_what_credit_could_settle_is_proposed(
        self, viewer: TestClient, customer: Customer, credit: str, invoice: AddInvoice
    ) -> None:
        owed = invoice("50.00")

        found = viewer.get(f"{URL}/credit_proposals", params={"customer_id": str(customer.id)})

        assert found.json()["data"] == [
            {
                "credit_id": credit,
                "invoice_id": str(owed.id),
                "customer_id": str(customer.id),
                "amount": "20.00",
                "currency": "EUR",
            }
        ]
        nobody = viewer.get(f"{URL}/credit_proposals", params={"customer_id": str(uuid4())})
        assert nobody.json()["data"] == []


class TestOthers:
    def test_another_tenants_do_not_exist(
        self,
        stranger: TestClient,
        member: TestClient,
        customer: Customer,
        credit: str,
        invoice: AddInvoice,
    ) -> None:
        owed = invoice()
        made = member.post(f"{URL}/credits/{credit}/uses", json=use(owed, "1.00"))
        uses = f"{URL}/credits/{credit}/uses"

        answers = [
            stranger.get(f"{URL}/credits/{credit}"),
            stranger.delete(f"{URL}/credits/{credit}"),
            stranger.get(uses),
            stranger.post(uses, json=use(owed)),
            stranger.get(made.headers["Location"]),
            stranger.delete(made.headers["Location"]),
            stranger.get(f"{URL}/customers/{customer.id}/credits"),
            stranger.get(f"{URL}/customers/{customer.id}/credit_balances"),
            stranger.post(f"{URL}/credit_notes", json=note(customer)),
        ]

        assert [answer.status_code for answer in answers] == [404] * len(answers)
        assert stranger.get(f"{URL}/credits").json()["data"] == []
        assert stranger.get(f"{URL}/credit_proposals").json()["data"] == []

    def test_viewers_look_and_do_not_touch(
        self, viewer: TestClient, customer: Customer, credit: str, invoice: AddInvoice
    ) -> None:
        uses = f"{URL}/credits/{credit}/uses"
        answers = [
            viewer.post(f"{URL}/credit_notes", json=note(customer)),
            viewer.post(uses, json=use(invoice())),
            viewer.delete(f"{URL}/credits/{credit}"),
            viewer.delete(f"{uses}/{uuid4()}"),
        ]

        assert [answer.status_code for answer in answers] == [403] * len(answers)
