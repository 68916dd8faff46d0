"""The whole API on a real database, asked by members of every kind.

``client`` asks as the owner of ``tenant_id``; ``member`` and ``viewer`` as such, there;
``stranger`` as the owner of another tenant; ``anonymous`` as nobody.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session, sessionmaker

from payymo.analytics.warehouse import Warehouse
from payymo.api.access_tokens import AccessTokens, Member
from payymo.api.app import create_app
from payymo.api.services import ApiServices
from payymo.domain.enums import JobKind, JobStatus, Provider, Role, SyncTrigger
from payymo.domain.errors import ConfigurationError
from payymo.postgres.encryption import KEY_BYTES, KeyRing
from payymo.postgres.jobs.models import Job
from payymo.providers.base import BankDataProvider, ProviderDirectory
from payymo.workflows.queue import JobQueue

with warnings.catch_warnings():
    # The test client prefers a successor of httpx; until Payymo has it, httpx does.
    warnings.simplefilter("ignore")
    from fastapi.testclient import TestClient

TOKEN_KEY = b"a key of the tests, and 32 bytes long"

type Enter = Callable[..., TestClient]


@dataclass
class HandClock:
    """A clock that a test turns by hand."""

    now: datetime = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class RowQueue:
    """A queue whose jobs nobody takes: they stay as rows."""

    def queue_sync(
        self,
        session: Session,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        trigger: SyncTrigger,
        requested_by: UUID | None,
        not_before: datetime | None = None,
    ) -> Job:
        return self._queue(session, tenant_id, JobKind.SYNC, connection_id, requested_by)

    def queue_match(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        return self._queue(session, tenant_id, JobKind.MATCH, None, requested_by)

    def queue_build(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        return self._queue(session, tenant_id, JobKind.BUILD, None, requested_by)

    def queue_categorise(
        self, session: Session, tenant_id: UUID, *, requested_by: UUID | None
    ) -> Job:
        return self._queue(session, tenant_id, JobKind.CATEGORISE, None, requested_by)

    def queue_refresh(self, session: Session, *, now: datetime) -> None:
        """Nobody builds."""

    def _queue(
        self,
        session: Session,
        tenant_id: UUID,
        kind: JobKind,
        connection_id: UUID | None,
        requested_by: UUID | None,
    ) -> Job:
        job = Job(
            tenant_id=tenant_id,
            kind=kind,
            status=JobStatus.QUEUED,
            connection_id=connection_id,
            requested_by=requested_by,
        )
        session.add(job)
        session.flush()
        session.refresh(job)
        return job


class NoProviders:
    """An installation without credentials for any provider."""

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        raise ConfigurationError("There are no credentials for this provider: enter them first.")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def queue() -> JobQueue:
    return RowQueue()


@pytest.fixture
def providers() -> ProviderDirectory:
    return NoProviders()


@pytest.fixture
def services(
    sessions: sessionmaker[Session],
    clock: HandClock,
    queue: JobQueue,
    providers: ProviderDirectory,
    tmp_path: Path,
) -> ApiServices:
    return ApiServices(
        sessions=sessions,
        providers=providers,
        queue=queue,
        token_key=TOKEN_KEY,
        key_ring=KeyRing([bytes(KEY_BYTES)]),
        clock=clock,
        public_url="http://testserver",
        warehouse=Warehouse(tmp_path / "analytics"),
    )


@pytest.fixture
def app(services: ApiServices) -> FastAPI:
    return create_app(services)


@pytest.fixture
def user_id() -> UUID:
    """The user as whom ``client`` asks."""
    return uuid4()


@pytest.fixture
def enter(app: FastAPI, services: ApiServices) -> Iterator[Enter]:
    """Return a function that opens the API as some member."""
    opened: list[TestClient] = []

    def enter(tenant_id: UUID, role: Role = Role.OWNER, user_id: UUID | None = None) -> TestClient:
        tokens = AccessTokens(services.token_key, services.clock)
        member = Member(tenant_id=tenant_id, user_id=user_id or uuid4(), role=role)
        client = TestClient(app, headers={"Authorization": f"Bearer {tokens.issue(member)}"})
        opened.append(client)
        return client

    yield enter
    for client in opened:
        client.close()


@pytest.fixture
def client(enter: Enter, tenant_id: UUID, user_id: UUID) -> TestClient:
    return enter(tenant_id, Role.OWNER, user_id)


@pytest.fixture
def member(enter: Enter, tenant_id: UUID) -> TestClient:
    return enter(tenant_id, Role.MEMBER)


@pytest.fixture
def viewer(enter: Enter, tenant_id: UUID) -> TestClient:
    return enter(tenant_id, Role.VIEWER)


@pytest.fixture
def stranger(enter: Enter, other_tenant_id: UUID) -> TestClient:
    return enter(other_tenant_id, Role.OWNER)


@pytest.fixture
def anonymous(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client
