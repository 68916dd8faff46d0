"""Arithmetic, and that the past stays: of every book, for several seeds."""

import json
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from payymo.sandbox.banks import BANKS, SANDBOX_BANK, VOLUME_BANK, Bank
from payymo.sandbox.books.library import Library
from payymo.sandbox.books.records import EPOCH, Statement

SMALL_BOOKS = [
    (bank, name) for bank in BANKS.values() for name in bank.scenarios if name != "business"
]
STEADY = [
    (bank, name)
    for bank, name in SMALL_BOOKS
    if not {"restated_row", "removed_row", "late_postings"} & set(bank.quirks)
    and not {"ids_reissued", "internal_ids_reissued"} & set(bank.quirks)
]
SANDBOX = BANKS[SANDBOX_BANK]

few = settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 10**6)
days = st.dates(date(2026, 1, 1), date(2027, 6, 30))


def rows(statement: Statement) -> list[dict[str, Any]]:
    return [json.loads(row.json) for row in statement.rows]


def amount(row: dict[str, Any]) -> Decimal:
    return Decimal(row["transactionAmount"]["amount"])


def balances(statement: Statement) -> dict[str, Decimal]:
    return {
        item["balanceType"]: Decimal(item["balanceAmount"]["amount"]) for item in statement.balances
    }


@few
@given(seeds, days, st.sampled_from(SMALL_BOOKS))
def test_opening_balance_and_booked_rows_make_the_closing_balance(
    seed: int, day: date, where: tuple[Bank, str]
) -> None:
    bank, scenario = where
    library = Library(seed, volume_rows=500)
    early = min(day, EPOCH + timedelta(days=700))  # everything since the first day is served
    for account in library.accounts(bank, scenario):
        statement = library.statement(bank, scenario, account.key, early, 1)
        total = sum(map(amount, rows(statement)), Decimal(0))
        if scenario != "volume":
            assert balances(statement)["interimBooked"] == account.opening + total


@few
@example(seed=0, day=date(2026, 1, 2), where=(BANKS["ISARKREDIT_ISARDEM2"], "quirky"))
@given(seeds, days, st.sampled_from(SMALL_BOOKS))
def test_from_one_day_to_the_next_the_balance_changes_by_what_was_booked(
    seed: int, day: date, where: tuple[Bank, str]
) -> None:
    bank, scenario = where
    library = Library(seed, volume_rows=500)
    if scenario == "volume":
        return
    for account in library.accounts(bank, scenario):
        before = library.statement(bank, scenario, account.key, day, 1)
        after = library.statement(bank, scenario, account.key, day + timedelta(days=1), 1)

        difference = _sum_by_key(after, day) - _sum_by_key(before, day)
        change = balances(after)["interimBooked"] - balances(before)["interimBooked"]
        assert change == difference


def _sum_by_key(statement: Statement, day: date) -> Decimal:
    """Sum the rows of a period that both days show in full."""
    oldest = (day - timedelta(days=600)).isoformat()
    shown = [row for row in rows(statement) if _day_of(row) >= oldest]
    return sum(map(amount, shown), Decimal(0))


def _day_of(row: dict[str, Any]) -> str:
    """Return a row's day by whichever of its dates it has: some banks give only one of them."""
    return next(
        str(row[name])
        for name in ("bookingDate", "bookingDateTime", "valueDate", "valueDateTime")
        if name in row
    )


@few
@given(seeds, days, st.sampled_from(SMALL_BOOKS))
def test_the_same_seed_and_day_give_the_same_bytes(
    seed: int, day: date, where: tuple[Bank, str]
) -> None:
    bank, scenario = where
    one, other = Library(seed, volume_rows=500), Library(seed, volume_rows=500)
    for account in one.accounts(bank, scenario):
        assert one.statement(bank, scenario, account.key, day, 3) == other.statement(
            bank, scenario, account.key, day, 3
        )


@few
@given(seeds, days, st.integers(1, 60), st.sampled_from(STEADY))
def test_moving_the_clock_onwards_only_adds_rows(
    seed: int, day: date, later: int, where: tuple[Bank, str]
) -> None:
    bank, scenario = where
    library = Library(seed, volume_rows=500)
    for account in library.accounts(bank, scenario):
        first = library.statement(bank, scenario, account.key, day, 1)
        second = library.statement(bank, scenario, account.key, day + timedelta(days=later), 1)

        oldest = (day - timedelta(days=600)).toordinal()
        kept = [row for row in first.rows if row.booked >= oldest]
        again = [row for row in second.rows if oldest <= row.booked <= day.toordinal()]
        assert sorted(kept) == sorted(again)


@few
@given(seeds)
def test_other_seeds_are_other_people(seed: int) -> None:
    [one, *_] = Library(seed).accounts(SANDBOX, "household")
    [other, *_] = Library(seed + 1).accounts(SANDBOX, "household")

    assert one.iban != other.iban


@pytest.mark.parametrize("scenario", ["business", "household"])
def test_accounts_have_numbers_of_their_own(library: Library, scenario: str) -> None:
    accounts = library.accounts(SANDBOX, scenario)

    assert len({account.iban for account in accounts}) == len(accounts)
    assert len({account.resource_id for account in accounts}) == len(accounts)


