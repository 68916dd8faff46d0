"""The steps of an incremental build."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from jinja2 import Environment
from sqlalchemy import create_engine, text

from payymo.analytics import continuing, remaking
from payymo.analytics.continuing import Continuer, do_all
from payymo.analytics.planning import Copy, Work
from payymo.analytics.project import place_extensions, project_folder
from payymo.analytics.steps import Source, Step, Teller
from payymo.domain.errors import BuildFailedError
from payymo.postgres.snapshots import exported_snapshot


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


def go_on(folder: Path, program: str) -> list[Step]:
    """Tell a stand-in for the process what to do, and return the steps that it told of."""
    stand_in = folder / "stand_in.py"
    stand_in.write_text(program, encoding="utf-8")
    steps: list[Step] = []
    with Continuer(str(stand_in)) as continuer:
        continuer.go_on(
            folder,
            [trial("from known")],
            Source({}, "00000003-1", datetime(2026, 3, 1, tzinfo=UTC), folder),
            Teller(lambda _done, _total, _name: None, steps.append),
            changed_since=700,
        )
    return steps


STEP = {"unique_id": "test.payymo.tried", "name": "tried", "seconds": 0.5}


def test_each_step_is_told_of(tmp_path: Path) -> None:
    line = json.dumps(STEP | {"problem": None})

    steps = go_on(tmp_path, f"print({line!r})")

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
    tmp_path: Path, program: str, problem: str
) -> None:
    with pytest.raises(BuildFailedError) as raised:
        go_on(tmp_path, program)

    assert [each.message for each in raised.value.problems] == [problem]


def test_a_copy_takes_what_was_written_since_and_forgets_what_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database: str
) -> None:
    """With PostgreSQL: of three currencies, one has another rate, and one is no more there."""
    place_extensions(tmp_path)
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table rates (c varchar, r decimal(10, 1))")
        connection.execute("insert into rates values ('USD', 1), ('GBP', 2), ('CHF', 8)")
    engine = create_engine(database)
    with engine.begin() as session:
        add_rate = "INSERT INTO fx_rates (currency, rate_date, rate) VALUES (:c, '2026-02-27', :r)"
        session.execute(text(add_rate), {"c": "CHF", "r": 9})
        old: int = session.execute(text("SELECT pg_current_xact_id()::text::bigint")).scalar_one()
    with engine.begin() as session:
        session.execute(text(add_rate), {"c": "USD", "r": 3})
    engine.dispose()
    read = remaking.patch_copy("rates", "rates", written_since("fx_rates"), ["c"])
    copy = Copy("rates", 2, "delete from rates where c = 'GBP'")

    with exported_snapshot(database) as snapshot, monkeypatch.context() as patched:
        for name, value in snapshot.environment.items():
            patched.setenv(name, value)
        told = {
            "file": str(file),
            "extensions": str(tmp_path),
            "environment": dict(snapshot.environment),
            "snapshot": snapshot.name,
            "as_of": "2026-03-01T12:00:00+00:00",
            "changed_since": old + 1,
            "works": [
                asdict(model(*read, copy=copy)),
                asdict(
                    trial("select 1 where main.as_of() <> '2026-03-01 12:00:00+00'::timestamptz")
                ),
            ],
        }
        steps = list(continuing.work_as_told(told))

    assert [step.problem for step in steps] == [None, None]
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("from rates order by c").fetchall() == [("CHF", 8), ("USD", 3)]


def written_since(table: str) -> str:
    """Return a query as the models of `source` have it."""
    macros = (project_folder() / "macros" / "operational.sql").read_text()
    environment = Environment(autoescape=False)  # it is SQL
    query = "{{ read_operational('fx_rates', ['currency as c', 'rate as r']) }}"
    return environment.from_string(macros + query).render(
        source=lambda _schema, identifier: SimpleNamespace(identifier=identifier)
    )


def test_the_process_writes_a_line_for_each_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step = Step("test.payymo.tried", "tried", 0.5, None)
    monkeypatch.setattr(continuing, "work_as_told", lambda told: [step] * told["times"])
    monkeypatch.setattr("sys.stdin", StringIO('{"times": 2}'))

    continuing.main()

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [STEP | {"problem": None}] * 2


def test_the_process_says_in_a_line_why_it_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise duckdb.IOException("Unable to connect\nto PostgreSQL")

    monkeypatch.setattr(continuing, "work_as_told", fail)
    monkeypatch.setattr("sys.stdin", StringIO("{}"))

    with pytest.raises(SystemExit, match="Unable to connect to PostgreSQL"):
        continuing.main()
