"""Which days are known, worked out by hand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import Completeness
from payymo.domain.ledger.coverage import (
    APART,
    LOOK_BACK,
    OVERLAP,
    AnswerFacts,
    Claim,
    CoverageSpan,
    DayRange,
    assess,
    claim,
    merge,
    next_window,
    subtract,
)

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
TODAY = NOW.date()
CUT, COMPLETE = Completeness.CUT, Completeness.COMPLETE
CONSENT, OTHER_CONSENT = UUID(int=1), UUID(int=2)
REACHABLE = date(2025, 3, 31)

FIRST = AnswerFacts(
    asked_from=None,
    reachable_from=REACHABLE,
    answered_at=NOW,
    bank_asked_at=None,
    oldest_booked=date(2025, 3, 31),
    speaks_from=date(2025, 3, 31),
    newest_booked=date(2026, 3, 30),
    has_known_rows=False,
    has_rows_before=False,
    has_rows_after=False,
    is_after_failure=False,
)
LATER = replace(
    FIRST,
    asked_from=date(2026, 3, 15),
    oldest_booked=date(2026, 3, 20),
    speaks_from=date(2026, 3, 20),
    has_known_rows=True,
)
EMPTY = replace(FIRST, oldest_booked=None, speaks_from=None, newest_booked=None)
KNOWN = [DayRange(date(2025, 4, 1), date(2026, 3, 29))]


def days(first: str, last: str) -> DayRange:
    return DayRange(date.fromisoformat(first), date.fromisoformat(last))


def a_claim(known: DayRange, completeness: Completeness, *, is_firm: bool = True) -> Claim:
    return Claim(known, completeness, is_firm)


def a_span(
    first: str,
    last: str,
    *,
    learnt: float = 0,
    asked_from: str | None = "2026-03-01",
    completeness: Completeness = Completeness.COMPLETE,
    consent_id: UUID = CONSENT,
    is_firm: bool = True,
) -> CoverageSpan:
    """Return what was learnt some days ago."""
    asked = None if asked_from is None else date.fromisoformat(asked_from)
    return CoverageSpan(
        days(first, last),
        asked,
        max(asked or REACHABLE, REACHABLE),
        NOW - timedelta(days=learnt),
        consent_id,
        completeness,
        is_firm,
    )


class TestClaim:
    def test_a_first_answer_that_reaches_back_to_the_consents_first_day_is_complete(self) -> None:
        assert claim(FIRST, []) == a_claim(DayRange(REACHABLE, TODAY), Completeness.COMPLETE)

    def test_a_first_answer_that_is_shorter_counts_from_its_oldest_row(self) -> None:
        oldest = date(2025, 12, 31)
        facts = replace(FIRST, oldest_booked=oldest, speaks_from=oldest)

        assert claim(facts, []) == a_claim(days("2025-12-31", "2026-03-31"), Completeness.CUT)

    def test_a_quiet_account_is_known_for_all_the_days_asked(self) -> None:
        assert claim(LATER, KNOWN) == a_claim(
            days("2026-03-15", "2026-03-31"), Completeness.COMPLETE
        )

    def test_an_answer_that_lacks_rows_which_are_known_is_cut(self) -> None:
        facts = replace(LATER, has_rows_before=True)

        assert claim(facts, KNOWN) == a_claim(days("2026-03-20", "2026-03-31"), Completeness.CUT)

    def test_after_a_long_outage_a_silence_that_is_too_long_may_be_history_cut(self) -> None:
        known = [days("2025-04-01", "2025-11-30")]
        facts = replace(
            LATER,
            asked_from=date(2025, 11, 16),
            oldest_booked=date(2026, 1, 15),
            speaks_from=date(2026, 1, 15),
        )  # 46 days after the last that is known

        assert claim(facts, known) == a_claim(days("2026-01-15", "2026-03-31"), Completeness.CUT)
        near = replace(facts, oldest_booked=date(2026, 1, 14), speaks_from=date(2026, 1, 14))
        assert claim(near, known) == a_claim(
            days("2025-11-16", "2026-03-31"), Completeness.COMPLETE
        )

    def test_an_answer_of_days_of_which_none_was_known_counts_from_its_oldest_row(self) -> None:
        facts = replace(LATER, asked_from=date(2025, 3, 31))

        assert claim(facts, KNOWN) == a_claim(days("2026-03-20", "2026-03-31"), Completeness.CUT)

    def test_an_answer_without_booked_rows_where_some_are_known_makes_nothing_known(self) -> None:
        facts = replace(LATER, oldest_booked=None, speaks_from=None, newest_booked=None)
        assert claim(facts, KNOWN) is None

    def test_a_purchase_of_long_ago_that_was_booked_lately_shows_nothing_of_the_days_between(
        self,
    ) -> None:
        facts = replace(FIRST, speaks_from=date(2026, 1, 10))

        assert claim(facts, []) == a_claim(days("2026-01-10", "2026-03-31"), Completeness.CUT)

    def test_a_row_of_a_later_date_is_of_no_account_where_the_days_before_were_known(self) -> None:
        facts = replace(LATER, oldest_booked=date(2026, 3, 15), speaks_from=date(2026, 3, 18))

        assert claim(facts, KNOWN) == a_claim(
            days("2026-03-15", "2026-03-31"), Completeness.COMPLETE
        )

    def test_a_row_that_is_dated_in_the_future_lets_the_day_of_the_answer_be_known(self) -> None:
        facts = replace(FIRST, oldest_booked=TODAY, speaks_from=date(2026, 4, 2))

        assert claim(facts, []) == a_claim(DayRange(TODAY, TODAY), Completeness.CUT)

    def test_an_answer_that_lacks_the_newest_rows_speaks_of_no_day_after_those_it_has(self) -> None:
        facts = replace(LATER, newest_booked=date(2026, 3, 28), has_rows_after=True)

        assert claim(facts, KNOWN) == a_claim(
            days("2026-03-15", "2026-03-28"), Completeness.COMPLETE
        )

    def test_an_empty_answer_after_a_failure_makes_nothing_known(self) -> None:
        facts = replace(EMPTY, is_after_failure=True)

        assert claim(facts, []) is None

    def test_a_first_answer_without_any_row_counts_for_its_own_day(self) -> None:
        facts = EMPTY

        assert claim(facts, []) == a_claim(DayRange(TODAY, TODAY), Completeness.CUT)

    def test_an_account_that_was_without_any_row_is_known_to_have_none_still(self) -> None:
        facts = replace(EMPTY, asked_from=date(2026, 3, 15))

        assert claim(facts, KNOWN) == a_claim(days("2026-03-15", "2026-03-31"), COMPLETE)

    def test_an_answer_from_the_providers_store_speaks_of_no_later_day(self) -> None:
        facts = replace(LATER, bank_asked_at=datetime(2026, 3, 27, 23, tzinfo=UTC))

        assert claim(facts, KNOWN) == a_claim(
            days("2026-03-15", "2026-03-27"), Completeness.COMPLETE, is_firm=False
        )

    def test_a_store_from_before_the_days_asked_makes_nothing_known(self) -> None:
        assert (
            claim(replace(LATER, bank_asked_at=datetime(2026, 3, 14, 23, tzinfo=UTC)), KNOWN)
            is None
        )


class TestEdge:
    """The days of some rows come after another of their dates, by which the bank may choose."""

    TWO_DAYS = timedelta(days=2)

    def test_is_not_known_where_an_answer_begins(self) -> None:
        facts = replace(FIRST, lag=self.TWO_DAYS)

        assert claim(facts, []) == a_claim(days("2025-04-02", "2026-03-31"), CUT)

    def test_is_not_known_from_the_oldest_row_on_where_that_is_as_near(self) -> None:
        near = replace(FIRST, oldest_booked=date(2025, 4, 2), lag=self.TWO_DAYS)
        after = replace(near, oldest_booked=date(2025, 4, 3))

        assert claim(near, []) == a_claim(days("2025-04-04", "2026-03-31"), CUT)
        # No row was left out there: the account, or the bank's memory of it, begins with this one.
        assert claim(after, []) == a_claim(days("2025-04-03", "2026-03-31"), CUT)

    def test_is_known_where_it_was_known_before(self) -> None:
        facts = replace(LATER, lag=self.TWO_DAYS)

        assert claim(facts, [days("2025-04-01", "2026-03-16")]) == a_claim(
            days("2026-03-15", "2026-03-31"), COMPLETE
        )
        assert claim(facts, [days("2025-04-01", "2026-03-15")]) == a_claim(
            days("2026-03-17", "2026-03-31"), CUT
        )

    def test_is_no_wider_than_a_week(self) -> None:
        facts = replace(FIRST, lag=timedelta(days=400))

        assert claim(facts, []) == a_claim(days("2025-04-07", "2026-03-31"), CUT)

    def test_of_one_day_that_is_all_edge_nothing_is_known(self) -> None:
        facts = replace(
            FIRST, asked_from=TODAY - timedelta(days=1), oldest_booked=TODAY, lag=self.TWO_DAYS
        )

        assert claim(facts, []) is None


class TestFirmness:
    def test_an_answer_is_firm_that_came_neither_after_a_failure_nor_from_an_old_store(
        self,
    ) -> None:
        def is_firm(**facts: object) -> bool:
            learnt = claim(replace(LATER, **facts), KNOWN)  # type: ignore[arg-type]  # any field
            assert learnt is not None
            return learnt.is_firm

        assert is_firm()
        assert not is_firm(is_after_failure=True)
        assert is_firm(bank_asked_at=NOW - APART + timedelta(seconds=1))
        assert not is_firm(bank_asked_at=NOW - APART)


class TestHoles:
    def test_are_the_days_between_what_is_known_and_up_to_today(self) -> None:
        coverage = assess(
            [
                a_span("2026-03-10", "2026-03-20", asked_from="2026-03-10"),
                a_span("2026-01-01", "2026-01-31", asked_from="2026-01-01"),
            ],
            today=TODAY,
        )

        assert coverage.known == [
            days("2026-01-01", "2026-01-31"),
            days("2026-03-10", "2026-03-20"),
        ]
        assert coverage.holes == [
            days("2026-02-01", "2026-03-09"),
            days("2026-03-21", "2026-03-31"),
        ]
        assert coverage.not_given == []

    def test_days_that_follow_each_other_leave_none(self) -> None:
        known = merge([days("2026-01-01", "2026-01-31"), days("2026-02-01", "2026-03-31")])

        assert known == [days("2026-01-01", "2026-03-31")]

    def test_an_account_of_which_nothing_is_known_has_no_hole_but_all(self) -> None:
        assert assess([], today=TODAY).holes == ()

    def test_the_days_that_a_first_answer_lacks_are_one(self) -> None:
        first = a_span("2025-12-31", "2026-03-31", asked_from=None, completeness=CUT)

        assert assess([first], today=TODAY).holes == [days("2025-03-31", "2025-12-30")]

    @pytest.mark.parametrize(
        ("first_day", "edge"),
        [
            ("2025-03-31", None),
            ("2025-04-01", days("2025-03-31", "2025-03-31")),
            ("2025-04-07", days("2025-03-31", "2025-04-06")),
            ("2025-04-08", None),
        ],
    )
    def test_the_edge_of_a_first_answer_is_one_that_is_told_apart(
        self, first_day: str, edge: DayRange | None
    ) -> None:
        first = a_span(
            first_day,
            "2026-03-31",
            asked_from=None,
            completeness=COMPLETE if first_day == "2025-03-31" else CUT,
        )
        coverage = assess([first], today=TODAY)

        assert coverage.edge == edge
        assert coverage.known == [days(first_day, "2026-03-31")]
        assert edge is None or coverage.holes == [edge]

    def test_days_between_known_ones_are_no_edge(self) -> None:
        spans = [
            a_span("2025-03-31", "2026-03-20", asked_from=None),
            a_span("2026-03-22", "2026-03-31", asked_from="2026-03-22"),
        ]
        coverage = assess(spans, today=TODAY)

        assert coverage.holes == [days("2026-03-21", "2026-03-21")]
        assert coverage.edge is None
        assert assess([], today=TODAY).edge is None


class TestNotGiven:
    """The first answer, eight days ago, begins on 31 December; the second is today's."""

    FIRST = a_span("2025-12-31", "2026-03-23", learnt=8, asked_from=None, completeness=CUT)

    def assess(self, *later: CoverageSpan) -> tuple[list[DayRange], list[DayRange]]:
        """Return what is not given, and what is a hole."""
        coverage = assess([*later, self.FIRST], today=TODAY)
        return list(coverage.not_given), list(coverage.holes)

    def test_are_days_that_a_second_answer_lacks_as_well(self) -> None:
        second = a_span("2025-12-31", "2026-03-31", asked_from="2025-03-31", completeness=CUT)

        assert self.assess(second) == ([days("2025-03-31", "2025-12-30")], [])

    def test_are_only_those_that_both_were_asked_for_and_that_are_not_known(self) -> None:
        # The bank keeps ninety days, and so its history begins eight days later by now.
        second = a_span("2026-01-08", "2026-03-31", asked_from="2025-10-01", completeness=CUT)

        assert self.assess(second) == (
            [days("2025-10-01", "2025-12-30")],
            [days("2025-03-31", "2025-09-30")],
        )

    def test_are_none_while_the_answers_may_come_from_one_state_of_the_bank(self) -> None:
        near = a_span(
            "2025-12-31", "2026-03-23", learnt=7.51, asked_from=None, completeness=CUT
        )  # 11:45 hours after the first

        assert self.assess(near) == (
            [],
            [days("2025-03-31", "2025-12-30"), days("2026-03-24", "2026-03-31")],
        )

    def test_are_none_when_the_second_came_after_a_failure_or_from_an_old_store(self) -> None:
        second = a_span(
            "2025-12-31", "2026-03-31", asked_from=None, completeness=CUT, is_firm=False
        )

        assert self.assess(second) == ([], [days("2025-03-31", "2025-12-30")])

    def test_a_later_answer_that_has_them_after_all_makes_them_known(self) -> None:
        second = a_span("2025-12-31", "2026-03-30", learnt=1, asked_from=None, completeness=CUT)
        third = a_span("2025-10-15", "2026-03-31", asked_from=None, completeness=CUT)

        assert self.assess(second, third) == ([days("2025-03-31", "2025-10-14")], [])

    def test_the_hole_of_an_account_at_rest_is_settled_too(self) -> None:
        before = a_span("2025-03-31", "2025-10-31", learnt=150, asked_from="2025-03-31")
        cuts = [
            a_span("2026-03-02", last, learnt=learnt, asked_from="2025-10-17", completeness=CUT)
            for last, learnt in (("2026-03-30", 1), ("2026-03-31", 0))
        ]

        coverage = assess([before, *cuts], today=TODAY)

        assert coverage.not_given == [days("2025-11-01", "2026-03-01")]
        assert coverage.holes == []


