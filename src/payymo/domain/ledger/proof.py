"""Whether an account adds up: of each day, opening balance + booked rows = closing balance.

The bank tells its booked balance in two ways, which have nothing to do with each other: in its
answers about balances, and in rows that state the balance after them. Each such *anchor* says what
the rows up to some day come to. Between two anchors that agree every day is **proved**; where they
do not, the day is **failed**, and all else is **unknown**, with the reason. Nothing is fine because
nobody looked.

What an anchor can say is limited:

* A balance that was read on a day holds a part of that day's bookings, so that it speaks of the day
  before, less the rows of its own day that were known by then. Where that does not agree, it may be
  that the bank counted fewer or more of them: then it says nothing, until another anchor confirms
  what it says.
* A row that the bank lists late was or was not in the balances that were read before it came.
  Either will do: what was known when the balance was read, or what is known now.
* The order within a day is not known, so that rows that state balances speak for their day as a
  whole (:mod:`payymo.domain.ledger.chains`).
* Days go by the booking date. Where the bank's balances go by another one, some days do not add
  up by themselves and do so together: nothing is lost then, and nothing is doubled.

A difference is a step: the anchors after it agree with each other, and disagree with those before.
So one missing row makes one day fail, and the days after it are proved anew. The step is told at
the end of the days between the two anchors: it cannot be said on which of them it was.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate, pairwise, product
from typing import Final, NamedTuple
from uuid import UUID

from payymo.domain.enums import ProofReason, ProofStatus
from payymo.domain.ledger.chains import Step, find_openings
from payymo.domain.ledger.coverage import DayRange

#: For so many days after an anchor that disagrees, one that agrees shows that nothing is wrong:
#: bank and rows only went by different days.
SETTLES_WITHIN: Final = timedelta(days=45)

#: Rows whose running balances contradict each other this often, and more often than not, state
#: something else than a running balance.
_CONTRADICTIONS_MIN: Final = 5

#: A day whose rows come to nothing can have begun with any balance: so many are tried.
_LEVELS_MAX: Final = 32

_DAY: Final = timedelta(days=1)
_NOTHING: Final = Decimal(0)


class ProofRow(NamedTuple):
    """A row that is or was booked, in the currency that is proved.

    :ivar day: Its booking date.
    :ivar amount: Signed: positive is money in.
    :ivar balance_after: The booked balance after it in the same currency, where it states one.
    :ivar known_from: When it was first known as booked (aware); ``None`` is always.
    :ivar known_until: Since when the bank leaves it out (aware); it does not count any more.
    """

    id: UUID
    day: date
    amount: Decimal
    balance_after: Decimal | None = None
    known_from: datetime | None = None
    known_until: datetime | None = None


class Reading(NamedTuple):
    """A booked balance that the bank reported.

    :ivar taken_at: When it was read (aware).
    :ivar reference_day: The day at whose end it is true, where the bank gives one.
    :ivar is_closing: It is the balance of a day that is closed, by its type.
    """

    amount: Decimal
    taken_at: datetime
    reference_day: date | None
    is_closing: bool


class Opening(NamedTuple):
    """Where a proof goes on from: a day that is settled, and the balance at its end."""

    day: date
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one account in one currency.

    :ivar rows: Rows of the days to judge; and of some days before, for those that came late.
    :ivar readings: What the bank reported.
    :ivar known: The days whose rows were read after they had ended, merged.
    :ivar today: The present day, which is not over.
    :ivar opening: Where to go on from; ``None`` begins with the first anchor.
    :ivar foreign_days: Days with rows in currencies of which the bank reports no balance: they
        may or may not count in this one.
    :ivar is_running: Whether the balances that rows state can be running balances at all.
    """

    rows: Sequence[ProofRow]
    readings: Sequence[Reading]
    known: Sequence[DayRange]
    today: date
    opening: Opening | None = None
    foreign_days: Collection[date] = ()
    is_running: bool = True


