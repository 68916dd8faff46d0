"""Incoming money that pays no bill, and outgoing money that looks as if it did."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from payymo.sandbox.books import names
from payymo.sandbox.books.billing import Bill, bills_between
from payymo.sandbox.books.customers import Customer
from payymo.sandbox.books.dice import dice
from payymo.sandbox.books.noise import PROCESSORS, Quote, quote_number, row_fields, say_nothing
from payymo.sandbox.books.numbers import digits, iban
from payymo.sandbox.books.payments import Payment
from payymo.sandbox.books.records import CENT, EPOCH, Fields

_SATURDAY = 5
_PER_DAY = (4, 5, 6, 7, 8, 9)
_KINDS = {
    "stranger_same_amount": 17,
    "stranger": 14,
    "prepayment": 13,
    "paid_ref": 13,
    "payout_batch": 11,
    "outgoing": 10,
    "duplicate": 6,
    "internal": 6,
    "misc_income": 6,
    "refund": 4,
}


@dataclass(frozen=True, slots=True)
class Stray:
    """A movement that pays no bill of the book."""

    key: str
    day: date
    currency: str
    amount: Decimal
    case: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Past:
    """What was billed and paid, to be looked back at.

    :ivar bills: All bills, in order.
    :ivar payments: All payments, by day.
    :ivar fields: Their rows, by key; a duplicate repeats one.
    """

    bills: list[Bill]
    payments: list[Payment]
    fields: dict[str, Fields]

    def recent_bills(self, day: date) -> list[Bill]:
        """Return the bills of the weeks before a day."""
        return bills_between(self.bills, day - timedelta(days=45), day - timedelta(days=1))

    def payments_between(self, first: date, last: date) -> list[Payment]:
        """Return the payments from one day to another, both included."""
        start = bisect_left(self.payments, first, key=lambda payment: payment.day)
        end = bisect_left(self.payments, last + timedelta(days=1), key=lambda payment: payment.day)
        return self.payments[start:end]


def make_strays(name: str, owner: str, past: Past, through: date) -> Iterator[Stray]:
    """Yield everything that comes in or goes out beside the payments of bills.

    :param name: Seed and institution.
    :param owner: The business itself, for its own transfers.
    :param past: What was billed and paid; only what lies before a day is looked at.
    :param through: Last day.
    """
    day = EPOCH + timedelta(days=60)
    while day <= through:
        if day.weekday() < _SATURDAY:
            chance = dice(name, "strays", day)
            for number in range(chance.choice(_PER_DAY)):
                kind = chance.choices(list(_KINDS), list(_KINDS.values()))[0]
                key = f"{day}-s{number}"
                make = _MAKERS.get(kind)
                stray = (
                    make(key, day, past, chance)
                    if make is not None
                    else _plain(key, day, kind, owner, chance)
                )
                if stray is not None:
                    yield stray
        day += timedelta(days=1)


def _plain(key: str, day: date, kind: str, owner: str, chance: Random) -> Stray:
    amount = Decimal(round(chance.lognormvariate(6, 1.25) * 100) + 100) * CENT
    if kind == "outgoing":
        amount = -amount
    return Stray(key, day, "EUR", amount, kind, _plain_fields(kind, owner, chance))


def _same_amount(key: str, day: date, past: Past, chance: Random) -> Stray | None:
    """Return a stranger's payment of an amount that somebody else owes."""
    bills = past.recent_bills(day)
    if not bills:
        return None
    bill = chance.choice(bills)
    currency = "GBP" if bill.invoice.currency == "GBP" else "EUR"
    fields = _stranger_fields(bill.customer, chance)
    return Stray(key, day, currency, bill.invoice.total, "stranger_same_amount", fields)


def _stranger_fields(like: Customer, chance: Random) -> Fields:
    """Return a row of somebody who is no customer, from the same country."""
    fields = row_fields(like, Quote(_stranger_text(chance)), chance, payer=_anybody(chance))
    if "debtorAccount" in fields:
        fields["debtorAccount"] = {"iban": iban(like.country, chance)}
    if "IBAN/" in fields.get("remittanceInformationUnstructured", ""):
        fields["remittanceInformationUnstructured"] = _stranger_text(chance)
    return fields


def _anybody(chance: Random) -> str:
    country = chance.choice(("DE", "NL", "FR", "GB", "SE"))
    make = chance.choice((names.person, names.company))
    return make(country, chance)


