from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_transaction

from payymo.domain.enums import (
    MatchOrigin,
    MatchStatus,
    TransactionMatchStatus,
    TransactionStatus,
)
from payymo.postgres.auth.models import Tenant
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Customer, Invoice, Match, MatchLine
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.reconcile import match_payments

URL = "/api/v1/matches"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

type AddInvoice = Callable[..., Invoice]
type AddPayment = Callable[..., Transaction]
type Suggest = Callable[..., UUID]


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

    def add(amount: str = "100.00", **columns: Any) -> Transaction:
        with tenant_transaction(sessions, tenant_id) as session:
            return add_transaction(session, tenant_id, account, amount=Decimal(amount), **columns)

    return add


@pytest.fixture
def suggest(sessions: sessionmaker[Session], tenant_id: UUID) -> Suggest:
    """Add a suggestion of the engine, and return its id."""

    def add(
        payment: Transaction,
        *lines: tuple[Invoice, str],
        confidence: str = "0.9000",
        runner_up: Invoice | None = None,
        status: MatchStatus = MatchStatus.SUGGESTED,
    ) -> UUID:
        with tenant_transaction(sessions, tenant_id) as session:
            match = Match(
                tenant_id=tenant_id,
                transaction_id=payment.id,
                status=status,
                origin=MatchOrigin.ENGINE,
                confidence=Decimal(confidence),
                evidence={
                    "items": [
                        {
                            "kind": "invoice_number",
                            "invoice_id": str(lines[0][0].id),
                            "weight": 9.5,
                            "text": "The text quotes the number.",
                        }
                    ]
                },
                runner_up={
                    "confidence": 0.05,
                    "lines": [{"invoice_id": str(runner_up.id), "amount": "100.0000"}],
                }
                if runner_up
                else None,
                engine_version="1",
            )
            session.add(match)
            session.flush()
            for owed, amount in lines:
                line = MatchLine(
                    tenant_id=tenant_id,
                    match_id=match.id,
                    invoice_id=owed.id,
                    amount=Decimal(amount),
                )
                session.add(line)
            return match.id

    return add


def ids(client: TestClient, **params: object) -> list[str]:
    answer = client.get(URL, params={key: str(value) for key, value in params.items()})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def by_hand(payment: Transaction, *lines: tuple[Invoice, object]) -> dict[str, Any]:
    """Return the body that matches a payment by hand."""
    return {
        "transaction_id": str(payment.id),
        "allocations": [
            {"invoice_id": str(invoice.id), "amount": amount} for invoice, amount in lines
        ],
    }


def decide(client: TestClient, match_id: object, status: str) -> Any:
    return client.patch(f"{URL}/{match_id}", json={"status": status})


def balance(client: TestClient, invoice: Invoice) -> str:
    row = client.get(f"/api/v1/invoices/{invoice.id}").json()["data"]
    return f"{row['status']} {row['balance']}"


