"""Whole answers as files: CSV that no spreadsheet obeys, and Parquet."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import duckdb

from payymo.analytics.queries import Question, rows_statement
from payymo.analytics.reading import (
    FILE_ROWS_MAX,
    FILE_SECONDS_MAX,
    Reader,
    escaped,
    limited,
    lock,
)
from payymo.domain.enums import ColumnKind
from payymo.domain.errors import RuleError

FILE_MEMORY_MAX: Final = "1GB"
#: What a spreadsheet takes for the beginning of a formula, or of a cell that holds one.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # wide ones count too


def check_size(reader: Reader, question: Question) -> None:
    """Refuse a file that would never end.

    :param reader: An open build.
    :param question: What is asked.
    :raises RuleError: If the answer has more than :data:`FILE_ROWS_MAX` rows.
    """
    count = reader.count(question)
    if count > FILE_ROWS_MAX:
        raise RuleError(
            f"The answer has {count:,} rows: a file holds {FILE_ROWS_MAX:,} at most. Filter, or "
            "group.",
            code="too_many_rows",
        )


def csv_chunks(reader: Reader, question: Question) -> Iterator[bytes]:
    """Yield an answer as CSV (RFC 4180, UTF-8): a line of names, then the rows.

    Text that a spreadsheet would take for a formula begins with an apostrophe.

    :param reader: An open build.
    :param question: What is asked.
    :raises RuleError: If it takes too long or too much memory.
    """
    fields = rows_statement(question, reader.tenant_id).fields
    are_text = [each.kind is ColumnKind.TEXT for each in fields]
    yield _csv_lines([[each.name for each in fields]])
    for rows in reader.stream(question):
        yield _csv_lines(
            [
                [
                    harmless(value) if is_text else _plain(value)
                    for is_text, value in zip(are_text, row, strict=True)
                ]
                for row in rows
            ]
        )


def harmless(value: str | None) -> str | None:
    """Return a text that a spreadsheet shows as it is, and never obeys.

    :param value: What a bank or a person wrote; ``None`` is an empty cell.
    """
    if value is not None and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def write_parquet(reader: Reader, question: Question, target: Path) -> None:
    """Write an answer as Parquet: amounts as decimals, days and moments as such.

    :param reader: An open build.
    :param question: What is asked.
    :param target: File to write; its folder exists.
    :raises RuleError: If it takes too long or too much memory.
    """
    statement = rows_statement(question, reader.tenant_id)
    folder = escaped(target.parent.resolve())
    # The connection that reads may touch no other file: this one may, the target's folder alone.
    with duckdb.connect() as connection:
        connection.execute(f"attach '{escaped(reader.file)}' as warehouse (read_only)")
        connection.execute("use warehouse")
        connection.execute(f"set allowed_directories = ['{folder}']")
        lock(connection, memory_max=FILE_MEMORY_MAX)
        with limited(connection, FILE_SECONDS_MAX):
            connection.execute(
                f"copy ({statement.sql}) to '{folder}/{escaped(Path(target.name))}' "
                "(format parquet)",
                list(statement.parameters),
            )


def _csv_lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
