"""A seller, its customers with their habits, and the invoices that they are sent."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from benchmarks.matching import references
from benchmarks.matching.names import SIBLING_WORDS, Name, company, person, telling_word
from benchmarks.matching.randomness import Choices, Source
from benchmarks.matching.rates import Rates

#: Countries with their weight, currency, structured reference, and how accounts look after the
#: country's letters: ``9`` a digit, ``A`` a letter.
_COUNTRIES: dict[str, tuple[float, str, str | None, str]] = {
    "DE": (0.18, "EUR", "ISO11649", "9" * 18),
    "GB": (0.17, "GBP", None, "AAAA" + "9" * 14),
    "SE": (0.09, "SEK", "SE_OCR", "9" * 20),
    "NL": (0.10, "EUR", "ISO11649", "AAAA" + "9" * 10),
    "BE": (0.09, "EUR", "BE_OGM", "9" * 12),
    "FR": (0.09, "EUR", "ISO11649", "9" * 23),
    "NO": (0.06, "NOK", "NO_KID", "9" * 11),
    "CH": (0.05, "CHF", "CH_QRR", "9" * 17),
    "IT": (0.04, "EUR", "ISO11649", "A" + "9" * 22),
    "DK": (0.04, "DKK", "DK_FIK", "9" * 14),
    "FI": (0.04, "EUR", "FI_VIITE", "9" * 14),
    "ES": (0.025, "EUR", "ISO11649", "9" * 20),
    "AT": (0.015, "EUR", "ISO11649", "9" * 16),
    "IE": (0.01, "EUR", None, "AAAA" + "9" * 14),
    "PT": (0.005, "EUR", "ISO11649", "9" * 21),
    "EE": (0.005, "EUR", "EE_VIITE", "9" * 16),
}
COUNTRIES = tuple(_COUNTRIES)

#: Units per euro around which a book's mid rates lie.
_MID_RATES = {
    "EUR": 1.0, "GBP": 0.86, "USD": 1.09, "SEK": 11.3, "NOK": 11.6, "DKK": 7.46, "CHF": 0.95,
}  # fmt: skip
_IN_CROWNS = frozenset({"SEK", "NOK", "DKK"})
_PRICES = (
    9_99, 29_00, 19_00, 49_00, 14_99, 99_00, 9_90, 39_00, 59_00, 79_00, 149_00, 24_99, 29_99,
    199_00,    12_00, 69_00, 249_00, 119_00, 35_00, 299_00, 89_00, 399_00, 15_50, 499_00, 990_00,
)  # fmt: skip

#: How a series writes numbers: of the year (yyyy, yy), the month (mm) and a running number.
_SERIES: tuple[Callable[[str, str, str, int], str], ...] = (
    lambda yyyy, _yy, _mm, n: f"INV-{yyyy}-{n:05d}",
    lambda _yyyy, yy, _mm, n: f"RE{yy}{n:05d}",
    lambda yyyy, _yy, _mm, n: f"{yyyy}/{n:04d}",
    lambda yyyy, _yy, _mm, n: f"F{yyyy}-{n}",
    lambda _yyyy, yy, _mm, n: f"FA{yy}-{n:05d}",
    lambda _yyyy, _yy, _mm, n: f"SI-{n:06d}",
    lambda yyyy, _yy, _mm, n: f"{yyyy}{n:05d}",
    lambda _yyyy, yy, mm, n: f"R{yy}{mm}-{n:04d}",
    lambda _yyyy, yy, _mm, n: f"{yy}-{n:05d}",
    lambda yyyy, _yy, _mm, n: f"A.{yyyy}.{n:04d}",
    lambda _yyyy, yy, _mm, n: f"KV/{yy}/{n:05d}",
    lambda _yyyy, _yy, _mm, n: f"VF{n:07d}",
)  # fmt: skip

#: In steps of what one-off amounts are.
_STEPS = Choices({50_00: 0.10, 1_00: 0.25, 1: 0.65})

_HISTORY_DAYS = 420
_OPEN_DAYS = 150
_MONTH_STARTS = 30.4

_LAGS = {"early": (-15, 5), "on_time": (-1, 3), "late": (8, 5), "very_late": (30, 12)}
_AGENT_SHARE_OF_CUSTOMERS = 60

#: Credit notes for each customer, to make one for each payment that is to be netted.
_CREDITS_A_CUSTOMER = 6
_CREDITED = (0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.65)


@dataclass(slots=True)
class Payer:
    """Who moves a customer's money.

    :ivar kind: own, person, affiliate or agent.
    :ivar shown: Whether the bank shows the account.
    """

    kind: str
    name: Name
    iban: str
    shown: bool


@dataclass(slots=True)
class Customer:
    """A customer with habits.

    :ivar number: The digits of the customer's number.
    :ivar quoting: exact, cosmetic, partial, other or none.
    :ivar lag: Mean and deviation of days between due and paid.
    :ivar layout: Which of the layouts of the bank's country; negative for none.
    :ivar wording: Which of the ways to build a message.
    :ivar group: Customers of the same group, this one included.
    """

    number: str
    name: Name
    country: str
    currency: str
    pays_in: str
    listed_ibans: tuple[str, ...]
    own_iban: str
    payer: Payer
    quoting: str
    uses_structured: bool
    lag: tuple[float, float]
    terms: int
    layout: int
    wording: int
    is_upper: bool
    keeps_marks: bool
    keeps_diacritics: bool
    series: int
    is_known: bool
    spelled: str | None = None
    group: list["Customer"] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The customer's id, which is its number with a letter."""
        return f"C{self.number}"


