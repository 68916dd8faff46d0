"""Sync runs, taken back over HTTP."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import a_payload
from testing.workflows.test_standardise import Book

PATH = "/api/v1/bank_connections"


@pytest.fixture
def book(sessions: sessionmaker[Session], tenant_id: UUID) -> Book:
    return Book(sessions, tenant_id, {"a"})


@pytest.fixture
def url(book: Book) -> str:
    """Where a run that added one transaction is taken back."""
    run = book.pull("a", [a_payload()], []).sync_run_id
    return f"{PATH}/{book.connection_id}/sync_runs/{run}/reversals"


def count(client: TestClient) -> int:
    total: int = client.get("/api/v1/transactions").json()["meta"]["total"]
    return total


def test_a_run_is_taken_back_by_a_run(client: TestClient, book: Book, url: str) -> None:
    answer = client.post(url)

    assert answer.status_code == 201
    done = answer.json()["data"]
    assert (done["removed_count"], done["restored_count"], done["blockers"]) == (1, 0, [])
    assert done["sync_run"]["trigger"] == "reversal"
    assert done["sync_run"]["reverts"] in url
    assert count(client) == 0
    runs = client.get(f"{PATH}/{book.connection_id}/sync_runs").json()["data"]
    assert {run["trigger"] for run in runs} == {"renewal", "reversal"}


def test_a_dry_run_only_tells(client: TestClient, url: str) -> None:
    answer = client.post(url, json={"dry_run": True})

    assert answer.status_code == 200
    assert answer.json()["data"] == {
        "sync_run": None,
        "removed_count": 1,
        "restored_count": 0,
        "blockers": [],
    }
    assert count(client) == 1


def test_what_stands_in_the_way_is_told_one_by_one(client: TestClient, url: str) -> None:
    client.post(url)

    again, tried = client.post(url), client.post(url, json={"dry_run": True})

    assert again.status_code == 422
    assert again.json()["error"]["code"] == "sync_run_not_revertible"
    assert [each["message"] for each in again.json()["error"]["details"]] == [
        "The sync was taken back already."
    ]
    assert tried.json()["data"]["blockers"] == ["The sync was taken back already."]


def test_a_run_that_is_not_there_is_not_found(client: TestClient, book: Book) -> None:
    url = f"{PATH}/{book.connection_id}/sync_runs/{uuid4()}/reversals"

    assert client.post(url).status_code == 404


def test_another_tenants_run_is_not_there(stranger: TestClient, url: str) -> None:
    assert stranger.post(url).status_code == 404
    assert stranger.post(url, json={"dry_run": True}).status_code == 404


def test_a_viewer_may_not(viewer: TestClient, url: str) -> None:
    assert viewer.post(url).status_code == 403
