"""Around every request: its name, who asks, how often, how long it took, and what went wrong.

Plain ASGI: the framework's own base class for middleware costs more than many a query.
"""

import logging
import re
import time
from collections.abc import MutableMapping
from typing import Any, Final
from uuid import uuid4

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from payymo.api.access_tokens import AccessTokens
from payymo.api.context import RequestContext, get_context, set_context
from payymo.api.errors import payymo_error_response, server_error_response
from payymo.api.limits import Allowance, RateLimiter
from payymo.api.metrics import Metrics
from payymo.api.routing import API_PREFIX
from payymo.api.services import ApiServices
from payymo.domain.errors import AuthenticationError, InvalidTokenError, TooManyRequestsError

logger = logging.getLogger("payymo.api")

_REQUEST_ID_FORM: Final = re.compile(r"[A-Za-z0-9._-]{8,128}", re.ASCII)

#: Nothing that the API answers is to be framed, guessed at, cached or told to others.
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"strict-transport-security", b"max-age=31536000"),
)

UNMATCHED: Final = "unmatched"


class RequestMiddleware:
    """Names each request, finds out who asks, and records how it ended. The outermost layer.

    :param app: What answers.
    :param services: The machines that the API was started with.
    :param metrics: Where requests are counted.
    """

    def __init__(self, app: ASGIApp, services: ApiServices, metrics: Metrics) -> None:
        self._app = app
        self._tokens = AccessTokens(services.token_key, services.clock)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        context = self._identify(Headers(scope=scope))
        set_context(scope, context)
        named = (b"x-request-id", context.request_id.encode())
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), named, *_SECURITY_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception:
            if status:
                raise  # half an answer is out: only closing the connection tells the client
            logger.exception("request failed")
            await server_error_response()(scope, receive, send_named)
        finally:
            self._record(scope, status, time.perf_counter() - began)

    def _identify(self, headers: Headers) -> RequestContext:
        request_id = headers.get("x-request-id", "")
        if not _REQUEST_ID_FORM.fullmatch(request_id):
            request_id = str(uuid4())
        context = RequestContext(request_id)
        authorization = headers.get("authorization")
        if authorization is None:
            return context
        scheme, _, token = authorization.partition(" ")
        try:
            if scheme.lower() != "bearer":
                context.refusal = InvalidTokenError(
                    "Send an access token as Authorization: Bearer <token>."
                )
            else:
                context.member = self._tokens.read(token.strip())
        except AuthenticationError as refusal:
            context.refusal = refusal
        return context

    def _record(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        route = scope.get("route")
        template = route.path if isinstance(route, APIRoute) else UNMATCHED
        # Labels live for ever: those that a client may invent would fill the memory.
        is_known = isinstance(route, APIRoute) and scope["method"] in (route.methods or ())
        method = scope["method"] if is_known else UNMATCHED
        self._metrics.record(method, template, status, seconds)
        logger.info(
            "request",
            extra={
                "method": scope["method"],
                "route": template,
                "status": status,
                "ms": round(seconds * 1000, 2),
            },
        )


class RateLimitMiddleware:
    """Refuses whoever asks too often: by member, else by network address.

    :param app: What answers.
    :param services: The machines that the API was started with, and the limits.
    """

    def __init__(self, app: ASGIApp, services: ApiServices) -> None:
        self._app = app
        self._clock = services.clock
        self._members = RateLimiter(services.member_limit)
        self._addresses = RateLimiter(services.address_limit)
        self._attempts = RateLimiter(services.auth_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http" or not scope["path"].startswith(API_PREFIX):
            await self._app(scope, receive, send)
            return
        allowance = self._take(scope)
        rates = (
            (b"ratelimit-limit", b"%d" % allowance.limit),
            (b"ratelimit-remaining", b"%d" % allowance.remaining),
            (b"ratelimit-reset", b"%d" % allowance.seconds),
        )

        async def send_rates(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *rates]
            await send(message)

        if allowance.allowed:
            await self._app(scope, receive, send_rates)
            return
        error = TooManyRequestsError("Too many requests: wait as long as Retry-After says.")
        response = payymo_error_response(error, self._clock())
        response.headers["Retry-After"] = str(allowance.seconds)
        await response(scope, receive, send_rates)

    def _take(self, scope: Scope) -> Allowance:
        now = self._clock().timestamp()
        address = scope["client"][0] if scope.get("client") else "unknown"
        if scope["method"] == "POST" and scope["path"].startswith(f"{API_PREFIX}/auth/"):
            return self._attempts.take(address, now=now)
        member = get_context(scope).member
        if member is None:
            return self._addresses.take(address, now=now)
        return self._members.take(f"{member.tenant_id}/{member.user_id}", now=now)