def _stranger_text(chance: Random) -> str:
    return chance.choice(
        ("", f"Order {digits(chance, 6)}", f"Ref {digits(chance, 8)}", f"RE-{digits(chance, 4)}",
         f"2026{digits(chance, 4)} fee", "Rent", "Refund of deposit")
    )  # fmt: skip


def _prepayment(key: str, day: date, past: Past, chance: Random) -> Stray | None:
    """Return money from a customer for nothing that was billed."""
    bills = past.recent_bills(day)
    if not bills:
        return None
    customer = chance.choice(bills).customer
    amount = Decimal(chance.choice((50, 100, 150, 200, 250, 300, 500, 1000)))
    currency = "GBP" if customer.currency == "GBP" else "EUR"
    quote = Quote(chance.choice(("prepayment", "on account", "Vorauszahlung", "deposit")))
    return Stray(key, day, currency, amount, "prepayment", row_fields(customer, quote, chance))


def _paid_reference(key: str, day: date, past: Past, chance: Random) -> Stray | None:
    """Return a payment that names a bill which was paid some time ago, with another amount."""
    settled = [
        payment
        for payment in past.payments_between(day - timedelta(days=120), day - timedelta(days=20))[
            :400
        ]
        if payment.case == "exact" and payment.rate is None
    ]
    if not settled:
        return None
    payment = chance.choice(settled)
    quote = quote_number(payment.customer, payment.allocations[0][0], chance)
    amount = payment.amount + chance.choice((7, 13, 40, 115))
    fields = row_fields(payment.customer, quote, chance)
    return Stray(key, day, payment.currency, amount, "paid_ref", fields)


def _duplicate(key: str, day: date, past: Past, chance: Random) -> Stray | None:
    """Return a recent payment once more, word for word."""
    recent = [
        payment
        for payment in past.payments_between(day - timedelta(days=5), day - timedelta(days=1))
        if payment.case == "exact" and payment.rate is None
    ]
    if not recent:
        return None
    payment = chance.choice(recent)
    fields = past.fields[payment.key]
    return Stray(key, day, payment.currency, payment.amount, "duplicate", fields)


def _refund(key: str, day: date, past: Past, chance: Random) -> Stray | None:
    """Return money that goes back to a customer who had paid."""
    settled = past.payments_between(day - timedelta(days=40), day - timedelta(days=10))
    if not settled:
        return None
    payment = chance.choice(settled)
    number = payment.allocations[0][0].invoice.number
    fields = {
        "creditorName": payment.customer.name,
        "creditorAccount": {"iban": payment.customer.payer.iban},
        "remittanceInformationUnstructured": f"Refund {number}",
        "bankTransactionCode": "PMNT-ICDT-ESCT",
    }
    return Stray(key, day, payment.currency, -payment.amount, "refund", fields)


def _plain_fields(kind: str, owner: str, chance: Random) -> Fields:
    code: Fields = {"bankTransactionCode": "PMNT-RCDT-ESCT"}
    if kind == "payout_batch":
        return code | {
            "debtorName": chance.choice(PROCESSORS),
            "remittanceInformationUnstructured": f"PAYOUT po_{digits(chance, 14)}",
        }
    if kind == "internal":
        return code | {
            "debtorName": owner,
            "debtorAccount": {"iban": iban("NL", dice("reserve", owner))},
            "remittanceInformationUnstructured": "Transfer from reserve account",
        }
    if kind == "misc_income":
        text = chance.choice(("Interest", "Tax refund", "Insurance settlement", "Cashback"))
        return code | {
            "debtorName": chance.choice(("Revenue Office Zuidmeer", "Tolvik Insurance", "Bank")),
            "remittanceInformationUnstructured": f"{text} {digits(chance, 6)}",
        }
    if kind == "outgoing":
        return {
            "creditorName": _anybody(chance),
            "creditorAccount": {"iban": iban("DE", chance)},
            "remittanceInformationUnstructured": f"Invoice INV-2025-{digits(chance, 5)}",
            "bankTransactionCode": "PMNT-ICDT-ESCT",
        }
    quote = say_nothing(chance) if chance.random() < 0.3 else Quote(_stranger_text(chance))
    fields = code | {"debtorName": _anybody(chance)}
    if chance.random() < 0.62:
        fields |= {"debtorAccount": {"iban": iban("DE", chance)}}
    if quote.text:
        fields["remittanceInformationUnstructured"] = quote.text
    return fields


_MAKERS: dict[str, Callable[[str, date, Past, Random], Stray | None]] = {
    "stranger_same_amount": _same_amount,
    "prepayment": _prepayment,
    "paid_ref": _paid_reference,
    "duplicate": _duplicate,
    "refund": _refund,
}
