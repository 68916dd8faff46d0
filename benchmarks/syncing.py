"""A first sync of a long history, and the same again, against a COPY and an upsert by hand.

The whole way is measured: HTTP from a sandbox in another process, the real client and provider,
identity, both layers. The baseline writes the very same rows into the very same two tables with
their keys, indexes and triggers; it has nothing to read, to understand or to decide.
"""

import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID

import httpx
import psutil
import psycopg

from benchmarks.long_history import superuser
from benchmarks.measurement import Measurement
from payymo.assembly import Installation, open_installation
from payymo.cli.browser import walk_consent
from payymo.cli.stack import running_sandbox
from payymo.domain.enums import RunStatus, SyncTrigger
from payymo.postgres.auth.operations.tenants import create_tenant
from payymo.settings import load_settings
from payymo.workflows.connect import finish_connection, start_connection
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

ROW_COUNT = 100_000
BASELINE_ROUNDS = 3
BANK = "SANDBOX_VOLUME_SVOLXX00"
CALLBACK = "https://payymo.test/callback"
TABLES = ("transactions", "gc_transactions")

FIRST_RATIO_MIN = 0.25
AGAIN_RATIO_MIN = 2.0
MEMORY_MEBIBYTES_MAX = 300.0
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Timed:
    report: SyncReport
    seconds: float


def measure() -> list[Measurement]:
    """Return what a first sync costs, and the same again."""
    with tempfile.TemporaryDirectory(prefix="payymo-bench-") as name, _house(Path(name)) as house:
        tenant_id, connection_id = _connect(house)
        memory_before = psutil.Process().memory_info().rss / _MEBIBYTE
        first = _sync(house, tenant_id, connection_id)
        memory_growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - memory_before
        _forget_coverage(house)
        written = _count_writes(house)
        again = _sync(house, tenant_id, connection_id)
        rewritten = _count_writes(house) - written
        baseline_seconds = median(_baselines(house))
    return _judge(first, again, baseline_seconds, memory_growth, rewritten)


def _judge(
    first: _Timed, again: _Timed, baseline_seconds: float, memory_growth: float, rewritten: int
) -> list[Measurement]:
    if (first.report.added_count, again.report.unchanged_count) != (ROW_COUNT, ROW_COUNT):
        raise RuntimeError(
            f"expected {ROW_COUNT} rows, got {first.report.added_count} new ones and "
            f"{again.report.unchanged_count} unchanged ones"
        )
    first_rate = ROW_COUNT / first.seconds
    again_rate = ROW_COUNT / again.seconds
    baseline_rate = ROW_COUNT / baseline_seconds
    return [
        Measurement(
            "first sync of 100,000 rows, of a COPY and upsert's rate",
            f"{first_rate:,.0f} rows/s of {baseline_rate:,.0f} rows/s",
            first_rate / baseline_rate,
            FIRST_RATIO_MIN,
        ),
        Measurement(
            "its memory growth in MiB",
            "peak of the resident set during the sync, less the set before it",
            memory_growth,
            MEMORY_MEBIBYTES_MAX,
            is_maximum=True,
        ),
        Measurement(
            "the same window again, of the first sync's rate",
            f"{again_rate:,.0f} rows/s of {first_rate:,.0f} rows/s",
            again_rate / first_rate,
            AGAIN_RATIO_MIN,
        ),
        Measurement(
            "rows written by the second sync",
            "inserts, updates and deletes in both tables",
            rewritten,
            0,
            is_maximum=True,
        ),
    ]


@contextmanager
def _house(folder: Path) -> Iterator[Installation]:
    """Open an installation of its own over a sandbox with a long history."""
    options = ["--port", "0", "--volume-rows", str(ROW_COUNT)]
    with running_sandbox(options, environment=os.environ, log_folder=folder) as (_, sandbox):
        os.environ.update(sandbox.environment, PAYYMO_DATA_DIR=str(folder / "data"))
        os.environ.pop("DATABASE_URL", None)
        with open_installation(load_settings()) as house:
            yield house


