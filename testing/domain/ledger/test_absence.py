from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from uuid import UUID

from payymo.domain.ledger.absence import OPEN_MARGIN, Absence, AbsentRow, judge_absence

BOOKED_1 = AbsentRow(UUID(int=1), is_booked=True, day=date(2026, 2, 1))
BOOKED_9 = AbsentRow(UUID(int=9), is_booked=True, day=date(2026, 2, 9))
NOW = datetime(2026, 2, 10, 9, tzinfo=UTC)
PENDING = AbsentRow(UUID(int=5), is_booked=False, day=date(2026, 2, 9))


def test_pending_rows_are_closed_and_booked_rows_marked() -> None:
    absence = judge_absence(
        [BOOKED_9, PENDING],
        since=date(2026, 1, 1),
        now=NOW,
        speaks_from=date(2026, 1, 3),
        is_empty=False,
    )

    assert absence == Absence(closed=(PENDING.id,), missing=(BOOKED_9.id,))


def test_history_that_was_cut_short_says_nothing_of_what_came_before() -> None:
    absence = judge_absence(
        [BOOKED_1, BOOKED_9],
        since=None,
        now=NOW,
        speaks_from=date(2026, 2, 1),
        is_empty=False,
    )

    assert absence == Absence(closed=(), missing=(BOOKED_9.id,))


def test_rows_before_the_first_day_that_was_asked_for_are_not_missing() -> None:
    absence = judge_absence(
        [BOOKED_1],
        since=date(2026, 2, 2),
        now=NOW,
        speaks_from=date(2026, 1, 1),
        is_empty=False,
    )

    assert absence == Absence((), ())


def test_an_empty_answer_where_rows_were_known_says_nothing() -> None:
    absence = judge_absence(
        [BOOKED_9, PENDING], since=None, now=NOW, speaks_from=None, is_empty=True
    )

    assert absence == Absence((), ())


def test_after_an_empty_answer_a_pending_row_is_open_for_as_long_as_it_can_book() -> None:
    judge = partial(judge_absence, [PENDING], since=None, speaks_from=None, is_empty=True)
    last_day = datetime.combine(PENDING.day + OPEN_MARGIN, time(23), UTC)

    assert judge(now=last_day) == Absence((), ())
    assert judge(now=last_day + timedelta(hours=1)) == Absence((PENDING.id,), ())


def test_a_pending_row_without_a_date_is_in_no_answer_that_begins_on_a_day() -> None:
    undated = replace(PENDING, is_dated=False)
    old = replace(BOOKED_1, is_booked=False, is_dated=False)
    judge = partial(judge_absence, speaks_from=date(2026, 1, 20), is_empty=False)

    begun = judge([undated], since=date(2026, 1, 15), now=NOW)
    whole = judge([undated], since=None, now=NOW)
    later = judge([old], since=date(2026, 1, 15), now=datetime(2026, 2, 12, 9, tzinfo=UTC))

    assert begun == Absence((), ())
    assert whole == Absence((PENDING.id,), ())
    assert later == Absence((BOOKED_1.id,), ())


def judge_again(row: AbsentRow, *, is_empty: bool = False) -> Absence:
    return judge_absence(
        [row],
        since=date(2026, 1, 1),
        now=NOW,
        speaks_from=None if is_empty else date(2026, 1, 3),
        is_empty=is_empty,
    )


def test_a_row_that_a_second_answer_leaves_out_is_removed() -> None:
    row = replace(BOOKED_9, missing_since=NOW - timedelta(days=1))

    assert judge_again(row).removed == (row.id,)


def test_the_first_answer_that_leaves_a_row_out_removes_nothing() -> None:
    assert judge_again(BOOKED_9).removed == ()


def test_an_answer_of_the_same_hours_confirms_nothing() -> None:
    row = replace(BOOKED_9, missing_since=NOW - timedelta(hours=1))

    assert judge_again(row) == Absence(closed=(), missing=(row.id,), removed=())


def test_what_people_touched_is_never_removed() -> None:
    row = replace(BOOKED_9, missing_since=NOW - timedelta(days=30), is_touched=True)

    assert judge_again(row) == Absence(closed=(), missing=(row.id,), removed=())


def test_an_empty_answer_confirms_nothing() -> None:
    row = replace(BOOKED_9, missing_since=NOW - timedelta(days=30))

    assert judge_again(row, is_empty=True) == Absence((), ())
