"""Answers: a question run against what is published, within limits, and each value as written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Timer
from typing import Any, Final
from uuid import UUID

import duckdb

from payymo.analytics.datasets import Catalogue, catalogue_of
from payymo.analytics.queries import (
    Field,
    Question,
    Statement,
    count_statement,
    rows_statement,
)
from payymo.analytics.warehouse import READING, Warehouse
from payymo.domain.errors import RuleError
from payymo.domain.money import format_amount

#: Longest time that one question may take.
SECONDS_MAX: Final = 20.0
#: Longest time that a whole file of rows may take, its way to the reader included.
FILE_SECONDS_MAX: Final = 600.0
#: Most rows of one file.
FILE_ROWS_MAX: Final = 1_000_000
_ROWS_FETCHED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Reader:
    """A build that is open for one tenant's questions.

    :ivar tenant_id: Whose rows are read.
    :ivar file: Where its tables are.
    """

    catalogue: Catalogue
    tenant_id: UUID
    file: Path
    _connection: duckdb.DuckDBPyConnection

    def count(self, question: Question) -> int:
        """Return how many rows the answer to a question has.

        :param question: What is asked.
        :raises RuleError: If it takes too long or too much memory.
        """
        statement = count_statement(question, self.tenant_id)
        with limited(self._connection, SECONDS_MAX):
            ((count,),) = self._run(statement).fetchall()
        return int(count)

    def rows(
        self, question: Question, *, limit: int | None = None, offset: int = 0
    ) -> Sequence[dict[str, Any]]:
        """Return rows of the answer to a question, each value as the API writes it.

        :param question: What is asked.
        :param limit: Rows at most.
        :param offset: Rows to leave out before.
        :raises RuleError: If it takes too long or too much memory.
        """
        statement = rows_statement(question, self.tenant_id, limit=limit, offset=offset)
        with limited(self._connection, SECONDS_MAX):
            rows = self._run(statement).fetchall()
        names = [each.name for each in statement.fields]
        return [dict(zip(names, row, strict=True)) for row in present(statement.fields, rows)]

    def page(
        self, question: Question, *, page: int, per_page: int
    ) -> tuple[Sequence[dict[str, Any]], int]:
        """Return a page of the answer to a question, and how many rows the whole answer has.

        :param question: What is asked.
        :param page: Which page, counted from 1.
        :param per_page: Rows of a page.
        :raises RuleError: If it takes too long or too much memory.
        """
        rows = self.rows(question, limit=per_page, offset=(page - 1) * per_page)
        return rows, self.count(question)

    def stream(self, question: Question) -> Iterator[Sequence[Sequence[Any]]]:
        """Yield the rows of a whole answer, some thousands at a time, each value as written.

        :param question: What is asked.
        :raises RuleError: If it takes too long or too much memory.
        """
        statement = rows_statement(question, self.tenant_id)
        with limited(self._connection, FILE_SECONDS_MAX):
            result = self._run(statement)
            while rows := result.fetchmany(_ROWS_FETCHED):
                yield present(statement.fields, rows)

    def _run(self, statement: Statement) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(statement.sql, list(statement.parameters))


@contextmanager
def open_reader(warehouse: Warehouse, tenant_id: UUID, *, now: datetime) -> Iterator[Reader]:
    """Keep what is published now open for a tenant's questions within the block.

    :param warehouse: Where builds lie.
    :param tenant_id: Whose rows are read.
    :param now: Present moment (aware).
    :raises WarehouseNotBuiltError: If nothing was built yet.
    """
    with warehouse.reading() as (record, connection):
        catalogue = catalogue_of(warehouse, record, now=now)
        yield Reader(catalogue, tenant_id, warehouse.file(record), connection)


def present(fields: Sequence[Field], rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return rows as the API writes them: exact amounts as text, moments in UTC.

    :param fields: What each value is.
    :param rows: Values as DuckDB returns them.
    """
    places = {each.name: place for place, each in enumerate(fields)}
    currencies = [places.get(each.currency or "") for each in fields]
    return [
        [
            present_value(value, None if place is None else row[place])
            for place, value in zip(currencies, row, strict=True)
        ]
        for row in rows
    ]


def present_value(value: Any, currency: str | None = None) -> Any:
    """Return one value as the API writes it.

    :param value: What DuckDB returns.
    :param currency: Currency of an amount, where known.
    """
    if isinstance(value, Decimal):
        # Without a currency no decimals are known, and format_amount keeps two at least.
        return format_amount(value, currency or "")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    is_plain = value is None or isinstance(value, str | int | float | bool | list | dict)
    return value if is_plain else str(value)


def lock(connection: duckdb.DuckDBPyConnection, *, memory_max: str) -> None:
    """Let a connection reach no file any more, and never undo that.

    :param connection: What is locked.
    :param memory_max: How much memory it may take, such as ``1GB``.
    """
    for name, value in {**READING, "memory_limit": memory_max}.items():
        connection.execute(f"set {name} = '{value}'")


def escaped(path: Path) -> str:
    """Return a path as it stands in a literal of SQL.

    :param path: The path.
    """
    return str(path).replace("'", "''")


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """End what takes too long within the block, and say so in a sentence.

    :param connection: What works.
    :param seconds: How long it may.
    :raises RuleError: If it took too long, or too much memory.
    """
    timer = Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException:
        raise RuleError(
            f"The answer took longer than {seconds:g} seconds and was given up: ask for less.",
            code="query_too_slow",
        ) from None
    except duckdb.OutOfMemoryException:
        raise RuleError(
            "The answer needs more memory than a question may take: ask for less.",
            code="query_too_large",
        ) from None
    finally:
        timer.cancel()
