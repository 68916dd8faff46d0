"""How dbt is told what to do; a stand-in for it says what it was told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from payymo.analytics.planning import Plan
from payymo.analytics.transforming import Counts, Transformer
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
"""


def stand_in(folder: Path, *, results: str = "[]", is_complaining: bool = False) -> Path:
    folder.mkdir()
    text = RUN.format(results=results, is_complaining=is_complaining)
    (folder / "run.py").write_text(text, encoding="utf-8")
    return folder


def run(
    project: Path,
    draft: Path,
    *,
    since: int | None = None,
    plan: Plan | None = None,
    parsed: Path | None = None,
) -> Counts:
    draft.mkdir()
    with Transformer(project) as dbt:
        return dbt.transform(
            draft,
            extensions=draft / "extensions",
            environment={"PGPASSWORD": "secret"},
            snapshot="00000003-1",
            as_of=NOW,
            changed_since=since,
            plan=plan,
            parsed=parsed,
            progress=lambda _done, _total, _name: None,
        )


def test_a_full_build_is_told_of_no_plan(tmp_path: Path) -> None:
    results = (
        '[{"unique_id": "model.payymo.one", "status": "success"}, '
        '{"unique_id": "test.payymo.one.1", "status": "pass"}, '
        '{"unique_id": "test.payymo.two.2", "status": "pass"}]'
    )

    counts = run(stand_in(tmp_path / "project", results=results), tmp_path / "draft")

    told = json.loads((tmp_path / "draft" / "told.json").read_text())
    assert counts == Counts(model_count=1, test_count=2)
    assert "--select" not in told["arguments"]
    assert {"PAYYMO_PLAN", "PAYYMO_CHANGED_SINCE"}.isdisjoint(told["environment"])
    assert told["environment"]["PAYYMO_AS_OF"] == "2026-03-01T12:00:00+00:00"


def test_no_secret_is_in_the_process_s_own_environment(tmp_path: Path) -> None:
    """What it is told goes through a pipe: others on the machine could read the rest."""
    run(stand_in(tmp_path / "project"), tmp_path / "draft")

    told = json.loads((tmp_path / "draft" / "told.json").read_text())
    assert told["environment"]["PGPASSWORD"] == "secret"
    assert "PGPASSWORD" not in told["was"]


def test_an_incremental_build_makes_the_steps_of_its_plan_and_no_others(tmp_path: Path) -> None:
    tenant_id = UUID(int=7)
    plan = Plan(
        steps=["src_one", "two", "a_test"],
        narrowed={"two": ["stg_one"]},
        tenants=[tenant_id],
        patched=["src_one", "two"],
        row_counts={"src_one": 5},
    )

    run(stand_in(tmp_path / "project"), tmp_path / "draft", since=700, plan=plan)

    told = json.loads((tmp_path / "draft" / "told.json").read_text())
    assert told["arguments"][-6:] == [
        *("--indirect-selection", "empty", "--select", "src_one", "two", "a_test"),
    ]
    assert told["environment"]["PAYYMO_CHANGED_SINCE"] == "700"
    assert json.loads(told["environment"]["PAYYMO_PLAN"]) == {
        "narrowed": {"two": ["stg_one"]},
        "tenants": [str(tenant_id)],
        "patched": ["src_one", "two"],
        "row_counts": {"src_one": 5},
    }


def test_what_is_parsed_already_is_not_described_again(tmp_path: Path) -> None:
    parsed = tmp_path / "partial_parse.msgpack"

    run(stand_in(tmp_path / "project"), tmp_path / "draft", parsed=parsed)
    run(stand_in(tmp_path / "other"), tmp_path / "new")

    told, new = (
        json.loads((tmp_path / name / "told.json").read_text()) for name in ("draft", "new")
    )
    assert told["parsed"] == str(parsed)
    assert told["results"] == str(tmp_path / "draft" / "target" / "run_results.json")
    assert "--no-write-json" in told["arguments"]
    assert new["parsed"] is None
    assert "--no-write-json" not in new["arguments"]


def test_a_plan_without_steps_leaves_everything_out(tmp_path: Path) -> None:
    """dbt takes no selection of nothing, and without one it makes everything."""
    plan = Plan(steps=[], narrowed={}, tenants=[], patched=[], row_counts={})

    run(stand_in(tmp_path / "project"), tmp_path / "draft", since=700, plan=plan)

    told = json.loads((tmp_path / "draft" / "told.json").read_text())
    assert told["arguments"][-2:] == ["--exclude", "*"]


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
