"""A GoCardless that says what a test tells it to."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from payymo.domain.banking import TokenPair

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


class MemoryTokenStore:
    """Keeps tokens for one process, and remembers how it was used."""

    def __init__(self, tokens: TokenPair | None = None) -> None:
        self.tokens = tokens
        self.writes = 0
        self.is_locked = False

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        assert not self.is_locked
        self.is_locked = True
        try:
            yield
        finally:
            self.is_locked = False

    def read(self) -> TokenPair | None:
        assert self.is_locked
        return self.tokens

    def write(self, tokens: TokenPair) -> None:
        assert self.is_locked
        self.tokens = tokens
        self.writes += 1


type Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def reply(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an answer made anew for each request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda request: httpx.Response(status, content=content, headers=headers)


@dataclass
class Script:
    """Answers by method and path, the last one for ever; and the requests that came."""

    replies: dict[tuple[str, str], list[Reply]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *replies: Reply) -> None:
        self.replies[method, path] = list(replies)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/api/v2/")
        queue = self.replies.get((request.method, path))
        assert queue, f"nothing is planned for {request.method} {path}"
        planned = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(planned, Exception):
            raise planned
        return planned(request) if callable(planned) else planned

    def sent(self, method: str, path: str) -> list[httpx.Request]:
        return [
            request
            for request in self.requests
            if (request.method, request.url.path) == (method, f"/api/v2/{path}")
        ]

    def body(self, method: str, path: str, index: int = 0) -> Any:
        return json.loads(self.sent(method, path)[index].content)


@dataclass
class Time:
    """A clock that only moves when it is told to, or slept on."""

    now: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def elapsed(self) -> float:
        return self.now.timestamp()
