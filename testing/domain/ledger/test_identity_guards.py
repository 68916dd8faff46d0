"""Rows that look alike and are two stay two; one row in many disguises stays one.

Expected verdicts are worked out by hand.
"""

import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from testing.sightings import MONDAY, a_row, known, pair

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.identity_versions import IDENTITY_VERSIONS
from payymo.domain.ledger.pairing import COMPARED_MAX
from payymo.domain.ledger.sightings import KnownRow, Sighting, fingerprint

NEW = (None, IdentityTier.NEW)
RESTATED = (1, IdentityTier.RESTATED)
BOOKED = (1, IdentityTier.PENDING_BOOKED)

#: An old row that the answer repeats: so the answer speaks of all days after it.
ANCHOR = known(99, a_row("-1.00", MONDAY - timedelta(days=30), "Anchor"))


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def a_hold(
    amount: str = "-10.00", text: str = "Office supplies", *, transaction_id: str | None = None
) -> Sighting:
    return a_row(amount, text=text, is_booked=False, transaction_id=transaction_id)


@dataclass(frozen=True)
class Alike:
    """A known row that the answer lacks (the first), and one of the answer that is not it."""

    before: Sighting
    now: Sighting
    others: Sequence[KnownRow] = ()
    since: date | None = None
    is_whole: bool = True


TWO_ROWS = {
    "a week apart": Alike(a_row(), a_row(day=day(7))),
    "beyond a long weekend": Alike(a_row(), a_row(day=day(5))),
    "another invoice of the payer": Alike(
        a_row("500.00", text="Acme\nInvoice 1001"), a_row("500.00", text="Acme\nInvoice 1002")
    ),
    "card payments of different dates": Alike(
        a_row(text="POSC02FEB Rema"), a_row(day=day(1), text="POSC03FEB Rema")
    ),
    "no text at all on another day": Alike(a_row(text=""), a_row(day=day(1), text="")),
    "another currency": Alike(a_row(), a_row(day=day(1), currency="SEK")),
    "the refund": Alike(a_row("-10.00"), a_row("10.00")),
    "before the first day that was asked for": Alike(a_row(), a_row(day=day(2)), since=day(1)),
    "on the first day, which may be cut": Alike(a_row(), a_row(day=day(2)), since=day(0)),
    "beside a row that nobody can read": Alike(a_row(), a_row(day=day(1)), is_whole=False),
    "either of two": Alike(a_row(), a_row(day=day(1)), others=[known(2, a_row(day=day(2)))]),
    "other trusted ids": Alike(a_row(trusted_id="T1"), a_row(day=day(1), trusted_id="T2")),
    "an internal id with another amount": Alike(
        a_row(internal_id="abc"), a_row("-11.00", text="Other", internal_id="abc")
    ),
    "an internal id of the season before": Alike(
        a_row(internal_id="abc"), a_row(day=day(46), text="Other", internal_id="abc")
    ),
    "an internal id that is given again each month": Alike(
        a_row(internal_id="abc"), a_row(day=day(28), internal_id="abc"), since=day(14)
    ),
    "an internal id of the first of each month": Alike(
        a_row(day=day(27), internal_id="abc"),
        a_row(day=date(2026, 2, 1), internal_id="abc"),
        since=day(-10),
    ),
    "an internal id with another amount and day": Alike(
        a_row(internal_id="abc"), a_row("-11.00", day(1), internal_id="abc")
    ),
    "a changed amount of another invoice": Alike(
        a_hold("-792.55", "Acme Supplies Invoice 9411"),
        a_row("-885.25", day(2), "Acme Supplies Invoice 5324"),
    ),
    "on the first day by another of its dates": Alike(
        replace(a_row(day=day(1)), first_day=day(0), last_day=day(1)),
        a_row(day=day(2)),
        since=day(0),
    ),
    "a counter that starts again": Alike(
        a_row(text="Coop Leeds", transaction_id="9998"),
        a_row(day=day(3), text="Coop York", transaction_id="9998"),
    ),
    "a trusted id that all contradicts": Alike(
        a_row(trusted_id="T1"), a_row("-12.00", day(11), "Grand Hotel", trusted_id="T1")
    ),
    "two purchases by one payment service": Alike(
        a_hold(text="PAYPAL *SPOTIFY"), a_row(text="PAYPAL *STEAM")
    ),
    "a hold of another shop": Alike(a_hold(text="Kiosk North"), a_row(text="Fuel and more")),
    "a hold of the same shop and half as much again": Alike(
        a_hold("-50.00"), a_row("-75.00", day(1))
    ),
    "a hundred held by another": Alike(
        a_hold("-100.00", "Station South"), a_row("-64.20", day(1), "Station North")
    ),
    "a changed amount of a text that shares half": Alike(
        a_hold("-50.00", "Grand Hotel"), a_row("-55.00", text="Grand Cafe Berlin")
    ),
    "a changed amount that could be either": Alike(
        a_hold("-50.00", "Grand Hotel"),
        a_row("-55.00", text="Grand Hotel"),
        others=[known(2, a_hold("-52.00", "Grand Hotel"))],
    ),
    "a hold whose id another booked row has": Alike(
        a_hold("-50.00", "Max Hoffmann", transaction_id="2025-18"),
        a_row("-950.00", text="Liam Brown rent", transaction_id="2025-18"),
    ),
    "a changed amount of the other sign": Alike(
        a_hold("-50.00", transaction_id="t-1000"), a_row("45.00", transaction_id="t-1000")
    ),
}


