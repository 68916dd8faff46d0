"""What an amount is in another currency: by hand, and as a law."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import RateSource
from payymo.domain.errors import InvalidInputError
from payymo.domain.exchange import (
    CARRY_DAYS_MAX,
    DayRate,
    check_rate,
    choose_rate,
    convert,
)
from payymo.domain.money import exponent_of, format_number

FRIDAY = date(2026, 2, 27)
MONDAY = date(2026, 3, 2)


def a_rate(currency: str, rate: str, day: date = FRIDAY, rate_day: date | None = None) -> DayRate:
    return DayRate(day, currency, Decimal(rate), rate_day or day, RateSource.ECB)


class TestConvert:
    @pytest.mark.parametrize(
        ("amount", "original", "currency", "result"),
        [
            # 100 / 1.25 = 80
            ("100.00", "USD", "EUR", "80.00"),
            # 80 * 1.25 = 100
            ("-80.00", "EUR", "USD", "-100.00"),
            # 100 / 1.25 * 0.80 = 64, over the euro
            ("100.00", "USD", "GBP", "64.00"),
            # 10 / 1.25 * 160 = 1280, and the yen has no decimals
            ("10.00", "USD", "JPY", "1280"),
            # 1 * 0.333 = 0.333, and the dinar has three
            ("1.00", "EUR", "KWD", "0.333"),
            # 0.05 * 0.80 = 0.04
            ("0.05", "EUR", "GBP", "0.04"),
            # 1 / 160 = 0.00625, which is nearer to 0.01 than to 0
            ("1", "JPY", "EUR", "0.01"),
        ],
    )
    def test_is_what_paper_says(
        self, amount: str, original: str, currency: str, result: str
    ) -> None:
        rates = [
            a_rate("USD", "1.25"),
            a_rate("GBP", "0.80"),
            a_rate("JPY", "160"),
            a_rate("KWD", "0.333"),
        ]

        found = convert(Decimal(amount), original, currency, FRIDAY, rates)

        assert found is not None
        assert str(found.amount) == result
        assert (found.original, found.original_currency) == (Decimal(amount), original)
        assert [rate.currency for rate in found.rates] == [
            code for code in (original, currency) if code != "EUR"
        ]

    @pytest.mark.parametrize(
        ("amount", "result"),
        # Each is halfway at a rate of 2: 0.05 / 2 = 0.025, 0.07 / 2 = 0.035.
        [("0.05", "0.02"), ("0.07", "0.04"), ("-0.05", "-0.02"), ("-0.07", "-0.04")],
    )
    def test_rounds_half_to_even(self, amount: str, result: str) -> None:
        found = convert(Decimal(amount), "USD", "EUR", FRIDAY, [a_rate("USD", "2")])

        assert found is not None
        assert str(found.amount) == result

    def test_within_one_currency_nothing_changes_and_no_rate_is_needed(self) -> None:
        found = convert(Decimal("12.34"), "USD", "USD", FRIDAY, [])

        assert found is not None
        assert (found.amount, found.rates) == (Decimal("12.34"), ())
        assert (found.rate_day, found.is_carried) == (FRIDAY, False)

    @pytest.mark.parametrize(("original", "currency"), [("USD", "GBP"), ("GBP", "USD")])
    def test_without_a_rate_of_the_day_there_is_no_amount(
        self, original: str, currency: str
    ) -> None:
        rates = [a_rate("USD", "1.25"), a_rate("GBP", "0.80", day=FRIDAY - timedelta(days=1))]

        assert convert(Decimal(1), original, currency, FRIDAY, rates) is None

    def test_says_which_of_its_rates_is_the_oldest(self) -> None:
        rates = [
            a_rate("USD", "1.25", day=MONDAY),
            a_rate("GBP", "0.80", day=MONDAY, rate_day=FRIDAY),
        ]

        found = convert(Decimal(1), "USD", "GBP", MONDAY, rates)

        assert found is not None
        assert (found.rate_day, found.is_carried) == (FRIDAY, True)

    @given(
        st.decimals(min_value="-1e15", max_value="1e15", places=2, allow_nan=False),
        st.decimals(min_value="0.0000000001", max_value="1e9", places=10, allow_nan=False),
        st.decimals(min_value="0.0000000001", max_value="1e9", places=10, allow_nan=False),
        st.sampled_from(["GBP", "JPY", "KWD"]),
    )
    def test_is_never_further_than_half_a_unit_from_the_exact_value(
        self, amount: Decimal, from_rate: Decimal, to_rate: Decimal, currency: str
    ) -> None:
        rates = [a_rate("USD", str(from_rate)), a_rate(currency, str(to_rate))]
        exact = Fraction(amount) * Fraction(to_rate) / Fraction(from_rate)
        unit = Fraction(1, 10 ** exponent_of(currency))

        found = convert(amount, "USD", currency, FRIDAY, rates)

        assert found is not None
        assert Fraction(found.amount) % unit == 0
        away = abs(Fraction(found.amount) - exact)
        assert away <= unit / 2
        if away == unit / 2:
            assert Fraction(found.amount) / unit % 2 == 0


class TestChooseRate:
    def test_the_days_own_rate_holds(self) -> None:
        rate = choose_rate("USD", MONDAY, {FRIDAY: Decimal("1.10"), MONDAY: Decimal("1.12")}, {})

        assert rate == DayRate(MONDAY, "USD", Decimal("1.12"), MONDAY, RateSource.ECB)
        assert not rate.is_carried

    @pytest.mark.parametrize(("age", "holds"), [(1, True), (7, True), (8, False)])
    def test_a_rate_is_carried_forward_a_week_and_no_longer(self, age: int, holds: bool) -> None:
        rate = choose_rate("USD", FRIDAY + timedelta(days=age), {FRIDAY: Decimal("1.10")}, {})

        assert CARRY_DAYS_MAX == 7
        assert (rate is not None) is holds
        if rate is not None:
            assert (rate.rate_day, rate.is_carried) == (FRIDAY, True)

    def test_no_rate_is_carried_back(self) -> None:
        assert choose_rate("USD", FRIDAY, {MONDAY: Decimal("1.12")}, {}) is None

    def test_ones_own_wins_on_its_day_and_is_carried_like_any_other(self) -> None:
        reference = {FRIDAY: Decimal("1.10"), MONDAY: Decimal("1.12")}
        own = {FRIDAY: Decimal("1.05")}

        chosen = [
            choose_rate("USD", FRIDAY + timedelta(days=age), reference, own) for age in range(4)
        ]

        assert [(rate.rate, rate.source) for rate in chosen if rate] == [
            (Decimal("1.05"), RateSource.OVERRIDE),
            (Decimal("1.05"), RateSource.OVERRIDE),
            (Decimal("1.05"), RateSource.OVERRIDE),
            (Decimal("1.12"), RateSource.ECB),
        ]


class TestCheckRate:
    @pytest.mark.parametrize("rate", ["0", "-1", "1e10", "0.00000000001", "NaN", "Infinity"])
    def test_what_cannot_be_kept_is_refused(self, rate: str) -> None:
        with pytest.raises(InvalidInputError):
            check_rate(Decimal(rate))

    def test_what_can_be_is_given_back(self) -> None:
        assert check_rate(Decimal("9999999999.0000000001")) == Decimal("9999999999.0000000001")


@pytest.mark.parametrize(
    ("rate", "text"), [("1.0800000000", "1.08"), ("160.0000000000", "160"), ("1E+2", "100")]
)
def test_a_rate_is_written_plainly(rate: str, text: str) -> None:
    assert format_number(Decimal(rate)) == text
