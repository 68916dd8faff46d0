"""A ledger in memory, written by the rules of the house."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from testing.fakes import a_payload

from payymo.domain.banking import PulledRow, TransactionRecord
from payymo.domain.enums import TransactionStatus
from payymo.domain.ledger.book import Answer, Changes, Translate
from payymo.domain.ledger.shadow import ShadowLedger, ShadowRow
from payymo.providers.gocardless.api.statement import read_statement
from payymo.providers.gocardless.translate import translate as translate_row

FIRST = datetime(2026, 2, 1, 9, tzinfo=UTC)

type Rows = Sequence[Mapping[str, Any]]


def translate(row: PulledRow) -> TransactionRecord:
    return translate_row(row, institution_reference=None)


class Book:
    """An account that is pulled on one day after the other."""

    def __init__(self, ledger: ShadowLedger | None = None) -> None:
        self.ledger = ledger or ShadowLedger()
        self.now = FIRST

    def pull(
        self, booked: Rows, pending: Rows = (), *, since: date | None = None, **how: bool
    ) -> Changes:
        self.now += timedelta(days=1)
        body = {"transactions": {"booked": list(booked), "pending": list(pending)}}
        rows, _ = read_statement(json.dumps(body).encode())
        return self.ledger.enter(Answer(rows, since, self.now, **how), translate=translate)

    def row(self, internal_id: str) -> ShadowRow:
        (row,) = [row for row in self.ledger.rows.values() if row.record.internal_id == internal_id]
        return row


A = a_payload("-10.00", "2026-01-20", "Bakery", internalTransactionId="a")
B = a_payload("-25.00", "2026-01-02", "Garage", internalTransactionId="b")


def test_the_same_answer_again_changes_nothing() -> None:
    book = Book()

    first, again = book.pull([A, B, B]), book.pull([B, A, B])

    assert (first.added, again.added, again.updated, again.unchanged) == (3, 0, 0, 3)
    assert first.positions == [1, 2, 3]
    assert sorted(again.positions) == [1, 2, 3]


def test_a_pending_row_books_as_itself() -> None:
    book = Book()
    book.pull([B], [a_payload("-10.00", "2026-01-19", "Bakery reserved")])

    changes = book.pull([A, B])

    assert (changes.added, changes.updated) == (0, 1)
    assert book.row("a").status is TransactionStatus.BOOKED
    assert len(book.ledger.rows) == 2


def test_a_row_is_marked_removed_and_found_again() -> None:
    book = Book()
    book.pull([A, B])
    book.pull([B])
    marked = (book.row("a").status, book.row("a").missing_since)
    book.pull([B])
    removed = book.row("a").status
    book.pull([A, B])

    assert marked == (TransactionStatus.BOOKED, FIRST + timedelta(days=2))
    assert removed is TransactionStatus.REMOVED
    assert book.row("a").status is TransactionStatus.BOOKED
    assert book.row("a").missing_since is None


def test_what_people_touched_is_not_removed() -> None:
    book = Book(ShadowLedger(is_touched=lambda _: True))
    for answer in ([A, B], [B], [B], [B]):
        book.pull(answer)

    assert book.row("a").status is TransactionStatus.BOOKED


def test_nothing_follows_from_what_a_part_of_an_answer_leaves_out() -> None:
    book = Book()
    book.pull([A, B], [a_payload("-1.00", "2026-01-19", "Kiosk")])

    changes = book.pull([B], is_whole=False)

    assert (changes.closed, changes.missing) == (0, 0)


def test_an_overtaken_answer_adds_what_nobody_knows_and_judges_nothing() -> None:
    book = Book()
    book.pull([A])
    other = a_payload("-3.00", "2026-01-21", "Kiosk", internalTransactionId="c")

    changes = book.pull([other], [a_payload("-1.00", "2026-01-19")], is_overtaken=True)

    assert (changes.added, changes.missing) == (1, 0)
    assert book.row("a").missing_since is None


def test_a_closed_pending_row_comes_back_within_days_and_not_after() -> None:
    book = Book()
    pending = a_payload("-1.00", "2026-01-30", "Kiosk", internalTransactionId="p")
    book.pull([B], [pending])
    book.pull([B])
    closed = book.row("p").status
    book.pull([B], [pending])
    back = book.row("p").status
    book.pull([B])
    book.now += timedelta(days=30)
    book.pull([B], [pending])

    assert (closed, back) == (TransactionStatus.SUPERSEDED, TransactionStatus.PENDING)
    assert len(book.ledger.rows) == 3


def test_a_window_looks_only_at_the_rows_that_it_may_speak_of() -> None:
    book = Book()
    old = a_payload("-7.00", "2025-06-01", "Club", internalTransactionId="old")
    book.pull([old, A])

    book.pull([A], since=date(2026, 1, 15))

    assert book.row("old").missing_since is None


def test_a_row_that_is_restated_keeps_its_id() -> None:
    book = Book()
    book.pull([A, B])
    known = book.row("a").id

    restated = a_payload("-10.00", "2026-01-21", "Bakery GmbH", internalTransactionId="a")
    book.pull([restated, B])

    assert (book.row("a").id, book.row("a").day) == (known, date(2026, 1, 21))


def test_what_cannot_be_understood_is_counted_and_asked_again() -> None:
    book = Book()
    odd = {**A, "transactionAmount": "a lot"}

    first, again = book.pull([B, odd]), book.pull([B, odd])

    assert (first.unreadable, again.unreadable, len(book.ledger.rows)) == (1, 1, 1)
    assert again.positions == [1, 2]


def test_a_row_that_the_window_leaves_out_by_another_of_its_dates_is_not_missing() -> None:
    book = Book()
    early = a_payload("-1.00", "2026-01-15", "Kiosk", internalTransactionId="k")
    beside = a_payload(
        "-7.00", "2026-01-18", "Club", valueDate="2026-01-14", internalTransactionId="v"
    )
    book.pull([early, beside, A])

    for _ in range(3):
        book.pull([early, A], since=date(2026, 1, 15))

    assert (book.row("v").status, book.row("v").missing_since) == (TransactionStatus.BOOKED, None)


def test_an_answer_that_begins_late_is_not_taken_for_longer_by_a_row_of_two_dates() -> None:
    book = Book()
    next_month = a_payload(
        "-7.00", "2026-02-01", "Club", valueDate="2026-01-10", internalTransactionId="n"
    )
    book.pull([next_month, B, A])

    for _ in range(3):
        book.pull([next_month, A], since=date(2026, 1, 1))

    assert (book.row("b").status, book.row("b").missing_since) == (TransactionStatus.BOOKED, None)


def test_an_empty_answer_closes_no_pending_row() -> None:
    book = Book()
    pending = a_payload("-50.00", "2026-01-31", "Grand Hotel", internalTransactionId="p")
    book.pull([], [pending])
    book.pull([])
    empty = book.row("p").status
    tip = a_payload("-55.00", "2026-02-02", "Grand Hotel", internalTransactionId="b")
    book.pull([tip])

    assert empty is TransactionStatus.PENDING
    assert len(book.ledger.rows) == 1


class TestDatedAhead:
    """A pending row with the last day on which it can book; it is the third of February."""

    HOLD = a_payload("-10.00", "2026-02-05", "Bakery", internalTransactionId="p")

    @staticmethod
    def translate_on(today: date) -> Translate:
        return partial(translate_row, institution_reference=None, today=today)

    def enter(self, ledger: ShadowLedger, day: int, booked: Rows, pending: Rows) -> None:
        now = datetime(2026, 2, day, 9, tzinfo=UTC)
        body = {"transactions": {"booked": list(booked), "pending": list(pending)}}
        rows, _ = read_statement(json.dumps(body).encode())
        ledger.enter(Answer(rows, None, now), translate=self.translate_on(now.date()))

    def test_keeps_the_day_on_which_it_was_first_seen(self) -> None:
        ledger = ShadowLedger()
        days = []
        # The text changes with each answer, so that the row is written anew each time.
        for day in (3, 4, 5, 6):
            self.enter(ledger, day, [B], [self.HOLD | {"additionalInformation": f"{day}"}])
            days.append(next(row.day for row in ledger.rows.values() if row.day.month == 2))

        assert days == [date(2026, 2, 3)] * 4
        assert len(ledger.rows) == 2

    def test_takes_another_day_that_the_bank_gives_it(self) -> None:
        ledger = ShadowLedger()
        self.enter(ledger, 3, [B], [self.HOLD])
        self.enter(ledger, 6, [B], [self.HOLD | {"bookingDate": "2026-02-06", "valueDate": None}])

        (row,) = [row for row in ledger.rows.values() if row.status is TransactionStatus.PENDING]
        assert row.day == date(2026, 2, 6)

    def test_books_on_the_day_that_it_was_seen_long_before(self) -> None:
        ledger = ShadowLedger()
        self.enter(ledger, 3, [B], [self.HOLD])
        self.enter(ledger, 9, [B], [self.HOLD | {"additionalInformation": "9"}])
        booked = a_payload("-10.00", "2026-02-02", "Bakery", internalTransactionId="b-1")
        self.enter(ledger, 10, [B, booked], [])

        assert len(ledger.rows) == 2
        assert {row.status for row in ledger.rows.values()} == {TransactionStatus.BOOKED}
