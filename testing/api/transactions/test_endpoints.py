from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.api.transactions.conftest import AddTransaction
from testing.factories import (
    add_account,
)

from payymo.domain.enums import (
    AccessScope,
    IdentityTier,
    RunStatus,
    SyncTrigger,
    TransactionMatchStatus,
    TransactionStatus,
)
from payymo.postgres.common.models import Account, SyncRun, Transaction
from payymo.postgres.gocardless.models import GcFetch, GcTransaction
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/transactions"

#: What the contract promises of every transaction, and what Payymo adds.
FIELDS = set(
    """
    id transaction_id bank_id bank_name account_id account_name amount currency direction
    description reference counterparty_name counterparty_iban transaction_date booking_date
    value_date status category category_id category_source category_rule_id
    note match_status created_at updated_at
    bank_connection_id payee remittance structured_reference end_to_end_id needs_review
    review_reasons splits_state splits_difference is_deleted deleted_at deleted_by
    bank_transaction_code allocated superseded_by missing_since internal_id
    """.split()
)


@pytest.fixture
def other_account(sessions: sessionmaker[Session], tenant_id: UUID) -> Account:
    with tenant_transaction(sessions, tenant_id) as session:
        return add_account(session, tenant_id, name="Savings")


def ids(client: TestClient, url: str = URL, **params: object) -> list[str]:
    """Return the ids of a list, in its order."""
    answer = client.get(url, params={key: str(value) for key, value in params.items()})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


def ids_of(*rows: Transaction) -> list[str]:
    return [str(row.id) for row in rows]


def complaints(client: TestClient, **params: str) -> Sequence[tuple[str, str]]:
    """Return the fields and sentences of a query that is refused."""
    answer = client.get(URL, params=params)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "validation_error"
    return [(fault["field"], fault["message"]) for fault in answer.json()["error"]["details"]]


