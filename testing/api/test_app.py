"""The application as a whole: its routes, and what it says of itself."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from payymo.api.routing import API_PREFIX, ApiRoute

PUBLIC = {
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/logout"),
    ("GET", "/api/v1/bank_connections/callback"),
}
OUTSIDE = {"/healthz", "/readyz", "/metrics"}


def api_routes(app: FastAPI) -> Iterator[tuple[str, APIRoute]]:
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                yield method, route


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


@pytest.fixture
def document(anonymous: TestClient) -> dict[str, Any]:
    answer = anonymous.get("/openapi.json")
    assert answer.status_code == 200
    described: dict[str, Any] = answer.json()
    return described


def test_every_route_but_the_public_ones_asks_who_comes(
    app: FastAPI, anonymous: TestClient
) -> None:
    open_doors = set()
    for method, route in api_routes(app):
        if not route.path.startswith(API_PREFIX):
            assert route.path in OUTSIDE
            continue
        assert isinstance(route, ApiRoute), f"{route.path} must come from resource_router()"
        path = route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", "01985c1e-7d3a-7c44-9d0e-5f1b2a3c4d5e")
        answer = anonymous.request(method, path)
        is_asked = answer.status_code == 401 and answer.json()["error"]["code"] == "auth_required"
        if route.is_public or not is_asked:
            open_doors.add((method, route.path))

    assert open_doors == PUBLIC


def test_addresses_are_plural_snake_case(app: FastAPI) -> None:
    parts = {
        part
        for _, route in api_routes(app)
        if route.path.startswith(API_PREFIX)
        for part in route.path.removeprefix(API_PREFIX).strip("/").split("/")
        if not part.startswith("{")
    }

    assert {part for part in parts if part != part.lower() or "-" in part} == set()


def test_every_operation_is_documented(document: dict[str, Any]) -> None:
    gaps = []
    for method, path, operation in operations(document):
        place = f"{method} {path}"
        responses = operation["responses"]
        if not operation.get("summary") or not operation.get("description"):
            gaps.append(f"{place}: no summary")
        if path.startswith(API_PREFIX):
            wanted = {"400", "429", "500"}
            wanted |= {"401"} if (method, path) not in PUBLIC else set()
            wanted |= {"404"} if "{" in path else set()
            gaps += [f"{place}: no {status}" for status in wanted - set(responses)]
        for status, response in responses.items():
            if "X-Request-ID" not in response["headers"]:
                gaps.append(f"{place} {status}: no X-Request-ID")
            for content in response.get("content", {}).values():
                if "example" not in content and "examples" not in content:
                    gaps.append(f"{place} {status}: no example")
        for content in operation.get("requestBody", {}).get("content", {}).values():
            if "example" not in content and "examples" not in content:
                gaps.append(f"{place}: no example of a body")

    assert gaps == []


def test_no_field_of_an_answer_has_a_default(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    seen: set[str] = set()

    def visit(schema: Any) -> Iterator[str]:
        if isinstance(schema, list):
            for part in schema:
                yield from visit(part)
        elif isinstance(schema, dict):
            if "$ref" in schema:
                name = schema["$ref"].rpartition("/")[2]
                if name not in seen:
                    seen.add(name)
                    for field in set(schemas[name].get("properties", {})) - set(
                        schemas[name].get("required", [])
                    ):
                        yield f"{name}.{field}"
                    yield from visit(schemas[name])
            for part in schema.values():
                yield from visit(part)

    optional = [
        field
        for _, _, operation in operations(document)
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for field in visit(content["schema"])
    ]

    assert optional == []


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert sorted(names) == sorted(set(names))


def test_the_documentation_is_served(anonymous: TestClient) -> None:
    assert anonymous.get("/docs").status_code == 200
