"""Around every request: names, limits, measures, and what goes wrong."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from testing.api.conftest import Enter, HandClock

from payymo.api.app import create_app
from payymo.api.limits import Limit
from payymo.api.logs import JsonFormatter, configure_logging
from payymo.api.services import ApiServices
from payymo.domain.errors import (
    ConflictError,
    PayymoError,
    ProviderError,
    ProviderQuotaError,
    ProviderUnavailableError,
)

UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def failing_router(clock: HandClock) -> APIRouter:
    router = APIRouter()
    faults: dict[str, Exception] = {
        "unexpected": ZeroDivisionError("a secret of the tests"),
        "provider": ProviderError("The bank answered nonsense."),
        "quota": ProviderQuotaError("No calls are left.", retry_at=clock.now.replace(hour=10)),
        "down": ProviderUnavailableError("The bank is down."),
        "conflict": ConflictError("It is so already."),
        "ours": PayymoError("Something of ours."),
    }

    @router.get("/faults/{name}")
    def fail(name: str) -> None:
        raise faults[name]

    @router.get("/half")
    def break_off() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            yield b"half"
            raise ZeroDivisionError

        return StreamingResponse(parts())

    return router


@pytest.fixture
def app(app: FastAPI, clock: HandClock) -> FastAPI:
    app.router.routes.extend(failing_router(clock).routes)
    return app


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, object]]]:
    """Everything logged, as the formatter wrote it at that moment."""
    written: list[dict[str, object]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(self.format(record)))

    keep = Keep()
    keep.setFormatter(JsonFormatter())
    logger = logging.getLogger("payymo")
    level = logger.level
    logger.addHandler(keep)
    logger.setLevel(logging.INFO)
    yield written
    logger.removeHandler(keep)
    logger.setLevel(level)


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [
            ("provider", 502, "provider_error"),
            ("quota", 429, "provider_quota_exhausted"),
            ("down", 503, "provider_unavailable"),
            ("conflict", 409, "conflict"),
            ("ours", 500, "server_error"),
        ],
    )
    def test_each_family_has_its_status(
        self, anonymous: TestClient, name: str, status: int, code: str
    ) -> None:
        answer = anonymous.get(f"/faults/{name}")

        assert answer.status_code == status
        assert answer.json()["error"]["code"] == code

    def test_a_quota_says_when_to_come_back(self, anonymous: TestClient) -> None:
        assert anonymous.get("/faults/quota").headers["Retry-After"] == "3600"

    def test_the_unexpected_is_logged_once_and_tells_nothing(
        self, anonymous: TestClient, lines: list[dict[str, object]]
    ) -> None:
        answer = anonymous.get("/faults/unexpected", headers={"X-Request-ID": "request-77"})

        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "server_error"
        assert answer.headers["X-Request-ID"] == "request-77"
        (failure,) = (line for line in lines if line["level"] == "error")
        assert failure["request_id"] == "request-77"
        assert "ZeroDivisionError" in str(failure["error"])
        assert "secret" not in answer.text + json.dumps(lines)

    def test_half_an_answer_breaks_off(self, anonymous: TestClient) -> None:
        with pytest.raises(ZeroDivisionError):
            anonymous.get("/half")

    def test_an_unknown_address_is_not_a_missing_resource(self, client: TestClient) -> None:
        answer = client.get("/api/v1/nothing")

        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"
        assert UUID_FORM.fullmatch(answer.headers["X-Request-ID"])

    def test_a_final_slash_is_another_address(self, client: TestClient) -> None:
        answer = client.get("/api/v1/accounts/", follow_redirects=False)

        assert answer.status_code == 404

    def test_an_unknown_method_is_told_which_there_are(self, client: TestClient) -> None:
        one, several = client.put("/api/v1/jobs"), client.put("/api/v1/invoices")

        assert one.status_code == 405
        assert one.json()["error"]["code"] == "method_not_allowed"
        assert (one.headers["Allow"], several.headers["Allow"]) == ("GET", "GET, POST")


class TestRequestId:
    def test_a_well_formed_one_comes_back(self, anonymous: TestClient) -> None:
        answer = anonymous.get("/healthz", headers={"X-Request-ID": "order-2026.03_a"})

        assert answer.headers["X-Request-ID"] == "order-2026.03_a"

    @pytest.mark.parametrize("given", ["", "short", "a" * 129, "with blanks in it", '{"a": "b"}'])
    def test_another_is_replaced(self, anonymous: TestClient, given: str) -> None:
        answer = anonymous.get("/healthz", headers={"X-Request-ID": given})

        assert UUID_FORM.fullmatch(answer.headers["X-Request-ID"])

    def test_every_answer_is_guarded_against_sniffing(self, anonymous: TestClient) -> None:
        answer = anonymous.get("/healthz")

        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


class TestAccessLog:
    def test_a_request_is_one_line_without_personal_data(
        self,
        client: TestClient,
        lines: list[dict[str, object]],
        tenant_id: UUID,
        user_id: UUID,
    ) -> None:
        answer = client.get("/api/v1/transactions?q=Ada+Lovelace")

        assert answer.status_code == 200
        (line,) = lines
        assert line["request_id"] == answer.headers["X-Request-ID"]
        assert line["tenant_id"] == str(tenant_id)
        assert line["user_id"] == str(user_id)
        assert line["method"] == "GET"
        assert line["route"] == "/api/v1/transactions"
        assert line["status"] == 200
        assert isinstance(line["ms"], float)
        assert "Lovelace" not in json.dumps(line)

    def test_the_whole_process_writes_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        root.handlers[:] = []
        try:
            configure_logging()
            error = ConflictError("It is so already.")
            error.__cause__ = ZeroDivisionError("hidden")
            logging.getLogger("elsewhere").error("it failed", extra={"count": 3}, exc_info=error)
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)

        line = json.loads(capsys.readouterr().err)
        assert (line["logger"], line["message"], line["count"]) == ("elsewhere", "it failed", 3)
        assert line["error"]["message"] == "It is so already."
        assert line["error"]["cause"]["type"] == "builtins.ZeroDivisionError"
        assert "hidden" not in json.dumps(line)


class TestJsonFormatter:
    @pytest.mark.parametrize("exc_info", [None, False, (None, None, None)])
    def test_writes_a_record_without_an_error_however_that_is_said(self, exc_info: Any) -> None:
        record = logging.makeLogRecord({"msg": "Job ended", "exc_info": exc_info, "job_id": "7"})

        line = json.loads(JsonFormatter().format(record))

        assert (line["message"], line["job_id"]) == ("Job ended", "7")
        assert "error" not in line


class TestMetrics:
    def test_requests_are_counted_by_route(self, client: TestClient) -> None:
        client.get("/api/v1/jobs/01985c1e-7d3a-7c44-9d0e-5f1b2a3c4d5e")
        client.get("/nowhere/at/all")
        client.request("INVENTED", "/api/v1/jobs")

        metrics = client.get("/metrics")

        assert metrics.headers["Content-Type"].startswith("text/plain")
        assert (
            'payymo_http_requests_total{method="GET",route="/api/v1/jobs/{job_id}",status="404"}'
            " 1.0"
        ) in metrics.text
        assert 'route="unmatched"' in metrics.text
        assert "nowhere" not in metrics.text
        assert "INVENTED" not in metrics.text


class TestRateLimit:
    @pytest.fixture
    def services(self, services: ApiServices) -> ApiServices:
        return replace(
            services,
            member_limit=Limit(burst=2, per_second=0.5),
            address_limit=Limit(burst=1, per_second=1),
            auth_limit=Limit(burst=3, per_second=0.1),
        )

    def test_a_member_waits_for_the_bucket_to_fill(
        self, client: TestClient, stranger: TestClient, clock: HandClock
    ) -> None:
        first, second, third = (client.get("/api/v1/jobs") for _ in range(3))

        assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
        assert first.headers["RateLimit-Limit"] == "2"
        assert [first.headers["RateLimit-Remaining"], third.headers["RateLimit-Remaining"]] == [
            "1",
            "0",
        ]
        assert third.json()["error"]["code"] == "rate_limit_exceeded"
        assert third.headers["Retry-After"] == "2"
        assert third.headers["X-Request-ID"]
        assert stranger.get("/api/v1/jobs").status_code == 200

        clock.advance(seconds=2)

        assert client.get("/api/v1/jobs").status_code == 200

    def test_nobody_in_particular_is_limited_by_address(self, anonymous: TestClient) -> None:
        answers = [anonymous.get("/api/v1/jobs").status_code for _ in range(2)]

        assert answers == [401, 429]

    def test_attempts_to_sign_in_are_limited_by_address(
        self, client: TestClient, anonymous: TestClient
    ) -> None:
        answers = [anonymous.post("/api/v1/auth/login", json={}).status_code for _ in range(4)]

        assert answers == [400, 400, 400, 429]
        assert client.post("/api/v1/auth/login", json={}).status_code == 429

    def test_health_is_not_limited(self, anonymous: TestClient) -> None:
        assert {anonymous.get("/healthz").status_code for _ in range(5)} == {200}


def test_a_short_key_is_refused(services: ApiServices) -> None:
    app = create_app(replace(services, token_key=b"short"))

    with pytest.raises(PayymoError, match="at least 32 bytes"), TestClient(app) as client:
        client.get("/healthz")


def test_the_services_hide_their_secrets(services: ApiServices, enter: Enter) -> None:
    assert "a key of the tests" not in repr(services)
