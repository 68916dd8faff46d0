"""How customers pay: at once, together, in parts, short, too much, through a processor, or not."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from random import Random

from payymo.sandbox.books.billing import Bill
from payymo.sandbox.books.customers import Customer
from payymo.sandbox.books.dice import dice
from payymo.sandbox.books.records import CENT

#: Mid rates, units per euro.
FX_PER_EUR = {
    "GBP": Decimal("0.852"),
    "SEK": Decimal("11.24"),
    "NOK": Decimal("11.58"),
    "DKK": Decimal("7.459"),
    "CHF": Decimal("0.943"),
}

#: Ways to pay one bill, per thousand.
_WAYS = {
    "exact": 835, "instalment": 22, "fee_deducted": 18, "small_diff": 15, "discount": 20,
    "overpay": 15, "processor_single": 17, "processor_single_net": 18, "unpaid": 40,
}  # fmt: skip
_COMBINED_SHARE = 0.06
_COMBINED_SHARE_BATCHER = 0.45
_COMBINED_FEE_SHARE = 0.07
_STRAY_SHARE = 0.02
_PROCESSOR_FEES = (("0.014", "0.20"), ("0.015", "0.25"), ("0.029", "0.30"), ("0.0169", "0"))
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Payment:
    """Money from a customer.

    :ivar key: Its name, for ever.
    :ivar amount: In the account's currency.
    :ivar allocations: Bills with amounts in their own currency.
    :ivar rate: Units of the bill's currency per euro, where money was changed.
    :ivar instructed: Amount in the bill's currency, where money was changed.
    """

    key: str
    day: date
    customer: Customer
    currency: str
    amount: Decimal
    case: str
    allocations: tuple[tuple[Bill, Decimal], ...]
    rate: Decimal | None = None
    instructed: Decimal | None = None


def make_payments(name: str, bills: list[Bill], through: date) -> list[Payment]:
    """Return every payment for the bills, by day.

    :param name: Seed and institution.
    :param bills: All bills, in order.
    :param through: Last day; later days only add payments.
    """
    by_customer: dict[int, list[Bill]] = defaultdict(list)
    for bill in bills:
        by_customer[bill.customer.index].append(bill)
    payments = [
        payment
        for owed in by_customer.values()
        for payment in _customer_payments(name, owed)
        if payment.day <= through
    ]
    payments.sort(key=lambda payment: (payment.day, payment.key))
    return payments


def next_business_day(day: date) -> date:
    """Return the day, or the Monday after it."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= _SATURDAY else 0)


def _customer_payments(name: str, owed: list[Bill]) -> list[Payment]:
    payments: list[Payment] = []
    place = 0
    while place < len(owed):
        bill = owed[place]
        chance = dice(name, "payment", bill.customer.index, place)
        share = _COMBINED_SHARE_BATCHER if bill.customer.batches else _COMBINED_SHARE
        size = min(9, 2 + int(chance.expovariate(0.9))) if chance.random() < share else 1
        together = owed[place : place + size]
        place += size
        if len(together) < size or _span(together) > timedelta(days=200):
            # Not all of them are issued yet, or they lie too far apart: left unpaid.
            continue
        if size > 1:
            payments.append(_combined(together, chance))
        else:
            payments += _single(bill, chance)
    return payments


def _span(bills: list[Bill]) -> timedelta:
    return bills[-1].invoice.issued_on - bills[0].invoice.issued_on


def _pay_day(bill: Bill, chance: Random) -> date:
    mean, spread = bill.customer.punctuality
    late = round(chance.gauss(mean, spread))
    if chance.random() < _STRAY_SHARE:
        late = chance.randrange(20, 76)
    day = bill.invoice.due_on + timedelta(days=late + chance.randrange(4))
    return next_business_day(max(day, bill.invoice.issued_on + timedelta(days=1)))


