"""``python -m benchmarks.matching.latency``: one new payment against a book that is held ready."""

import argparse
import json
import time
from pathlib import Path

from benchmarks.matching.adapter import hold
from benchmarks.matching.contenders import peak_mib
from benchmarks.measurement import percentile

#: Payments that are matched before the clock counts.
_WARMING = 50


def measure_latency(folder: Path, count: int) -> dict[str, float]:
    """Return the milliseconds that single payments take, and what holding the book takes.

    The index is built once, as it is by whoever holds it; each payment is then matched alone.

    :param folder: A book.
    :param count: How many of its payments to match, taken from all of it.
    """
    started = time.perf_counter()
    held = hold(folder)
    ready = time.perf_counter() - started
    step = max(1, len(held.payments) // (count + _WARMING))
    milliseconds = []
    for payment in held.payments[::step][: count + _WARMING]:
        started = time.perf_counter()
        held.match(payment)
        milliseconds.append(1000 * (time.perf_counter() - started))
    counted = milliseconds[_WARMING:]
    return {
        "payments": len(counted),
        "p50": percentile(counted, 0.50),
        "p95": percentile(counted, 0.95),
        "p99": percentile(counted, 0.99),
        "ready_seconds": ready,
        "peak_mib": peak_mib(),
    }


def main() -> None:
    """Measure one book, and print what was found as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.matching.latency", description=__doc__)
    parser.add_argument("--book", type=Path, required=True, help="the folder of a book")
    parser.add_argument("--count", type=int, default=2_000, help="payments to match, one by one")
    arguments = parser.parse_args()
    print(json.dumps(measure_latency(arguments.book, arguments.count)))


if __name__ == "__main__":
    main()
