"""The migrations lead to what the models say, on a database of any state."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.errors import ConfigurationError
from payymo.postgres.core import Base, create_app_engine, create_owner_engine, create_sessions
from payymo.postgres.embedded import EmbeddedServer
from payymo.postgres.schema import (
    compare_models,
    database_revision,
    init_database,
    latest_revision,
    upgrade_database,
)


def test_the_models_and_the_migrations_agree(database: str) -> None:
    assert compare_models(database) is None
