"""A bank's whole life from the terminal: connected, read, renewed, ended, removed."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from testing.factories import add_tenant
from typer.testing import CliRunner, Result

from payymo.cli.app import app
from payymo.cli.browser import walk_consent
from payymo.cli.stack import running_sandbox
from payymo.domain.errors import (
    InvalidInputError,
    NotFoundError,
    PayymoError,
    ProviderQuotaError,
    RuleError,
)
from payymo.postgres.core import create_app_engine, create_sessions

BANK = "SANDBOXFINANCE_SFIN0000"
PUBLIC_URL = "http://payymo.test"
WAIT_SECONDS_MAX = 60


@pytest.fixture(autouse=True)
def tenant_id(monkeypatch: pytest.MonkeyPatch, database: str, bare_environment: Path) -> UUID:
    """The only tenant of an installation that the environment describes."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("PAYYMO_PUBLIC_URL", PUBLIC_URL)
    engine = create_app_engine(database)
    with create_sessions(engine).begin() as session:
        tenant_id = add_tenant(session)
    engine.dispose()
    return tenant_id


@pytest.fixture
def _sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    options = ["--port", "0", "--state", str(tmp_path / "sandbox.json")]
    with running_sandbox(options, environment={}, log_folder=tmp_path) as (_, address):
        for name, value in address.environment.items():
            monkeypatch.setenv(name, value)
        yield


def payymo(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, prog_name="payymo")


def told(*arguments: str) -> str:
    """Return what a command that succeeds prints."""
    result = payymo(*arguments)
    assert result.exception is None, result.exception
    return result.stdout


def refusal(*arguments: str) -> PayymoError:
    """Return why a command is refused."""
    error = payymo(*arguments).exception
    assert isinstance(error, PayymoError)
    return error


def consent(*arguments: str) -> str:
    """Run a command that asks for a consent, give it, and return what it says in the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "payymo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        question = process.stdout.readline()
        assert question.startswith("Open this page and consent: http://127.0.0.1:")
        here = httpx.MockTransport(lambda _: httpx.Response(200))
        with httpx.Client(timeout=60, mounts={PUBLIC_URL: here}) as browser:
            walk_consent(
                browser,
                question.split()[-1],
                answers={"scenario": "household"},
                until=f"{PUBLIC_URL}/api/v1/bank_connections/callback",
            )
        said, _ = process.communicate(timeout=WAIT_SECONDS_MAX)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    return said


@pytest.mark.usefixtures("_sandbox")
def test_a_bank_is_connected_read_renewed_ended_and_removed() -> None:
    assert BANK in told("connections", "banks", "XX")
    said = consent("connections", "start", BANK)
    (connection,) = json.loads(told("connections", "list", "--json"))
    assert said.startswith(f"Connected: {connection['id']}.")
    assert (connection["bank"], connection["status"]) == ("Sandbox Finance", "active")

    report = json.loads(told("sync", "--json"))[connection["id"]]
    assert report["status"] == "succeeded"
    assert f"{connection['id']}: succeeded, 0 added" in told("sync", connection["id"])
    for _ in range(2):
        told("sync", connection["id"])
    used_up = refusal("sync", connection["id"])
    assert isinstance(used_up, ProviderQuotaError)
    assert f"before {used_up.retry_at:%Y-%m-%d %H:%M} UTC" in used_up.message
    everything = payymo("sync")
    assert (everything.exit_code, everything.stdout) == (1, "")
    assert used_up.message in everything.stderr.replace("\n", " ")
    rows = json.loads(told("transactions", "list", "--limit", "3", "--json"))
    assert len(rows) == 3
    assert rows[0]["date"] >= rows[-1]["date"]
    assert "transactions" in told("transactions", "list", "--direction", "credit")

    read = ("connections", "accounts", connection["id"], "--json")
    accounts = json.loads(told(*read))
    assert {account["read"] for account in accounts} == {True}
    first = accounts[0]["id"]
    left = json.loads(told(*read, "--leave", first))
    assert [account["id"] for account in left if not account["read"]] == [first]
    assert json.loads(told(*read, "--read", first)) == accounts
    assert "no such account" in refusal(*read, "--read", connection["id"]).message

    doubles = ("connections", "doubles", connection["id"])
    assert json.loads(told(*doubles, "--json")) == []
    assert "No account of this connection" in refusal(*doubles, "--adopt").message
    assert "not both" in refusal(*doubles, "--adopt", "--leave").message

    diagnosis = json.loads(told("connections", "diagnose", connection["id"], "--json"))
    assert (diagnosis["institution"], diagnosis["status"]) == (BANK, "active")
    assert [run["status"] for run in diagnosis["runs"]][-1] == "succeeded"
    lines = told("connections", "diagnose", connection["id"]).splitlines()
    assert f"institution: {BANK}" in lines
    assert f"  - alias: {diagnosis['accounts'][0]['alias']}" in lines

    assert told("connections", "end", connection["id"]) == (
        "The connection is ended, and its history is kept.\n"
    )
    (ended,) = json.loads(told("connections", "list", "--json"))
    assert ended["status"] == "revoked"
    assert "no active connection" in refusal("sync").message
    assert isinstance(refusal("sync", connection["id"]), RuleError)
    assert json.loads(told("transactions", "list", "--limit", "3", "--json")) == rows

    # The terminal waits for the consent, however the connection stands meanwhile.
    assert consent("connections", "renew", connection["id"]).startswith("Connected:")
    (again,) = json.loads(told("connections", "list", "--json"))
    assert (again["id"], again["status"]) == (connection["id"], "active")

    assert told("connections", "end", connection["id"], "--data", "purge") == (
        "The connection is ended, and nothing of it is kept.\n"
    )
    assert json.loads(told("connections", "list", "--json")) == []


@pytest.mark.parametrize("command", ["renew", "end", "diagnose"])
def test_an_unknown_connection_is_not_found(command: str) -> None:
    error = refusal("connections", command, str(uuid4()))

    assert isinstance(error, NotFoundError)


def test_without_credentials_it_says_where_they_go() -> None:
    assert "GOCARDLESS_SECRET_ID" in refusal("connections", "banks", "GB").message


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"secret_id": "s3cret"}', "s3cret"])
def test_a_file_that_holds_no_credentials_is_refused_without_quoting_it(
    tmp_path: Path, content: str
) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)

    error = refusal("connections", "credentials", "--file", str(file))

    assert isinstance(error, InvalidInputError)
    assert "s3cret" not in error.message
    assert error.__suppress_context__


def test_credentials_are_asked_for_stored_and_forgotten() -> None:
    entered = CliRunner().invoke(
        app, ["connections", "credentials"], input="own-id\nown-key\n", prog_name="payymo"
    )

    assert entered.exception is None
    assert "own-key" not in entered.output
    assert told("connections", "credentials", "--forget") == (
        "The tenant's own credentials are removed.\n"
    )
