"""What happened, over HTTP."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW

from payymo.domain.enums import EventKind, EventSubject
from payymo.postgres.common.operations.events import record_event
from payymo.postgres.tenancy import tenant_transaction

PATH = "/api/v1/events"
CONNECTION = uuid4()


@pytest.fixture(autouse=True)
def told(sessions: sessionmaker[Session], tenant_id: UUID) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        for kind in (EventKind.CONNECTION_ACTIVATED, EventKind.CONNECTION_EXPIRING):
            record_event(
                session,
                tenant_id,
                kind,
                subject=(EventSubject.BANK_CONNECTION, CONNECTION),
                key="1",
                payload={"days": 7},
                now=NOW,
            )


def test_the_newest_comes_first(client: TestClient) -> None:
    answer = client.get(PATH).json()

    assert [event["kind"] for event in answer["data"]] == [
        "connection_expiring",
        "connection_activated",
    ]
    assert answer["data"][0] | {"id": None} == {
        "id": None,
        "kind": "connection_expiring",
        "subject_kind": "bank_connection",
        "subject_id": str(CONNECTION),
        "occurred_at": "2026-03-01T12:00:00Z",
        "payload": {"days": 7},
    }
    assert answer["meta"]["total"] == 2


def test_some_may_be_asked_for(client: TestClient) -> None:
    params = {"kind": "connection_activated", "subject_id": str(CONNECTION)}
    answer = client.get(PATH, params=params).json()

    assert [event["kind"] for event in answer["data"]] == ["connection_activated"]
    assert client.get(PATH, params={"subject_id": str(uuid4())}).json()["data"] == []
    assert client.get(PATH, params={"kind": "nonsense"}).status_code == 400


def test_another_tenant_is_told_nothing(stranger: TestClient) -> None:
    assert stranger.get(PATH).json()["data"] == []


def test_nobody_in_particular_is_told_nothing(anonymous: TestClient) -> None:
    assert anonymous.get(PATH).status_code == 401
