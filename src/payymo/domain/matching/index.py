"""Open invoices, found by what a payment says of them, without comparing every pair."""

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from datetime import date
from enum import IntEnum
from math import log2

from payymo.domain.matching.amounts import units_of
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.names import NameIndex
from payymo.domain.matching.normalise import (
    AGENTS,
    PROCESSORS,
    NumberKeys,
    compact,
    core,
    keys_of_number,
    shape,
    words_of_name,
)
from payymo.domain.matching.records import ClosedInvoice, CustomerCredit, OpenInvoice


class ReferenceStrength(IntEnum):
    """How much of an invoice's reference a text holds, from least to most."""

    TAIL = 1
    DIGITS = 2
    PLAIN = 3
    NUMBER = 4
    STRUCTURED = 5


#: An invoice may be issued so many days after it is paid: by the date on it, that is.
EARLY_DAYS = 3

#: Invoices that are not open now, and could have been: a small book is no proof.
_UNSEEN = 30
_CHANCE_EQUAL = 0.1

#: A payer who paid so surely for one customer lends it another name.
_ALIAS_SHARE_MIN = 0.7
_ALIASES_MAX = 12

#: Ends of numbers that payers quote have at least so many digits; a running number was once
#: shorter than it is now.
_END_LENGTH_MIN = 3

_STRENGTH_BITS = 3
_STRENGTH_MASK = (1 << _STRENGTH_BITS) - 1

#: An invoice as references know it: its place and the strength of the reference.
type Code = int


def place_of(code: Code) -> int:
    """Return the place of an invoice that a reference leads to."""
    return code >> _STRENGTH_BITS


def strength_of(code: Code) -> int:
    """Return how much of an invoice's reference leads to it: a :class:`ReferenceStrength`."""
    return code & _STRENGTH_MASK


class Customer:
    """A customer, with its open invoices in the order in which debts are paid."""

    __slots__ = ("id", "invoices", "name", "number")

    def __init__(self, customer_id: Hashable) -> None:
        self.id = customer_id
        self.invoices: list[int] = []
        self.name = ""
        self.number: str | None = None


