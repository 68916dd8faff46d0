"""All books of all banks: written once, kept, and shown as each bank shows them."""

import threading
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from payymo.sandbox.banks import Bank
from payymo.sandbox.books.customers import CUSTOMER_COUNT_DEFAULT
from payymo.sandbox.books.hosting import business_accounts, business_book
from payymo.sandbox.books.household import household_accounts, household_book
from payymo.sandbox.books.quirks import (
    VOLATILE,
    Sight,
    booked_fields,
    internal_id,
    pending_fields,
    with_balance,
)
from payymo.sandbox.books.quirky import quirky_accounts, quirky_book
from payymo.sandbox.books.records import (
    HISTORY_DAYS,
    Book,
    BookAccount,
    Fields,
    Invoice,
    Row,
    Statement,
    Truth,
)
from payymo.sandbox.books.volume import volume_accounts, volume_rows

VOLUME_ROWS_DEFAULT = 100_000

#: How far ahead books are written at least, so that pending rows can be announced.
_AHEAD = timedelta(days=5)

_CREDIT_LIMIT = Decimal(5000)


class Library:
    """The books of every bank of one sandbox.

    :param seed: Same seed, same books.
    :param volume_rows: Number of transactions at the volume bank.
    :param customer_count: How many customers the business has.
    """

    def __init__(
        self,
        seed: int,
        volume_rows: int = VOLUME_ROWS_DEFAULT,
        customer_count: int = CUSTOMER_COUNT_DEFAULT,
    ) -> None:
        self.seed = seed
        self.volume_rows = volume_rows
        self.customer_count = customer_count
        self._books: dict[tuple[str, str], tuple[date, Book]] = {}
        self._statements: dict[tuple[str, str, str], tuple[date, Statement]] = {}
        self._lock = threading.RLock()

    def accounts(self, bank: Bank, scenario: str) -> tuple[BookAccount, ...]:
        """Return the accounts of a book, without writing it."""
        name = self._name(bank)
        if scenario == "business":
            return business_accounts(name, bank.country)
        if scenario == "household":
            return household_accounts(name, bank.country)
        if scenario == "volume":
            return volume_accounts(name)
        return quirky_accounts(name, bank.country)

    def account(self, bank: Bank, scenario: str, key: str) -> BookAccount:
        """Return one account of a book."""
        return next(item for item in self.accounts(bank, scenario) if item.key == key)

    def book(self, bank: Bank, scenario: str, today: date) -> Book:
        """Return a book that holds a day, and more: it is written to the end of a month.

        Nothing before a day depends on how far a book is written, so one book serves a month
        of days, and a clock that moves on need not wait.

        :param bank: Where the book is kept.
        :param scenario: Which book; the volume has none, only a statement.
        :param today: Day of the sandbox's clock.
        """
        with self._lock:
            written, book = self._books.get((bank.id, scenario), (date.min, None))
            if book is None or written < today + _AHEAD:
                written = _month_end(today + _AHEAD)
                book = self._write(bank, scenario, written)
                self._books[bank.id, scenario] = written, book
            return book

    def statement(self, bank: Bank, scenario: str, key: str, today: date, pull: int) -> Statement:
        """Return what a bank answers about one account; the latest day's is kept.

        :param bank: Where the account is.
        :param scenario: Book that the account is in.
        :param key: The account's name within the book.
        :param today: Day of the sandbox's clock.
        :param pull: How many times the account was read; only some banks' answers depend on it.
        """
        is_volatile = not VOLATILE.isdisjoint(bank.quirks)
        with self._lock:
            day, statement = self._statements.get((bank.id, scenario, key), (date.min, None))
            if statement is None or day != today or is_volatile:
                statement = self._show(bank, scenario, key, today, pull)
                self._statements[bank.id, scenario, key] = today, statement
            return statement

    def totals(self, bank: Bank, scenario: str, key: str, today: date) -> Fields:
        """Return an account's arithmetic over the history that can be read."""
        account = self.account(bank, scenario, key)
        statement = self.statement(bank, scenario, key, today, 0)
        amounts = [
            Decimal(msgspec.json.decode(row.json)["transactionAmount"]["amount"])
            for row in statement.rows
        ]
        closing = Decimal(statement.balances[0]["balanceAmount"]["amount"])
        booked = sum(amounts, Decimal(0))
        return {
            "key": account.key,
            "iban": account.iban,
            "currency": account.currency,
            "history_from": (today - timedelta(days=HISTORY_DAYS)).isoformat(),
            "rows": len(amounts),
            "opening_balance": str(closing - booked),
            "booked": str(booked),
            "closing_balance": str(closing),
        }

    def invoices(self, book: Book, today: date) -> list[Invoice]:
        """Return the invoices issued within the history that can be read."""
        oldest = today - timedelta(days=HISTORY_DAYS)
        return [item for item in book.invoices if oldest <= item.issued_on <= today]

    def truths(self, book: Book, today: date) -> list[Truth]:
        """Return what the incoming payments of that history were for, as far as its invoices go.

        A payment of invoices that are older than the history pays, in this book, nothing.
        """
        oldest = today - timedelta(days=HISTORY_DAYS)
        known = {invoice.number for invoice in self.invoices(book, today)}
        truths = (truth for truth in book.truths if oldest <= truth.booked_on <= today)
        return [_within(truth, known) for truth in truths]

    def internal_id(self, bank: Bank, scenario: str, truth: Truth) -> str:
        """Return the internalTransactionId of the row that a truth is about."""
        name = self._entry_name(bank, scenario, truth.account_key)
        return internal_id(name, truth.entry_key)

    def _name(self, bank: Bank) -> str:
        return f"{self.seed}/{bank.id}"

    def _entry_name(self, bank: Bank, scenario: str, key: str) -> str:
        """Return what ids are made from; a household's accounts share them, as some banks do."""
        return f"{self._name(bank)}/{scenario}" + ("" if scenario == "household" else f"/{key}")

    def _volume(self, bank: Bank, today: date) -> Statement:
        rows, total = volume_rows(self._name(bank), self.volume_rows, today)
        return Statement(rows, (), (_balance("interimBooked", total, "EUR", today),))

    def _write(self, bank: Bank, scenario: str, through: date) -> Book:
        name = self._name(bank)
        if scenario == "business":
            return business_book(name, bank.country, through, customer_count=self.customer_count)
        if scenario == "household":
            return household_book(name, bank.country, through)
        if scenario == "volume":
            return Book(volume_accounts(name), {})
        return quirky_book(name, bank.country, through, bank.quirks)

    def _show(self, bank: Bank, scenario: str, key: str, today: date, pull: int) -> Statement:
        if scenario == "volume":
            return self._volume(bank, today)
        account = self.account(bank, scenario, key)
        sight = Sight(self._entry_name(bank, scenario, key), account, today, pull)
        return _show(self.book(bank, scenario, today), sight, bank.quirks)


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _within(truth: Truth, known: set[str]) -> Truth:
    allocations = tuple(part for part in truth.allocations if part[0] in known)
    if truth.allocations and not allocations:
        return Truth(
            truth.account_key, truth.entry_key, truth.booked_on, "before_book", truth.quoted
        )
    equivalents = {
        number: tuple(same for same in numbers if same in known)
        for number, numbers in truth.equivalents.items()
        if number in known
    }
    return Truth(
        truth.account_key,
        truth.entry_key,
        truth.booked_on,
        truth.case,
        truth.quoted,
        allocations,
        {number: numbers for number, numbers in equivalents.items() if numbers},
    )


