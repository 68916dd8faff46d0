"""One tenant's dealings with a bank that the test decides on, or with one of the sandbox's."""

from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import ConsentingBank, Providers, RecordingQueue
from testing.fakes import FakeClock
from testing.sandbox_house import FIRST_DAY, SandboxHouse
from testing.workflows.connecting import House

from payymo.sandbox.books.library import Library
from payymo.sandbox.server import Access, create_sandbox, running_sandbox
from payymo.sandbox.service import Sandbox

type Settle = Callable[[sessionmaker[Session], UUID], SandboxHouse]


@pytest.fixture
def bank() -> ConsentingBank:
    return ConsentingBank()


@pytest.fixture
def providers(bank: ConsentingBank) -> Providers:
    return Providers(bank)


@pytest.fixture
def queue() -> RecordingQueue:
    return RecordingQueue()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def house(
    sessions: sessionmaker[Session],
    providers: Providers,
    queue: RecordingQueue,
    clock: FakeClock,
    tenant_id: UUID,
) -> House:
    return House(sessions, providers, queue, clock, tenant_id)


@pytest.fixture(scope="module")
def library() -> Library:
    """Books of one seed, written once for all tests."""
    return Library(seed=11, volume_rows=600, customer_count=6)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[FastAPI, Access]]:
    """A running server; each house finds a sandbox of its own in it."""
    app = create_sandbox()
    with running_sandbox(app) as access:
        yield app, access


@pytest.fixture
def settle(served: tuple[FastAPI, Access], library: Library) -> Iterator[Settle]:
    """Makes the house of a tenant, at a new sandbox."""
    app, access = served
    app.state.sandbox = Sandbox(
        library, lambda: FIRST_DAY, secret_id=access.secret_id, secret_key=access.secret_key
    )
    with httpx.Client(timeout=30) as http:
        yield lambda sessions, tenant_id: SandboxHouse(app, access, sessions, tenant_id, http)
