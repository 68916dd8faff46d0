"""``payymo translate``: what a provider's rows say, in Payymo's words, without a database."""

import sys

import typer

from payymo.access import system_clock
from payymo.providers.gocardless.lines import translate_lines

app = typer.Typer(
    help="Translate a provider's transactions, without a database.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def translate() -> None:
    """Translate a provider's transactions, without a database."""


@app.command("gocardless")
def translate_gocardless() -> None:
    """Read JSON Lines on standard input, write one line for each, in order.

    A line in is {"institution_id", "account"?, "booked": true, "payload": {…}}; a line out holds
    the record's fields, or {"error": "…"}. Of the account only its "currency" is looked at, for
    rows that do not name theirs.
    """
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # a terminal's
    for line in translate_lines(sys.stdin, today=system_clock().date()):
        sys.stdout.write(line if line.endswith("\n") else f"{line}\n")
    sys.stdout.flush()
