import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner

from payymo.sandbox.cli import app, parse_clock

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def serve(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "payymo.sandbox", "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_in_one_line_that_it_is_ready_and_stops_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serve("--state", str(tmp_path / "state.json"), "--clock", "2027-01-31") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert set(ready) == {"base_url", "secret_id", "secret_key"}
        assert ready["base_url"].startswith("http://127.0.0.1:")
        assert ready["base_url"].endswith("/api/v2")
        answer = httpx.get(
            ready["base_url"].removesuffix("/api/v2") + "/control/state",
            headers={"Authorization": f"Bearer {ready['secret_key']}"},
        )
        assert answer.json()["now"].startswith("2027-01-31T12:")

        process.send_signal(number)
        rest, complaints = process.communicate(timeout=10)

    assert process.returncode == 0
    assert (rest, complaints) == ("", "")


def test_given_secrets_are_used() -> None:
    with serve("--secret-id", "an-id", "--secret-key", "a-key") as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()

    assert (ready["secret_id"], ready["secret_key"]) == ("an-id", "a-key")


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        result = CliRunner().invoke(app, ["serve", "--port", str(port)])

    assert result.exit_code == 1
    assert f"cannot be served at 127.0.0.1:{port}" in result.output


def test_a_state_file_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("no state")

    result = CliRunner().invoke(app, ["serve", "--state", str(tmp_path / "state.json")])

    assert result.exit_code == 1
    assert "delete it to start with an empty sandbox" in result.output


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sandbox", "serve", "--port", "-1"])

    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("payymo.sandbox", run_name="__main__")

    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T08:00:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00:00+01:00", datetime(2026, 1, 31, 7, tzinfo=UTC)),
        ("+2", datetime(2026, 11, 22, 15, 30, tzinfo=UTC)),
        ("-0.5", datetime(2026, 11, 20, 3, 30, tzinfo=UTC)),
    ],
)
def test_a_clock_is_a_day_or_a_moment_or_days_from_now(text: str, expected: datetime) -> None:
    assert parse_clock(text, NOW) == expected


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "+many", "+9999999999"])
def test_anything_else_is_no_clock(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="Give a day"):
        parse_clock(text, NOW)
