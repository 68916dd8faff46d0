"""Commands are found by name, explain themselves, and name what they do not understand."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from payymo.cli.app import COMMANDS, app, main


def run(*arguments: str) -> tuple[int, str]:
    """Return a command's exit code and all that it printed, in one line."""
    result = CliRunner().invoke(app, arguments, prog_name="payymo", env={"COLUMNS": "200"})
    return result.exit_code, " ".join(result.output.split())


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_names_every_command(option: str) -> None:
    code, said = run(option)

    assert code == 0
    for name in COMMANDS:
        assert f" {name} " in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    code, said = run(name, "-h")

    assert code == 0
    assert f"Usage: payymo {name}" in said


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version") == (0, version("payymo"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("nothing", "No such command 'nothing'."),
        ("connections nothing", "No such command 'nothing'."),
        ("connections renew", "Missing argument 'connection'."),
        ("connections renew 12", "Invalid value for 'connection': Input should be a valid UUID"),
        ("connections end 12", "Invalid value for 'connection': Input should be a valid UUID"),
        ("sync 12", "Invalid value for 'connection': Input should be a valid UUID"),
        ("serve --nothing", "No such option: --nothing"),
        ("serve --port 65536", "Invalid value for '--port'"),
        ("worker --concurrency 0", "Invalid value for '--concurrency'"),
        ("transactions list --limit 201", "less than or equal to 200"),
        ("transactions list --direction up", "'up' is not one of 'credit', 'debit'"),
        ("transactions list --since today", "'today' does not match the formats '%Y-%m-%d'"),
    ],
)
def test_a_wrong_word_is_named_before_anything_happens(arguments: str, complaint: str) -> None:
    code, said = run(*arguments.split())

    assert code == 2
    assert complaint in said.replace("│ ", "")
    assert "-h' for help" in said


def test_an_error_of_ours_is_a_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["payymo", "invoices", "import", "/nowhere.csv"])

    with pytest.raises(SystemExit) as left:
        main()

    assert left.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Error: /nowhere.csv cannot be read: No such file or directory.\n"


@pytest.mark.parametrize(
    ("words", "position", "completions"),
    [
        ("payymo con", 1, ["connections"]),
        ("payymo connections ren", 2, ["renew"]),
        ("payymo sync --ten", 2, ["--tenant"]),
    ],
)
def test_a_shell_completes_commands_at_every_depth(
    words: str, position: int, completions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(
        app,
        prog_name="payymo",
        env={
            "_PAYYMO_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(position),
        },
    )

    assert result.output.split() == completions


def test_the_completion_is_installed_for_a_shell(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "payymo", "--install-completion", "bash"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "completion installed" in done.stdout
    assert ".bash_completions" in (tmp_path / ".bashrc").read_text()


def test_the_help_does_not_wake_what_a_command_does_not_need() -> None:
    code = "import sys, payymo.cli.app; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