class TestARow:
    def test_has_every_field_of_the_contract(self, client: TestClient, add: AddTransaction) -> None:
        row = client.get(f"{URL}/{add().id}").json()["data"]

        assert set(row) == FIELDS

    def test_says_that_the_bank_took_it_back(self, client: TestClient, add: AddTransaction) -> None:
        transaction = add(missing_since=datetime(2026, 2, 3, 1, 0, tzinfo=UTC))

        row = client.get(f"{URL}/{transaction.id}").json()["data"]

        assert row["missing_since"] == "2026-02-03T01:00:00Z"

    def test_says_what_the_bank_said(
        self, client: TestClient, add: AddTransaction, account: Account
    ) -> None:
        transaction = add(
            amount="-1234.5",
            provider_transaction_id="B-1",
            internal_id="P-1",
            booking_date=date(2026, 2, 2),
            value_date=date(2026, 2, 3),
            counterparty_name="ACME GMBH",
            counterparty_iban="DE89370400440532013000",
            payee="ACME GmbH",
            description="Hosting",
            remittance="SVWZ+Hosting",
            structured_reference="RF18539007547034",
            end_to_end_id="E2E-1",
            bank_transaction_code="PMNT-ICDT-ESCT",
        )

        row = client.get(f"{URL}/{transaction.id}").json()["data"]

        assert row | {"created_at": 0, "updated_at": 0} == {
            "id": str(transaction.id),
            "transaction_id": "B-1",
            "internal_id": "P-1",
            "bank_id": str(account.connection.institution_id),
            "bank_name": "Example Bank",
            "bank_connection_id": str(account.connection_id),
            "account_id": str(account.id),
            "account_name": "Main account",
            "amount": "-1234.50",
            "currency": "EUR",
            "direction": "debit",
            "description": "Hosting",
            "reference": "RF18539007547034",
            "counterparty_name": "ACME GMBH",
            "counterparty_iban": "DE89370400440532013000",
            "payee": "ACME GmbH",
            "remittance": "SVWZ+Hosting",
            "structured_reference": "RF18539007547034",
            "end_to_end_id": "E2E-1",
            "bank_transaction_code": "PMNT-ICDT-ESCT",
            "transaction_date": "2026-02-02",
            "booking_date": "2026-02-02",
            "value_date": "2026-02-03",
            "status": "booked",
            "superseded_by": None,
            "missing_since": None,
            "category": None,
            "category_id": None,
            "category_source": "none",
            "category_rule_id": None,
            "note": None,
            "match_status": "unmatched",
            "allocated": "0.00",
            "splits_state": "none",
            "splits_difference": None,
            "needs_review": False,
            "review_reasons": [],
            "is_deleted": False,
            "deleted_at": None,
            "deleted_by": None,
            "created_at": 0,
            "updated_at": 0,
        }
        assert row["created_at"].endswith("Z")
        assert row["updated_at"].endswith("Z")

    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [("1500", "JPY", "1500"), ("0.125", "KWD", "0.125"), ("0.0051", "EUR", "0.0051")],
    )
    def test_writes_amounts_with_the_currencys_decimals(
        self, client: TestClient, add: AddTransaction, amount: str, currency: str, written: str
    ) -> None:
        row = client.get(f"{URL}/{add(amount=amount, currency=currency).id}").json()["data"]

        assert row["amount"] == written

    def test_takes_the_end_to_end_id_for_a_reference_where_no_better_is_given(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        row = client.get(f"{URL}/{add(end_to_end_id='E2E-1').id}").json()["data"]

        assert (row["reference"], row["direction"]) == ("E2E-1", "credit")

    def test_is_the_same_alone_and_in_a_list(self, client: TestClient, add: AddTransaction) -> None:
        alone = client.get(f"{URL}/{add().id}").json()["data"]

        assert client.get(URL).json()["data"] == [alone]


class TestFilters:
    def test_without_one_pending_and_booked_rows_are_listed_newest_first(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        old = add(transaction_date=date(2026, 1, 1))
        new = add(transaction_date=date(2026, 1, 2), status=TransactionStatus.PENDING)
        add(status=TransactionStatus.SUPERSEDED)
        add(status=TransactionStatus.REMOVED)

        assert ids(client) == ids_of(new, old)

    def test_rows_that_were_closed_are_listed_when_asked_for(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        add()
        closed = add(status=TransactionStatus.SUPERSEDED)

        assert ids(client, status="superseded") == ids_of(closed)

    @pytest.mark.parametrize("name", ["institution_id", "bank_id"])
    def test_by_bank_under_either_name(
        self,
        client: TestClient,
        add: AddTransaction,
        account: Account,
        other_account: Account,
        name: str,
    ) -> None:
        mine = add(account)
        add(other_account)

        assert ids(client, URL, **{name: account.connection.institution_id}) == ids_of(mine)

    def test_by_account_and_by_connection(
        self, client: TestClient, add: AddTransaction, account: Account, other_account: Account
    ) -> None:
        mine = add(account)
        add(other_account)

        assert ids(client, account_id=account.id) == ids_of(mine)
        assert ids(client, bank_connection_id=account.connection_id) == ids_of(mine)
        assert ids(client, bank_connection_id=uuid4()) == []

    def test_by_days_both_included(self, client: TestClient, add: AddTransaction) -> None:
        rows = [add(transaction_date=date(2026, 1, day)) for day in (1, 2, 3, 4)]

        found = ids(client, start_date="2026-01-02", end_date="2026-01-03", sort="transaction_date")

        assert found == ids_of(*rows[1:3])

    def test_by_signed_amounts_both_included(self, client: TestClient, add: AddTransaction) -> None:
        rows = [add(amount=amount) for amount in ("-10.01", "-10", "0.5", "20", "20.01")]

        found = ids(client, min_amount="-10.00", max_amount="20", sort="amount")

        assert found == ids_of(*rows[1:4])

    def test_by_currency_direction_and_match_status(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        add(amount="5", currency="USD")
        add(amount="-5")
        add(amount="5")
        wanted = add(amount="5", match_status=TransactionMatchStatus.SUGGESTED)

        found = ids(client, currency="eur", direction="credit", match_status="suggested")

        assert found == ids_of(wanted)
        assert len(ids(client, direction="debit")) == 1

    def test_by_text_whatever_its_case_and_signs(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        wanted = add(remittance="Invoice 100%_A")
        add(remittance="Invoice 1000 BA")

        assert ids(client, q="100%_a") == ids_of(wanted)

    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            ("transaction_date", [0, 1, 2]),
            ("-transaction_date", [2, 1, 0]),
            ("amount", [1, 2, 0]),
            ("-amount", [0, 2, 1]),
        ],
    )
    def test_sort_both_ways_by_day_and_amount(
        self, client: TestClient, add: AddTransaction, sort: str, order: list[int]
    ) -> None:
        rows = [
            add(transaction_date=date(2026, 1, day), amount=amount)
            for day, amount in ((1, "30"), (2, "-10"), (3, "20"))
        ]

        assert ids(client, sort=sort) == ids_of(*(rows[index] for index in order))


class TestBadQueries:
    @pytest.mark.parametrize(
        ("params", "field", "words"),
        [
            ({"start_date": "2026-02-30"}, "start_date", "no such day"),
            ({"end_date": "01.02.2026"}, "end_date", "YYYY-MM-DD"),
            ({"start_date": "1767225600"}, "start_date", "YYYY-MM-DD"),
            ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, "end_date", "before"),
            ({"min_amount": "12,50"}, "min_amount", "plain decimal"),
            ({"min_amount": "NaN"}, "min_amount", "plain decimal"),
            ({"min_amount": "2", "max_amount": "1"}, "max_amount", "less than"),
            ({"currency": "XXQ"}, "currency", "ISO 4217"),
            ({"direction": "up"}, "direction", "credit"),
            ({"status": "lost"}, "status", "booked"),
            ({"match_status": "x"}, "match_status", "unmatched"),
            ({"sort": "name"}, "sort", "-transaction_date"),
            ({"account_id": "1"}, "account_id", "UUID"),
            ({"q": "   "}, "q", "at least 1"),
            ({"page": "0"}, "page", "at least 1"),
            ({"per_page": "201"}, "per_page", "at most 200"),
            ({"per_page": "ten"}, "per_page", "whole number"),
            ({"from": "2026-01-01"}, "from", "no such query parameter"),
            ({"cursor": "abc"}, "cursor", "next_cursor"),
            ({"cursor": "é"}, "cursor", "next_cursor"),
            ({"cursor": "", "page": "2"}, "cursor", "not both"),
        ],
    )
    def test_are_refused_with_the_field_and_a_sentence(
        self, client: TestClient, params: dict[str, str], field: str, words: str
    ) -> None:
        [(where, sentence)] = complaints(client, **params)

        assert where == field
        assert words in sentence
        assert sentence.endswith(".")

    def test_two_different_banks_are_a_contradiction(self, client: TestClient) -> None:
        bank = uuid4()

        assert ids(client, bank_id=bank, institution_id=bank) == []
        [(field, _)] = complaints(client, bank_id=str(bank), institution_id=str(uuid4()))
        assert field == "bank_id"

    def test_a_cursor_of_another_order_is_refused(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        add()
        add()
        answer = client.get(URL, params={"per_page": 1, "sort": "amount"}).json()

        [(field, sentence)] = complaints(client, cursor=answer["meta"]["next_cursor"])

        assert field == "cursor"
        assert "sort" in sentence


class TestPages:
    def test_follow_one_another_to_the_end(self, client: TestClient, add: AddTransaction) -> None:
        rows = [add(transaction_date=date(2026, 1, day)) for day in range(1, 6)]

        second = client.get(URL, params={"page": 2, "per_page": 2}).json()

        assert [row["id"] for row in second["data"]] == ids_of(rows[2], rows[1])
        assert second["meta"] | {"next_cursor": ""} == {
            "total": 5,
            "page": 2,
            "per_page": 2,
            "total_pages": 3,
            "next_cursor": "",
        }
        last = client.get(URL, params={"page": 3, "per_page": 2}).json()
        assert [row["id"] for row in last["data"]] == ids_of(rows[0])
        assert last["meta"]["next_cursor"] is None

    def test_beyond_the_end_are_empty(self, client: TestClient, add: AddTransaction) -> None:
        add()

        answer = client.get(URL, params={"page": 9}).json()

        assert answer["data"] == []
        assert (answer["meta"]["total"], answer["meta"]["next_cursor"]) == (1, None)


class TestCursors:
    @pytest.mark.parametrize("sort", ["transaction_date", "-transaction_date", "amount", "-amount"])
    @pytest.mark.parametrize("per_page", [1, 2, 3, 7, 8, 50])
    def test_bring_every_row_once_in_order(
        self, client: TestClient, add: AddTransaction, sort: str, per_page: int
    ) -> None:
        # Equal days and amounts: only the id tells the rows apart.
        for index in range(7):
            add(transaction_date=date(2026, 1, 1 + index // 3), amount=str(1 + index % 2))
        whole = ids(client, sort=sort)

        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = client.get(
                URL, params={"sort": sort, "per_page": per_page, "cursor": cursor}
            ).json()
            assert set(answer["meta"]) == {"per_page", "next_cursor"}
            seen += [row["id"] for row in answer["data"]]
            cursor = answer["meta"]["next_cursor"]

        assert len(whole) == 7
        assert seen == whole

    def test_go_on_from_a_page_and_miss_nothing_when_rows_arrive(
        self, client: TestClient, add: AddTransaction
    ) -> None:
        rows = [add(transaction_date=date(2026, 1, day)) for day in (3, 2, 1)]
        first = client.get(URL, params={"per_page": 1}).json()
        add(transaction_date=date(2026, 1, 9))

        rest = ids(client, cursor=first["meta"]["next_cursor"])

        assert rest == ids_of(*rows[1:])

    def test_keep_to_the_filter(self, client: TestClient, add: AddTransaction) -> None:
        wanted = [add(amount="5", transaction_date=date(2026, 1, day)) for day in (3, 2)]
        add(amount="-5", transaction_date=date(2026, 1, 1))
        first = client.get(URL, params={"per_page": 1, "direction": "credit"}).json()

        rest = ids(client, cursor=first["meta"]["next_cursor"], direction="credit")

        assert rest == ids_of(wanted[1])

    def test_of_no_rows_end_at_once(self, client: TestClient) -> None:
        answer = client.get(URL, params={"cursor": ""}).json()

        assert answer == {"data": [], "meta": {"per_page": 50, "next_cursor": None}}


class TestNestedLists:
    def test_hold_what_belongs_to_the_account_or_the_connection(
        self, client: TestClient, add: AddTransaction, account: Account, other_account: Account
    ) -> None:
        mine = add(account)
        add(other_account)

        of_account = f"/api/v1/accounts/{account.id}/transactions"
        of_connection = f"/api/v1/bank_connections/{account.connection_id}/transactions"

        assert ids(client, of_account) == ids_of(mine)
        assert ids(client, of_connection) == ids_of(mine)
        assert ids(client, of_account, min_amount=1000) == []
        assert ids(client, of_connection, account_id=other_account.id) == []

    def test_of_a_foreign_parent_do_not_exist(self, stranger: TestClient, account: Account) -> None:
        for url in (
            f"/api/v1/accounts/{account.id}/transactions",
            f"/api/v1/bank_connections/{account.connection_id}/transactions",
        ):
            answer = stranger.get(url)
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "resource_not_found"

    def test_do_not_know_the_filter_that_they_are(
        self, client: TestClient, account: Account
    ) -> None:
        answer = client.get(
            f"/api/v1/accounts/{account.id}/transactions", params={"account_id": str(account.id)}
        )

        assert answer.status_code == 400


class TestTenants:
    def test_another_tenants_transactions_do_not_exist(
        self, stranger: TestClient, add: AddTransaction, account: Account
    ) -> None:
        transaction = add()

        assert ids(stranger) == []
        assert ids(stranger, account_id=account.id) == []
        for answer in (
            stranger.get(f"{URL}/{transaction.id}"),
            stranger.get(f"{URL}/{transaction.id}/raw"),
            stranger.patch(f"{URL}/{transaction.id}", json={"note": "mine now"}),
        ):
            assert answer.status_code == 404

    def test_nobody_reads_without_signing_in(self, anonymous: TestClient) -> None:
        assert anonymous.get(URL).status_code == 401


class TestAnnotating:
    def test_changes_what_is_sent_and_keeps_the_rest(
        self, member: TestClient, add: AddTransaction
    ) -> None:
        url = f"{URL}/{add(note='Old').id}"
        member.patch(url, json={"category": "Hosting"})

        answer = member.patch(url, json={"note": "New"})

        assert answer.status_code == 200
        row = answer.json()["data"]
        assert (row["category"], row["note"]) == ("Hosting", "New")
        assert member.get(url).json()["data"] == row

    def test_null_clears(self, member: TestClient, add: AddTransaction) -> None:
        url = f"{URL}/{add(note='Old').id}"
        member.patch(url, json={"category": "Hosting"})

        row = member.patch(url, json={"category": None}).json()["data"]

        assert (row["category"], row["note"]) == (None, "Old")

    def test_a_viewer_may_not(self, viewer: TestClient, add: AddTransaction) -> None:
        answer = viewer.patch(f"{URL}/{add().id}", json={"note": "x"})

        assert answer.status_code == 403

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"amount": "1.00"}, "amount"),
            ({"category": ""}, "category"),
            ({"category": "x" * 201}, "category"),
            ({"note": 5}, "note"),
            ({"note": "a\0b"}, "note"),
            ([], "body"),
        ],
    )
    def test_nothing_else_is_accepted(
        self, member: TestClient, add: AddTransaction, body: object, field: str
    ) -> None:
        answer = member.patch(f"{URL}/{add().id}", json=body)

        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json()["error"]["details"]] == [field]


