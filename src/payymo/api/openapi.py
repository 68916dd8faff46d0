"""The OpenAPI document: every operation with its errors, its credentials and an example."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from payymo.api.routing import ApiRoute

_BEARER: Final = "access_token"

#: What each error status means, and an example of its code and message.
_ERRORS: Final[Mapping[int, tuple[str, str, str]]] = {
    400: ("Malformed or invalid input.", "validation_error", "The input is not valid."),
    401: (
        "No, bad or expired credentials: `auth_required`, `invalid_token`, `token_expired`, "
        "`invalid_credentials`.",
        "auth_required",
        "Sign in first: send an access token as Authorization: Bearer <token>.",
    ),
    403: ("Known, but not allowed.", "forbidden", "This needs the role member or a higher one."),
    404: (
        "Absent, or another tenant's: never told apart.",
        "resource_not_found",
        "There is no such account.",
    ),
    409: (
        "Contradicts the present state, or exists already: `conflict`, `duplicate`.",
        "conflict",
        "This Idempotency-Key was used for another request: choose a new key for each.",
    ),
    413: ("The body is too large.", "payload_too_large", "The body is too large."),
    415: (
        "The body has another media type.",
        "unsupported_media_type",
        "The body must have another media type.",
    ),
    422: (
        "Well formed but impossible; each rule has a code of its own.",
        "configuration_error",
        "There are no credentials for this provider: enter them first.",
    ),
    429: (
        "Our own limit, or the provider's quota: `rate_limit_exceeded`, "
        "`provider_quota_exhausted`.",
        "rate_limit_exceeded",
        "Too many requests: wait as long as Retry-After says.",
    ),
    500: (
        "Something went wrong on our side.",
        "server_error",
        "Something went wrong on our side. Tell us the X-Request-ID of this answer.",
    ),
    502: (
        "The bank or the provider answered with an error.",
        "provider_error",
        "The bank's answer could not be understood.",
    ),
    503: (
        "The bank or the provider is down: try again later.",
        "provider_unavailable",
        "The bank does not answer: try again later.",
    ),
}

_ERROR_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "description": "What happened, for programs."},
                "message": {"type": "string", "description": "The same in a sentence."},
                "details": {
                    "type": "array",
                    "description": "The single faults of an input.",
                    "items": {
                        "type": "object",
                        "required": ["field", "message"],
                        "properties": {
                            "field": {"type": ["string", "null"]},
                            "message": {"type": "string"},
                        },
                    },
                },
            },
        }
    },
}

_PROBLEM: Final = {"field": "name", "message": "This is required."}

_REQUEST_ID: Final[dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The request's name in our log; your own, where it was well formed.",
        "schema": {"type": "string"},
        "example": "0f8b6f0e-3c1d-4b7e-9a55-6d1f0c9b2a11",
    }
}

_RETRY_AFTER: Final[dict[str, Any]] = {
    "Retry-After": {
        "description": "Seconds after which it is worth trying again.",
        "schema": {"type": "integer"},
        "example": 30,
    }
}

_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name for this request. Sent again within a day with the same body, it gets "
    "the first answer; with another body, 409.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "7d6c2a9e-1f0b-4a53-8e0d-2b9f6f1f4c55",
}

#: Values for schemas that say nothing but their form.
_EXAMPLES_BY_FORMAT: Final[Mapping[str, Any]] = {
    "uuid": "01985c1e-7d3a-7c44-9d0e-5f1b2a3c4d5e",
    "date": "2026-02-28",
    "date-time": "2026-02-28T09:30:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/done",
}
_EXAMPLES_BY_TYPE: Final[Mapping[str, Any]] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of errors that an operation has beside the usual ones.

    :param statuses: HTTP statuses, such as 409 and 422.
    """
    return {status: _error_response(status) for status in statuses}


def install_openapi(app: FastAPI) -> None:
    """Make an application document itself wholly.

    :param app: Application whose routes are all registered.
    """

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Error"] = _ERROR_SCHEMA
    components["securitySchemes"] = {
        _BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                _complete(operation, route, method, schemas)
    return document


def _complete(
    operation: dict[str, Any], route: APIRoute, method: str, schemas: Mapping[str, Any]
) -> None:
    responses = operation["responses"]
    if HTTPStatus.UNPROCESSABLE_ENTITY not in route.responses:
        responses.pop("422", None)
    for status in _usual_errors(route, method):
        responses.setdefault(str(status), _error_response(status))
    operation["responses"] = dict(sorted(responses.items()))
    if isinstance(route, ApiRoute) and not route.is_public:
        operation["security"] = [{_BEARER: []}]
        if method == "POST":
            operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    for described in (*bodies, *responses.values()):
        for content in described.get("content", {}).values():
            if "schema" in content and "example" not in content and "examples" not in content:
                content["example"] = _example(content["schema"], schemas)
    for response in responses.values():
        response["headers"] = {**_REQUEST_ID, **response.get("headers", {})}


def _usual_errors(route: APIRoute, method: str) -> list[int]:
    if not isinstance(route, ApiRoute):
        return []
    statuses = [400, 429, 500]
    if not route.is_public:
        statuses += [401]
        statuses += [403] if method != "GET" else []
        statuses += [409] if method == "POST" else []
    if "{" in route.path:
        statuses.append(404)
    if route.body_field is not None:
        statuses += [413, 415]
    return statuses


def _error_response(status: int) -> dict[str, Any]:
    description, code, message = _ERRORS[status]
    details = [_PROBLEM] if status == HTTPStatus.BAD_REQUEST else []
    response: dict[str, Any] = {
        "description": description,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "example": {"error": {"code": code, "message": message, "details": details}},
            }
        },
    }
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        response["headers"] = dict(_RETRY_AFTER)
    return response


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return a value that a schema allows, made of the examples of its parts."""
    for name in ("example", "const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return _example(schema[name][0], schemas)
    return _example_by_type(schema, schemas)


def _example_by_type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        parts = schema.get("properties", {})
        return {name: _example(part, schemas) for name, part in parts.items()}
    if kind == "array":
        return [_example(schema.get("items", {}), schemas)]
    return _EXAMPLES_BY_FORMAT.get(schema.get("format", ""), _EXAMPLES_BY_TYPE.get(kind or ""))