def _show(book: Book, sight: Sight, quirks: tuple[str, ...]) -> Statement:
    account, today = sight.account, sight.today
    oldest = today - timedelta(days=HISTORY_DAYS)
    encoder = msgspec.json.Encoder()
    balance = account.opening
    before_today = account.opening
    rows: list[Row] = []
    pending: list[Row] = []
    announced = Decimal(0)
    for entry in book.entries[account.key]:
        if entry.is_pending(today):
            announced += entry.amount
            pending.append(_row(pending_fields(entry, sight, quirks), encoder))
        if not entry.is_booked(today):
            continue
        balance += entry.amount
        if entry.booked_on < today:
            before_today += entry.amount
        if entry.booked_on >= oldest:
            fields = booked_fields(entry, sight, quirks)
            if "balance_after" in quirks:
                fields = with_balance(fields, balance, account.currency)
            rows.append(_row(fields, encoder))
    rows.reverse()
    return Statement(rows, pending, _balances(account, today, balance, before_today, announced))


def _row(fields: Fields, encoder: msgspec.json.Encoder) -> Row:
    def ordinal(name: str) -> int:
        return date.fromisoformat(fields[name]).toordinal() if name in fields else 0

    return Row(ordinal("bookingDate"), ordinal("valueDate"), encoder.encode(fields))


def _balances(
    account: BookAccount, today: date, booked: Decimal, before: Decimal, announced: Decimal
) -> list[Fields]:
    currency = account.currency
    yesterday = today - timedelta(days=1)
    available = _balance("interimAvailable", booked + announced, currency, today)
    if account.cash_account_type == "CARD":
        available = _balance(
            "interimAvailable", booked + announced + _CREDIT_LIMIT, currency, today
        ) | {"creditLimitIncluded": True}
    return [
        _balance("interimBooked", booked, currency, today),
        available,
        _balance("expected", booked + announced, currency, today),
        _balance("closingBooked", before, currency, yesterday),
        _balance("openingBooked", before, currency, today),
    ]


def _balance(kind: str, amount: Decimal, currency: str, day: date) -> Fields:
    return {
        "balanceAmount": {"amount": f"{amount:.2f}", "currency": currency},
        "balanceType": kind,
        "referenceDate": day.isoformat(),
    }
