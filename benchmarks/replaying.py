"""What a replay of a long history takes: memory in a process of its own, and time.

The baseline is the first sync of the same rows in the same run.
"""

import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Final
from uuid import UUID

import psutil

from benchmarks.long_history import long_history
from benchmarks.measurement import Measurement
from payymo.domain.enums import ReplayVerdict
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.workflows.replay import replay

ROW_COUNT: Final = 100_000

MEMORY_MEBIBYTES_MAX: Final = 450.0
SECONDS_RATIO_MAX: Final = 5.0
_KIBIBYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class _Played:
    """What a replay took.

    :ivar mebibytes: Peak of the resident set, less the set before it.
    """

    mebibytes: float
    seconds: float
    row_count: int


def measure() -> list[Measurement]:
    """Return what a replay of a first sync takes."""
    with long_history(ROW_COUNT) as history:
        started = time.perf_counter()
        history.sync()
        sync_seconds = time.perf_counter() - started
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            played = pool.submit(
                _play,
                history.house.database_url,
                history.tenant_id,
                history.account_id,
                history.clock(),
            ).result()
    if played.row_count != ROW_COUNT:
        raise RuntimeError(f"expected {ROW_COUNT} rows, and {played.row_count} were replayed")
    return [
        Measurement(
            "memory growth of a replay of 100,000 rows, in MiB",
            "peak of the resident set, less the set before it",
            played.mebibytes,
            MEMORY_MEBIBYTES_MAX,
            is_maximum=True,
        ),
        Measurement(
            "its time, in first syncs of the same rows",
            f"{played.seconds:.1f} s of {sync_seconds:.1f} s",
            played.seconds / sync_seconds,
            SECONDS_RATIO_MAX,
            is_maximum=True,
        ),
    ]


def _play(url: str, tenant_id: UUID, account_id: UUID, now: datetime) -> _Played:
    sessions = create_sessions(create_app_engine(url))
    with sessions() as session:
        session.connection()
    before = psutil.Process().memory_info().rss / _KIBIBYTES**2
    started = time.perf_counter()
    (report,) = replay(
        sessions,
        tenant_id=tenant_id,
        account_id=account_id,
        apply=False,
        clock=lambda: now,
        progress=lambda _done, _total: None,
    )
    seconds = time.perf_counter() - started
    if set(report.counts) != {ReplayVerdict.KEPT}:
        raise RuntimeError(f"the replay found other than what stands: {report.counts}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTES
    return _Played(peak - before, seconds, report.row_count)
