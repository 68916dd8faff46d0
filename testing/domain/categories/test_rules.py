"""A rule matches when all conditions hold that it gives."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.categories.rules import (
    Conditions,
    Matcher,
    Subject,
    check_conditions,
    simplify,
)
from payymo.domain.enums import Direction
from payymo.domain.errors import InvalidInputError

ACCOUNT, OTHER = UUID(int=1), UUID(int=2)


def a_subject(**fields: Any) -> Subject:
    defaults: dict[str, Any] = {
        "account_id": ACCOUNT,
        "amount": Decimal("-42.50"),
        "currency": "EUR",
        "payee": "Bäckerei Müller",
        "counterparty_name": "MUELLER BAECKEREI GMBH",
        "description": "Brötchen",
        "remittance": "SVWZ+Broetchen 42",
        "merchant_category_code": "5462",
        "bank_transaction_code": "PMNT-CCRD-POSD",
    }
    return Subject(**defaults | fields)


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(payees=("muller",)),
        Conditions(payees=("nobody", "BACKEREI")),
        Conditions(payees=("mueller-baeckerei",)),
        Conditions(texts=("brot",)),
        Conditions(texts=("broetchen 42",)),
        Conditions(merchant_category_codes=("5462",)),
        Conditions(merchant_category_codes=("1000-1999", "5400-5499")),
        Conditions(bank_transaction_codes=("PMNT",)),
        Conditions(bank_transaction_codes=("PMNT-CCRD",)),
        Conditions(bank_transaction_codes=("PMNT-CCRD-POSD",)),
        Conditions(direction=Direction.DEBIT),
        Conditions(currency="EUR"),
        Conditions(currency="EUR", min_amount=Decimal("42.50")),
        Conditions(currency="EUR", max_amount=Decimal("42.50")),
        Conditions(account_id=ACCOUNT),
        Conditions(payees=("muller",), direction=Direction.DEBIT, account_id=ACCOUNT),
    ],
)
def test_what_holds_matches(conditions: Conditions) -> None:
    check_conditions(conditions)

    assert Matcher(conditions).matches(a_subject())


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(payees=("brot",)),
        Conditions(texts=("muller",)),
        Conditions(merchant_category_codes=("5463", "5400-5461")),
        Conditions(bank_transaction_codes=("PMNT-CCRD-CWDL",)),
        Conditions(bank_transaction_codes=("LDAS",)),
        Conditions(direction=Direction.CREDIT),
        Conditions(currency="JPY"),
        Conditions(currency="EUR", min_amount=Decimal("42.51")),
        Conditions(currency="EUR", max_amount=Decimal("42.49")),
        Conditions(account_id=OTHER),
        Conditions(payees=("muller",), direction=Direction.CREDIT),
    ],
)
def test_one_condition_that_does_not_hold_is_enough(conditions: Conditions) -> None:
    check_conditions(conditions)

    assert not Matcher(conditions).matches(a_subject())


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(payees=("muller",)),
        Conditions(texts=("brot",)),
        Conditions(merchant_category_codes=("5462",)),
        Conditions(bank_transaction_codes=("PMNT",)),
    ],
)
def test_what_the_bank_does_not_say_does_not_hold(conditions: Conditions) -> None:
    silent = a_subject(
        payee=None,
        counterparty_name=None,
        description=None,
        remittance=None,
        merchant_category_code=None,
        bank_transaction_code=None,
    )

    assert not Matcher(conditions).matches(silent)


@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        (Conditions(), None),
        (Conditions(payees=("ok", "---")), "payees.1"),
        (Conditions(texts=("  ",)), "texts.0"),
        (Conditions(merchant_category_codes=("546",)), "merchant_category_codes.0"),
        (Conditions(merchant_category_codes=("5499-5400",)), "merchant_category_codes.0"),
        (Conditions(bank_transaction_codes=("pmnt",)), "bank_transaction_codes.0"),
        (Conditions(bank_transaction_codes=("PMNT-CC",)), "bank_transaction_codes.0"),
        (Conditions(min_amount=Decimal(1)), "currency"),
        (Conditions(currency="EUR", min_amount=Decimal(-1)), "min_amount"),
        (Conditions(currency="EUR", max_amount=Decimal(-1)), "max_amount"),
        (
            Conditions(currency="EUR", min_amount=Decimal(2), max_amount=Decimal(1)),
            "max_amount",
        ),
    ],
)
def test_conditions_that_cannot_be_are_named(conditions: Conditions, field: str | None) -> None:
    with pytest.raises(InvalidInputError) as raised:
        check_conditions(conditions)

    assert [problem.field for problem in raised.value.problems] == [field]


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_part_is_found_wherever_it_stands(before: str, part: str, after: str) -> None:
    if simplify(part):
        payee = f"{before} {part} {after}"

        assert Matcher(Conditions(payees=(part,))).matches(a_subject(payee=payee))
