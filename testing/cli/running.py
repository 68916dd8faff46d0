"""Runs commands in the test's own process."""

from typer.testing import CliRunner, Result

from payymo.cli.app import app


def payymo(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, prog_name="payymo")


def told(*arguments: str) -> str:
    result = payymo(*arguments)
    assert result.exception is None, result.exception
    return result.stdout
