"""Plays years of invented accounts against the ledger, and says what came of them.

It stops with an error when a row was doubled, lost or merged wrongly, and says how to see that one
account again.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final, TextIO

from testing.simulator.knobs import KNOBS
from testing.simulator.soak import Case, Run

#: What must not happen, as the judge names it, and what it means.
FAULTS: Final = {
    "duplicate": "rows that are in the ledger and not, or no more, in the truth",
    "lost": "rows that are in the truth and not in the ledger",
    "wrong merge": "rows that went on as another movement",
    "wrongly removed": "rows that were removed while the bank had them",
    "id lost": "rows that got another id where nothing else could be meant",
    "amount": "rows of another amount or currency than the truth",
    "false claim": "days that are held for known and are not",
}
_COUNTS: Final = (
    "movements", "ledger rows", "restated kept", "restated replaced", "pending kept",
    "pending certain", "pending superseded", "certain pairs", "undecidable", "twins exchanged",
    "crossed", "withdrawn unseen", "never told", "failures", "consents",
)  # fmt: skip

#: A run of so many account-days in which a knob strikes nothing proves less than it says.
_ALL_KNOBS_AFTER: Final = 200_000


@dataclass(slots=True)
class Total:
    """What came of many accounts."""

    accounts: int = 0
    account_days: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    failed: list[Case] = field(default_factory=list)

    def add(self, case: Case) -> None:
        """Add an account."""
        self.accounts += 1
        self.account_days += case.account_days
        self.counts += case.counts
        self.struck += case.struck
        self.families[case.family.name] += 1
        if case.faults:
            self.failed.append(case)

    @property
    def idle(self) -> list[str]:
        """Knobs that struck nothing, of a run long enough for all of them."""
        if self.account_days < _ALL_KNOBS_AFTER:
            return []
        return [name for name in KNOBS if not self.struck[name]]

    @property
    def is_good(self) -> bool:
        """Whether nothing that must not happen happened, and all was tried."""
        return not self.failed and not self.idle


def play_one(seed: int, account: int) -> Case:
    """Return what came of an account."""
    return Run(seed, account).play()


def soak(seed: int, account_days: int, processes: int) -> Iterator[Case]:
    """Yield what came of each account, until so many account-days are played; in their order.

    How many processes share the work changes nothing in what is yielded.
    """
    played = 0
    with ProcessPoolExecutor(processes) as pool:
        first = 0
        waiting: list[Future[Case]] = []
        while played < account_days:
            while len(waiting) < 2 * processes:
                waiting.append(pool.submit(play_one, seed, first))
                first += 1
            case = waiting.pop(0).result()
            played += case.account_days
            yield case
        for future in waiting:
            future.cancel()


def table(total: Total, seconds: float) -> str:
    """Return the counts for people."""
    lines = [
        f"{'account-days':24}{total.account_days:>12,}",
        f"{'accounts':24}{total.accounts:>12,}",
        *(f"{name:24}{total.counts[name]:>12,}" for name in ("pulls", "rows", *_COUNTS)),
        "",
        *(f"{name:24}{total.counts[name]:>12,}  {FAULTS[name]}" for name in FAULTS),
        "",
        "How often each knob struck a row or an answer:",
        *(
            f"  {knob.quirk:5}{name:28}{total.struck[name]:>12,}  {knob.meaning}"
            for name, knob in KNOBS.items()
        ),
        "",
        "Accounts at banks of a kind that is known: "
        + ", ".join(f"{name} {count}" for name, count in sorted(total.families.items())),
        f"{seconds:.0f} s, {total.account_days / max(seconds, 1e-9):,.0f} account-days a second",
    ]
    return "\n".join(lines)


def main() -> int:
    """Play, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m testing.simulator", description=__doc__)
    parser.add_argument("--days", type=int, default=1_000_000, help="account-days to play")
    parser.add_argument("--seed", type=int, default=1, help="what chance comes from")
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument(
        "--account",
        type=int,
        nargs="+",
        help="play these accounts alone, and tell all their faults",
    )
    given = parser.parse_args()
    if given.account is not None:
        return _replay(given.seed, given.account, given.processes)
    started = time.monotonic()
    total = Total()
    told_at = started
    for case in soak(given.seed, given.days, given.processes):
        total.add(case)
        if case.faults:
            _write(f"{case.faults[0]}\n  again: {_again(case)}")
        if time.monotonic() - told_at > 10:
            told_at = time.monotonic()
            _write(f"{total.account_days:,} of {given.days:,} account-days", sys.stderr)
    _write(table(total, time.monotonic() - started))
    if total.idle:
        _write(f"These knobs struck nothing: {', '.join(total.idle)}")
    return 0 if total.is_good else 1


def _replay(seed: int, accounts: Sequence[int], processes: int) -> int:
    """Play some accounts, tell of each what its bank does and what is wrong, and sum up."""
    total = Total()
    with ProcessPoolExecutor(min(processes, len(accounts))) as pool:
        for case in pool.map(play_one, repeat(seed), accounts):
            total.add(case)
            _tell(case)
    if len(accounts) > 1:
        _write(
            f"{len(total.failed)} of {total.accounts} accounts with faults: {_list(total.failed)}"
        )
        _write(", ".join(f"{name} {total.counts[name]:,}" for name in (*_COUNTS, *FAULTS)))
    return 1 if total.failed else 0


def _tell(case: Case) -> None:
    _write(
        f"account {case.account}: {case.family.name} ({case.family.institution}), "
        f"{case.account_days} days"
    )
    for name, intensity in case.knobs.items():
        _write(f"  {name} {intensity:g}: {KNOBS[name].meaning}")
    for fault in case.faults:
        _write(f"  {fault}")
    _write("  " + ", ".join(f"{name} {count}" for name, count in sorted(case.counts.items())))


def _list(cases: Sequence[Case]) -> str:
    return " ".join(str(case.account) for case in cases) or "none"


def _again(case: Case) -> str:
    return f"python -m testing.simulator --seed {case.seed} --account {case.account}"


def _write(text: str, where: TextIO = sys.stdout) -> None:
    where.write(f"{text}\n")
    where.flush()


if __name__ == "__main__":
    sys.exit(main())
