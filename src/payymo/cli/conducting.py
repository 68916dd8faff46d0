"""``payymo dagster``: the pages that show the pipeline, and what runs it."""

from typing import Annotated

import typer

from payymo.assembly import open_installation
from payymo.cli.stack import running_dagster, told_to_stop
from payymo.cli.terminal import err, out
from payymo.settings import load_settings

DagsterPortOption = Annotated[
    int,
    typer.Option(min=0, max=65535, help="Port of Dagster's pages; 0 takes a free one."),
]

_CHECK_SECONDS = 0.5


def dagster(port: DagsterPortOption = 3000) -> None:
    """Open Dagster's pages until Ctrl-C: lineage, builds of the warehouse, checks, backfills.

    Syncs and matchings are the worker's: run `payymo up` or `payymo worker` beside it, or
    everything at once with `payymo up --with-dagster`.
    """
    settings = load_settings()
    err.print("Starting Dagster.")
    with (
        told_to_stop() as stop,
        # Kept open, so that an embedded database is not started anew for each look of a sensor.
        open_installation(settings),
        running_dagster(data_dir=settings.data_dir.resolve(), port=port) as stack,
    ):
        out.print(f"Dagster listens at {stack.url}; its log is in {stack.log_folder}.")
        out.print("Ctrl-C stops it.")
        while not stop.wait(_CHECK_SECONDS):
            stack.check()
        err.print("Stopping.")
