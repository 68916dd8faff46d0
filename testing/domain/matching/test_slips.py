"""Numbers of open invoices that are quoted by a slip."""

from datetime import date

from testing.domain.matching.builders import a_payment, an_invoice, others

from payymo.domain.matching.engine import propose
from payymo.domain.matching.records import Confirmation, OpenInvoice, Payment, Proposal

SURE = 0.95
SLIP = "An equal invoice of whoever seems to have paid has a number that is one slip away."


def an_invoice_of_a_fox(number: str, amount: str) -> OpenInvoice:
    return an_invoice(number, amount, customer_id="fox", customer_name="Crimson Fox Bakery")


def proposals(payment: Payment, invoices: list[OpenInvoice]) -> list[Proposal]:
    day = date(2025, 12, 1)
    return list(
        propose(
            [payment],
            [*invoices, *others()],
            confirmations=[Confirmation("whale", "BLUE WHALE TRADING", None, day, day)] * 3,
            confidence_min=0.02,
        ).proposals
    )


def test_a_strangers_number_is_a_slip_where_the_payers_own_is_next_to_it() -> None:
    invoices = [an_invoice("INV-7712", "119.00"), an_invoice_of_a_fox("INV-7722", "119.00")]

    (found,) = proposals(a_payment("INV-7722", "119.00"), invoices)

    assert found.confidence < SURE
    others_number = [each for each in found.allocations if each.invoice_id == "INV-7722"]
    assert not others_number or SLIP in [each.text for each in found.evidence]


def test_another_amount_of_the_payers_own_is_no_slip() -> None:
    invoices = [an_invoice("INV-7712", "130.00"), an_invoice_of_a_fox("INV-7722", "119.00")]

    (found,) = proposals(a_payment("INV-7722", "119.00"), invoices)

    assert [each.invoice_id for each in found.allocations] == ["INV-7722"]
    assert SLIP not in [each.text for each in found.evidence]


def test_in_a_list_the_number_of_somebody_else_may_be_a_slip() -> None:
    invoices = [
        an_invoice("INV-7700", "9.90"),
        an_invoice("INV-7705", "1250.00"),
        an_invoice("INV-7712", "9.90"),
        an_invoice_of_a_fox("INV-7722", "9.90"),
    ]

    # 9.90 + 1,250.00 + 9.90: the third number is another's, and equal.
    (found,) = proposals(a_payment("INV-7700 INV-7705 INV-7722", "1269.80"), invoices)

    paid = {each.invoice_id for each in found.allocations}
    assert paid == {"INV-7700", "INV-7705", "INV-7712"} or found.confidence < SURE


def test_one_strange_number_is_a_slip_of_one_invoice_only() -> None:
    invoices = [
        an_invoice(f"INV-{number}", "399.00", issue_date=date(2026, 1, place + 2))
        for place, number in enumerate(("4441", "5132", "5133", "4450"))
    ]

    # INV-513 is one of two, and stands for one invoice: the third is not told.
    (found,) = proposals(a_payment("INV-4441 INV-513", "1197.00"), invoices)

    assert found.confidence < SURE
