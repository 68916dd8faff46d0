"""How dbt is told what to do; a stand-in for it says what it was told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from payymo.analytics.steps import Counts, Source, Step, Teller
from payymo.analytics.transforming import Transformer
from payymo.domain.errors import BuildFailedError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

#: Writes down what it is told, and finds what its own text says.
RUN = """
import json, os, sys
from pathlib import Path

told = json.load(sys.stdin)
folder = Path(told["folder"])
(folder / "told.json").write_text(json.dumps(told | {{"was": sorted(os.environ)}}))
(folder / "target").mkdir()
(folder / "target" / "run_results.json").write_text(json.dumps({{"results": {results}}}))
print("A word of its own.", file=sys.stderr) if {is_complaining} else None
for event in {events}:
    print(json.dumps(event))
"""


def stand_in(
    folder: Path, *, results: str = "[]", is_complaining: bool = False, events: Any = ()
) -> Path:
    folder.mkdir()
    text = RUN.format(results=results, is_complaining=is_complaining, events=events)
    (folder / "run.py").write_text(text, encoding="utf-8")
    return folder


def run(project: Path, draft: Path, steps: list[Step] | None = None) -> Counts:
    draft.mkdir()
    with Transformer(project) as dbt:
        return dbt.transform(
            draft,
            Source({"PGPASSWORD": "secret"}, "00000003-1", NOW, draft / "extensions"),
            Teller(lambda _done, _total, _name: None, None if steps is None else steps.append),
        )


def test_dbt_builds_all_models_and_runs_all_tests(tmp_path: Path) -> None:
    results = (
        '[{"unique_id": "model.payymo.one", "status": "success"}, '
        '{"unique_id": "test.payymo.one.1", "status": "pass"}, '
        '{"unique_id": "test.payymo.two.2", "status": "pass"}]'
    )

    counts = run(stand_in(tmp_path / "project", results=results), tmp_path / "draft")

    told = json.loads((tmp_path / "draft" / "told.json").read_text())
    assert counts == Counts(model_count=1, test_count=2)
    assert "--select" not in told["arguments"]
    assert told["environment"]["PAYYMO_AS_OF"] == "2026-03-01T12:00:00+00:00"


def test_no_secret_is_in_the_process_s_own_environment(tmp_path: Path) -> None:
    """What it is told goes through a pipe: others on the machine could read the rest."""
    run(stand_in(tmp_path / "project"), tmp_path / "draft")

    told = json.loads((tmp_path / "draft" / "told.json").read_text())
    assert told["environment"]["PGPASSWORD"] == "secret"
    assert "PGPASSWORD" not in told["was"]


def event(kind: str, name: str, level: str, msg: str, **data: Any) -> dict[str, Any]:
    node = {"unique_id": f"{kind}.payymo.{name}", "node_name": name}
    return {
        "info": {"name": f"Log{kind.title()}Result", "level": level, "msg": msg},
        "data": {"node_info": node, "execution_time": 0.25, **data},
    }


def test_each_step_is_told_of_with_what_came_of_it(tmp_path: Path) -> None:
    steps: list[Step] = []
    events = (
        event("model", "one", "info", "1 of 2 OK", total=2),
        {"info": {"name": "LogStartLine", "level": "info", "msg": ""}, "data": {"total": 2}},
        event("test", "two", "error", "2 of 2 \x1b[31mFAIL\x1b[0m 3", num_models=2),
    )

    run(stand_in(tmp_path / "project", events=events), tmp_path / "draft", steps)

    assert steps == [
        Step("model.payymo.one", "one", 0.25, None),
        Step("test.payymo.two", "two", 0.25, "2 of 2 FAIL 3"),
    ]
    assert [step.is_test for step in steps] == [False, True]


def test_what_fails_is_said(tmp_path: Path) -> None:
    results = (
        '[{"unique_id": "test.payymo.one.1", "status": "fail", "message": "Got 1\\n result"}, '
        '{"unique_id": "model.payymo.two", "status": "skipped", "message": None}]'
    )

    with pytest.raises(BuildFailedError) as raised:
        run(stand_in(tmp_path / "project", results=results), tmp_path / "draft")

    assert [problem.message for problem in raised.value.problems] == ["one: Got 1 result"]


@pytest.mark.parametrize("text", ["raise SystemExit('No dbt here.')", "print('No dbt here.')"])
def test_a_process_that_ends_before_it_is_told_anything_says_why(tmp_path: Path, text: str) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "run.py").write_text(text, encoding="utf-8")

    with pytest.raises(BuildFailedError) as raised:
        run(project, tmp_path / "draft")

    assert [problem.message for problem in raised.value.problems] == ["No dbt here."]


def test_what_dbt_says_besides_its_results_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(BuildFailedError) as raised:
        run(stand_in(tmp_path / "project", is_complaining=True), tmp_path / "draft")

    assert [problem.message for problem in raised.value.problems] == ["A word of its own."]


def test_one_that_is_told_nothing_ends_with_the_block(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="no database"),
        Transformer(stand_in(tmp_path / "project")),
    ):
        raise RuntimeError("no database")
