"""Runs dbt, in a process of its own that is told no more than it needs."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from payymo.analytics.planning import Plan
from payymo.analytics.warehouse import WAREHOUSE_FILE
from payymo.domain.errors import BuildFailedError, Problem

#: What a run of dbt is doing: how many of its steps are done, of how many, and the latest one.
type Progress = Callable[[int, int, str], None]

#: Told of each event that dbt logs, as it is.
type Listener = Callable[[Mapping[str, Any]], None]

_WELL: Final = {"success", "pass", "no-op", "warn"}
#: What is left out because something before it failed says nothing of its own.
_CONSEQUENCE: Final = "skipped"
_STOP_SECONDS_MAX: Final = 20
_RESULTS: Final = "run_results.json"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a run made and tried."""

    model_count: int
    test_count: int


class Transformer:
    """A process that runs dbt, once. It loads while its caller finds out what it is to do.

    :param project: Folder of the dbt project.
    """

    def __init__(self, project: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and project
            [sys.executable, str(project / "run.py"), "--told"],
            env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process where it has not ended by itself."""
        with self._process:
            if self._process.poll() is None:
                _stop(self._process)

    def transform(
        self,
        draft: Path,
        *,
        extensions: Path,
        environment: Mapping[str, str],
        snapshot: str,
        as_of: datetime,
        changed_since: int | None,
        plan: Plan | None,
        parsed: Path | None,
        progress: Progress,
        on_event: Listener | None = None,
    ) -> Counts:
        """Build models into a draft's file and test them.

        :param draft: Folder of the build.
        :param extensions: Folder of DuckDB's extensions.
        :param environment: Variables by which libpq reaches PostgreSQL.
        :param snapshot: Name of the exported snapshot that all models read.
        :param as_of: The moment that it shows (aware, UTC).
        :param changed_since: Number of the transaction from which on rows are read, modulo 2³²;
            without one, all rows are.
        :param plan: Which models are built, and how; without one, all are.
        :param parsed: What dbt left behind when it parsed this very project, which is not parsed
            and described again; without it, it is.
        :param progress: Told of each step.
        :param on_event: Told of each event of dbt's log.
        :raises BuildFailedError: If a model cannot be built, or a test fails; each with its
            sentence.
        """
        target = draft / "target"
        told = {
            "arguments": [
                *("--log-format", "json", "--log-level", "info"),
                *(("--no-write-json",) if parsed else ()),
                *("--log-path", str(draft / "logs"), "--log-level-file", "none"),
                # No model asks what is there already: the plan says so.
                *("--no-populate-cache", "build", "--target-path", str(target)),
                *("--exclude-resource-type", "unit_test"),
                *_selection(plan),
            ],
            "environment": {
                **environment,
                **_instructions(changed_since, plan),
                "PAYYMO_SNAPSHOT": snapshot,
                "PAYYMO_AS_OF": as_of.isoformat(),
                # The same for every build, or dbt would take what it parsed for another project's.
                "PAYYMO_WAREHOUSE": WAREHOUSE_FILE,
                "PAYYMO_EXTENSIONS": str(extensions),
            },
            "folder": str(draft),
            "parsed": parsed and str(parsed),
            "results": str(target / _RESULTS),
        }
        try:
            complaints = list(self._run(told, progress, on_event))
        except BaseException:
            _stop(self._process)
            raise
        self._process.wait()
        results = _results(draft)
        problems = _problems(results) or complaints
        if self._process.returncode != 0 or problems:
            raise BuildFailedError(
                "The warehouse was not built; what was built before stays in use.",
                problems=[Problem(None, problem) for problem in problems],
            )
        kinds = [str(result["unique_id"]).partition(".")[0] for result in results]
        return Counts(kinds.count("model"), kinds.count("test"))

    def _run(
        self, told: Mapping[str, Any], progress: Progress, on_event: Listener | None
    ) -> Iterator[str]:
        """Tell dbt what to do, and yield what it complains of."""
        stdin = self._process.stdin
        # A process that ended before it was told anything says why in its output.
        with suppress(BrokenPipeError):
            if stdin is not None:
                json.dump(told, stdin)
                stdin.close()
        yield from _follow(self._process.stdout or (), progress, on_event)


def _selection(plan: Plan | None) -> Sequence[str]:
    """Return dbt's arguments for the steps of a plan, and no others."""
    if plan is None:
        return ()
    if not plan.steps:
        return ("--exclude", "*")
    return ("--indirect-selection", "empty", "--select", *plan.steps)


def _instructions(changed_since: int | None, plan: Plan | None) -> Mapping[str, str]:
    """Return what models ask of an incremental build."""
    if changed_since is None or plan is None:
        return {}
    instructed = {
        "narrowed": plan.narrowed,
        "tenants": [str(tenant_id) for tenant_id in plan.tenants],
        "patched": plan.patched,
        "row_counts": plan.row_counts,
    }
    return {"PAYYMO_CHANGED_SINCE": str(changed_since), "PAYYMO_PLAN": json.dumps(instructed)}


def _follow(lines: Iterable[str], progress: Progress, on_event: Listener | None) -> Iterator[str]:
    """Tell of each step, and yield what dbt complains of besides its steps' results."""
    done = 0
    for line in lines:
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            yield line.strip()
            continue
        if on_event is not None:
            on_event(event)
        data, info = event["data"], event["info"]
        # A test's result calls the number of all steps otherwise than a model's.
        total = data.get("total", data.get("num_models"))
        if total is not None and info["name"].endswith("Result"):
            done += 1
            progress(done, total, data["node_info"]["node_name"])
        elif info["level"] == "error":
            yield info["msg"]


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()


def _results(draft: Path) -> Sequence[Mapping[str, Any]]:
    try:
        told = json.loads((draft / "target" / _RESULTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    results: Sequence[Mapping[str, Any]] = told["results"]
    return results


def _problems(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what went wrong by itself, in the words of dbt, one line for each."""
    return [
        f"{'.'.join(result['unique_id'].split('.')[2:3])}: "
        f"{' '.join(str(result['message']).split())}"
        for result in results
        if result["status"] not in {*_WELL, _CONSEQUENCE}
    ]
