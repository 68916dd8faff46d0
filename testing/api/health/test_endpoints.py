"""Whether the installation says how it is."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import HandClock
from testing.factories import add_account, add_decisions
from testing.marts import publish

from payymo.analytics.warehouse import BuildFailure
from payymo.api.app import create_app
from payymo.api.services import ApiServices
from payymo.domain.enums import (
    AccessScope,
    CallOutcome,
    MatchScope,
    MatchStatus,
    Provider,
    RunStatus,
)
from payymo.postgres.common.operations.call_counts import count_call
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.reconciliation.operations.match_runs import record_failed_run
from payymo.postgres.tenancy import tenant_transaction


def add_heartbeat(sessions: sessionmaker[Session], clock: HandClock) -> None:
    with sessions.begin() as session:
        session.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (:now)"),
            {"now": clock.now},
        )


def test_a_process_that_answers_is_alive(anonymous: TestClient) -> None:
    answer = anonymous.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_with_a_worker_everything_is_ready(
    anonymous: TestClient, sessions: sessionmaker[Session], clock: HandClock
) -> None:
    add_heartbeat(sessions, clock)

    answer = anonymous.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"database": "ok", "migrations": "ok", "queue": "ok", "worker": "ok"},
    }


@pytest.mark.parametrize("has_worked", [False, True])
def test_a_silent_worker_is_named(
    anonymous: TestClient, sessions: sessionmaker[Session], clock: HandClock, has_worked: bool
) -> None:
    if has_worked:
        add_heartbeat(sessions, clock)
        clock.advance(seconds=61)

    answer = anonymous.get("/readyz")

    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert "payymo worker" in checks.pop("worker")
    assert set(checks.values()) == {"ok"}


def test_tables_of_another_version_are_named(
    anonymous: TestClient, sessions: sessionmaker[Session], clock: HandClock
) -> None:
    with sessions.begin() as session:
        session.execute(text("SET LOCAL ROLE NONE"))
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))

    answer = anonymous.get("/readyz")

    assert answer.status_code == 503
    assert "payymo db upgrade" in answer.json()["checks"]["migrations"]


def test_a_database_that_does_not_answer_is_named(services: ApiServices) -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    app = create_app(replace(services, sessions=sessionmaker(engine)))

    with TestClient(app) as client:
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert set(answer.json()["checks"].values()) == {"The database does not answer."}


def test_metrics_count_the_accounts_that_add_up_over_all_tenants(
    anonymous: TestClient,
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    other_tenant_id: UUID,
    clock: HandClock,
) -> None:
    today = clock.now.date()
    for owner, status, days in ((tenant_id, "proved", 1), (other_tenant_id, "failed", 4)):
        with tenant_transaction(sessions, owner) as session:
            through = today - timedelta(days=days)
            add_account(session, owner, proof_status=status, proved_through=through)
            add_account(session, owner, is_sync_enabled=False, proof_status="failed")

    told = anonymous.get("/metrics").text

    assert 'payymo_proof_accounts{status="proved"} 1.0' in told
    assert 'payymo_proof_accounts{status="failed"} 1.0' in told
    assert 'payymo_proof_accounts{status="unknown"} 0.0' in told
    assert "payymo_proof_age_days 4.0" in told


def test_metrics_tell_how_matching_fares_over_all_tenants(
    anonymous: TestClient,
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    other_tenant_id: UUID,
    clock: HandClock,
) -> None:
    for owner, seconds, scope in (
        (tenant_id, 0.2, MatchScope.FULL),
        (tenant_id, 4, MatchScope.FULL),
        (other_tenant_id, 0.3, MatchScope.FULL),
        (other_tenant_id, 7200, MatchScope.NEWS),
    ):
        with tenant_transaction(sessions, owner) as session:
            session.add(
                MatchRun(
                    tenant_id=owner,
                    status=RunStatus.SUCCEEDED,
                    engine_version="1",
                    scope=scope,
                    payment_count=9,
                    applied_count=2,
                    suggested_count=3,
                    unexplained_count=4,
                    started_at=clock.now,
                    finished_at=clock.now + timedelta(seconds=seconds),
                )
            )
    with tenant_transaction(sessions, tenant_id) as session:
        record_failed_run(
            session,
            tenant_id,
            job_id=None,
            engine_version="1",
            scope=MatchScope.NEWS,
            error_message="It failed.",
            started_at=clock.now,
            now=clock.now,
        )
        account = add_account(session, tenant_id)
        add_decisions(session, tenant_id, account, [(0.9, True), (0.9, True), (0.7, False)])
    with tenant_transaction(sessions, other_tenant_id) as session:
        account = add_account(session, other_tenant_id)
        (waiting,) = add_decisions(session, other_tenant_id, account, [(0.9, True)])
        waiting.status, waiting.decided_by = MatchStatus.SUGGESTED, None

    lines = anonymous.get("/metrics").text.splitlines()

    for le, full, news in (("0.1", 0, 0), ("0.5", 2, 0), ("5.0", 3, 0), ("+Inf", 3, 1)):
        assert f'payymo_match_run_seconds_bucket{{le="{le}",scope="full"}} {full}.0' in lines
        assert f'payymo_match_run_seconds_bucket{{le="{le}",scope="news"}} {news}.0' in lines
    assert 'payymo_match_run_seconds_sum{scope="full"} 4.5' in lines
    assert 'payymo_match_payments_total{outcome="applied",scope="full"} 6.0' in lines
    assert 'payymo_match_payments_total{outcome="unexplained",scope="news"} 4.0' in lines
    for looked, status, count in (
        ("full", "succeeded", 3),
        ("news", "succeeded", 1),
        ("news", "failed", 1),
        ("full", "failed", 0),
    ):
        labels = f'scope="{looked}",status="{status}"'
        assert f"payymo_match_runs_total{{{labels}}} {count}.0" in lines
    by_person = 'decided_by="person",origin="engine"'
    assert f'payymo_matches{{{by_person},status="confirmed"}} 2.0' in lines
    assert f'payymo_matches{{{by_person},status="rejected"}} 1.0' in lines
    assert "payymo_match_queue_length 1.0" in lines


def test_what_was_read_is_told_again_for_a_minute(
    anonymous: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, clock: HandClock
) -> None:
    def told() -> bool:
        return 'payymo_proof_accounts{status="proved"} 1.0' in anonymous.get("/metrics").text

    assert not told()
    with tenant_transaction(sessions, tenant_id) as session:
        add_account(session, tenant_id, proof_status="proved", proved_through=clock.now.date())
    clock.advance(seconds=59)
    assert not told()
    clock.advance(seconds=1)
    assert told()


class TestMetrics:
    def test_calls_to_providers_are_told_by_what_became_of_them(
        self, anonymous: TestClient, sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            for _ in range(2):
                count_call(session, Provider.GOCARDLESS, AccessScope.BALANCES, CallOutcome.WITHHELD)

        lines = anonymous.get("/metrics").text.splitlines()

        labels = 'outcome="withheld",provider="gocardless",scope="balances"'
        assert f"payymo_provider_calls_total{{{labels}}} 2.0" in lines
        assert "# TYPE payymo_http_requests_total counter" in lines

    def test_without_the_database_what_the_process_itself_knows_is_told(
        self, services: ApiServices
    ) -> None:
        away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
        app = create_app(replace(services, sessions=sessionmaker(away)))
        with TestClient(app) as client:
            answer = client.get("/metrics")

        assert answer.status_code == 200
        assert "payymo_http_requests_total" in answer.text
        assert "payymo_provider_calls_total{" not in answer.text

    def test_the_age_of_what_the_warehouse_shows_is_told_and_whether_a_build_failed(
        self, anonymous: TestClient, services: ApiServices, clock: HandClock
    ) -> None:
        before = anonymous.get("/metrics").text
        publish(services.warehouse.folder, {}, as_of=clock.now - timedelta(minutes=2))
        built = anonymous.get("/metrics").text.splitlines()
        services.warehouse.note_failure(BuildFailure(clock.now, "It was not built.", []))
        failed = anonymous.get("/metrics").text.splitlines()

        assert "payymo_warehouse" not in before
        assert "payymo_warehouse_age_seconds 120.0" in built
        assert "payymo_warehouse_build_failed 0.0" in built
        assert "payymo_warehouse_build_failed 1.0" in failed
