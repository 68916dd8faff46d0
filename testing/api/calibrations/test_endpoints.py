"""What confidence turned out to be worth."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_decisions

from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.judging import learn

URL = "/api/v1/calibrations"


@pytest.fixture
def learnt(sessions: sessionmaker[Session], tenant_id: UUID) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        decisions = [(0.97, place % 5 > 0) for place in range(120)]
        add_decisions(session, tenant_id, account, decisions)
        learn(session, tenant_id, now=datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.usefixtures("learnt")
def test_each_version_says_what_it_was_learnt_from(viewer: TestClient) -> None:
    answer = viewer.get(URL).json()

    assert answer["meta"]["total"] == 1
    [curve] = answer["data"]
    assert (curve["version"], curve["decided_count"], curve["right_count"]) == (1, 120, 96)
    assert curve["is_adopted"] is True
    # It said 0.97, and 0.8 were right.
    assert curve["ece_before"] == 0.17
    assert curve["ece_after"] < 0.05
    assert len(curve["points"]) == 10


@pytest.mark.usefixtures("learnt")
def test_another_tenant_sees_none(stranger: TestClient) -> None:
    assert stranger.get(URL).json()["data"] == []
