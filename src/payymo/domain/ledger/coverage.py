"""Which days of an account are known, and from which day to ask next.

Only an answer makes days known, and only those that it can speak of: banks cut history short
without saying so, answer with nothing at all after an outage, and serve yesterday's rows as
today's. What is not known for certain is a hole, and is asked for again, until two answers that
have nothing to do with each other gave nothing of it: then the bank has no more to give.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from payymo.domain.enums import Completeness

#: Days before the last known one that are asked for again: banks post late, and restate.
OVERLAP: Final = timedelta(days=14)

#: How far back, and how often, a longer look is taken.
LOOK_BACK: Final = timedelta(days=90)
LOOK_BACK_EVERY: Final = timedelta(days=7)

#: An account may be quiet for so long; a longer silence after a gap may be history cut short.
QUIET_MAX: Final = timedelta(days=45)

#: How far before the last row that is known an answer should reach that is to hold that row: banks
#: choose rows by another date than ours.
LANDMARK_MARGIN: Final = timedelta(days=7)

#: Of so many days at most where an answer begins, rows may be left out by another of their dates.
EDGE_MAX: Final = timedelta(days=7)

#: Two answers this far apart do not come from the same state of a bank or of a store.
APART: Final = timedelta(hours=12)

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class DayRange:
    """Days from the first to the last, both included."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """The days that one answer made known.

    :ivar asked_from: First day asked for; ``None`` when all was.
    :ivar due_from: First day that it should have spoken of: the one asked for, as far as the
        consent reaches.
    :ivar learnt_at: When the answer came (aware).
    :ivar consent_id: Under which consent it was given.
    :ivar is_firm: What it lacks, the bank lacked: see :class:`Claim`.
    """

    days: DayRange
    asked_from: date | None
    due_from: date
    learnt_at: datetime
    consent_id: UUID
    completeness: Completeness
    is_firm: bool

    @property
    def lacking(self) -> DayRange | None:
        """The days that it was to speak of, and did not."""
        if self.completeness is Completeness.COMPLETE or self.due_from >= self.days.first_day:
            return None
        return DayRange(self.due_from, self.days.first_day - _DAY)


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What an answer says of days, and what was known before it.

    :ivar asked_from: First day asked for; ``None`` when all was.
    :ivar reachable_from: First day that the consent lets us read.
    :ivar answered_at: When it came (aware).
    :ivar bank_asked_at: When the provider last asked the bank (aware), where it says so: an
        answer from its store speaks of no later day.
    :ivar oldest_booked: First day that a booked row of it has; ``None`` without one.
    :ivar has_known_rows: Booked rows are known of the days asked for.
    :ivar has_rows_before: Booked rows are known of the days asked for that come before the
        oldest row of the answer: so it is short of them.
    :ivar is_after_failure: The attempt before it failed.
    :ivar speaks_from: First day of which it speaks for certain, whichever of a row's dates it is
        cut by: a purchase of long ago that was booked lately shows nothing of the days between.
    :ivar newest_booked: Last day that a booked row of it has.
    :ivar has_rows_after: Booked rows that the answer before it had come after its newest row.
    :ivar lag: How many days at most a booked row's own day comes after another of its dates: the
        bank may choose rows by that one.
    """

    asked_from: date | None
    reachable_from: date
    answered_at: datetime
    bank_asked_at: datetime | None
    oldest_booked: date | None
    has_known_rows: bool
    has_rows_before: bool
    is_after_failure: bool
    speaks_from: date | None = None
    newest_booked: date | None = None
    has_rows_after: bool = False
    lag: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an answer makes known.

    :ivar is_firm: It came neither after a failure nor out of an old store: what it lacks, the
        bank lacked.
    """

    days: DayRange
    completeness: Completeness
    is_firm: bool


def claim(facts: AnswerFacts, known: Sequence[DayRange]) -> Claim | None:
    """Return the days that an answer makes known; ``None`` for none at all.

    An answer without a booked row says something only where no such row is known of the days asked
    for, and not right after a failure. One whose oldest row is later than the day asked for may
    come from a quiet account or be cut short: it counts from the asked day only where that day was
    known before, no known row is missing in between, and the silence is not too long; else from
    its oldest row, and for no more than its own day where it has none. One that is short of rows at
    its other end speaks of no day after its newest row.

    Where an answer begins on the day asked for, the bank may have chosen rows by another date than
    the one that counts: as many days as the dates of its rows lie apart are not made known there,
    unless they were.

    :param facts: What is to be known of the answer.
    :param known: The days that were known before it, merged.
    """
    bank_asked_at = facts.bank_asked_at or facts.answered_at
    last_day = min(facts.answered_at, bank_asked_at).date()
    if facts.has_rows_after and facts.newest_booked is not None:
        last_day = min(last_day, facts.newest_booked)
    asked = max(facts.asked_from or facts.reachable_from, facts.reachable_from)
    if facts.oldest_booked is None and (facts.has_known_rows or facts.is_after_failure):
        return None
    first_day, completeness = asked, Completeness.COMPLETE
    oldest = facts.oldest_booked or last_day
    certain = max(oldest, min(facts.speaks_from or oldest, last_day))
    if certain > asked:
        holder = next((days for days in known if days.first_day <= asked <= days.last_day), None)
        is_quiet = (
            holder is not None
            and not facts.has_rows_before
            and oldest - holder.last_day <= QUIET_MAX
        )
        if not is_quiet:
            first_day, completeness = certain, Completeness.CUT
    lag = min(facts.lag, EDGE_MAX)
    edge = first_day + lag if first_day <= asked + lag else first_day
    if not any(days.first_day <= first_day and edge - _DAY <= days.last_day for days in known):
        completeness = Completeness.CUT if edge > first_day else completeness
        first_day = edge
    if first_day > last_day:
        return None
    is_firm = not facts.is_after_failure and facts.answered_at - bank_asked_at < APART
    return Claim(DayRange(first_day, last_day), completeness, is_firm)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What is known of an account's days, from the first one that was ever asked for up to today.

    Each list is in the order of the calendar; no day is in two of them.

    :ivar known: Days of which everything is known.
    :ivar not_given: Days that two answers, unrelated and firm, did not speak of when asked: the
        account rested or did not exist yet, or the bank goes no further back. Nothing tells which.
    :ivar holes: All other days.
    """

    known: Sequence[DayRange]
    not_given: Sequence[DayRange]
    holes: Sequence[DayRange]

    @property
    def edge(self) -> DayRange | None:
        """The hole with which a history begins, where it is no more than the edge of an answer.

        A first answer does not vouch for the days that it begins on, and nobody can know more of
        them until it is asked once more, which the next longer look does.
        """
        first = self.holes[0] if self.holes else None
        if first is None or first.last_day + _DAY != self.known[0].first_day:
            return None
        return first if first.last_day - first.first_day < EDGE_MAX else None


