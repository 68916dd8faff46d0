"""Open invoices, found by what a payment says of them, without comparing every pair."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from decimal import Decimal
from enum import IntEnum
from math import log2

from payymo.domain.matching.normalise import (
    compact,
    core,
    fold,
    keys_of_number,
    letters_before_digits,
    shape,
    words_of_name,
)
from payymo.domain.matching.records import ClosedInvoice, OpenInvoice


class ReferenceStrength(IntEnum):
    """How much of an invoice's reference a text holds, from least to most."""

    TAIL = 1
    DIGITS = 2
    NUMBER = 3
    STRUCTURED = 4


class Customer:
    """A customer with open invoices, and the names that it goes by."""

    __slots__ = ("compact_names", "ibans", "id", "invoices", "names", "number")

    def __init__(self, customer_id: Hashable) -> None:
        self.id = customer_id
        self.invoices: list[int] = []
        self.names: set[tuple[str, ...]] = set()
        self.compact_names: tuple[str, ...] = ()
        self.ibans: set[str] = set()
        self.number: str | None = None


class InvoiceIndex:
    """Dictionaries from references, amounts, accounts and names to open invoices.

    Invoices and customers are numbered in an order that does not depend on the caller's.
    """

    def __init__(
        self, invoices: Iterable[OpenInvoice], closed: Iterable[ClosedInvoice] = ()
    ) -> None:
        self.invoices: Sequence[OpenInvoice] = sorted(invoices, key=oldest_first)
        self.customers: list[Customer] = []
        self.customer_of: list[int] = []
        self.references: dict[str, dict[int, ReferenceStrength]] = defaultdict(dict)
        self.by_amount: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
        self.by_customer_amount: dict[tuple[int, str, Decimal], list[int]] = defaultdict(list)
        self.by_iban: dict[str, list[int]] = defaultdict(list)
        self.by_customer_number: dict[str, list[int]] = defaultdict(list)
        self.by_name_word: dict[str, list[int]] = defaultdict(list)
        self.by_compact_name: dict[str, list[int]] = defaultdict(list)
        self.invoice_count_by_currency: Counter[str] = Counter()
        self.shapes: set[str] = set()
        self.number_prefixes: set[str] = set()
        self._rarity_of_word: dict[str, float] = {}
        self._typo_keys: list[tuple[str, ...]] = []
        self.closed: set[str] = set()
        #: What has been found out about payers' names so far: see ``evidence.py``.
        self.customers_by_payer: dict[tuple[str, ...], Sequence[tuple[int, float]]] = {}
        self._add_invoices()
        self._add_customers()
        self._add_closed(closed)

    def _add_invoices(self) -> None:
        positions: dict[Hashable, int] = {}
        for at, invoice in enumerate(self.invoices):
            customer = positions.setdefault(invoice.customer_id, len(positions))
            if customer == len(self.customers):
                self.customers.append(Customer(invoice.customer_id))
            self.customer_of.append(customer)
            self._describe(self.customers[customer], invoice)
            self.customers[customer].invoices.append(at)
            self._add_references(at, invoice)
            self.by_amount[invoice.currency, invoice.balance].append(at)
            self.by_customer_amount[customer, invoice.currency, invoice.balance].append(at)
            self.invoice_count_by_currency[invoice.currency] += 1

    def _describe(self, customer: Customer, invoice: OpenInvoice) -> None:
        for name in (invoice.customer_name, *invoice.payer_names):
            customer.names.add(words_of_name(name))
        customer.ibans.update(compact(iban) for iban in invoice.customer_ibans)
        if invoice.customer_number:
            customer.number = compact(invoice.customer_number)

    def _add_references(self, at: int, invoice: OpenInvoice) -> None:
        keys = keys_of_number(invoice.number, invoice.issue_date)
        self._typo_keys.append(
            (keys.full, keys.digits or keys.full, compact(invoice.structured_reference or ""))
        )
        self._add_reference(keys.full, at, ReferenceStrength.NUMBER)
        self.shapes |= {shape(keys.full), shape(fold(invoice.number))}
        self.number_prefixes.add(letters_before_digits(keys.full))
        if keys.digits:
            self._add_reference(keys.digits, at, ReferenceStrength.DIGITS)
            self.shapes.add(shape(keys.digits))
        for tail in keys.tails:
            self._add_reference(tail, at, ReferenceStrength.TAIL)
        if invoice.structured_reference:
            reference = compact(invoice.structured_reference)
            for key in {reference, core(reference)}:
                self._add_reference(key, at, ReferenceStrength.STRUCTURED)

    def _add_reference(self, key: str, at: int, strength: ReferenceStrength) -> None:
        known = self.references[key]
        known[at] = max(strength, known.get(at, strength))

    def _add_closed(self, closed: Iterable[ClosedInvoice]) -> None:
        for invoice in closed:
            reference = compact(invoice.structured_reference or "")
            self.closed |= {compact(invoice.number), reference, core(reference)}
        self.closed -= {"", *self.references}

    def _add_customers(self) -> None:
        for at, customer in enumerate(self.customers):
            for iban in sorted(customer.ibans):
                self.by_iban[iban].append(at)
            if customer.number:
                for key in sorted({customer.number, _digits(customer.number)} - {""}):
                    self.by_customer_number[key].append(at)
            for word in sorted({word for name in customer.names for word in name}):
                self.by_name_word[word].append(at)
            customer.compact_names = tuple(sorted("".join(name) for name in customer.names))
            for name in customer.compact_names:
                self.by_compact_name[name[:_COMPACT_NAME_LENGTH]].append(at)
        self._rarity_of_word = {
            word: self.rarity_among_customers(len(customers))
            for word, customers in self.by_name_word.items()
        }

    def customers_by_compact_name(self, name: str) -> Sequence[int]:
        """Return the customers whose names, written as one word, begin alike."""
        return self.by_compact_name.get(name[:_COMPACT_NAME_LENGTH], ())

    def keys_of(self, invoice: int) -> Sequence[str]:
        """Return the ways to write an invoice's number and reference, for telling slips."""
        return self._typo_keys[invoice]

    def name_of_customer(self, customer: int) -> str:
        """Return a customer's name as its invoices write it."""
        return self.invoices[self.customers[customer].invoices[0]].customer_name

    def rarity_of_word(self, word: str) -> float:
        """Return how many bits a shared name word is worth."""
        return self._rarity_of_word.get(word) or self.rarity_among_customers(1)

    def rarity_among_customers(self, count: int) -> float:
        """Return how many bits a trait is worth that ``count`` customers have."""
        return log2((len(self.customers) + _UNSEEN) / max(count, 1))

    def rarity_among_invoices(self, count: int) -> float:
        """Return how many bits a trait is worth that ``count`` open invoices have."""
        return log2((len(self.invoices) + _UNSEEN) / max(count, 1))

    def share_of_amount(self, currency: str, amount: Decimal) -> float:
        """Return how likely it is that another invoice's balance is this very amount."""
        others = max(len(self.by_amount.get((currency, amount), ())) - 1, 0)
        share = (others + _CHANCE_EQUAL) / (self.invoice_count_by_currency[currency] + _UNSEEN)
        return max(share, _SHARE_MIN)


_COMPACT_NAME_LENGTH = 8

#: Customers and invoices that are not open now, and could have been: a small book is no proof.
_UNSEEN = 30
_CHANCE_EQUAL = 0.1
_SHARE_MIN = 2.0**-9


def _digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isdigit())


def oldest_first(invoice: OpenInvoice) -> tuple[object, ...]:
    """Return the order in which debts are paid: by due date, then issue, then number."""
    due = invoice.due_date or invoice.issue_date
    return (due, invoice.issue_date, invoice.number, str(invoice.id))
