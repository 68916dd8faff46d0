"""The commands, put together, and the one place where an error becomes a sentence."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from payymo.cli import banking, database, demonstration, invoicing, serving, translating
from payymo.cli.terminal import out, print_error
from payymo.domain.errors import PayymoError
from payymo.sandbox.cli import app as sandbox_app

app = typer.Typer(
    name="payymo",
    help="Self-hosted open banking: bank accounts in a clean ledger, invoices matched to payments.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demonstration.demo)
app.command("up")(demonstration.up)
app.command("serve")(serving.serve)
app.command("worker")(serving.worker)
app.command("sync")(banking.sync)
app.command("match")(invoicing.match)
app.add_typer(database.app, name="db")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(banking.connections_app, name="connections")
app.add_typer(banking.transactions_app, name="transactions")
app.add_typer(invoicing.invoices_app, name="invoices")
app.add_typer(translating.app, name="translate")


def _print_version(wanted: bool) -> None:  # Typer's callback takes it so
    if wanted:
        out.print(version("payymo"))
        raise typer.Exit


@app.callback()
def payymo(
    version: Annotated[  # acts by its callback
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
