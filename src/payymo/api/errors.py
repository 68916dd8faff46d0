"""The one place where something that went wrong becomes an HTTP answer."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from payymo.api.services import ApiServices
from payymo.domain.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PayymoError,
    Problem,
    ProviderError,
    ProviderQuotaError,
    ProviderUnavailableError,
    RuleError,
    TooManyRequestsError,
)

STATUS_BY_FAMILY: Final[Mapping[type[PayymoError], HTTPStatus]] = {
    InvalidInputError: HTTPStatus.BAD_REQUEST,
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    RuleError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConfigurationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    ProviderQuotaError: HTTPStatus.TOO_MANY_REQUESTS,
    ProviderError: HTTPStatus.BAD_GATEWAY,
    ProviderUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    PayymoError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

#: What the framework itself refuses: the code, and a sentence where the refusal has none.
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: (
        "validation_error",
        "The body could not be read: it must be what Content-Type says.",
    ),
    HTTPStatus.NOT_FOUND: ("not_found", "There is nothing at this address."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed",
        "This address does not know the method: see the Allow header.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("payload_too_large", "The body is too large."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "unsupported_media_type",
        "The body must have another media type.",
    ),
}


def install_error_handlers(app: FastAPI) -> None:
    """Teach an application to answer errors.

    :param app: Application to teach.
    """
    app.exception_handler(PayymoError)(_answer_ours)
    app.exception_handler(RequestValidationError)(_answer_invalid)
    app.exception_handler(HTTPException)(_answer_framework)


def payymo_error_response(error: PayymoError, now: datetime) -> Response:
    """Return the answer to one of our own errors.

    :param error: What went wrong.
    :param now: Present moment, for ``Retry-After``.
    """
    status = next(
        STATUS_BY_FAMILY[family] for family in type(error).mro() if family in STATUS_BY_FAMILY
    )
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    retry_at: datetime | None = getattr(error, "retry_at", None)
    if retry_at is not None:
        headers["Retry-After"] = str(max(1, math.ceil((retry_at - now).total_seconds())))
    return error_response(status, error.code, error.message, error.problems, headers=headers)


def server_error_response() -> Response:
    """Return the answer to what should never happen; the log knows more."""
    return error_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "server_error",
        "Something went wrong on our side. Tell us the X-Request-ID of this answer.",
    )


def error_response(
    status: int,
    code: str,
    message: str,
    problems: Sequence[Problem] = (),
    *,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error in the envelope that every error has.

    :param status: HTTP status.
    :param code: What happened, for programs.
    :param message: The same in a sentence.
    :param problems: The single faults of an input.
    """
    details = [{"field": problem.field, "message": problem.message} for problem in problems]
    body = {"error": {"code": code, "message": message, "details": details}}
    return Response(
        msgspec.json.encode(body), status, headers=headers, media_type="application/json"
    )


async def _answer_ours(request: Request, error: PayymoError) -> Response:
    services: ApiServices = request.app.state.services
    return payymo_error_response(error, services.clock())


async def _answer_framework(request: Request, error: HTTPException) -> Response:
    code, message = _REFUSALS.get(error.status_code, ("validation_error", "Invalid request."))
    if error.detail != HTTPStatus(error.status_code).phrase:
        message = f"{error.detail.rstrip('.')}."
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return error_response(error.status_code, code, message, headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Return every method that an address knows: the router names those of one route only."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return methods


async def _answer_invalid(_: Request, error: RequestValidationError) -> Response:
    problems = [_problem(fault, error.body) for fault in error.errors()]
    return error_response(
        HTTPStatus.BAD_REQUEST, InvalidInputError.code, "The input is not valid.", problems
    )


def _problem(fault: Mapping[str, Any], body: object) -> Problem:
    place, *path = fault["loc"]
    if fault["type"] == "json_invalid":
        return Problem("body", _json_sentence(fault, body))
    field = ".".join(str(step) for step in path) or str(place)
    return Problem(field, _sentence(fault))


def _json_sentence(fault: Mapping[str, Any], body: object) -> str:
    position = int(fault["loc"][-1])
    before = body[:position] if isinstance(body, str) else ""
    line = before.count("\n") + 1
    column = position - before.rfind("\n")
    reason = str(fault["ctx"]["error"]).rstrip(".")
    return f"The body is not valid JSON at line {line}, column {column}: {reason}."


_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field: remove it or correct its name.",
    "string_type": "This must be text.",
    "string_unicode": "This must be text in valid Unicode.",
    "string_too_short": "This must have at least {min_length} character(s).",
    "string_too_long": "This must have at most {max_length} characters.",
    "string_pattern_mismatch": "This must have the form {pattern}.",
    "too_short": "This must have at least {min_length} item(s).",
    "too_long": "This must have at most {max_length} items.",
    "enum": "This must be one of: {expected}.",
    "literal_error": "This must be one of: {expected}.",
    "greater_than": "This must be greater than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than": "This must be less than {lt}.",
    "less_than_equal": "This must be at most {le}.",
    "finite_number": "This must be a finite number.",
    "decimal_parsing": "This must be a decimal number.",
    "decimal_max_places": "This must have at most {decimal_places} decimals.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_parsing_size": "This number is too large.",
    "int_from_float": "This must be a whole number.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "uuid_parsing": "This must be an id (a UUID).",
    "uuid_type": "This must be an id (a UUID).",
    "list_type": "This must be a list.",
    "dict_type": "This must be an object.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be a JSON object.",
    "url_parsing": "This must be a full address such as https://example.com/done.",
    "url_scheme": "This must be an address that begins with one of: {expected_schemes}.",
    "url_type": "This must be a full address such as https://example.com/done.",
}


#: How Pydantic writes a choice that is a member of an enum: ``<Colour.RED: 'red'>``.
_ENUM_MEMBER: Final = re.compile(r"<\w+\.\w+: ('[^']*')>")


def _sentence(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    kind = fault["type"]
    if kind == "too_long" and isinstance(fault.get("input"), str):
        kind = "string_too_long"  # so it is for texts that must stay secret
    wanted = _SENTENCES.get(kind)
    if wanted is not None:
        return _ENUM_MEMBER.sub(r"\1", wanted.format_map(context))
    # Pydantic sets its own name for the error before a ValueError's words; an e-mail's has none.
    message = str(fault["msg"]).removeprefix("Value error, ")
    message = message[:1].upper() + message[1:]
    return message if message.endswith(".") else f"{message}."
