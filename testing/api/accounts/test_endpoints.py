"""Bank accounts and their balances."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import HandClock
from testing.factories import add_account, add_connection, add_consent

from payymo.domain.banking import BalanceRecord, Quota
from payymo.domain.enums import AccessScope, AccountStatus, BalanceType, Completeness, SyncTrigger
from payymo.domain.ledger.coverage import Claim, DayRange
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.balances import record_balances
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.common.operations.coverage import record_coverage
from payymo.postgres.common.operations.quotas import Target, record_made_call
from payymo.postgres.common.operations.sync_runs import record_own_run
from payymo.postgres.tenancy import tenant_transaction

PATH = "/api/v1/accounts"


def a_balance(amount: str, currency: str = "EUR") -> BalanceRecord:
    return BalanceRecord(
        balance_type=BalanceType.CLOSING_BOOKED,
        amount=Decimal(amount),
        currency=currency,
        credit_limit_included=None,
        reference_date=None,
        changed_at=None,
        payload={},
    )


@pytest.fixture
def account(sessions: sessionmaker[Session], tenant_id: UUID) -> Account:
    with tenant_transaction(sessions, tenant_id) as session:
        return add_account(
            session,
            tenant_id,
            name="Giro",
            iban="DE75512108001245126199",
            status=AccountStatus.ERROR,
            error_code="account_not_ready",
        )


def test_it_says_how_often_the_bank_may_be_asked_and_until_when_not(
    client: TestClient,
    sessions: sessionmaker[Session],
    account: Account,
    clock: HandClock,
) -> None:
    target = Target(account.id, account.provider_reference, AccessScope.TRANSACTIONS)
    resets_at = clock.now + timedelta(hours=6)
    quota = Quota(AccessScope.TRANSACTIONS, 4, 1, resets_at)
    with tenant_transaction(sessions, account.tenant_id) as session:
        record_made_call(session, account.tenant_id, target, quota, now=clock.now)

    read = client.get(f"{PATH}/{account.id}").json()["data"]["quotas"]
    listed = client.get(PATH).json()["data"][0]["quotas"]

    quotas = {each.pop("scope"): each for each in read}
    until = datetime.fromisoformat(quotas["transactions"].pop("resets_at"))
    assert until == resets_at + timedelta(seconds=1)
    assert quotas["transactions"] == {
        "limit": 4,
        "used": 3,
        "left_for_schedule": 0,
        "left_for_you": 1,
    }
    assert quotas["balances"] == {
        "limit": 4,
        "used": 0,
        "left_for_schedule": 3,
        "left_for_you": 4,
        "resets_at": None,
    }
    assert [each["scope"] for each in listed] == list(quotas)


def say_balances(
    sessions: sessionmaker[Session], account: Account, clock: HandClock, *amounts: str
) -> None:
    for amount in amounts:
        with tenant_transaction(sessions, account.tenant_id) as session:
            record_balances(
                session, account.tenant_id, account.id, [a_balance(amount)], now=clock.now
            )
        clock.advance(minutes=1)


class TestRead:
    def test_an_account_comes_with_what_the_bank_said_last(
        self,
        viewer: TestClient,
        sessions: sessionmaker[Session],
        account: Account,
        clock: HandClock,
    ) -> None:
        say_balances(sessions, account, clock, "10.00", "1234567.5")

        data = viewer.get(f"{PATH}/{account.id}").json()["data"]

        assert data["name"] == "Giro"
        assert data["bank_name"] == "Example Bank"
        assert data["error"] == {
            "kind": None,
            "code": "account_not_ready",
            "message": "account_not_ready",
            "provider_code": None,
            "http_status": None,
            "provider_request_id": None,
        }
        (balance,) = data["balances"]
        assert (balance["amount"], balance["currency"]) == ("1234567.50", "EUR")
        assert balance["balance_type"] == "closing_booked"
        assert balance["observed_at"] == "2026-03-02T09:01:00Z"
        assert viewer.get(PATH).json()["data"] == [data]

    def test_a_list_can_be_narrowed_to_a_connection(
        self, client: TestClient, sessions: sessionmaker[Session], account: Account, tenant_id: UUID
    ) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            other = add_connection(session, tenant_id)

        def total(connection_id: UUID) -> int:
            answer = client.get(PATH, params={"bank_connection_id": str(connection_id)})
            found: int = answer.json()["meta"]["total"]
            return found

        assert (total(account.connection_id), total(other.id)) == (1, 0)

    def test_balances_are_history(
        self,
        client: TestClient,
        sessions: sessionmaker[Session],
        account: Account,
        clock: HandClock,
    ) -> None:
        say_balances(sessions, account, clock, "10.00", "10.00", "-3")

        answer = client.get(f"{PATH}/{account.id}/balances").json()

        assert [row["amount"] for row in answer["data"]] == ["-3.00", "10.00"]
        assert answer["data"][1]["last_observed_at"] == "2026-03-02T09:01:00Z"
        assert answer["meta"]["total"] == 2


class TestUpdate:
    def test_only_what_is_named_changes(self, member: TestClient, account: Account) -> None:
        named = member.patch(f"{PATH}/{account.id}", json={"name": "  Business  "})
        switched = member.patch(f"{PATH}/{account.id}", json={"is_sync_enabled": False})
        untouched = member.patch(f"{PATH}/{account.id}", json={})

        assert named.json()["data"]["name"] == "Business"
        assert switched.json()["data"]["name"] == "Business"
        assert switched.json()["data"]["is_sync_enabled"] is False
        assert untouched.json()["data"]["name"] == "Business"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": None}, "name"),
            ({"name": " "}, "name"),
            ({"name": "a" * 201}, "name"),
            ({"name": "a\0"}, "name"),
            ({"is_sync_enabled": "perhaps"}, "is_sync_enabled"),
            ({"is_sync_enabled": None}, "is_sync_enabled"),
            ({"iban": "DE75512108001245126199"}, "iban"),
        ],
    )
    def test_bad_input_is_refused(
        self, client: TestClient, account: Account, body: dict[str, Any], field: str
    ) -> None:
        answer = client.patch(f"{PATH}/{account.id}", json=body)

        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]

    def test_a_viewer_may_not(self, viewer: TestClient, account: Account) -> None:
        assert viewer.patch(f"{PATH}/{account.id}", json={"name": "x"}).status_code == 403


class TestPredecessor:
    @pytest.fixture
    def offered(
        self, sessions: sessionmaker[Session], tenant_id: UUID, account: Account
    ) -> Account:
        with tenant_transaction(sessions, tenant_id) as session:
            connection = get_connection(session, tenant_id, account.connection_id)
            return add_account(
                session,
                tenant_id,
                connection,
                name="Unknown",
                is_offered=True,
                is_sync_enabled=False,
            )

    def test_an_offered_account_becomes_one_that_was_there(
        self, member: TestClient, account: Account, offered: Account
    ) -> None:
        answer = member.put(
            f"{PATH}/{offered.id}/predecessor", json={"account_id": str(account.id)}
        )

        data = answer.json()["data"]
        assert (data["id"], data["name"], data["status"]) == (str(account.id), "Giro", "active")
        assert member.get(f"{PATH}/{offered.id}").status_code == 404
        (job,) = member.get("/api/v1/jobs").json()["data"]
        assert job["bank_connection_id"] == str(account.connection_id)

    def test_what_cannot_be_is_refused(
        self, member: TestClient, account: Account, offered: Account
    ) -> None:
        answer = member.put(
            f"{PATH}/{account.id}/predecessor", json={"account_id": str(offered.id)}
        )

        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "account_not_offered"
        assert member.put(f"{PATH}/{offered.id}/predecessor", json={}).status_code == 400

    def test_neither_a_viewer_nor_a_stranger_may(
        self, viewer: TestClient, stranger: TestClient, account: Account, offered: Account
    ) -> None:
        address = f"{PATH}/{offered.id}/predecessor"
        body = {"account_id": str(account.id)}

        assert viewer.put(address, json=body).status_code == 403
        assert stranger.put(address, json=body).status_code == 404


def test_another_tenants_account_does_not_exist(stranger: TestClient, account: Account) -> None:
    one = f"{PATH}/{account.id}"
    answers = [
        stranger.get(one),
        stranger.patch(one, json={"name": "mine"}),
        stranger.get(f"{one}/balances"),
        stranger.get(f"{one}/coverage"),
        stranger.get(f"{one}/proof"),
        stranger.get(f"{one}/transactions"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert stranger.get(PATH).json()["meta"]["total"] == 0


class TestCoverage:
    def test_known_days_holes_and_the_next_question_are_told(
        self, viewer: TestClient, account: Account, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            run = record_own_run(
                session,
                tenant_id,
                account.connection_id,
                trigger=SyncTrigger.FIRST,
                now=datetime(2026, 2, 1, tzinfo=UTC),
            )
            for first, last in (("2026-01-01", "2026-01-31"), ("2026-02-10", "2026-03-01")):
                record_coverage(
                    session,
                    tenant_id,
                    account.id,
                    Claim(
                        DayRange(date.fromisoformat(first), date.fromisoformat(last)),
                        Completeness.COMPLETE,
                        is_firm=True,
                    ),
                    consent_id=account.consent_id,
                    sync_run_id=run.id,
                    asked_from=date.fromisoformat(first),
                    now=datetime.fromisoformat(f"{last}T09:00:00Z"),
                )

        shown = viewer.get(f"{PATH}/{account.id}/coverage").json()["data"]

        assert shown["known"] == [
            {"first_day": "2026-01-01", "last_day": "2026-01-31"},
            {"first_day": "2026-02-10", "last_day": "2026-03-01"},
        ]
        assert [(hole["first_day"], hole["last_day"]) for hole in shown["holes"]] == [
            ("2026-02-01", "2026-02-09"),
            ("2026-03-02", "2026-03-02"),
        ]
        assert {hole["is_reachable"] for hole in shown["holes"]} == {True}
        assert shown["not_given"] == []
        assert shown["next_from"] == "2025-12-02"
        assert [span["last_day"] for span in shown["spans"]] == ["2026-03-01", "2026-01-31"]

    def test_an_account_that_was_never_synced_is_asked_for_all(
        self, viewer: TestClient, account: Account
    ) -> None:
        shown = viewer.get(f"{PATH}/{account.id}/coverage").json()["data"]

        assert (shown["known"], shown["holes"], shown["next_from"]) == ([], [], None)

    def test_days_that_the_bank_does_not_give_are_no_hole(
        self, viewer: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            consent = add_consent(
                session,
                tenant_id,
                connection,
                granted_at=datetime(2026, 2, 20, tzinfo=UTC),
                history_days=90,
            )
            account = add_account(session, tenant_id, connection, consent_id=consent.id)
            run = record_own_run(
                session,
                tenant_id,
                connection.id,
                trigger=SyncTrigger.FIRST,
                now=datetime(2026, 2, 20, tzinfo=UTC),
            )
            for day in (20, 27):
                record_coverage(
                    session,
                    tenant_id,
                    account.id,
                    Claim(
                        DayRange(date(2026, 1, 10), date(2026, 2, day)),
                        Completeness.CUT,
                        is_firm=True,
                    ),
                    consent_id=consent.id,
                    sync_run_id=run.id,
                    asked_from=None,
                    now=datetime(2026, 2, day, 9, tzinfo=UTC),
                )

        shown = viewer.get(f"{PATH}/{account.id}/coverage").json()["data"]

        assert shown["known"] == [{"first_day": "2026-01-10", "last_day": "2026-02-27"}]
        assert shown["not_given"] == [{"first_day": "2025-11-22", "last_day": "2026-01-09"}]
        assert [hole["first_day"] for hole in shown["holes"]] == ["2026-02-28"]
