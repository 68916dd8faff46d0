"""Builds everything anew: runs dbt, in a process of its own that is told no more than it needs."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from payymo.analytics.processes import ToldProcess
from payymo.analytics.steps import Counts, Source, Step, Teller, build_failure
from payymo.analytics.warehouse import WAREHOUSE_FILE

_WELL: Final = {"success", "pass", "no-op", "warn"}
#: What is left out because something before it failed says nothing of its own.
_CONSEQUENCE: Final = "skipped"
#: What dbt writes for terminals.
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


class Transformer(ToldProcess):
    """A process that runs dbt, once. It loads while its caller finds out what it is to do.

    :param project: Folder of the dbt project.
    """

    def __init__(self, project: Path) -> None:
        super().__init__(str(project / "run.py"), "--told")

    def transform(
        self,
        draft: Path,
        source: Source,
        teller: Teller,
    ) -> Counts:
        """Build all models into a draft's file, which is new, and run all their tests.

        :param draft: Folder of the build.
        :param source: What the models read.
        :param teller: Told of each step.
        :raises BuildFailedError: If a model cannot be built, or a test fails; each with its
            sentence.
        """
        target = draft / "target"
        told = {
            "arguments": [
                *("--log-format", "json", "--log-level", "info"),
                *("--log-path", str(draft / "logs"), "--log-level-file", "none"),
                # No model asks what is there already: nothing is.
                *("--no-populate-cache", "build", "--target-path", str(target)),
                *("--exclude-resource-type", "unit_test"),
            ],
            "environment": {
                **source.environment,
                "PAYYMO_SNAPSHOT": source.snapshot,
                "PAYYMO_AS_OF": source.as_of.isoformat(),
                # The same for every build, or dbt would take what it parsed for another project's.
                "PAYYMO_WAREHOUSE": WAREHOUSE_FILE,
                "PAYYMO_EXTENSIONS": str(source.extensions),
            },
            "folder": str(draft),
        }
        exit_code = self.tell(told, lambda line: _hear(line, teller))
        results = _results(target)
        problems = _problems(results) or teller.complaints
        if exit_code != 0 or problems:
            raise build_failure(problems)
        kinds = [str(result["unique_id"]).partition(".")[0] for result in results]
        return Counts(kinds.count("model"), kinds.count("test"))


def _hear(line: str, teller: Teller) -> None:
    """Tell of a step's result that dbt logs, and keep what it complains of besides."""
    try:
        event = json.loads(line)
    except json.JSONDecodeError:
        teller.complaints.append(line.strip())
        return
    data, info = event["data"], event["info"]
    # A test's result calls the number of all steps otherwise than a model's.
    total = data.get("total", data.get("num_models"))
    if total is not None and info["name"].endswith("Result"):
        teller.tell(_step(data, info), total)
    elif info["level"] == "error":
        teller.complaints.append(info["msg"])


def _step(data: Mapping[str, Any], info: Mapping[str, Any]) -> Step:
    node = data["node_info"]
    problem = _COLOURS.sub("", info["msg"]) if info["level"] == "error" else None
    return Step(node["unique_id"], node["node_name"], data["execution_time"], problem)


def _results(target: Path) -> Sequence[Mapping[str, Any]]:
    try:
        told = json.loads((target / "run_results.json").read_text(encoding="utf-8"))
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
