"""The sandbox as one thing: its memory, its clock, its books, and who may come in."""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response

from payymo.domain.banking import Clock
from payymo.sandbox import errors
from payymo.sandbox.books.library import Library
from payymo.sandbox.faults import ACCOUNT_FAULTS, Endpoint, general_refusal, take_fault
from payymo.sandbox.limits import count_company_call
from payymo.sandbox.state import Account, State, Token, load_state, save_state


class Sandbox:
    """Everything that the endpoints share.

    :param library: The books of the banks.
    :param clock: Where real time comes from; the sandbox adds its own offset.
    :param secret_id: Secret id that gets tokens; generated if not given.
    :param secret_key: Secret key that gets tokens and opens the control endpoints.
    :param state_path: File that keeps the state over restarts.
    """

    def __init__(
        self,
        library: Library,
        clock: Clock,
        *,
        secret_id: str | None = None,
        secret_key: str | None = None,
        state_path: Path | None = None,
    ) -> None:
        self.library = library
        self._clock = clock
        self._state_path = state_path
        self.state = load_state(state_path) or State(
            secret_id=secrets.token_hex(16), secret_key=secrets.token_hex(64)
        )
        self.state.secret_id = secret_id or self.state.secret_id
        self.state.secret_key = secret_key or self.state.secret_key

    def now(self) -> datetime:
        """Return the sandbox's present moment, in UTC."""
        return self._clock().astimezone(UTC) + timedelta(seconds=self.state.offset_seconds)

    def today(self) -> date:
        """Return the sandbox's present day, in UTC."""
        return self.now().date()

    def move_clock(self, moment: datetime) -> None:
        """Set the sandbox's present moment; it runs on from there."""
        self.state.offset_seconds = (moment - self._clock()).total_seconds()

    def save(self) -> None:
        """Write the state to its file, if it has one."""
        if self._state_path is not None:
            save_state(self.state, self._state_path)

    def issue(self, token: str, kind: str, lifetime: timedelta) -> None:
        """Remember a token until it expires, and forget those that have."""
        now = self.now()
        self.state.tokens = {
            digest: known for digest, known in self.state.tokens.items() if known.expires > now
        }
        self.state.tokens[_digest(token)] = msgspec.convert(
            {"kind": kind, "expires": now + lifetime}, Token
        )

    def holds(self, token: str, kind: str) -> bool:
        """Return whether a token is good for a purpose (``access`` or ``refresh``)."""
        known = self.state.tokens.get(_digest(token))
        return known is not None and known.kind == kind and known.expires > self.now()

    def is_customer(self, secret_id: str, secret_key: str) -> bool:
        """Return whether these are the sandbox's secrets."""
        return secrets.compare_digest(
            secret_id.encode(), self.state.secret_id.encode()
        ) and secrets.compare_digest(secret_key.encode(), self.state.secret_key.encode())


def sandbox_of(request: Request) -> Sandbox:
    """Return the sandbox that a request is made to."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


def bearer_of(request: Request) -> str:
    """Return the bearer token of a request, or an empty text."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def answer(body: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def visit(
    group: str, endpoint: Endpoint, *, anonymous: bool = False
) -> Callable[[Request], Awaitable[Sandbox]]:
    """Return the dependency that lets a request in: token, company limit, faults.

    :param group: Company limit that the call counts against.
    :param endpoint: Kind of endpoint, which faults can aim at.
    :param anonymous: Whether no token is needed.
    """

    async def enter(request: Request) -> Sandbox:
        sandbox = sandbox_of(request)
        if not anonymous and not sandbox.holds(bearer_of(request), "access"):
            raise errors.invalid_token()
        headers = count_company_call(sandbox.state, group, sandbox.now())
        request.state.limit_headers = headers
        await _meet_fault(sandbox, request, endpoint)
        return sandbox

    return enter


async def _meet_fault(sandbox: Sandbox, request: Request, endpoint: Endpoint) -> None:
    account = _account_of(sandbox, request)
    fault = take_fault(
        sandbox.state,
        endpoint,
        account=account.id if account else None,
        institution=account.institution_id if account else None,
        matching=lambda fault: fault.kind not in ACCOUNT_FAULTS,
    )
    if fault is None:
        return
    if fault.kind == "timeout":
        await asyncio.sleep(fault.seconds)
        return
    raise general_refusal(fault, request.client.host if request.client else "unknown")


def _account_of(sandbox: Sandbox, request: Request) -> Account | None:
    return sandbox.state.accounts.get(request.path_params.get("account_id", ""))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
