"""``payymo analytics build`` and ``status``: the warehouse's builds."""

from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Annotated

import typer

from payymo.analytics.project import project_fingerprint, project_folder
from payymo.analytics.transforming import Transformer
from payymo.analytics.warehouse import BuildRecord, Warehouse
from payymo.cli.terminal import JsonOption, ProgressLine, err, out, print_json
from payymo.domain.enums import BuildKind
from payymo.settings import Settings, load_settings


def build(
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read everything anew, not only what changed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Bring the warehouse up to date, test it, and let readers see it.

    Reads what changed since the last build, of all tenants, at one moment of the database. A build
    that fails, or whose tests do, is never shown: the last good one stays in use.
    """
    shown, settings = ProgressLine(), load_settings()
    with _dbt_if_needed(settings, full=full) as dbt:
        record = _build(settings, dbt, full=full, shown=shown)
    if json:
        print_json(record)
        return
    seconds = (record.finished_at - record.started_at).total_seconds()
    what = "everything" if record.kind is BuildKind.FULL else "what had changed"
    shown.clear()
    out.print(
        f"Built {record.model_count} models from {what} in {seconds:.1f} s, and "
        f"{record.test_count} tests hold. The warehouse shows {_moment(record.as_of)}."
    )


def _dbt_if_needed(settings: Settings, *, full: bool) -> AbstractContextManager[Transformer | None]:
    """Start dbt, which takes seconds, where everything is to be built, as far as can be seen."""
    project = project_folder()
    latest = Warehouse(settings.warehouse_dir).current()
    if full or latest is None or latest.fingerprint != project_fingerprint(project):
        return Transformer(project)
    return nullcontext()


def _build(
    settings: Settings, dbt: Transformer | None, *, full: bool, shown: ProgressLine
) -> BuildRecord:
    # These take as long to load as dbt does, which where it is needed loads meanwhile.
    from payymo.access import open_current_database, system_clock  # noqa: PLC0415  # not before dbt's
    from payymo.workflows.warehouse import build_warehouse  # noqa: PLC0415  # not before dbt's

    with open_current_database(settings) as url:
        return build_warehouse(
            url,
            settings.warehouse_dir,
            full=full,
            clock=system_clock,
            progress=lambda done, total, name: shown.show(f"{done} of {total}: {name}"),
            on_wait=_tell_of_waiting,
            dbt=dbt,
        )


def status(*, json: JsonOption = False) -> None:
    """Say how fresh the warehouse is, and why its latest build failed where it did."""
    warehouse = Warehouse(load_settings().warehouse_dir)
    current, failure = warehouse.current(), warehouse.latest_failure()
    if json:
        print_json({"current": current, "failure": failure})
        return
    out.print(_describe(current))
    if failure is not None:
        out.print(f"The build of {_moment(failure.failed_at)} failed:")
        for problem in failure.problems:
            out.print(f"  {problem}", markup=False)


def _describe(current: BuildRecord | None) -> str:
    if current is None:
        return "The warehouse was not built yet: run `payymo analytics build`."
    return (
        f"The warehouse shows {_moment(current.as_of)} (build {current.id}, {current.kind}, "
        f"{current.model_count} models, {current.test_count} tests)."
    )


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _tell_of_waiting() -> None:
    err.print("Another build is under way: waiting for it to end.")
