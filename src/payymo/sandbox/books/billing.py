"""What the hosting company bills: subscriptions and projects, numbered as they are issued."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from payymo.sandbox.books.customers import Customer
from payymo.sandbox.books.dice import dice
from payymo.sandbox.books.numbers import structured_reference
from payymo.sandbox.books.records import CENT, EPOCH, Invoice

_PERIODS = {"monthly": 1, "quarterly": 3, "yearly": 12}

#: Projects billed per month, on average.
_PROJECTS = {"projects": 0.2, "agency": 1.6}
_PROJECTS_USUAL = 0.02
_PROJECTS_MAX = 4


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice with its customer, and its place among the customer's invoices."""

    invoice: Invoice
    customer: Customer
    place: int
    sequence: int

    @property
    def counter(self) -> str:
        """The running part of the number, without leading zeros."""
        return self.invoice.number.rsplit("-", 1)[1].lstrip("0")


@dataclass(frozen=True, slots=True)
class _Draft:
    issued_on: date
    customer: Customer
    total: Decimal


def make_bills(name: str, customers: list[Customer], through: date) -> list[Bill]:
    """Return every bill from the first day of the books, in the order of their numbers.

    :param name: Seed and institution.
    :param customers: Who is billed.
    :param through: Last day; later days only add bills at the end.
    """
    drafts = [
        draft
        for customer in customers
        for draft in _drafts(name, customer, through)
        if draft.issued_on <= through
    ]
    drafts.sort(key=lambda draft: (draft.issued_on, draft.customer.index))
    bills: list[Bill] = []
    places = dict.fromkeys(range(len(customers)), 0)
    year, counter = 0, 0
    for sequence, draft in enumerate(drafts):
        if draft.issued_on.year != year:
            year, counter = draft.issued_on.year, 0
        counter += 1
        customer = draft.customer
        invoice = _invoice(draft, f"INV-{year}-{counter:05d}", sequence)
        bills.append(Bill(invoice, customer, places[customer.index], sequence))
        places[customer.index] += 1
    return bills


def bills_between(bills: list[Bill], first: date, last: date) -> list[Bill]:
    """Return the bills issued from one day to another, both included."""
    start = bisect_left(bills, first, key=lambda bill: bill.invoice.issued_on)
    end = bisect_left(bills, last + timedelta(days=1), key=lambda bill: bill.invoice.issued_on)
    return bills[start:end]


def _invoice(draft: _Draft, number: str, sequence: int) -> Invoice:
    customer = draft.customer
    return Invoice(
        number=number,
        customer_number=customer.number,
        customer_name=customer.name,
        customer_country=customer.country,
        customer_ibans=customer.known_ibans,
        currency=customer.currency,
        total=draft.total,
        issued_on=draft.issued_on,
        due_on=draft.issued_on + timedelta(days=customer.terms),
        structured_reference=structured_reference(customer.country, sequence, number),
    )


def _drafts(name: str, customer: Customer, through: date) -> Iterator[_Draft]:
    period = _PERIODS.get(customer.plan)
    chance = dice(name, "projects", customer.index)
    for month in _months(through):
        number = month.year * 12 + month.month + customer.billing_month
        if period is not None and number % period == 0:
            yield _Draft(month.replace(day=customer.billing_day), customer, customer.price)
        yield from _projects(customer, month, chance)


def _projects(customer: Customer, month: date, chance: Random) -> Iterator[_Draft]:
    rate = _PROJECTS.get(customer.plan, _PROJECTS_USUAL)
    for _ in range(_PROJECTS_MAX):
        if chance.random() >= rate / _PROJECTS_MAX:
            continue
        factor = 10 if customer.currency in ("SEK", "NOK", "DKK") else 1
        amount = Decimal(round(chance.lognormvariate(6, 1.25) * 100)) * CENT * factor
        shape = chance.random()
        if shape < 0.10:
            amount = max(Decimal(50), (amount / 50).quantize(Decimal(1)) * 50)
        elif shape < 0.35:
            amount = amount.quantize(Decimal(1))
        amount = max(Decimal(5), min(amount, Decimal(90_000))).quantize(CENT)
        yield _Draft(month.replace(day=chance.randrange(1, 29)), customer, amount)


def _months(through: date) -> Iterator[date]:
    month = EPOCH
    while month <= through:
        yield month
        month = (month + timedelta(days=31)).replace(day=1)
