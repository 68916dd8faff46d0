"""Builds of the warehouse over HTTP."""

from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import HandClock
from testing.marts import publish

from payymo.analytics.warehouse import BuildFailure
from payymo.api.services import ApiServices
from payymo.domain.enums import JobKind
from payymo.postgres.jobs.operations.jobs import list_jobs
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/analytics/builds"


class TestList:
    def test_before_the_first_there_is_none(self, viewer: TestClient) -> None:
        answer = viewer.get(URL).json()

        assert answer["data"] == []
        assert answer["meta"]["failure"] is None

    def test_they_are_there_the_latest_first(
        self, viewer: TestClient, services: ApiServices
    ) -> None:
        for _ in range(2):
            publish(services.warehouse.folder, {})

        later, earlier = viewer.get(URL).json()["data"]

        assert (later["is_current"], earlier["is_current"]) == (True, False)
        assert later["id"] > earlier["id"]
        assert later["as_of"] == "2026-03-02T08:00:00Z"
        assert "source" not in later

    def test_a_failure_is_told_without_what_it_quotes(
        self, viewer: TestClient, services: ApiServices, clock: HandClock
    ) -> None:
        warehouse = publish(services.warehouse.folder, {})
        warehouse.note_failure(BuildFailure(clock.now, "It was not built.", ["a secret"]))

        answer = viewer.get(URL)

        assert answer.json()["meta"]["failure"] == (
            "The build of 2026-03-02 09:00 UTC failed. It was not built."
        )
        assert "secret" not in answer.text


class TestCreate:
    def test_a_build_is_queued(
        self,
        member: TestClient,
        stranger: TestClient,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
    ) -> None:
        answer = member.post(URL)

        job = answer.json()["data"]
        assert answer.status_code == 202
        assert answer.headers["Location"] == f"/api/v1/jobs/{job['id']}"
        assert job["kind"] == "build"
        with tenant_transaction(sessions, tenant_id) as session:
            kinds = [each.kind for each in list_jobs(session, tenant_id, page=1, per_page=9).rows]
        assert kinds == [JobKind.BUILD]
        assert stranger.get(f"/api/v1/jobs/{job['id']}").status_code == 404

    @pytest.mark.parametrize("asker", ["viewer", "anonymous"])
    def test_not_by_those_who_only_read(self, asker: str, request: pytest.FixtureRequest) -> None:
        client: TestClient = request.getfixturevalue(asker)

        assert client.post(URL).status_code in {401, 403}
