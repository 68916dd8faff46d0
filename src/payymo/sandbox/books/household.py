"""A household: salary, rent, groceries, coffees, a card that is settled each month, savings."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from payymo.sandbox.books import names
from payymo.sandbox.books.dice import dice, digest
from payymo.sandbox.books.numbers import iban
from payymo.sandbox.books.records import CENT, EPOCH, Book, BookAccount, Entry, Fields

_CURRENCIES = {"GB": "GBP", "PL": "PLN", "NO": "NOK", "SE": "SEK", "DK": "DKK", "CZ": "CZK"}
_NORDIC_FACTOR = 10
_CARD_CYCLE_DAY = 25
_SALARY_DAY = 27
_RENT_DAY = 2
_SAVING_DAY = 28


def currency_of(country: str) -> str:
    """Return the currency that a country's banks keep accounts in."""
    return _CURRENCIES.get(country, "EUR")


def household_accounts(name: str, country: str) -> tuple[BookAccount, ...]:
    """Return the household's three accounts.

    :param name: Seed and institution, which make this household differ from the others.
    :param country: Where it banks.
    """
    chance = dice(name, "household")
    owner = names.person(country, chance)
    currency = currency_of(country)
    pan = f"{chance.randrange(1000, 10000)}"

    def account(key: str, title: str, product: str, kind: str, opening: str) -> BookAccount:
        return BookAccount(
            key=key,
            resource_id=digest(name, "household", key, size=13).upper()[:26],
            iban=iban(country, chance),
            currency=currency,
            owner=owner,
            name=title,
            product=product,
            cash_account_type=kind,
            usage="PRIV",
            opening=Decimal(opening) * _factor(currency),
            masked_pan=f"535522XXXXXX{pan}" if kind == "CARD" else None,
        )

    return (
        account("current", "Everyday account", "Current account", "CACC", "2140.55"),
        account("card", "Credit card", "Card", "CARD", "0.00"),
        account("savings", "Rainy days", "Savings account", "SVGS", "8800.00"),
    )


def household_book(name: str, country: str, through: date) -> Book:
    """Return everything that the household did, up to and with a day.

    :param name: Seed and institution.
    :param country: Where it banks.
    :param through: Last day.
    """
    accounts = household_accounts(name, country)
    writer = _Writer(name, accounts)
    day = EPOCH
    while day <= through:
        writer.write(day)
        day += timedelta(days=1)
    for entries in writer.entries.values():
        entries.sort(key=lambda entry: (entry.booked_on, entry.key))
    return Book(accounts, writer.entries)


def _factor(currency: str) -> int:
    return _NORDIC_FACTOR if currency in ("NOK", "SEK", "DKK", "CZK") else 1