@pytest.mark.parametrize("alike", TWO_ROWS.values(), ids=TWO_ROWS)
def test_two_that_look_alike_stay_two(alike: Alike) -> None:
    rows = [known(1, alike.before), *alike.others, ANCHOR]

    assert pair([alike.now], rows, [99], since=alike.since, is_whole=alike.is_whole) == [NEW]


def test_a_removed_row_does_not_come_back_as_another() -> None:
    removed = known(1, a_row(), is_closed=True)

    assert pair([a_row(day=day(1))], [removed, ANCHOR], [99]) == [NEW]


def test_an_answer_that_begins_later_lacks_nothing() -> None:
    assert pair([a_row(day=day(1))], [known(1, a_row())]) == [NEW]


def test_yesterdays_coffee_that_is_still_listed_is_not_todays() -> None:
    assert pair([a_row(day=day(1))], [known(1, a_row()), ANCHOR], [1, 99]) == [NEW]


ONE_ROW = {
    "moved over a long weekend": (a_row(), a_row(day=day(4)), RESTATED),
    "moved back": (a_row(), a_row(day=day(-1)), RESTATED),
    "a date before the name": (
        a_row(text="Rema 1000\nOslo"),
        a_row(day=day(1), text="02.02 Rema 1000\nOslo"),
        RESTATED,
    ),
    "a date before a line, on the same day": (
        a_row(text="Rema\nOslo West"),
        a_row(text="Rema\n02FEB26 Oslo West"),
        RESTATED,
    ),
    "lines in another order": (
        a_row(text="Card 12\nGrand Hotel\nBerlin"),
        a_row(text="Berlin\nGrand Hotel\nCard 12"),
        RESTATED,
    ),
    "a word more": (a_row(text="Grand Hotel"), a_row(text="Grand Hotel Berlin"), RESTATED),
    "a name more": (a_row(text="\nInvoice 12"), a_row(text="Acme\nInvoice 12"), RESTATED),
    "a tip": (
        a_hold("-50.00", "Grand Hotel"),
        a_row("-60.00", day(1), "GRAND HOTEL BERLIN"),
        BOOKED,
    ),
    "another rate": (a_hold("-50.00", "Acme Shop"), a_row("-48.71", text="Acme Shop"), BOOKED),
    "a hundred held for fuel": (
        a_hold("-100.00", "Station South"),
        a_row("-64.20", day(2), "Station South"),
        BOOKED,
    ),
    "one held for fuel": (
        a_hold("-1.00", "Station South"),
        a_row("-64.20", day(2), "Station South"),
        BOOKED,
    ),
    "any hold of the same id and text": (
        a_hold("-150.00", "Station South", transaction_id="t-1000"),
        a_row("-12.00", text="STATION SOUTH Kiel", transaction_id="t-1000"),
        BOOKED,
    ),
    "a tip of the same id and another text": (
        a_hold("-50.00", "Reserved", transaction_id="t-1000"),
        a_row("-55.00", text="Grand Hotel", transaction_id="t-1000"),
        BOOKED,
    ),
    "a hold without its sign": (
        a_hold("10.00", "Emperor", transaction_id="t-1000"),
        a_row("-10.00", text="Other", transaction_id="t-1000"),
        BOOKED,
    ),
    "a corrected amount of the same internal id, day and text": (
        a_row("-2.80", text="Coop Leeds", internal_id="abc"),
        a_row("-2.30", text="Coop Leeds", internal_id="abc"),
        (1, IdentityTier.INTERNAL_ID),
    ),
    "an internal id whose day moves by a month": (
        a_row(internal_id="abc"),
        a_row(day=day(28), internal_id="abc"),
        (1, IdentityTier.INTERNAL_ID),
    ),
    "a pending row that is dated on the day of each answer": (
        a_hold(transaction_id="t-1000"),
        replace(a_hold(transaction_id="t-2000"), day=day(3), fingerprint=b"3"),
        RESTATED,
    ),
    "a pending row without a date, first seen days later than it books": (
        a_hold(transaction_id="t-1000"),
        a_row(day=day(-6), transaction_id="t-1000"),
        BOOKED,
    ),
    "an id that all rows have, and the same day and text": (
        a_row(text="Coop Leeds", transaction_id="9998"),
        a_row(text="Coop Leeds City", transaction_id="9998"),
        (1, IdentityTier.TRANSACTION_ID),
    ),
}