def assess(spans: Sequence[CoverageSpan], *, today: date) -> Coverage:
    """Return what is known of an account's days.

    :param spans: What was learnt so far, in any order.
    :param today: The present day.
    """
    known = merge(span.days for span in spans)
    if not known:
        return Coverage((), (), ())
    not_given = subtract(_list_denied(spans), known)
    first_day = min(known[0].first_day, *(span.due_from for span in spans))
    whole = [DayRange(first_day, max(today, known[-1].last_day))]
    return Coverage(known, not_given, subtract(whole, merge([*known, *not_given])))


def _list_denied(spans: Iterable[CoverageSpan]) -> list[DayRange]:
    """Return the days that two firm answers lacked which came far enough apart."""
    denied: list[DayRange] = []
    lacking_before: list[DayRange] = []
    too_near: deque[tuple[datetime, DayRange]] = deque()
    for span in sorted(spans, key=lambda span: span.learnt_at):
        lacking = span.lacking
        if lacking is None or not span.is_firm:
            continue
        while too_near and span.learnt_at - too_near[0][0] >= APART:
            lacking_before = merge([*lacking_before, too_near.popleft()[1]])
        lasting = subtract([lacking], lacking_before)
        denied = merge([*denied, *subtract([lacking], lasting)])
        too_near.append((span.learnt_at, lacking))
    return denied


