"""Rules over HTTP: written, ordered, and tried before they are applied."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_category, add_transaction

from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/category_rules"
ORDER = "/api/v1/category_rule_order"
TESTS = "/api/v1/category_rule_tests"


@pytest.fixture
def category_id(sessions: sessionmaker[Session], tenant_id: UUID) -> str:
    with tenant_transaction(sessions, tenant_id) as session:
        return str(add_category(session, tenant_id).id)


def create(client: TestClient, category_id: str, name: str = "Hosting", **more: Any) -> Any:
    body = {"name": name, "category_id": category_id, "payees": [name]} | more
    answer = client.post(URL, json=body)
    assert answer.status_code == 201, answer.text
    data = answer.json()["data"]
    assert answer.headers["Location"] == f"{URL}/{data['id']}"
    return data


def names(client: TestClient) -> list[str]:
    return [rule["name"] for rule in client.get(URL).json()["data"]]


class TestRules:
    def test_what_is_written_is_what_is_read(self, member: TestClient, category_id: str) -> None:
        conditions: dict[str, Any] = {
            "payees": ["Hetzner"],
            "texts": ["server", "domain"],
            "merchant_category_codes": ["7372", "5815-5818"],
            "bank_transaction_codes": ["PMNT-CCRD"],
            "direction": "debit",
            "currency": "EUR",
            "min_amount": "1.00",
            "max_amount": "100.00",
            "account_id": None,
        }

        made = create(member, category_id, **conditions)

        assert made | conditions == made
        assert (made["position"], made["is_enabled"]) == (1, True)
        assert member.get(f"{URL}/{made['id']}").json()["data"] == made

    def test_what_is_left_out_stays_and_null_takes_away(
        self, member: TestClient, category_id: str
    ) -> None:
        made = create(member, category_id, direction="debit")
        url = f"{URL}/{made['id']}"

        changed = member.patch(url, json={"texts": ["x"], "direction": None}).json()["data"]

        assert (changed["payees"], changed["texts"]) == (["Hosting"], ["x"])
        assert changed["direction"] is None
        assert member.patch(url, json={"payees": [], "texts": []}).status_code == 400
        off = member.patch(url, json={"is_enabled": False, "name": "Off"}).json()["data"]
        assert (off["is_enabled"], off["name"], off["texts"]) == (False, "Off", ["x"])

    def test_they_stand_in_an_order(self, member: TestClient, category_id: str) -> None:
        a, b = create(member, category_id, "a"), create(member, category_id, "b")
        create(member, category_id, "c", position=1)
        assert names(member) == ["c", "a", "b"]

        ids = [rule["id"] for rule in member.get(URL).json()["data"]]
        ordered = member.put(ORDER, json={"rule_ids": ids[::-1]})
        assert [rule["name"] for rule in ordered.json()["data"]] == ["b", "a", "c"]
        member.patch(f"{URL}/{a['id']}", json={"position": 1})
        assert names(member) == ["a", "b", "c"]
        assert member.put(ORDER, json={"rule_ids": ids[:2]}).status_code == 400
        assert member.delete(f"{URL}/{b['id']}").status_code == 204
        assert names(member) == ["a", "c"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"payees": []}, "body"),
            ({"payees": ["--"]}, "payees.0"),
            ({"merchant_category_codes": ["54"]}, "merchant_category_codes.0"),
            ({"bank_transaction_codes": ["card"]}, "bank_transaction_codes.0"),
            ({"min_amount": "5"}, "currency"),
            ({"currency": "EUR", "min_amount": "-5"}, "min_amount"),
            ({"currency": "XYZ"}, "currency"),
            ({"position": 0}, "position"),
            ({"name": ""}, "name"),
            ({"regex": ".*"}, "regex"),
        ],
    )
    def test_what_is_no_rule_is_refused(
        self, member: TestClient, category_id: str, change: dict[str, Any], field: str
    ) -> None:
        body = {"name": "x", "category_id": category_id, "payees": ["x"]} | change

        answer = member.post(URL, json=body)

        assert answer.status_code == 400
        assert [d["field"] or "body" for d in answer.json()["error"]["details"]] == [field]
        assert names(member) == []

    def test_another_tenants_is_not_there(
        self, member: TestClient, stranger: TestClient, category_id: str
    ) -> None:
        made = create(member, category_id)
        url = f"{URL}/{made['id']}"
        body = {"name": "x", "category_id": category_id, "payees": ["x"]}

        assert names(stranger) == []
        assert stranger.get(url).status_code == 404
        assert stranger.patch(url, json={"name": "Mine"}).status_code == 404
        assert stranger.delete(url).status_code == 404
        assert stranger.post(URL, json=body).status_code == 404
        assert stranger.put(ORDER, json={"rule_ids": [made["id"]]}).status_code == 400
        assert names(member) == ["Hosting"]

    def test_who_only_looks_changes_nothing(
        self, member: TestClient, viewer: TestClient, category_id: str
    ) -> None:
        made = create(member, category_id)
        url = f"{URL}/{made['id']}"

        assert viewer.post(URL, json={}).status_code == 403
        assert viewer.patch(url, json={"name": "x"}).status_code == 403
        assert viewer.delete(url).status_code == 403
        assert viewer.put(ORDER, json={"rule_ids": [made["id"]]}).status_code == 403


class TestTrials:
    @pytest.fixture
    def known(self, sessions: sessionmaker[Session], tenant_id: UUID) -> str:
        with tenant_transaction(sessions, tenant_id) as session:
            account = add_account(session, tenant_id)
            columns: dict[str, Any] = {"payee": "Hetzner Online", "amount": Decimal("-7.50")}
            row = add_transaction(session, tenant_id, account, **columns)
            add_transaction(session, tenant_id, account, payee="Bakery")
            return str(row.id)

    def test_says_what_would_change_and_changes_nothing(
        self, viewer: TestClient, known: str, category_id: str
    ) -> None:
        answer = viewer.post(TESTS, json={"category_id": category_id, "payees": ["hetzner"]})

        assert answer.status_code == 200
        assert answer.json()["data"] == {
            "transaction_count": 2,
            "matched_count": 1,
            "changed_count": 1,
            "chosen_count": 0,
            "earlier_count": 0,
            "samples": [
                {
                    "transaction_id": known,
                    "transaction_date": "2026-02-02",
                    "amount": "-7.50",
                    "currency": "EUR",
                    "payee": "Hetzner Online",
                    "description": None,
                    "category_id": None,
                    "category_source": "none",
                    "is_changed": True,
                }
            ],
        }
        row = viewer.get(f"/api/v1/transactions/{known}").json()["data"]
        assert row["category_source"] == "none"

    def test_another_tenants_transactions_are_not_looked_at(
        self,
        stranger: TestClient,
        known: str,
        category_id: str,
        sessions: sessionmaker[Session],
        other_tenant_id: UUID,
    ) -> None:
        with tenant_transaction(sessions, other_tenant_id) as session:
            own = str(add_category(session, other_tenant_id).id)

        body = {"category_id": own, "payees": ["hetzner"]}
        assert stranger.post(TESTS, json=body).json()["data"]["transaction_count"] == 0
        assert stranger.post(TESTS, json=body | {"category_id": category_id}).status_code == 404
        assert stranger.post(TESTS, json=body | {"rule_id": str(uuid4())}).status_code == 404