@pytest.mark.parametrize(("before", "now", "expected"), ONE_ROW.values(), ids=ONE_ROW)
def test_one_row_in_disguise_is_one(
    before: Sighting, now: Sighting, expected: tuple[int, IdentityTier]
) -> None:
    assert pair([now], [known(1, before), ANCHOR], [99]) == [expected]


def test_one_row_in_ten_disguises_one_after_another_is_one() -> None:
    seen_as = a_hold("-50.00", "Reserved Grand Hotel")
    disguises = [
        # It books three days later with a tip, and the day after the bank gives it a number.
        (a_row("-55.00", day(3), "Grand Hotel", internal_id="i-1"), "pending_booked"),
        (
            a_row("-55.00", day(3), "Grand Hotel", internal_id="i-1", transaction_id="t-1000"),
            "internal_id",
        ),
        # New provider's id; new bank's id; both; neither of them an id.
        (
            a_row("-55.00", day(3), "Grand  HOTEL", internal_id="i-2", transaction_id="t-1000"),
            "transaction_id",
        ),
        (
            a_row("-55.00", day(3), "Hotel Grand", internal_id="i-2", transaction_id="t-2000"),
            "internal_id",
        ),
        (
            a_row("-55.00", day(3), "Hotel Grand", internal_id="i-3", transaction_id="t-3000"),
            "content",
        ),
        (
            a_row("-55.00", day(3), "Hotel Grand", internal_id="", transaction_id="NOTPROVIDED"),
            "content",
        ),
        # The day moves; a date is put before the text; the city is added; the lines change places.
        (a_row("-55.00", day(5), "Hotel Grand", internal_id="i-4"), "restated"),
        (a_row("-55.00", day(5), "05.02 Hotel Grand", internal_id="i-5"), "restated"),
        (a_row("-55.00", day(5), "05.02 Hotel Grand\nBerlin Mitte", internal_id="i-6"), "restated"),
        (a_row("-55.00", day(4), "Berlin Mitte\n05.02 Hotel Grand", internal_id="i-7"), "restated"),
    ]

    for now, tier in disguises:
        assert pair([now], [known(1, seen_as), ANCHOR], [99]) == [(1, tier)]
        seen_as = now


