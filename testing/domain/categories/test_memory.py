"""What people chose for a payee is what its next transactions get."""

from uuid import UUID

import pytest

from payymo.domain.categories.memory import Choice, learn, payee_key
from payymo.domain.enums import Direction

FOOD, HOME, FUN = UUID(int=1), UUID(int=2), UUID(int=3)
OUT, IN = Direction.DEBIT, Direction.CREDIT


def chosen(*latest_first: UUID, payee: str = "Rewe", direction: Direction = OUT) -> list[Choice]:
    return [Choice(payee, direction, each) for each in latest_first]


@pytest.mark.parametrize(
    ("choices", "learned"),
    [
        ([FOOD], FOOD),
        ([HOME, FOOD], HOME),
        ([HOME, FOOD, FOOD], FOOD),
        ([HOME, HOME, FOOD, FOOD, FUN], HOME),
        # The sixth and older ones are forgotten: of all nine, FUN is the most frequent.
        ([HOME, FOOD, HOME, FOOD, HOME, FUN, FUN, FUN, FUN], HOME),
    ],
)
def test_of_the_last_five_choices_the_most_frequent_counts(
    choices: list[UUID], learned: UUID
) -> None:
    assert learn(chosen(*choices)) == {("REWE", OUT): learned}


def test_a_refund_is_not_a_purchase() -> None:
    memory = learn([*chosen(FOOD), *chosen(FUN, direction=IN)])

    assert memory == {("REWE", OUT): FOOD, ("REWE", IN): FUN}


@pytest.mark.parametrize(
    ("payee", "name"),
    [
        ("REWE Sagt Danke 4711//Köln", "REWE SAGT DANKE KOLN"),
        ("rewe sagt danke 0815 köln", "REWE SAGT DANKE KOLN"),
        ("Café Zoé", "CAFE ZOE"),
    ],
)
def test_numbers_of_shops_and_cards_do_not_part_a_payee(payee: str, name: str) -> None:
    assert payee_key(payee, OUT) == (name, OUT)


@pytest.mark.parametrize("payee", [None, "", "4711", "X9 12/34", "--"])
def test_a_payee_without_a_name_teaches_nothing(payee: str | None) -> None:
    assert payee_key(payee, OUT) is None
    assert learn([Choice(payee, OUT, FOOD)]) == {}
