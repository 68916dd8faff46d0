"""Categories over HTTP, and what people say with them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_transaction

from payymo.domain.enums import JobKind
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/categories"
SETS = "/api/v1/category_sets"
RUNS = "/api/v1/categorisation_runs"
TRANSACTIONS = "/api/v1/transactions"


def create(client: TestClient, name: str = "Hosting", kind: str = "expense") -> dict[str, Any]:
    answer = client.post(URL, json={"name": name, "kind": kind})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    assert answer.headers["Location"] == f"{URL}/{data['id']}"
    return data


@pytest.fixture
def row(sessions: sessionmaker[Session], tenant_id: UUID) -> str:
    """The address of a transaction."""
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        return f"{TRANSACTIONS}/{add_transaction(session, tenant_id, account).id}"


class TestCategories:
    def test_one_is_added_read_changed_and_removed(
        self, member: TestClient, viewer: TestClient
    ) -> None:
        made = create(member)
        url = f"{URL}/{made['id']}"

        assert viewer.get(url).json()["data"] == made
        assert (made["kind"], made["key"], made["is_active"]) == ("expense", None, True)
        changed = member.patch(url, json={"name": "Servers", "is_active": False}).json()["data"]
        assert (changed["name"], changed["kind"], changed["is_active"]) == (
            "Servers",
            "expense",
            False,
        )
        assert viewer.get(URL, params={"is_active": True}).json()["data"] == []
        assert member.delete(url).status_code == 204
        assert viewer.get(url).status_code == 404

    def test_a_name_is_there_once(self, member: TestClient) -> None:
        create(member)
        other = create(member, "Rent")

        again = member.post(URL, json={"name": "hosting", "kind": "income"})
        renamed = member.patch(f"{URL}/{other['id']}", json={"name": "HOSTING"})

        for answer in (again, renamed):
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "duplicate")

    def test_another_tenants_is_not_there(self, member: TestClient, stranger: TestClient) -> None:
        url = f"{URL}/{create(member)['id']}"

        assert stranger.get(URL).json()["data"] == []
        assert stranger.get(url).status_code == 404
        assert stranger.patch(url, json={"name": "Mine"}).status_code == 404
        assert stranger.delete(url).status_code == 404

    def test_who_only_looks_changes_nothing(self, member: TestClient, viewer: TestClient) -> None:
        url = f"{URL}/{create(member)['id']}"

        assert viewer.post(URL, json={"name": "x", "kind": "income"}).status_code == 403
        assert viewer.patch(url, json={"name": "x"}).status_code == 403
        assert viewer.delete(url).status_code == 403
        assert viewer.put(f"{SETS}/household").status_code == 403
        assert viewer.post(RUNS).status_code == 403

    @pytest.mark.parametrize(
        "body", [{}, {"name": "", "kind": "income"}, {"name": "x", "kind": "loss"}, {"name": "x"}]
    )
    def test_what_is_no_category_is_refused(self, member: TestClient, body: object) -> None:
        assert member.post(URL, json=body).status_code == 400


class TestSets:
    def test_they_are_listed_and_given(self, member: TestClient, stranger: TestClient) -> None:
        listed = member.get(SETS).json()["data"]
        given = [member.put(f"{SETS}/household", params={"per_page": 100}) for _ in range(2)]

        names = {each["name"]: [c["key"] for c in each["categories"]] for each in listed}
        assert names.keys() == {"business", "household"}
        assert given[0].json() == given[1].json()
        assert {c["key"] for c in given[0].json()["data"]} == set(names["household"])
        assert stranger.get(URL).json()["meta"]["total"] == 0

    def test_there_are_no_others(self, member: TestClient) -> None:
        assert member.put(f"{SETS}/circus").status_code == 400


class TestTransactions:
    def test_a_persons_word_by_id_or_by_name(self, member: TestClient, row: str) -> None:
        hosting = create(member)

        by_id = member.patch(row, json={"category_id": hosting["id"]}).json()["data"]
        by_name = member.patch(row, json={"category": "hosting"}).json()["data"]

        for said in (by_id, by_name):
            assert (said["category"], said["category_id"]) == ("Hosting", hosting["id"])
            assert (said["category_source"], said["category_rule_id"]) == ("user", None)

    def test_a_new_name_becomes_a_category(self, member: TestClient, row: str) -> None:
        said = member.patch(row, json={"category": "Consulting"}).json()["data"]

        made = member.get(f"{URL}/{said['category_id']}").json()["data"]
        # The transaction is money in.
        assert (made["name"], made["kind"]) == ("Consulting", "income")

    def test_null_is_a_word_and_none_takes_it_back(self, member: TestClient, row: str) -> None:
        member.patch(row, json={"category": "Consulting"})

        nothing = member.patch(row, json={"category": None}).json()["data"]
        back = member.patch(row, json={"category_source": "none"}).json()["data"]

        assert (nothing["category_id"], nothing["category_source"]) == (None, "user")
        assert (back["category_id"], back["category_source"]) == (None, "none")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"category": "A", "category_id": None}, "category_id"),
            ({"category": None, "category_source": "none"}, "category_source"),
            ({"category_source": "user"}, "category_source"),
            ({"category_rule_id": None}, "category_rule_id"),
            ({"category_id": "x"}, "category_id"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, member: TestClient, row: str, body: object, field: str
    ) -> None:
        answer = member.patch(row, json=body)

        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]

    def test_another_tenants_category_is_not_there(
        self, member: TestClient, stranger: TestClient, row: str
    ) -> None:
        theirs = create(stranger)["id"]
        parts = [{"amount": "60.00", "category_id": theirs}, {"amount": "40.00"}]

        assert member.patch(row, json={"category_id": theirs}).status_code == 404
        assert member.put(f"{row}/splits", json={"splits": parts}).status_code == 404
        assert member.get(row).json()["data"]["category_source"] == "none"

    def test_lists_can_be_narrowed_by_it(
        self, member: TestClient, stranger: TestClient, row: str
    ) -> None:
        hosting = create(member)["id"]
        member.patch(row, json={"category_id": hosting})

        def total(client: TestClient, **params: Any) -> int:
            meta = client.get(TRANSACTIONS, params=params).json()["meta"]
            return int(meta["total"])

        assert total(member, category_id=hosting) == 1
        assert total(member, category_id=str(uuid4())) == 0
        assert total(member, category_source="user") == 1
        assert total(member, category_source="rule") == 0
        assert (total(member, is_categorised=True), total(member, is_categorised=False)) == (1, 0)
        assert total(stranger, category_id=hosting) == 0

    def test_parts_have_categories_of_their_own(self, member: TestClient, row: str) -> None:
        hosting = create(member)["id"]
        parts = [
            {"amount": "60.00", "category_id": hosting},
            {"amount": "30.00", "category": "hosting"},
            {"amount": "10.00"},
        ]

        shown = member.put(f"{row}/splits", json={"splits": parts}).json()["data"]

        assert [(part["category"], part["category_id"]) for part in shown] == [
            ("Hosting", hosting),
            ("Hosting", hosting),
            (None, None),
        ]
        used = member.delete(f"{URL}/{hosting}")
        assert (used.status_code, used.json()["error"]["code"]) == (422, "category_is_used")
        both = [{**parts[0], "category": "x"}, {"amount": "40.00"}]
        refused = member.put(f"{row}/splits", json={"splits": both})
        assert refused.json()["error"]["details"][0]["field"] == "splits.0.category_id"


def test_deciding_anew_is_a_job(
    member: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, other_tenant_id: UUID
) -> None:
    answer = member.post(RUNS)

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/jobs/{answer.json()['data']['id']}"
    with tenant_transaction(sessions, tenant_id) as session:
        assert session.scalars(select(Job.kind)).all() == [JobKind.CATEGORISE]
    with tenant_transaction(sessions, other_tenant_id) as session:
        assert session.scalars(select(Job.kind)).all() == []
