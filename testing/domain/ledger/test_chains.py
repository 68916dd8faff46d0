"""A day's rows that state balances, put in an order: if there is one, it is found."""

from decimal import Decimal
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.ledger.chains import Step, find_openings


def steps(*pairs: tuple[int, int]) -> list[Step]:
    return [Step(Decimal(amount), Decimal(after)) for amount, after in pairs]


def openings(*pairs: tuple[int, int]) -> set[int]:
    return set(map(int, find_openings(steps(*pairs))))


def has_order(rows: list[Step]) -> bool:
    """Try every order, as the definition says."""
    return any(
        all(b.balance_after - b.amount == a.balance_after for a, b in pairwise(order))
        for order in permutations(rows)
    )


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        pytest.param([(-10, 90)], {100}, id="one row"),
        pytest.param([(-20, 70), (-10, 90)], {100}, id="two, the later first"),
        pytest.param([(-10, 90), (-10, 80)], {100}, id="twins"),
        pytest.param([(-10, 90), (10, 100), (-10, 90)], {100}, id="there and back and there"),
        pytest.param([(0, 90), (-10, 90)], {100}, id="a row of nothing"),
        pytest.param([(-10, 90), (10, 100)], {100, 90}, id="it comes to nothing"),
        pytest.param([(-10, 90), (-10, 90)], set(), id="a doubled row"),
        pytest.param([(-10, 90), (-5, 60)], set(), id="a missing row"),
        pytest.param([(-10, 90), (10, 100), (-5, 60), (5, 65)], set(), id="two rounds apart"),
        pytest.param([], set(), id="no row"),
    ],
)
def test_the_balance_that_the_day_began_with(rows: list[tuple[int, int]], found: set[int]) -> None:
    assert openings(*rows) == found


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 6)), min_size=1, max_size=5))
def test_an_order_is_found_exactly_where_there_is_one(pairs: list[tuple[int, int]]) -> None:
    rows = steps(*pairs)

    assert bool(find_openings(rows)) is has_order(rows)
