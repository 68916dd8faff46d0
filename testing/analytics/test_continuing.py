"""The steps of an incremental build, in a file without PostgreSQL beside it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import duckdb
import pytest

from payymo.analytics import continuing
from payymo.analytics.continuing import Continuer, do_all
from payymo.analytics.planning import Copy, Work
from payymo.analytics.processes import ToldProcess
from payymo.analytics.steps import Step
from payymo.domain.errors import BuildFailedError


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create table known as select unnest([1, 2, 3]) as id")
        yield connection


def model(*statements: str, copy: Copy | None = None) -> Work:
    return Work("model.payymo.made", "made", statements, copy)


def trial(query: str) -> Work:
    return Work("test.payymo.tried", "tried", [f"select count(*) from ({query})"])


def problems(connection: duckdb.DuckDBPyConnection, *works: Work) -> list[str | None]:
    return [step.problem for step in do_all(connection, works, connection.begin)]


def test_all_tests_are_run_whatever_came_of_the_ones_before(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = problems(
        connection,
        model("delete from known where id = 2"),
        trial("from known where id = 3"),
        trial("from known"),
        trial("from nowhere"),
        trial("from known where id = 2"),
    )

    assert found[:3] == [
        None,
        "Got 1 result, configured to fail if != 0",
        "Got 2 results, configured to fail if != 0",
    ]
    assert found[3] is not None
    assert "nowhere" in found[3]
    assert found[4] is None


def test_after_a_model_that_cannot_be_made_nothing_is(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    (only,) = problems(connection, model("insert into known from nowhere"), trial("from known"))

    assert only is not None
    assert "nowhere" in only


def test_what_is_gone_is_looked_for_where_more_is_known_than_is_there(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    forget = "delete from known where id = 1"
    upsert = "insert into known values (4)"

    assert problems(connection, model(upsert, copy=Copy("known", 4, forget))) == [None]
    assert connection.execute("from known order by 1").fetchall() == [(1,), (2,), (3,), (4,)]
    assert problems(connection, model(copy=Copy("known", 3, forget))) == [None]
    assert connection.execute("from known order by 1").fetchall() == [(2,), (3,), (4,)]


def test_a_copy_that_does_not_come_to_its_table_is_a_failure(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    (problem,) = problems(connection, model(copy=Copy("known", 9, "select 1")))

    assert problem == "3 rows were copied, of a table of 9."


def go_on(monkeypatch: pytest.MonkeyPatch, folder: Path, program: str) -> list[Step]:
    """Tell a stand-in for the process what to do, and return the steps that it told of."""
    stand_in = folder / "stand_in.py"
    stand_in.write_text(program, encoding="utf-8")
    monkeypatch.setattr(continuing, "ToldProcess", lambda *_: ToldProcess(str(stand_in)))
    steps: list[Step] = []
    with Continuer() as continuer:
        continuer.go_on(
            folder,
            [trial("from known")],
            extensions=folder,
            environment={},
            snapshot="00000003-1",
            as_of=datetime(2026, 3, 1, tzinfo=UTC),
            changed_since=700,
            progress=lambda _done, _total, _name: None,
            on_step=steps.append,
        )
    return steps


STEP = {"unique_id": "test.payymo.tried", "name": "tried", "seconds": 0.5}


def test_each_step_is_told_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = json.dumps(STEP | {"problem": None})

    steps = go_on(monkeypatch, tmp_path, f"print({line!r})")

    assert steps == [Step(**STEP, problem=None)]  # type: ignore[arg-type]  # as JSON has them


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (f"print({json.dumps(STEP | {'problem': 'Got 1 result'})!r})", "tried: Got 1 result"),
        ("raise SystemExit('No such file.')", "No such file."),
        ("print('Killed.')", "Killed."),
    ],
    ids=["a test fails", "it fails", "it ends early"],
)
def test_what_does_not_come_out_right_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, problem: str
) -> None:
    with pytest.raises(BuildFailedError) as raised:
        go_on(monkeypatch, tmp_path, program)

    assert [each.message for each in raised.value.problems] == [problem]


def test_the_process_writes_a_line_for_each_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Step("test.payymo.tried", "tried", 0.5, None)
    monkeypatch.setattr(continuing, "work_as_told", lambda told: [step] * told["times"])
    monkeypatch.setattr("sys.stdin", StringIO('{"times": 2}'))

    continuing.main()

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [STEP | {"problem": None}] * 2