@dataclass(slots=True)
class Invoice:
    """An invoice; amounts in hundredths, days as ordinals."""

    customer: Customer
    issued: int
    due: int
    total: int
    balance: int
    kind: str
    id: int = 0
    number: str = ""
    reference: str | None = None
    scheme: str | None = None
    paid_on: int | None = None


@dataclass(slots=True)
class Seller:
    """Who sent the invoices: what its numbers, references and accounts look like.

    :ivar name: Its own name, which own transfers carry.
    :ivar today: The nominal day of the book, as an ordinal.
    """

    name: str
    today: int
    fx_per_eur: Mapping[str, float]
    agents: Sequence[Payer]
    factors: Sequence[Payer]
    processor_ibans: Mapping[str, str]
    ibans: Mapping[str, str]


@dataclass(slots=True)
class World:
    """All there is before anybody pays."""

    seller: Seller
    customers: list[Customer]
    open: list[Invoice]
    closed: list[Invoice]


def found(key: str, rates: Rates, size: int) -> World:
    """Return a world with that many open invoices, and older ones that are paid."""
    source = Source(key, "world")
    today = 738_000 + source.between(0, 1800)  # some day between mid-2021 and mid-2026
    agents, factors = _agents(source, size), _factors(source)
    seller = Seller(
        name=f"{company(source, 'DE').words} Trading",
        today=today,
        fx_per_eur={
            currency: round(rate * (1 if currency == "EUR" else source.within(0.97, 1.03)), 4)
            for currency, rate in _MID_RATES.items()
        },
        agents=agents,
        factors=factors,
        processor_ibans={
            name: account(source, source.pick(("DE", "IE", "NL", "GB", "FR")))
            for name in PROCESSORS
        },
        ibans={country: account(source, country) for country in COUNTRIES},
    )
    world = World(seller, [], [], [])
    draw = _Draw(source, rates)
    while len(world.open) < size:
        _add_customer(world, draw)
    del world.open[size:]
    _number(world, source)
    return world


def account(source: Source, country: str) -> str:
    """Return a new IBAN of a country."""
    signs = [
        source.letters(1) if sign == "A" else str(int(source.random() * 10))
        for sign in _COUNTRIES[country][3]
    ]
    return references.iban(country, "".join(signs))


def price_in(amount: int, currency: str) -> int:
    """Return a price in a currency that may be worth a tenth of the others."""
    return amount * 10 if currency in _IN_CROWNS else amount