class _Writer:
    """Writes one day after the other; a day's entries depend on that day and the card's month."""

    def __init__(self, name: str, accounts: tuple[BookAccount, ...]) -> None:
        self._name = name
        self._account = {account.key: account for account in accounts}
        self._factor = _factor(accounts[0].currency)
        chance = dice(name, "habits")
        country = accounts[0].iban[:2]
        self._employer = names.company("NL", chance)
        self._landlord = names.person("NL", chance)
        self._employer_iban = iban(country, chance)
        self._landlord_iban = iban(country, chance)
        self._salary = Decimal(chance.randrange(2300, 2700)) * self._factor
        self._rent = Decimal(chance.randrange(780, 1150)) * self._factor
        self._card_debt = Decimal(0)
        self._saved = accounts[2].opening
        self.entries: dict[str, list[Entry]] = {account.key: [] for account in accounts}

    def write(self, day: date) -> None:
        chance = dice(self._name, day)
        self._regular(day)
        self._purchases(day, chance)
        self._transfers(day)

    def _regular(self, day: date) -> None:
        if day.day == _SALARY_DAY:
            self._add("current", day, "salary", self._salary, {
                "debtorName": self._employer,
                "debtorAccount": {"iban": self._employer_iban},
                "remittanceInformationUnstructured": f"Salary {day:%m/%Y}",
                "bankTransactionCode": "PMNT-RCDT-SALA",
                "purposeCode": "SALA",
            })  # fmt: skip
        if day.day == _RENT_DAY:
            self._add("current", day, "rent", -self._rent, {
                "creditorName": self._landlord,
                "creditorAccount": {"iban": self._landlord_iban},
                "remittanceInformationUnstructured": f"Rent {day:%B %Y}",
                "endToEndId": f"RENT-{day:%Y%m}",
                "bankTransactionCode": "PMNT-ICDT-STDO",
            })  # fmt: skip

    def _purchases(self, day: date, chance: Random) -> None:
        if chance.random() < 0.45:
            self._shop("current", day, "groceries", chance, cents=(900, 5500))
        for number in range(chance.choice((0, 0, 1, 1, 2))):
            self._shop("card", day, f"card{number}", chance, cents=(300, 4500))
        coffees = chance.choice((0, 0, 1, 2))
        if coffees:
            # Two coffees of one day are equal to the cent, and are two all the same.
            cafe = chance.choice(names.CAFES)
            price = Decimal(chance.choice(("3.20", "3.50", "4.10"))) * self._factor
            for number in range(coffees):
                self._card("current", day, f"coffee{number}", -price, cafe)

    def _shop(
        self, account: str, day: date, key: str, chance: Random, *, cents: tuple[int, int]
    ) -> None:
        amount = Decimal(chance.randrange(*cents)) * CENT * self._factor
        self._card(account, day, key, -amount, chance.choice(names.SHOPS))

    def _card(self, account: str, day: date, key: str, amount: Decimal, shop: str) -> None:
        if account == "card":
            self._card_debt += amount
        booked = day + timedelta(days=1)
        self._add(account, booked, f"{key}-{day:%d}", amount, {
            "creditorName": shop,
            "remittanceInformationUnstructured": f"{shop.upper()} {day:%d.%m} CARD 4417",
            "bankTransactionCode": "PMNT-CCRD-POSD",
            "proprietaryBankTransactionCode": "PURCHASE",
        }, valued=day)  # fmt: skip

    def _transfers(self, day: date) -> None:
        if day.day == _CARD_CYCLE_DAY and self._card_debt:
            self._between("current", "card", day, -self._card_debt, "Card settlement")
            self._card_debt = Decimal(0)
        if day.day == _SAVING_DAY:
            amount = Decimal(150) * self._factor
            self._saved += amount
            self._between("current", "savings", day, amount, "Monthly saving")
        if day.day == monthrange(day.year, day.month)[1]:
            interest = (self._saved * Decimal("0.0125") / 12).quantize(CENT)
            self._saved += interest
            self._add("savings", day, "interest", interest, {
                "remittanceInformationUnstructured": f"Interest {day:%m/%Y}",
                "bankTransactionCode": "ACMT-MCOP-INTR",
            })  # fmt: skip

    def _between(self, source: str, target: str, day: date, amount: Decimal, text: str) -> None:
        """Move money between two own accounts; both sides bear the same key, hence the same id."""
        payer, payee = self._account[source], self._account[target]
        fields: Fields = {
            "debtorName": payer.owner,
            "debtorAccount": {"iban": payer.iban},
            "creditorName": payee.owner,
            "creditorAccount": {"iban": payee.iban},
            "remittanceInformationUnstructured": text,
            "bankTransactionCode": "PMNT-ICDT-BOOK",
        }
        key = f"own-{text.split(' ', maxsplit=1)[0].lower()}"
        self._add(source, day, key, -amount, fields)
        self._add(target, day, key, amount, fields)

    def _add(
        self,
        account: str,
        day: date,
        key: str,
        amount: Decimal,
        fields: Fields,
        *,
        valued: date | None = None,
    ) -> None:
        pending = valued if valued is not None and valued < day else None
        self.entries[account].append(
            Entry(f"{day}-{key}", day, valued or day, amount, fields, pending_from=pending)
        )
