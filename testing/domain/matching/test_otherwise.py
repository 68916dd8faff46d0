"""What else an amount may mean."""

from datetime import date
from decimal import Decimal

import pytest
from testing.domain.matching.builders import a_payment, an_invoice, others

from payymo.domain.matching.engine import propose
from payymo.domain.matching.records import Confirmation, OpenInvoice, Payment, Proposal

IBAN = "DE89370400440532013000"
LESS_FEE = "The amount may as well be several of the customer's invoices, less a fee."
TOPPED = "What is paid too much is just what another invoice has open."
TWICE = "Two equal invoices may as well be one that was paid twice over."
ABROAD = "With an invoice more, or less, the amount is as near the mid rate."


def known() -> list[Confirmation]:
    """Return a past in which Blue Whale Trading paid from its account."""
    day = date(2025, 12, 1)
    return [Confirmation("whale", "BLUE WHALE TRADING", IBAN, day, day)] * 4


def proposal(payment: Payment, invoices: list[OpenInvoice]) -> Proposal:
    (found,) = propose(
        [payment],
        [*invoices, *others()],
        confirmations=known(),
        rates={"EUR": Decimal(1), "CHF": Decimal("0.95")},
        confidence_min=0.05,
    ).proposals
    return found


def test_a_cent_less_may_be_two_invoices_less_a_bank_fee() -> None:
    month = [an_invoice(f"INV-200{place}", "9.99") for place in (1, 2)]

    # 9.98 is 9.99 less a cent, and 19.98 less a fee of 10.00.
    found = proposal(a_payment("", "9.98", payer_iban=IBAN), month)

    assert LESS_FEE in [each.text for each in found.evidence]
    alone = proposal(a_payment("", "9.98", payer_iban=IBAN), month[:1])
    assert LESS_FEE not in [each.text for each in alone.evidence]


def test_what_is_paid_too_much_may_be_what_another_invoice_has_open() -> None:
    both = [an_invoice("INV-2001", "937.96"), an_invoice("INV-2002", "100.00")]
    apart = [both[0], an_invoice("INV-2002", "140.00")]
    payment = a_payment("INV-2001", "1037.96", payer_iban=IBAN)

    texts = [each.text for each in proposal(payment, apart).evidence]
    assert TOPPED not in texts
    # With 100.00 open, the sum is exact, and there is no riddle: both are paid.
    assert len(proposal(payment, both).allocations) == 2


def test_two_equal_invoices_may_be_one_paid_twice() -> None:
    found = proposal(
        a_payment("", "238.00", payer_iban=IBAN),
        [an_invoice(f"INV-200{place}", "119.00") for place in (1, 2)],
    )

    assert TWICE in [each.text for each in found.evidence]


@pytest.mark.parametrize(("small", "is_riddle"), [("40.00", True), ("400.00", False)])
def test_at_a_mid_rate_a_small_invoice_more_makes_no_difference(
    small: str, *, is_riddle: bool
) -> None:
    # 2,111.00 EUR are 2,005.45 CHF: near 2,000.00, and near 2,040.00.
    invoices = [
        an_invoice("INV-2001", "2000.00", currency="CHF"),
        an_invoice("INV-2002", small, currency="CHF"),
    ]

    found = proposal(a_payment("INV-2001", "2111.00", payer_iban=IBAN), invoices)

    assert (ABROAD in [each.text for each in found.evidence]) == is_riddle


def test_two_of_two_are_less_sure_while_another_payment_wants_one_of_them() -> None:
    month = [an_invoice(f"INV-200{place}", "119.00") for place in (1, 2)]
    both = a_payment("", "238.00", payer_iban=IBAN, id="both")
    later = a_payment("", "119.00", payer_iban=IBAN, id="one", booking_date=date(2026, 2, 16))

    def confidence(*payments: Payment) -> float:
        found = propose(payments, [*month, *others()], confirmations=known(), confidence_min=0.01)
        sure = {each.payment_id: each.confidence for each in found.proposals}
        return sure.get("both", 0.0)

    # Whoever pays one of them afterwards, had the first pay it twice.
    assert confidence(both, later) < confidence(both)