def window(
    *spans: CoverageSpan,
    is_anew: bool = False,
    reachable: date = REACHABLE,
    landmarks: Mapping[date, date] = MappingProxyType({}),
    consent_id: UUID = CONSENT,
) -> date | None:
    return next_window(
        spans,
        consent_id=consent_id,
        reachable_from=reachable,
        landmarks=landmarks,
        is_anew=is_anew,
        now=NOW,
    )


LONG_AGO_ASKED = "2025-12-01"


class TestWindow:
    def test_the_first_time_all_is_asked_for(self) -> None:
        assert window() is None

    def test_usually_two_weeks_before_the_last_known_day(self) -> None:
        looked_back = a_span("2025-03-31", "2026-03-30", learnt=1, asked_from=LONG_AGO_ASKED)

        assert window(looked_back) == date(2026, 3, 16)

    def test_once_a_week_ninety_days_back(self) -> None:
        looked_back = a_span("2025-03-31", "2026-03-24", learnt=7, asked_from=LONG_AGO_ASKED)

        assert window(looked_back) == date(2025, 12, 31)

    def test_under_a_new_consent_ninety_days_back(self) -> None:
        looked_back = a_span("2025-03-31", "2026-03-30", learnt=1, asked_from=LONG_AGO_ASKED)

        assert window(looked_back, is_anew=True) == date(2025, 12, 31)

    def test_after_an_outage_all_days_since(self) -> None:
        old = a_span("2025-03-31", "2025-10-31", learnt=150, asked_from=None)

        assert window(old) == date(2025, 10, 17)

    def test_a_hole_is_asked_for_again(self) -> None:
        assert window(
            a_span("2025-03-31", "2025-06-30", learnt=3, asked_from=None),
            a_span("2025-07-10", "2026-03-30", learnt=1),
        ) == date(2025, 7, 1)

    def test_a_hole_that_the_consent_does_not_reach_is_let_be(self) -> None:
        spans = (
            a_span("2025-03-31", "2025-06-30", learnt=3, asked_from=None),
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
        before = a_span("2025-03-31", "2025-06-30", learnt=270, asked_from=None)

        assert window(before, cut) == date.fromisoformat(first_day)

    def test_the_days_that_a_first_answer_lacks_are_asked_for_after_a_week(self) -> None:
        first = a_span("2025-12-31", "2026-03-24", learnt=6.9, asked_from=None, completeness=CUT)

        assert window(first) == date(2026, 3, 10)
        assert window(replace(first, learnt_at=NOW - timedelta(days=7))) == REACHABLE

    def test_days_that_are_not_given_are_asked_for_once_under_each_consent(self) -> None:
        first, second = (
            a_span("2025-12-31", last, learnt=learnt, asked_from=None, completeness=CUT)
            for last, learnt in (("2026-03-23", 8), ("2026-03-30", 1))
        )

        assert window(first, second) == date(2026, 3, 16)
        other = window(first, second, consent_id=OTHER_CONSENT, reachable=date(2025, 10, 2))
        assert other == date(2025, 10, 2)
        third = a_span(
            "2025-12-31",
            "2026-03-30",
            learnt=1,
            asked_from="2025-10-02",
            completeness=CUT,
            consent_id=OTHER_CONSENT,
        )
        spans = (first, second, third)
        again = window(*spans, consent_id=OTHER_CONSENT, reachable=date(2025, 10, 2))
        assert again == date(2026, 3, 16)

    def test_a_hole_is_asked_for_with_the_last_row_before_it(self) -> None:
        spans = (
            a_span("2025-03-31", "2025-10-31", learnt=1, asked_from=None),
            a_span("2026-03-02", "2026-03-30", learnt=1, asked_from="2025-10-17", completeness=CUT),
        )
        hole = date(2025, 11, 1)

        # Its days were asked for yesterday from 17 October on, and the last row is of the 9th.
        assert window(*spans, landmarks={hole: date(2025, 10, 9)}) == date(2025, 10, 2)
        # The answer would have held a row of the 24th or later: it has been asked for enough.
        assert window(*spans, landmarks={hole: date(2025, 10, 24)}) == date(2026, 3, 16)
        assert window(
            *spans, landmarks={hole: date(2025, 10, 9)}, reachable=date(2025, 10, 5)
        ) == date(2025, 10, 5)


DAYS = st.integers(0, 120).map(lambda number: date(2026, 1, 1) + timedelta(days=number))
RANGES = st.lists(
    st.builds(lambda one, other: DayRange(min(one, other), max(one, other)), DAYS, DAYS),
    max_size=8,
)


def all_days(ranges: Iterable[DayRange]) -> set[date]:
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


@given(RANGES, RANGES)
def test_what_is_left_is_in_the_one_and_not_in_the_other(
    ranges: list[DayRange], others: list[DayRange]
) -> None:
    left = subtract(merge(ranges), merge(others))

    assert all_days(left) == all_days(ranges) - all_days(others)
    assert merge(left) == left


@st.composite
def span_lists(draw: st.DrawFn) -> list[CoverageSpan]:
    """Draw answers as they come: each in part or whole, firm or not, under one of two consents."""
    spans = []
    for known in draw(RANGES):
        lacking = draw(st.integers(0, 60))
        spans.append(
            CoverageSpan(
                known,
                known.first_day - timedelta(days=lacking),
                known.first_day - timedelta(days=lacking),
                NOW - timedelta(hours=draw(st.integers(0, 500))),
                draw(st.sampled_from([CONSENT, OTHER_CONSENT])),
                CUT if lacking else COMPLETE,
                draw(st.booleans()),
            )
        )
    return spans


@given(span_lists(), DAYS, st.randoms(use_true_random=False))
def test_each_day_from_the_first_asked_for_is_known_not_given_or_in_a_hole(
    spans: list[CoverageSpan], today: date, random: object
) -> None:
    coverage = assess(spans, today=today)
    known, not_given, holes = map(all_days, (coverage.known, coverage.not_given, coverage.holes))

    assert known == all_days([span.days for span in spans])
    assert not known & not_given
    assert not known & holes
    assert not not_given & holes
    if spans:
        first = min(span.due_from for span in spans)
        last = max(today, *(span.days.last_day for span in spans))
        assert known | not_given | holes == all_days([DayRange(first, last)])
    shuffled = list(spans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis's own kind of random
    assert assess(shuffled, today=today) == coverage


@given(span_lists(), DAYS)
def test_a_day_is_not_given_if_and_only_if_two_firm_answers_lacked_it_far_enough_apart(
    spans: list[CoverageSpan], today: date
) -> None:
    lacked: dict[date, list[datetime]] = {}
    for span in spans:
        if span.is_firm and span.lacking is not None:
            for day in all_days([span.lacking]):
                lacked.setdefault(day, []).append(span.learnt_at)

    not_given = all_days(assess(spans, today=today).not_given)

    expected = {day for day, times in lacked.items() if max(times) - min(times) >= APART}
    assert not_given == expected - all_days([span.days for span in spans])


@given(span_lists(), st.integers(0, 8))
def test_more_answers_never_make_fewer_days_known(spans: list[CoverageSpan], count: int) -> None:
    fewer = assess(spans[:count], today=TODAY)
    more = assess(spans, today=TODAY)

    assert all_days(fewer.known) <= all_days(more.known)
    assert all_days(fewer.not_given) <= all_days(more.known) | all_days(more.not_given)


@given(RANGES, st.booleans())
def test_the_next_window_reaches_every_hole_and_overlaps(
    ranges: list[DayRange], is_anew: bool
) -> None:
    spans = [
        CoverageSpan(
            one,
            one.first_day,
            one.first_day,
            NOW - timedelta(days=9),
            CONSENT,
            Completeness.COMPLETE,
            is_firm=True,
        )
        for one in ranges
    ]
    known = merge(ranges)

    since = window(*spans, is_anew=is_anew)

    if not known:
        assert since is None
        return
    assert since is not None
    assert since <= min(known[-1].last_day, TODAY) - OVERLAP
    assert since <= TODAY - LOOK_BACK
    assert all(since <= hole.first_day for hole in assess(spans, today=TODAY).holes)


@dataclass
class Play:
    """One account through time: what the bank has, what was received, and what is known.

    The account has a row every two weeks or oftener, so that an answer that was cut short lacks
    one that is known.

    :ivar rows: Days of which the bank has a row.
    :ivar received: Those of which it gave one.
    """

    rows: frozenset[date]
    reachable: date
    received: set[date] = field(default_factory=set)
    spans: list[CoverageSpan] = field(default_factory=list)
    has_failed: bool = False

    def pull(self, now: datetime, *, fault: str, depth: int) -> None:
        """Ask the bank once, and enter what it says.

        :param fault: What is wrong with the answer, if anything is.
        :param depth: How many days back the answer reaches if it is cut; how old it is if the
            bank is frozen.
        """
        since = self.plan(now)
        if fault == "failure" or (fault == "empty" and not self.received):
            self.has_failed = True
            return
        store = now - timedelta(days=depth) if fault == "frozen" else now
        asked = max(since or self.reachable, self.reachable)
        first = max(asked, now.date() - timedelta(days=depth)) if fault == "cut" else asked
        given_rows = {day for day in self.rows if first <= day <= store.date()}
        if fault == "empty":
            given_rows = set()
        oldest = min(given_rows, default=None)
        known_rows = {day for day in self.received | given_rows if day >= asked}
        facts = AnswerFacts(
            asked_from=since,
            reachable_from=self.reachable,
            answered_at=now,
            bank_asked_at=store,
            oldest_booked=oldest,
            speaks_from=oldest,
            newest_booked=max(given_rows, default=None),
            has_known_rows=bool(known_rows),
            has_rows_before=any(oldest is None or day < oldest for day in known_rows),
            has_rows_after=bool(given_rows) and max(known_rows) > max(given_rows),
            is_after_failure=self.has_failed,
        )
        learnt = claim(facts, merge(span.days for span in self.spans))
        self.has_failed = False
        self.received |= given_rows
        if learnt is not None:
            self.spans.append(
                CoverageSpan(
                    learnt.days, since, asked, now, CONSENT, learnt.completeness, learnt.is_firm
                )
            )

    def plan(self, now: datetime) -> date | None:
        holes = assess(self.spans, today=now.date()).holes
        return next_window(
            self.spans,
            consent_id=CONSENT,
            reachable_from=self.reachable,
            landmarks={
                hole.first_day: max(day for day in self.received if day < hole.first_day)
                for hole in holes
                if any(day < hole.first_day for day in self.received)
            },
            is_anew=False,
            now=now,
        )


PULLS = st.lists(
    st.tuples(
        st.integers(6, 24 * 40),
        st.sampled_from(["", "", "cut", "frozen", "empty", "failure"]),
        st.integers(0, 120),
    ),
    max_size=25,
)


@given(st.lists(st.integers(1, 14), min_size=100, max_size=100), PULLS)
def test_no_day_is_known_of_which_a_row_was_not_received(
    steps: list[int], pulls: list[tuple[int, str, int]]
) -> None:
    day, rows = REACHABLE - timedelta(days=30), set[date]()
    for step in steps:
        day += timedelta(days=step)
        rows.add(day)
    play = Play(frozenset(rows), REACHABLE)
    now = datetime(2025, 4, 20, 9, tzinfo=UTC)

    for hours, fault, depth in pulls:
        now += timedelta(hours=hours)
        known_before = all_days(assess(play.spans, today=now.date()).known)
        play.pull(now, fault=fault, depth=depth)
        known = all_days(assess(play.spans, today=now.date()).known)

        assert known_before <= known
        assert known & rows <= play.received
        assert max(known, default=now.date()) <= now.date()

    for _ in range(17):  # days on which all goes well, with two longer looks back
        now += timedelta(days=1)
        play.pull(now, fault="", depth=0)
    coverage = assess(play.spans, today=now.date())
    assert not coverage.holes
    assert {day for day in rows if REACHABLE <= day <= now.date()} - play.received <= all_days(
        list(coverage.not_given)
    )