@dataclass(frozen=True, slots=True)
class DayProof:
    """What is to be said of one day.

    :ivar opening: Balance at its beginning, where proved or failed.
    :ivar booked: Sum of its booked rows.
    :ivar closing: Balance at its end as the bank has it, where proved or failed.
    :ivar difference: What the bank has more than opening and rows come to, where failed and told.
    :ivar agreed_on: Last day before it on which bank and rows agreed, where failed: the difference
        lies after that.
    """

    day: date
    status: ProofStatus
    reason: ProofReason | None
    row_count: int
    booked: Decimal
    opening: Decimal | None = None
    closing: Decimal | None = None
    difference: Decimal | None = None
    agreed_on: date | None = None


def prove(evidence: Evidence) -> Sequence[DayProof]:
    """Return what is to be said of each day, from the first anchor up to today.

    The order of rows and readings does not matter. The cost is linear in their number, but for
    sorting.

    :param evidence: What is known.
    :returns: In the order of the calendar; empty where the bank tells no booked balance.
    """
    first_day = _first_day(evidence)
    if first_day is None or first_day > evidence.today:
        return ()
    proof = _Proof(evidence, first_day)
    proof.run()
    return proof.tell()


def _first_day(evidence: Evidence) -> date | None:
    """Return the first day of which something can be said."""
    if evidence.opening is not None:
        return evidence.opening.day + _DAY
    days = [min(_closed_day(reading), evidence.today) for reading in evidence.readings]
    if evidence.is_running:
        days += [row.day for row in evidence.rows if row.balance_after is not None and _stands(row)]
    if not days or not evidence.known:
        return None
    return max(min(days), evidence.known[0].first_day)


def _closed_day(reading: Reading) -> date:
    """Return the last day that was over for a balance: its reference day, or the day before."""
    taken_on = reading.taken_at.date()
    if reading.reference_day is not None and reading.reference_day < taken_on:
        return reading.reference_day
    return taken_on - _DAY


def _stands(row: ProofRow) -> bool:
    return row.known_until is None


@dataclass(frozen=True, slots=True)
class _Anchor:
    """What the rows up to some day come to, as the bank has it.

    Levels are what the bank had before the first row: anchors that agree have the same.

    :ivar place: The day at whose end it is true.
    :ivar blamed: The day that is named when it disagrees.
    :ivar levels: Its level, by each way to reckon it that is good enough, the best first.
    :ivar allowed: Levels by ways that prove nothing, and for which it need not disagree.
    :ivar is_firm: It needs nobody to confirm it.
    """

    place: int
    blamed: int
    levels: tuple[Decimal, ...]
    allowed: tuple[Decimal, ...] = ()
    is_firm: bool = True

    def agrees(self, levels: Iterable[Decimal]) -> bool:
        """Return whether it says the same as something else."""
        return not set(self.levels).isdisjoint(levels)


