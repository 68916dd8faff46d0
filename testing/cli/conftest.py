"""An installation that commands run in, in the test's own process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_tenant
from testing.workflows.test_standardise import Book

from payymo.postgres.core import create_app_engine, create_sessions


@pytest.fixture
def committed(
    monkeypatch: pytest.MonkeyPatch, database: str, bare_environment: Path
) -> Iterator[sessionmaker[Session]]:
    """An installation that the environment describes, with a database of its own."""
    monkeypatch.setenv("DATABASE_URL", database)
    engine = create_app_engine(database)
    yield create_sessions(engine)
    engine.dispose()


@pytest.fixture
def book(committed: sessionmaker[Session]) -> Book:
    with committed.begin() as session:
        tenant_id = add_tenant(session)
    return Book(committed, tenant_id, {"a"})
