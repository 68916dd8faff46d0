"""The hosting company: two accounts, its bills, what came in for them, and what it cost."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from zlib import crc32

from payymo.sandbox.books import names
from payymo.sandbox.books.billing import Bill, make_bills
from payymo.sandbox.books.customers import make_customers
from payymo.sandbox.books.dice import dice, digest
from payymo.sandbox.books.noise import (
    PROCESSORS,
    quote_payment,
    quoted,
    row_fields,
)
from payymo.sandbox.books.numbers import digits, iban
from payymo.sandbox.books.payments import FX_PER_EUR, Payment, make_payments, next_business_day
from payymo.sandbox.books.records import (
    CENT,
    EPOCH,
    Book,
    BookAccount,
    Entry,
    Fields,
    Invoice,
    Truth,
)
from payymo.sandbox.books.strangers import Past, make_strays

_ACCOUNT_KEYS = {"EUR": "main", "GBP": "sterling"}
_SWEEP_DAY = 10
_RESERVE_DAY = 12
_SALARY_DAY = 26
_TAX_DAY = 15
_STAFF = 9
_SUPPLIERS = 24


def business_accounts(name: str, country: str) -> tuple[BookAccount, ...]:
    """Return the company's two accounts.

    :param name: Seed and institution.
    :param country: Where it banks.
    """
    chance = dice(name, "business")
    owner = f"{names.surname(chance)} Hosting B.V."

    def account(key: str, title: str, currency: str, opening: str) -> BookAccount:
        return BookAccount(
            key=key,
            resource_id=digest(name, "business", key, size=13).upper(),
            iban=iban(country, chance),
            currency=currency,
            owner=owner,
            name=title,
            product="Business account",
            cash_account_type="CACC",
            usage="ORGA",
            opening=Decimal(opening),
        )

    return (
        account("main", "Main account", "EUR", "184220.17"),
        account("sterling", "Sterling account", "GBP", "20350.40"),
    )


def business_book(name: str, country: str, through: date, *, customer_count: int) -> Book:
    """Return everything that happened in the company's accounts, up to and with a day.

    :param name: Seed and institution.
    :param country: Where it banks.
    :param through: Last day; a later one only adds to the end.
    :param customer_count: How many customers the company has.
    """
    accounts = business_accounts(name, country)
    bills = make_bills(name, make_customers(name, customer_count), through)
    payments = make_payments(name, bills, through)
    rows = {payment.key: _payment_fields(name, payment) for payment in payments}
    entries: dict[str, list[Entry]] = {account.key: [] for account in accounts}
    truths = list(_truths(bills, payments, rows))
    for payment in payments:
        entry = Entry(payment.key, payment.day, payment.day, payment.amount, rows[payment.key])
        entries[_ACCOUNT_KEYS[payment.currency]].append(entry)
    for stray in make_strays(name, accounts[0].owner, Past(bills, payments, rows), through):
        key = _ACCOUNT_KEYS[stray.currency]
        entries[key].append(Entry(stray.key, stray.day, stray.day, stray.amount, stray.fields))
        if stray.amount > 0:
            truths.append(Truth(key, stray.key, stray.day, stray.case, "none"))
    entries["main"] += _costs(name, through)
    for key, entry, truth in _sweeps(accounts, entries["sterling"], through):
        entries[key].append(entry)
        truths += [truth] if truth else []
    entries["main"] += _reserves(name, accounts[0], entries["main"], through)
    for items in entries.values():
        items.sort(key=lambda entry: (entry.booked_on, crc32(entry.key.encode()), entry.key))
    return Book(accounts, entries, _invoices(bills), tuple(truths))


def _invoices(bills: list[Bill]) -> tuple[Invoice, ...]:
    return tuple(bill.invoice for bill in bills)


def _payment_fields(name: str, payment: Payment) -> Fields:
    chance = dice(name, "text", payment.key)
    payer = chance.choice(PROCESSORS) if payment.case.startswith("processor") else None
    quote = quote_payment(payment, chance)
    fields = row_fields(payment.customer, quote, chance, payer=payer)
    if payer is not None:
        fields.pop("debtorAccount", None)
    if payment.rate is not None and payment.instructed is not None:
        exchange: Fields = {
            "sourceCurrency": payment.customer.currency,
            "targetCurrency": "EUR",
            "unitCurrency": "EUR",
            "exchangeRate": str(payment.rate),
        }
        if chance.random() < 0.4:
            exchange["instructedAmount"] = {
                "amount": f"{payment.instructed:f}",
                "currency": payment.customer.currency,
            }
        fields["currencyExchange"] = [exchange]
    return fields


def _truths(bills: list[Bill], payments: list[Payment], rows: dict[str, Fields]) -> Iterator[Truth]:
    alike: dict[tuple[int, Decimal], list[Bill]] = defaultdict(list)
    for bill in bills:
        alike[bill.customer.index, bill.invoice.total].append(bill)
    for payment in payments:
        paid = [bill for bill, _ in payment.allocations]
        how = quoted(rows[payment.key], paid)
        yield Truth(
            account_key=_ACCOUNT_KEYS[payment.currency],
            entry_key=payment.key,
            booked_on=payment.day,
            case=payment.case,
            quoted=how,
            allocations=tuple(
                (bill.invoice.number, amount) for bill, amount in payment.allocations
            ),
            equivalents=_equivalents(payment, paid, alike) if how == "none" else {},
        )


def _equivalents(
    payment: Payment, paid: list[Bill], alike: dict[tuple[int, Decimal], list[Bill]]
) -> dict[str, tuple[str, ...]]:
    """Return, for each bill, the same customer's equal bills of which the text says no more."""
    same: dict[str, tuple[str, ...]] = {}
    for bill in paid:
        siblings = alike[bill.customer.index, bill.invoice.total]
        end = bisect_right(siblings, payment.day, key=lambda item: item.invoice.issued_on)
        numbers = tuple(item.invoice.number for item in siblings[:end] if item not in paid)
        if numbers:
            same[bill.invoice.number] = numbers
    return same