@pytest.mark.parametrize("where", SMALL_BOOKS, ids=lambda where: f"{where[0].id}/{where[1]}")
def test_within_an_account_no_internal_id_is_used_twice(
    library: Library, today: date, where: tuple[Bank, str]
) -> None:
    bank, scenario = where
    for account in library.accounts(bank, scenario):
        shown = rows(library.statement(bank, scenario, account.key, today, 1))
        assert len({row["internalTransactionId"] for row in shown}) == len(shown) > 0


@pytest.mark.parametrize("count", [0, 1, 500, 730, 1777])
def test_the_volume_is_exactly_what_was_asked_for_on_any_day(count: int, today: date) -> None:
    library = Library(1, volume_rows=count)
    for later in (0, 1, 45):
        day = today + timedelta(days=later)
        statement = library.statement(BANKS[VOLUME_BANK], "volume", "main", day, 1)
        assert len(statement.rows) == count
        assert all(row.booked <= day.toordinal() for row in statement.rows)


class TestTheBusiness:
    def test_it_has_two_years_of_more_than_twenty_thousand_rows(
        self, library: Library, today: date
    ) -> None:
        main, sterling = (
            library.statement(SANDBOX, "business", key, today, 1) for key in ("main", "sterling")
        )

        assert len(main.rows) + len(sterling.rows) >= 20_000
        oldest = min(row.booked for row in main.rows)
        assert today - date.fromordinal(oldest) >= timedelta(days=725)

    @pytest.mark.parametrize("key", ["main", "sterling"])
    def test_its_balances_add_up(self, library: Library, today: date, key: str) -> None:
        account = library.account(SANDBOX, "business", key)
        statement = library.statement(SANDBOX, "business", key, today, 1)
        oldest = today - timedelta(days=730)

        older = [
            entry.amount
            for entry in library.book(SANDBOX, "business", today).entries[key]
            if entry.booked_on < oldest
        ]
        shown = [amount(row) for row in rows(statement)]
        assert balances(statement)["interimBooked"] == account.opening + sum(older) + sum(shown)

    def test_its_past_stays_when_the_clock_moves_over_the_end_of_a_month(
        self, library: Library, today: date
    ) -> None:
        later = today + timedelta(days=40)
        oldest = (later - timedelta(days=730)).toordinal()
        another = Library(library.seed)
        for key in ("main", "sterling"):
            first = library.statement(SANDBOX, "business", key, today, 1)
            second = another.statement(SANDBOX, "business", key, later, 1)

            kept = [row for row in first.rows if row.booked >= oldest]
            again = [row for row in second.rows if row.booked <= today.toordinal()]
            assert kept == again

    def test_a_book_that_was_written_further_shows_the_same_day(self) -> None:
        bank = BANKS["HAVENKAS_HAVKNL2X"]
        day = date(2026, 3, 3)
        library, other = Library(3), Library(3)
        other.book(bank, "quirky", date(2026, 9, 9))

        assert library.statement(bank, "quirky", "main", day, 1) == other.statement(
            bank, "quirky", "main", day, 1
        )

    def test_its_own_transfers_leave_one_account_and_reach_the_other(
        self, library: Library, today: date
    ) -> None:
        sides = [
            [
                row
                for row in rows(library.statement(SANDBOX, "business", key, today, 1))
                if "Own transfer" in row.get("remittanceInformationUnstructured", "")
            ]
            for key in ("sterling", "main")
        ]

        assert len(sides[0]) == len(sides[1]) >= 20
        for pounds, euros in zip(*sides, strict=True):
            rate = Decimal(euros["currencyExchange"][0]["exchangeRate"])
            assert amount(euros) == (-amount(pounds) / rate).quantize(Decimal("0.01"))


class TestTheHousehold:
    def test_two_equal_coffees_of_one_day_are_two_rows(self, library: Library, today: date) -> None:
        shown = rows(library.statement(SANDBOX, "household", "current", today, 1))
        alike = [{name: value for name, value in row.items() if "Id" not in name} for row in shown]
        twins = sum(one == other for one, other in pairwise(sorted(alike, key=str)))

        assert twins > 20

    def test_both_sides_of_an_own_transfer_bear_the_same_id(
        self, library: Library, today: date
    ) -> None:
        current, card = (
            {row["internalTransactionId"]: row for row in rows(statement)}
            for statement in (
                library.statement(SANDBOX, "household", key, today, 1)
                for key in ("current", "card")
            )
        )

        shared = current.keys() & card.keys()
        assert len(shared) >= 22
        assert all(amount(current[key]) == -amount(card[key]) for key in shared)

    def test_the_card_is_settled_every_month(self, library: Library, today: date) -> None:
        card = rows(library.statement(SANDBOX, "household", "card", today, 1))
        settled = [row for row in card if amount(row) > 0]

        assert 22 <= len(settled) <= 25
        assert all(row["remittanceInformationUnstructured"] == "Card settlement" for row in settled)

    def test_savings_bear_interest_at_the_end_of_the_month(
        self, library: Library, today: date
    ) -> None:
        savings = rows(library.statement(SANDBOX, "household", "savings", today, 1))
        interest = [
            row
            for row in savings
            if row["remittanceInformationUnstructured"].startswith("Interest")
        ]

        assert len(interest) == 24
        assert all(amount(row) > 0 for row in interest)
