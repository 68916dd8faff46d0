"""A build of the warehouse, against the same SQL with nothing around it.

The baseline takes the SQL that dbt compiled for each model of the full build, and runs it in one
DuckDB session over the same database: no start of dbt, no tests, nothing published.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import psutil
from sqlalchemy import create_engine, make_url, text

from benchmarks.listing import TENANT_COUNT, fill
from benchmarks.measurement import Measurement
from payymo.access import open_database
from payymo.analytics.continuing import open_draft
from payymo.analytics.warehouse import WAREHOUSE_FILE, Warehouse
from payymo.domain.enums import BuildKind
from payymo.postgres.schema import init_database
from payymo.postgres.snapshots import exported_snapshot
from payymo.settings import load_settings

ROW_COUNT: Final = 1_000_000
NEW_ROW_COUNT: Final = 1_000

FULL_RATIO_MAX: Final = 3.0
INCREMENTAL_RATIO_MAX: Final = 0.25
MEBIBYTES_MAX: Final = 2048.0
GROWTH_RATIO_MAX: Final = 1.5

_MEBIBYTE: Final = 1024**2
_SAMPLE_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Built:
    """What a build took.

    :ivar mebibytes: Peak of the resident sets of the command and of what it started, together.
    """

    seconds: float
    mebibytes: float


def measure(row_counts: Sequence[int] = (ROW_COUNT,)) -> list[Measurement]:
    """Return what builds of the warehouse take.

    :param row_counts: Sizes of the books, each in a database of its own.
    """
    found, took = [], []
    for row_count in row_counts:
        with tempfile.TemporaryDirectory(prefix="payymo-bench-") as name:
            os.environ["PAYYMO_DATA_DIR"] = name
            os.environ.pop("DATABASE_URL", None)
            settings = load_settings()
            with open_database(settings) as url:
                init_database(url)
                full, measurements = _measure(url, Warehouse(settings.warehouse_dir), row_count)
        found += measurements
        took.append((row_count, full))
    return found + [
        Measurement(
            f"full build of {more:,} rows, in full builds of {few:,} rows, by their rows' ratio",
            f"{many_took.seconds:.1f} s and {few_took.seconds:.1f} s",
            many_took.seconds / few_took.seconds / (more / few),
            GROWTH_RATIO_MAX,
            is_maximum=True,
        )
        for (few, few_took), (more, many_took) in pairwise(took)
    ]


def _measure(url: str, warehouse: Warehouse, row_count: int) -> tuple[_Built, list[Measurement]]:
    _fill(url, row_count)
    full = _build(warehouse, BuildKind.FULL, row_count)
    straight = _build_straight(url, warehouse, row_count)
    _add_rows(url)
    incremental = _build(warehouse, BuildKind.INCREMENTAL, row_count + NEW_ROW_COUNT)
    return full, [
        Measurement(
            f"full build over {row_count:,} transactions of {TENANT_COUNT} tenants, in times of "
            "the same SQL straight in DuckDB",
            f"{full.seconds:.1f} s with dbt's start and all tests; {straight:.1f} s",
            full.seconds / straight,
            FULL_RATIO_MAX,
            is_maximum=True,
        ),
        Measurement(
            "its peak memory, in MiB",
            "the command and dbt together",
            full.mebibytes,
            MEBIBYTES_MAX,
            is_maximum=True,
        ),
        Measurement(
            f"incremental build after {NEW_ROW_COUNT:,} new rows, of the full one's time",
            f"{incremental.seconds:.1f} s, {incremental.mebibytes:.0f} MiB",
            incremental.seconds / full.seconds,
            INCREMENTAL_RATIO_MAX,
            is_maximum=True,
        ),
    ]


def _build(warehouse: Warehouse, kind: BuildKind, row_count: int) -> _Built:
    """Build as a person does, and make sure that the build is of all rows."""
    command = [sys.executable, "-m", "payymo", "analytics", "build"]
    began = time.perf_counter()
    peak = 0
    with subprocess.Popen(command, stdout=sys.stderr) as process:
        while process.poll() is None:
            peak = max(peak, _resident(process.pid))
            time.sleep(_SAMPLE_SECONDS)
    seconds = time.perf_counter() - began
    with warehouse.reading() as (record, connection):
        counted = _count(connection)
    if process.returncode or record.kind is not kind or counted != row_count:
        raise RuntimeError(f"expected a {kind} build of {row_count} rows: {record}, {counted} rows")
    return _Built(seconds, peak / _MEBIBYTE)


def _resident(process_id: int) -> int:
    total = 0
    try:
        process = psutil.Process(process_id)
        for each in (process, *process.children(recursive=True)):
            total += each.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def _build_straight(url: str, warehouse: Warehouse, row_count: int) -> float:
    """Return the seconds that the models' SQL takes by itself, in a process of its own."""
    target = warehouse.folder / "current" / "target"
    results, manifest = (
        json.loads((target / name).read_text(encoding="utf-8"))
        for name in ("run_results.json", "manifest.json")
    )
    statements = [
        _creation(result, manifest["nodes"][result["unique_id"]])
        for result in results["results"]
        if result["unique_id"].startswith("model.")
    ]
    with (
        exported_snapshot(url) as snapshot,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        tempfile.TemporaryDirectory(prefix="payymo-bench-") as name,
    ):
        seconds, counted = pool.submit(
            _run, statements, dict(snapshot.environment), warehouse.extensions, Path(name)
        ).result()
    if counted != row_count:
        raise RuntimeError(f"the SQL by itself made {counted} rows of {row_count}")
    return seconds


