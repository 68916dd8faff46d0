"""Years of many accounts, played through; see ``python -m testing.simulator --help``."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from testing.simulator.bank import Bank
from testing.simulator.judge import Judge
from testing.simulator.knobs import Family, draw
from testing.simulator.memory import MemoryHouse
from testing.simulator.truth import HOURS, Author, Day, Life

from payymo.domain.ledger.identity import IDENTITY_VERSION

#: First day of all lives: before a leap day, and before changes of the year.
EPOCH: Final = date(2022, 11, 3)

_LONG_HISTORY: Final = 730
_SHORT_HISTORY: Final = 90
#: Knobs by which each row is new to the house at each pull: such accounts are pulled more seldom,
#: as one costs as much as fifty others.
_COSTLY: Final = (
    "volatile_internal_id", "volatile_transaction_id", "odd_precision", "shuffled_lines",
    "balance_after",
)  # fmt: skip
_OFTEN: Final = 0.1
_NIGHT: Final = 5
_EVENING: Final = 18

#: Days without movements after which all that was pending is over, and days of the last pulls:
#: two full looks back, half a day apart at least, and the usual ones between.
_QUIET_DAYS: Final = 13
_LAST_PULLS: Final = (0, 1, 8, 9, 16)


@dataclass(slots=True)
class Case:
    """One account of a run.

    :ivar faults: What is wrong; none is good.
    """

    seed: int
    account: int
    family: Family
    knobs: dict[str, float]
    account_days: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Run:
    """One account's life with the house: consents, pulls, faults and silence."""

    def __init__(
        self, seed: int, account: int, *, identity_version: int = IDENTITY_VERSION
    ) -> None:
        """Invent the account.

        :param seed: Of the whole soak.
        :param account: Number of the account.
        :param identity_version: By which version of the rules the house recognises rows.
        """
        self._seed = random.Random(f"{seed}/{account}")
        family, knobs = draw(self._seed)
        self.case = Case(seed, account, family, knobs)
        self._knobs = knobs
        self._before = self._seed.choice((0, 30, 200, 500))
        self._days = self._seed.randint(120, 900)
        author = Author(self._seed, knobs)
        life = author.write(EPOCH, self._before + self._days)
        self.case.struck += author.struck
        self.bank = Bank(f"{seed}/{account}", family, knobs, life)
        self.house = MemoryHouse(self.bank, Judge(life), identity_version=identity_version)
        self._every = self._seed.choice((1, 1, 1, 1, 2, 3, 7))
        if any(knobs.get(knob, 0.0) > _OFTEN for knob in _COSTLY):
            self._every = max(self._every, 4)
        self._is_after_failure = False

    @property
    def life(self) -> Life:
        """What really happened."""
        return self.bank.life

    def play(self) -> Case:
        """Play the life through, and return what came of it."""
        first = self.life.first_day + self._before
        last = first + self._days
        self._renew(first)
        away_until: Day = first
        for day in range(first, last):
            if day < away_until:
                continue
            if day * HOURS + _NIGHT >= self.house.consent.ends_at:
                away_until = self._lapse(day)
                continue
            if (day - first) % self._every == 0 or self.house.is_anew:
                self._pull(day, _NIGHT)
                if self._seed.random() < 0.03:
                    self._pull(day, _EVENING)
        self._settle(last + _QUIET_DAYS)
        case, house = self.case, self.house
        case.account_days = self._days
        case.counts = house.judge.verdict.counts
        case.counts += Counter(
            pulls=house.pulls, rows=house.pulled, failures=house.failures, consents=house.consents
        )
        case.struck += Counter(self.bank.counts)
        case.faults = house.judge.verdict.faults
        return case

    def _lapse(self, day: Day) -> Day:
        """Let the consent be over for some days, and renew it; return when it is renewed."""
        gap = self._seed.choice((0, 0, 1, 3))
        if self._is_on("silence"):
            gap = self._seed.randint(20, 160)
            self._count("silence")
        elif self._knobs.get("one_consent"):
            gap = max(gap, 1)
            self._count("one_consent")
        self.house.fail()
        self._renew(day + gap)
        return day + gap

    def _renew(self, day: Day) -> None:
        is_first = self.house.consents == 0
        history = _LONG_HISTORY
        if self._knobs.get("refused_history"):
            history = _SHORT_HISTORY
            self._count("refused_history")
        elif not is_first and self._knobs.get("long_history_once"):
            history = _SHORT_HISTORY
            self._count("long_history_once")
        if not is_first and self._knobs.get("new_account_ids"):
            self._count("new_account_ids")
        access = self._seed.choice((90, 180))
        if self._is_on("ends_early"):
            access = self._seed.randint(3, access)
            self._count("ends_early")
        self.house.renew(day * HOURS + _NIGHT, history_days=history, access_days=access)

    def _pull(self, day: Day, hour: int) -> None:
        moment = day * HOURS + hour
        if any(self.bank.strike(knob, moment) for knob in ("throttled", "failing")):
            self.house.fail()
            self._is_after_failure = True
            return
        is_empty = self._is_after_failure and self.bank.strike("empty_after_failure", moment)
        self._is_after_failure = False
        self.house.pull(moment, is_empty=is_empty)

    def _settle(self, day: Day) -> None:
        """Ask on good days until nothing is left open, and compare."""
        history = _SHORT_HISTORY if self._knobs.get("refused_history") else _LONG_HISTORY
        self.house.renew(day * HOURS, history_days=history, access_days=90)
        for later in _LAST_PULLS:
            self.house.pull((day + later) * HOURS + _NIGHT, is_settled=True)
        self.house.finish((day + _LAST_PULLS[-1]) * HOURS + _NIGHT)

    def _is_on(self, knob: str) -> bool:
        intensity = self._knobs.get(knob, 0.0)
        return intensity > 0 and self._seed.random() < intensity

    def _count(self, knob: str) -> None:
        self.case.struck[knob] += 1