class TestTwins:
    def test_of_twins_that_both_change_their_ids_and_day_each_is_one(self) -> None:
        rows = [known(1, a_row()), known(2, a_row()), ANCHOR]
        pulled = [a_row(day=day(1), internal_id=name) for name in ("x", "y")]

        assert sorted(number or 0 for number, _ in pair(pulled, rows, [99])) == [1, 2]

    def test_of_twins_of_which_one_vanishes_one_is_left(self) -> None:
        rows = [known(1, a_row(internal_id="a")), known(2, a_row(internal_id="b")), ANCHOR]

        assert pair([a_row(internal_id="b", text="office: supplies")], rows, [99])[0][0] == 2

    def test_an_id_that_twins_share_keeps_them_two(self) -> None:
        rows = [known(number, a_row(internal_id="same")) for number in (1, 2)]
        pulled = [a_row(text="office supplies", internal_id="same", payload=name) for name in "xyz"]

        assert Counter(tier for _, tier in pair(pulled, rows)) == {
            IdentityTier.INTERNAL_ID: 2,
            IdentityTier.NEW: 1,
        }

    def test_a_shared_id_leads_each_row_to_its_own(self) -> None:
        rows = [
            known(1, a_row("-5.00", text="Coop Leeds", transaction_id="9998")),
            known(2, a_row("-5.00", text="Coop York", transaction_id="9998")),
        ]
        pulled = [
            a_row("-5.00", text="Coop York City", transaction_id="9998"),
            a_row("-5.00", text="Coop Leeds Central", transaction_id="9998"),
        ]

        assert [number for number, _ in pair(pulled, rows)] == [2, 1]


class TestTwinsOfWhichOneBooks:
    """Two rows of the same money, day and words, told apart by an id that one of them keeps."""

    def test_the_id_leads_before_the_pending_ones_content(self) -> None:
        rows = [
            known(1, a_row(is_booked=False, transaction_id="t-0001")),
            known(2, a_row(is_booked=False, transaction_id="t-0002-monday")),
        ]
        pulled = [
            a_row(day=day(1), transaction_id="t-0001"),
            a_row(is_booked=False, transaction_id="t-0002-tuesday"),
        ]

        assert [number for number, _ in pair(pulled, rows)] == [1, 2]

    def test_the_id_leads_before_the_booked_ones_content(self) -> None:
        rows = [
            known(1, a_row(is_booked=False, transaction_id="t-0001")),
            known(2, a_row(day=day(1), transaction_id="t-0002-monday")),
        ]
        pulled = [
            a_row(day=day(1), transaction_id="t-0001"),
            a_row(day=day(1), transaction_id="t-0002-tuesday"),
        ]

        assert [number for number, _ in pair(pulled, rows)] == [1, 2]


def test_a_row_at_the_edge_by_one_of_its_dates_is_itself_in_another_order_of_lines() -> None:
    before, now = (
        replace(a_row(text=text), first_day=day(0), last_day=day(2))
        for text in ("Thanks\nCoop York", "Coop York\nThanks")
    )

    assert pair([now], [known(1, before)], since=day(1)) == [RESTATED]


def test_an_internal_id_that_comes_again_in_days_says_nothing_of_what_is_not_asked_for() -> None:
    before = known(1, a_row(internal_id="abc"))

    assert pair([a_row(day=day(9), internal_id="abc")], [before], since=day(1)) == [NEW]
    assert pair([a_row(day=day(3), internal_id="abc")], [before], since=day(1)) == [
        (1, IdentityTier.INTERNAL_ID)
    ]


def test_a_row_that_was_missing_beside_one_that_it_may_be_now_is_no_later_purchase() -> None:
    # Two coffees a day apart; the first moved by two days when a third came, so neither of the two
    # new rows was taken for it. The next answer has a fourth coffee: the first is not that one.
    missing = known(1, a_row(internal_id="first"), is_missing=True)
    moved = known(2, a_row(day=day(2), internal_id="first-moved"))
    fourth = a_row(day=day(3), internal_id="fourth")

    assert pair([fourth], [missing, moved, ANCHOR], [2, 99]) == [NEW]
    # Where nothing else can be it, a row that was away is found again on a day near its own.
    assert pair([fourth], [missing, ANCHOR], [99]) == [RESTATED]
    # On its own day it is found whatever stands beside it.
    same_day = a_row(text="supplies, office", internal_id="fourth")
    assert pair([same_day], [missing, moved, ANCHOR], [2, 99]) == [RESTATED]


