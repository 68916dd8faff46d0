from collections.abc import Mapping
from decimal import Decimal

import pytest

from payymo.domain.enums import Provider
from payymo.domain.ledger.balances import USUAL_BALANCE_RULE, find_booked_balance
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.registry import balance_rule_of


def booked(bank: str, currency: str, **amounts: str) -> Decimal | None:
    """Return the booked balance of a bank that reports some, by GoCardless's word for each."""
    balances = [
        {"balanceType": kind, "balanceAmount": {"amount": amount, "currency": currency}}
        for kind, amount in amounts.items()
    ]
    found = find_booked_balance(
        read_balance_records({"balances": balances}),
        rule=balance_rule_of(Provider.GOCARDLESS, bank),
        currency=currency,
    )
    return None if found is None else found.amount


@pytest.mark.parametrize("bank", [None, "SOME_BANK_X"])
def test_a_bank_that_nobody_described_has_the_usual_rule(bank: str | None) -> None:
    assert balance_rule_of(Provider.GOCARDLESS, bank) == USUAL_BALANCE_RULE


@pytest.mark.parametrize(
    ("bank", "currency", "amounts", "amount"),
    [
        # The credit that is left on a card is not booked.
        (
            "HSBC_CREDIT_CARD_HBUKGB4B",
            "GBP",
            {"interimAvailable": "4100.00", "interimBooked": "-900.00"},
            "-900.00",
        ),
        (
            "NORWEGIAN_NO_NORWNOK1",
            "NOK",
            {"interimAvailable": "48000", "expected": "-2000"},
            "-2000",
        ),
        # Debt is positive, and what is not invoiced stands apart.
        (
            "EUROCARD_SE_SKHSFI21",
            "SEK",
            {"expected": "1300.50", "nonInvoiced": "-200.50", "interimAvailable": "9"},
            "-1501.00",
        ),
        ("AMERICAN_EXPRESS_AESUDEF1", "EUR", {"information": "-77.10"}, "-77.10"),
        ("ING_PL_INGBPLPW", "PLN", {"closingBooked": "1", "interimBooked": "2"}, "2"),
        ("SOME_BANK_X", "EUR", {"information": "5", "interimAvailable": "6"}, None),
    ],
)
def test_a_banks_own_balances_are_read_by_its_own_rule(
    bank: str, currency: str, amounts: Mapping[str, str], amount: str | None
) -> None:
    assert booked(bank, currency, **amounts) == (None if amount is None else Decimal(amount))
