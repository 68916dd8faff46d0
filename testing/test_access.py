"""An installation's database is within reach, or a sentence says what is missing."""

from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from payymo.access import open_current_database
from payymo.domain.errors import ConfigurationError
from payymo.postgres.embedded import EmbeddedServer
from payymo.settings import load_settings

DATABASE_VARIABLE = "DATABASE_URL"

pytestmark = pytest.mark.usefixtures("bare_environment")


def complaint_of(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    """Return why an installation's database at this address cannot be used."""
    monkeypatch.setenv(DATABASE_VARIABLE, url)
    with pytest.raises(ConfigurationError) as caught, open_current_database(load_settings()):
        pass
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert str(make_url(url).database) not in caught.value.message
    return caught.value.message


def test_an_empty_database_is_to_be_set_up_first(
    monkeypatch: pytest.MonkeyPatch, server: EmbeddedServer, template: str
) -> None:
    name = f"payymo_empty_{uuid4().hex}"
    engine = create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            complaint = complaint_of(monkeypatch, server.url(name))
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()

    assert complaint == "The database is empty: run `payymo db init` first."


def test_a_database_of_another_version_is_to_be_upgraded(
    monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()

    complaint = complaint_of(monkeypatch, database)

    assert complaint == (
        "The database's tables are not those of this version: run `payymo db upgrade`."
    )


def test_a_server_that_does_not_answer_is_told_without_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    complaint = complaint_of(monkeypatch, "postgresql://ada:hunter2@127.0.0.1:1/ledger")

    assert complaint.startswith("The database cannot be used: check that its server runs")
    for secret in ("hunter2", "127.0.0.1", "ada"):
        assert secret not in complaint.replace("database", "")


def test_a_database_that_was_set_up_is_reached_by_its_address(
    monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, database)

    with open_current_database(load_settings()) as url:
        assert make_url(url).database == make_url(database).database