def test_more_words_on_the_same_day_come_before_the_same_words_on_another_day() -> None:
    coffee = known(1, a_row(text="Blue Cafe", internal_id="a"))
    same_day = a_row(text="Blue Cafe Harbour", internal_id="b")
    next_day = a_row(day=day(1), text="Blue Cafe", internal_id="c")

    assert pair([next_day, same_day], [coffee, ANCHOR], [99]) == [NEW, RESTATED]


def test_a_corrected_amount_leaves_the_next_coffee_alone() -> None:
    rows = [known(1, a_row("-2.80", text="Coop Leeds", internal_id="abc")), ANCHOR]
    pulled = [
        a_row("-2.30", text="Coop Leeds", internal_id="abc"),
        a_row("-2.80", day(1), "Coop Leeds", internal_id="def"),
    ]

    assert [number for number, _ in pair(pulled, rows, [99])] == [1, None]


def test_a_pending_row_whose_booking_is_there_becomes_no_other_purchase() -> None:
    rows = [
        known(1, a_hold("-9.99", "Kino Nordlicht", transaction_id="T53-0000")),
        known(2, a_row("-9.99", day(1), "Kino Nordlicht", transaction_id="T53-0000")),
        ANCHOR,
    ]
    next_visit = a_row("-9.49", day(2), "Kino Nordlicht", transaction_id="T55-0000")

    assert pair([next_visit], rows, [2, 99]) == [NEW]
    assert pair([next_visit], [rows[0], ANCHOR], [99]) == [BOOKED]


def test_a_row_dated_on_the_first_of_the_next_month_is_found_when_it_is_corrected() -> None:
    first = date(2026, 3, 1)
    before = known(1, a_row(day=first, internal_id="abc"))
    now = a_row(day=date(2026, 2, 9), internal_id="abc")

    assert pair([now], [before], since=date(2026, 2, 5)) == [(1, IdentityTier.INTERNAL_ID)]


class TestPendingChoices:
    def test_a_tie_between_texts_leaves_all_of_them_alone(self) -> None:
        rows = [known(1, a_hold(text="Acme North")), known(2, a_hold(text="Acme South"))]

        assert pair([a_row(text="Acme")], rows) == [NEW]

    def test_a_tie_between_equal_texts_is_none(self) -> None:
        rows = [known(1, a_hold()), known(2, a_hold())]

        paired = pair([a_row(), a_row(payload="x")], rows)

        assert sorted(number or 0 for number, _ in paired) == [1, 2]


def test_a_provisional_row_that_gives_way_to_the_final_one_is_it() -> None:
    provisional = known(1, a_row(text="Bakery", transaction_id="P20260202-1"))
    final = a_row(day=day(1), text="Bakery", transaction_id="H20260202-77")

    assert pair([final], [provisional, ANCHOR], [99]) == [RESTATED]
    assert pair([final], [provisional, ANCHOR], [1, 99]) == [NEW]


def test_every_row_of_a_bank_that_puts_dates_before_names_is_found_again() -> None:
    count = 3 * COMPARED_MAX
    before = [a_row("-40.00", day(number), f"Ride {number % 5}") for number in range(count)]
    now = [
        a_row("-40.00", row.day, f"{row.day:%d.%m} {row.text}", internal_id=f"x{number}")
        for number, row in enumerate(before)
        if row.day is not None
    ]
    rows = [known(number, row) for number, row in enumerate(before, 1000)]

    assert [number for number, _ in pair(now, [*rows, ANCHOR], [99])] == [
        row.id.int for row in rows
    ]


def test_version_1_can_still_be_asked() -> None:
    before = known(1, a_hold(text="Kiosk North"))
    now = a_row(text="Grand Hotel")

    tiers = {
        version: pair_rows([now], [before], seen=())[0].tier
        for version, pair_rows in IDENTITY_VERSIONS.items()
    }

    assert IDENTITY_VERSION == 2
    assert tiers == {1: IdentityTier.PENDING_BOOKED, 2: IdentityTier.NEW}


