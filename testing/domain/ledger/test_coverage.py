"""Which days are known, worked out by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import Completeness
from payymo.domain.ledger.coverage import (
    LOOK_BACK,
    OVERLAP,
    AnswerFacts,
    Claim,
    CoverageSpan,
    DayRange,
    claim,
    find_holes,
    merge,
    next_window,
)

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
TODAY = NOW.date()
CONSENT, OTHER_CONSENT = UUID(int=1), UUID(int=2)
REACHABLE = date(2025, 3, 31)

FIRST = AnswerFacts(
    asked_from=None,
    reachable_from=REACHABLE,
    answered_at=NOW,
    bank_asked_on=None,
    oldest_booked=date(2025, 3, 31),
    has_known_rows=False,
    has_rows_before=False,
    is_after_failure=False,
)
LATER = replace(
    FIRST, asked_from=date(2026, 3, 15), oldest_booked=date(2026, 3, 20), has_known_rows=True
)
KNOWN = [DayRange(date(2025, 4, 1), date(2026, 3, 29))]


def days(first: str, last: str) -> DayRange:
    return DayRange(date.fromisoformat(first), date.fromisoformat(last))


def a_span(
    first: str,
    last: str,
    *,
    learnt: int = 0,
    asked_from: str | None = "2026-03-01",
    completeness: Completeness = Completeness.COMPLETE,
    consent_id: UUID = CONSENT,
) -> CoverageSpan:
    """Return what was learnt some days ago."""
    return CoverageSpan(
        days(first, last),
        None if asked_from is None else date.fromisoformat(asked_from),
        NOW - timedelta(days=learnt),
        consent_id,
        completeness,
    )


class TestClaim:
    def test_a_first_answer_that_reaches_back_to_the_consents_first_day_is_complete(self) -> None:
        assert claim(FIRST, []) == Claim(DayRange(REACHABLE, TODAY), Completeness.COMPLETE)

    def test_a_first_answer_that_is_shorter_counts_from_its_oldest_row(self) -> None:
        facts = replace(FIRST, oldest_booked=date(2025, 12, 31))

        assert claim(facts, []) == Claim(days("2025-12-31", "2026-03-31"), Completeness.CUT)

    def test_a_quiet_account_is_known_for_all_the_days_asked(self) -> None:
        assert claim(LATER, KNOWN) == Claim(days("2026-03-15", "2026-03-31"), Completeness.COMPLETE)

    def test_an_answer_that_lacks_rows_which_are_known_is_cut(self) -> None:
        facts = replace(LATER, has_rows_before=True)

        assert claim(facts, KNOWN) == Claim(days("2026-03-20", "2026-03-31"), Completeness.CUT)

    def test_after_a_long_outage_a_silence_that_is_too_long_may_be_history_cut(self) -> None:
        known = [days("2025-04-01", "2025-11-30")]
        facts = replace(
            LATER, asked_from=date(2025, 11, 16), oldest_booked=date(2026, 1, 15)
        )  # 46 days after the last that is known

        assert claim(facts, known) == Claim(days("2026-01-15", "2026-03-31"), Completeness.CUT)
        near = replace(facts, oldest_booked=date(2026, 1, 14))
        assert claim(near, known) == Claim(days("2025-11-16", "2026-03-31"), Completeness.COMPLETE)

    def test_an_answer_of_days_of_which_none_was_known_counts_from_its_oldest_row(self) -> None:
        facts = replace(LATER, asked_from=date(2025, 3, 31))

        assert claim(facts, KNOWN) == Claim(days("2026-03-20", "2026-03-31"), Completeness.CUT)

    def test_an_answer_without_booked_rows_where_some_are_known_makes_nothing_known(self) -> None:
        assert claim(replace(LATER, oldest_booked=None), KNOWN) is None

    def test_an_empty_answer_after_a_failure_makes_nothing_known(self) -> None:
        facts = replace(FIRST, oldest_booked=None, is_after_failure=True)

        assert claim(facts, []) is None

    def test_an_account_without_any_row_is_known_to_have_none(self) -> None:
        facts = replace(FIRST, oldest_booked=None)

        assert claim(facts, []) == Claim(DayRange(REACHABLE, TODAY), Completeness.COMPLETE)

    def test_an_answer_from_the_providers_store_speaks_of_no_later_day(self) -> None:
        facts = replace(LATER, bank_asked_on=date(2026, 3, 27))

        assert claim(facts, KNOWN) == Claim(days("2026-03-15", "2026-03-27"), Completeness.COMPLETE)

    def test_a_store_from_before_the_days_asked_makes_nothing_known(self) -> None:
        assert claim(replace(LATER, bank_asked_on=date(2026, 3, 14)), KNOWN) is None


class TestHoles:
    def test_are_the_days_between_what_is_known_and_up_to_today(self) -> None:
        known = merge([days("2026-03-10", "2026-03-20"), days("2026-01-01", "2026-01-31")])

        assert find_holes(known, today=TODAY) == [
            days("2026-02-01", "2026-03-09"),
            days("2026-03-21", "2026-03-31"),
        ]

    def test_days_that_follow_each_other_leave_none(self) -> None:
        known = merge([days("2026-01-01", "2026-01-31"), days("2026-02-01", "2026-03-31")])

        assert known == [days("2026-01-01", "2026-03-31")]
        assert find_holes(known, today=TODAY) == []

    def test_an_account_of_which_nothing_is_known_has_no_hole_but_all(self) -> None:
        assert find_holes([], today=TODAY) == []


def window(*spans: CoverageSpan, is_anew: bool = False, reachable: date = REACHABLE) -> date | None:
    return next_window(
        spans, consent_id=CONSENT, reachable_from=reachable, is_anew=is_anew, now=NOW
    )


LONG_AGO_ASKED = "2025-12-01"


class TestWindow:
    def test_the_first_time_all_is_asked_for(self) -> None:
        assert window() is None

    def test_usually_two_weeks_before_the_last_known_day(self) -> None:
        looked_back = a_span("2025-04-01", "2026-03-30", learnt=1, asked_from=LONG_AGO_ASKED)

        assert window(looked_back) == date(2026, 3, 16)

    def test_once_a_week_ninety_days_back(self) -> None:
        looked_back = a_span("2025-04-01", "2026-03-24", learnt=7, asked_from=LONG_AGO_ASKED)

        assert window(looked_back) == date(2025, 12, 31)

    def test_under_a_new_consent_ninety_days_back(self) -> None:
        looked_back = a_span("2025-04-01", "2026-03-30", learnt=1, asked_from=LONG_AGO_ASKED)

        assert window(looked_back, is_anew=True) == date(2025, 12, 31)

    def test_after_an_outage_all_days_since(self) -> None:
        old = a_span("2025-04-01", "2025-10-31", learnt=150, asked_from=None)

        assert window(old) == date(2025, 10, 17)

    def test_a_hole_is_asked_for_again(self) -> None:
        assert window(
            a_span("2025-04-01", "2025-06-30", learnt=3, asked_from=None),
            a_span("2025-07-10", "2026-03-30", learnt=1),
        ) == date(2025, 7, 1)

    def test_a_hole_that_the_consent_does_not_reach_is_let_be(self) -> None:
        spans = (
            a_span("2025-04-01", "2025-06-30", learnt=3, asked_from=None),
            a_span("2025-07-10", "2026-03-30", learnt=1),
        )

        assert window(*spans, reachable=date(2025, 7, 5)) == date(2025, 7, 5)
        assert window(*spans, reachable=date(2025, 7, 10)) == date(2026, 3, 16)

    @pytest.mark.parametrize(("learnt", "first_day"), [(1, "2026-03-16"), (7, "2025-07-01")])
    def test_a_hole_that_was_refused_waits_for_the_next_look_back(
        self, learnt: int, first_day: str
    ) -> None:
        cut = a_span(
            "2025-07-10",
            "2026-03-30",
            learnt=learnt,
            asked_from="2025-06-17",
            completeness=Completeness.CUT,
        )
        before = a_span("2025-04-01", "2025-06-30", learnt=270, asked_from=None)

        assert window(before, cut) == date.fromisoformat(first_day)


DAYS = st.integers(0, 120).map(lambda number: date(2026, 1, 1) + timedelta(days=number))
RANGES = st.lists(
    st.builds(lambda one, other: DayRange(min(one, other), max(one, other)), DAYS, DAYS),
    max_size=8,
)


def all_days(ranges: list[DayRange]) -> set[date]:
    return {
        one.first_day + timedelta(days=number)
        for one in ranges
        for number in range((one.last_day - one.first_day).days + 1)
    }


@given(RANGES, st.randoms(use_true_random=False))
def test_merging_keeps_every_day_in_whatever_order_and_how_often(
    ranges: list[DayRange], random: object
) -> None:
    shuffled = [*ranges, *ranges]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis's own kind of random

    assert merge(shuffled) == merge(ranges) == merge(merge(ranges))
    assert all_days(merge(ranges)) == all_days(ranges)


@given(RANGES, DAYS)
def test_holes_and_known_days_are_all_days_from_the_first(
    ranges: list[DayRange], today: date
) -> None:
    known = merge(ranges)
    holes = find_holes(known, today=today)

    assert not all_days(known) & all_days(holes)
    if known:
        last = max(today, known[-1].last_day)
        assert all_days(known) | all_days(holes) == all_days([DayRange(known[0].first_day, last)])


@given(RANGES, st.booleans())
def test_the_next_window_reaches_every_hole_and_overlaps(
    ranges: list[DayRange], is_anew: bool
) -> None:
    spans = [
        CoverageSpan(one, one.first_day, NOW - timedelta(days=9), CONSENT, Completeness.COMPLETE)
        for one in ranges
    ]
    known = merge(ranges)

    since = next_window(
        spans, consent_id=CONSENT, reachable_from=REACHABLE, is_anew=is_anew, now=NOW
    )

    if not known:
        assert since is None
        return
    assert since is not None
    assert since <= min(known[-1].last_day, TODAY) - OVERLAP
    assert since <= TODAY - LOOK_BACK
    assert all(since <= hole.first_day for hole in find_holes(known, today=TODAY))
