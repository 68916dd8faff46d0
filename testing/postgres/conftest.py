"""Databases that nobody has set up yet."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, text

from payymo.postgres.embedded import EmbeddedServer


@pytest.fixture(scope="module")
def administrator(server: EmbeddedServer) -> Iterator[Engine]:
    """The server's superuser, each statement on its own."""
    engine = create_engine(server.url(user="postgres"), isolation_level="AUTOCOMMIT")
    yield engine
    engine.dispose()


@pytest.fixture
def empty_database(server: EmbeddedServer, administrator: Engine) -> Iterator[str]:
    name = f"payymo_empty_{uuid4().hex}"
    with administrator.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} OWNER payymo"))
    yield server.url(name)
    with administrator.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