@pytest.mark.parametrize(
    "text",
    ["1" * 50_000, "a1" * 25_000, "(a+)+$ " * 8000, "12 " * 16_000, "\n" * 50_000, "ﬁ" * 9000],
)
def test_hostile_texts_cost_little(text: str) -> None:
    rows = [
        known(
            number,
            a_row(f"-{100 + number % 2}.00", text=f"{text} {number}", is_booked=bool(number % 3)),
        )
        for number in range(1, 40)
    ]
    pulled = [a_row("-100.00", day(1), f"{number} {text}") for number in range(40)]
    started = time.perf_counter()

    pair(pulled, [*rows, ANCHOR], [99])

    assert time.perf_counter() - started < 5


# --- Whatever was seen before, and in whatever order it comes. ---

_ids = st.sampled_from([None, "NOTPROVIDED", "9998", "id-000001", "id-000002"])
_rows = st.builds(
    a_row,
    amount=st.sampled_from(["-100.00", "-55.00", "-50.00", "20.00"]),
    day=st.sampled_from([day(number) for number in (0, 1, 2, 3, 8)]),
    text=st.sampled_from(
        ["Grand Hotel", "02.02 Grand Hotel", "Hotel Grand", "Grand Hotel Berlin", "Reserved", ""]
    ),
    is_booked=st.booleans(),
    trusted_id=st.sampled_from([None, None, "T1", "T2"]),
    internal_id=_ids,
    transaction_id=_ids,
)
_lists = st.lists(_rows, max_size=10)


@given(_lists, _lists, st.sets(st.integers(1, 10)), st.randoms(use_true_random=False))
def test_the_order_of_rows_decides_nothing(
    before: list[Sighting], now: list[Sighting], seen: set[int], shuffler: random.Random
) -> None:
    rows = [*(known(number, row) for number, row in enumerate(before, 1)), ANCHOR]
    taken = [number for number in sorted(seen) if number <= len(before)] + [99]
    straight = Counter(zip(now, pair(now, rows, taken), strict=True))
    shuffled, shuffled_rows = now[:], rows[:]
    shuffler.shuffle(shuffled)
    shuffler.shuffle(shuffled_rows)

    again = Counter(zip(shuffled, pair(shuffled, shuffled_rows, taken), strict=True))

    assert again == straight
    numbers = [number for _, (number, _) in straight.elements() if number is not None]
    assert len(numbers) == len(set(numbers))
    assert not set(numbers) & set(taken)


@given(_lists, _lists)
def test_an_answer_with_more_rows_still_holds_those_before(
    before: list[Sighting], more: list[Sighting]
) -> None:
    bare = [
        replace(row, is_booked=True, trusted_id=None, internal_id=None, transaction_id=None)
        for row in [*before, *more]
    ]
    rows = [known(number, row) for number, row in enumerate(bare[: len(before)], 1)]

    found = {number for number, _ in pair(bare, rows) if number is not None}

    assert found == set(range(1, len(before) + 1))


@given(_lists)
def test_rows_of_one_answer_are_as_many_the_next_time(rows: list[Sighting]) -> None:
    booked = [
        replace(
            row,
            is_booked=True,
            trusted_id=None,
            fingerprint=fingerprint(row.amount, row.currency, row.day, row.text),
        )
        for row in rows
    ]
    known_rows = [KnownRow(UUID(int=number), row) for number, row in enumerate(booked, 1)]

    found = [number for number, _ in pair(booked, known_rows)]

    assert sorted(number or 0 for number in found) == list(range(1, len(rows) + 1))


@pytest.mark.parametrize("version", IDENTITY_VERSIONS)
@given(before=_lists, now=_lists)
def test_no_version_merges_two_rows_of_an_answer(
    version: int, before: list[Sighting], now: list[Sighting]
) -> None:
    rows = [known(number, row) for number, row in enumerate(before, 1)]

    verdicts = IDENTITY_VERSIONS[version](now, rows, seen=())

    found = [verdict.known_id for verdict in verdicts if verdict.known_id is not None]
    assert len(found) == len(set(found))
    assert len(verdicts) == len(now)
