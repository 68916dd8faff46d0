from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from payymo.api.fields import AmountIn, CurrencyIn, DateIn, LongText, PositiveAmountIn, ShortText

AMOUNT: TypeAdapter[Decimal] = TypeAdapter(AmountIn)
POSITIVE_AMOUNT: TypeAdapter[Decimal] = TypeAdapter(PositiveAmountIn)
CURRENCY: TypeAdapter[str] = TypeAdapter(CurrencyIn)
DAY: TypeAdapter[date] = TypeAdapter(DateIn)
SHORT_TEXT: TypeAdapter[str] = TypeAdapter(ShortText)
LONG_TEXT: TypeAdapter[str] = TypeAdapter(LongText)


def complaint(adapter: TypeAdapter[Any], given: object) -> str:
    """Return what a field says of a value that it refuses."""
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(given)
    return caught.value.errors()[0]["msg"]


class TestAmounts:
    @given(st.decimals(min_value=-(10**15), max_value=10**15, places=4))
    def test_stay_what_was_written_as_text_and_as_a_number(self, amount: Decimal) -> None:
        assert AMOUNT.validate_python(f"{amount:f}") == amount
        assert AMOUNT.validate_python(Decimal(f"{amount:f}")) == amount

    def test_whole_numbers_are_amounts(self) -> None:
        assert AMOUNT.validate_python(12) == Decimal(12)

    @pytest.mark.parametrize("given", [True, None, [], 0.5, {"amount": "1"}])
    def test_other_types_are_refused_with_an_example(self, given: object) -> None:
        assert "12.50" in complaint(AMOUNT, given)

    @pytest.mark.parametrize(
        "given", ["", "1,50", "1e3", "NaN", "Infinity", "1_000", "twelve", Decimal("1E+9")]
    )
    def test_what_is_no_plain_decimal_is_refused(self, given: object) -> None:
        assert complaint(AMOUNT, given).startswith("An amount must be a plain decimal")

    def test_endless_digits_are_not_looked_at(self) -> None:
        assert "too many digits" in complaint(AMOUNT, "9" * 41)

    def test_more_than_the_database_holds_is_refused(self) -> None:
        assert "too large" in complaint(AMOUNT, "1" + "0" * 16)

    @pytest.mark.parametrize("given", ["0", "-0.01", Decimal(-1)])
    def test_what_must_be_positive_is(self, given: object) -> None:
        assert "greater than zero" in complaint(POSITIVE_AMOUNT, given)


class TestDays:
    @given(st.dates())
    def test_every_day_is_read_back(self, day: date) -> None:
        assert DAY.validate_python(day.isoformat()) == day
        assert DAY.validate_python(day) == day

    @pytest.mark.parametrize("given", ["2026-02-29", "2026-13-01", "2026-04-31", "0000-01-01"])
    def test_days_that_do_not_exist_are_refused(self, given: str) -> None:
        assert complaint(DAY, given) == "There is no such day in the calendar."

    @pytest.mark.parametrize(
        "given", [20260101, "20260101", "2026-1-1", "01/02/2026", "2026-01-01T00:00:00", "", None]
    )
    def test_what_is_no_day_is_refused_with_an_example(self, given: object) -> None:
        assert "YYYY-MM-DD" in complaint(DAY, given)


class TestCurrencies:
    def test_are_written_in_capitals(self) -> None:
        assert CURRENCY.validate_python("eur") == "EUR"

    @pytest.mark.parametrize("given", ["XXX", "ABC", "€€€"])
    def test_unknown_ones_are_refused(self, given: str) -> None:
        assert "ISO 4217" in complaint(CURRENCY, given)


class TestTexts:
    def test_are_stripped(self) -> None:
        assert SHORT_TEXT.validate_python("  Example Ltd ") == "Example Ltd"

    @pytest.mark.parametrize("adapter", [SHORT_TEXT, LONG_TEXT])
    def test_blank_ones_are_refused(self, adapter: TypeAdapter[str]) -> None:
        assert "at least 1 character" in complaint(adapter, "  ")

    @pytest.mark.parametrize("adapter", [SHORT_TEXT, LONG_TEXT])
    def test_what_the_database_cannot_store_is_refused(self, adapter: TypeAdapter[str]) -> None:
        assert "NUL" in complaint(adapter, "a\0b")
