from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import MatchScope, RunStatus
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.reconciliation.operations.match_runs import record_failed_run
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
            "scope": "full",
            "calibration_version": None,
            "payment_count": 10,
            "invoice_count": 20,
            "applied_count": 5,
            "suggested_count": 2,
            "unexplained_count": 3,
            "error_message": None,
            "started_at": "2026-03-01T01:00:00Z",
            "finished_at": "2026-03-01T01:01:00Z",
            "reversed_at": None,
            "reversed_by": None,
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

    def test_says_why_a_run_failed_of_which_there_is_nothing_to_take_back(
        self, sessions: sessionmaker[Session], member: TestClient, tenant_id: UUID
    ) -> None:
        began = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)
        with tenant_transaction(sessions, tenant_id) as session:
            run = record_failed_run(
                session,
                tenant_id,
                job_id=None,
                engine_version="1",
                scope=MatchScope.NEWS,
                error_message="The database could not be reached.",
                started_at=began,
                now=began,
            )

        (listed,) = member.get(URL).json()["data"]
        refused = member.post(f"{URL}/{run.id}/reversals").json()

        assert (listed["status"], listed["scope"]) == ("failed", "news")
        assert listed["error_message"] == "The database could not be reached."
        assert listed["finished_at"] == "2026-03-01T01:00:00Z"
        assert refused["error"]["code"] == "match_run_not_revertible"


class TestReversing:
    def test_a_dry_run_says_what_it_is_and_the_reversal_does_it(
        self, member: TestClient, viewer: TestClient, run: MatchRun, user_id: UUID
    ) -> None:
        tried = member.post(f"{URL}/{run.id}/reversals", json={"dry_run": True})
        assert tried.status_code == 200
        assert tried.json()["data"]["match_run"]["reversed_at"] is None

        done = member.post(f"{URL}/{run.id}/reversals")

        assert done.status_code == 201
        report = done.json()["data"]
        assert (report["match_count"], report["credit_use_count"], report["blockers"]) == (0, 0, [])
        assert report["match_run"]["reversed_at"] is not None
        assert viewer.get(f"{URL}/{run.id}").json()["data"] == report["match_run"]
        again = member.post(f"{URL}/{run.id}/reversals")
        error = again.json()["error"]
        assert (again.status_code, error["code"]) == (422, "match_run_not_revertible")
        assert error["details"][0]["message"] == "The matching was taken back already."

    def test_what_was_reversed_can_be_done_again(
        self, member: TestClient, viewer: TestClient, run: MatchRun
    ) -> None:
        refused = member.post(f"{URL}/{run.id}/redos")
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            422,
            "match_run_not_redoable",
        )
        member.post(f"{URL}/{run.id}/reversals")
        tried = member.post(f"{URL}/{run.id}/redos", json={"dry_run": True})
        assert tried.status_code == 200
        assert tried.json()["data"]["match_run"]["reversed_at"] is not None

        done = member.post(f"{URL}/{run.id}/redos")

        assert done.status_code == 201
        assert done.json()["data"]["match_run"]["reversed_at"] is None
        assert viewer.get(f"{URL}/{run.id}").json()["data"] == done.json()["data"]["match_run"]

    @pytest.mark.parametrize("decision", ["reversals", "redos"])
    def test_neither_is_for_viewers_nor_for_strangers(
        self, viewer: TestClient, stranger: TestClient, run: MatchRun, decision: str
    ) -> None:
        assert viewer.post(f"{URL}/{run.id}/{decision}").status_code == 403
        assert stranger.post(f"{URL}/{run.id}/{decision}").status_code == 404
