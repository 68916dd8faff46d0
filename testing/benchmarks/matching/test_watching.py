"""Memory is that of a process and of those that it starts."""

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.matching.watching import watch

HOLD = "held = bytearray(60 * 1024**2); import time; time.sleep(1.0)"
START_TWO = f"""
import subprocess, sys
workers = [subprocess.Popen([sys.executable, "-c", {HOLD!r}]) for _ in range(2)]
print([worker.wait() for worker in workers])
"""


def test_what_workers_hold_counts(tmp_path: Path) -> None:
    printed, peak_mib = watch([sys.executable, "-c", START_TWO], tmp_path)

    assert printed == "[0, 0]\n"
    assert 120 < peak_mib < 240


def test_a_failure_is_told(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        watch([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
