"""What a text says that a number is."""

import pytest

from payymo.domain.matching.vocabulary import is_of_customer, is_of_order, says_part, says_prepaid


@pytest.mark.parametrize("text", ["PO 4239", "BESTELLUNG NR 4239", "ORDER NO 4239", "DEVIS 4239"])
def test_an_order_is_no_invoice(text: str) -> None:
    words = text.split()

    assert is_of_order(words, len(words) - 1)
    assert not is_of_customer(words, len(words) - 1)


@pytest.mark.parametrize("text", ["CUST NO 35735", "KDNR 35735", "RELATIENR 35735", "AC NO 35735"])
def test_a_customers_number_is_said_to_be_one(text: str) -> None:
    words = text.split()

    assert is_of_customer(words, len(words) - 1)
    assert not is_of_order(words, len(words) - 1)


@pytest.mark.parametrize("text", ["INVOICE NO 42", "NO 42", "42", "ORDER THANKS 42"])
def test_other_numbers_may_be_invoices(text: str) -> None:
    words = text.split()

    assert not is_of_customer(words, len(words) - 1)
    assert not is_of_order(words, len(words) - 1)


@pytest.mark.parametrize("text", ["DEPOSIT", "PAID ON ACCOUNT", "A CONTO", "PAYMENT IN ADVANCE"])
def test_what_is_paid_ahead_is_said_so(text: str) -> None:
    assert says_prepaid(text.split())


@pytest.mark.parametrize("text", ["TEILZAHLUNG 1", "PART PAYMENT", "1ST HALF", "ACOMPTE SUR 42"])
def test_what_is_a_part_is_said_so(text: str) -> None:
    assert says_part(text.split())
    assert not says_part(["INVOICE", "42"])
