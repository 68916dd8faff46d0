"""One tenant's dealings with a bank that the test decides on."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import ConsentingBank, Providers, RecordingQueue
from testing.fakes import FakeClock
from testing.workflows.connecting import House


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
