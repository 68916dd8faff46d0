"""What a transaction is about, by codes and words that standards and people use."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from payymo.domain.categories import defaults
from payymo.domain.categories.defaults import SETS, find_topic, keys_of
from payymo.domain.categories.rules import Subject
from payymo.domain.enums import CategorySet


def topic(amount: str = "-5.00", **fields: Any) -> str | None:
    return find_topic(
        Subject(account_id=UUID(int=1), amount=Decimal(amount), currency="EUR", **fields)
    )


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("3000", "travel"),  # an airline
        ("4111", "transport"),  # commuter transport
        ("4900", "utilities"),
        ("5411", "groceries"),
        ("5541", "fuel"),  # service stations
        ("5812", "dining"),
        ("5912", "health"),  # drug stores
        ("6011", "cash"),  # cash machines
        ("6300", "insurance"),
        ("8299", "education"),
        ("8398", "charity"),
        ("9311", "taxes"),
        ("4829", None),  # money transfer: it may be for anything
        ("0000", None),
    ],
)
def test_merchant_category_codes(code: str, wanted: str | None) -> None:
    assert topic(merchant_category_code=code) == wanted


@pytest.mark.parametrize(
    ("code", "amount", "wanted"),
    [
        ("PMNT-CCRD-CWDL", "-50", "cash"),
        ("PMNT-MDOP-CHRG", "-5", "fees"),
        ("ACMT-MDOP-FEES", "-5", "fees"),
        ("PMNT-RCDT-SALA", "2000", "salary"),
        ("PMNT-ICDT-SALA", "-2000", "payroll"),
        ("ACMT-MCOP-INTR", "5", "interest"),
        ("ACMT-MDOP-INTR", "-5", "fees"),
        ("LDAS-CSLN-PPAY", "-500", "loan"),
        ("CAMT-ACCB-ZABA", "-500", "transfer"),
        ("PMNT-ICDT-ESCT", "-5", None),
        ("PMNT", "-5", None),
    ],
)
def test_bank_transaction_codes(code: str, amount: str, wanted: str | None) -> None:
    assert topic(amount, bank_transaction_code=code) == wanted


@pytest.mark.parametrize(
    ("code", "amount", "wanted"),
    [
        ("SALA", "2000", "salary"),
        ("SALA", "-2000", "payroll"),
        ("TAXS", "-9", "taxes"),
        ("GDDS", "-9", None),
    ],
)
def test_purposes(code: str, amount: str, wanted: str | None) -> None:
    assert topic(amount, purpose_code=code) == wanted


@pytest.mark.parametrize(
    ("text", "amount", "wanted"),
    [
        ("Miete März", "-900", "rent"),
        ("Lohn/Gehalt 02/2026", "2000", "salary"),
        ("FINANZAMT KÖLN-MITTE", "-9", "taxes"),
        ("Kontoführung", "-5", "fees"),
        ("Sainsbury's 1234", "-9", "groceries"),
        ("Mieterverein", "-9", None),
        ("Invoice 4711", "-9", None),
    ],
)
def test_words_are_whole_words(text: str, amount: str, wanted: str | None) -> None:
    assert topic(amount, description=text) == wanted
    assert topic(amount, payee=text) == wanted


def test_what_says_more_comes_first() -> None:
    assert topic(is_own_counterparty=True, merchant_category_code="5411") == "transfer"
    assert topic(merchant_category_code="5411", bank_transaction_code="PMNT-CCRD-CWDL") == (
        "groceries"
    )
    assert topic(bank_transaction_code="PMNT-CCRD-CWDL", description="Miete") == "cash"
    assert topic(merchant_category_code="4829", description="Miete") == "rent"


def test_each_topic_has_a_category_in_some_set() -> None:
    brought = {category.key for each in SETS.values() for category in each}
    topics = {"transfer", "payroll", *defaults._MERCHANT_CODES, *defaults._BANK_CODES}
    topics |= {*defaults._PURPOSES, *defaults._WORDS}

    assert {topic for topic in topics if not set(keys_of(topic)) & brought} == set()


@pytest.mark.parametrize("wanted", CategorySet)
def test_a_set_names_each_category_once(wanted: CategorySet) -> None:
    categories = SETS[wanted]

    assert len({category.key for category in categories}) == len(categories)
    assert len({category.name.lower() for category in categories}) == len(categories)


def test_no_merchant_code_has_two_topics() -> None:
    codes = [
        number
        for given in defaults._MERCHANT_CODES.values()
        for each in given.split()
        for first, _, last in (each.partition("-"),)
        for number in range(int(first), int(last or first) + 1)
    ]

    assert len(codes) == len(set(codes))
