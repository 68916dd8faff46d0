"""What it means that an answer leaves a known row out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from payymo.domain.ledger.identity import BOOKED_AFTER_PENDING_DAYS_MAX

#: For so long after it was first seen, a pending row without a date can still book.
UNDATED_MARGIN: Final = timedelta(days=BOOKED_AFTER_PENDING_DAYS_MAX)

#: The answer that confirms an absence comes at least so long after the one that began it: two
#: calls within an hour may both be answered from what the bank had ready that day.
CONFIRMED_AFTER: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class AbsentRow:
    """A known row that an answer does not hold.

    :ivar day: The row's day; the day on which it was first seen where the bank gave none.
    :ivar is_dated: Whether the bank gave it a date at all.
    :ivar missing_since: When an answer first left it out (aware).
    :ivar is_touched: People edited it, or invoices are paid with it: so it is theirs to decide.
    """

    id: UUID
    is_booked: bool
    day: date
    is_dated: bool = True
    missing_since: datetime | None = None
    is_touched: bool = False


@dataclass(frozen=True, slots=True)
class Absence:
    """What to do about known rows that an answer does not hold.

    :ivar closed: Pending rows that are pending no more: the list is replaced by each answer.
    :ivar missing: Booked rows that the answer should hold: to be marked.
    :ivar removed: Those of them that an earlier answer left out as well: the bank withdrew them.
    """

    closed: tuple[UUID, ...]
    missing: tuple[UUID, ...]
    removed: tuple[UUID, ...] = ()


def judge_absence(
    absent: Iterable[AbsentRow],
    *,
    since: date | None,
    now: datetime,
    oldest_booked: date | None,
    is_empty: bool,
) -> Absence:
    """Return what to do about the rows that an answer leaves out.

    Banks cut history short without saying so, and now and then answer with nothing at all. So an
    answer speaks only of the days after its oldest booked row, and an empty one where booked rows
    are known speaks of nothing. Rows without a date are in no answer that begins on a day: those
    that are pending stay so until it would be too late for them to book.

    A booked row is removed only when a second answer that should hold it, some time after the
    first, leaves it out as well; never when people touched it.

    :param absent: Known rows, pending or booked, that the answer does not hold.
    :param since: First day asked for; ``None`` when all was.
    :param now: When the answer came (aware).
    :param oldest_booked: Day of the answer's oldest booked row; ``None`` where it has none.
    :param is_empty: Whether the answer holds no row at all.
    """
    rows = list(absent)
    if is_empty and any(row.is_booked for row in rows):
        return Absence((), ())
    closed = tuple(
        row.id
        for row in rows
        if not row.is_booked
        and (row.is_dated or since is None or row.day < now.date() - UNDATED_MARGIN)
    )
    if oldest_booked is None:
        return Absence(closed, ())
    first_day = max(since or oldest_booked, oldest_booked)
    missing = [row for row in rows if row.is_booked and row.day > first_day]
    removed = tuple(
        row.id
        for row in missing
        if not row.is_touched
        and row.missing_since is not None
        and now - row.missing_since >= CONFIRMED_AFTER
    )
    return Absence(closed, tuple(row.id for row in missing), removed)