class TestAMatch:
    def test_says_all_that_a_person_needs_to_decide(
        self,
        viewer: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        suggest: Suggest,
        customer: Customer,
    ) -> None:
        owed, other = invoice(number="INV-1"), invoice(number="INV-2")
        paid = payment(
            counterparty_name="EXAMPLE LTD",
            counterparty_iban="DE89370400440532013000",
            remittance="INV 1",
            match_status=TransactionMatchStatus.SUGGESTED,
        )
        match_id = suggest(paid, (owed, "100"), confidence="0.9321", runner_up=other)

        answer = viewer.get(f"{URL}/{match_id}").json()["data"]

        assert answer | {"created_at": 0, "updated_at": 0} == {
            "id": str(match_id),
            "status": "suggested",
            "origin": "engine",
            "confidence": 0.9321,
            "engine_confidence": None,
            "is_tie": False,
            "needs_review": False,
            "transaction": {
                "id": str(paid.id),
                "account_id": str(paid.account_id),
                "amount": "100.00",
                "currency": "EUR",
                "allocated": "0.00",
                "transaction_date": "2026-02-02",
                "counterparty_name": "EXAMPLE LTD",
                "counterparty_iban": "DE89370400440532013000",
                "remittance": "INV 1",
                "structured_reference": None,
                "match_status": "suggested",
            },
            "lines": [
                {
                    "invoice_id": str(owed.id),
                    "invoice_number": "INV-1",
                    "invoice_status": "open",
                    "invoice_total": "100.00",
                    "invoice_balance": "100.00",
                    "customer_id": str(customer.id),
                    "customer_name": "Example Ltd",
                    "amount": "100.00",
                    "settled": "100.00",
                    "currency": "EUR",
                }
            ],
            "waits": [],
            "differences": [],
            "evidence": [
                {
                    "kind": "invoice_number",
                    "invoice_id": str(owed.id),
                    "weight": 9.5,
                    "text": "The text quotes the number.",
                }
            ],
            "runner_up": {
                "confidence": 0.05,
                "lines": [
                    {
                        "invoice_id": str(other.id),
                        "invoice_number": "INV-2",
                        "amount": "100.00",
                    }
                ],
            },
            "engine_version": "1",
            "match_run_id": None,
            "applied_run_id": None,
            "decided_by": None,
            "decided_at": None,
            "created_at": 0,
            "updated_at": 0,
        }

    def test_of_the_engine_shows_its_evidence_in_sentences(
        self,
        viewer: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        owed = invoice(number="RE-2026-00417", total="417.30")
        payment("417.30", remittance="RE-2026-00417", counterparty_name="Example Ltd")
        with tenant_transaction(sessions, tenant_id) as session:
            session.get_one(Tenant, tenant_id).auto_apply = False
            match_payments(session, tenant_id, now=NOW)

        [match] = viewer.get(URL).json()["data"]

        assert (match["status"], match["origin"]) == ("suggested", "engine")
        assert [line["invoice_id"] for line in match["lines"]] == [str(owed.id)]
        assert match["transaction"]["match_status"] == "suggested"
        assert match["confidence"] > 0.9
        assert any("RE-2026-00417" in signal["text"] for signal in match["evidence"])

    def test_of_another_tenant_does_not_exist(
        self, stranger: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        match_id = suggest(payment(), (invoice(), "100"))

        assert ids(stranger) == []
        assert stranger.get(f"{URL}/{match_id}").status_code == 404
        assert decide(stranger, match_id, "confirmed").status_code == 404


class TestFilters:
    def test_by_status_confidence_invoice_and_payment(
        self, viewer: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        owed, paid = invoice(), payment()
        sure = suggest(paid, (owed, "100"), confidence="0.9000")
        unsure = suggest(payment(), (invoice(), "100"), confidence="0.8999")
        refused = suggest(payment(), (owed, "50"), status=MatchStatus.REJECTED)

        assert ids(viewer) == [str(refused), str(unsure), str(sure)]
        assert ids(viewer, status="suggested", min_confidence="0.9") == [str(sure)]
        assert ids(viewer, invoice_id=owed.id) == [str(refused), str(sure)]
        assert ids(viewer, transaction_id=paid.id) == [str(sure)]

    def test_go_with_pages(
        self, viewer: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        first = suggest(payment(), (invoice(), "100"))
        suggest(payment(), (invoice(), "100"))

        answer = viewer.get(URL, params={"page": 2, "per_page": 1}).json()

        assert [row["id"] for row in answer["data"]] == [str(first)]
        assert answer["meta"]["total"] == 2

    @pytest.mark.parametrize(
        ("params", "field"),
        [
            ({"status": "maybe"}, "status"),
            ({"min_confidence": "1.1"}, "min_confidence"),
            ({"min_confidence": "NaN"}, "min_confidence"),
            ({"min_confidence": "1e-999999999"}, "min_confidence"),
            ({"invoice_id": "INV-1"}, "invoice_id"),
            ({"payment": "x"}, "payment"),
        ],
    )
    def test_refuse_what_they_do_not_know(
        self, viewer: TestClient, params: dict[str, str], field: str
    ) -> None:
        answer = viewer.get(URL, params=params)

        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]


class TestOrder:
    @pytest.fixture
    def waiting(self, invoice: AddInvoice, payment: AddPayment, suggest: Suggest) -> list[str]:
        """Three suggestions in the order in which they were made."""
        owed = invoice()
        made = [
            suggest(payment(), (owed, "100"), confidence=confidence)
            for confidence in ("0.7000", "0.9000", "0.5000")
        ]
        return [str(match_id) for match_id in made]

    def test_what_waits_comes_the_surest_first(
        self, viewer: TestClient, waiting: list[str]
    ) -> None:
        middling, sure, unsure = waiting

        assert ids(viewer, status="suggested") == [sure, middling, unsure]
        assert ids(viewer, status="suggested", per_page=1, page=2) == [middling]

    def test_any_other_list_comes_the_latest_first(
        self, viewer: TestClient, waiting: list[str]
    ) -> None:
        assert ids(viewer) == waiting[::-1]

    def test_either_order_can_be_asked_for(self, viewer: TestClient, waiting: list[str]) -> None:
        middling, sure, unsure = waiting

        assert ids(viewer, status="suggested", sort="-created_at") == waiting[::-1]
        assert ids(viewer, sort="-confidence") == [sure, middling, unsure]

    def test_of_equally_sure_ones_the_latest_comes_first(
        self, viewer: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        owed = invoice()
        first, second = (str(suggest(payment(), (owed, "100"))) for _ in range(2))

        assert ids(viewer, status="suggested") == [second, first]


class TestMatchingByHand:
    def test_allocates_at_once_to_several_invoices(
        self,
        client: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        user_id: UUID,
    ) -> None:
        whole, part, paid = invoice("60.00"), invoice("100.00"), payment("100.00")

        answer = client.post(URL, json=by_hand(paid, (whole, "60.00"), (part, 30.5)))

        assert answer.status_code == 201
        match = answer.json()["data"]
        assert answer.headers["Location"] == f"{URL}/{match['id']}"
        assert (match["status"], match["origin"], match["confidence"]) == (
            "confirmed",
            "manual",
            1.0,
        )
        assert (match["decided_by"], match["decided_at"]) == (
            str(user_id),
            "2026-03-02T09:00:00Z",
        )
        assert [line["amount"] for line in match["lines"]] == ["60.00", "30.50"]
        assert [line["invoice_balance"] for line in match["lines"]] == ["0.00", "69.50"]
        assert (match["transaction"]["allocated"], match["transaction"]["match_status"]) == (
            "90.50",
            "partially_matched",
        )
        assert client.get(answer.headers["Location"]).json()["data"] == match
        assert (balance(client, whole), balance(client, part)) == (
            "paid 0.00",
            "partially_paid 69.50",
        )

    def test_takes_the_place_of_a_suggestion(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        paid, meant = payment(), invoice()
        suggestion = suggest(paid, (invoice(), "100"))

        member.post(URL, json=by_hand(paid, (meant, "100.00")))

        assert member.get(f"{URL}/{suggestion}").json()["data"]["status"] == "withdrawn"

    @pytest.mark.parametrize(("paid", "owed"), [("50.00", "100.00"), ("100.00", "50.00")])
    def test_cannot_give_more_than_there_is_on_either_side(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        paid: str,
        owed: str,
    ) -> None:
        bill = invoice(owed)

        answer = member.post(URL, json=by_hand(payment(paid), (bill, "50.01")))

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "over_allocation")
        assert balance(member, bill) == f"open {owed}"
        assert ids(member) == []

    def test_cannot_give_the_same_money_twice(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment
    ) -> None:
        paid = payment("100.00")
        assert member.post(URL, json=by_hand(paid, (invoice(), "60.00"))).status_code == 201

        answer = member.post(URL, json=by_hand(paid, (invoice(), "40.01")))

        assert answer.json()["error"]["code"] == "over_allocation"
        assert member.post(URL, json=by_hand(paid, (invoice(), "40.00"))).status_code == 201

    def test_obeys_the_rules_of_money(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment
    ) -> None:
        cases = [
            (payment(), invoice(currency="USD"), "currency_mismatch"),
            (payment(), invoice(voided_at=NOW), "invoice_is_void"),
            (payment("-100.00"), invoice(), "not_a_payment"),
            (payment(status=TransactionStatus.PENDING), invoice(), "not_a_payment"),
        ]

        codes = [
            member.post(URL, json=by_hand(paid, (owed, "10.00"))).json()["error"]["code"]
            for paid, owed, _ in cases
        ]

        assert codes == [code for _, _, code in cases]
        assert ids(member) == []

    @pytest.mark.parametrize(
        ("amount", "words"),
        [
            ("10.001", "at most 2 decimals"),
            (0.30000000000000004, "at most 2 decimals"),
            ("0", "greater than zero"),
            (-5, "greater than zero"),
            ("ten", "plain decimal"),
            (None, "12.50"),
        ],
    )
    def test_refuses_amounts_that_are_none(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        amount: object,
        words: str,
    ) -> None:
        answer = member.post(URL, json=by_hand(payment(), (invoice(), amount)))

        assert answer.status_code == 400
        [fault] = answer.json()["error"]["details"]
        assert fault["field"] == "allocations.0.amount"
        assert words in fault["message"]

    def test_names_each_invoice_once_and_only_own_ones(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment
    ) -> None:
        paid, owed = payment(), invoice()
        twice = member.post(URL, json=by_hand(paid, (owed, "1.00"), (owed, "2.00")))
        unknown = by_hand(paid, (owed, "1.00"))
        unknown["allocations"][0]["invoice_id"] = str(uuid4())

        for answer, status, field in (
            (twice, 400, "allocations.1.invoice_id"),
            (member.post(URL, json=unknown), 404, "allocations.0.invoice_id"),
        ):
            assert answer.status_code == status
            assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"allocations": []}, "allocations"),
            ({"allocations": None}, "allocations"),
            ({"transaction_id": "x"}, "transaction_id"),
            ({"status": "confirmed"}, "status"),
        ],
    )
    def test_refuses_another_shape(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        change: dict[str, object],
        field: str,
    ) -> None:
        answer = member.post(URL, json=by_hand(payment(), (invoice(), "1.00")) | change)

        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]

    def test_is_not_for_viewers_nor_for_strangers(
        self,
        viewer: TestClient,
        stranger: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
    ) -> None:
        body = by_hand(payment(), (invoice(), "1.00"))

        assert viewer.post(URL, json=body).status_code == 403
        assert stranger.post(URL, json=body).status_code == 404


