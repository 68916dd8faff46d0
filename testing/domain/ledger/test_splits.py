"""Parts divide an amount to the last unit, or are refused with what is wrong."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import SplitsState
from payymo.domain.errors import InvalidInputError, RuleError
from payymo.domain.ledger.splits import SplitPart, check_parts, judge_splits


def parts(*amounts: str) -> list[SplitPart]:
    return [SplitPart(Decimal(amount)) for amount in amounts]


class TestParts:
    @pytest.mark.parametrize(
        ("amount", "currency", "written"),
        [
            ("-10.00", "EUR", ("-7.5", "-2.50")),
            ("-10.00", "EUR", ("-12", "2.00")),
            ("0.00", "EUR", ("5", "-5")),
            ("1001", "JPY", ("1000", "1")),
            ("0.0051", "EUR", ("0.005", "0.0001")),
        ],
    )
    def test_that_come_to_the_amount_pass(
        self, amount: str, currency: str, written: tuple[str, ...]
    ) -> None:
        check_parts(parts(*written), Decimal(amount), currency)

    def test_that_leave_something_are_refused_with_how_much(self) -> None:
        with pytest.raises(RuleError) as refused:
            check_parts(parts("-7.50", "-2.49"), Decimal(-10), "EUR")

        assert refused.value.code == "splits_unbalanced"
        (problem,) = refused.value.problems
        assert problem.field == "splits"
        assert problem.message == (
            "The parts come to -9.99 and the transaction to -10.00 EUR: -0.01 is left over."
        )

    @pytest.mark.parametrize(
        ("currency", "written", "field", "sentence"),
        [
            ("EUR", ("-10",), "splits", "There must be 2 to 100 parts."),
            ("EUR", ("-0.1",) * 101, "splits", "There must be 2 to 100 parts."),
            ("EUR", ("-10", "0"), "splits.1.amount", "A part must not be zero."),
            ("EUR", ("-9.999", "-0.001"), "splits.0.amount", "at most 2 decimals"),
            ("JPY", ("-9.5", "-0.5"), "splits.0.amount", "at most 0 decimals"),
        ],
    )
    def test_that_can_be_none_are_refused_by_field(
        self, currency: str, written: tuple[str, ...], field: str, sentence: str
    ) -> None:
        with pytest.raises(InvalidInputError) as refused:
            check_parts(parts(*written), Decimal(-10), currency)

        assert refused.value.problems[0].field == field
        assert sentence in refused.value.problems[0].message

    @given(
        amounts=st.lists(
            st.integers(-(10**9), 10**9).filter(bool).map(lambda cents: Decimal(cents) / 100),
            min_size=2,
            max_size=100,
        ),
        excess=st.integers(1, 100).map(lambda cents: Decimal(cents) / 100),
    )
    def test_are_accepted_for_their_sum_and_for_no_other(
        self, amounts: list[Decimal], excess: Decimal
    ) -> None:
        divided = [SplitPart(amount) for amount in amounts]
        check_parts(divided, sum(amounts, Decimal()), "EUR")

        with pytest.raises(RuleError):
            check_parts(divided, sum(amounts, Decimal()) + excess, "EUR")


class TestState:
    @pytest.mark.parametrize(
        ("total", "currency", "expected"),
        [
            (None, None, (SplitsState.NONE, None)),
            ("-10", "EUR", (SplitsState.BALANCED, Decimal(0))),
            ("-8", "EUR", (SplitsState.UNBALANCED, Decimal(-2))),
            ("-10", "USD", (SplitsState.UNBALANCED, None)),
        ],
    )
    def test_says_what_is_left_over(
        self,
        total: str | None,
        currency: str | None,
        expected: tuple[SplitsState, Decimal | None],
    ) -> None:
        given = None if total is None else Decimal(total)

        assert (
            judge_splits(Decimal(-10), "EUR", split_total=given, split_currency=currency)
            == expected
        )
