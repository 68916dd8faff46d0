"""The database is set up, upgraded and asked about from the terminal, on a named server, too."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from payymo.cli.app import app
from payymo.domain.errors import ConfigurationError
from payymo.postgres.embedded import EmbeddedServer
from payymo.postgres.schema import latest_revision


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PAYYMO_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def empty_database(server: EmbeddedServer) -> Iterator[str]:
    name = f"payymo_empty_{uuid4().hex}"
    engine = create_engine(server.url(), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield server.url(name)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["db", *arguments], prog_name="payymo")


def test_a_named_server_is_set_up_only_when_told(
    monkeypatch: pytest.MonkeyPatch, empty_database: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database)

    before = run("status", "--json")
    too_early = run("upgrade")
    first, second = run("init"), run("init")
    upgraded = run("upgrade")
    after = run("status")

    assert json.loads(before.output) == {"revision": None, "latest": latest_revision()}
    assert isinstance(too_early.exception, ConfigurationError)
    assert "run `payymo db init` first" in too_early.exception.message
    for said in (first, second):
        assert said.output == f"The database is set up, at revision {latest_revision()}.\n"
    assert upgraded.output == f"The database is at revision {latest_revision()}.\n"
    assert after.output == (
        f"At revision {latest_revision()}; this version needs {latest_revision()}.\n"
    )


@pytest.mark.parametrize("command", ["status", "init", "upgrade"])
def test_a_server_that_does_not_answer_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/ledger")

    refused = run(command)

    assert isinstance(refused.exception, ConfigurationError)
    assert refused.exception.message.startswith("The database cannot be used")
    assert "hunter2" not in refused.exception.message