class InvoiceIndex:
    """Dictionaries from references, amounts, accounts and names to open invoices.

    It can be held, and told of each invoice that is issued, paid or changed. What it is asked
    does not depend on the order in which it was told.

    :param invoices: Open invoices.
    :param closed: Invoices that are paid or void.
    :param memory: What past matches teach of payers.
    :param credits_open: What customers have good.
    """

    def __init__(
        self,
        invoices: Iterable[OpenInvoice] = (),
        closed: Iterable[ClosedInvoice] = (),
        memory: PayerMemory | None = None,
        credits_open: Iterable[CustomerCredit] = (),
    ) -> None:
        self.memory = memory or PayerMemory()
        self.invoices: list[OpenInvoice] = []
        self.balances: list[int] = []
        self.totals: list[int] = []
        self.issued: list[int] = []
        self.due: list[int] = []
        self.order: list[tuple[object, ...]] = []
        self.customer_of: list[int] = []
        self.places: dict[Hashable, int] = {}
        self.customers: list[Customer] = []
        self.customer_places: dict[Hashable, int] = {}
        self.references: dict[str, list[Code]] = {}
        self.by_amount: dict[tuple[str, int], list[int]] = {}
        self.by_customer_amount: dict[tuple[int, str, int], list[int]] = {}
        self.by_iban: dict[str, list[int]] = {}
        self.by_customer_number: dict[str, list[int]] = {}
        self.names = NameIndex()
        self.count_by_currency: Counter[str] = Counter()
        self.shapes: dict[tuple[str, int], tuple[str, str]] = {}
        self.number_prefixes: dict[str, tuple[int, int]] = {}
        self.key_lengths: dict[tuple[int, int], int] = {}
        self.end_lengths: set[int] = set()
        self.closed: set[str] = set()
        self.closed_of: dict[Hashable, list[str]] = {}
        self.credits: list[CustomerCredit] = []
        self.credits_of: dict[tuple[Hashable, str], list[int]] = {}
        self.credit_numbers: dict[str, int] = {}
        self.open_count = 0
        self._sorted_numbers: list[tuple[str, int]] | None = None
        for invoice in sorted(invoices, key=oldest_first):
            self.add(invoice)
        for each in closed:
            self.close(each)
        for credit in sorted(credits_open, key=lambda each: (each.balance, str(each.id))):
            self._add_credit(credit)
        self._learn_names()

    # ----------------------------------------------------------- keeping it true

    def add(self, invoice: OpenInvoice) -> None:
        """Take an open invoice in; one with the same id is forgotten first."""
        if invoice.id in self.places:
            self.remove(invoice.id)
        at = len(self.invoices)
        self.places[invoice.id] = at
        customer = self._customer(invoice)
        balance = units_of(invoice.balance)
        self.invoices.append(invoice)
        self.balances.append(balance)
        self.totals.append(units_of(invoice.total) or balance)
        self.issued.append(invoice.issue_date.toordinal())
        self.due.append((invoice.due_date or invoice.issue_date).toordinal())
        self.order.append(oldest_first(invoice))
        self.customer_of.append(customer)
        self.open_count += 1
        self._insert(self.customers[customer].invoices, at)
        self._put(self.by_amount, (invoice.currency, balance), at)
        self._put(self.by_customer_amount, (customer, invoice.currency, balance), at)
        self.count_by_currency[invoice.currency] += 1
        self._refer(at, invoice)

    def remove(self, invoice_id: Hashable) -> None:
        """Forget an invoice that is not open any more; no harm if it is not known."""
        at = self.places.pop(invoice_id, None)
        if at is None:
            return
        invoice, customer = self.invoices[at], self.customer_of[at]
        self.open_count -= 1
        self.customers[customer].invoices.remove(at)
        self.by_amount[invoice.currency, self.balances[at]].remove(at)
        self.by_customer_amount[customer, invoice.currency, self.balances[at]].remove(at)
        self.count_by_currency[invoice.currency] -= 1
        for key, strength in self._keys(invoice).items():
            codes = [code for code in self.references.get(key, ()) if place_of(code) != at]
            self.key_lengths[strength.value, len(key)] -= 1
            if codes:
                self.references[key] = codes
            else:
                self.references.pop(key, None)
        if self._sorted_numbers is not None:
            self._sorted_numbers.remove((compact(invoice.number), at))

    def close(self, invoice: ClosedInvoice) -> None:
        """Remember the references of an invoice that is paid or void."""
        reference = compact(invoice.structured_reference or "")
        number = compact(invoice.number)
        self.closed |= {number, reference, core(reference)} - {""}
        if invoice.customer_id is not None:
            self.closed_of.setdefault(invoice.customer_id, []).append(number)

    def _add_credit(self, credit: CustomerCredit) -> None:
        at = len(self.credits)
        self.credits.append(credit)
        self.credits_of.setdefault((credit.customer_id, credit.currency), []).append(at)
        if credit.number:
            self.credit_numbers[compact(credit.number)] = at

    def _put[Key: Hashable](self, table: dict[Key, list[int]], key: Key, at: int) -> None:
        known = table.get(key)
        if known is None:
            table[key] = [at]
        else:
            self._insert(known, at)

    def _insert(self, places: list[int], at: int) -> None:
        """Put an invoice where it belongs among others, the oldest debt first."""
        order = self.order
        if not places or order[places[-1]] <= order[at]:
            places.append(at)
        else:
            insort(places, at, key=order.__getitem__)

    def _customer(self, invoice: OpenInvoice) -> int:
        at = self.customer_places.get(invoice.customer_id)
        if at is None:
            at = self.customer_places[invoice.customer_id] = len(self.customers)
            self.customers.append(Customer(invoice.customer_id))
        customer = self.customers[at]
        if customer.name != invoice.customer_name:
            customer.name = invoice.customer_name
            self.names.add(at, words_of_name(invoice.customer_name))
        for name in invoice.payer_names:
            self.names.add(at, words_of_name(name))
        for iban in invoice.customer_ibans:
            sharing = self.by_iban.setdefault(compact(iban), [])
            if at not in sharing:
                sharing.append(at)
        if invoice.customer_number and not customer.number:
            customer.number = compact(invoice.customer_number)
            digits = "".join(sign for sign in customer.number if sign.isdigit())
            for key in {customer.number, digits} - {""}:
                self.by_customer_number.setdefault(key, []).append(at)
        return at

    def _keys(self, invoice: OpenInvoice) -> dict[str, ReferenceStrength]:
        """Return what leads to an invoice, each key at its strongest."""
        keys = keys_of_number(invoice.number, invoice.issue_date)
        full = ReferenceStrength.NUMBER
        if keys.full.isdigit():
            is_bare = invoice.number.isdigit()
            full = ReferenceStrength.PLAIN if is_bare else ReferenceStrength.DIGITS
        found = dict.fromkeys(keys.tails, ReferenceStrength.TAIL)
        if keys.digits:
            found[keys.digits] = ReferenceStrength.DIGITS
        found[keys.full] = full
        if invoice.structured_reference:
            reference = compact(invoice.structured_reference)
            found[core(reference)] = ReferenceStrength.STRUCTURED
            found[reference] = ReferenceStrength.STRUCTURED
        found.pop("", None)
        return found

    def _refer(self, at: int, invoice: OpenInvoice) -> None:
        references, lengths = self.references, self.key_lengths
        keys = keys_of_number(invoice.number, invoice.issue_date)
        digit_count = len(keys.digits or keys.full)
        place = at << _STRENGTH_BITS
        for key, strength in self._keys(invoice).items():
            code = place | strength
            known = references.get(key)
            if known is None:
                references[key] = [code]
            else:
                known.append(code)
            length = (int(strength), len(key))
            lengths[length] = lengths.get(length, 0) + 1
            if strength is ReferenceStrength.TAIL and key.isdigit():
                self.end_lengths.update(range(max(len(key) - 1, _END_LENGTH_MIN), digit_count))
        if keys.full.isdigit() and not keys.tails:
            self.end_lengths.update(range(_END_LENGTH_MIN, digit_count))
        self._note_shapes(keys)
        if self._sorted_numbers is not None:
            insort(self._sorted_numbers, (keys.full, at))

    def _note_shapes(self, keys: NumberKeys) -> None:
        """Note what a number looks like, and how far numbers of its kind reach."""
        for number in (keys.full, keys.digits) if keys.digits else (keys.full,):
            kind = shape(number)
            known_range = self.shapes.get(kind)
            if known_range is None:
                self.shapes[kind] = (number, number)
                if number == keys.full:
                    least, most = self.number_prefixes.get(kind[0], (kind[1], kind[1]))
                    self.number_prefixes[kind[0]] = min(least, kind[1]), max(most, kind[1])
                else:
                    self.number_prefixes.setdefault(kind[0], (kind[1], kind[1]))
            elif number > known_range[1]:
                self.shapes[kind] = (known_range[0], number)
            elif number < known_range[0]:
                self.shapes[kind] = (number, known_range[1])

    def is_length_of(self, strength: ReferenceStrength, length: int) -> bool:
        """Return whether references of some strength are about so long."""
        lengths = self.key_lengths
        return any(lengths.get((strength.value, length + off)) for off in (-1, 0, 1))

    def _learn_names(self) -> None:
        """Let customers go by the names of payers who paid for nobody else."""
        aliases: dict[int, list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
        for name, customers in self.memory.by_name.items():
            (customer_id, count), *_ = customers.most_common(1)
            at = self.customer_places.get(customer_id)
            pays_for_many = not PROCESSORS.isdisjoint(name) or not AGENTS.isdisjoint(name)
            if (
                not pays_for_many
                and at is not None
                and count >= _ALIAS_SHARE_MIN * customers.total()
            ):
                aliases[at].append((-count, name))
        for at, names in aliases.items():
            for _count, name in sorted(names)[:_ALIASES_MAX]:
                self.names.add(at, name, is_own=False)

    # ------------------------------------------------------------------ asking it

    def ends_closed_of(self, customer: int, digits: Sequence[str]) -> bool:
        """Return whether one of a customer's paid invoices has a number that ends so.

        :param customer: Place of the customer.
        :param digits: What is quoted; less than three digits are no end.
        """
        closed = self.closed_of.get(self.customers[customer].id)
        if not closed:
            return False
        return any(
            number.endswith(end)
            for end in digits
            if len(end) >= _END_LENGTH_MIN
            for number in closed
        )

    def seniority(self, number: str) -> int | None:
        """Return when we would have issued a number; ``None`` if it is none of our kind.

        :returns: 0 before all that are open, 1 among them, 2 after them.
        """
        prefix, length = shape(number)
        known = self.shapes.get((prefix, length))
        if known is None:
            # A running number grows by a digit with time.
            if (prefix or number.startswith("20")) and (prefix, length + 1) in self.shapes:
                return 0
            return None
        return 0 if number < known[0] else 2 if number > known[1] else 1

    def begins_number(self, text: str) -> bool:
        """Return whether any open invoice's number begins with a text."""
        numbers = self._numbers_in_order()
        first = bisect_left(numbers, (text, -1))
        return first < len(numbers) and numbers[first][0].startswith(text)

    def _numbers_in_order(self) -> list[tuple[str, int]]:
        if self._sorted_numbers is None:
            self._sorted_numbers = sorted(
                (compact(self.invoices[at].number), at) for at in self.places.values()
            )
        return self._sorted_numbers

    def numbers_beginning(self, text: str, limit: int) -> Sequence[int]:
        """Return the open invoices whose number begins with a text; none if there are too many."""
        numbers = self._numbers_in_order()
        first = bisect_left(numbers, (text, -1))
        found = []
        for number, at in numbers[first : first + limit + 1]:
            if not number.startswith(text):
                break
            found.append(at)
        return found if len(found) <= limit else ()

    def slip_keys(self, at: int) -> tuple[str, ...]:
        """Return the ways to write an invoice's number and reference, for telling slips."""
        invoice = self.invoices[at]
        keys = keys_of_number(invoice.number, invoice.issue_date)
        full = (keys.full, keys.digits) if keys.digits else (keys.full,)
        if invoice.structured_reference:
            return (*full, compact(invoice.structured_reference))
        return full

    def chance_of_number(self, strength: int, length: int) -> float:
        """Return how likely any number of some digits leads to an open invoice, as log2."""
        count = self.key_lengths.get((strength, length), 0)
        return log2(max(count, 1)) - length * _BITS_A_DIGIT

    def share_of_amount(self, currency: str, amount: int) -> float:
        """Return how likely it is that another invoice's balance is this very amount, as log2."""
        others = max(len(self.by_amount.get((currency, amount), ())) - 1, 0)
        return log2((others + _CHANCE_EQUAL) / (self.count_by_currency[currency] + _UNSEEN))

    def share_of_price(self, currency: str, amount: int) -> float | None:
        """Return how many invoices are open with just this amount, as log2 of all, if any is."""
        count = len(self.by_amount.get((currency, amount), ()))
        return log2(count / (self.count_by_currency[currency] + _UNSEEN)) if count else None

    def habit_surprise(self, at: int, booked: date) -> float | None:
        """Return how many days a payment is off its customer's habit, where there is one."""
        habit = self.memory.habits.get(self.invoices[at].customer_id)
        return habit.surprise(booked.toordinal() - self.due[at]) if habit else None


_BITS_A_DIGIT = log2(10)


def oldest_first(invoice: OpenInvoice) -> tuple[object, ...]:
    """Return the order in which debts are paid: by due date, then issue, then number."""
    due = invoice.due_date or invoice.issue_date
    return (due, invoice.issue_date, invoice.number, str(invoice.id))
