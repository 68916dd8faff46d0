"""A sandbox whose clock stands still until it is moved, and a customer who visits it."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from payymo.sandbox.banks import SANDBOX_BANK
from payymo.sandbox.books.library import Library
from payymo.sandbox.server import create_sandbox, running_sandbox
from payymo.sandbox.service import Sandbox

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
REDIRECT = "https://payymo.invalid/callback?tenant=7"
API = "/api/v2"


class Visitor:
    """A customer of a running sandbox, with its secrets and a token.

    :ivar web: A browser that follows no redirect by itself.
    :ivar state: What the sandbox remembers.
    """

    def __init__(self, app: FastAPI, web: httpx.Client) -> None:
        self.state = app.state.sandbox.state
        self.web = web
        self.tokens = self.web.post(
            f"{API}/token/new/",
            json={"secret_id": self.state.secret_id, "secret_key": self.state.secret_key},
        ).json()

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Call the API with the access token; ``path`` begins after ``/api/v2``."""
        headers = {"Authorization": f"Bearer {self.tokens['access']}"}
        return self.web.request(method, API + path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.call("POST", path, json=body)

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.state.secret_key}"}
        return self.web.request(method, f"/control/{path}", json=body, headers=headers)

    def pass_days(self, days: float = 0, *, seconds: float = 0) -> None:
        """Move the clock onwards; tokens that expire with it are renewed."""
        self.control("POST", "clock", {"days": days, "seconds": seconds})
        self.tokens = self.web.post(
            f"{API}/token/new/",
            json={"secret_id": self.state.secret_id, "secret_key": self.state.secret_key},
        ).json()

    def unlimited(self) -> None:
        self.control("POST", "limits", {"accounts": 10**6, "account_success": 10**6})

    def fault(self, kind: str, **target: Any) -> None:
        answer = self.control("POST", "faults", {"kind": kind, **target})
        assert answer.status_code == 201, answer.text

    def agreement(self, institution: str = SANDBOX_BANK, **terms: Any) -> dict[str, Any]:
        answer = self.post("/agreements/enduser/", {"institution_id": institution, **terms})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def requisition(
        self, institution: str = SANDBOX_BANK, *, terms: dict[str, Any] | None = None, **fields: Any
    ) -> dict[str, Any]:
        body = {"institution_id": institution, "redirect": REDIRECT, **fields}
        if terms is not None:
            body["agreement"] = self.agreement(institution, **terms)["id"]
        answer = self.post("/requisitions/", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def link(
        self,
        institution: str = SANDBOX_BANK,
        *,
        scenario: str | None = None,
        terms: dict[str, Any] | None = None,
        **fields: Any,
    ) -> dict[str, Any]:
        """Return a requisition that is linked, by the short cut."""
        requisition = self.requisition(institution, terms=terms, **fields)
        command = {"status": "LN", "scenario": scenario}
        answer = self.control("POST", f"requisitions/{requisition['id']}", command)
        assert answer.json()["status"] == "LN", answer.text
        return dict(answer.json())

    def account(self, institution: str, **options: Any) -> str:
        """Return the first account of a bank that was linked just now."""
        return str(self.link(institution, **options)["accounts"][0])

    def household(self, **options: Any) -> str:
        return self.account(SANDBOX_BANK, scenario="household", **options)

    def booked(self, account: str, **dates: str) -> list[dict[str, Any]]:
        answer = self.get(f"/accounts/{account}/transactions/", params=dates)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["transactions"]["booked"])

    def pending(self, account: str) -> list[dict[str, Any]]:
        answer = self.get(f"/accounts/{account}/transactions/")
        return list(answer.json()["transactions"]["pending"])

    def walk(self, link: str, **fields: Any) -> httpx.Response:
        """Click through the consent pages; returns the answer that leads out of the sandbox.

        ``fields`` are filled in on every page; ``refuse_at`` names a page to refuse on.
        """
        refuse_at = fields.pop("refuse_at", None)
        address = link
        while urlsplit(address).netloc == self.web.base_url.netloc.decode():
            page = self.web.get(address)
            if page.is_redirect:
                return page
            assert page.headers["content-type"].startswith("text/html")
            decision = "refuse" if f"/psd2/{refuse_at}/" in address else "confirm"
            answer = self.web.post(address, data={"decision": decision, **fields})
            if not answer.is_redirect:
                return answer
            address = answer.headers["location"]
        return answer


@pytest.fixture(scope="session")
def library() -> Library:
    """Books of one seed, written once for all tests."""
    return Library(seed=7, volume_rows=2000)


@pytest.fixture(scope="session")
def today() -> date:
    return NOON.date()


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[FastAPI, httpx.Client]]:
    """A running server; each visitor finds a sandbox of its own in it."""
    app = create_sandbox()
    with running_sandbox(app) as access:
        root = access.base_url.removesuffix(API)
        with httpx.Client(base_url=root, timeout=30) as web:
            yield app, web


@pytest.fixture
def make_visitor(served: tuple[FastAPI, httpx.Client], library: Library) -> Callable[..., Visitor]:
    """Makes visitors; each new one finds a new sandbox at the same address."""
    app, web = served

    def make(**options: Any) -> Visitor:
        app.state.sandbox = Sandbox(library, options.pop("clock", lambda: NOON), **options)
        return Visitor(app, web)

    return make


@pytest.fixture
def visitor(make_visitor: Callable[..., Visitor]) -> Visitor:
    """A visitor of a new sandbox."""
    return make_visitor()
