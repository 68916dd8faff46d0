"""What matching must reach on generated books, by profile and size."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.matching.measure import Tally
from benchmarks.measurement import Measurement

#: Of the sure matches, the share that must be right. One wrong is borne with in a small book.
AUTO_PRECISION_MIN = 0.9995


@dataclass(frozen=True, slots=True)
class Floor:
    """What must be reached on the books of a profile.

    :ivar f1: Of links, equivalents allowed, at least.
    :ivar coverage: Payments that are sure and right, at least.
    :ivar negatives: Lines that belong to nothing and are proposed, at most.
    :ivar ece: Expected calibration error, at most.
    """

    f1: float
    coverage: float
    negatives: float
    ece: float


FLOORS: Mapping[str, Floor] = {
    "mixed": Floor(f1=0.970, coverage=0.93, negatives=0.010, ece=0.010),
    "subscription": Floor(f1=0.950, coverage=0.85, negatives=0.010, ece=0.015),
    "hard": Floor(f1=0.945, coverage=0.85, negatives=0.015, ece=0.020),
    "tangled": Floor(f1=0.940, coverage=0.85, negatives=0.015, ece=0.020),
}

#: From so many lines on, a book has floors of its own: see :data:`LARGE_FLOORS`.
LARGE_SIZE = 100_000

#: The more invoices are open, the fewer amounts are the only ones of their kind (of `mixed` 48 % at
#: 10,000, 37 % at 100,000), and the more numbers have the same end. A payment by a stranger who
#: quotes nothing, or a few digits, then tells less, whoever reads it.
LARGE_FLOORS: Mapping[str, Floor] = {
    "mixed": Floor(f1=0.970, coverage=0.915, negatives=0.015, ece=0.012),
}

#: For a book of so many lines: seconds, and MiB where there is a limit (1,500,000,000 bytes).
COSTS: Mapping[int, tuple[float, float | None]] = {
    10_000: (3.0, None),
    100_000: (30.0, 1430.0),
}


#: Of one new payment against :data:`LATENCY_SIZE` open invoices, the index held.
LATENCY_SIZE = 100_000
MILLISECONDS_MAX = 5.0


def limit_of_latency(size: int, found: Mapping[str, float]) -> Measurement:
    """Return what single payments take, against its limit.

    :param size: Open invoices.
    :param found: What :mod:`benchmarks.matching.latency` prints.
    """
    return Measurement(
        f"one payment, {size:,} open invoices: p95 in ms",
        f"p50 {found['p50']:.1f} ms, p99 {found['p99']:.1f} ms; ready in "
        f"{found['ready_seconds']:.0f} s, {found['peak_mib']:.0f} MiB",
        found["p95"],
        MILLISECONDS_MAX,
        is_maximum=True,
    )


def floor_of(profile: str, size: int) -> Floor:
    """Return what must be reached on books of a profile and so many lines."""
    large = LARGE_FLOORS if size >= LARGE_SIZE else {}
    return large.get(profile, FLOORS[profile])


def limits_of(
    profile: str, size: int, tally: Tally, *, seconds: float, peak_mib: float
) -> list[Measurement]:
    """Return our figures for the books of a profile and size, each against its limit."""
    floor, about = floor_of(profile, size), f"{profile} {size:,}"
    wrong = tally.auto - tally.auto_right
    bearable = (tally.auto - 1) / tally.auto if tally.auto else 0.0
    limits = [
        Measurement(
            f"{about}: F1",
            f"of {tally.tolerant.true:,} links",
            tally.tolerant.f1,
            floor.f1,
        ),
        Measurement(
            f"{about}: sure",
            f"{wrong} wrong of {tally.auto:,}",
            tally.auto_precision or 0.0,
            min(AUTO_PRECISION_MIN, bearable),
        ),
        Measurement(
            f"{about}: coverage",
            f"{tally.auto_right:,} of {tally.payable:,} payments",
            tally.coverage,
            floor.coverage,
        ),
        Measurement(
            f"{about}: stray",
            f"{tally.negatives_suggested} of {tally.lines - tally.payable:,} lines",
            tally.negatives_proposed,
            floor.negatives,
            is_maximum=True,
        ),
        Measurement(
            f"{about}: ECE",
            f"{tally.proposals:,} proposals",
            tally.ece,
            floor.ece,
            is_maximum=True,
        ),
    ]
    seconds_max, mib_max = COSTS.get(size, (None, None))
    if seconds_max is not None:
        limits.append(Measurement(f"{about}: seconds", "", seconds, seconds_max, is_maximum=True))
    if mib_max is not None:
        limits.append(Measurement(f"{about}: MiB", "", peak_mib, mib_max, is_maximum=True))
    return limits
