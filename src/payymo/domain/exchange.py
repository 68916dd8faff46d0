"""What an amount is in another currency: a pure function of rates against the euro.

A rate says how many units of a currency one euro buys, as the European Central Bank quotes them.
Between two other currencies the euro stands in the middle. Days without a rate (weekends,
holidays) take the last one before them, if it is not older than :data:`CARRY_DAYS_MAX`; otherwise
there is no amount, and never a guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Final

from payymo.domain.enums import RateSource
from payymo.domain.errors import InvalidInputError
from payymo.domain.money import exponent_of

#: The currency that every rate is against.
PIVOT: Final = "EUR"

#: Digits of a rate, and those behind the point, that are kept.
RATE_PRECISION: Final = 20
RATE_SCALE: Final = 10

#: A rate holds for so many days after its own: Christmas with its weekends takes five.
CARRY_DAYS_MAX: Final = 7

#: The first reference rates of the euro.
FIRST_DAY: Final = date(1999, 1, 4)

#: Digits within a conversion: the product of an amount and a rate is exact, and what a division
#: leaves out is too far behind to decide a rounding.
_DIGITS: Final = 80


@dataclass(frozen=True, slots=True)
class ReferenceRate:
    """A rate as it was published.

    :ivar currency: ISO 4217 code; never the euro's.
    :ivar rate: Units of the currency for one euro; greater than zero.
    """

    day: date
    currency: str
    rate: Decimal


@dataclass(frozen=True, slots=True)
class DayRate:
    """The rate of one currency that holds on one day.

    :ivar day: The day that was asked for.
    :ivar currency: ISO 4217 code.
    :ivar rate: Units of the currency for one euro.
    :ivar rate_day: The day that the rate is of; earlier when it is carried forward.
    :ivar source: Who says so.
    """

    day: date
    currency: str
    rate: Decimal
    rate_day: date
    source: RateSource

    @property
    def is_carried(self) -> bool:
        """Whether the day itself has no rate, and an earlier one holds."""
        return self.rate_day < self.day


@dataclass(frozen=True, slots=True)
class Conversion:
    """An amount in another currency, beside the original.

    :ivar original: The amount that was converted.
    :ivar original_currency: Its ISO 4217 code.
    :ivar day: The day for which it was converted.
    :ivar amount: What it is, with the decimals of its currency, rounded half to even.
    :ivar currency: ISO 4217 code of that.
    :ivar rates: The rates that were used: none within one currency, one with the euro, else two.
    """

    original: Decimal
    original_currency: str
    day: date
    amount: Decimal
    currency: str
    rates: tuple[DayRate, ...]

    @property
    def is_carried(self) -> bool:
        """Whether any of the rates is of an earlier day."""
        return any(rate.is_carried for rate in self.rates)

    @property
    def rate_day(self) -> date:
        """The day of the oldest rate; within one currency the day itself."""
        return min((rate.rate_day for rate in self.rates), default=self.day)


def choose_rate(
    currency: str,
    day: date,
    reference: Mapping[date, Decimal],
    overrides: Mapping[date, Decimal],
) -> DayRate | None:
    """Return the rate of a currency that holds on a day, or ``None`` if none does.

    The latest day counts that has any rate; on one day a tenant's own wins.

    :param currency: ISO 4217 code; never the euro's.
    :param day: The day.
    :param reference: Published rates, by their days.
    :param overrides: The tenant's own, by their days.
    """
    for age in range(CARRY_DAYS_MAX + 1):
        earlier = day - timedelta(days=age)
        for rates, source in (
            (overrides, RateSource.OVERRIDE),
            (reference, RateSource.ECB),
        ):
            rate = rates.get(earlier)
            if rate is not None:
                return DayRate(day, currency, rate, earlier, source)
    return None


def convert(
    amount: Decimal,
    original_currency: str,
    currency: str,
    day: date,
    rates: Sequence[DayRate],
) -> Conversion | None:
    """Return what an amount is in another currency, or ``None`` where a rate is missing.

    :param amount: Exact amount, of any sign.
    :param original_currency: Its ISO 4217 code.
    :param currency: ISO 4217 code of what it shall be in.
    :param day: The day for which it is converted.
    :param rates: Rates that hold on that day; others are no matter.
    """
    if original_currency == currency:
        return Conversion(amount, original_currency, day, amount, currency, ())
    known = {rate.currency: rate for rate in rates if rate.day == day}
    used = []
    factors = {PIVOT: Decimal(1)}
    for code in (original_currency, currency):
        if code == PIVOT:
            continue
        rate = known.get(code)
        if rate is None:
            return None
        factors[code] = rate.rate
        used.append(rate)
    with localcontext(prec=_DIGITS):
        exact = amount * factors[currency] / factors[original_currency]
        rounded = exact.quantize(
            Decimal(1).scaleb(-exponent_of(currency)), rounding=ROUND_HALF_EVEN
        )
    return Conversion(amount, original_currency, day, rounded, currency, tuple(used))


def check_rate(rate: Decimal) -> Decimal:
    """Return a rate that can be kept exactly.

    :param rate: Units of a currency for one euro.
    :raises InvalidInputError: If it is not greater than zero, too large or too finely given.
    """
    if not rate.is_finite() or rate <= 0:
        raise InvalidInputError("A rate is greater than zero: units of the currency for one euro.")
    if rate >= Decimal(10) ** (RATE_PRECISION - RATE_SCALE):
        raise InvalidInputError("The rate is too large to be one.")
    if round(rate, RATE_SCALE) != rate:
        raise InvalidInputError(f"A rate has at most {RATE_SCALE} decimals.")
    return rate
