"""Workers on a database of their own, since they really commit."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import ConsentingBank, Providers
from testing.factories import NOW, add_account, add_tenant
from testing.fakes import FakeClock

from payymo.jobs.services import WorkerServices
from payymo.postgres.common.models import Account
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.tenancy import tenant_transaction


@pytest.fixture
def own_engine(database: str) -> Iterator[Engine]:
    """The application's engine on the test's own database."""
    engine = create_app_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def own_sessions(own_engine: Engine) -> sessionmaker[Session]:
    """An opener of transactions that are really committed."""
    return create_sessions(own_engine)


@pytest.fixture
def own_tenant(own_sessions: sessionmaker[Session]) -> UUID:
    """A tenant."""
    with own_sessions.begin() as session:
        return add_tenant(session)


@pytest.fixture
def account(own_sessions: sessionmaker[Session], own_tenant: UUID) -> Account:
    """An account of an active connection."""
    with tenant_transaction(own_sessions, own_tenant) as session:
        return add_account(session, own_tenant, details_fetched_at=NOW)


@pytest.fixture
def bank() -> ConsentingBank:
    """The bank."""
    return ConsentingBank()


@pytest.fixture
def services(own_sessions: sessionmaker[Session], bank: ConsentingBank) -> WorkerServices:
    """What a worker works with."""
    return WorkerServices(sessions=own_sessions, providers=Providers(bank), clock=FakeClock())
