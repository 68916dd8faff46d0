"""What people do with transactions: divide, delete, restore."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import HandClock
from testing.api.transactions.conftest import AddTransaction
from testing.factories import NOW, add_invoice, paying

from payymo.domain.enums import JobKind
from payymo.domain.errors import RuleError
from payymo.postgres.auth.models import AuditEntry, Tenant
from payymo.postgres.common.models import Account, Transaction, TransactionSplit
from payymo.postgres.common.operations.deletions import hide_transaction, show_transaction
from payymo.postgres.common.operations.transactions import (
    TransactionFilter,
    summarise_transactions,
)
from payymo.postgres.jobs.models import Job
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    create_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.payments import list_unexplained_payments
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.reconcile import match_payments

URL = "/api/v1/transactions"


def split(client: TestClient, transaction: Transaction, *amounts: str, **fields: Any) -> Any:
    parts = [{"amount": amount, **fields} for amount in amounts]
    return client.put(f"{URL}/{transaction.id}/splits", json={"splits": parts})


def look(client: TestClient, transaction: Transaction) -> dict[str, Any]:
    row: dict[str, Any] = client.get(f"{URL}/{transaction.id}").json()["data"]
    return row


def listed(client: TestClient, **params: str) -> list[str]:
    answer = client.get(URL, params=params)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


@pytest.fixture
def spent(add: AddTransaction) -> Transaction:
    return add(amount="-10.00")


@pytest.fixture
def paid(add: AddTransaction, sessions: sessionmaker[Session], tenant_id: UUID) -> Transaction:
    """A payment of which 60.00 EUR pay an invoice."""
    payment = add(amount="100.00")
    with tenant_transaction(sessions, tenant_id) as session:
        invoice = add_invoice(session, tenant_id, total=Decimal(60))
        shares = paying((invoice.id, Decimal(60)))
        create_match(session, tenant_id, payment.id, shares, actor_id=None, now=NOW)
    return payment


def audited(sessions: sessionmaker[Session], tenant_id: UUID) -> list[tuple[str, Any, Any]]:
    with tenant_transaction(sessions, tenant_id) as session:
        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.entity == "transactions").order_by(AuditEntry.id)
        )
        return [(entry.action, entry.before, entry.after) for entry in entries]


class TestSplits:
    def test_are_shown_in_their_order_and_stand_in_for_those_before(
        self, member: TestClient, spent: Transaction
    ) -> None:
        split(member, spent, "-9.00", "-1.00", category="Old")

        answer = split(member, spent, "-7.5", "-4", "1.50", category="Office", note="Desk")

        assert answer.status_code == 200
        body = answer.json()
        assert [part["amount"] for part in body["data"]] == ["-7.50", "-4.00", "1.50"]
        assert {part["currency"] for part in body["data"]} == {"EUR"}
        assert {(part["category"], part["note"]) for part in body["data"]} == {("Office", "Desk")}
        assert body["meta"]["total"] == 3
        assert member.get(f"{URL}/{spent.id}/splits").json() == body
        row = look(member, spent)
        assert (row["splits_state"], row["splits_difference"]) == ("balanced", "0.00")
        assert row["needs_review"] is False

    def test_the_same_again_change_nothing(
        self,
        member: TestClient,
        spent: Transaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        first = split(member, spent, "-7.50", "-2.50")

        again = split(member, spent, "-7.50", "-2.50")

        assert again.json() == first.json()
        assert [action for action, _, _ in audited(sessions, tenant_id)] == ["split"]

    def test_are_taken_away_and_written_down(
        self,
        member: TestClient,
        spent: Transaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        split(member, spent, "-7.50", "-2.50")

        answers = [member.delete(f"{URL}/{spent.id}/splits") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [204, 204]
        assert member.get(f"{URL}/{spent.id}/splits").json()["data"] == []
        assert look(member, spent)["splits_state"] == "none"
        parts = [
            {"amount": "-7.50", "category_id": None, "note": None},
            {"amount": "-2.50", "category_id": None, "note": None},
        ]
        divided, whole = audited(sessions, tenant_id)
        assert divided == ("split", {"splits": []}, {"splits": parts})
        assert whole[0] == "unsplit"
        assert [Decimal(part["amount"]) for part in whole[1]["splits"]] == [
            Decimal("-7.5"),
            Decimal("-2.5"),
        ]

    def test_that_do_not_add_up_are_refused_and_the_old_ones_stay(
        self, member: TestClient, spent: Transaction
    ) -> None:
        before = split(member, spent, "-7.50", "-2.50").json()

        answer = split(member, spent, "-7.50", "-2.00")

        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "splits_unbalanced"
        assert answer.json()["error"]["details"][0]["field"] == "splits"
        assert member.get(f"{URL}/{spent.id}/splits").json() == before

    @pytest.mark.parametrize(
        ("parts", "field"),
        [
            ([{"amount": "-10.00"}], "splits"),
            ([{"amount": "-0.10"}] * 101, "splits"),
            ([{"amount": "-10.00"}, {"amount": "0"}], "splits.1.amount"),
            ([{"amount": "-9.995"}, {"amount": "-0.005"}], "splits.0.amount"),
            ([{"amount": "-5.00"}, {"amount": "five"}], "splits.1.amount"),
            ([{"amount": "-5.00"}, {"amount": "-5.00", "category": ""}], "splits.1.category"),
            ([{"amount": "-5.00", "currency": "USD"}, {"amount": "-5.00"}], "splits.0.currency"),
        ],
    )
    def test_faults_are_named_by_field(
        self, member: TestClient, spent: Transaction, parts: object, field: str
    ) -> None:
        answer = member.put(f"{URL}/{spent.id}/splits", json={"splits": parts})

        assert answer.status_code == 400, answer.text
        assert field in [fault["field"] for fault in answer.json()["error"]["details"]]

    def test_that_the_bank_restated_are_kept_and_shown_for_review(
        self,
        member: TestClient,
        spent: Transaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        parts = split(member, spent, "-7.50", "-2.50").json()
        with tenant_transaction(sessions, tenant_id) as session:
            session.execute(update(Transaction).values(amount=Decimal("-12.00")))

        row = look(member, spent)

        assert (row["splits_state"], row["splits_difference"]) == ("unbalanced", "-2.00")
        assert row["review_reasons"] == ["splits_unbalanced"]
        assert member.get(f"{URL}/{spent.id}/splits").json() == parts
        assert listed(member, needs_review="true") == [str(spent.id)]
        assert listed(member, needs_review="false") == []

    def test_a_viewer_may_look_and_no_more(self, viewer: TestClient, spent: Transaction) -> None:
        assert viewer.get(f"{URL}/{spent.id}/splits").status_code == 200
        assert split(viewer, spent, "-5.00", "-5.00").status_code == 403
        assert viewer.delete(f"{URL}/{spent.id}/splits").status_code == 403

    def test_of_another_tenants_transaction_are_not_there(
        self, stranger: TestClient, member: TestClient, spent: Transaction
    ) -> None:
        split(member, spent, "-7.50", "-2.50")
        unknown = Transaction(id=uuid4())

        for transaction in (spent, unknown):
            url = f"{URL}/{transaction.id}/splits"
            answers = [
                stranger.get(url),
                split(stranger, transaction, "-5.00", "-5.00"),
                stranger.delete(url),
            ]
            assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {
                (404, "resource_not_found")
            }

    def test_go_with_their_account(
        self,
        member: TestClient,
        spent: Transaction,
        account: Account,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        split(member, spent, "-7.50", "-2.50")

        with tenant_transaction(sessions, tenant_id) as session:
            session.delete(session.get_one(Account, (tenant_id, account.id)))
            session.flush()
            assert session.scalars(select(TransactionSplit)).all() == []


class TestDeletion:
    def test_says_who_and_when(
        self, client: TestClient, user_id: UUID, spent: Transaction, clock: HandClock
    ) -> None:
        clock.advance(minutes=5)

        answer = client.delete(f"{URL}/{spent.id}")

        assert answer.status_code == 204
        row = look(client, spent)
        assert (row["is_deleted"], row["deleted_at"]) == (True, "2026-03-02T09:05:00Z")
        assert row["deleted_by"] == str(user_id)

    def test_hides_it_from_lists_and_totals(
        self,
        client: TestClient,
        spent: Transaction,
        add: AddTransaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        other = add(amount="-3.00")

        client.delete(f"{URL}/{spent.id}")

        assert listed(client) == [str(other.id)]
        assert listed(client, is_deleted="true") == [str(spent.id)]
        assert listed(client, is_deleted="true", cursor="") == [str(spent.id)]
        assert client.get(URL).json()["meta"]["total"] == 1
        with tenant_transaction(sessions, tenant_id) as session:
            (total,) = summarise_transactions(session, tenant_id, TransactionFilter())
        assert (total.count, total.debit_total) == (1, Decimal("-3.00"))

    def test_again_changes_nothing(
        self, client: TestClient, member: TestClient, user_id: UUID, spent: Transaction
    ) -> None:
        client.delete(f"{URL}/{spent.id}")

        answer = member.delete(f"{URL}/{spent.id}")

        assert answer.status_code == 204
        assert look(client, spent)["deleted_by"] == str(user_id)

    def test_is_taken_back(
        self,
        client: TestClient,
        spent: Transaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        client.patch(f"{URL}/{spent.id}", json={"is_deleted": True})
        deleted = listed(client)

        rows = [
            client.patch(f"{URL}/{spent.id}", json={"is_deleted": False}).json()["data"]
            for _ in range(2)
        ]

        assert deleted == []
        assert [(row["is_deleted"], row["deleted_by"]) for row in rows] == [(False, None)] * 2
        assert listed(client) == [str(spent.id)]
        assert audited(sessions, tenant_id) == [
            ("deleted", {"is_deleted": False}, {"is_deleted": True}),
            ("restored", {"is_deleted": True}, {"is_deleted": False}),
        ]

    def test_of_a_payment_of_invoices_is_refused(
        self, client: TestClient, paid: Transaction
    ) -> None:
        answer = client.delete(f"{URL}/{paid.id}")

        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "transaction_is_allocated"
        assert look(client, paid)["is_deleted"] is False

    def test_a_viewer_may_not(self, viewer: TestClient, spent: Transaction) -> None:
        assert viewer.delete(f"{URL}/{spent.id}").status_code == 403

    def test_of_another_tenants_transaction_is_not_there(
        self, stranger: TestClient, client: TestClient, spent: Transaction
    ) -> None:
        for name in (spent.id, uuid4()):
            answers = [
                stranger.delete(f"{URL}/{name}"),
                stranger.patch(f"{URL}/{name}", json={"is_deleted": True}),
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
        assert look(client, spent)["is_deleted"] is False


class TestMatching:
    def test_a_deleted_payment_is_not_matched_and_a_restored_one_is(
        self,
        client: TestClient,
        add: AddTransaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            session.get_one(Tenant, tenant_id).auto_apply = False
            invoice = add_invoice(session, tenant_id)
        payment = add(amount="100.00", remittance=invoice.number)
        with tenant_transaction(sessions, tenant_id) as session:
            match_payments(session, tenant_id, now=NOW)
            (suggested,) = list_matches(session, tenant_id, where=MatchFilter()).rows

        client.delete(f"{URL}/{payment.id}")

        row = look(client, payment)
        assert row["match_status"] == "unmatched"
        assert client.get(f"/api/v1/matches/{suggested.id}").json()["data"]["status"] == "withdrawn"
        with tenant_transaction(sessions, tenant_id) as session:
            assert list_unexplained_payments(session, tenant_id) == []
            jobs = session.scalars(select(Job.kind)).all()
        assert jobs == [JobKind.MATCH]
        by_hand = client.post(
            "/api/v1/matches",
            json={
                "transaction_id": str(payment.id),
                "allocations": [{"invoice_id": str(invoice.id), "amount": "1.00"}],
            },
        )
        assert by_hand.status_code == 422
        assert by_hand.json()["error"]["code"] == "transaction_is_deleted"
        client.patch(f"{URL}/{payment.id}", json={"is_deleted": False})
        with tenant_transaction(sessions, tenant_id) as session:
            assert [each.id for each in list_unexplained_payments(session, tenant_id)] == [
                payment.id
            ]

    def test_a_suggestion_from_while_it_was_deleted_cannot_be_confirmed_and_goes(
        self,
        add: AddTransaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            session.get_one(Tenant, tenant_id).auto_apply = False
            invoice = add_invoice(session, tenant_id)
        payment = add(amount="100.00", remittance=invoice.number)
        with tenant_transaction(sessions, tenant_id) as session:
            match_payments(session, tenant_id, now=NOW)
            (match,) = list_matches(session, tenant_id, where=MatchFilter()).rows
            hide_transaction(session, tenant_id, payment.id, actor_id=None, now=NOW)

            with pytest.raises(RuleError) as refused:
                confirm_match(session, tenant_id, match.id, actor_id=None, now=NOW)
            match_payments(session, tenant_id, now=NOW)

            session.refresh(match)
            assert (refused.value.code, match.status) == ("transaction_is_deleted", "withdrawn")
            assert show_transaction(session, tenant_id, payment.id, actor_id=None)

    def test_a_payment_restated_below_what_it_pays_stays_matched_and_needs_review(
        self,
        client: TestClient,
        paid: Transaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        (before,) = client.get("/api/v1/matches").json()["data"]
        with tenant_transaction(sessions, tenant_id) as session:
            session.execute(update(Transaction).values(amount=Decimal("59.99")))

        row = look(client, paid)
        (match,) = client.get("/api/v1/matches").json()["data"]

        assert (before["needs_review"], match["needs_review"]) == (False, True)
        assert (match["status"], row["review_reasons"]) == ("confirmed", ["over_allocated"])
        assert listed(client, needs_review="true") == [str(paid.id)]
        with tenant_transaction(sessions, tenant_id) as session:
            reverse_match(session, tenant_id, UUID(match["id"]), actor_id=None, now=NOW)
        assert look(client, paid)["needs_review"] is False