def merge(ranges: Iterable[DayRange]) -> list[DayRange]:
    """Return the same days as ranges that neither touch nor overlap, the first day first.

    :param ranges: Days, in any order and as often as they come.
    """
    merged: list[DayRange] = []
    for days in sorted(ranges):
        if merged and days.first_day <= merged[-1].last_day + _DAY:
            last = max(merged[-1].last_day, days.last_day)
            merged[-1] = DayRange(merged[-1].first_day, last)
        else:
            merged.append(days)
    return merged


def subtract(ranges: Sequence[DayRange], others: Sequence[DayRange]) -> list[DayRange]:
    """Return the days of some ranges that are in none of the others.

    :param ranges: Days, merged.
    :param others: The days to leave out, merged.
    """
    left: list[DayRange] = []
    for days in ranges:
        first_day = days.first_day
        for other in others:
            if other.last_day < first_day:
                continue
            if other.first_day > days.last_day:
                break
            if first_day < other.first_day:
                left.append(DayRange(first_day, other.first_day - _DAY))
            first_day = other.last_day + _DAY
        if first_day <= days.last_day:
            left.append(DayRange(first_day, days.last_day))
    return left


def next_window(
    spans: Sequence[CoverageSpan],
    *,
    consent_id: UUID,
    reachable_from: date,
    landmarks: Mapping[date, date],
    is_anew: bool,
    now: datetime,
) -> date | None:
    """Return the first day to ask for; ``None`` is all that the consent allows.

    The usual overlap; once a week, and whenever the consent is new, a longer look back; and any
    hole that can be reached, with the last row before it: an answer that holds that row reaches
    over the hole. A hole that this consent was asked for within the week and did not fill is left
    to the next longer look; days that the bank does not give are asked for once under each consent.

    :param spans: What was learnt so far, in any order.
    :param consent_id: The present consent.
    :param reachable_from: First day that it lets us read.
    :param landmarks: Day of the last row before a hole, by the hole's first day, where there is
        one.
    :param is_anew: Whether the consent is new: everything is worth asking for again.
    :param now: The time (aware).
    """
    today = now.date()
    coverage = assess(spans, today=today)
    if not coverage.known:
        return None
    last_known = coverage.known[-1].last_day
    first_days = [min(last_known, today) - OVERLAP]
    looked_back_at = max((span.learnt_at for span in spans if _is_look_back(span)), default=None)
    is_due = is_anew or looked_back_at is None or now - looked_back_at >= LOOK_BACK_EVERY
    if is_due:
        first_days.append(today - LOOK_BACK)
    for hole in coverage.holes:
        first_day = hole.first_day
        if hole.last_day < last_known and first_day in landmarks:
            first_day = landmarks[first_day] - LANDMARK_MARGIN
        first_day = max(first_day, reachable_from)
        if first_day <= hole.last_day and (
            is_due or not _was_refused(spans, first_day, consent_id, since=now - LOOK_BACK_EVERY)
        ):
            first_days.append(first_day)
    for days in coverage.not_given:
        first_day = max(days.first_day, reachable_from)
        if first_day <= days.last_day and not _was_refused(spans, first_day, consent_id):
            first_days.append(first_day)
    return min(first_days)


def _is_look_back(span: CoverageSpan) -> bool:
    return span.asked_from is None or span.asked_from <= span.learnt_at.date() - LOOK_BACK


def _was_refused(
    spans: Iterable[CoverageSpan], day: date, consent_id: UUID, *, since: datetime | None = None
) -> bool:
    """Return whether a day was asked for, and the answer did not reach back to it."""
    return any(
        span.completeness is Completeness.CUT
        and span.consent_id == consent_id
        and (since is None or span.learnt_at > since)
        and span.due_from <= day
        for span in spans
    )