class _Tree:
    """Sums of amounts up to a place, while amounts come and go (a Fenwick tree)."""

    def __init__(self, size: int) -> None:
        self._sums = [_NOTHING] * (size + 1)

    def add(self, place: int, amount: Decimal) -> None:
        index = place + 1
        while index < len(self._sums):
            self._sums[index] += amount
            index += index & -index

    def sum_to(self, place: int) -> Decimal:
        total, index = _NOTHING, place + 1
        while index:
            total += self._sums[index]
            index -= index & -index
        return total


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is to be said of a day.

    :ivar stretch: The days between two steps that it belongs to, where anchors settle that.
    :ivar agreed: The place on which bank and rows last agreed, where it failed.
    """

    status: ProofStatus = ProofStatus.UNKNOWN
    reason: ProofReason | None = ProofReason.NO_BALANCE
    stretch: int | None = None
    difference: Decimal | None = None
    agreed: int = 0


class _Proof:
    """A proof under way. Days are places: 0 is all before the first, the last all after today.

    :ivar stretches: The levels of the days between two steps, in order.
    :ivar agreed: The last place on which bank and rows agreed, or from which they go on anew.
    :ivar broken: Places whose rows state balances that contradict each other.
    """

    def __init__(self, evidence: Evidence, first_day: date) -> None:
        self.evidence, self.first_day = evidence, first_day
        self.day_count = (evidence.today - first_day).days + 1
        self.by_place: defaultdict[int, list[ProofRow]] = defaultdict(list)
        for row in evidence.rows:
            if _stands(row):
                self.by_place[self._place(row.day)].append(row)
        self.sums = [
            sum((row.amount for row in self.by_place.get(place, ())), _NOTHING)
            for place in range(self.day_count + 2)
        ]
        self.totals = list(accumulate(self.sums))
        self.covered = self._places_of(evidence.known)
        self.foreign = {self._place(day) for day in evidence.foreign_days}
        self.verdicts = [_Verdict()] * (self.day_count + 1)
        self.stretches: list[tuple[Decimal, ...]] = []
        self.agreed = 0
        self.broken: set[int] = set()

    def _place(self, day: date) -> int:
        return max(0, min((day - self.first_day).days + 1, self.day_count + 1))

    def _day_of(self, place: int) -> date:
        return self.first_day + timedelta(days=place - 1)

    def _places_of(self, ranges: Iterable[DayRange]) -> set[int]:
        places: set[int] = set()
        for days in ranges:
            places.update(range(self._place(days.first_day), self._place(days.last_day) + 1))
        return places

    def run(self) -> None:
        """Hold the anchors against each other, in the order of the days."""
        anchors = self._read() + self._chain()
        anchors.sort(key=lambda anchor: (anchor.place, anchor.blamed))
        if self.evidence.opening is not None:
            self.stretches.append((self.evidence.opening.balance - self.totals[0],))
        undecided = number = 0
        while number < len(anchors):
            anchor = anchors[number]
            number += 1
            if not self.stretches:
                self.stretches.append(anchor.levels)
                self.agreed = anchor.place
            elif anchor.agrees(self.stretches[-1]):
                self._settle(anchor)
            elif not set(anchor.allowed).isdisjoint(self.stretches[-1]):
                undecided = max(undecided, anchor.blamed)
            elif (settling := self._find_settling(anchors, number)) is not None:
                is_disputed = any(each.is_firm for each in anchors[number - 1 : settling])
                self._settle(anchors[settling], ProofReason.OTHER_DAYS if is_disputed else None)
                number = settling + 1
            elif anchor.is_firm or self._is_confirmed(anchors, number):
                self._step(anchor)
            else:
                undecided = max(undecided, anchor.blamed)
        for place in range(self.agreed + 1, min(undecided, self.day_count) + 1):
            self.verdicts[place] = _Verdict(reason=ProofReason.WITHIN_DAY)
        self._judge_broken()

    def _find_settling(self, anchors: Sequence[_Anchor], number: int) -> int | None:
        """Return the first anchor after one that disagrees which agrees again.

        One that may as well say what the disputed one says settles nothing.
        """
        disputed = anchors[number - 1]
        limit = disputed.place + SETTLES_WITHIN.days
        for index in range(number, len(anchors)):
            if anchors[index].place > limit:
                return None
            if anchors[index].agrees(self.stretches[-1]) and not anchors[index].agrees(
                disputed.levels
            ):
                return index
        return None

    @staticmethod
    def _is_confirmed(anchors: Sequence[_Anchor], number: int) -> bool:
        """Return whether a later anchor says the same as one that disagrees."""
        anchor = anchors[number - 1]
        limit = anchor.place + SETTLES_WITHIN.days
        for index in range(number, len(anchors)):
            other = anchors[index]
            if other.place > limit:
                return False
            if (other.is_firm or other.blamed > anchor.blamed) and other.agrees(anchor.levels):
                return True
        return False

    def _settle(self, anchor: _Anchor, reason: ProofReason | None = None) -> None:
        """Note that an anchor agrees: the days up to it add up, or at least do so together."""
        said = set(anchor.levels)
        self.stretches[-1] = tuple(level for level in self.stretches[-1] if level in said)
        status = ProofStatus.UNKNOWN if reason else ProofStatus.PROVED
        stretch = len(self.stretches) - 1
        last = anchor.blamed if reason else anchor.place
        self._mark(self.agreed + 1, last, _Verdict(status, reason, stretch))
        self.agreed = max(self.agreed, last)

    def _mark(self, first: int, last: int, verdict: _Verdict) -> None:
        for place in range(first, min(last, self.day_count) + 1):
            self.verdicts[place] = verdict

    def _step(self, anchor: _Anchor) -> None:
        """Note that bank and rows have parted since they last agreed."""
        old, new = min(
            product(self.stretches[-1][:_LEVELS_MAX], anchor.levels[:_LEVELS_MAX]),
            key=lambda pair: (abs(pair[1] - pair[0]), pair),
        )
        since = range(self.agreed + 1, min(anchor.blamed, self.day_count) + 1)
        self.stretches[-1] = (old,)
        self.stretches.append((new,))
        stretch = len(self.stretches) - 1
        blamed = anchor.blamed
        if not self.covered.issuperset(since):
            self._mark(since.start, blamed, _Verdict(reason=ProofReason.NOT_COVERED))
        elif not self.foreign.isdisjoint(since):
            self._mark(since.start, blamed, _Verdict(reason=ProofReason.OTHER_CURRENCIES))
        else:
            blamed = next((place for place in since if place in self.broken), blamed)
            failed = _Verdict(ProofStatus.FAILED, None, stretch - 1, new - old, self.agreed)
            self._mark(blamed, blamed, failed)
            proved = _Verdict(ProofStatus.PROVED, None, stretch)
            self._mark(blamed + 1, anchor.place, proved)
        self.agreed = max(anchor.place, blamed)

    def _judge_broken(self) -> None:
        """Fail the days whose rows contradict each other and which no balance decides."""
        for place in self.broken:
            is_open = self.verdicts[place].stretch is None
            if is_open and place in self.covered and place < self.day_count:
                self.verdicts[place] = _Verdict(ProofStatus.FAILED, None, agreed=place - 1)

    def tell(self) -> Sequence[DayProof]:
        """Return what is to be said of each day."""
        return [self._tell(place) for place in range(1, self.day_count + 1)]

    def _tell(self, place: int) -> DayProof:
        verdict = self.verdicts[place]
        status, reason = verdict.status, verdict.reason
        if place == self.day_count:
            status, reason = ProofStatus.UNKNOWN, ProofReason.DAY_NOT_OVER
        elif place not in self.covered:
            status, reason = ProofStatus.UNKNOWN, ProofReason.NOT_COVERED
        opening = closing = difference = None
        if status is not ProofStatus.UNKNOWN and verdict.stretch is not None:
            level = self.stretches[verdict.stretch][0]
            difference = verdict.difference
            opening = level + self.totals[place - 1]
            closing = level + self.totals[place] + (difference or _NOTHING)
        is_failed = status is ProofStatus.FAILED
        return DayProof(
            day=self._day_of(place),
            status=status,
            reason=reason,
            row_count=len(self.by_place.get(place, ())),
            booked=self.sums[place],
            opening=opening,
            closing=closing,
            difference=difference,
            agreed_on=self._day_of(min(verdict.agreed, place - 1)) if is_failed else None,
        )

    # Anchors

    def _read(self) -> list[_Anchor]:
        """Return what the reported balances say, each beside the rows that were known with it."""
        readings = sorted(self.evidence.readings, key=lambda reading: reading.taken_at)
        if not readings:
            return []
        late = _Tree(self.day_count + 2)
        events = self._list_events(late, readings[0].taken_at)
        anchors, done = [], 0
        for reading in readings:
            while done < len(events) and events[done][0] <= reading.taken_at:
                _, place, amount = events[done]
                late.add(place, amount)
                done += 1
            if _closed_day(reading) >= self.first_day - _DAY:
                anchors.append(self._anchor(reading, late))
        return anchors

    def _list_events(self, late: _Tree, begin: datetime) -> list[tuple[datetime, int, Decimal]]:
        """Return when which amounts came to be known or were left out, after a moment.

        :param late: Takes what has to be added to today's rows to have those of that moment.
        """
        events: defaultdict[tuple[datetime, int], Decimal] = defaultdict(Decimal)
        for row in self.evidence.rows:
            place = self._place(row.day)
            is_known = row.known_from is None or row.known_from <= begin
            if row.known_until is not None and row.known_until > begin:
                if is_known:
                    late.add(place, row.amount)
                elif row.known_from is not None and row.known_from < row.known_until:
                    events[row.known_from, place] += row.amount
                if is_known or (row.known_from is not None and row.known_from < row.known_until):
                    events[row.known_until, place] -= row.amount
            elif row.known_until is None and not is_known and row.known_from is not None:
                late.add(place, -row.amount)
                events[row.known_from, place] += row.amount
        return sorted((moment, place, amount) for (moment, place), amount in events.items())

    def _anchor(self, reading: Reading, late: _Tree) -> _Anchor:
        amount, end = reading.amount, self.day_count + 1
        taken_on, closed = reading.taken_at.date(), _closed_day(reading)
        place, taken = self._place(closed), self._place(taken_on)
        then, now = self.totals[place] + late.sum_to(place), self.totals[place]
        then_of_all = self.totals[end] + late.sum_to(end)
        is_closed = closed == reading.reference_day
        if is_closed and reading.is_closing:
            return _Anchor(place, place, (amount - now, amount - then))
        if is_closed:  # true at the end of that day, or only not changed since
            levels: tuple[Decimal, ...] = (amount - now, amount - then)
            allowed: tuple[Decimal, ...] = (amount - then_of_all, amount - self.totals[taken])
        else:
            levels = (amount - now - (then_of_all - then), amount - then_of_all)
            allowed = (amount - now, amount - then, amount - self.totals[taken])
        return _Anchor(place, taken, levels, allowed, is_firm=False)

    def _chain(self) -> list[_Anchor]:
        """Return what the rows say that state the balance after them, a day at a time."""
        if not self.evidence.is_running:
            return []
        anchors = []
        contradictions = confirmations = 0
        for place in range(1, self.day_count + 1):
            rows = self.by_place.get(place)
            if not rows:
                continue
            steps = [
                Step(row.amount, row.balance_after) for row in rows if row.balance_after is not None
            ]
            if len(steps) != len(rows):
                continue
            openings = find_openings(steps)
            if not openings:
                self.broken.add(place)
                contradictions += 1
                continue
            confirmations += len(rows) > 1
            levels = tuple(opening - self.totals[place - 1] for opening in openings)
            is_over = place < self.day_count
            # What follows the day's last row nobody knows before another day goes on from there.
            anchors.append(_Anchor(place - 1, place, levels, is_firm=is_over))
        for one, other in pairwise(anchors):
            if one.agrees(other.levels):
                confirmations += 1
            else:
                contradictions += 1
        is_told = self.evidence.opening is None and contradictions >= _CONTRADICTIONS_MIN
        if not is_told or contradictions <= confirmations:
            return anchors
        for place in [*self.broken, *(anchor.blamed for anchor in anchors)]:
            self.verdicts[place] = _Verdict(reason=ProofReason.NOT_RUNNING)
        self.broken.clear()
        return []
