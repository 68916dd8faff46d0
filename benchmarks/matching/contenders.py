"""``python -m benchmarks.matching.contenders``: let one matcher match one book, and say the cost.

Each runs in a process of its own, from reading the files to having written its predictions, so
that its peak of memory is its own.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.matching.adapter import match_book
from benchmarks.matching.measure import read_rows

_STATUS = Path("/proc/self/status")
_KIBIBYTES = 1024


def additive(book: Path, out: Path) -> None:
    """Match by points, each pair for itself."""
    baselines = import_module("benchmarks.matching.baselines")
    _write(
        out,
        baselines.additive(
            read_rows(book / "invoices.jsonl"), read_rows(book / "transactions.jsonl")
        ),
    )


def rules(book: Path, out: Path) -> None:
    """Match by a cascade of conditions."""
    baselines = import_module("benchmarks.matching.baselines")
    _write(
        out,
        baselines.rules(
            read_rows(book / "invoices.jsonl"),
            read_rows(book / "transactions.jsonl"),
            read_rows(book / "history.jsonl"),
        ),
    )


CONTENDERS: Mapping[str, Callable[[Path, Path], None]] = {
    "ours": match_book,
    "additive": additive,
    "rules": rules,
}


def peak_mib() -> float:
    """Return the most memory that this process has had at once, in MiB.

    Linux tells it of the process itself; what ``getrusage`` tells began with the parent's.
    """
    if _STATUS.exists():
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / _KIBIBYTES
    scale = _KIBIBYTES**2 if sys.platform == "darwin" else _KIBIBYTES
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def _write(out: Path, predictions: Iterable[Mapping[str, Any]]) -> None:
    with out.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(prediction)}\n" for prediction in predictions)


def main() -> None:
    """Run one matcher, and print what it took as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.matching.contenders", description=__doc__)
    parser.add_argument("name", choices=tuple(CONTENDERS))
    parser.add_argument("--book", type=Path, required=True, help="the folder of a book")
    parser.add_argument("--out", type=Path, required=True, help="the file for the predictions")
    arguments = parser.parse_args()
    started = time.perf_counter()
    CONTENDERS[arguments.name](arguments.book, arguments.out)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
