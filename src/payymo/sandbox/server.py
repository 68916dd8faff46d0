"""Making the sandbox an ASGI application, and serving it."""

import asyncio
import contextlib
import secrets
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from payymo.domain.banking import Clock
from payymo.sandbox import consent, control
from payymo.sandbox.api import accounts, agreements, institutions, requisitions, tokens
from payymo.sandbox.books.customers import CUSTOMER_COUNT_DEFAULT
from payymo.sandbox.books.library import VOLUME_ROWS_DEFAULT, Library
from payymo.sandbox.errors import BrokenAnswerError, RefusalError, not_found, refusal
from payymo.sandbox.service import Sandbox, answer

API_PREFIX = "/api/v2"

_BACKLOG = 2048
_POLL_SECONDS = 0.01

type _Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a running sandbox.

    :ivar base_url: Base address for a client, with ``/api/v2`` and without a final slash.
    :ivar secret_key: Also opens the control endpoints, hence absent from the repr.
    """

    base_url: str
    secret_id: str
    secret_key: str = field(repr=False)


def create_sandbox(
    *,
    seed: int = 1,
    volume_rows: int = VOLUME_ROWS_DEFAULT,
    customer_count: int = CUSTOMER_COUNT_DEFAULT,
    secret_id: str | None = None,
    secret_key: str | None = None,
    state_path: Path | None = None,
    clock: Clock = lambda: datetime.now(UTC),
) -> FastAPI:
    """Return the sandbox as an application; ``app.state.sandbox`` is the thing itself.

    :param seed: Same seed, same books.
    :param volume_rows: Number of transactions at the volume bank.
    :param customer_count: How many customers the business has.
    :param secret_id: Secret id to accept; generated if not given.
    :param secret_key: Secret key to accept; generated if not given.
    :param state_path: File that keeps consents over restarts; without one they are forgotten.
    :param clock: Where real time comes from.
    :raises ConfigurationError: If the state file cannot be read.
    """
    sandbox = Sandbox(
        Library(seed, volume_rows, customer_count),
        clock,
        secret_id=secret_id,
        secret_key=secret_key,
        state_path=state_path,
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.sandbox.save()

    app = FastAPI(
        title="Sandbox of the GoCardless Bank Account Data API",
        version="2.0 (v2)",
        openapi_url=f"{API_PREFIX}/swagger.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.sandbox = sandbox
    api = APIRouter(prefix=API_PREFIX)
    for module in (tokens, institutions, agreements, requisitions, accounts):
        api.include_router(module.router)
    app.include_router(api)
    app.include_router(consent.router)
    app.include_router(control.router)
    app.add_exception_handler(RefusalError, _refuse)
    app.add_exception_handler(RequestValidationError, _refuse_command)
    app.add_exception_handler(HTTPException, _refuse_route)
    app.add_middleware(_Finish)
    return app


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 1,
    volume_rows: int = VOLUME_ROWS_DEFAULT,
    customer_count: int = CUSTOMER_COUNT_DEFAULT,
    secret_id: str | None = None,
    secret_key: str | None = None,
    state_path: Path | None = None,
    starts_at: datetime | None = None,
    on_ready: Callable[[Access], None] = lambda _access: None,
) -> None:
    """Serve the sandbox until SIGINT or SIGTERM.

    :param host: Address to listen at.
    :param port: Port to listen at; 0 takes a free one.
    :param starts_at: Moment to set the sandbox's clock to; without it, the clock stays.
    :param on_ready: Called once requests are answered.
    :raises OSError: If the port is taken.
    :raises ConfigurationError: If the state file cannot be read.
    """
    app = create_sandbox(
        seed=seed,
        volume_rows=volume_rows,
        customer_count=customer_count,
        secret_id=secret_id,
        secret_key=secret_key,
        state_path=state_path,
    )
    sandbox: Sandbox = app.state.sandbox
    if starts_at is not None:
        sandbox.move_clock(starts_at)
    with _listen(host, port) as listener:
        asyncio.run(
            _serve_until_signal(_server(app), listener, lambda: on_ready(_access(app, listener)))
        )


@contextlib.contextmanager
def running_sandbox(app: FastAPI, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Access]:
    """Serve the sandbox in a thread of this process for as long as the block lasts.

    :param app: From :func:`create_sandbox`.
    :param host: Address to listen at.
    :param port: Port to listen at; 0 takes a free one.
    :returns: How to reach it.
    :raises OSError: If the port is taken.
    """
    server = _server(app)
    with _listen(host, port) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), name="sandbox")
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(_POLL_SECONDS)
            yield _access(app, listener)
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """A server that leaves signals to its caller; the usual one raises them again at its end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    It says that it speaks TCP, which ``socket.create_server`` leaves out: asyncio turns off
    Nagle's delay only then, and with the delay every answer takes 40 ms.
    """
    family, kind, proto, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
    )[0]
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _server(app: FastAPI) -> _Server:
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=2)
    return _Server(config)


def _access(app: FastAPI, listener: socket.socket) -> Access:
    host, port = listener.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    state = app.state.sandbox.state
    return Access(f"http://{host}:{port}{API_PREFIX}", state.secret_id, state.secret_key)


async def _serve_until_signal(
    server: _Server, listener: socket.socket, on_ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():
        await asyncio.sleep(_POLL_SECONDS)
    if server.started:
        on_ready()
    await task


class _Finish:
    """Adds the limits and the name of a call to its answer, and saves what the call changed.

    The service names its calls as its gateway does: a number in hexadecimal, and an airport.
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def __call__(
        self, scope: _Message, receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        async def send_with_limits(message: _Message) -> None:
            if message["type"] == "http.response.start":
                limits = scope.get("state", {}).get("limit_headers", {})
                known = {name for name, _ in message["headers"]}
                message["headers"] += [
                    (name.encode(), value.encode())
                    for name, value in limits.items()
                    if name.encode() not in known
                ]
                message["headers"].append((b"cf-ray", f"{secrets.token_hex(8)}-SBX".encode()))
                scope["app"].state.sandbox.save()
            await send(message)

        await self._app(scope, receive, send_with_limits)


async def _refuse(_request: Request, error: Exception) -> Response:
    if isinstance(error, BrokenAnswerError):
        return Response(error.content, error.status, media_type=error.media_type)
    if not isinstance(error, RefusalError):
        raise error
    response = Response(
        msgspec.json.encode(error.body), error.status, media_type="application/json"
    )
    for name, value in error.headers.items():
        response.headers[name] = value
    return response


async def _refuse_command(_request: Request, error: Exception) -> Response:
    """Say what is wrong with a control command."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = "; ".join(
        f"{'.'.join(str(part) for part in problem['loc'][1:])}: {problem['msg']}"
        for problem in error.errors()
    )
    refused = refusal(422, "Invalid command", problems)
    return answer(refused.body, refused.status)


async def _refuse_route(request: Request, error: Exception) -> Response:
    """Redirect a path that lacks its final slash, as the service does; else say what is wrong."""
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path
    is_unknown = error.status_code == HTTPStatus.NOT_FOUND
    if is_unknown and path.startswith(API_PREFIX) and not path.endswith("/"):
        return RedirectResponse(str(request.url.replace(path=f"{path}/")), 301)
    detail = error.detail
    refused = not_found() if is_unknown else refusal(error.status_code, detail, detail)
    return answer(refused.body, refused.status)
