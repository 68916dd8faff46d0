"""Which days of an account are known, and from which day to ask next.

Only an answer makes days known, and only those that it can speak of: banks cut history short
without saying so, answer with nothing at all after an outage, and serve yesterday's rows as
today's. What is not known for certain is a hole, and is asked for again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
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
    :ivar learnt_at: When the answer came (aware).
    :ivar consent_id: Under which consent it was given.
    """

    days: DayRange
    asked_from: date | None
    learnt_at: datetime
    consent_id: UUID
    completeness: Completeness


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What an answer says of days, and what was known before it.

    :ivar asked_from: First day asked for; ``None`` when all was.
    :ivar reachable_from: First day that the consent lets us read.
    :ivar answered_at: When it came (aware).
    :ivar bank_asked_on: When the provider last asked the bank, where it says so: an answer from
        its store speaks of no later day.
    :ivar oldest_booked: First day that a booked row of it has; ``None`` without one.
    :ivar has_known_rows: Booked rows are known of the days asked for.
    :ivar has_rows_before: Booked rows are known of the days asked for that come before the
        oldest row of the answer: so it is short of them.
    :ivar is_after_failure: The attempt before it failed.
    """

    asked_from: date | None
    reachable_from: date
    answered_at: datetime
    bank_asked_on: date | None
    oldest_booked: date | None
    has_known_rows: bool
    has_rows_before: bool
    is_after_failure: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What an answer makes known."""

    days: DayRange
    completeness: Completeness


def claim(facts: AnswerFacts, known: Sequence[DayRange]) -> Claim | None:
    """Return the days that an answer makes known; ``None`` for none at all.

    An answer without a booked row says something only where no such row is known of the days asked
    for, and not right after a failure. One whose oldest row is later than the day asked for may
    come from a quiet account or be cut short: it counts from the asked day only where that day was
    known before, no known row is missing in between, and the silence is not too long; else from
    its oldest row.

    :param facts: What is to be known of the answer.
    :param known: The days that were known before it, merged.
    """
    today = facts.answered_at.date()
    last_day = min(today, facts.bank_asked_on or today)
    asked = max(facts.asked_from or facts.reachable_from, facts.reachable_from)
    if facts.oldest_booked is None and (facts.has_known_rows or facts.is_after_failure):
        return None
    first_day, completeness = asked, Completeness.COMPLETE
    if facts.oldest_booked is not None and facts.oldest_booked > asked:
        holder = next((days for days in known if days.first_day <= asked <= days.last_day), None)
        is_quiet = (
            holder is not None
            and not facts.has_rows_before
            and facts.oldest_booked - holder.last_day <= QUIET_MAX
        )
        if not is_quiet:
            first_day, completeness = facts.oldest_booked, Completeness.CUT
    if first_day > last_day:
        return None
    return Claim(DayRange(first_day, last_day), completeness)


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


def find_holes(known: Sequence[DayRange], *, today: date) -> list[DayRange]:
    """Return the days after the first known one, and up to today, that are not known.

    :param known: The known days, merged.
    :param today: The present day.
    """
    holes = [
        DayRange(one.last_day + _DAY, other.first_day - _DAY) for one, other in pairwise(known)
    ]
    if known and known[-1].last_day < today:
        holes.append(DayRange(known[-1].last_day + _DAY, today))
    return holes


def next_window(
    spans: Sequence[CoverageSpan],
    *,
    consent_id: UUID,
    reachable_from: date,
    is_anew: bool,
    now: datetime,
) -> date | None:
    """Return the first day to ask for; ``None`` is all that the consent allows.

    The usual overlap; once a week, and whenever the consent is new, a longer look back; and any
    hole that can be reached. A hole that this consent was asked for within the week and did not
    fill is left to the next longer look.

    :param spans: What was learnt so far, in any order.
    :param consent_id: The present consent.
    :param reachable_from: First day that it lets us read.
    :param is_anew: Whether the consent is new: everything is worth asking for again.
    :param now: The time (aware).
    """
    known = merge(span.days for span in spans)
    if not known:
        return None
    today = now.date()
    first_days = [min(known[-1].last_day, today) - OVERLAP]
    looked_back_at = max((span.learnt_at for span in spans if _is_look_back(span)), default=None)
    is_due = is_anew or looked_back_at is None or now - looked_back_at >= LOOK_BACK_EVERY
    if is_due:
        first_days.append(today - LOOK_BACK)
    for hole in find_holes(known, today=today):
        first_day = max(hole.first_day, reachable_from)
        if first_day > hole.last_day:
            continue
        if is_due or not _was_refused(spans, first_day, consent_id, now):
            first_days.append(first_day)
    return min(first_days)


def _is_look_back(span: CoverageSpan) -> bool:
    return span.asked_from is None or span.asked_from <= span.learnt_at.date() - LOOK_BACK


def _was_refused(spans: Sequence[CoverageSpan], day: date, consent_id: UUID, now: datetime) -> bool:
    """Return whether a day was asked for lately, and the answer did not reach back to it."""
    return any(
        span.completeness is Completeness.CUT
        and span.consent_id == consent_id
        and now - span.learnt_at < LOOK_BACK_EVERY
        and (span.asked_from is None or span.asked_from <= day)
        for span in spans
    )
