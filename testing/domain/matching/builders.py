"""Payments and invoices that fill in what a test does not care about."""

from datetime import date
from decimal import Decimal
from typing import Any

from payymo.domain.matching.records import OpenInvoice, Payment


def an_invoice(number: str, total: str = "100.00", **fields: Any) -> OpenInvoice:
    """Return an open invoice to Blue Whale Trading, of 100.00 EUR unless said otherwise."""
    amount = Decimal(total)
    given: dict[str, Any] = {
        "id": number,
        "number": number,
        "customer_id": "whale",
        "customer_name": "Blue Whale Trading Ltd",
        "customer_ibans": (),
        "currency": "EUR",
        "total": amount,
        "balance": amount,
        "issue_date": date(2026, 1, 15),
        "due_date": date(2026, 2, 14),
        "structured_reference": None,
    }
    return OpenInvoice(**given | fields)


def a_payment(remittance: str | None = None, amount: str = "100.00", **fields: Any) -> Payment:
    """Return a payment of 100.00 EUR by Blue Whale Trading, unless said otherwise."""
    given: dict[str, Any] = {
        "id": "payment",
        "amount": Decimal(amount),
        "currency": "EUR",
        "booking_date": date(2026, 2, 10),
        "payer_name": "BLUE WHALE TRADING",
        "payer_iban": None,
        "remittance": remittance,
        "structured_reference": None,
        "end_to_end_id": None,
    }
    return Payment(**given | fields)


def others(count: int = 30) -> list[OpenInvoice]:
    """Return invoices of other customers, so that a book is not all about one."""
    return [
        an_invoice(
            f"OTHER-{5000 + place}",
            f"{700 + place * 13}.{place + 10}",
            customer_id=f"other {place}",
            customer_name=f"{_NAMES[place % len(_NAMES)]} {_NAMES[(place * 7 + 3) % len(_NAMES)]}",
        )
        for place in range(count)
    ]


_NAMES = "Alder Birch Cedar Dogwood Elm Fir Ginkgo Hazel Juniper Larch Maple Oak Pine".split()
