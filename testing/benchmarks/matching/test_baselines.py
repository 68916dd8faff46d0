"""The matchers to compare with do what their descriptions say, their faults included."""

from typing import Any

import pytest
from benchmarks.matching.baselines import additive, rules


def an_invoice(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": number,
        "number": f"INV-2025-{number:05d}",
        "customer_id": "C1",
        "customer_name": "Anker Bakery Ltd",
        "customer_ibans": [],
        "currency": "EUR",
        "balance": "100.00",
        "issue_date": "2025-03-01",
        "due_date": "2025-03-31",
        "structured_ref": None,
    } | changes


def a_line(**changes: Any) -> dict[str, Any]:
    return {
        "id": "T1",
        "booking_date": "2025-04-15",
        "amount": "100.00",
        "currency": "EUR",
        "debtor_name": None,
        "debtor_iban": None,
        "remittance": None,
        "structured_ref": None,
    } | changes


def invoices_of(prediction: dict[str, Any]) -> list[object]:
    return [each["invoice_id"] for each in prediction["allocations"]]


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 0.7),  # equal amount, 45 days away
        ({"booking_date": "2025-03-10"}, 0.75),  # nine days away
        ({"booking_date": "2025-03-02"}, 0.9),  # one day away
        ({"amount": "104.00"}, 0.6),  # up to 5 % more
        ({"amount": "50.50"}, 0.5),  # about half
        ({"debtor_name": "ANKER"}, 1.0),  # 0.7 + 0.3 + 0.1, and no more than 1
        ({"amount": "50.00", "debtor_name": "Some Ltd"}, 0.9),  # "ltd" is a word to it
        ({"amount": "10.00", "remittance": "order 998207799"}, 1.0),  # its id inside another number
        ({"currency": "SEK"}, 0.7),  # the currency is not looked at
    ],
)
def test_additive_adds_points(changes: dict[str, Any], points: float) -> None:
    (prediction,) = additive([an_invoice(82077)], [a_line(**changes)])

    assert prediction["confidence"] == pytest.approx(points)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "110.00"},  # more than 5 % above: nothing
        {"amount": "30.00"},  # below: 0.3
        {"amount": "30.00", "remittance": "INV-2025-82077"[:12]},  # a number with marks never hits
    ],
)
def test_additive_suggests_nothing_below_a_half(changes: dict[str, Any]) -> None:
    assert list(additive([an_invoice(82077)], [a_line(**changes)])) == []


def test_additive_takes_the_first_of_equals_again_and_again() -> None:
    predictions = additive([an_invoice(11111), an_invoice(22222)], [a_line(), a_line(id="T2")])

    assert [invoices_of(each) for each in predictions] == [[11111], [11111]]


def test_rules_are_sure_of_a_number_with_its_amount_and_use_it_once() -> None:
    lines = [
        a_line(id="T1", remittance="INV 2025 00007"),  # its digits stand in two words
        a_line(id="T2", remittance="inv2025-00007"),
        a_line(id="T3", remittance="INV-2025-00007"),
    ]

    predictions = list(rules([an_invoice(7), an_invoice(8)], lines))

    assert [(each["tx_id"], each["confidence"]) for each in predictions] == [("T2", 0.97)]
    assert invoices_of(predictions[0]) == [7]


def test_rules_add_up_the_oldest_of_a_known_payer() -> None:
    book = [
        an_invoice(1, due_date="2025-03-31"),
        an_invoice(2, due_date="2025-03-20", balance="40.00"),
        an_invoice(3, due_date="2025-04-30"),
    ]

    (prediction,) = rules(book, [a_line(debtor_name="anker bakery", amount="140.00")])

    assert invoices_of(prediction) == [2, 1]
    assert prediction["confidence"] < 0.95


def test_rules_refuse_too_little_another_currency_and_money_that_goes() -> None:
    quoting = {"remittance": "INV-2025-00007"}
    lines = [
        a_line(**quoting, amount="99.00"),
        a_line(**quoting, id="T2", currency="SEK"),
        a_line(**quoting, id="T3", amount="-100.00"),
    ]

    assert list(rules([an_invoice(7)], lines)) == []


def test_rules_know_an_account_that_was_confirmed_unless_it_paid_for_two() -> None:
    def confirmed(customer: str) -> dict[str, Any]:
        return {"transaction": {"debtor_iban": "DE1"}, "invoice": {"customer_id": customer}}

    line = a_line(debtor_iban="DE1")

    assert len(list(rules([an_invoice(7)], [line], [confirmed("C1")]))) == 1
    assert list(rules([an_invoice(7)], [line], [confirmed("C1"), confirmed("C2")])) == []
