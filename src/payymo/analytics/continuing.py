"""Goes on from the last build: does what has to be done again, in a copy of its file.

dbt has compiled the very same models then, so it is not loaded again: its start takes longer than
all that a sync changes. As a program (``python -m payymo.analytics.continuing``) this module does
the work, in a process of its own that reads on its standard input what to do, and writes a line
when a step is done.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from payymo.analytics.planning import Copy, Work
from payymo.analytics.processes import ToldProcess
from payymo.analytics.steps import Counts, Source, Step, Teller, build_failure, is_test
from payymo.analytics.warehouse import WAREHOUSE_FILE


class Continuer(ToldProcess):
    """A process that does the steps of a plan, once. It loads while its caller makes the plan.

    :param program: What Python runs.
    """

    def __init__(self, *program: str) -> None:
        super().__init__(*(program or ("-m", __name__)))

    def go_on(
        self,
        draft: Path,
        works: Sequence[Work],
        source: Source,
        teller: Teller,
        *,
        changed_since: int,
    ) -> Counts:
        """Do the steps of a plan in a draft's file, which is a copy of the last build's.

        :param draft: Folder of the build.
        :param works: The steps, in their order.
        :param source: What copies read.
        :param teller: Told of each step.
        :param changed_since: Number of the transaction from which on rows are read, modulo 2³².
        :raises BuildFailedError: If a model cannot be made, or a test fails; each with its
            sentence.
        """
        told = {
            "file": str(draft / WAREHOUSE_FILE),
            "extensions": str(source.extensions),
            "environment": dict(source.environment),
            "snapshot": source.snapshot,
            "as_of": source.as_of.isoformat(),
            "changed_since": changed_since,
            "works": [asdict(work) for work in works],
        }

        def hear(line: str) -> None:
            try:
                step = Step(**json.loads(line))
            except ValueError:
                teller.complaints.append(line.strip())
                return
            teller.tell(step, len(works))

        exit_code = self.tell(told, hear)
        problems = [f"{step.name}: {step.problem}" for step in teller.steps if step.problem]
        if exit_code != 0 or problems or len(teller.steps) != len(works):
            raise build_failure(problems or teller.complaints)
        return Counts.of(teller.steps)


def do_all(
    connection: duckdb.DuckDBPyConnection, works: Sequence[Work], begin: Callable[[], object]
) -> Iterator[Step]:
    """Do steps one after the other, and yield what came of each.

    Tests are all run, whatever came of the ones before; after a model that cannot be made nothing
    is.

    :param connection: An open draft.
    :param works: The steps.
    :param begin: Begins a transaction in which PostgreSQL shows what is to be copied.
    """
    for work in works:
        began = time.perf_counter()
        problem = None
        try:
            if is_test(work.unique_id):
                problem = _try(connection, work.statements)
            elif work.copy is not None:
                begin()
                _copy(connection, work.statements, work.copy)
                connection.execute("commit")
            else:
                _execute(connection, ["begin", *work.statements, "commit"])
        except duckdb.Error as error:
            problem = _in_one_line(error)
        yield Step(work.unique_id, work.name, time.perf_counter() - began, problem)
        if problem is not None and not is_test(work.unique_id):
            return


def _copy(connection: duckdb.DuckDBPyConnection, statements: Sequence[str], copy: Copy) -> None:
    _execute(connection, statements)
    if _count(connection, copy.relation) != copy.row_count:
        connection.execute(copy.forget)
    if (known := _count(connection, copy.relation)) != copy.row_count:
        raise duckdb.Error(f"{known} rows were copied, of a table of {copy.row_count}.")


def _try(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> str | None:
    (query,) = statements
    ((failure_count,),) = connection.execute(query).fetchall()
    # In the words that dbt has for it.
    results = "1 result" if failure_count == 1 else f"{failure_count} results"
    return f"Got {results}, configured to fail if != 0" if failure_count else None


def _execute(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    ((count,),) = connection.execute(
        f"select count(*) from {relation}"  # noqa: S608  # a model's
    ).fetchall()
    return int(count)


def _in_one_line(error: duckdb.Error) -> str:
    return " ".join(str(error).split())


@contextmanager
def open_draft(file: Path, extensions: Path, as_of: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a build's file as dbt's profile does, with PostgreSQL beside it.

    :param file: The file; made if need be.
    :param extensions: Folder of DuckDB's extensions.
    :param as_of: The moment that models take for the present, in ISO 8601.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "extension_directory": str(extensions),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(file, config=config) as connection:
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        connection.execute("load postgres_scanner")
        connection.execute("attach '' as operational (type postgres, read_only)")
        connection.execute(f"create or replace macro main.as_of() as '{as_of}'::timestamptz")
        yield connection


def work_as_told(told: Mapping[str, Any]) -> Iterator[Step]:
    """Do what a process is told.

    :param told: As :meth:`Continuer.go_on` puts it.
    """
    # libpq looks there.
    for name, value in told["environment"].items():
        os.putenv(name, value)
    snapshot, since = told["snapshot"], told["changed_since"]
    with open_draft(Path(told["file"]), Path(told["extensions"]), told["as_of"]) as connection:

        def begin() -> None:
            connection.execute("begin")
            for setting in (
                f"transaction snapshot ''{snapshot}''",
                f"local payymo.changed_since = ''{since}''",
            ):
                connection.execute(f"call postgres_execute('operational', 'set {setting}')")

        works = [
            Work(**{**work, "copy": Copy(**work["copy"]) if work["copy"] else None})
            for work in told["works"]
        ]
        yield from do_all(connection, works, begin)


def main() -> None:
    """Do what standard input says, and write a line of JSON for each step."""
    try:
        for step in work_as_told(json.load(sys.stdin)):
            print(json.dumps(asdict(step)), flush=True)  # noqa: T201  # for who started it
    except duckdb.Error as error:
        sys.exit(_in_one_line(error))


if __name__ == "__main__":
    main()
