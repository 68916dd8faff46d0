"""The hosting company's customers: where they are, what they buy, how they pay and write."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Literal

from payymo.sandbox.books import names
from payymo.sandbox.books.dice import dice
from payymo.sandbox.books.numbers import iban

type Quoting = Literal["exact", "cosmetic", "partial", "other", "none"]
type Plan = Literal["monthly", "quarterly", "yearly", "projects", "agency"]

CUSTOMER_COUNT_DEFAULT = 2000
FIRST_NUMBER = 18001

_COUNTRIES = {
    "DE": 24, "NL": 14, "GB": 13, "FR": 10, "BE": 6, "AT": 5, "CH": 5, "FI": 5, "SE": 4,
    "NO": 4, "DK": 4, "IT": 3, "ES": 3,
}  # fmt: skip
_OWN_CURRENCY = {"CH": "CHF", "SE": "SEK", "NO": "NOK", "DK": "DKK"}
_PLANS: dict[Plan, int] = {
    "monthly": 18, "quarterly": 24, "yearly": 36, "projects": 18, "agency": 4,
}  # fmt: skip
_QUOTING: dict[Quoting, float] = {
    "exact": 53, "cosmetic": 16, "partial": 9, "other": 5.5, "none": 16.5,
}  # fmt: skip

#: Share of customers that pay with the bill's structured reference, by country.
_STRUCTURED = {
    "FI": 0.90, "NO": 0.85, "CH": 0.85, "SE": 0.80, "BE": 0.75, "DK": 0.70, "DE": 0.06,
    "NL": 0.06, "FR": 0.06, "IT": 0.04, "ES": 0.04, "AT": 0.06, "GB": 0.0,
}  # fmt: skip
_TERMS = {30: 55, 14: 25, 60: 10, 7: 7, 0: 3}

#: Days from due date to payment: mean, spread, share of customers.
_PUNCTUALITY = {(-15, 5): 36, (-1, 3): 35, (8, 5): 25, (30, 12): 4}

_PRICES = tuple(
    Decimal(price)
    for price in """
    9.99 14.99 4.99 19.00 29.00 7.50 12.00 49.00 24.90 39.00 5.99 99.00 17.85 59.00 79.00 34.90
    129.00 8.33 69.00 149.00 199.00 44.00 249.00 299.00 499.00
    """.split()
)
_PRICE_WEIGHTS = tuple(1 / rank for rank in range(1, len(_PRICES) + 1))

#: Agents pay for many customers from one account of their own.
_AGENT_COUNT = 12

#: Houses per country that have several companies among the customers.
_HOUSES = 3


@dataclass(frozen=True, slots=True)
class Payer:
    """Who stands on the payment: the customer, a person, an affiliate or an agent."""

    name: str
    iban: str
    shows_iban: bool


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the business.

    :ivar known_ibans: Accounts that the business has on file; often none.
    :ivar quoting: How the customer usually names the invoice that is paid.
    """

    number: str
    index: int
    name: str
    country: str
    currency: str
    payer: Payer
    known_ibans: tuple[str, ...]
    plan: Plan
    price: Decimal
    billing_day: int
    billing_month: int
    terms: int
    punctuality: tuple[int, int]
    quoting: Quoting
    structured: bool
    batches: bool
    words: str = field(default="")


def make_customers(name: str, count: int) -> list[Customer]:
    """Return all customers; each depends on the seed and its own number alone.

    :param name: Seed and institution.
    :param count: How many; a smaller company has the first of a larger one's.
    """
    agents = [_agent(dice(name, "agent", number)) for number in range(_AGENT_COUNT)]
    return [_customer(name, index, agents, dice(name, "customer", index)) for index in range(count)]


def _agent(chance: Random) -> Payer:
    return Payer(f"{names.surname(chance)} Treuhand AG", iban("DE", chance), shows_iban=True)


