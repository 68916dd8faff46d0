from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import JobKind, JobStatus
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction

type AddJob = Callable[..., Job]


@pytest.fixture
def add_job(sessions: sessionmaker[Session], tenant_id: UUID) -> AddJob:
    def add(**columns: object) -> Job:
        defaults = {"kind": JobKind.MATCH, "status": JobStatus.QUEUED}
        with tenant_transaction(sessions, tenant_id) as session:
            job = Job(tenant_id=tenant_id, **defaults | columns)
            session.add(job)
            session.flush()
            session.refresh(job)
        return job

    return add


class TestListing:
    def test_shows_the_newest_first(self, client: TestClient, add_job: AddJob) -> None:
        first, second = add_job(), add_job()

        answer = client.get("/api/v1/jobs").json()

        assert [job["id"] for job in answer["data"]] == [str(second.id), str(first.id)]
        assert answer["meta"] == {"total": 2, "page": 1, "per_page": 50, "total_pages": 1}

    def test_filters_by_status_and_kind(self, client: TestClient, add_job: AddJob) -> None:
        add_job(status=JobStatus.SUCCEEDED)
        waiting = add_job(kind=JobKind.SYNC)
        add_job(status=JobStatus.FAILED, kind=JobKind.SYNC)

        answer = client.get("/api/v1/jobs", params={"status": "queued", "kind": "sync"}).json()

        assert [job["id"] for job in answer["data"]] == [str(waiting.id)]

    def test_is_empty_for_another_tenant(self, stranger: TestClient, add_job: AddJob) -> None:
        add_job()

        assert stranger.get("/api/v1/jobs").json()["data"] == []

    @pytest.mark.parametrize(
        ("params", "field"),
        [({"status": "lost"}, "status"), ({"kind": "nap"}, "kind"), ({"user": "1"}, "user")],
    )
    def test_refuses_what_it_does_not_know(
        self, client: TestClient, params: dict[str, str], field: str
    ) -> None:
        answer = client.get("/api/v1/jobs", params=params)

        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]


class TestReading:
    def test_shows_progress_and_what_went_wrong(self, client: TestClient, add_job: AddJob) -> None:
        job = add_job(
            status=JobStatus.FAILED,
            progress_done=1,
            progress_total=3,
            error_code="provider_unavailable",
            error_message="The bank does not answer.",
            attempt_count=2,
            started_at=datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
            finished_at=datetime(2026, 3, 2, 8, 5, tzinfo=UTC),
        )

        answer = client.get(f"/api/v1/jobs/{job.id}").json()["data"]

        assert answer["progress"] == {"done": 1, "total": 3}
        assert answer["error"] == {
            "code": "provider_unavailable",
            "message": "The bank does not answer.",
        }
        assert (answer["started_at"], answer["finished_at"]) == (
            "2026-03-02T08:00:00Z",
            "2026-03-02T08:05:00Z",
        )

    def test_a_job_that_waits_has_no_error_and_no_result(
        self, viewer: TestClient, add_job: AddJob
    ) -> None:
        answer = viewer.get(f"/api/v1/jobs/{add_job().id}").json()["data"]

        assert (answer["status"], answer["error"], answer["result"]) == ("queued", None, None)

    def test_another_tenants_job_does_not_exist(
        self, stranger: TestClient, add_job: AddJob
    ) -> None:
        foreign = stranger.get(f"/api/v1/jobs/{add_job().id}")
        absent = stranger.get(f"/api/v1/jobs/{uuid4()}")

        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert foreign.json() == absent.json()


class TestCancelling:
    def test_a_job_that_waits_is_cancelled(self, member: TestClient, add_job: AddJob) -> None:
        job = add_job()

        answer = member.patch(f"/api/v1/jobs/{job.id}", json={"status": "cancelled"})

        assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")
        assert member.get(f"/api/v1/jobs/{job.id}").json()["data"]["status"] == "cancelled"

    @pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.SUCCEEDED])
    def test_one_that_started_is_left_to_finish(
        self, client: TestClient, add_job: AddJob, status: JobStatus
    ) -> None:
        job = add_job(status=status)

        answer = client.patch(f"/api/v1/jobs/{job.id}", json={"status": "cancelled"})

        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "job_not_cancellable"

    def test_a_viewer_may_not(self, viewer: TestClient, add_job: AddJob) -> None:
        answer = viewer.patch(f"/api/v1/jobs/{add_job().id}", json={"status": "cancelled"})

        assert answer.status_code == 403

    def test_another_tenant_cannot(self, stranger: TestClient, add_job: AddJob) -> None:
        answer = stranger.patch(f"/api/v1/jobs/{add_job().id}", json={"status": "cancelled"})

        assert answer.status_code == 404

    def test_says_what_may_be_changed(self, client: TestClient, add_job: AddJob) -> None:
        answer = client.patch(f"/api/v1/jobs/{add_job().id}", json={"status": "running"})

        (fault,) = answer.json()["error"]["details"]
        assert fault["message"] == "This must be one of: 'cancelled'."

    @pytest.mark.parametrize(
        "body", [{}, {"status": "running"}, {"status": None}, {"status": "cancelled", "kind": "x"}]
    )
    def test_nothing_else_can_be_changed(
        self, client: TestClient, add_job: AddJob, body: dict[str, object]
    ) -> None:
        answer = client.patch(f"/api/v1/jobs/{add_job().id}", json=body)

        assert answer.status_code == 400
