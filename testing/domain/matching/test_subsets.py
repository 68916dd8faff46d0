"""Which amounts add up to another."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.matching.subsets import find_subsets

amounts = st.lists(st.integers(1, 60), max_size=8)


def test_the_earliest_of_equal_amounts_are_taken() -> None:
    tens = [10] * 4

    assert find_subsets(tens, 20) == [(0, 1)]


def test_every_different_way_is_given() -> None:
    found = find_subsets([10, 20, 30], 30)

    assert set(found) == {(2,), (0, 1)}


def test_a_hopeless_search_ends() -> None:
    many = [2 * 2**power + 1 for power in range(40)]

    assert find_subsets(many, 2**40) == []


@given(amounts, st.integers(1, 200))
def test_what_is_found_adds_up_and_what_adds_up_is_found(
    given_amounts: list[int], target: int
) -> None:
    found = find_subsets(given_amounts, target)

    for positions in found:
        assert sum(given_amounts[position] for position in positions) == target
        assert len(set(positions)) == len(positions)
    ways = {
        tuple(sorted(chosen))
        for size in range(1, len(given_amounts) + 1)
        for chosen in combinations(given_amounts, size)
        if sum(chosen) == target
    }
    values = {tuple(sorted(given_amounts[at] for at in positions)) for positions in found}
    assert values <= ways
    assert len(found) == min(len(ways), 8)