@lru_cache(maxsize=4096)
def currency_of(country: str) -> str:
    """Return the currency that a country pays in."""
    return _COUNTRIES[country][1]


PROCESSORS: dict[str, tuple[str, ...]] = {
    "STRIPE": ("STRIPE TECHNOLOGY EUROPE LTD", "STRIPE PAYMENTS UK LTD", "STRIPE"),
    "PAYPAL": ("PAYPAL (EUROPE) S.A R.L.", "PAYPAL EUROPE SARL ET CIE SCA"),
    "GOCARDLESS": ("GOCARDLESS LTD", "GOCARDLESS SAS"),
    "MOLLIE": ("STICHTING MOLLIE PAYMENTS", "MOLLIE BV"),
    "ADYEN": ("ADYEN N.V.",),
    "SUMUP": ("SUMUP PAYMENTS LIMITED", "SUMUP LTD"),
    "KLARNA": ("KLARNA BANK AB",),
    "WISE": ("WISE PAYMENTS LIMITED", "WISE EUROPE SA"),
}


class _Draw:
    """The choices of a profile, ready to draw from."""

    def __init__(self, source: Source, rates: Rates) -> None:
        self.source = source
        self.rates = rates
        self.country = Choices({code: row[0] for code, row in _COUNTRIES.items()})
        self.payer = Choices(rates.payers)
        self.quoting = Choices(rates.quoting)
        self.lag = Choices(rates.lags)
        self.terms = Choices({int(key[1:]): weight for key, weight in rates.terms.items()})
        self.price = Choices({amount: 1 / (rank + 1) for rank, amount in enumerate(_PRICES)})
        series = list(range(len(_SERIES)))
        source.shuffle(series)
        chosen = series[: source.between(2, 4)]
        self.series = Choices({number: source.within(0.3, 1) for number in chosen} | {-1: 0.8})


