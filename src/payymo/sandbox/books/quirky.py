"""A small account at a bank whose answers misbehave, each bank in its own way.

What changes over time does so on fixed days: a clock that is moved onwards shows it.
"""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from payymo.sandbox.books import names
from payymo.sandbox.books.dice import dice, digest
from payymo.sandbox.books.household import currency_of
from payymo.sandbox.books.numbers import iban
from payymo.sandbox.books.records import CENT, EPOCH, Book, BookAccount, Entry

_SHARE_LATE = 4
_SHARE_RESTATED = 4
_SHARE_REMOVED = 5
_LATE_DAYS = (3, 6)
_RESTATED_AFTER = timedelta(days=2)
_REMOVED_AFTER = timedelta(days=3)


def quirky_accounts(name: str, country: str) -> tuple[BookAccount, ...]:
    """Return the only account of the book."""
    chance = dice(name, "quirky")
    return (
        BookAccount(
            key="main",
            resource_id=digest(name, "quirky", size=13).upper(),
            iban=iban(country, chance),
            currency=currency_of(country),
            owner=names.person(country, chance),
            name="Current account",
            product="Current account",
            cash_account_type="CACC",
            usage="PRIV",
            opening=Decimal("15250.00"),
        ),
    )


def quirky_book(name: str, country: str, through: date, quirks: tuple[str, ...]) -> Book:
    """Return everything that happened on the account, up to and with a day.

    :param name: Seed and institution.
    :param country: Where the bank is.
    :param through: Last day.
    :param quirks: How the bank misbehaves.
    """
    accounts = quirky_accounts(name, country)
    people = [names.person(country, dice(name, "people", number)) for number in range(12)]
    ibans = [iban(country, dice(name, "ibans", number)) for number in range(12)]
    entries: list[Entry] = []
    day = EPOCH
    while day <= through:
        chance = dice(name, day)
        for number in range(chance.choice((1, 2, 2, 3, 4))):
            who = chance.randrange(len(people))
            entry = _entry(f"{day}-{number}", day, (people[who], ibans[who]), accounts[0], chance)
            entries += _misbehave(entry, quirks, chance)
        day += timedelta(days=1)
    return Book(accounts, {"main": entries})


def _entry(
    key: str, day: date, other_side: tuple[str, str], own: BookAccount, chance: Random
) -> Entry:
    cents = chance.choice((0, 0, 50, 90, 99)) + 100 * chance.randrange(2, 140)
    incoming = chance.random() < 0.5
    side = "debtor" if incoming else "creditor"
    other = "creditor" if incoming else "debtor"
    text = chance.choice(("Thank you", "Tickets", "Share of dinner", "Gift", "Lesson", "Repair"))
    return Entry(
        key=key,
        booked_on=day,
        value_on=day - timedelta(days=chance.choice((0, 0, 0, 1))),
        amount=cents * CENT * (1 if incoming else -1),
        fields={
            f"{side}Name": other_side[0],
            f"{side}Account": {"iban": other_side[1]},
            f"{other}Name": own.owner,
            "remittanceInformationUnstructured": f"{text} {chance.randrange(100, 1000)}",
            "bankTransactionCode": "PMNT-RCDT-ESCT" if incoming else "PMNT-ICDT-ESCT",
        },
        pending_from=day - timedelta(days=1),
    )


def _misbehave(entry: Entry, quirks: tuple[str, ...], chance: Random) -> list[Entry]:
    """Return the entry as this bank shows it over time: once, later, twice or for a while."""
    pick = chance.randrange(10**6)
    if "late_postings" in quirks and pick % _SHARE_LATE == 0:
        late = timedelta(days=chance.randrange(*_LATE_DAYS))
        return [replace(entry, seen_from=entry.booked_on + late, pending_from=None)]
    if "restated_row" in quirks and pick % _SHARE_RESTATED == 0:
        return _restated(entry)
    if "removed_row" in quirks and pick % _SHARE_REMOVED == 0:
        return [replace(entry, seen_before=entry.booked_on + _REMOVED_AFTER)]
    if "pending_rebooked" in quirks:
        # Announced earlier, under a text that says little, and with another value date.
        announced = entry.booked_on - timedelta(days=2)
        return [replace(entry, value_on=entry.booked_on, pending_from=announced)]
    return [entry]


def _restated(entry: Entry) -> list[Entry]:
    """Return the entry before and after the bank corrected its text and value date."""
    since = entry.booked_on + _RESTATED_AFTER
    text = entry.fields["remittanceInformationUnstructured"]
    fields = entry.fields | {"remittanceInformationUnstructured": f"{text} (corrected)"}
    return [
        replace(entry, seen_before=since),
        replace(entry, seen_from=since, fields=fields, value_on=entry.booked_on, pending_from=None),
    ]
