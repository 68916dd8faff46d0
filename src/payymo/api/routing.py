"""Routes that are strict by themselves, so that no endpoint has to be.

Before an endpoint runs, its route has established who asks (unless it is :data:`PUBLIC`), refused
query parameters that nothing reads, bodies of another media type and bodies that are too large.
What the endpoint does in its session is committed before the answer is sent, or not at all. A
POST with an ``Idempotency-Key`` runs once (see :mod:`payymo.api.idempotency`).
"""

import functools
import inspect
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, Never, override

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Form, ParamTypes
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

from payymo.api.context import current_request, get_context
from payymo.api.idempotency import IDEMPOTENCY_HEADER, answer_once
from payymo.domain.errors import InvalidInputError, Problem
from payymo.postgres.auth.operations.audit import is_edited

API_PREFIX: Final = "/api/v1"
BODY_BYTES_MAX: Final = 2**20
IMPORT_BODY_BYTES_MAX: Final = 32 * 2**20

#: ``openapi_extra`` of a route that needs no credentials.
PUBLIC: Final[Mapping[str, Any]] = {"security": []}

#: ``openapi_extra`` of a route that others call with query parameters of their own.
FORGIVING: Final[Mapping[str, Any]] = {"x-unknown-parameters": "ignored"}

#: What ``x-unknown-parameters`` is for a route that reads them all, and judges them itself.
FILTERS: Final = "filters"

type Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ApiRoute(APIRoute):
    """A route of the API."""

    @property
    def is_public(self) -> bool:
        """Whether anybody may call, without credentials."""
        return (self.openapi_extra or {}).get("security") == []

    @property
    def media_type(self) -> str | None:
        """Which media type a body must have; ``None`` where the endpoint judges it itself."""
        if self.body_field is None:
            return None
        is_form = isinstance(self.body_field.field_info, Form)
        return "multipart/form-data" if is_form else "application/json"

    @override
    def get_route_handler(self) -> Handler:
        self.dependant.call = _in_transaction(self.endpoint)
        handle = super().get_route_handler()
        is_public = self.is_public
        unknown_parameters = (self.openapi_extra or {}).get("x-unknown-parameters")
        media_type = self.media_type
        known_parameters = {
            field.alias
            for field in get_flat_params(self.dependant)
            # A field of a model of parameters does not say where it is: only queries have such.
            if getattr(field.field_info, "in_", ParamTypes.query) is ParamTypes.query
        }
        documented = (self.openapi_extra or {}).get("parameters", ())
        known_parameters |= {parameter["name"] for parameter in documented}
        bytes_max = IMPORT_BODY_BYTES_MAX if self.path.endswith("/imports") else BODY_BYTES_MAX

        async def handle_strictly(request: Request) -> Response:
            context = get_context(request.scope)
            if not is_public:
                context.require_member()
            limited = LimitedRequest(request.scope, request.receive, bytes_max)
            if unknown_parameters is None:
                _check_query(limited, known_parameters)
            elif unknown_parameters == FILTERS:
                _check_query(limited, None)
            _check_media_type(limited, media_type)
            if is_public or limited.method != "POST" or IDEMPOTENCY_HEADER not in limited.headers:
                return await handle(limited)
            return await answer_once(limited, context, handle)

        return handle_strictly


