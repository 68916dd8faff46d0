"""The commands, put together, and the one place where an error becomes a sentence.

A command's module is imported when the command is asked for: most need far less than all of them.
"""

import sys
from importlib.metadata import version
from typing import Annotated, Final

import typer

from payymo.cli.lazily import Commands, lazy_group
from payymo.cli.terminal import out, print_error
from payymo.domain.errors import PayymoError

COMMANDS: Final[Commands] = {
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


app = typer.Typer(
    name="payymo",
    cls=lazy_group(COMMANDS),
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