def _agents(source: Source, size: int) -> list[Payer]:
    words = "Treuhand Accounting Ledger Payroll Fiduciaire Regnskab Boekhouding Bookkeepers".split()
    agents = []
    for _ in range(3 + size // (25 * _AGENT_SHARE_OF_CUSTOMERS)):
        country = source.pick(COUNTRIES)
        base = company(source, country)
        name = Name(f"{telling_word(base.words)} {source.pick(words)}", base.legal, is_person=False)
        shown = source.chance(0.7)
        agents.append(Payer("agent", name, account(source, country), shown))
    return agents


def _factors(source: Source) -> list[Payer]:
    words = ("Factoring", "Receivables Finance", "Forderungsmanagement", "Affacturage")
    factors = []
    for _ in range(4):
        country = source.pick(("DE", "GB", "FR", "NL", "BE"))
        base = company(source, country)
        name = Name(f"{telling_word(base.words)} {source.pick(words)}", base.legal, is_person=False)
        factors.append(Payer("factor", name, account(source, country), shown=True))
    return factors


def _add_customer(world: World, draw: _Draw) -> None:
    """Add one customer, or a few of one group, with their invoices."""
    source, rates = draw.source, draw.rates
    country = source.choose(draw.country)
    is_person = source.chance(rates.people)
    name = person(source, country) if is_person else company(source, country)
    group = [_customer(world, draw, name, country)]
    if not is_person and source.chance(rates.siblings):
        words = [source.pick(SIBLING_WORDS) for _ in range(source.between(1, 2))]
        for word in dict.fromkeys(words):
            twin = Name(f"{name.words} {word}", name.legal, is_person=False, surname=name.surname)
            group.append(_customer(world, draw, twin, country))
        for customer in group:
            customer.group = group
    for customer in group:
        world.customers.append(customer)
        _invoice(world, draw, customer)


def _customer(world: World, draw: _Draw, name: Name, country: str) -> Customer:
    source, rates = draw.source, draw.rates
    _weight, currency, _scheme, _form = _COUNTRIES[country]
    own_iban = account(source, country)
    listed: tuple[str, ...] = ()
    if source.chance(rates.iban_on_file):
        outdated = source.chance(rates.iban_outdated)
        listed = (account(source, country) if outdated else own_iban,)
    billed = currency
    if source.chance(rates.foreign):
        billed = source.pick([code for code in ("USD", "EUR", "GBP", "CHF") if code != currency])
    return Customer(
        number="",
        name=name,
        country=country,
        currency=billed,
        pays_in=currency,
        listed_ibans=listed,
        own_iban=own_iban,
        payer=_payer(world, draw, name, country, own_iban),
        quoting=source.choose(draw.quoting),
        uses_structured=source.chance(rates.structured[country]),
        lag=_LAGS[source.choose(draw.lag)],
        terms=source.choose(draw.terms),
        layout=source.between(0, 99) if source.chance(rates.labelled) else -1,
        wording=source.between(0, 99),
        is_upper=source.chance(rates.upper_case),
        keeps_marks=not source.chance(rates.no_punctuation),
        keeps_diacritics=not source.chance(rates.no_diacritics),
        series=source.choose(draw.series),
        is_known=source.chance(rates.known_before),
    )


def _payer(world: World, draw: _Draw, name: Name, country: str, own_iban: str) -> Payer:
    source, rates = draw.source, draw.rates
    shown = source.chance(rates.iban_shown)
    kind = source.choose(draw.payer)
    if kind == "agent":
        agent = source.pick(world.seller.agents)
        return Payer("agent", agent.name, agent.iban, agent.shown)
    if kind == "person" and not name.is_person:
        family = name.surname if source.chance(0.4) else None
        return Payer(kind, person(source, country, family=family), account(source, country), shown)
    if kind == "person":
        return Payer(kind, person(source, country), account(source, country), shown)
    if kind == "affiliate":
        other = company(source, country)
        if source.chance(rates.affiliate_shares_word):
            first = telling_word(name.words)
            other = Name(f"{first} {source.pick(SIBLING_WORDS[:6])}", other.legal, is_person=False)
        return Payer(kind, other, account(source, country), shown)
    return Payer("own", name, own_iban, shown)


def _invoice(world: World, draw: _Draw, customer: Customer) -> None:
    """Write a customer's invoices, those of before and those that are open."""
    source, rates = draw.source, draw.rates
    start = world.seller.today - _OPEN_DAYS
    if source.chance(rates.subscribers):
        price = price_in(source.choose(draw.price), customer.currency)
        plans = 2 if source.chance(rates.second_subscription) else 1
        for _ in range(plans):
            _subscribe(world, draw, customer, price)
        if not source.chance(0.12):
            return
    mean = 1.2 if customer.name.is_person else 3.2
    count = 1 + int(-mean * _log_of_rest(source))
    for _ in range(count):
        amount = _one_off(source)
        issued = start + int(source.random() * (_OPEN_DAYS - 2))
        balance = amount
        if source.chance(rates.part_paid):
            balance = round(amount * source.pick((0.25, 0.4, 0.5, 0.6, 0.7, 0.75)))
        _send(world.open, customer, issued, total=amount, balance=balance, kind="one_off")
    if source.chance(rates.credit_netted * _CREDITS_A_CUSTOMER):
        credited = world.open[-source.between(1, count)]
        amount = -max(round(credited.balance * source.pick(_CREDITED)), 1)
        issued = min(credited.issued + source.between(2, 20), world.seller.today)
        _send(world.open, customer, issued, total=amount, balance=amount, kind="credit_note")
    if customer.is_known:
        for _ in range(1 + int(count * 0.6)):
            issued = start - 1 - int(source.random() * (_HISTORY_DAYS - _OPEN_DAYS))
            amount = _one_off(source)
            _send(world.closed, customer, issued, total=amount, balance=0, kind="one_off")


def _subscribe(world: World, draw: _Draw, customer: Customer, price: int) -> None:
    source = draw.source
    start = world.seller.today - _OPEN_DAYS
    first = start + source.pick((0, 0, 0, 14, 14, 27, source.between(0, 29)))
    months = 5 if source.chance(0.72) else source.between(1, 5)
    for month in range(5 - months, 5):
        issued = first + round(month * _MONTH_STARTS)
        if issued <= world.seller.today - 2:
            _send(world.open, customer, issued, total=price, balance=price, kind="subscription")
    if customer.is_known:
        for month in range(1, 1 + source.between(1, 8)):
            issued = first - round(month * _MONTH_STARTS)
            if issued < start:
                _send(world.closed, customer, issued, total=price, balance=0, kind="subscription")


def _send(
    pile: list[Invoice], customer: Customer, issued: int, *, total: int, balance: int, kind: str
) -> None:
    pile.append(Invoice(customer, issued, issued + customer.terms, total, balance, kind))


def _log_of_rest(source: Source) -> float:
    """Return the logarithm of a number between 0 and 1: minus an exponential waiting time."""
    return math.log(1 - source.random())


def _one_off(source: Source) -> int:
    """Return an amount: log-normal, a quarter whole, a tenth in steps of fifty."""
    amount = 400_00 * math.exp(source.normal(0, 1.25))
    amount = min(max(amount, 5_00), 250_000_00)
    step = source.choose(_STEPS)
    return max(round(amount / step), 1) * step


def _number(world: World, source: Source) -> None:
    """Give ids, numbers and references, by issue date, so that open numbers are neighbours."""
    base = source.between(10_000, 60_000)
    many = len(world.customers)
    first_customer = max(1_000, base - int(many * source.within(0.2, 1.1)))
    numbers = list(range(first_customer, first_customer + many))
    source.shuffle(numbers)
    for customer, number in zip(world.customers, numbers, strict=True):
        customer.number = str(number)
    plain_is_id = source.chance(0.6)
    running = [source.between(1, 400) for _ in _SERIES]
    numbering = _References(source)
    chronicle = sorted([*world.closed, *world.open], key=_by_issue)
    credit_prefix = source.pick(("CN-", "GS", "C", "KR-"))
    for at, invoice in enumerate(chronicle):
        invoice.id = base + at
        if invoice.kind == "credit_note":
            invoice.number = f"{credit_prefix}{base + at}"
            continue
        series = invoice.customer.series
        if series < 0:
            invoice.number = str(invoice.id if plain_is_id else 2 * base + at)
        else:
            running[series] += 1
            year, month = _year_and_month(invoice.issued)
            invoice.number = _SERIES[series](
                str(year), f"{year % 100:02d}", f"{month:02d}", running[series]
            )
        numbering.refer(invoice)
    world.closed.sort(key=_by_issue)
    world.open.sort(key=_by_issue)


def _by_issue(invoice: Invoice) -> tuple[int, int]:
    return invoice.issued, invoice.id


class _References:
    """Which way this seller builds the references of each scheme."""

    def __init__(self, source: Source) -> None:
        self._ways = {name: source.pick(ways) for name, ways in references.BUILDERS.items()}
        self._has_customer = source.chance(0.5)
        self._rf_of_number = source.chance(0.6)

    def refer(self, invoice: Invoice) -> None:
        """Give an invoice its reference, in the scheme of its customer's country."""
        scheme = _COUNTRIES[invoice.customer.country][2]
        if scheme is None:
            return
        digits = str(invoice.id)
        if scheme == "BE_OGM":
            body = f"{int(invoice.customer.number) % 10_000:04d}{invoice.id % 1_000_000:06d}"
        elif scheme == "ISO11649" and self._rf_of_number:
            body = "".join(sign for sign in invoice.number.upper() if sign.isalnum())
        elif self._has_customer:
            body = invoice.customer.number + digits
        else:
            body = digits
        invoice.scheme = scheme
        invoice.reference = self._ways[scheme](body)


@lru_cache(maxsize=4096)
def _year_and_month(day: int) -> tuple[int, int]:
    when = date.fromordinal(day)
    return when.year, when.month