def _connect(house: Installation) -> tuple[UUID, UUID]:
    with house.sessions.begin() as session:
        tenant_id = create_tenant(session, name="Bench", currency="EUR").id
    started = start_connection(
        house.sessions,
        house.providers,
        tenant_id=tenant_id,
        institution=BANK,
        callback_url=CALLBACK,
        return_url=None,
        actor_id=None,
        clock=house.clock,
    )
    arrived = httpx.MockTransport(lambda _: httpx.Response(204))
    with httpx.Client(timeout=60, mounts={"https://payymo.test": arrived}) as browser:
        walk_consent(browser, started.consent_url, answers={}, until=CALLBACK)
    finished = finish_connection(
        house.sessions, house.providers, house.queue, reference=started.reference, clock=house.clock
    )
    return tenant_id, finished.connection.id


def _sync(house: Installation, tenant_id: UUID, connection_id: UUID) -> _Timed:
    started = time.perf_counter()
    report = sync_connection(
        house.sessions,
        house.providers,
        house.queue,
        tenant_id=tenant_id,
        connection_id=connection_id,
        trigger=SyncTrigger.REQUEST,
        clock=house.clock,
    )
    seconds = time.perf_counter() - started
    if report.status is not RunStatus.SUCCEEDED:
        raise RuntimeError(f"the sync did not succeed: {report.error_message}")
    return _Timed(report, seconds)


def _forget_coverage(house: Installation) -> None:
    """Let the next sync ask for all history again, as a first one does."""
    with superuser(house) as connection:
        connection.execute("UPDATE coverage_spans SET retracted_at = now()")


def _count_writes(house: Installation) -> int:
    """Return how many rows were ever written in both tables."""
    with superuser(house) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        time.sleep(1.5)  # other backends report their counts at most once a second
        row = connection.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint FROM pg_stat_user_tables "
            "WHERE relname = ANY(%s)",
            [list(TABLES)],
        ).fetchone()
    if row is None:
        raise AssertionError("a sum has a row")
    count: int = row[0]
    return count


def _baselines(house: Installation) -> list[float]:
    """Write the same rows by hand, several times, and return the seconds of each."""
    with superuser(house) as connection:
        files = {table: _read_out(connection, table) for table in TABLES}
        seconds = []
        for _ in range(BASELINE_ROUNDS):
            connection.execute("TRUNCATE transactions, gc_transactions CASCADE")
            connection.execute("VACUUM (ANALYZE) transactions, gc_transactions")
            started = time.perf_counter()
            with connection.transaction():
                for table, content in files.items():
                    _copy_and_upsert(connection, table, content)
            seconds.append(time.perf_counter() - started)
        return seconds


def _columns(connection: psycopg.Connection, table: str) -> str:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        [table],
    )
    return ", ".join(name for (name,) in rows)


def _read_out(connection: psycopg.Connection, table: str) -> bytes:
    columns = _columns(connection, table)
    statement = f"COPY (SELECT {columns} FROM {table}) TO STDOUT"
    with connection.cursor().copy(statement.encode()) as copy:
        return b"".join(bytes(part) for part in copy)


def _copy_and_upsert(connection: psycopg.Connection, table: str, content: bytes) -> None:
    columns = _columns(connection, table)
    connection.execute(
        f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {columns} FROM {table} "
        "WITH NO DATA".encode()
    )
    with connection.cursor().copy(f"COPY incoming ({columns}) FROM STDIN".encode()) as copy:
        copy.write(content)
    changes = ", ".join(
        f"{column} = excluded.{column}"
        for column in columns.split(", ")
        if column not in {"tenant_id", "id"}
    )
    connection.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM incoming "
        f"ON CONFLICT (tenant_id, id) DO UPDATE SET {changes}".encode()
    )
    connection.execute("DROP TABLE incoming")