class TestDeciding:
    def test_confirming_allocates(
        self, client: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        owed = invoice("100.00")
        match_id = suggest(payment("100.00"), (owed, "100.00"))

        answer = decide(client, match_id, "confirmed")

        assert answer.status_code == 200
        match = answer.json()["data"]
        assert match["status"] == "confirmed"
        assert (match["lines"][0]["invoice_status"], match["lines"][0]["invoice_balance"]) == (
            "paid",
            "0.00",
        )
        assert match["transaction"]["match_status"] == "matched"
        assert balance(client, owed) == "paid 0.00"

    def test_reversing_frees_the_money_again(
        self, client: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        owed = invoice("100.00")
        match_id = suggest(payment("100.00"), (owed, "100.00"))
        decide(client, match_id, "confirmed")

        match = decide(client, match_id, "reversed").json()["data"]

        assert match["status"] == "reversed"
        assert (match["transaction"]["allocated"], match["transaction"]["match_status"]) == (
            "0.00",
            "unmatched",
        )
        assert match["lines"][0]["invoice_balance"] == "100.00"
        assert balance(client, owed) == "open 100.00"

    def test_rejecting_is_remembered(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        invoice(number="RE-2026-00417", total="417.30")
        payment("417.30", remittance="RE-2026-00417", counterparty_name="Example Ltd")
        with tenant_transaction(sessions, tenant_id) as session:
            session.get_one(Tenant, tenant_id).auto_apply = False
            match_payments(session, tenant_id, now=NOW)
        [match_id] = ids(member, status="suggested")

        answer = decide(member, match_id, "rejected")

        assert answer.json()["data"]["transaction"]["match_status"] == "unmatched"
        with tenant_transaction(sessions, tenant_id) as session:
            match_payments(session, tenant_id, now=NOW)
        assert ids(member, status="suggested") == []

    @pytest.mark.parametrize(
        "step",
        [
            (MatchStatus.SUGGESTED, "reversed"),
            (MatchStatus.REJECTED, "confirmed"),
            (MatchStatus.REJECTED, "reversed"),
            (MatchStatus.WITHDRAWN, "confirmed"),
            (MatchStatus.REVERSED, "reversed"),
        ],
    )
    def test_goes_only_where_it_can(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        suggest: Suggest,
        step: tuple[MatchStatus, str],
    ) -> None:
        before, wanted = step
        match_id = suggest(payment(), (invoice(), "100"), status=before)

        answer = decide(member, match_id, wanted)

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "match_transition")

    def test_what_was_paid_meanwhile_cannot_be_confirmed(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        owed = invoice("100.00")
        match_id = suggest(payment(), (owed, "100.00"))
        member.post(URL, json=by_hand(payment(), (owed, "30.00")))

        answer = decide(member, match_id, "confirmed")

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "over_allocation")
        assert member.get(f"{URL}/{match_id}").json()["data"]["status"] == "suggested"

    @pytest.mark.parametrize(
        "body", [{}, {"status": "suggested"}, {"status": "withdrawn"}, {"status": 1}]
    )
    def test_knows_three_decisions(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        suggest: Suggest,
        body: dict[str, object],
    ) -> None:
        match_id = suggest(payment(), (invoice(), "100"))

        assert member.patch(f"{URL}/{match_id}", json=body).status_code == 400

    def test_is_not_for_viewers(
        self, viewer: TestClient, invoice: AddInvoice, payment: AddPayment, suggest: Suggest
    ) -> None:
        match_id = suggest(payment(), (invoice(), "100"))

        assert decide(viewer, match_id, "confirmed").status_code == 403


class TestDifferences:
    def test_are_booked_with_the_match_and_taken_back_with_it(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment, customer: Customer
    ) -> None:
        owed = invoice("100.00", number="INV-7")
        paid = payment("110.00")
        body = by_hand(paid, (owed, "97.50")) | {
            "adjustments": [{"invoice_id": str(owed.id), "kind": "bank_fee", "amount": "2.50"}],
            "credit": {"customer_id": str(customer.id), "amount": "12.50"},
        }

        answer = member.post(URL, json=body)

        assert answer.status_code == 201, answer.text
        match = answer.json()["data"]
        of_invoice = {"invoice_id": str(owed.id), "invoice_number": "INV-7", "customer_id": None}
        of_customer = {
            "invoice_id": None,
            "invoice_number": None,
            "customer_id": str(customer.id),
        }
        assert match["differences"] == [
            of_invoice
            | {
                "adjustment": "bank_fee",
                "credit_id": None,
                "credit_number": None,
                "credit": None,
                "amount": "2.50",
                "currency": "EUR",
            },
            of_customer
            | {
                "adjustment": None,
                "credit_id": None,
                "credit_number": None,
                "credit": "overpayment",
                "amount": "12.50",
                "currency": "EUR",
            },
        ]
        assert balance(member, owed) == "paid 0.00"
        balances = f"/api/v1/customers/{customer.id}/credit_balances"
        assert member.get(balances).json()["data"] == [{"currency": "EUR", "balance": "12.50"}]

        assert decide(member, match["id"], "reversed").status_code == 200

        assert balance(member, owed) == "open 100.00"
        assert member.get(balances).json()["data"] == []

        assert decide(member, match["id"], "confirmed").status_code == 200
        assert balance(member, owed) == "paid 0.00"

    def test_two_invoices_less_a_credit_note_are_one_match(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment, customer: Customer
    ) -> None:
        first, second = invoice("100.00", number="INV-7"), invoice("50.00", number="INV-8")
        note = {
            "customer_id": str(customer.id),
            "number": "CN-7",
            "currency": "EUR",
            "total": "30.00",
            "issue_date": "2026-02-01",
        }
        credit = member.post("/api/v1/credit_notes", json=note).json()["data"]["id"]
        body = by_hand(payment("120.00"), (first, "70.00"), (second, "50.00")) | {
            "credits_applied": [
                {"credit_id": credit, "invoice_id": str(first.id), "amount": "30.00"}
            ]
        }

        def left() -> tuple[str, str, str]:
            open_credit = member.get(f"/api/v1/credits/{credit}").json()["data"]["balance"]
            return balance(member, first), balance(member, second), open_credit

        match = member.post(URL, json=body).json()["data"]

        (difference,) = match["differences"]
        assert (difference["credit_id"], difference["credit_number"]) == (credit, "CN-7")
        assert (difference["invoice_number"], difference["amount"]) == ("INV-7", "30.00")
        assert left() == ("paid 0.00", "paid 0.00", "0.00")
        assert decide(member, match["id"], "reversed").status_code == 200
        assert left() == ("open 100.00", "open 50.00", "30.00")
        assert decide(member, match["id"], "confirmed").status_code == 200
        assert left() == ("paid 0.00", "paid 0.00", "0.00")

        assert decide(member, match["id"], "reversed").status_code == 200
        use = {"kind": "written_off", "amount": "5.00"}
        assert member.post(f"/api/v1/credits/{credit}/uses", json=use).status_code == 201
        refusal = decide(member, match["id"], "confirmed")
        error = refusal.json()["error"]
        assert (refusal.status_code, error["code"], error["message"]) == (
            422,
            "credit_exhausted",
            "Only 25.00 EUR are left of credit note CN-7: 30.00 EUR are needed.",
        )

    def test_money_in_advance_needs_no_invoice(
        self, member: TestClient, payment: AddPayment, customer: Customer
    ) -> None:
        body = by_hand(payment("50.00")) | {
            "credit": {"customer_id": str(customer.id), "amount": "50.00"}
        }

        match = member.post(URL, json=body).json()["data"]

        assert [each["credit"] for each in match["differences"]] == ["prepayment"]
        assert match["transaction"]["match_status"] == "matched"

    def test_an_invoice_in_another_currency_is_settled_with_what_is_said(
        self, member: TestClient, invoice: AddInvoice, payment: AddPayment
    ) -> None:
        owed = invoice("110.00", currency="USD")
        body = by_hand(payment("100.00"), (owed, "100.00"))
        refusal = member.post(URL, json=body).json()["error"]
        body["allocations"][0]["settled"] = "110.00"

        (line,) = member.post(URL, json=body).json()["data"]["lines"]

        assert refusal["code"] == "currency_mismatch"
        assert refusal["details"][0]["field"] == "allocations.0.settled"
        assert (line["amount"], line["settled"], line["currency"]) == ("100.00", "110.00", "USD")
        assert balance(member, owed) == "paid 0.00"

    def test_of_another_tenant_are_not_found(
        self,
        member: TestClient,
        invoice: AddInvoice,
        payment: AddPayment,
        sessions: sessionmaker[Session],
        other_tenant_id: UUID,
    ) -> None:
        with tenant_transaction(sessions, other_tenant_id) as session:
            theirs = add_invoice(session, other_tenant_id)
        paid = payment()
        adjustment = {"invoice_id": str(theirs.id), "kind": "rounding", "amount": "0.01"}
        credit = {"customer_id": str(theirs.customer_id), "amount": "1.00"}

        for extra, field in (
            ({"adjustments": [adjustment]}, "adjustments.0.invoice_id"),
            ({"credit": credit}, "credit.customer_id"),
        ):
            answer = member.post(URL, json=by_hand(paid, (invoice(), "1.00")) | extra)
            assert answer.status_code == 404
            assert answer.json()["error"]["details"][0]["field"] == field
