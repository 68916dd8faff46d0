from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import RunStatus
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/match_runs"


@pytest.fixture
def run(sessions: sessionmaker[Session], tenant_id: UUID) -> MatchRun:
    with tenant_transaction(sessions, tenant_id) as session:
        run = MatchRun(
            tenant_id=tenant_id,
            status=RunStatus.SUCCEEDED,
            engine_version="1",
            payment_count=10,
            invoice_count=20,
            applied_count=5,
            suggested_count=2,
            unexplained_count=3,
            started_at=datetime(2026, 3, 1, 1, 0, tzinfo=UTC),
            finished_at=datetime(2026, 3, 1, 1, 1, tzinfo=UTC),
        )
        session.add(run)
        session.flush()
        session.refresh(run)
    return run


class TestStarting:
    def test_queues_a_job_and_says_where_to_look(self, client: TestClient, user_id: UUID) -> None:
        answer = client.post(URL)

        assert answer.status_code == 202
        job = answer.json()["data"]
        assert (job["kind"], job["status"], job["requested_by"]) == (
            "match",
            "queued",
            str(user_id),
        )
        assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
        assert client.get(answer.headers["Location"]).json()["data"] == job

    def test_is_not_for_viewers(self, viewer: TestClient) -> None:
        assert viewer.post(URL).status_code == 403
        assert viewer.get("/api/v1/jobs").json()["data"] == []


class TestReading:
    def test_says_what_was_found(self, viewer: TestClient, run: MatchRun) -> None:
        answer = viewer.get(f"{URL}/{run.id}").json()["data"]

        assert answer == {
            "id": str(run.id),
            "job_id": None,
            "status": "succeeded",
            "engine_version": "1",
            "calibration_version": None,
            "payment_count": 10,
            "invoice_count": 20,
            "applied_count": 5,
            "suggested_count": 2,
            "unexplained_count": 3,
            "error_message": None,
            "started_at": "2026-03-01T01:00:00Z",
            "finished_at": "2026-03-01T01:01:00Z",
        }
        listed = viewer.get(URL).json()
        assert listed["data"] == [answer]
        assert listed["meta"]["total"] == 1

    def test_another_tenants_run_does_not_exist(self, stranger: TestClient, run: MatchRun) -> None:
        assert stranger.get(URL).json()["data"] == []
        assert stranger.get(f"{URL}/{run.id}").status_code == 404
        assert stranger.get(f"{URL}/{uuid4()}").status_code == 404

    def test_refuses_filters_that_it_does_not_have(self, viewer: TestClient) -> None:
        assert viewer.get(URL, params={"status": "running"}).status_code == 400