def _customer(name: str, index: int, agents: list[Payer], chance: Random) -> Customer:
    country = _weighted(_COUNTRIES, chance)
    title = _title(name, index, country, chance)
    own_iban = iban(country, chance)
    plan = _weighted(_PLANS, chance)
    currency = "GBP" if country == "GB" else "EUR"
    if country in _OWN_CURRENCY and chance.random() < 0.3:
        currency = _OWN_CURRENCY[country]
    payer = _payer(title, country, own_iban, agents, chance)
    known = (own_iban,) if payer.iban == own_iban and chance.random() < 0.45 else ()
    return Customer(
        number=str(FIRST_NUMBER + index),
        index=index,
        name=title,
        country=country,
        currency=currency,
        payer=payer,
        known_ibans=known,
        plan=plan,
        price=_price(currency, plan, chance),
        billing_day=1 if chance.random() < 0.6 else chance.randrange(1, 29),
        billing_month=chance.randrange(12),
        terms=_weighted(_TERMS, chance),
        punctuality=_weighted(_PUNCTUALITY, chance),
        quoting=_weighted(_QUOTING, chance),
        structured=chance.random() < _STRUCTURED.get(country, 0),
        batches=chance.random() < (0.5 if plan == "agency" else 0.08),
        words=chance.choice(_WORDS[_LANGUAGES.get(country, "en")]),
    )


def _title(name: str, index: int, country: str, chance: Random) -> str:
    """Return the customer's name; a few companies are of one house, and named alike."""
    if chance.random() < 0.03:
        house = dice(name, "house", country, index % _HOUSES)
        return names.sibling(names.company(country, house), chance)
    if chance.random() < 0.3:
        return names.person(country, chance)
    return names.company(country, chance)


def _payer(title: str, country: str, own_iban: str, agents: list[Payer], chance: Random) -> Payer:
    shows = chance.random() < 0.62
    kind = chance.random()
    if kind < 0.05:
        return chance.choice(agents)
    if kind < 0.12:
        affiliate = names.sibling(title, chance) if " " in title else names.company(country, chance)
        return Payer(affiliate, own_iban, shows)
    if kind < 0.20:
        return Payer(_personal(names.person(country, chance), chance), own_iban, shows)
    return Payer(title, own_iban, shows)


def _personal(person: str, chance: Random) -> str:
    """Return a person's name as a bank prints it."""
    given, _, family = person.partition(" ")
    form = chance.random()
    if form < 0.22:
        return f"{family} {given[0]}"
    if form < 0.36:
        return f"{chance.choice(('Mr', 'Mrs', 'Ms'))} {given[0]} {family}"
    if form < 0.44:
        return f"{family}, {given}"
    return person


def _price(currency: str, plan: Plan, chance: Random) -> Decimal:
    price = chance.choices(_PRICES, _PRICE_WEIGHTS)[0]
    months = {"quarterly": 3, "yearly": 12}.get(plan, 1)
    return price * months * (10 if currency in ("SEK", "NOK", "DKK") else 1)


def _weighted[T](weights: dict[T, float] | dict[T, int], chance: Random) -> T:
    return chance.choices(list(weights), list(weights.values()))[0]


_LANGUAGES = {
    "DE": "de", "AT": "de", "CH": "de", "FR": "fr", "BE": "nl", "NL": "nl", "FI": "fi",
    "SE": "sv", "NO": "sv", "DK": "sv", "IT": "it", "ES": "es",
}  # fmt: skip
_WORDS = {
    "de": ("Rechnung", "Rg.Nr.", "RE", "Rechnungsnummer", ""),
    "fr": ("Facture", "Fact.", "Règlement facture", ""),
    "nl": ("Factuur", "Factuurnummer", "fact.", ""),
    "fi": ("Lasku", "Laskun numero", ""),
    "sv": ("Faktura", "Fakturanr", ""),
    "it": ("Fattura", "Saldo fattura n.", "Ft"),
    "es": ("Factura", "Pago factura", ""),
    "en": ("Invoice", "Inv", "Payment for invoice", ""),
}
