"""What banks do, each in rows of our own invention: ``seen.jsonl`` and ``balances.jsonl``.

A line of ``seen.jsonl`` is a row of a bank and what must come of it. Where the table has a row
for the bank, the line shows it at work; where it has none, a general rule does, and the line
shows that too.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from payymo.domain.banking import TransactionRecord
from payymo.domain.enums import Provider
from payymo.domain.ledger.balances import find_booked_balance
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.gocardless.banks.quirks import ORDINARY, BankQuirks
from payymo.providers.gocardless.banks.table import BANKS, quirks_of
from payymo.providers.gocardless.lines import translate_lines
from payymo.providers.gocardless.translate import translate_payload
from payymo.providers.registry import balance_rule_of

TODAY: Final = date(2026, 2, 20)

#: Banks that are known to do something of their own, whether the table or a general rule sees
#: to it. A bank is added here before anything is done about it.
KNOWN: Final = frozenset(
    {
        "1822direkt", "ABN AMRO", "Abanca", "Alior", "American Express", "BNP Paribas Fortis",
        "BPER", "Banca della Marca", "Bank of Ireland", "Bankinter", "Belfius", "Boursorama",
        "Cetelem", "Co-operative Bank", "Commerzbank", "DKB", "Danske Bank NO", "Entercard",
        "Fintro", "Fortuneo", "Fælleskassen", "HSBC UK card", "HYPE", "Hello bank!", "ING DE",
        "ING PL", "ING Romania", "Isybank", "KBC and CBC", "LHV", "Lægernes Bank", "N26",
        "National Bank of Greece", "Nationwide", "Nordea DK", "Norwegian", "PayPal",
        "Raiffeisen AT", "Revolut", "SEB", "SEB Kort", "Sabadell", "SpareBank 1",
        "SpareBank 1 SR-Bank", "Spar Nord", "Sparkasse Düsseldorf", "Sparkassen",
        "Swedbank in the Baltics", "Virgin Money", "Wise", "easybank", "mBank",
    }
)  # fmt: skip


def lines_of(name: str) -> list[dict[str, Any]]:
    text = (Path(__file__).parent / name).read_text()
    return [json.loads(line) for line in text.splitlines()]


SEEN: Final = lines_of("seen.jsonl")
BALANCES: Final = lines_of("balances.jsonl")


def named(line: Mapping[str, Any]) -> str:
    return f"{line['family']}: {line['what']}"


@pytest.mark.parametrize("line", SEEN, ids=named)
def test_a_row_comes_out_as_people_expect(line: Mapping[str, Any]) -> None:
    given = {
        "institution_id": line["bank"],
        "booked": line.get("booked", True),
        "account": line.get("account"),
        "payload": line["row"],
    }

    (answer,) = translate_lines([json.dumps(given)], today=TODAY)

    record = json.loads(answer)
    assert {key: record[key] for key in line["expected"]} == line["expected"]


@pytest.mark.parametrize("line", BALANCES, ids=named)
def test_the_booked_balance_is_the_one_that_rows_add_up_to(line: Mapping[str, Any]) -> None:
    reported = [
        {"balanceType": kind, "balanceAmount": {"amount": amount, "currency": line["currency"]}}
        for kind, amount in line["balances"].items()
    ]

    found = find_booked_balance(
        read_balance_records({"balances": reported}),
        rule=balance_rule_of(Provider.GOCARDLESS, line["bank"]),
        currency=line["currency"],
    )

    assert (found and found.amount) == (line["booked"] and Decimal(line["booked"]))


def records_of(quirks: BankQuirks, row_of_table: BankQuirks) -> Iterator[TransactionRecord]:
    for line in SEEN:
        if quirks_of(line["bank"]) is row_of_table:
            yield translate_payload(
                line["row"], is_booked=line.get("booked", True), quirks=quirks, today=TODAY
            )


@pytest.mark.parametrize("quirks", BANKS, ids=lambda quirks: quirks.family)
def test_each_habit_of_a_row_is_seen_at_work(quirks: BankQuirks) -> None:
    """Without any one of them, some line comes out otherwise."""
    with_all = list(records_of(quirks, quirks))
    idle = set()
    for habit in fields(quirks):
        usual = getattr(ORDINARY, habit.name)
        is_a_name = habit.name in {"family", "institutions", "bics", "balance_rule"}
        if is_a_name or getattr(quirks, habit.name) == usual:
            continue
        without: BankQuirks = replace(quirks, **{habit.name: usual})
        if list(records_of(without, quirks)) == with_all:
            idle.add(habit.name)
    if quirks.balance_rule != ORDINARY.balance_rule and all(
        quirks_of(line["bank"]) is not quirks for line in BALANCES
    ):
        idle.add("balance_rule")

    assert idle == set()


def test_every_bank_that_is_known_to_differ_has_a_line() -> None:
    assert {line["family"] for line in (*SEEN, *BALANCES)} >= KNOWN


@pytest.mark.parametrize("quirks", BANKS, ids=lambda quirks: quirks.family)
def test_no_row_of_the_table_hides_another(quirks: BankQuirks) -> None:
    for start in quirks.institutions:
        assert quirks_of(f"{start}X") is quirks
    for bic in quirks.bics:
        assert quirks_of(f"NAME_{bic}") is quirks


@pytest.mark.parametrize("bank", [None, "", "UNHEARD_OF_BANK", "XMBANK_"])
def test_a_bank_that_nobody_described_is_ordinary(bank: str | None) -> None:
    assert quirks_of(bank) is ORDINARY


def test_a_bank_is_known_by_its_bic_whatever_its_name_and_branch() -> None:
    assert quirks_of("SOME_CARD_SE_SKHSFI21").spending_is_positive
    assert quirks_of("MBANK_RETAIL_BREXPLPW") is quirks_of("ANOTHER_NAME_BREXPLPWXXX")


def test_a_bank_is_known_by_its_name_whatever_its_bic() -> None:
    assert quirks_of("LHV_SOMEBIC1").purchase_day_in_text