class LimitedRequest(Request):
    """A request whose body may not exceed a limit, and whose JSON numbers stay exact.

    :param bytes_max: Longest body that is read.
    """

    def __init__(self, scope: Scope, receive: Receive, bytes_max: int) -> None:
        super().__init__(scope, receive)
        self._whole_receive = receive
        self._receive = self._receive_limited
        self._bytes_left = bytes_max
        announced = self.headers.get("content-length", "")
        self._bytes_max = bytes_max
        if announced.isdecimal() and int(announced) > bytes_max:
            raise self._too_large()

    @override
    async def json(self) -> Any:
        body = await self.body()
        try:
            return json.loads(
                body,
                parse_float=Decimal,
                parse_constant=_refuse_constant,
                object_pairs_hook=_read_object,
            )
        except json.JSONDecodeError:
            raise
        except UnicodeDecodeError as error:
            raise _bad_body("The body is not text in UTF-8.") from error
        except ValueError as error:
            raise _bad_body("The body holds a number with too many digits.") from error
        except RecursionError as error:
            raise _bad_body("The body is nested too deeply.") from error

    async def _receive_limited(self) -> Message:
        message = await self._whole_receive()
        self._bytes_left -= len(message.get("body", b""))
        if self._bytes_left < 0:
            raise self._too_large()
        return message

    def _too_large(self) -> HTTPException:
        return HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is too large: at most {self._bytes_max // 2**20} MiB may be sent here.",
        )


def resource_router(path: str, *, tag: str) -> APIRouter:
    """Return the router of a resource.

    :param path: Below :data:`API_PREFIX`, such as ``/invoices``.
    :param tag: Heading in the documentation.
    """
    return APIRouter(
        prefix=f"{API_PREFIX}{path}",
        tags=[tag],
        route_class=ApiRoute,
        generate_unique_id_function=_operation_id,
        redirect_slashes=False,
    )


def _in_transaction(endpoint: Callable[..., Response]) -> Callable[..., Response]:
    """Return an endpoint that commits what it did, in its own thread, before it returns.

    A generator as a dependency would visit two more threads for each request, and by default
    commit after the answer was sent, when it is too late to say that the commit failed.
    """
    if inspect.iscoroutinefunction(endpoint):
        raise TypeError("An endpoint must be a plain def: it may wait for the database.")

    @functools.wraps(endpoint)
    def run(**values: Any) -> Response:
        context = current_request.get()
        if context is None or context.session is None:
            return endpoint(**values)
        with context.session as session, session.begin():
            response = endpoint(**values)
            if context.after_edit is not None and is_edited(session):
                context.after_edit(session)
            if context.before_commit is not None:
                context.before_commit(session, response)
            return response

    return run


def _operation_id(route: APIRoute) -> str:
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def _refuse_constant(name: str) -> Never:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object whose fields are all there once: of two, nobody knows which counts."""
    read = dict(pairs)
    if len(read) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise _bad_body(f"The body holds the field {names.most_common(1)[0][0]!r} more than once.")
    return read


def _bad_body(sentence: str) -> HTTPException:
    return HTTPException(HTTPStatus.BAD_REQUEST, sentence)


def _check_query(request: Request, known: set[str] | None) -> None:
    """Refuse query parameters that nothing reads, that are there twice or that hold NUL.

    :param known: Those that are read; ``None`` where the endpoint judges their names.
    """
    if not request.scope["query_string"]:
        return
    items = request.query_params.multi_items()
    times = Counter(name for name, _ in items)
    problems = [
        Problem(name, "This is there more than once: send it once.")
        for name in times
        if (known is None or name in known) and times[name] > 1
    ]
    for name, value in items:
        if known is not None and name not in known:
            choice = f"this address reads {', '.join(sorted(known))}" if known else "none is read"
            problems.append(Problem(name, f"There is no such query parameter: {choice}."))
        if "\0" in value:
            problems.append(Problem(name, "This must not hold a NUL character."))
    if problems:
        raise InvalidInputError("The input is not valid.", problems=problems)


def _check_media_type(request: Request, wanted: str | None) -> None:
    """Refuse a body of another media type; a missing body is the endpoint's affair."""
    given = request.headers.get("content-type")
    if wanted is None or (given is None and not _has_body(request)):
        return
    name = (given or "").partition(";")[0].strip().lower()
    is_json = wanted == "application/json" and name.startswith("application/")
    if name != wanted and not (is_json and name.endswith("+json")):
        sentence = f"The body must be {wanted}: say so in Content-Type."
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, sentence, {"Accept": wanted})


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length")
    return "transfer-encoding" in request.headers or length not in {None, "0"}
