"""An installation that commands run in, in the test's own process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_tenant
from testing.workflows.test_standardise import Book

from payymo.postgres.core import create_app_engine, create_sessions
from payymo.settings import Settings


@pytest.fixture
def committed(
    monkeypatch: pytest.MonkeyPatch, database: str, tmp_path: Path
) -> Iterator[sessionmaker[Session]]:
    """An installation that the environment describes, with a database of its own."""
    for setting in Settings.model_fields.values():
        monkeypatch.delenv(str(setting.validation_alias), raising=False)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("PAYYMO_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    engine = create_app_engine(database)
    yield create_sessions(engine)
    engine.dispose()


@pytest.fixture
def book(committed: sessionmaker[Session]) -> Book:
    with committed.begin() as session:
        tenant_id = add_tenant(session)
    return Book(committed, tenant_id, {"a"})
