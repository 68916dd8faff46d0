"""Equal purchases some days apart, and ids that come again: which row is which.

Expected verdicts are worked out by hand. Each stands for what a bank did over two or three answers.
"""

from dataclasses import replace
from datetime import date, timedelta

from testing.sightings import MONDAY, a_row, known, pair

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.sightings import Sighting, fingerprint

NEW = (None, IdentityTier.NEW)

#: An old row that the answer repeats: so the answer speaks of all days after it.
ANCHOR = known(99, a_row("-1.00", MONDAY - timedelta(days=30), "Anchor"))


def day(number: int) -> date:
    return MONDAY + timedelta(days=number)


def a_coffee(
    on: int = 0,
    *,
    internal_id: str | None = None,
    transaction_id: str | None = None,
    is_booked: bool = True,
    text: str = "Blue Cafe",
    amount: str = "-2.80",
) -> Sighting:
    return a_row(
        amount,
        day(on),
        text,
        is_booked=is_booked,
        internal_id=internal_id,
        transaction_id=transaction_id,
    )


def undated(row: Sighting) -> Sighting:
    return replace(row, day=None, fingerprint=fingerprint(row.amount, "EUR", None, row.text))


class TestLingering:
    """A bank lists for a day what is pending beside its own booking."""

    def test_what_has_booked_does_not_book_again_as_a_row_that_moved(self) -> None:
        rows = [
            known(1, a_coffee(0, internal_id="one", is_booked=False), is_closed=True),
            known(2, a_coffee(1, internal_id="one")),
            ANCHOR,
        ]

        moved = a_coffee(2, internal_id="one-moved")

        assert pair([moved], rows, [99]) == [(2, IdentityTier.RESTATED)]

    def test_what_has_booked_does_not_go_on_as_the_next_pending_one(self) -> None:
        rows = [
            known(1, a_coffee(0, internal_id="one", is_booked=False, text="Reserved")),
            known(2, a_coffee(0, internal_id="one")),
            ANCHOR,
        ]

        following = a_coffee(1, internal_id="two", is_booked=False, text="Reserved")

        assert pair([following], rows, [2, 99]) == [NEW]

    def test_a_booked_row_whose_own_pending_one_is_listed_still_is_nobody_else(self) -> None:
        # The first coffee has left the window, and the second one's pending row is there still.
        rows = [
            known(1, a_coffee(internal_id="one")),
            known(2, a_coffee(internal_id="two", is_booked=False)),
        ]

        assert pair([a_coffee(internal_id="two")], rows, [2], since=day(1)) == [NEW]

    def test_nor_does_it_take_what_another_one_left(self) -> None:
        rows = [
            known(1, a_coffee(-2, internal_id="one", is_booked=False), is_closed=True),
            known(2, a_coffee(0, internal_id="two", is_booked=False)),
        ]

        assert pair([a_coffee(1, internal_id="two")], rows, [2]) == [NEW]


