"""``payymo analytics``: the warehouse's builds, and questions to it."""

from typing import Final

import typer

from payymo.cli.lazily import Commands, lazy_group

COMMANDS: Final[Commands] = {
    "build": ("payymo.cli.building", "build"),
    "status": ("payymo.cli.building", "status"),
    "datasets": ("payymo.cli.asking", "datasets"),
    "query": ("payymo.cli.asking", "query"),
    "export": ("payymo.cli.asking", "export"),
}

app = typer.Typer(cls=lazy_group(COMMANDS), no_args_is_help=True, add_completion=False)


@app.callback()
def analytics() -> None:
    """Build the warehouse that reports are read from, and ask it."""
