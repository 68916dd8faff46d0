"""What a book is made of: accounts, entries, invoices, and what was paid with what."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

type Fields = dict[str, Any]

CENT = Decimal("0.01")

#: First day of every book. Books are always written from here, so that a day's rows do not
#: depend on the day on which they are read.
EPOCH = date(2024, 1, 1)

#: How far back an answer can reach.
HISTORY_DAYS = 730


@dataclass(frozen=True, slots=True)
class BookAccount:
    """A bank account of a book.

    :ivar key: Its name within the book.
    :ivar opening: Balance before the first entry.
    :ivar masked_pan: Number of its card, where it is a card.
    """

    key: str
    resource_id: str
    iban: str
    currency: str
    owner: str
    name: str
    product: str
    cash_account_type: str
    usage: str
    opening: Decimal
    masked_pan: str | None = None

    def details(self, bic: str) -> Fields:
        """Return the account as the details endpoint shows it."""
        account = {
            "resourceId": self.resource_id,
            "iban": self.iban,
            "currency": self.currency,
            "ownerName": self.owner,
            "name": self.name,
            "product": self.product,
            "cashAccountType": self.cash_account_type,
            "status": "enabled",
            "bic": bic,
            "maskedPan": self.masked_pan,
            "usage": self.usage,
        }
        return {name: value for name, value in account.items() if value}


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement on an account.

    :ivar key: Its name within the account, for ever.
    :ivar fields: Names, texts and codes, in the service's words.
    :ivar seen_from: First day on which the bank shows it; usually the day that it is booked.
    :ivar seen_before: First day on which the bank does not show it any more.
    :ivar pending_from: First day on which it is announced as pending.
    """

    key: str
    booked_on: date
    value_on: date
    amount: Decimal
    fields: Fields
    seen_from: date | None = None
    seen_before: date | None = None
    pending_from: date | None = None

    def is_booked(self, today: date) -> bool:
        """Return whether the bank shows the entry as booked on a day."""
        first = self.seen_from or self.booked_on
        return first <= today and (self.seen_before is None or today < self.seen_before)

    def is_pending(self, today: date) -> bool:
        """Return whether the bank announces the entry on a day."""
        return self.pending_from is not None and self.pending_from <= today < self.booked_on


@dataclass(slots=True)
class Invoice:
    """An invoice of the business."""

    number: str
    customer_number: str
    customer_name: str
    customer_country: str
    customer_ibans: tuple[str, ...]
    currency: str
    total: Decimal
    issued_on: date
    due_on: date
    structured_reference: str | None


@dataclass(frozen=True, slots=True)
class Truth:
    """What an incoming payment was for, known because the generator paid it.

    :ivar allocations: Invoice numbers with amounts in the invoice's currency.
    :ivar quoted: How the payment names its invoices (``exact``, ``none`` …).
    :ivar equivalents: Invoice number → equal siblings that nothing in the payment tells apart.
    """

    account_key: str
    entry_key: str
    booked_on: date
    case: str
    quoted: str
    allocations: tuple[tuple[str, Decimal], ...] = ()
    equivalents: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that happened at one customer of a bank, up to a day.

    :ivar entries: Account key → entries by booking date.
    """

    accounts: tuple[BookAccount, ...]
    entries: dict[str, list[Entry]]
    invoices: tuple[Invoice, ...] = ()
    truths: tuple[Truth, ...] = ()


class Row(NamedTuple):
    """A booked row as served, with the dates that filters look at (ordinals, 0 for none)."""

    booked: int
    valued: int
    json: bytes


@dataclass(frozen=True, slots=True)
class Statement:
    """What a bank answers about one account on one day."""

    rows: Sequence[Row]
    pending: Sequence[Row]
    balances: Sequence[Fields]

    def booked_between(self, oldest: date, first: date | None, last: date | None) -> list[bytes]:
        """Return the booked rows that an answer holds.

        :param oldest: First day that the agreement allows.
        :param first: First day that was asked for.
        :param last: Last day that was asked for.
        :returns: Rows of which either date lies within; rows without any date only if no day was
            asked for.
        """
        return _between(self.rows, oldest, first, last)

    def pending_between(self, first: date | None, last: date | None) -> list[bytes]:
        """Return the pending rows that an answer holds, by the same rule."""
        return _between(self.pending, date.min, first, last)


def _between(
    rows: Sequence[Row], oldest: date, first: date | None, last: date | None
) -> list[bytes]:
    if first is None and last is None:
        floor = oldest.toordinal()
        return [row.json for row in rows if (row.booked or row.valued or floor) >= floor]
    low = max(oldest, first or oldest).toordinal()
    high = (last or date.max).toordinal()
    return [row.json for row in rows if low <= row.booked <= high or low <= row.valued <= high]
