"""How right matches of each band of confidence turned out to be."""

from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_decisions

from payymo.domain.enums import MatchStatus
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/match_bands"


@pytest.fixture
def decided(sessions: sessionmaker[Session], tenant_id: UUID) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        rows = [(0.95, True), (0.96, True), (0.97, False), (1.0, True), (0.3, False), (0.85, True)]
        *_, applied, _low, waiting = add_decisions(session, tenant_id, account, rows)
        applied.decided_by = None
        waiting.decided_by, waiting.status = None, MatchStatus.SUGGESTED


@pytest.mark.usefixtures("decided")
def test_it_counts_what_waits_what_was_applied_and_what_was_right(viewer: TestClient) -> None:
    bands = viewer.get(URL).json()["data"]

    assert {
        (band["low"], band["high"]): (
            band["waiting_count"],
            band["applied_count"],
            band["decided_count"],
            band["right_count"],
        )
        for band in bands
    } == {
        (0, 0.5): (0, 0, 1, 0),
        (0.5, 0.8): (0, 0, 0, 0),
        (0.8, 0.9): (1, 0, 0, 0),
        (0.9, 0.95): (0, 0, 0, 0),
        (0.95, 0.99): (0, 0, 3, 2),
        (0.99, 1): (0, 1, 0, 0),
    }


@pytest.mark.usefixtures("decided")
def test_another_tenant_counts_nothing(stranger: TestClient) -> None:
    for band in stranger.get(URL).json()["data"]:
        assert band["waiting_count"] == band["applied_count"] == band["decided_count"] == 0
