"""Opening balance + booked rows = closing balance, from what a bank truly says, and never more."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payymo.domain.enums import ProofReason, ProofStatus
from payymo.domain.ledger.coverage import DayRange
from payymo.domain.ledger.proof import (
    DayProof,
    Evidence,
    Opening,
    ProofRow,
    Reading,
    prove,
)

PROVED, FAILED, UNKNOWN = ProofStatus.PROVED, ProofStatus.FAILED, ProofStatus.UNKNOWN

FEW = settings(max_examples=30, deadline=None)

DAY_1 = date(2026, 2, 1)
BEGIN = Decimal(1000)


def day(number: int) -> date:
    """Return a day of the story; 1 is the first."""
    return DAY_1 + timedelta(days=number - 1)


def at(number: int, hour: int = 9) -> datetime:
    return datetime.combine(day(number), datetime.min.time(), UTC) + timedelta(hours=hour)


@dataclass(frozen=True)
class Booking:
    """What happened: a row was booked at an hour of a day, and came into the list so much later.

    :ivar late: Days that the bank takes to show it, in its list and in its balance alike.
    """

    day: int
    hour: int
    amount: int
    late: int = 0

    @property
    def shown_at(self) -> datetime:
        return at(self.day, self.hour) + timedelta(days=self.late)


@dataclass(frozen=True)
class Story:
    """A true book, and how its bank tells of it; it is read each morning at nine.

    :ivar has_closing: The bank reports the balance at the end of the day before.
    :ivar has_interim: It reports the balance of the moment.
    :ivar has_running: Its rows state the balance after them.
    """

    bookings: tuple[Booking, ...]
    day_count: int
    has_closing: bool = True
    has_interim: bool = True
    has_running: bool = False

    def rows(self) -> list[ProofRow]:
        """Return the ledger on the last morning; nobody knows the order within a day."""
        now, balance, rows = at(self.day_count), BEGIN, []
        ordered = sorted(self.bookings, key=lambda booking: booking.shown_at)
        for number, booking in enumerate(ordered):
            balance += booking.amount
            if booking.shown_at > now:
                continue
            read_on = next(n for n in range(1, self.day_count + 1) if at(n) >= booking.shown_at)
            rows.append(
                ProofRow(
                    id=UUID(int=number),
                    day=day(booking.day),
                    amount=Decimal(booking.amount),
                    balance_after=balance if self.has_running else None,
                    known_from=at(read_on),
                )
            )
        return rows

    def readings(self) -> list[Reading]:
        found = []
        for number in range(1, self.day_count + 1):
            shown = [each for each in self.bookings if each.shown_at <= at(number)]
            if self.has_interim:
                found.append(Reading(self._sum(shown), at(number), day(number), False))
            if self.has_closing:
                closed = [each for each in shown if each.day < number]
                found.append(Reading(self._sum(closed), at(number), day(number - 1), True))
        return found

    @staticmethod
    def _sum(bookings: Iterable[Booking]) -> Decimal:
        return BEGIN + sum((Decimal(booking.amount) for booking in bookings), Decimal(0))

    def evidence(self) -> Evidence:
        return Evidence(
            rows=self.rows(),
            readings=self.readings(),
            known=[DayRange(day(-30), day(self.day_count - 1))],
            today=day(self.day_count),
        )


def told(evidence: Evidence) -> dict[int, DayProof]:
    return {(proof.day - DAY_1).days + 1: proof for proof in prove(evidence)}


def statuses(evidence: Evidence) -> dict[int, ProofStatus]:
    return {number: proof.status for number, proof in told(evidence).items()}


def failed(evidence: Evidence) -> list[int]:
    return [number for number, status in statuses(evidence).items() if status is FAILED]


bookings = st.builds(
    Booking, st.integers(1, 11), st.integers(0, 23), st.integers(-40, 40).filter(bool)
)


def stories(late: int = 0, **how: bool) -> st.SearchStrategy[Story]:
    posted = bookings
    if late:
        posted = st.builds(replace, bookings, late=st.integers(0, late))
    return st.lists(posted, min_size=1, max_size=14).map(lambda made: Story(tuple(made), 12, **how))


ways = {
    "closing": {"has_interim": False},
    "interim": {"has_closing": False},
    "both": {},
    "running": {"has_closing": False, "has_interim": False, "has_running": True},
    "all": {"has_running": True},
}


class TestTrueBooks:
    @pytest.mark.parametrize("way", ways)
    @FEW
    @given(data=st.data())
    def test_prove_on_each_day_between_two_balances(self, way: str, data: st.DataObject) -> None:
        story = data.draw(stories(**ways[way]))
        evidence = story.evidence()

        proofs = told(evidence)

        first = min((row.day for row in evidence.rows), default=day(12))
        last = max((row.day for row in evidence.rows), default=day(1))
        for number, proof in proofs.items():
            is_between = first <= day(number) < last if way == "running" else 1 <= number < 12
            if is_between:
                assert proof.status is PROVED, proof
                assert proof.opening is not None
                assert proof.opening + proof.booked == proof.closing
                assert proof.opening == BEGIN + sum(
                    booking.amount for booking in story.bookings if booking.day < number
                )
            assert proof.status is not FAILED

    @pytest.mark.parametrize("way", ["closing", "interim", "both"])
    @FEW
    @given(data=st.data())
    def test_prove_though_the_bank_shows_rows_late(self, way: str, data: st.DataObject) -> None:
        evidence = data.draw(stories(late=4, **ways[way])).evidence()

        assert all(told(evidence)[number].status is PROVED for number in range(1, 12))

    @given(story=stories(late=4, has_running=True))
    def test_never_fail_where_late_rows_state_balances(self, story: Story) -> None:
        assert failed(story.evidence()) == []

    @pytest.mark.parametrize("way", ways)
    @FEW
    @given(data=st.data())
    def test_are_told_alike_in_any_order_of_rows(self, way: str, data: st.DataObject) -> None:
        evidence = data.draw(stories(late=2, **ways[way])).evidence()
        shuffled = replace(
            evidence,
            rows=data.draw(st.permutations(evidence.rows)),
            readings=data.draw(st.permutations(evidence.readings)),
        )

        assert prove(shuffled) == prove(evidence)

    @given(story=stories(late=3, has_running=True), number=st.integers(2, 10))
    def test_go_on_from_a_settled_day_as_from_the_beginning(
        self, story: Story, number: int
    ) -> None:
        evidence = replace(story.evidence(), is_running=False)
        whole = told(evidence)
        closing = whole[number].closing
        assert closing is not None
        onwards = replace(evidence, opening=Opening(day(number), closing))

        assert told(onwards) == {n: proof for n, proof in whole.items() if n > number}


type Harm = Callable[[ProofRow], Sequence[ProofRow]]

harms: dict[str, Harm] = {
    "removed": lambda row: [],
    "doubled": lambda row: [row, row._replace(id=UUID(int=99))],
    "changed": lambda row: [row._replace(amount=row.amount + 7)],
}


class TestOneWrongRow:
    @pytest.mark.parametrize("harm", harms)
    @pytest.mark.parametrize("way", ways)
    @FEW
    @given(data=st.data())
    def test_is_found_on_its_day_or_later(self, way: str, harm: str, data: st.DataObject) -> None:
        story = data.draw(stories(**ways[way]))
        evidence = story.evidence()
        if way == "running":
            dates = sorted({row.day for row in evidence.rows})
            candidates = [row for row in evidence.rows if dates[0] < row.day < dates[-1]]
        else:
            begin = at(1) if way == "interim" else at(0)  # what the first balance held is given
            candidates = [
                row
                for row in evidence.rows
                if day(1) <= row.day < day(10) and row.known_from is not None
                if row.known_from > begin
            ]
        if not candidates:
            return
        wrong = data.draw(st.sampled_from(candidates))
        number = (wrong.day - DAY_1).days + 1
        index = evidence.rows.index(wrong)
        rows = [*evidence.rows[:index], *harms[harm](wrong), *evidence.rows[index + 1 :]]
        if way == "running" and not _says_more(rows, wrong.day):
            return  # the last row of all that state balances is gone: nothing shows it

        proofs = told(replace(evidence, rows=rows))

        found = [n for n, proof in proofs.items() if proof.status is FAILED]
        assert found, proofs
        assert min(found) >= number
        if way in {"closing", "both", "all"}:
            assert found == [number]
            expected = sum(row.amount for row in evidence.rows) - sum(row.amount for row in rows)
            assert proofs[number].difference == expected
            assert all(proofs[n].status is PROVED for n in range(1, 12) if n != number)

    def test_is_not_settled_by_a_day_whose_rows_come_to_nothing(self) -> None:
        # The balances after the rows of day 2 are 1002 and 1016, in one order or the other: they
        # fit what day 1 has without its row of 14, and what it has with it.
        booked = [(1, 1), (1, 1), (1, 14), (2, -14), (2, 14)]
        story = Story(
            tuple(Booking(n, hour, amount) for hour, (n, amount) in enumerate(booked)),
            12,
            has_running=True,
        )
        evidence = story.evidence()
        rows = [row for row in evidence.rows if row.day != day(1) or row.amount != 14]

        assert failed(replace(evidence, rows=rows)) == [1]

    def test_that_two_balances_enclose_is_told_with_its_difference(self) -> None:
        story = Story(tuple(Booking(n, 12, 10 * n) for n in range(1, 9)), 10)
        evidence = story.evidence()
        rows = [row for row in evidence.rows if row.day != day(5)]

        proof = told(replace(evidence, rows=rows))[5]

        assert proof == DayProof(
            day=day(5),
            status=FAILED,
            reason=None,
            row_count=0,
            booked=Decimal(0),
            opening=Decimal(1100),
            closing=Decimal(1150),
            difference=Decimal(50),
            agreed_on=day(4),
        )

    def test_between_balances_far_apart_is_told_at_the_end_of_the_days_between(self) -> None:
        story = Story(tuple(Booking(n, 12, 10) for n in range(1, 12)), 12, has_interim=False)
        evidence = story.evidence()
        sparse = [reading for reading in evidence.readings if reading.taken_at in {at(3), at(8)}]
        rows = [row for row in evidence.rows if row.day != day(4)]

        proofs = told(replace(evidence, rows=rows, readings=sparse))

        assert failed(replace(evidence, rows=rows, readings=sparse)) == [7]
        assert (proofs[7].difference, proofs[7].agreed_on) == (Decimal(10), day(2))
        assert {proofs[n].reason for n in (3, 4, 5, 6)} == {ProofReason.NO_BALANCE}


def _says_more(rows: Sequence[ProofRow], after: date) -> bool:
    return any(row.day > after and row.day < day(12) for row in rows)


class TestUnknown:
    STORY = Story(tuple(Booking(n, 12, 10) for n in range(1, 12)), 12)

    def test_without_a_balance_nothing_is_said(self) -> None:
        evidence = replace(self.STORY.evidence(), readings=[])

        assert prove(evidence) == ()

    def test_today_is_not_over(self) -> None:
        assert told(self.STORY.evidence())[12].reason is ProofReason.DAY_NOT_OVER

    def test_a_day_that_was_not_read_is_not_proved_though_it_adds_up(self) -> None:
        known = [DayRange(day(-5), day(4)), DayRange(day(6), day(11))]

        proofs = told(replace(self.STORY.evidence(), known=known))

        assert (proofs[5].status, proofs[5].reason) == (UNKNOWN, ProofReason.NOT_COVERED)
        assert {proofs[n].status for n in (4, 6)} == {PROVED}

    def test_a_difference_over_days_that_were_not_read_is_no_failure(self) -> None:
        evidence = self.STORY.evidence()
        rows = [row for row in evidence.rows if row.day != day(5)]
        known = [DayRange(day(-5), day(4)), DayRange(day(6), day(11))]

        proofs = told(replace(evidence, rows=rows, known=known))

        assert failed(replace(evidence, rows=rows, known=known)) == []
        assert proofs[5].reason is ProofReason.NOT_COVERED
        assert {proofs[n].status for n in range(6, 12)} == {PROVED}

    def test_a_difference_beside_rows_in_other_currencies_is_no_failure(self) -> None:
        evidence = self.STORY.evidence()
        rows = [row for row in evidence.rows if row.day != day(5)]
        proofs = told(replace(evidence, rows=rows, foreign_days={day(5)}))

        assert (proofs[5].status, proofs[5].reason) == (UNKNOWN, ProofReason.OTHER_CURRENCIES)

    def test_a_balance_ahead_of_the_rows_decides_nothing_until_they_come(self) -> None:
        evidence = Story(self.STORY.bookings, 12, has_closing=False).evidence()
        ahead = evidence.readings[-1]
        readings = [*evidence.readings[:-1], ahead._replace(amount=ahead.amount - 3)]

        proofs = told(replace(evidence, readings=readings))

        assert (proofs[11].status, proofs[11].reason) == (UNKNOWN, ProofReason.WITHIN_DAY)
        assert proofs[10].status is PROVED

    @pytest.mark.parametrize("counted", [0, 1, 2])
    def test_a_balance_may_hold_any_part_of_its_own_day(self, counted: int) -> None:
        """Two rows of the day are listed at nine; the balance holds none, one or both."""
        story = Story((Booking(1, 12, 10), Booking(3, 7, 5), Booking(3, 8, 9)), 4)
        evidence = Story(story.bookings, 4, has_closing=False).evidence()
        held = Decimal(1010) + sum((5, 9)[:counted])
        readings = [
            reading._replace(amount=held) if reading.taken_at == at(3) else reading
            for reading in evidence.readings
        ]

        found = statuses(replace(evidence, readings=readings))

        assert {found[n] for n in (1, 2, 3)} == {PROVED}

    def test_a_bank_that_books_by_other_days_loses_nothing(self) -> None:
        evidence = self.STORY.evidence()
        moved = [row._replace(day=day(7)) if row.day == day(5) else row for row in evidence.rows]

        proofs = told(replace(evidence, rows=moved))

        assert failed(replace(evidence, rows=moved)) == []
        assert {proofs[n].reason for n in (5, 6, 7)} == {ProofReason.OTHER_DAYS}
        assert {proofs[n].status for n in (3, 4, 8, 9, 10, 11)} == {PROVED}

    def test_rows_that_the_bank_withdrew_count_until_it_did(self) -> None:
        """The row of day 3 was in every balance up to the seventh morning."""
        evidence = self.STORY.evidence()
        rows = [
            row._replace(known_until=at(7)) if row.day == day(3) else row for row in evidence.rows
        ]
        readings = [
            reading._replace(amount=reading.amount - 10) if reading.taken_at >= at(7) else reading
            for reading in evidence.readings
        ]

        found = statuses(replace(evidence, rows=rows, readings=readings))

        assert {found[n] for n in range(1, 12)} == {PROVED}

    def test_rows_that_state_the_balance_of_the_moment_are_not_believed(self) -> None:
        rows = [
            ProofRow(UUID(int=n), day(n), Decimal(10), Decimal(1000), None) for n in range(1, 12)
        ]
        evidence = Evidence(rows, [], known=[DayRange(day(-5), day(11))], today=day(12))

        proofs = told(evidence)

        assert {proof.reason for n, proof in proofs.items() if n < 12} == {ProofReason.NOT_RUNNING}

    def test_rows_that_contradict_each_other_fail_where_nothing_else_is_said(self) -> None:
        rows = [
            ProofRow(UUID(int=1), day(5), Decimal(-10), Decimal(90)),
            ProofRow(UUID(int=2), day(5), Decimal(-10), Decimal(90)),
        ]
        evidence = Evidence(rows, [], known=[DayRange(day(-5), day(11))], today=day(12))

        proof = told(evidence)[5]

        assert (proof.status, proof.difference) == (FAILED, None)

    def test_a_date_beyond_all_calendars_costs_nothing(self) -> None:
        evidence = self.STORY.evidence()
        strange = [
            ProofRow(UUID(int=97), date.max, Decimal(5)),
            ProofRow(UUID(int=98), date.min, Decimal(5)),
        ]

        found = statuses(replace(evidence, rows=[*evidence.rows, *strange]))

        assert {found[n] for n in range(1, 12)} == {PROVED}


def test_the_cost_is_linear() -> None:
    def seconds(count: int) -> float:
        chance = random.Random(count)
        rows: list[ProofRow] = []
        readings: list[Reading] = []
        balance = BEGIN
        for number in range(count):
            today = number * 700 // count + 1
            amount = Decimal(chance.choice((-9, 7, 4)))
            if rows and rows[-1].day != day(today):
                readings.append(Reading(balance, at(today), day(today - 1), True))
            balance += amount
            rows.append(ProofRow(UUID(int=number), day(today), amount, balance, at(today, 8)))
        evidence = Evidence(rows, readings, [DayRange(day(1), day(700))], day(701))
        begin = time.perf_counter()
        proofs = prove(evidence)
        spent = time.perf_counter() - begin
        assert sum(proof.status is PROVED for proof in proofs) >= 690
        return spent

    small = min(seconds(5_000) for _ in range(3))

    assert min(seconds(40_000) for _ in range(3)) < 24 * small
