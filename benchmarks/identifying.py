"""What it costs to say which row is which: 1,000 pulled rows against 100,000 known ones.

Nothing but the pure function is measured. The baseline is a pass over the same known rows that
puts them into one dictionary by content and one by id, and looks each pulled row up in both: what
an upsert on a key would have to do, and nothing more.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from statistics import median
from uuid import UUID

from benchmarks.measurement import Measurement
from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.identity import pair_sightings
from payymo.domain.ledger.sightings import KnownRow, Sighting, fingerprint

KNOWN_COUNT = 100_000
PULLED_COUNT = 1000
ROUNDS = 7
ROWS_A_DAY = 70

MILLISECONDS_MAX = 50.0
BASELINE_RATIO_MAX = 1.5
LINEARITY_MAX = 6.0

FIRST_DAY = date(2022, 1, 1)
NAMES = ("Anker Bakery", "Bolt Rides", "Cedar Books", "Delta Power", "Elm Garden", "Fjord Fish")


def measure() -> list[Measurement]:
    """Return what identity costs, beside dictionaries, and whether the cost is linear."""
    seconds = {}
    for share in (4, 2, 1):
        known, pulled = _book(KNOWN_COUNT // share, PULLED_COUNT // share)
        seen = {row.id for row in known[-4 * len(pulled) : -len(pulled)]}
        _check(pulled, known, seen)
        seconds[share] = _time(partial(pair_sightings, pulled, known, seen=seen))
    baseline = _time(partial(_look_up, pulled, known))
    figures = ", ".join(
        f"{1000 * seconds[share]:.1f} ms for {KNOWN_COUNT // share:,}" for share in (4, 2, 1)
    )
    return [
        Measurement(
            "identity of 1,000 rows among 100,000, in ms",
            f"median of {ROUNDS}: {figures} known rows and a hundredth of them pulled",
            1000 * seconds[1],
            MILLISECONDS_MAX,
            is_maximum=True,
        ),
        Measurement(
            "the same, in passes that build two dictionaries",
            f"{1000 * seconds[1]:.1f} ms of {1000 * baseline:.1f} ms",
            seconds[1] / baseline,
            BASELINE_RATIO_MAX,
            is_maximum=True,
        ),
        Measurement(
            "its cost for four times the rows",
            f"{1000 * seconds[1]:.1f} ms after {1000 * seconds[4]:.1f} ms; linear is 4",
            seconds[1] / seconds[4],
            LINEARITY_MAX,
            is_maximum=True,
        ),
    ]


def _book(known_count: int, pulled_count: int) -> tuple[list[KnownRow], list[Sighting]]:
    """Return known rows, and an answer to its end: a fifth each of five things that banks do."""
    sightings = [_sighting(number) for number in range(known_count + pulled_count)]
    known = [KnownRow(UUID(int=number + 1), row) for number, row in enumerate(sightings)]
    pulled = []
    for number in range(known_count - pulled_count, known_count):
        row = sightings[number]
        match number % 5:
            case 0:  # the text changes
                row = _write(row, text=f"{row.text} of Berlin")
            case 1:  # both ids change
                row = replace(row, internal_id=f"i-{number}", transaction_id=f"t-{number}")
            case 2:  # both ids and the day change
                row = _write(row, day=_shift(row.day))
                row = replace(row, internal_id=f"i-{number}", transaction_id=f"t-{number}")
            case 3:  # the day and the provider's id change
                row = replace(_write(row, day=_shift(row.day)), internal_id=f"i-{number}")
            case _:  # it is new
                row = sightings[number + pulled_count]
        pulled.append(row)
    return known[:known_count], pulled


def _sighting(number: int) -> Sighting:
    amount = Decimal(-100 - number * 7919 % 50_000).scaleb(-2)
    day = FIRST_DAY + timedelta(days=number // ROWS_A_DAY)
    text = f"{NAMES[number % len(NAMES)]}\nreceipt {number}"
    return Sighting(
        is_booked=True,
        amount=amount,
        currency="EUR",
        day=day,
        trusted_id=None,
        internal_id=f"{number:032x}",
        transaction_id=f"{number:024d}",
        text=text,
        fingerprint=fingerprint(amount, "EUR", day, text),
        content_hash=sha256(text.encode()).digest(),
    )


def _write(row: Sighting, *, day: date | None = None, text: str | None = None) -> Sighting:
    day, text = day or row.day, text or row.text
    content = fingerprint(row.amount, row.currency, day, text)
    return replace(row, day=day, text=text, fingerprint=content)


def _shift(day: date | None) -> date | None:
    return None if day is None else day + timedelta(days=1)


def _check(pulled: list[Sighting], known: list[KnownRow], seen: set[UUID]) -> None:
    """Fail unless the four fifths that are known are recognised, and nothing else."""
    verdicts = pair_sightings(pulled, known, seen=seen)
    new = sum(verdict.tier is IdentityTier.NEW for verdict in verdicts)
    if new != len(pulled) // 5:
        raise RuntimeError(f"expected {len(pulled) // 5} new rows, got {new}")


def _look_up(pulled: list[Sighting], known: list[KnownRow]) -> int:
    by_content = {row.sighting.fingerprint: row.id for row in known}
    by_id = {row.sighting.internal_id: row.id for row in known}
    return sum(row.fingerprint in by_content or row.internal_id in by_id for row in pulled)


def _time(work: Callable[[], object]) -> float:
    """Return the median of the seconds that some work takes."""
    seconds = []
    for _ in range(ROUNDS):
        gc.collect()
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return median(seconds)
