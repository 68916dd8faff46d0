"""``payymo sandbox …``: the stand-in bank service, alone."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from payymo.domain.errors import PayymoError
from payymo.sandbox.books.customers import CUSTOMER_COUNT_DEFAULT
from payymo.sandbox.books.library import VOLUME_ROWS_DEFAULT
from payymo.sandbox.server import Access, serve

app = typer.Typer(
    help="A stand-in for the GoCardless Bank Account Data service, with invented banks.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def sandbox() -> None:
    """A stand-in for the GoCardless Bank Account Data service, with invented banks."""


@app.command("serve")
def serve_alone(  # noqa: PLR0917 - options of a command, never passed by position
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free port.")] = 0,
    seed: Annotated[int, typer.Option(help="Same seed, same books.")] = 1,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    state: Annotated[
        Path | None, typer.Option(help="File that keeps consents over restarts.")
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="Day or moment to start at (2026-01-31, or +40 for days from now)."),
    ] = None,
    volume_rows: Annotated[
        int, typer.Option(min=0, help="Transactions at the volume bank.")
    ] = VOLUME_ROWS_DEFAULT,
    customers: Annotated[
        int, typer.Option(min=1, help="Customers of the business.")
    ] = CUSTOMER_COUNT_DEFAULT,
    secret_id: Annotated[
        str | None, typer.Option(envvar="PAYYMO_SANDBOX_SECRET_ID", help="Generated if not given.")
    ] = None,
    secret_key: Annotated[
        str | None, typer.Option(envvar="PAYYMO_SANDBOX_SECRET_KEY", help="Generated if not given.")
    ] = None,
) -> None:
    """Serve until Ctrl-C; print one JSON line with base_url, secret_id, secret_key when ready."""
    try:
        serve(
            host=host,
            port=port,
            seed=seed,
            volume_rows=volume_rows,
            customer_count=customers,
            secret_id=secret_id,
            secret_key=secret_key,
            state_path=state,
            starts_at=parse_clock(clock, datetime.now(UTC)) if clock else None,
            on_ready=_announce,
        )
    except PayymoError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"The sandbox cannot be served at {host}:{port}: {error.strerror}.", err=True)
        raise typer.Exit(1) from error


def parse_clock(text: str, now: datetime) -> datetime:
    """Return the moment that a text names.

    :param text: Date, ISO date and time, or a number of days from now such as ``+40``.
    :param now: Present moment.
    :raises typer.BadParameter: If it is none of them.
    """
    try:
        if text[:1] in "+-":
            return now + timedelta(days=float(text))
        if "T" not in text:
            return datetime.combine(date.fromisoformat(text), time(12), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            "Give a day (2026-01-31), a moment (2026-01-31T08:00:00Z) or days from now (+40)."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _announce(access: Access) -> None:
    line = {
        "base_url": access.base_url,
        "secret_id": access.secret_id,
        "secret_key": access.secret_key,
    }
    typer.echo(json.dumps(line))
