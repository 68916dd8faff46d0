"""The commands, put together, and the one place where an error becomes a sentence.

A command's module is imported when the command is asked for: most need far less than all of them.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from payymo.cli.terminal import out, print_error
from payymo.domain.errors import PayymoError

#: Where each command is: a module, and a function or a group of commands in it.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("payymo.cli.demonstration", "demo"),
    "up": ("payymo.cli.demonstration", "up"),
    "serve": ("payymo.cli.serving", "serve"),
    "worker": ("payymo.cli.serving", "worker"),
    "dagster": ("payymo.cli.conducting", "dagster"),
    "db": ("payymo.cli.database", "app"),
    "sandbox": ("payymo.sandbox.cli", "app"),
    "connections": ("payymo.cli.banking", "connections_app"),
    "sync": ("payymo.cli.banking", "sync"),
    "transactions": ("payymo.cli.banking", "transactions_app"),
    "invoices": ("payymo.cli.invoicing", "invoices_app"),
    "tenants": ("payymo.cli.tenant_settings", "app"),
    "categories": ("payymo.cli.categories", "app"),
    "rates": ("payymo.cli.rates", "app"),
    "match": ("payymo.cli.matching", "match"),
    "doctor": ("payymo.cli.doctor", "doctor"),
    "analytics": ("payymo.cli.analytics", "app"),
    "replay": ("payymo.cli.replaying", "replay"),
    "translate": ("payymo.cli.translating", "app"),
}


class _Commands(TyperGroup):
    """Finds commands in :data:`COMMANDS`."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of all commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # click's signature
        """Return a command, imported now; ``None`` if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        found = getattr(import_module(module), name)
        group = found
        if not isinstance(found, typer.Typer):
            group = typer.Typer(add_completion=False)
            group.command(cmd_name)(found)
        command = typer.main.get_command(group)
        command.name = cmd_name
        return command


app = typer.Typer(
    name="payymo",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(version("payymo"))
        raise typer.Exit


@app.callback()
def payymo(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Self-hosted open banking: bank accounts in a clean ledger, invoices matched to payments."""


def main() -> None:
    """Run the command line; an error of ours is a sentence and exit code 1."""
    try:
        app()
    except PayymoError as error:
        print_error(error)
        sys.exit(1)
