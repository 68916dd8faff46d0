"""Rules come before memory, memory before defaults, and nothing is made up."""

from decimal import Decimal
from uuid import UUID

import pytest

from payymo.domain.categories.decisions import UNDECIDED, Categoriser, Decision, Rule
from payymo.domain.categories.rules import Conditions, Matcher, Subject
from payymo.domain.enums import CategorySource, Direction

FOOD, FUN, HOME = UUID(int=1), UUID(int=2), UUID(int=3)
RULE, LATER = UUID(int=11), UUID(int=12)
SUBJECT = Subject(
    account_id=UUID(int=9),
    amount=Decimal(-5),
    currency="EUR",
    payee="Corner Shop",
    merchant_category_code="5411",
)
MEMORY = {("CORNER SHOP", Direction.DEBIT): FUN}
DEFAULTS = {"groceries": FOOD}


def a_rule(rule_id: UUID, category_id: UUID, payee: str = "corner") -> Rule:
    return Rule(rule_id, category_id, Matcher(Conditions(payees=(payee,))))


@pytest.mark.parametrize(
    ("categoriser", "decision"),
    [
        (
            Categoriser([a_rule(RULE, HOME), a_rule(LATER, FOOD)], MEMORY, DEFAULTS),
            Decision(HOME, CategorySource.RULE, RULE),
        ),
        (
            Categoriser([a_rule(RULE, HOME, "other"), a_rule(LATER, FOOD)], MEMORY, DEFAULTS),
            Decision(FOOD, CategorySource.RULE, LATER),
        ),
        (
            Categoriser([a_rule(RULE, HOME, "other")], MEMORY, DEFAULTS),
            Decision(FUN, CategorySource.LEARNED),
        ),
        (Categoriser((), {}, DEFAULTS), Decision(FOOD, CategorySource.DEFAULT)),
        (Categoriser((), {}, {"fees": FOOD}), UNDECIDED),
        (Categoriser(), UNDECIDED),
    ],
)
def test_who_has_a_say_has_it_in_this_order(categoriser: Categoriser, decision: Decision) -> None:
    assert categoriser.decide(SUBJECT) == decision