class TestProvenance:
    @pytest.fixture
    def transaction(
        self,
        add: AddTransaction,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
        account: Account,
    ) -> Transaction:
        """A pending row that booked later."""
        transaction = add()
        first = datetime(2026, 2, 1, 1, 0, tzinfo=UTC)
        tiers = (IdentityTier.NEW, IdentityTier.PENDING_BOOKED)
        with tenant_transaction(sessions, tenant_id) as session:
            run = SyncRun(
                tenant_id=tenant_id,
                connection_id=account.connection_id,
                trigger=SyncTrigger.FIRST,
                status=RunStatus.SUCCEEDED,
                started_at=first,
            )
            session.add(run)
            session.flush()
            for day, tier in enumerate(tiers):
                fetch = GcFetch(
                    tenant_id=tenant_id,
                    account_id=account.id,
                    sync_run_id=run.id,
                    scope=AccessScope.TRANSACTIONS,
                    fetched_at=first + timedelta(days=day),
                    row_count=1,
                )
                session.add(fetch)
                session.flush()
                version = GcTransaction(
                    tenant_id=tenant_id,
                    account_id=account.id,
                    fetch_id=fetch.id,
                    transaction_id=transaction.id,
                    is_booked=bool(day),
                    content_hash=bytes([day]) * 32,
                    occurrence=1,
                    position=day + 1,
                    identity_version=1,
                    identity_tier=tier,
                    payload={"transactionAmount": {"amount": "100.00", "currency": "EUR"}},
                )
                session.add(version)
        return transaction

    def test_shows_every_payload_with_when_and_why_oldest_first(
        self, viewer: TestClient, transaction: Transaction
    ) -> None:
        answer = viewer.get(f"{URL}/{transaction.id}/raw").json()

        payload = {"transactionAmount": {"amount": "100.00", "currency": "EUR"}}
        assert answer["data"] == [
            {
                "payload": payload,
                "is_booked": False,
                "fetched_at": "2026-02-01T01:00:00Z",
                "identity_tier": "new",
                "identity_version": 1,
                "content_hash": "00" * 32,
            },
            {
                "payload": payload,
                "is_booked": True,
                "fetched_at": "2026-02-02T01:00:00Z",
                "identity_tier": "pending_booked",
                "identity_version": 1,
                "content_hash": "01" * 32,
            },
        ]
        assert answer["meta"]["total"] == 2

    def test_is_paged(self, client: TestClient, transaction: Transaction) -> None:
        answer = client.get(f"{URL}/{transaction.id}/raw", params={"page": 2, "per_page": 1}).json()

        assert [version["identity_tier"] for version in answer["data"]] == ["pending_booked"]
        assert answer["meta"] == {"total": 2, "page": 2, "per_page": 1, "total_pages": 2}
