"""How commands speak: sentences for people, JSON for programs."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from payymo.domain.errors import PayymoError

#: For what was asked for; programs read it.
out = Console(soft_wrap=True, highlight=False)
#: For progress and errors; people read it.
err = Console(stderr=True, soft_wrap=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", envvar="PAYYMO_TENANT", help="Name or id; not needed for only one."),
]

_PROBLEMS_SHOWN_MAX = 20
_LINE_WIDTH: Final = 78
_SECONDS_BETWEEN_LINES: Final = 10.0


class ProgressLine:
    """Where some work is: one line that is written over, or lines now and then in a file.

    :param console: Where it is shown.
    :param clock: Tells seconds that only ever grow.
    """

    def __init__(self, console: Console = err, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._told_at = clock()

    def show(self, text: str) -> None:
        """Show where the work is, in the place of what was shown before.

        :param text: A few words.
        """
        if self._console.is_terminal:
            self._write_over(text)
        elif self._clock() - self._told_at >= _SECONDS_BETWEEN_LINES:
            self._told_at = self._clock()
            self._console.print(text, markup=False)

    def clear(self) -> None:
        """Take away what was shown, where something else is to stand in its place."""
        if self._console.is_terminal:
            self._write_over("")

    def _write_over(self, text: str) -> None:
        shown = f"{text[:_LINE_WIDTH]:<{_LINE_WIDTH}}"
        self._console.print(shown, end="\r", markup=False)


def print_error(error: PayymoError) -> None:
    """Print what went wrong, and each single fault where there are several.

    :param error: What went wrong.
    """
    err.print(Text.assemble(("Error:", "red"), " ", _plain(error.message)))
    for problem in error.problems[:_PROBLEMS_SHOWN_MAX]:
        place = f"{problem.field}: " if problem.field else ""
        err.print(_plain(f"  {place}{problem.message}"))
    if len(error.problems) > _PROBLEMS_SHOWN_MAX:
        err.print(f"  … and {len(error.problems) - _PROBLEMS_SHOWN_MAX} more.")


def print_json(value: object) -> None:
    """Print one line of JSON on standard output, at once.

    :param value: Anything made of records, mappings, sequences and plain values.
    """
    sys.stdout.write(f"{write_json(value)}\n")
    sys.stdout.flush()


def write_json(value: object, *, indent: int | None = None) -> str:
    """Return something as JSON.

    :param value: Anything made of records, mappings, sequences and plain values.
    :param indent: Blanks of each step, where it is for people too; one line without it.
    """
    return json.dumps(value, default=_plain_value, indent=indent)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a table; columns whose name ends in ``#`` are aligned to the right.

    :param title: What the table shows.
    :param columns: Heads of the columns.
    :param rows: Cells; ``None`` is shown as nothing.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(
            column.removesuffix("#").strip(), justify="right" if column.endswith("#") else "left"
        )
    for row in rows:
        table.add_row(*("" if cell is None else _plain(str(cell)) for cell in row))
    out.print(table)


def _plain(text: str) -> Text:
    """Return text that the console shows as it is and never obeys, whatever a bank wrote."""
    return Text("".join(char if char.isprintable() or char == "\n" else " " for char in text))


def _plain_value(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
