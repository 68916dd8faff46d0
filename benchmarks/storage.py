"""What a transaction costs on the disk, after a first sync and after a year of daily ones.

Every table, index and TOAST of the database counts, in three parts: the payloads as received,
the standardised rows, and the notes that syncs keep of themselves. The baseline is the JSON of
the very same rows as the bank sends it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import psycopg

from benchmarks.long_history import LongHistory, long_history, superuser
from benchmarks.measurement import Measurement

ROW_COUNT: Final = 100_000
YEAR_DAYS: Final = 365

RATIO_MAX = 4.0
GROWTH_MAX = 1.25

_STANDARDISED: Final = ("transactions", "transaction_changes", "transaction_splits")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Bytes on the disk.

    :ivar raw: Of the tables of payloads.
    :ivar standardised: Of the transactions and what they were.
    :ivar notes: Of everything else that belongs to tenants: runs, coverage, balances, jobs.
    :ivar json: Of the rows as the bank sends them.
    :ivar rows: How many there are.
    """

    raw: int
    standardised: int
    notes: int
    json: int
    rows: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.raw + self.standardised + self.notes

    def tell(self) -> str:
        """Return the bytes of one row, part by part."""
        return (
            f"{self.total / self.rows:,.0f} bytes a row ({self.raw / self.rows:,.0f} raw, "
            f"{self.standardised / self.rows:,.0f} standardised, {self.notes / self.rows:,.0f} "
            f"notes) of {self.json / self.rows:,.0f} bytes of JSON"
        )


def measure() -> list[Measurement]:
    """Return what a transaction costs, and what another one costs after a year of syncs."""
    with long_history(ROW_COUNT, later_days=YEAR_DAYS) as history:
        empty = _weigh(history, rows=0)
        history.sync()
        first = _weigh(history, rows=ROW_COUNT)
        for _ in range(YEAR_DAYS):
            history.today += timedelta(days=1)
            history.sync()
        last = _weigh(history, rows=len(history.rows))
    return _judge(_less(first, empty), _less(last, first))


def _judge(first: _Sizes, year: _Sizes) -> list[Measurement]:
    return [
        Measurement(
            "bytes on the disk of 100,000 rows, of their JSON's",
            first.tell(),
            first.total / first.json,
            RATIO_MAX,
            is_maximum=True,
        ),
        Measurement(
            "of a row that a year of daily syncs adds, of a first sync's",
            year.tell(),
            (year.total / year.rows) / (first.total / first.rows),
            GROWTH_MAX,
            is_maximum=True,
        ),
    ]


def _less(after: _Sizes, before: _Sizes) -> _Sizes:
    return _Sizes(
        raw=after.raw - before.raw,
        standardised=after.standardised - before.standardised,
        notes=after.notes - before.notes,
        json=after.json - before.json,
        rows=after.rows - before.rows,
    )


def _weigh(history: LongHistory, *, rows: int) -> _Sizes:
    """Weigh every table as it is on the disk, with what old versions of rows leave unused."""
    with superuser(history.house) as connection:
        kept = connection.execute("SELECT count(*) FROM gc_transactions").fetchone()
        if kept != (rows,):
            raise RuntimeError(f"expected {rows} payloads, each kept once, and there are {kept}")
        connection.execute("VACUUM (ANALYZE)")
        sizes = _table_sizes(connection)
    return _Sizes(
        raw=sum(size for table, size in sizes.items() if table.startswith("gc_")),
        standardised=sum(sizes[table] for table in _STANDARDISED),
        notes=sum(
            size
            for table, size in sizes.items()
            if not table.startswith("gc_") and table not in _STANDARDISED
        ),
        json=sum(map(len, history.rows[:rows])),
        rows=rows,
    )


def _table_sizes(connection: psycopg.Connection) -> Mapping[str, int]:
    rows = connection.execute(
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    return dict(rows)
