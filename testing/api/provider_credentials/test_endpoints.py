"""A tenant's own credentials at a provider."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from payymo.api.services import ApiServices
from payymo.domain.enums import Provider
from payymo.postgres.auth.models import ProviderCredential
from payymo.postgres.auth.operations.credentials import find_credentials
from payymo.postgres.tenancy import tenant_transaction

PATH = "/api/v1/provider_credentials/gocardless"
SECRETS = {"secret_id": "3fa85f64-5717-4562", "secret_key": "a-long-key-that-is-shown-once"}


def test_they_are_stored_encrypted_and_never_shown(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, services: ApiServices
) -> None:
    answer = client.put(PATH, json=SECRETS)

    assert answer.status_code == 200
    assert answer.json()["data"]["secret_id"] == "…4562"
    assert client.get(PATH).json() == answer.json()
    assert SECRETS["secret_key"] not in answer.text
    with tenant_transaction(sessions, tenant_id) as session:
        stored = session.scalars(select(ProviderCredential)).one()
        opened = find_credentials(
            session, tenant_id, Provider.GOCARDLESS, key_ring=services.key_ring
        )
    assert SECRETS["secret_key"].encode() not in stored.secret_key
    assert opened is not None
    assert (opened.secret_id, opened.secret_key) == tuple(SECRETS.values())


def test_putting_twice_replaces(client: TestClient) -> None:
    client.put(PATH, json=SECRETS)

    again = client.put(PATH, json={**SECRETS, "secret_id": "another-9999"})

    assert again.json()["data"]["secret_id"] == "…9999"
    assert client.get(PATH).json() == again.json()


def test_they_can_be_forgotten(client: TestClient) -> None:
    client.put(PATH, json=SECRETS)

    assert [client.delete(PATH).status_code for _ in range(2)] == [204, 204]
    assert client.get(PATH).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"secret_id": ""}, "secret_id"),
        ({"secret_key": "with blank"}, "secret_key"),
        ({"secret_key": "a" * 1001}, "secret_key"),
        ({"secret_key": 5}, "secret_key"),
        ({"token": "x"}, "token"),
    ],
)
def test_bad_input_is_refused_without_repeating_it(
    client: TestClient, change: dict[str, Any], field: str
) -> None:
    answer = client.put(PATH, json={**SECRETS, **change})

    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]
    assert SECRETS["secret_id"] not in answer.text


def test_there_is_no_other_provider(client: TestClient) -> None:
    assert client.get("/api/v1/provider_credentials/other").status_code == 400


def test_they_are_for_those_who_set_the_tenant_up(
    member: TestClient, viewer: TestClient, client: TestClient
) -> None:
    client.put(PATH, json=SECRETS)

    answers = [
        ask
        for who in (member, viewer)
        for ask in (who.get(PATH), who.put(PATH, json=SECRETS), who.delete(PATH))
    ]

    assert {answer.status_code for answer in answers} == {403}


def test_another_tenants_do_not_exist(client: TestClient, stranger: TestClient) -> None:
    client.put(PATH, json=SECRETS)

    assert stranger.get(PATH).status_code == 404
    assert stranger.delete(PATH).status_code == 204
    assert client.get(PATH).status_code == 200