class TestIdsThatComeAgain:
    def test_an_id_of_one_row_leads_before_an_id_of_many(self) -> None:
        rows = [
            known(1, a_coffee(0, internal_id="one", transaction_id="9998")),
            known(2, a_coffee(-3, internal_id="two", transaction_id="9998", is_booked=False)),
            ANCHOR,
        ]
        pulled = [
            a_coffee(-3, internal_id="one-moved", transaction_id="9998"),
            a_coffee(0, internal_id="two", transaction_id="9998"),
        ]

        assert pair(pulled, rows, [99]) == [
            (1, IdentityTier.RESTATED),
            (2, IdentityTier.PENDING_BOOKED),
        ]

    def test_an_id_that_a_third_shop_has_too_carries_no_hold_to_another_shop(self) -> None:
        hold = known(1, a_coffee(transaction_id="REF-003", is_booked=False))
        third = known(2, a_row("-40.00", day(-5), "Coop York", transaction_id="REF-003"))
        now = a_coffee(2, transaction_id="REF-003", is_booked=False, text="Station South")

        assert pair([now], [hold, third, ANCHOR], [2, 99]) == [NEW]
        # Where nobody else has it, it is an id as good as any.
        assert pair([now], [hold, ANCHOR], [99]) == [(1, IdentityTier.TRANSACTION_ID)]

    def test_an_id_that_the_same_shop_had_weeks_ago_comes_again(self) -> None:
        hold = known(1, a_coffee(transaction_id="REF-003", is_booked=False))
        third = known(2, a_coffee(-20, transaction_id="REF-003"))
        now = a_coffee(2, transaction_id="REF-003", is_booked=False, text="Blue Cafe Harbour")

        assert pair([now], [hold, third, ANCHOR], [2, 99]) == [NEW]

    def test_the_providers_id_leads_before_the_banks(self) -> None:
        rows = [
            known(1, a_coffee(internal_id="one", transaction_id="REF-003", is_booked=False)),
            ANCHOR,
        ]
        pulled = [
            a_coffee(2, internal_id="one", transaction_id="REF-003"),
            a_coffee(
                1, internal_id="two", transaction_id="REF-003", is_booked=False, text="Kiosk Hafen"
            ),
        ]

        assert pair(pulled, rows, [99]) == [(1, IdentityTier.PENDING_BOOKED), NEW]

    def test_both_ids_lead_before_one(self) -> None:
        # The booked row has both ids of the hold; what is listed as pending now, but the one that
        # is made of amount and text.
        rows = [
            known(1, a_coffee(internal_id="content", transaction_id="H-0001", is_booked=False)),
            ANCHOR,
        ]
        pulled = [
            a_coffee(3, internal_id="content", transaction_id="P-0001", is_booked=False),
            a_coffee(3, internal_id="content", transaction_id="H-0001"),
        ]

        assert pair(pulled, rows, [99]) == [NEW, (1, IdentityTier.PENDING_BOOKED)]

    def test_two_short_numbers_say_no_more_than_one(self) -> None:
        hold = a_coffee(internal_id="1", transaction_id="1", is_booked=False)
        other = a_coffee(internal_id="1", transaction_id="1", text="Rent")

        paired = pair([hold, other], [known(1, hold), known(2, other)])

        assert [number for number, _ in paired] == [1, 2]

    def test_a_providers_id_of_next_week_is_no_match_for_another_id_of_the_banks(self) -> None:
        withdrawn = known(1, a_coffee(internal_id="content", transaction_id="T-0001"))

        for transaction_id, expected in (
            ("T-0002", NEW),
            ("T-0001", (1, IdentityTier.INTERNAL_ID)),
            (None, (1, IdentityTier.INTERNAL_ID)),
        ):
            now = a_coffee(7, internal_id="content", transaction_id=transaction_id)
            assert pair([now], [withdrawn, ANCHOR], [99]) == [expected]

    def test_a_removed_row_does_not_come_back_next_week(self) -> None:
        removed = known(1, a_coffee(internal_id="content"), is_closed=True)

        assert pair([a_coffee(7, internal_id="content")], [removed, ANCHOR], [99]) == [NEW]
        # On a day nearby it is the same payment, which the bank lists again.
        assert pair([a_coffee(1, internal_id="content")], [removed, ANCHOR], [99]) == [
            (1, IdentityTier.INTERNAL_ID)
        ]

    def test_a_corrected_amount_is_told_by_the_banks_id(self) -> None:
        rows = [known(1, a_coffee(internal_id="a-mon", transaction_id="T-0001")), ANCHOR]
        pulled = [
            a_coffee(internal_id="a-tue", transaction_id="T-0001", amount="-3.30"),
            a_coffee(2, internal_id="b-tue", transaction_id="T-0002"),
        ]

        assert pair(pulled, rows, [99]) == [(1, IdentityTier.TRANSACTION_ID), NEW]

    def test_an_id_of_many_says_more_than_a_hold_of_the_same_money(self) -> None:
        # Three coffees have the id; one of them moved by two days, and another one is pending.
        rows = [
            known(1, a_coffee(0, internal_id="content")),
            known(2, a_coffee(1, is_booked=False)),
            known(3, a_coffee(-9, internal_id="content")),
            ANCHOR,
        ]
        pulled = [a_coffee(2, internal_id="content"), a_coffee(7)]

        assert pair(pulled, rows, [3, 99]) == [
            (1, IdentityTier.RESTATED),
            (2, IdentityTier.PENDING_BOOKED),
        ]


class TestStillPending:
    """What is pending has another id, and another day or none, in each answer."""

    HOLD = known(1, a_coffee(transaction_id="p-mon", is_booked=False))

    def test_goes_on_before_a_booked_row_of_its_money_may_be_it(self) -> None:
        pulled = [
            a_coffee(1, transaction_id="b-1"),
            undated(a_coffee(transaction_id="p-tue", is_booked=False)),
        ]

        assert pair(pulled, [self.HOLD, ANCHOR], [99]) == [NEW, (1, IdentityTier.RESTATED)]

    def test_goes_on_before_a_booked_row_of_other_money_may_be_it(self) -> None:
        pulled = [
            a_coffee(1, transaction_id="b-1", amount="-3.00"),
            undated(a_coffee(transaction_id="p-tue", is_booked=False)),
        ]

        assert pair(pulled, [self.HOLD, ANCHOR], [99]) == [NEW, (1, IdentityTier.RESTATED)]
        assert pair(pulled[:1], [self.HOLD, ANCHOR], [99]) == [(1, IdentityTier.PENDING_BOOKED)]


def test_of_two_equal_rows_the_one_that_was_missing_stays_missing() -> None:
    # The bank doubled a payment and took one of the two back. Its ids change with each answer.
    rows = [
        known(1, a_coffee(internal_id="a-mon"), is_missing=True),
        known(2, a_coffee(internal_id="b-tue")),
    ]

    assert pair([a_coffee(internal_id="b-wed")], rows) == [(2, IdentityTier.CONTENT)]
    assert pair([a_coffee(internal_id="b-wed")], rows[:1]) == [(1, IdentityTier.CONTENT)]


def test_a_removed_row_comes_after_one_that_is_missing() -> None:
    rows = [
        known(1, a_coffee(internal_id="a-mon"), is_closed=True),
        known(2, a_coffee(internal_id="b-tue"), is_missing=True),
    ]

    assert pair([a_coffee(internal_id="b-wed")], rows) == [(2, IdentityTier.CONTENT)]
