"""Is this row one that we have? Expected pairs are worked out by hand."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from testing.sightings import MONDAY, a_row, known, pair

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.identity import pair_payloads
from payymo.domain.ledger.pairing import COMPARED_MAX
from payymo.domain.ledger.sightings import KnownRow, Sighting, fingerprint, join_text
from payymo.domain.ledger.wording import normalise_text


class TestPayloads:
    def test_equal_payloads_are_counted(self) -> None:
        coffee, rent = (b"coffee", True), (b"rent", True)
        rows = [(coffee, UUID(int=1)), (coffee, UUID(int=2)), (rent, UUID(int=3))]

        paired = pair_payloads([coffee, coffee, coffee], rows)

        assert paired == [UUID(int=1), UUID(int=2), None]

    def test_a_pending_row_is_not_the_booked_one_of_the_same_payload(self) -> None:
        assert pair_payloads([(b"x", True)], [((b"x", False), UUID(int=1))]) == [None]


class TestTiers:
    @pytest.mark.parametrize(
        ("amount", "days", "text", "number"),
        [
            ("-10.00", 40, "Other", 1),
            ("-12.00", 10, "Other", 1),
            ("-12.00", 40, "Office", 1),
            ("-12.00", 40, "", 1),
            ("-12.00", 11, "Other", None),
        ],
    )
    def test_the_trusted_id_falls_when_money_day_and_text_contradict_it(
        self, amount: str, days: int, text: str, number: int | None
    ) -> None:
        before = known(1, a_row(trusted_id="T1", internal_id="a"))
        now = a_row(amount, MONDAY + timedelta(days=days), text, trusted_id="T1")

        assert pair([now], [before])[0][0] == number

    def test_the_internal_id_needs_the_same_money(self) -> None:
        before = known(1, a_row(internal_id="a"))

        assert pair([a_row(text="Other", internal_id="a")], [before]) == [
            (1, IdentityTier.INTERNAL_ID)
        ]
        assert pair([a_row("-11.00", text="Other", internal_id="a")], [before]) == [
            (None, IdentityTier.NEW)
        ]

    @pytest.mark.parametrize(("days", "number"), [(10, 1), (-10, 1), (11, None), (-11, None)])
    def test_the_transaction_id_needs_a_near_day(self, days: int, number: int | None) -> None:
        before = known(1, a_row(transaction_id="2026-7"))
        now = a_row(day=MONDAY + timedelta(days=days), text="Other", transaction_id="2026-7")
        anchor = known(99, a_row("-1.00", MONDAY - timedelta(days=30), "Anchor"))

        assert pair([now], [before, anchor], [99])[0][0] == number

    def test_both_ids_together_recognise_a_corrected_amount(self) -> None:
        before = known(1, a_row("-10.00", internal_id="a", transaction_id="t"))
        now = a_row("-10.50", internal_id="a", transaction_id="t")

        assert pair([now], [before]) == [(1, IdentityTier.TRANSACTION_ID)]

    def test_reissued_ids_are_seen_through_by_the_content(self) -> None:
        before = known(1, a_row(internal_id="a", transaction_id="t"))
        now = a_row(text="OFFICE  supplies", internal_id="b", transaction_id="u")

        assert pair([now], [before]) == [(1, IdentityTier.CONTENT)]

    def test_a_stronger_tier_goes_first(self) -> None:
        rows = [known(1, a_row()), known(2, a_row(text="Other", internal_id="a"))]

        assert pair([a_row(internal_id="a")], rows) == [(2, IdentityTier.INTERNAL_ID)]


class TestIdsThatAreNone:
    @pytest.mark.parametrize("blank", ["", "  ", "NOTPROVIDED", "notprovided", "NULL"])
    def test_a_placeholder_is_no_id(self, blank: str) -> None:
        before = known(1, a_row("-5.00", text="One", internal_id=blank))

        assert pair([a_row("-5.00", text="Two", internal_id=blank)], [before]) == [
            (None, IdentityTier.NEW)
        ]

    def test_an_id_on_several_rows_of_the_answer_is_no_evidence(self) -> None:
        before = known(1, a_row("-5.00", text="Shop A", transaction_id="9998"))
        pulled = [
            a_row("-5.00", text="Shop B", transaction_id="9998"),
            a_row("-7.00", text="Shop C", transaction_id="9998"),
        ]

        assert pair(pulled, [before]) == [(None, IdentityTier.NEW)] * 2

    def test_a_row_that_the_answer_repeats_counts_against_its_id_too(self) -> None:
        rows = [known(1, a_row(text="Shop A", transaction_id="9998"))]

        assert pair([a_row(text="Shop B", transaction_id="9998")], rows, seen=[1]) == [
            (None, IdentityTier.NEW)
        ]

    def test_an_id_on_several_known_rows_is_no_evidence(self) -> None:
        rows = [
            known(1, a_row("-5.00", text="Shop A", transaction_id="9998")),
            known(2, a_row("-7.00", text="Shop B", transaction_id="9998")),
        ]

        assert pair([a_row("-5.00", text="Shop C", transaction_id="9998")], rows) == [
            (None, IdentityTier.NEW)
        ]


class TestTwins:
    def test_two_coffees_on_one_day_are_two(self) -> None:
        rows = [known(1, a_row(internal_id="a"))]

        assert sorted(
            number or 0
            for number, _ in pair([a_row(internal_id="x"), a_row(internal_id="y")], rows)
        ) == [0, 1]

    def test_a_second_coffee_is_new_while_the_first_is_repeated(self) -> None:
        assert pair([a_row(internal_id="b")], [known(1, a_row(internal_id="a"))], seen=[1]) == [
            (None, IdentityTier.NEW)
        ]


class TestBooking:
    def test_a_pending_row_books_under_another_text_day_and_id(self) -> None:
        pending = known(1, a_row(text="Reserved CARD 1234 Grand Hotel", is_booked=False))
        booked = a_row(day=MONDAY + timedelta(days=3), text="GRAND HOTEL BERLIN", internal_id="new")

        assert pair([booked], [pending]) == [(1, IdentityTier.PENDING_BOOKED)]

    def test_the_only_candidate_on_both_sides_needs_no_text(self) -> None:
        pending = known(1, a_row(text="Reservation", is_booked=False))

        assert pair([a_row(text="Grand Hotel")], [pending]) == [(1, IdentityTier.PENDING_BOOKED)]

    def test_a_row_that_was_closed_before_needs_a_likeness(self) -> None:
        pending = known(1, a_row(text="Reservation", is_booked=False), is_closed=True)

        assert pair([a_row(text="Grand Hotel")], [pending]) == [(None, IdentityTier.NEW)]
        named = known(1, a_row(text="Reserved Hotel", is_booked=False), is_closed=True)
        assert pair([a_row(text="Grand Hotel")], [named]) == [(1, IdentityTier.PENDING_BOOKED)]

    @pytest.mark.parametrize(("days", "number"), [(-2, 1), (10, 1), (-3, None), (11, None)])
    def test_it_books_within_some_days(self, days: int, number: int | None) -> None:
        pending = known(1, a_row(is_booked=False))

        assert pair([a_row(day=MONDAY + timedelta(days=days))], [pending])[0][0] == number

    def test_another_amount_is_another_row_unless_an_id_says_otherwise(self) -> None:
        pending = known(1, a_row("-50.00", text="Fuel", is_booked=False, transaction_id="t"))

        assert pair([a_row("-31.20", text="Fuel")], [pending]) == [(None, IdentityTier.NEW)]
        assert pair([a_row("-31.20", text="Fuel", transaction_id="t")], [pending]) == [
            (1, IdentityTier.PENDING_BOOKED)
        ]

    def test_two_that_could_be_either_are_left_alone(self) -> None:
        rows = [
            known(1, a_row(text="Reservation one", is_booked=False)),
            known(2, a_row(text="Reservation two", is_booked=False)),
        ]

        assert pair([a_row(text="Grand Hotel")], rows) == [(None, IdentityTier.NEW)]

    def test_the_likest_is_taken_and_not_the_first(self) -> None:
        rows = [
            known(1, a_row(text="Grand Cafe", is_booked=False)),
            known(2, a_row(text="Grand Hotel Berlin", is_booked=False)),
        ]

        assert pair([a_row(text="Grand Hotel Berlin Mitte")], rows)[0][0] == 2

    def test_of_equals_the_nearest_day_is_taken(self) -> None:
        rows = [
            known(1, a_row(day=MONDAY, is_booked=False)),
            known(2, a_row(day=MONDAY + timedelta(days=8), is_booked=False)),
        ]

        assert pair([a_row(day=MONDAY + timedelta(days=9))], rows)[0][0] == 2

    def test_a_pending_row_that_is_still_listed_has_not_booked(self) -> None:
        pending = known(1, a_row(is_booked=False))

        assert pair([a_row()], [pending], seen=[1]) == [(None, IdentityTier.NEW)]

    def test_beyond_the_limit_equal_texts_still_pair_in_the_order_of_days(self) -> None:
        count = COMPARED_MAX + 1
        rows = [
            known(number, a_row(text=f"Ride {number}", is_booked=False))
            for number in range(1, count + 1)
        ]
        pulled = [
            a_row(day=MONDAY + timedelta(days=1), text=f"Ride {number}")
            for number in range(1, count + 1)
        ]

        assert pair(pulled, rows) == [
            (number, IdentityTier.PENDING_BOOKED) for number in range(1, count + 1)
        ]

    def test_beyond_the_limit_days_still_count(self) -> None:
        rows = [known(number, a_row(is_booked=False)) for number in range(1, COMPARED_MAX + 2)]
        late = MONDAY + timedelta(days=11)

        assert pair([a_row(day=late)], rows) == [(None, IdentityTier.NEW)]


class TestText:
    def test_signs_case_and_width_do_not_count(self) -> None:
        assert normalise_text("  ＣＡＦÉ*Müller-12 ") == "café müller 12"

    @pytest.mark.parametrize(("one", "other"), [("5", "5.00"), ("-3.5", "-3.5000")])
    def test_trailing_zeros_do_not_count(self, one: str, other: str) -> None:
        prints = {
            fingerprint(Decimal(amount), "EUR", MONDAY, join_text(None, "x"))
            for amount in (one, other)
        }

        assert len(prints) == 1


# --- Whatever the bank does with its ids, the same rows are the same rows. ---

_ids = st.sampled_from([None, "NOTPROVIDED", "1", "2", "3", "9998"])
_rows = st.builds(
    a_row,
    amount=st.sampled_from(["-3.00", "-3.50", "20.00"]),
    day=st.sampled_from([None, *(MONDAY + timedelta(days=days) for days in (0, 1, 5, 14))]),
    text=st.sampled_from(["Coffee", "Coffee bar", "Rent", ""]),
    is_booked=st.booleans(),
    trusted_id=st.sampled_from([None, None, "T1", "T2"]),
    internal_id=_ids,
    transaction_id=_ids,
)
_lists = st.lists(_rows, max_size=12)


def as_known(rows: Sequence[Sighting]) -> list[KnownRow]:
    return [known(number, row) for number, row in enumerate(rows, 1)]


@given(_lists, _lists)
def test_no_two_rows_of_an_answer_become_one(before: list[Sighting], now: list[Sighting]) -> None:
    numbers = [number for number, _ in pair(now, as_known(before)) if number is not None]

    assert len(numbers) == len(set(numbers))


@given(_lists)
def test_repeating_an_answer_finds_every_row_again(rows: list[Sighting]) -> None:
    dated = [replace(row, day=row.day or MONDAY) for row in rows]
    marked = [
        replace(row, fingerprint=fingerprint(row.amount, row.currency, row.day, row.text))
        for row in dated
    ]

    paired = pair(marked, as_known(marked))

    assert {number for number, _ in paired} == set(range(1, len(rows) + 1))
    assert all(tier is not IdentityTier.PENDING_BOOKED for _, tier in paired)


@given(_lists, _lists, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(
    before: list[Sighting], now: list[Sighting], shuffler: random.Random
) -> None:
    places = list(range(len(now)))
    shuffler.shuffle(places)
    rows = as_known(before)
    shuffled_known = rows[:]
    shuffler.shuffle(shuffled_known)

    straight = Counter(zip(now, pair(now, rows), strict=True))
    shuffled = [now[place] for place in places]

    assert Counter(zip(shuffled, pair(shuffled, shuffled_known), strict=True)) == straight


@given(_lists)
def test_reissued_ids_change_no_count(rows: list[Sighting]) -> None:
    booked = [replace(row, is_booked=True, day=row.day or MONDAY, trusted_id=None) for row in rows]
    before = [
        replace(row, fingerprint=fingerprint(row.amount, row.currency, row.day, row.text))
        for row in booked
    ]
    now = [
        replace(row, internal_id=f"new-{number}", transaction_id=None)
        for number, row in enumerate(before)
    ]

    assert all(number is not None for number, _ in pair(now, as_known(before)))
