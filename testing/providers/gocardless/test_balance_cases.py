"""How far the choice of a booked balance agrees with what other projects' tests expect.

They choose a balance to show; Payymo chooses one to prove a ledger against. So it disagrees on
purpose wherever they take what can be spent; ``docs/translate_disagreements.md`` says why.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from payymo.domain.enums import Provider
from payymo.domain.errors import ProviderResponseError
from payymo.domain.ledger.balances import BookedBalance, find_booked_balance
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.registry import balance_rule_of

ROOT: Final = Path(__file__).resolve().parents[3]
CASES: Final = (ROOT / "../shared/gocardless/balance_cases.jsonl").resolve()

AVAILABLE: Final = {"interimAvailable", "nonInvoiced"}

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="the collected cases are not here")


def cases() -> Iterator[dict[str, Any]]:
    return map(json.loads, CASES.read_text().splitlines())


def booked(case: Mapping[str, Any]) -> BookedBalance | None:
    rule = balance_rule_of(Provider.GOCARDLESS, case.get("institution_id"))
    records = read_balance_records({"balances": case["balances"]})
    return find_booked_balance(records, rule=rule, currency=case.get("account_currency"))


def chosen(case: Mapping[str, Any]) -> Decimal | None:
    """Return the amount of the balance that the other project starts from."""
    expected = case["expected"]
    if "starting_balance_minor" in expected:
        if any("balanceAfterTransaction" in row for row in case["transactions"]):
            return Decimal(case["balances"][0]["balanceAmount"]["amount"])
        rows = (row["transactionAmount"]["amount"] for row in case.get("transactions", ()))
        return Decimal(expected["starting_balance_minor"]) / 100 + sum(map(Decimal, rows))
    if "picked" in expected:
        return Decimal(expected["picked"]["amount"]) if expected["picked"] else None
    for key in ("current", "amount", "display_amount", "available"):
        if key in expected:
            return Decimal(expected[key])
    return None


def verdict(case: Mapping[str, Any]) -> str:
    if "account" in case["expected"]:
        with pytest.raises(ProviderResponseError):
            booked(case)
        return "refused by both"
    amount, found = chosen(case), booked(case)
    reported = {balance["balanceType"] for balance in case["balances"]}
    if found is None:
        nothing = not case["balances"]
        return "nothing reported" if nothing else "only available" if reported <= AVAILABLE else "?"
    if found.amount == amount:
        return "agrees"
    if found.amount == -(amount or 0):
        return "sign kept"
    if "available" in case["expected"] or case.get("preferred_type") in AVAILABLE:
        return "available asked for"
    return str(case["what"]).partition(" (")[0]


def test_the_choice_agrees_except_in_ways_that_are_argued() -> None:
    document = (ROOT / "docs/translate_disagreements.md").read_text()

    verdicts = Counter(map(verdict, cases()))

    assert verdicts.pop("agrees") >= 26
    assert verdicts.keys() <= {"nothing reported", "refused by both"} | {
        kind for kind in verdicts if f"*{kind}*" in document
    }