def _costs(name: str, through: date) -> Iterator[Entry]:
    """Yield salaries, suppliers, rent and tax."""
    staff = [
        (names.person("NL", chance), iban("NL", chance), Decimal(chance.randrange(2300, 5200)))
        for chance in (dice(name, "staff", number) for number in range(_STAFF))
    ]
    suppliers = [
        (names.company("NL", chance), iban("NL", chance), chance.randrange(40, 3000))
        for chance in (dice(name, "supplier", number) for number in range(_SUPPLIERS))
    ]
    month = EPOCH
    while month <= through:
        for number, (who, account, pay) in enumerate(staff):
            yield _cost(
                month.replace(day=_SALARY_DAY), f"salary{number}", pay, (who, account), "Salary"
            )
        for number, (who, account, usual) in enumerate(suppliers):
            chance = dice(name, "supplier", number, month)
            for turn in range(chance.choice((1, 1, 2, 3))):
                amount = usual + chance.randrange(10_000) * CENT
                text = f"Invoice {digits(chance, 6)}"
                day = month.replace(day=chance.randrange(1, 29))
                yield _cost(day, f"supplier{number}.{turn}", amount, (who, account), text)
        tax = Decimal(dice(name, "tax", month).randrange(9_000, 14_000))
        office = ("Revenue Office Zuidmeer", iban("NL", dice("revenue")))
        yield _cost(month.replace(day=_TAX_DAY), "tax", tax, office, f"VAT {month:%Y-%m}")
        month = (month + timedelta(days=31)).replace(day=1)


def _cost(day: date, key: str, amount: Decimal, payee: tuple[str, str], text: str) -> Entry:
    booked = next_business_day(day)
    fields = {
        "creditorName": payee[0],
        "creditorAccount": {"iban": payee[1]},
        "remittanceInformationUnstructured": text,
        "endToEndId": f"OUT-{booked:%Y%m%d}-{key}",
        "bankTransactionCode": "PMNT-ICDT-ESCT",
    }
    announced = booked - timedelta(days=1)
    return Entry(f"{booked}-{key}", booked, booked, -amount, fields, pending_from=announced)


def _reserves(name: str, main: BookAccount, entries: list[Entry], through: date) -> Iterator[Entry]:
    """Yield the monthly transfer of most of last month's surplus to an account elsewhere."""
    surplus = _by_month(entries)
    reserve = iban("NL", dice(name, "reserve"))
    for day in _monthly(_RESERVE_DAY, through):
        last = day.replace(day=1) - timedelta(days=1)
        amount = (surplus[last.year, last.month] * 9 / 10_000).to_integral_value() * 1000
        if amount > 0:
            yield _cost(day, "reserve", amount, (main.owner, reserve), f"Reserve {last:%Y-%m}")


def _by_month(entries: list[Entry]) -> dict[tuple[int, int], Decimal]:
    sums: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for entry in entries:
        sums[entry.booked_on.year, entry.booked_on.month] += entry.amount
    return sums


def _monthly(day_of_month: int, through: date) -> Iterator[date]:
    """Yield a day of every month but the first."""
    month = EPOCH
    while (month := (month + timedelta(days=31)).replace(day=1)) <= through:
        yield month.replace(day=day_of_month)


def _sweeps(
    accounts: tuple[BookAccount, ...], sterling: list[Entry], through: date
) -> Iterator[tuple[str, Entry, Truth | None]]:
    """Yield the monthly transfer of last month's pounds to the euro account, both sides."""
    main, pounds = accounts
    received = _by_month(sterling)
    for day in _monthly(_SWEEP_DAY, through):
        last = day.replace(day=1) - timedelta(days=1)
        amount = (received[last.year, last.month] / 100).to_integral_value() * 100
        if amount > 0:
            booked = next_business_day(day)
            euros = (amount / FX_PER_EUR["GBP"]).quantize(CENT)
            fields: Fields = {
                "debtorName": pounds.owner,
                "debtorAccount": {"iban": pounds.iban},
                "creditorName": main.owner,
                "creditorAccount": {"iban": main.iban},
                "remittanceInformationUnstructured": f"Own transfer {booked:%Y-%m}",
                "bankTransactionCode": "PMNT-ICDT-BOOK",
                "currencyExchange": [
                    {
                        "sourceCurrency": "GBP",
                        "targetCurrency": "EUR",
                        "unitCurrency": "EUR",
                        "exchangeRate": str(FX_PER_EUR["GBP"]),
                    }
                ],
            }
            key = f"{booked}-sweep"
            yield "sterling", Entry(key, booked, booked, -amount, fields), None
            truth = Truth("main", key, booked, "internal", "none")
            yield "main", Entry(key, booked, booked, euros, fields), truth