def _creation(result: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    kind = "view" if node["config"]["materialized"] == "view" else "table"
    return f"create {kind} {result['relation_name']} as ({result['compiled_code']})"


def _run(
    statements: Sequence[str], environment: Mapping[str, str], extensions: Path, folder: Path
) -> tuple[float, int]:
    os.environ |= environment
    began = time.perf_counter()
    as_of = datetime.now(UTC).isoformat()
    with open_draft(folder / WAREHOUSE_FILE, extensions, as_of) as connection:
        for schema in ("source", "staging", "intermediate", "mart"):
            connection.execute(f"create schema {schema}")
        for statement in statements:
            connection.execute(statement)
        seconds = time.perf_counter() - began
        return seconds, _count(connection)


def _count(connection: duckdb.DuckDBPyConnection) -> int:
    ((count,),) = connection.execute("select count(*) from mart.fct_transactions").fetchall()
    return int(count)


def _fill(url: str, row_count: int) -> None:
    tenant_id = str(uuid4())
    _execute(url, _TENANT, tenant_id=tenant_id)
    fill(url, tenant_id, row_count=row_count)


def _add_rows(url: str) -> None:
    _execute(url, _NEW_ROWS, rows=NEW_ROW_COUNT)


def _execute(url: str, statement: str, **values: object) -> None:
    engine = create_engine(make_url(url).set(username="postgres"))
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


_TENANT: Final = """
INSERT INTO tenants (id, name, currency, auto_apply, auto_apply_threshold)
VALUES (:tenant_id, 'Bench', 'EUR', true, 0.95)
"""
_NEW_ROWS: Final = """
INSERT INTO transactions (tenant_id, id, account_id, status, amount, currency, transaction_date,
    booking_date, value_date, internal_id, payee, description, remittance, fingerprint, occurrence,
    raw_id, identity_version, identity_tier, match_status)
SELECT tenant_id, gen_random_uuid(), account_id, status, amount, currency, current_date,
    current_date, current_date, 'new ' || id, payee, description, remittance,
    sha256(('new ' || id)::bytea), 1, gen_random_uuid(), identity_version, identity_tier,
    match_status
FROM (SELECT * FROM transactions ORDER BY tenant_id, id LIMIT :rows) AS known
"""
