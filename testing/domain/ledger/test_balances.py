from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import BalanceType
from payymo.domain.ledger.balances import (
    USUAL_BALANCE_RULE,
    BalanceRule,
    BookedBalance,
    booked_balances,
    find_booked_balance,
    first_of,
)

OWED = BalanceRule((((BalanceType.EXPECTED, -1), (BalanceType.NON_INVOICED, 1)),))


@dataclass(frozen=True)
class Said:
    balance_type: BalanceType
    amount: Decimal
    currency: str = "EUR"
    credit_limit_included: bool | None = None
    reference_date: date | None = None


def said(
    balance_type: BalanceType, amount: str, currency: str = "EUR", day: date | None = None
) -> Said:
    return Said(balance_type, Decimal(amount), currency, reference_date=day)


def found(
    *balances: Said, rule: BalanceRule = USUAL_BALANCE_RULE, currency: str | None = "EUR"
) -> BookedBalance | None:
    return find_booked_balance(balances, rule=rule, currency=currency)


def test_closing_comes_before_interim_and_interim_before_expected() -> None:
    closing = said(BalanceType.CLOSING_BOOKED, "1")
    interim = said(BalanceType.INTERIM_BOOKED, "2")
    expected = said(BalanceType.EXPECTED, "3")

    for balances in permutations((closing, interim, expected)):
        assert found(*balances) == BookedBalance(
            Decimal(1), "EUR", None, (BalanceType.CLOSING_BOOKED,)
        )
    by_interim, by_expected = found(expected, interim), found(expected)
    assert by_interim is not None
    assert by_expected is not None
    assert (by_interim.amount, by_interim.may_include_pending) == (Decimal(2), False)
    assert (by_expected.amount, by_expected.may_include_pending) == (Decimal(3), True)


@pytest.mark.parametrize(
    "balance_type",
    [
        BalanceType.INTERIM_AVAILABLE,
        BalanceType.FORWARD_AVAILABLE,
        BalanceType.OPENING_BOOKED,
        BalanceType.PREVIOUSLY_CLOSED_BOOKED,
        BalanceType.NON_INVOICED,
        BalanceType.INFORMATION,
        BalanceType.OTHER,
    ],
)
def test_what_can_be_spent_and_what_is_past_is_not_booked(balance_type: BalanceType) -> None:
    assert found(said(balance_type, "5")) is None


def test_a_balance_that_includes_a_credit_limit_is_never_booked() -> None:
    with_limit = Said(BalanceType.CLOSING_BOOKED, Decimal(2000), credit_limit_included=True)
    without = Said(BalanceType.INTERIM_BOOKED, Decimal(-10), credit_limit_included=False)

    assert found(with_limit) is None
    booked = found(with_limit, without)
    assert booked is not None
    assert booked.amount == Decimal(-10)


def test_the_accounts_currency_comes_before_a_better_type_and_a_larger_amount() -> None:
    crowns = said(BalanceType.CLOSING_BOOKED, "9000", "DKK")
    euros = said(BalanceType.EXPECTED, "5")

    booked = found(crowns, euros)

    assert booked is not None
    assert (booked.amount, booked.currency) == (Decimal(5), "EUR")
    assert booked_balances([crowns, euros], rule=USUAL_BALANCE_RULE, currency="EUR").keys() == {
        "DKK", "EUR",
    }  # fmt: skip


@pytest.mark.parametrize("currency", [None, "XXX", "SEK"])
def test_without_the_accounts_currency_the_largest_debt_or_credit_counts(
    currency: str | None,
) -> None:
    booked = found(
        said(BalanceType.INTERIM_BOOKED, "100", "DKK"),
        said(BalanceType.INTERIM_BOOKED, "-5000"),
        currency=currency,
    )

    assert booked is not None
    assert (booked.amount, booked.currency) == (Decimal(-5000), "EUR")


def test_a_balance_without_a_currency_is_in_the_accounts() -> None:
    booked = found(said(BalanceType.INTERIM_BOOKED, "7", "XXX"), currency="KWD")

    assert booked is not None
    assert booked.currency == "KWD"


def test_of_two_balances_of_one_type_the_later_counts() -> None:
    older = said(BalanceType.CLOSING_BOOKED, "1", day=date(2026, 2, 1))
    newer = said(BalanceType.CLOSING_BOOKED, "2", day=date(2026, 2, 2))
    undated = said(BalanceType.CLOSING_BOOKED, "3")

    for balances in permutations((older, newer, undated)):
        booked = found(*balances)
        assert booked is not None
        assert (booked.amount, booked.reference_date) == (Decimal(2), date(2026, 2, 2))


def test_a_card_issuers_balance_is_added_up_from_two() -> None:
    expected = said(BalanceType.EXPECTED, "130.00", "SEK", date(2026, 2, 2))
    open_rows = said(BalanceType.NON_INVOICED, "-20.00", "SEK", date(2026, 2, 2))

    assert found(expected, open_rows, rule=OWED, currency="SEK") == BookedBalance(
        Decimal("-150.00"),
        "SEK",
        date(2026, 2, 2),
        (BalanceType.EXPECTED, BalanceType.NON_INVOICED),
    )
    assert found(expected, rule=OWED, currency="SEK") is None


def test_a_sum_of_balances_of_different_days_is_true_for_no_day() -> None:
    booked = found(
        said(BalanceType.EXPECTED, "1", day=date(2026, 2, 1)),
        said(BalanceType.NON_INVOICED, "1", day=date(2026, 2, 2)),
        rule=OWED,
    )

    assert booked is not None
    assert booked.reference_date is None


def test_nothing_reported_is_nothing_booked() -> None:
    assert found() is None
    assert found(said(BalanceType.INFORMATION, "1"), rule=first_of(BalanceType.EXPECTED)) is None


BALANCES = st.lists(
    st.builds(
        Said,
        balance_type=st.sampled_from(BalanceType),
        amount=st.decimals(-1000, 1000, places=2),
        currency=st.sampled_from(["EUR", "DKK", "XXX"]),
        credit_limit_included=st.sampled_from([None, False, True]),
        reference_date=st.sampled_from([None, date(2026, 2, 1), date(2026, 2, 2)]),
    ),
    max_size=6,
    unique_by=lambda balance: (balance.balance_type, balance.currency, balance.reference_date),
)


@given(balances=BALANCES, data=st.data())
def test_the_order_of_an_answer_does_not_matter(balances: list[Said], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(balances))

    assert found(*shuffled, currency="SEK") == found(*balances, currency="SEK")
