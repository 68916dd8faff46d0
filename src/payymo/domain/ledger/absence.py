"""What it means that an answer leaves a known row out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from payymo.domain.ledger.agreement import BOOKED_AFTER_PENDING_DAYS_MAX

#: For so long a pending row can still book that an answer may leave out without a reason.
OPEN_MARGIN: Final = timedelta(days=BOOKED_AFTER_PENDING_DAYS_MAX)

#: The answer that confirms an absence comes at least so long after the one that began it: two
#: calls within an hour may both be answered from what the bank had ready that day.
CONFIRMED_AFTER: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class AbsentRow:
    """A known row that an answer does not hold.

    :ivar day: The first of the row's days, as banks choose rows by any of them; the day on which
        it was first seen where the bank gave none.
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
    speaks_from: date | None,
    is_empty: bool,
) -> Absence:
    """Return what to do about the rows that an answer leaves out.

    Banks cut history short without saying so, and now and then answer with nothing at all. So an
    answer speaks only of the days after its oldest booked row, and an empty one speaks of nothing:
    after it, as for rows without a date, which are in no answer that begins on a day, what is
    pending stays so until it would be too late to book, and where booked rows are known of the
    days asked for, even longer.

    A booked row is removed only when a second answer that should hold it, some time after the
    first, leaves it out as well; never when people touched it.

    :param absent: Known rows, pending or booked, that the answer does not hold.
    :param since: First day asked for; ``None`` when all was.
    :param now: When the answer came (aware).
    :param speaks_from: First day of which the answer speaks: that of its oldest booked row, by the
        last of that row's dates; ``None`` where it has none.
    :param is_empty: Whether the answer holds no row at all.
    """
    rows = list(absent)
    if is_empty and any(row.is_booked for row in rows):
        return Absence((), ())
    closed = tuple(
        row.id
        for row in rows
        if not row.is_booked
        and (
            (not is_empty and (row.is_dated or since is None)) or row.day < now.date() - OPEN_MARGIN
        )
    )
    if speaks_from is None:
        return Absence(closed, ())
    first_day = max(since or speaks_from, speaks_from)
    missing = [row for row in rows if row.is_booked and row.day > first_day]
    removed = tuple(
        row.id
        for row in missing
        if not row.is_touched
        and row.missing_since is not None
        and now - row.missing_since >= CONFIRMED_AFTER
    )
    return Absence(closed, tuple(row.id for row in missing), removed)
