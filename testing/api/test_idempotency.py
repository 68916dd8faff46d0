"""A POST that is repeated with the same key runs once."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import Enter, HandClock

from payymo.domain.enums import Role
from payymo.postgres.auth.models import IdempotencyKey
from payymo.postgres.auth.operations.idempotency import claim_key
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction

PATH = "/api/v1/match_runs"


def post(client: TestClient, key: str = "key-1", path: str = PATH, **options: Any) -> Any:
    return client.post(path, headers={"Idempotency-Key": key}, **options)


def count(sessions: sessionmaker[Session], tenant_id: UUID, model: type[Any]) -> int:
    with tenant_transaction(sessions, tenant_id) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_the_first_answer_comes_again(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
) -> None:
    first = post(client)
    second = post(client)

    assert first.status_code == second.status_code == 202
    assert first.content == second.content
    assert first.headers["Location"] == second.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.headers["Content-Type"] == "application/json"
    assert count(sessions, tenant_id, Job) == 1


def test_without_a_key_each_runs(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
) -> None:
    client.post(PATH)
    client.post(PATH)

    assert count(sessions, tenant_id, Job) == 2


def test_the_same_key_with_another_body_is_a_conflict(client: TestClient) -> None:
    customer = {"number": "C-1", "name": "Example"}
    assert post(client, path="/api/v1/customers", json=customer).status_code == 201

    answer = post(client, path="/api/v1/customers", json={**customer, "name": "Other"})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"


def test_the_same_key_at_another_address_is_a_conflict(client: TestClient) -> None:
    post(client)

    assert post(client, path="/api/v1/customers", json={}).status_code == 409


def test_a_key_is_one_members_own(client: TestClient, enter: Enter, tenant_id: UUID) -> None:
    post(client)

    assert post(enter(tenant_id, Role.ADMIN)).status_code == 409


def test_tenants_do_not_share_keys(client: TestClient, stranger: TestClient) -> None:
    first, second = post(client), post(stranger)

    assert second.status_code == 202
    assert first.json()["data"]["id"] != second.json()["data"]["id"]


def test_an_error_is_not_kept(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
) -> None:
    refused = post(client, path="/api/v1/customers", json={"number": ""})
    assert refused.status_code == 400
    assert count(sessions, tenant_id, IdempotencyKey) == 0

    again = post(client, path="/api/v1/customers", json={"number": "C-1", "name": "Example"})

    assert again.status_code == 201


def test_one_that_is_still_being_answered_is_a_conflict(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, clock: HandClock
) -> None:
    post(client)
    with tenant_transaction(sessions, tenant_id) as session:
        session.scalars(select(IdempotencyKey)).one().status = 102

    during = post(client)
    assert during.status_code == 409
    assert "still being answered" in during.json()["error"]["message"]

    clock.advance(minutes=6)  # its process was killed: the key is free again
    assert post(client).status_code == 202


def test_after_a_day_a_key_may_be_used_anew(
    client: TestClient, enter: Enter, tenant_id: UUID, user_id: UUID, clock: HandClock
) -> None:
    first = post(client)
    clock.advance(hours=25)

    second = post(enter(tenant_id, Role.OWNER, user_id))

    assert "Idempotent-Replayed" not in second.headers
    assert first.json()["data"]["id"] != second.json()["data"]["id"]


@pytest.mark.parametrize("key", ["", "a" * 256, "with blank", "tab\t"])
def test_a_key_has_a_form(client: TestClient, key: str) -> None:
    answer = post(client, key)

    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == "Idempotency-Key"


def test_of_two_claims_at_once_one_wins(
    sessions: sessionmaker[Session], tenant_id: UUID, clock: HandClock
) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        first = claim_key(session, tenant_id, key="k", request_hash=b"h", now=clock.now)

    assert first is None
    with (
        tenant_transaction(sessions, tenant_id) as session,
        pytest.raises(Exception, match="still"),
    ):
        claim_key(session, tenant_id, key="k", request_hash=b"h", now=clock.now)
