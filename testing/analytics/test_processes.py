"""Processes that are told what to do through a pipe."""

import time
from pathlib import Path

import pytest

from payymo.analytics.processes import ToldProcess

#: Says that it is there, and would then go on for ever.
PATIENT = """
import sys, time
sys.stdin.read()
print("here", flush=True)
time.sleep(600)
"""


def test_a_listener_that_fails_ends_the_process(tmp_path: Path) -> None:
    program = tmp_path / "patient.py"
    program.write_text(PATIENT, encoding="utf-8")

    def fail(line: str) -> None:
        raise RuntimeError(line.strip())

    began = time.monotonic()
    with ToldProcess(str(program)) as process, pytest.raises(RuntimeError, match="here"):
        process.tell({}, fail)

    assert time.monotonic() - began < 60


def test_its_command_line_and_environment_say_nothing(tmp_path: Path) -> None:
    program = tmp_path / "curious.py"
    program.write_text(
        "import json, os, sys\nprint(json.load(sys.stdin), sys.argv[1:], 'PATH' in os.environ)",
        encoding="utf-8",
    )
    lines: list[str] = []

    with ToldProcess(str(program)) as process:
        exit_code = process.tell({"password": "secret"}, lines.append)

    assert exit_code == 0
    assert lines == ["{'password': 'secret'} [] False\n"]