def _combined(bills: list[Bill], chance: Random) -> Payment:
    last = bills[-1]
    total = sum((bill.invoice.total for bill in bills), Decimal(0))
    largest = max(bills, key=lambda bill: bill.invoice.total)
    case, fee = "combined", Decimal(0)
    if chance.random() < _COMBINED_FEE_SHARE:
        case, fee = "combined_fee", largest.invoice.total - _less_fee(largest.invoice.total, chance)
    allocations = tuple(
        (bill, bill.invoice.total - (fee if bill is largest else 0)) for bill in bills
    )
    day = _pay_day(last, chance)
    return _payment(last, case, day, chance, allocations, amount=total - fee)


def _single(bill: Bill, chance: Random) -> list[Payment]:
    way = chance.choices(list(_WAYS), list(_WAYS.values()))[0]
    day = _pay_day(bill, chance)
    total = bill.invoice.total
    if way == "unpaid":
        return []
    if way == "instalment":
        return _instalments(bill, day, chance)
    amount = total
    if way == "fee_deducted":
        amount = _less_fee(total, chance)
    elif way == "small_diff":
        amount = max(CENT, total + chance.choice((-5, -2, -1, 1, 2, 5)) * CENT)
    elif way == "discount":
        day = next_business_day(bill.invoice.issued_on + timedelta(days=chance.randrange(3, 13)))
        percent = chance.choice((Decimal(1), Decimal(2), Decimal("2.5"), Decimal(3)))
        amount = _cents(total * (100 - percent) / 100)
    elif way == "overpay":
        amount = _overpaid(total, chance)
    elif way == "processor_single_net":
        percent_, fixed = (Decimal(part) for part in chance.choice(_PROCESSOR_FEES))
        amount = max(CENT, _cents(total - total * percent_ - fixed))
    if amount == total and not way.startswith("processor"):
        way = "exact"
    return [_payment(bill, way, day, chance, ((bill, min(amount, total)),), amount=amount)]


def _instalments(bill: Bill, day: date, chance: Random) -> list[Payment]:
    total = bill.invoice.total
    shape = chance.choice(("halves", "thirds", "down"))
    if shape == "halves":
        first = _cents(total / 2)
        parts = [first, total - first]
    elif shape == "thirds":
        third = _cents(total / 3)
        parts = [third, third, total - 2 * third]
    else:
        down = _cents(total * chance.randrange(20, 41) / 100)
        parts = [down, total - down]
    if chance.random() < 0.4:
        parts.pop()
    return [
        _payment(
            bill,
            "instalment",
            next_business_day(day + timedelta(days=30 * number)),
            chance,
            ((bill, part),),
            amount=part,
            part=number,
        )
        for number, part in enumerate(parts)
        if part > 0
    ]


def _payment(
    bill: Bill,
    case: str,
    day: date,
    chance: Random,
    allocations: tuple[tuple[Bill, Decimal], ...],
    *,
    amount: Decimal,
    part: int = 0,
) -> Payment:
    """Return a payment, changed into euros where the account is not in the bill's currency."""
    currency = bill.invoice.currency
    key = f"{day}-c{bill.customer.index}-{bill.place}-{part}"
    if currency in ("EUR", "GBP"):
        return Payment(key, day, bill.customer, currency, amount, case, allocations)
    drift = Decimal(round(chance.uniform(-1.2, 1.2) * 1000 - 400)) / 100_000
    rate = (FX_PER_EUR[currency] * (1 - drift)).quantize(Decimal("0.000001"))
    return Payment(
        key,
        day,
        bill.customer,
        "EUR",
        max(CENT, _cents(amount / rate)),
        "fx" if case == "exact" else case,
        allocations,
        rate,
        amount,
    )


def _less_fee(total: Decimal, chance: Random) -> Decimal:
    fee = chance.choice((Decimal("2.50"), Decimal(5), Decimal("7.50"), Decimal(15), Decimal(25)))
    return (
        total - fee if total > 4 * fee else total - min(total / 2, Decimal("0.35")).quantize(CENT)
    )


def _overpaid(total: Decimal, chance: Random) -> Decimal:
    shape = chance.randrange(4)
    if shape == 0:
        return total + chance.choice((1, 5, 10, 20))
    if shape == 1:
        return (total / 10).to_integral_value(ROUND_CEILING) * 10
    return _cents(total * chance.choice((110, 120, 200)) / 100)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
