"""A tenant's rows in a database of their own, for SQL that somebody writes by hand.

The SQL runs where nothing else is: the copy lives in memory, the file that it was made from is let
go of, and no other file can be reached. So nothing depends on what the SQL is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import duckdb

from payymo.analytics.datasets import Catalogue
from payymo.analytics.queries import all_rows_statement, quoted
from payymo.analytics.reading import (
    FILE_SECONDS_MAX,
    escaped,
    limited,
    lock,
    open_reader,
    present_value,
)
from payymo.analytics.warehouse import Warehouse
from payymo.domain.errors import InvalidInputError

MEMORY_MAX: Final = "2GB"
_ROWS_FETCHED: Final = 2_000
_QUESTIONS: Final = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})
_NUMBERS: Final = frozenset(
    "tinyint smallint integer bigint hugeint utinyint usmallint uinteger ubigint uhugeint decimal "
    "float double".split()
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A tenant's rows, each dataset a table of its name.

    :ivar catalogue: What was copied.
    """

    catalogue: Catalogue
    _connection: duckdb.DuckDBPyConnection

    @contextmanager
    def ask(self, sql: str, *, seconds_max: float) -> Iterator["Answer"]:
        """Run a SELECT, whose answer can be read within the block.

        :param sql: One statement in DuckDB's SQL.
        :param seconds_max: How long it may take.
        :raises InvalidInputError: If it is not one SELECT, or DuckDB cannot run it.
        :raises RuleError: If it takes too long or too much memory.
        """
        try:
            with limited(self._connection, seconds_max):
                statements = self._connection.extract_statements(sql)
                if len(statements) != 1 or statements[0].type not in _QUESTIONS:
                    raise InvalidInputError("Write one SELECT: nothing else is run here.")
                result = self._connection.execute(statements[0])
                columns = result.description or ()
                names = [name for name, *_ in columns]
                _check_names(names)
                are_numbers = [kind.id in _NUMBERS for _, kind, *_ in columns]
                yield Answer(names, are_numbers, result)
        except duckdb.Error as error:
            raise InvalidInputError(_sentence(error)) from None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows of an answer, read once.

    :ivar names: Of the columns.
    :ivar are_numbers: Which of them hold numbers, and nothing that somebody wrote.
    """

    names: Sequence[str]
    are_numbers: Sequence[bool]
    _result: duckdb.DuckDBPyConnection

    def __iter__(self) -> Iterator[Sequence[Any]]:
        """Yield the rows, each value as the API writes it."""
        while rows := self._result.fetchmany(_ROWS_FETCHED):
            yield from ([present_value(value) for value in row] for row in rows)


@contextmanager
def open_copy(warehouse: Warehouse, tenant_id: UUID, *, now: datetime) -> Iterator[Copy]:
    """Keep a copy of what is published of a tenant within the block.

    :param warehouse: Where builds lie.
    :param tenant_id: Whose rows are copied.
    :param now: Present moment (aware).
    :raises WarehouseNotBuiltError: If nothing was built yet.
    :raises RuleError: If the rows need more memory than a copy may take.
    """
    with open_reader(warehouse, tenant_id, now=now) as reader, duckdb.connect() as connection:
        connection.execute("set memory_limit = ?", [MEMORY_MAX])
        with limited(connection, FILE_SECONDS_MAX):
            connection.execute(f"attach '{escaped(reader.file)}' as warehouse (read_only)")
            connection.execute("use warehouse")
            for dataset in reader.catalogue.datasets.values():
                rows = all_rows_statement(dataset, tenant_id)
                connection.execute(
                    f"create table memory.main.{quoted(dataset.name)} as {rows.sql}",
                    list(rows.parameters),
                )
            connection.execute("use memory")
            connection.execute("detach warehouse")
        lock(connection, memory_max=MEMORY_MAX)
        yield Copy(reader.catalogue, connection)


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(
            f"Several columns are named {', '.join(twice)}: name each with `as`."
        )


def _sentence(error: duckdb.Error) -> str:
    """Return what DuckDB complains of, in one line, without the part that points at the SQL."""
    told = " ".join(str(error).partition("\n\nLINE")[0].split())
    return f"DuckDB cannot run this: {told}"
