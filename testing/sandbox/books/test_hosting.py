"""The truth about the hosting company's payments is true of the rows that the bank shows."""

import json
import re
from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from payymo.sandbox.banks import BANKS, SANDBOX_BANK
from payymo.sandbox.books.library import Library
from payymo.sandbox.books.records import Invoice, Truth

BANK = BANKS[SANDBOX_BANK]
NOTHING_DUE = {
    "before_book",
    "duplicate",
    "internal",
    "misc_income",
    "paid_ref",
    "payout_batch",
    "prepayment",
    "stranger",
    "stranger_same_amount",
}
DUE = {
    "combined",
    "combined_fee",
    "discount",
    "exact",
    "fee_deducted",
    "fx",
    "instalment",
    "overpay",
    "processor_single",
    "processor_single_net",
    "small_diff",
}

type Line = tuple[Truth, dict[str, Any]]


@pytest.fixture(scope="session")
def invoices(library: Library, today: date) -> dict[str, Invoice]:
    book = library.book(BANK, "business", today)
    return {invoice.number: invoice for invoice in library.invoices(book, today)}


@pytest.fixture(scope="session")
def lines(library: Library, today: date) -> list[Line]:
    shown = {
        row["internalTransactionId"]: row
        for key in ("main", "sterling")
        for row in (
            json.loads(row.json) for row in library.statement(BANK, "business", key, today, 1).rows
        )
    }
    truths = library.truths(library.book(BANK, "business", today), today)
    return [(truth, shown[library.internal_id(BANK, "business", truth)]) for truth in truths]


def packed(text: str) -> str:
    return re.sub(r"\W", "", text).upper()


def amount(row: dict[str, Any]) -> Decimal:
    return Decimal(row["transactionAmount"]["amount"])


def test_every_case_of_the_world_happens(lines: list[Line]) -> None:
    cases = Counter(truth.case for truth, _ in lines)

    assert set(cases) == NOTHING_DUE | DUE
    assert min(cases.values()) > 50


def test_money_that_pays_nothing_has_no_invoice_and_other_money_has_one(
    lines: list[Line],
) -> None:
    for truth, _ in lines:
        assert bool(truth.allocations) == (truth.case in DUE)


def test_most_payments_are_exact(lines: list[Line]) -> None:
    due = [truth.case for truth, _ in lines if truth.allocations]

    assert 0.70 <= due.count("exact") / len(due) <= 0.82


def test_no_invoice_is_paid_twice_over(lines: list[Line], invoices: dict[str, Invoice]) -> None:
    paid: dict[str, Decimal] = defaultdict(Decimal)
    for truth, _ in lines:
        for number, part in truth.allocations:
            assert part > 0
            paid[number] += part

    assert all(total <= invoices[number].total for number, total in paid.items())


def test_no_payment_gives_more_than_it_brings(
    lines: list[Line], invoices: dict[str, Invoice]
) -> None:
    for truth, row in lines:
        if not truth.allocations or "currencyExchange" in row:
            continue
        currencies = {invoices[number].currency for number, _ in truth.allocations}
        assert currencies == {row["transactionAmount"]["currency"]}
        assert sum(part for _, part in truth.allocations) <= amount(row)


def test_an_exact_payment_brings_exactly_what_is_due(
    lines: list[Line], invoices: dict[str, Invoice]
) -> None:
    for truth, row in lines:
        if truth.case == "exact":
            [(number, _)] = truth.allocations
            assert amount(row) == invoices[number].total


def test_a_combined_payment_brings_the_sum(lines: list[Line], invoices: dict[str, Invoice]) -> None:
    whole = [
        (truth, row)
        for truth, row in lines
        if truth.case == "combined" and len(truth.allocations) >= 2
        if "currencyExchange" not in row
    ]

    assert len(whole) > 500
    short = [
        truth
        for truth, row in whole
        if amount(row) != sum(invoices[number].total for number, _ in truth.allocations)
    ]
    # Only where an invoice of the group is older than the file.
    assert len(short) < 100


def test_changed_money_is_within_a_few_percent_of_the_rate(
    lines: list[Line], invoices: dict[str, Invoice]
) -> None:
    changed = [(truth, row) for truth, row in lines if truth.case == "fx"]

    assert changed
    for truth, row in changed:
        [(number, _)] = truth.allocations
        [exchange] = row["currencyExchange"]
        assert exchange["sourceCurrency"] == invoices[number].currency
        rate = Decimal(exchange["exchangeRate"])
        assert abs(amount(row) * rate - invoices[number].total) < rate


def test_what_is_quoted_can_really_be_read(lines: list[Line], invoices: dict[str, Invoice]) -> None:
    seen = Counter(truth.quoted for truth, _ in lines if truth.allocations)
    assert set(seen) == {"structured", "exact", "cosmetic", "partial", "none", "some"}
    for truth, row in lines:
        text = row.get("remittanceInformationUnstructured", "")
        field = row.get("remittanceInformationStructured")
        for number, _ in truth.allocations:
            if truth.quoted == "exact":
                assert number in text.upper()
            elif truth.quoted == "cosmetic":
                assert packed(number) in packed(text)
            elif truth.quoted == "structured":
                reference = invoices[number].structured_reference
                assert field == reference or str(reference) in packed(text)
            elif truth.quoted == "none":
                assert packed(number) not in packed(text)
                assert field != invoices[number].structured_reference


def test_equivalents_are_equal_invoices_of_the_same_customer_that_nothing_names(
    lines: list[Line], invoices: dict[str, Invoice]
) -> None:
    with_some = [(truth, row) for truth, row in lines if truth.equivalents]

    assert len(with_some) > 500
    for truth, row in with_some:
        assert truth.quoted == "none"
        for number, alike in truth.equivalents.items():
            assert number in dict(truth.allocations)
            for other in alike:
                assert other not in dict(truth.allocations)
                assert invoices[other].customer_number == invoices[number].customer_number
                assert invoices[other].total == invoices[number].total
                assert invoices[other].issued_on.isoformat() <= row["bookingDate"]


def test_a_duplicate_repeats_a_row_of_the_days_before(lines: list[Line]) -> None:
    def content(row: dict[str, Any]) -> str:
        ignored = ("Id", "Date")
        return str({name: value for name, value in row.items() if not name.endswith(ignored)})

    paid = {content(row) for truth, row in lines if truth.case in ("exact", "before_book")}

    duplicates = [content(row) for truth, row in lines if truth.case == "duplicate"]
    assert sum(text in paid for text in duplicates) > 0.95 * len(duplicates)


def test_some_names_and_accounts_are_missing_or_cut(lines: list[Line]) -> None:
    named = [row for _, row in lines if "debtorName" in row]

    assert len(named) < 0.97 * len(lines)
    assert 0.4 < sum("debtorAccount" in row for _, row in lines) / len(lines) < 0.75
    assert max(len(row["debtorName"]) for row in named) <= 70


def test_about_two_thousand_customers_are_billed(invoices: dict[str, Invoice]) -> None:
    customers = {invoice.customer_number for invoice in invoices.values()}

    assert 1900 <= len(customers) <= 2000
    assert {invoice.customer_country for invoice in invoices.values()} >= {"DE", "GB", "FI", "BE"}


def test_numbers_follow_the_days_of_issue_in_each_year(invoices: dict[str, Invoice]) -> None:
    ordered = sorted(invoices.values(), key=lambda invoice: invoice.number)

    assert [item.issued_on for item in ordered] == sorted(item.issued_on for item in ordered)
    assert all(item.due_on >= item.issued_on for item in ordered)
