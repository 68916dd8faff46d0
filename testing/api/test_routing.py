"""Routes are strict by themselves: tried on a resource of the tests' own."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI, Query, Response, UploadFile
from fastapi.testclient import TestClient
from pydantic import Field
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, sessionmaker

from payymo.api.dependencies import MemberDep, SessionDep, WriterDep
from payymo.api.envelopes import Item, RequestModel, ResponseModel, item_response
from payymo.api.fields import AmountIn, ShortText
from payymo.api.routing import BODY_BYTES_MAX, PUBLIC, resource_router
from payymo.domain.errors import RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.tenancy import tenant_transaction

ROUTER = resource_router("/things", tag="things")


class ThingCreate(RequestModel):
    name: ShortText
    count: Annotated[int, Field(ge=1)] = 1
    amount: AmountIn | None = None


class ThingRead(ResponseModel):
    id: UUID
    name: str


@ROUTER.post("", status_code=HTTPStatus.CREATED, response_model=Item[ThingRead])
def create(body: ThingCreate, member: WriterDep, session: SessionDep) -> Response:
    """Write one line into the audit log."""
    if body.name == "crash":
        raise ZeroDivisionError("a secret of the tests")
    entry = AuditEntry(
        tenant_id=member.tenant_id,
        actor_id=member.user_id,
        action=body.name,
        entity=str(body.amount),
        entity_id=member.user_id,
    )
    session.add(entry)
    session.flush()
    if body.name == "impossible":
        raise RuleError("This cannot be.", code="thing_impossible")
    thing = ThingRead(id=entry.id, name=body.name)
    return item_response(
        thing, status=HTTPStatus.CREATED, headers={"Location": f"/api/v1/things/{entry.id}"}
    )


@ROUTER.post("/imports", response_model=Item[ThingRead])
def upload(file: UploadFile) -> Response:
    """Take a file."""
    return item_response(ThingRead(id=uuid4(), name=str(file.size)))


@ROUTER.get("/{thing_id}", response_model=Item[ThingRead])
def read(thing_id: UUID, member: MemberDep, limit: Annotated[int, Query(ge=1)] = 5) -> Response:
    """Return a thing."""
    return item_response(ThingRead(id=thing_id, name=str(limit)))


@ROUTER.get("/open/door", openapi_extra=dict(PUBLIC))
def read_openly() -> Response:
    """Return nothing."""
    return Response(status_code=HTTPStatus.NO_CONTENT)


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    app.router.routes.extend(ROUTER.routes)
    return app


def count_entries(sessions: sessionmaker[Session], tenant_id: UUID) -> int:
    with tenant_transaction(sessions, tenant_id) as session:
        return session.scalar(select(func.count()).select_from(AuditEntry)) or 0


class TestCredentials:
    def test_a_route_asks_for_them_although_its_endpoint_does_not(
        self, anonymous: TestClient
    ) -> None:
        answer = anonymous.post("/api/v1/things/imports", content=b"x")

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "auth_required"
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    def test_a_public_route_needs_none(self, anonymous: TestClient) -> None:
        assert anonymous.get("/api/v1/things/open/door").status_code == 204

    def test_nobody_learns_what_is_wrong_with_a_body_before_signing_in(
        self, anonymous: TestClient
    ) -> None:
        assert anonymous.post("/api/v1/things", content=b"{").status_code == 401

    def test_a_viewer_may_read_and_not_write(self, viewer: TestClient) -> None:
        assert viewer.get(f"/api/v1/things/{uuid4()}").status_code == 200

        answer = viewer.post("/api/v1/things", json={"name": "a"})

        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "forbidden"


class TestInput:
    @pytest.mark.parametrize(
        ("body", "field", "words"),
        [
            ({}, "name", "required"),
            ({"name": "a", "colour": "red"}, "colour", "no such field"),
            ({"name": 5}, "name", "text"),
            ({"name": ""}, "name", "at least 1"),
            ({"name": "a\0b"}, "name", "NUL"),
            ({"name": "a", "count": 0}, "count", "at least 1"),
            ({"name": "a", "count": "many"}, "count", "whole number"),
            ({"name": "a", "amount": "12,50"}, "amount", "decimal number"),
            ([], "body", "JSON object"),
        ],
    )
    def test_a_bad_body_is_refused_with_its_place(
        self, client: TestClient, body: object, field: str, words: str
    ) -> None:
        answer = client.post("/api/v1/things", json=body)

        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["code"] == "validation_error"
        assert [detail["field"] for detail in error["details"]] == [field]
        assert words in error["details"][0]["message"]

    def test_a_surrogate_is_refused(self, client: TestClient) -> None:
        answer = client.post(
            "/api/v1/things",
            content=b'{"name": "\\ud800"}',
            headers={"Content-Type": "application/json"},
        )

        assert answer.status_code == 400

    def test_malformed_json_is_refused_with_its_position(self, client: TestClient) -> None:
        answer = client.post(
            "/api/v1/things",
            content=b'{\n  "name": nothing}',
            headers={"Content-Type": "application/json"},
        )

        assert answer.status_code == 400
        (detail,) = answer.json()["error"]["details"]
        assert "line 2, column 11" in detail["message"]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b'{"name": "\xff"}', "UTF-8"),
            (b"[" * 100_000, "nested too deeply"),
            (b'{"count": %s}' % (b"1" * 5_000), "too many digits"),
            (b'{"name": "a", "count": 1, "name": "b"}', "'name' more than once"),
        ],
    )
    def test_a_body_that_means_nothing_certain_is_refused(
        self, client: TestClient, content: bytes, words: str
    ) -> None:
        answer = client.post(
            "/api/v1/things", content=content, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "validation_error"
        assert words in answer.json()["error"]["message"]

    def test_a_number_stays_the_one_that_was_written(
        self, client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        answer = client.post(
            "/api/v1/things",
            content=b'{"name": "a", "amount": 0.10000000000000000001}',
            headers={"Content-Type": "application/json"},
        )

        assert answer.status_code == 201
        with tenant_transaction(sessions, tenant_id) as session:
            entry = session.scalars(select(AuditEntry)).one()
        assert entry.entity == "0.10000000000000000001"

    @pytest.mark.parametrize("path", ["not-an-id", "%00"])
    def test_a_malformed_id_is_refused(self, client: TestClient, path: str) -> None:
        answer = client.get(f"/api/v1/things/{path}")

        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["field"] == "thing_id"

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("colour=red", "colour"),
            ("limit=%00", "limit"),
            ("limit=1&limit=2", "limit"),
        ],
    )
    def test_a_bad_query_is_refused(self, client: TestClient, query: str, field: str) -> None:
        answer = client.get(f"/api/v1/things/{uuid4()}?{query}")

        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["field"] == field

    @pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x"])
    def test_another_media_type_is_refused(self, client: TestClient, content_type: str) -> None:
        answer = client.post(
            "/api/v1/things", content=b"{}", headers={"Content-Type": content_type}
        )

        assert answer.status_code == 415
        assert answer.json()["error"]["code"] == "unsupported_media_type"
        assert "application/json" in answer.json()["error"]["message"]

    def test_a_form_takes_no_json(self, client: TestClient) -> None:
        assert client.post("/api/v1/things/imports", json={}).status_code == 415

    @pytest.mark.parametrize("is_announced", [True, False])
    def test_a_body_has_a_limit(self, client: TestClient, is_announced: bool) -> None:
        body = b'{"name": "' + b"a" * BODY_BYTES_MAX + b'"}'
        content = body if is_announced else iter([body[:1000], body[1000:]])

        answer = client.post(
            "/api/v1/things", content=content, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "payload_too_large"
        assert "at most 1 MiB" in answer.json()["error"]["message"]

    def test_a_file_may_be_larger(self, client: TestClient) -> None:
        size = 2 * BODY_BYTES_MAX

        answer = client.post("/api/v1/things/imports", files={"file": b"a" * size})

        assert answer.json()["data"]["name"] == str(size)


class TestTransaction:
    def test_a_success_is_committed(
        self, client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        answer = client.post("/api/v1/things", json={"name": "a"})

        assert answer.status_code == 201
        assert count_entries(sessions, tenant_id) == 1

    def test_an_error_leaves_nothing(
        self, client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        answer = client.post("/api/v1/things", json={"name": "impossible"})

        assert answer.status_code == 422
        assert answer.json() == {
            "error": {"code": "thing_impossible", "message": "This cannot be.", "details": []}
        }
        assert count_entries(sessions, tenant_id) == 0

    def test_a_commit_that_fails_is_no_success(
        self, client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        commits = iter(["the key's claim", "the endpoint's work", "the key's release"])

        def fail(_: Session) -> None:
            if next(commits) == "the endpoint's work":
                raise OSError("the disk is full")

        event.listen(sessions, "before_commit", fail)
        headers = {"Idempotency-Key": "once"}
        failed = client.post("/api/v1/things", json={"name": "a"}, headers=headers)
        event.remove(sessions, "before_commit", fail)

        assert failed.status_code == 500
        assert count_entries(sessions, tenant_id) == 0
        again = client.post("/api/v1/things", json={"name": "a"}, headers=headers)
        assert again.status_code == 201

    def test_an_endpoint_may_not_hold_up_the_loop(self) -> None:
        async def wait() -> Response:
            return Response()

        with pytest.raises(TypeError, match="plain def"):
            resource_router("/other", tag="other").get("")(wait)
