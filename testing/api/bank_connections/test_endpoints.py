"""Connecting a bank over HTTP, from the first consent to the last."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.api.bank_connections.conftest import BANK, ConsentingBank
from testing.api.conftest import HandClock
from testing.factories import add_account, add_connection

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, ConnectionStatus, ConsentStatus, RunStatus, SyncTrigger
from payymo.domain.errors import ProviderResponseError, ProviderUnavailableError
from payymo.domain.faults import judge
from payymo.postgres.common.models import Account, Connection
from payymo.postgres.common.operations.quotas import Target, record_made_call
from payymo.postgres.common.operations.sync_runs import (
    AccountResult,
    RunCounts,
    finish_sync_run,
    record_sync_run_account,
    start_sync_run,
)
from payymo.postgres.tenancy import tenant_transaction

PATH = "/api/v1/bank_connections"
CALLBACK = f"{PATH}/callback"
REVOKED = {"status": "revoked"}


def start(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"institution_id": BANK, **body})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


@pytest.fixture
def connection_id(client: TestClient, anonymous: TestClient, bank: ConsentingBank) -> str:
    """A connection that is active."""
    started = start(client)
    answer = anonymous.get(CALLBACK, params={"ref": bank.last_reference})
    assert answer.json()["data"]["status"] == "active"
    found: str = started["id"]
    return found


class TestCreate:
    def test_the_account_holder_is_sent_to_the_bank(
        self, client: TestClient, bank: ConsentingBank
    ) -> None:
        answer = client.post(PATH, json={"institution_id": BANK, "provider": "gocardless"})

        assert answer.status_code == 201
        data = answer.json()["data"]
        assert data["consent_url"] == f"https://bank.test/{BANK}"
        assert data["status"] == "pending"
        assert data["institution"]["name"] == "Sandbox Finance"
        assert data["error"] is None
        assert answer.headers["Location"] == f"{PATH}/{data['id']}"
        assert bank.return_urls == [f"http://testserver{CALLBACK}"]
        assert client.get(answer.headers["Location"]).status_code == 200

    def test_our_own_id_of_the_bank_will_do(self, client: TestClient) -> None:
        (bank,) = client.get("/api/v1/institutions?q=sandbox").json()["data"]

        assert start(client, institution_id=bank["id"])["institution"]["reference"] == BANK

    def test_an_unknown_bank_is_not_found(self, client: TestClient) -> None:
        answer = client.post(PATH, json={"institution_id": "NO_SUCH_BANK"})

        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "resource_not_found"

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"institution_id": None}, "institution_id"),
            ({"institution_id": "a b"}, "institution_id"),
            ({"return_url": "javascript:alert(1)"}, "return_url"),
            ({"return_url": "done"}, "return_url"),
            ({"provider": "other"}, "provider"),
            ({"bank": "x"}, "bank"),
        ],
    )
    def test_bad_input_is_refused(
        self, client: TestClient, change: dict[str, Any], field: str
    ) -> None:
        answer = client.post(PATH, json={"institution_id": BANK, **change})

        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]

    def test_what_is_no_id_of_a_bank_is_told_where_to_find_one(self, client: TestClient) -> None:
        answer = client.post(PATH, json={"institution_id": "Sandbox Finance"})

        (detail,) = answer.json()["error"]["details"]
        assert "find it with GET /api/v1/institutions" in detail["message"]

    def test_a_bank_that_is_down_leaves_nothing(
        self,
        client: TestClient,
        bank: ConsentingBank,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        client.get("/api/v1/institutions")
        bank.error = ProviderUnavailableError("The bank does not answer.")

        answer = client.post(
            PATH, json={"institution_id": BANK}, headers={"Idempotency-Key": "once"}
        )

        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "provider_unavailable"
        with tenant_transaction(sessions, tenant_id) as session:
            assert session.scalar(select(func.count()).select_from(Connection)) == 0

        bank.error = None
        again = client.post(
            PATH, json={"institution_id": BANK}, headers={"Idempotency-Key": "once"}
        )
        assert again.status_code == 201

    def test_a_repeated_request_starts_one(self, client: TestClient) -> None:
        headers = {"Idempotency-Key": "once"}
        first, second = (
            client.post(PATH, json={"institution_id": BANK}, headers=headers) for _ in range(2)
        )

        assert first.json() == second.json()
        assert client.get(PATH).json()["meta"]["total"] == 1

    def test_a_member_may_and_a_viewer_may_not(
        self, member: TestClient, viewer: TestClient
    ) -> None:
        start(member)

        assert viewer.post(PATH, json={"institution_id": BANK}).status_code == 403


class TestCallback:
    def test_a_given_consent_makes_it_active(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        started = start(client)

        answer = anonymous.get(CALLBACK, params={"ref": bank.last_reference, "other": "hint"})

        assert answer.status_code == 200
        data = answer.json()["data"]
        assert (data["id"], data["status"]) == (started["id"], "active")
        assert data["expires_at"] == "2026-05-31T09:00:00Z"
        accounts = client.get(f"{PATH}/{data['id']}/accounts").json()
        assert accounts["meta"]["total"] == 2
        (job,) = client.get("/api/v1/jobs?kind=sync").json()["data"]
        assert job["bank_connection_id"] == data["id"]

    def test_a_second_callback_changes_nothing(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        start(client)
        answers = [anonymous.get(CALLBACK, params={"ref": bank.last_reference}) for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert client.get("/api/v1/jobs").json()["meta"]["total"] == 1

    def test_the_browser_goes_where_it_was_wanted(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        start(client, return_url="https://shop.example/done?step=2")

        answer = anonymous.get(
            CALLBACK, params={"ref": bank.last_reference}, follow_redirects=False
        )

        assert answer.status_code == 303
        assert answer.headers["Location"] == "https://shop.example/done?step=2"

    def test_what_the_browser_says_is_no_fact(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        start(client)

        answer = anonymous.get(
            CALLBACK, params={"ref": bank.last_reference, "error": "denied", "details": "no"}
        )

        assert answer.json()["data"]["status"] == "active"

    def test_a_refused_consent_is_an_error_of_the_connection(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        start(client)
        bank.status = ConsentStatus.REJECTED

        data = anonymous.get(CALLBACK, params={"ref": bank.last_reference}).json()["data"]

        assert data["status"] == "error"
        assert data["error"]["code"] == "consent_rejected"

    def test_why_a_renewal_was_refused_is_shown_while_the_old_consent_stands(
        self,
        client: TestClient,
        anonymous: TestClient,
        bank: ConsentingBank,
        connection_id: str,
    ) -> None:
        client.post(f"{PATH}/{connection_id}/renewals")
        bank.status = ConsentStatus.REJECTED

        anonymous.get(CALLBACK, params={"ref": bank.last_reference})

        data = client.get(f"{PATH}/{connection_id}").json()["data"]
        assert (data["status"], data["error"]) == ("active", None)
        assert data["latest_consent"]["status"] == "rejected"
        assert data["latest_consent"]["error"]["code"] == "consent_rejected"
        told = client.get("/api/v1/events", params={"subject_id": connection_id}).json()["data"]
        assert [event["kind"] for event in told] == [
            "connection_renewal_failed",
            "connection_activated",
        ]
        assert told[0]["payload"]["reason"] == "consent_rejected"

    @pytest.mark.parametrize("ref", ["x", "", f"{'0' * 32}.unknown", "\0", "ü.é", "a" * 201])
    def test_an_unknown_reference_tells_nothing(self, anonymous: TestClient, ref: str) -> None:
        answer = anonymous.get(CALLBACK, params={"ref": ref})

        assert answer.status_code in {400, 404}
        assert answer.json()["error"]["code"] in {"validation_error", "resource_not_found"}
        if answer.status_code == 404:
            said = answer.json()["error"]["message"]
            assert said == "There is no such consent: connect the bank again."

    def test_without_a_reference_one_is_asked_for(self, anonymous: TestClient) -> None:
        answer = anonymous.get(CALLBACK)

        assert answer.json()["error"]["details"] == [
            {"field": "ref", "message": "This is required."}
        ]

    def test_a_provider_that_answers_nonsense_changes_nothing(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        started = start(client)
        bank.error = ProviderResponseError("The answer cannot be understood.")

        answer = anonymous.get(CALLBACK, params={"ref": bank.last_reference})

        assert answer.status_code == 502
        assert client.get(f"{PATH}/{started['id']}").json()["data"]["status"] == "pending"


class TestRead:
    def test_a_list_can_be_narrowed(self, client: TestClient, connection_id: str) -> None:
        pending = start(client)

        every = client.get(PATH).json()
        active = client.get(PATH, params={"status": "active"}).json()

        assert [row["id"] for row in every["data"]] == [pending["id"], connection_id]
        assert every["meta"] == {"total": 2, "page": 1, "per_page": 50, "total_pages": 1}
        assert [row["id"] for row in active["data"]] == [connection_id]
        assert client.get(PATH, params={"status": "asleep"}).status_code == 400

    def test_sync_runs_say_what_they_did(
        self,
        client: TestClient,
        connection_id: str,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
        clock: HandClock,
    ) -> None:
        account_id = client.get(f"{PATH}/{connection_id}/accounts").json()["data"][0]["id"]
        error = ProviderUnavailableError(
            "The bank is down.",
            http_status=503,
            provider_code="ServiceError",
            request_id="912d33138a2171ec-LHR",
        )
        fault = judge(error, now=clock.now)
        with tenant_transaction(sessions, tenant_id) as session:
            run = start_sync_run(
                session,
                tenant_id,
                UUID(connection_id),
                trigger=SyncTrigger.FIRST,
                job_id=None,
                now=clock.now,
            )
            result = AccountResult(
                UUID(account_id),
                RunStatus.FAILED,
                RunCounts(pulled=3, added=2, unchanged=1),
                fault=fault,
            )
            record_sync_run_account(session, tenant_id, run.id, result)
            finish_sync_run(
                session,
                tenant_id,
                run.id,
                status=RunStatus.PARTIAL,
                fault=fault,
                remark=None,
                now=clock.now + timedelta(seconds=5),
            )

        (shown,) = client.get(f"{PATH}/{connection_id}/sync_runs").json()["data"]

        assert shown["trigger"] == "first"
        assert shown["status"] == "partial"
        assert shown["error"] == {
            "kind": "bank",
            "code": "provider_unavailable",
            "message": "The bank is down. Payymo tries again by itself.",
            "provider_code": "ServiceError",
            "http_status": 503,
            "provider_request_id": "912d33138a2171ec-LHR",
        }
        assert shown["remark"] is None
        assert shown["finished_at"] == "2026-03-02T09:00:05Z"
        (account,) = shown["accounts"]
        assert account["error"] == shown["error"]
        assert (account["pulled_count"], account["added_count"]) == (3, 2)


class TestDoubles:
    def test_one_answer_is_for_all_of_them(
        self,
        client: TestClient,
        anonymous: TestClient,
        connection_id: str,
        bank: ConsentingBank,
    ) -> None:
        """The bank gives both logins accounts of the same ids and resource ids."""
        held = [row["id"] for row in client.get(f"{PATH}/{connection_id}/accounts").json()["data"]]
        again = start(client)["id"]
        anonymous.get(CALLBACK, params={"ref": bank.last_reference})

        assert client.get(f"{PATH}/{again}").json()["data"]["open_double_count"] == 2
        (one, other) = client.get(f"{PATH}/{again}/doubles").json()["data"]
        assert [one["holder_account_id"], other["holder_account_id"]] == held
        assert one["holder_bank_connection_id"] == connection_id
        refused = client.patch(
            f"/api/v1/accounts/{one['account_id']}", json={"is_sync_enabled": True}
        )
        assert refused.status_code == 422
        assert refused.json()["error"]["code"] == "account_already_connected"

        answer = client.post(f"{PATH}/{again}/doubles", json={"answer": "adopt"})

        assert answer.status_code == 200
        assert answer.json()["data"]["open_double_count"] == 0
        moved = client.get(f"{PATH}/{again}/accounts").json()["data"]
        assert [row["id"] for row in moved] == held
        nothing = client.post(f"{PATH}/{again}/doubles", json={"answer": "leave"})
        assert nothing.json()["error"]["code"] == "no_doubles"
        wrong = client.post(f"{PATH}/{again}/doubles", json={"answer": "both"})
        assert wrong.status_code == 400


class TestDiagnostics:
    def test_they_say_how_the_connection_stands(
        self, client: TestClient, connection_id: str, clock: HandClock
    ) -> None:
        data = client.get(f"{PATH}/{connection_id}/diagnostics").json()["data"]

        assert (data["connection_id"], data["institution"]) == (connection_id, BANK)
        assert (data["provider"], data["status"], data["fault"]) == ("gocardless", "active", None)
        assert data["made_at"] == clock.now.isoformat().replace("+00:00", "Z")
        assert [account["status"] for account in data["accounts"]] == ["active", "active"]
        assert data["accounts"][0]["quotas"]["transactions"]["left_for_people"] == 4
        assert [consent["status"] for consent in data["consents"]] == ["granted"]
        assert [job["kind"] for job in data["jobs"]] == ["sync"]
        assert data["runs"] == []


class TestSync:
    def test_a_sync_is_queued(self, client: TestClient, connection_id: str) -> None:
        answer = client.post(f"{PATH}/{connection_id}/syncs")

        assert answer.status_code == 202
        job = answer.json()["data"]
        assert (job["kind"], job["status"]) == ("sync", "queued")
        assert client.get(answer.headers["Location"]).json()["data"]["id"] == job["id"]

    def test_without_a_consent_there_is_nothing_to_sync(self, client: TestClient) -> None:
        answer = client.post(f"{PATH}/{start(client)['id']}/syncs")

        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "connection_not_active"

    def test_a_consent_that_has_ended_opens_nothing(
        self, client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, clock: HandClock
    ) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            ended = add_connection(session, tenant_id, expires_at=clock.now)

        assert client.post(f"{PATH}/{ended.id}/syncs").status_code == 422

    def test_when_no_account_has_calls_left_it_says_until_when(
        self, client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, clock: HandClock
    ) -> None:
        def exhaust(account_id: UUID, hours: int) -> None:
            resets_at = clock.now + timedelta(hours=hours)
            quota = Quota(AccessScope.TRANSACTIONS, 4, 0, resets_at)
            with tenant_transaction(sessions, tenant_id) as session:
                account = session.get_one(Account, (tenant_id, account_id))
                target = Target(account_id, account.provider_reference, quota.scope)
                record_made_call(session, tenant_id, target, quota, now=clock.now)

        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            first, second = (add_account(session, tenant_id, connection) for _ in range(2))
            add_account(session, tenant_id, connection, is_sync_enabled=False)
        exhaust(first.id, hours=3)
        in_part = client.post(f"{PATH}/{connection.id}/syncs")
        assert in_part.status_code == 202
        (waiting,) = in_part.json()["data"]["waiting"]
        assert waiting["account_id"] == str(first.id)
        assert datetime.fromisoformat(waiting["until"]) == clock.now + timedelta(hours=3, seconds=1)
        exhaust(second.id, hours=2)

        answer = client.post(f"{PATH}/{connection.id}/syncs")

        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "provider_quota_exhausted"
        assert answer.headers["Retry-After"] == "7201"
        until = clock.now + timedelta(hours=2, seconds=1)
        assert f"before {until:%Y-%m-%d %H:%M} UTC" in answer.json()["error"]["message"]
        details = {each["field"]: each["message"] for each in answer.json()["error"]["details"]}
        assert details.keys() == {f"accounts.{first.id}", f"accounts.{second.id}"}
        assert f"{until:%H:%M} UTC" in details[f"accounts.{second.id}"]


class TestRenew:
    def test_the_old_consent_stays_until_the_new_one_is_given(
        self, client: TestClient, anonymous: TestClient, connection_id: str, bank: ConsentingBank
    ) -> None:
        answer = client.post(
            f"{PATH}/{connection_id}/renewals", json={"return_url": "https://shop.example/"}
        )

        assert answer.status_code == 201
        assert answer.json()["data"]["consent_url"] == f"https://bank.test/{BANK}"
        assert answer.json()["data"]["status"] == "active"
        back = anonymous.get(CALLBACK, params={"ref": bank.last_reference}, follow_redirects=False)
        assert back.headers["Location"] == "https://shop.example/"
        assert bank.revoked == []  # the new one has to deliver first

    def test_a_body_is_not_needed(self, client: TestClient, connection_id: str) -> None:
        assert client.post(f"{PATH}/{connection_id}/renewals").status_code == 201


class TestDisconnect:
    def test_the_consent_ends_and_everything_stays(
        self, client: TestClient, connection_id: str, bank: ConsentingBank
    ) -> None:
        answers = [client.patch(f"{PATH}/{connection_id}", json=REVOKED) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        data = answers[0].json()["data"]
        assert (data["id"], data["status"]) == (connection_id, "revoked")
        assert data["error"]["code"] == "disconnected"
        assert "renew" in data["error"]["message"]
        assert answers[1].json()["data"] == data
        assert len(bank.revoked) == 1
        assert client.get(f"{PATH}/{connection_id}/accounts").json()["meta"]["total"] == 2
        (job,) = client.get("/api/v1/jobs").json()["data"]
        assert job["status"] == "cancelled"

    def test_it_is_not_synced_until_a_renewal_connects_it_again(
        self, client: TestClient, anonymous: TestClient, connection_id: str, bank: ConsentingBank
    ) -> None:
        accounts = client.get(f"{PATH}/{connection_id}/accounts").json()["data"]
        client.patch(f"{PATH}/{connection_id}", json=REVOKED)
        refused = client.post(f"{PATH}/{connection_id}/syncs")

        client.post(f"{PATH}/{connection_id}/renewals")
        anonymous.get(CALLBACK, params={"ref": bank.last_reference})

        assert refused.json()["error"]["code"] == "connection_not_active"
        assert client.get(f"{PATH}/{connection_id}").json()["data"]["status"] == "active"
        again = client.get(f"{PATH}/{connection_id}/accounts").json()["data"]
        assert [row["id"] for row in again] == [row["id"] for row in accounts]
        assert client.post(f"{PATH}/{connection_id}/syncs").status_code == 202

    def test_a_provider_that_is_down_keeps_it(
        self, client: TestClient, connection_id: str, bank: ConsentingBank
    ) -> None:
        bank.error = ProviderUnavailableError("The bank does not answer.")

        assert client.patch(f"{PATH}/{connection_id}", json=REVOKED).status_code == 503
        assert client.get(f"{PATH}/{connection_id}").json()["data"]["status"] == "active"

    @pytest.mark.parametrize("body", [{}, {"status": "active"}, {"status": None}, {"x": 1}, []])
    def test_nothing_else_can_be_said(
        self, client: TestClient, connection_id: str, body: object
    ) -> None:
        answer = client.patch(f"{PATH}/{connection_id}", json=body)

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "validation_error"


class TestName:
    def test_two_logins_at_one_bank_are_told_apart(
        self, client: TestClient, connection_id: str
    ) -> None:
        other = start(client, name="Joint login", account_selection="ask")

        answer = client.patch(f"{PATH}/{connection_id}", json={"name": "My login"})

        assert answer.json()["data"]["name"] == "My login"
        assert answer.json()["data"]["status"] == "active"
        rows = client.get(PATH).json()["data"]
        assert [(row["name"], row["account_selection"]) for row in rows] == [
            ("Joint login", "ask"),
            ("My login", "all"),
        ]
        assert rows[0]["id"] == other["id"]

    def test_a_name_is_no_empty_text(self, client: TestClient, connection_id: str) -> None:
        for name in ("", None, 1):
            assert client.patch(f"{PATH}/{connection_id}", json={"name": name}).status_code == 400

    def test_accounts_are_offered_before_they_are_read(
        self, client: TestClient, anonymous: TestClient, bank: ConsentingBank
    ) -> None:
        started = start(client, account_selection="ask")
        anonymous.get(CALLBACK, params={"ref": bank.last_reference})

        rows = client.get(f"{PATH}/{started['id']}/accounts").json()["data"]

        assert [row["is_offered"] for row in rows] == [True, True]
        chosen = client.patch(f"/api/v1/accounts/{rows[0]['id']}", json={"is_sync_enabled": True})
        assert chosen.json()["data"]["is_offered"] is False
        (job,) = client.get("/api/v1/jobs").json()["data"]
        assert (job["kind"], job["bank_connection_id"]) == ("sync", started["id"])


class TestDelete:
    def test_the_consent_ends_and_everything_goes(
        self, client: TestClient, connection_id: str, bank: ConsentingBank
    ) -> None:
        answer = client.delete(f"{PATH}/{connection_id}", params={"data": "purge"})

        assert (answer.status_code, answer.content) == (204, b"")
        assert len(bank.revoked) == 1
        assert client.get(f"{PATH}/{connection_id}").status_code == 404
        assert client.get("/api/v1/accounts").json()["meta"]["total"] == 0

    @pytest.mark.parametrize("params", [{}, {"data": "keep"}])
    def test_money_data_goes_only_where_that_is_said(
        self,
        client: TestClient,
        connection_id: str,
        bank: ConsentingBank,
        params: dict[str, str],
    ) -> None:
        answer = client.delete(f"{PATH}/{connection_id}", params=params)

        assert (answer.status_code, len(bank.revoked)) == (204, 1)
        assert client.get(f"{PATH}/{connection_id}").json()["data"]["status"] == "revoked"
        assert client.get("/api/v1/accounts").json()["meta"]["total"] == 2

    def test_a_provider_that_is_down_keeps_it(
        self, client: TestClient, connection_id: str, bank: ConsentingBank
    ) -> None:
        bank.error = ProviderUnavailableError("The bank does not answer.")

        for data in ("keep", "purge"):
            answer = client.delete(f"{PATH}/{connection_id}", params={"data": data})
            assert answer.status_code == 503
        assert client.delete(f"{PATH}/{connection_id}", params={"data": "x"}).status_code == 400
        assert client.get(f"{PATH}/{connection_id}").status_code == 200


def test_another_tenants_connection_does_not_exist(
    stranger: TestClient, connection_id: str, sessions: sessionmaker[Session], tenant_id: UUID
) -> None:
    one = f"{PATH}/{connection_id}"
    answers = [
        stranger.get(one),
        stranger.patch(one, json=REVOKED),
        stranger.patch(one, json={"name": "Theirs"}),
        stranger.delete(one),
        stranger.delete(one, params={"data": "purge"}),
        stranger.get(f"{one}/accounts"),
        stranger.get(f"{one}/sync_runs"),
        stranger.get(f"{one}/diagnostics"),
        stranger.get(f"{one}/doubles"),
        stranger.post(f"{one}/doubles", json={"answer": "adopt"}),
        stranger.get(f"{one}/transactions"),
        stranger.post(f"{one}/syncs"),
        stranger.post(f"{one}/renewals"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert {answer.json()["error"]["code"] for answer in answers} == {"resource_not_found"}
    assert stranger.get(PATH).json()["meta"]["total"] == 0
    with tenant_transaction(sessions, tenant_id) as session:
        assert session.scalars(select(Connection.status)).all() == [ConnectionStatus.ACTIVE]


def test_a_viewer_looks_and_does_not_touch(viewer: TestClient, connection_id: str) -> None:
    one = f"{PATH}/{connection_id}"

    parts = ("accounts", "sync_runs", "diagnostics", "doubles")
    seen = [viewer.get(path) for path in (PATH, one, *(f"{one}/{part}" for part in parts))]
    refused = [
        viewer.patch(one, json=REVOKED),
        viewer.delete(one),
        viewer.post(f"{one}/syncs"),
        viewer.post(f"{one}/doubles", json={"answer": "leave"}),
        viewer.post(f"{one}/renewals"),
    ]

    assert {answer.status_code for answer in seen} == {200}
    assert {answer.status_code for answer in refused} == {403}
