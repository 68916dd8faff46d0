"""What the API says of exchange rates."""

import datetime as dt
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import AmountIn, CurrencyIn, DateIn, LongText, refuse
from payymo.domain.enums import RateSource
from payymo.domain.errors import InvalidInputError
from payymo.domain.exchange import FIRST_DAY, PIVOT, DayRate, check_rate
from payymo.domain.money import format_number
from payymo.postgres.fx.operations.overrides import RateLine


def _check_rate(given: Decimal) -> Decimal:
    try:
        return check_rate(given)
    except InvalidInputError as error:
        raise refuse(error.message) from error


def _check_not_euro(code: str) -> str:
    if code == PIVOT:
        raise refuse("The euro has no rate: all rates are against it.")
    return code


def _check_day(day: dt.date) -> dt.date:
    if day < FIRST_DAY:
        raise refuse(f"Rates begin with the euro, on {FIRST_DAY}.")
    return day


#: A currency that may be given a rate.
OverriddenCurrencyIn = Annotated[CurrencyIn, AfterValidator(_check_not_euro)]

#: A currency that has, or had, a rate: those that the euro replaced are known as well.
QuotedCurrencyIn = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{3}$", to_upper=True),
    AfterValidator(_check_not_euro),
    Field(examples=["USD"]),
]

#: A day that may be given a rate.
RateDateIn = Annotated[DateIn, AfterValidator(_check_day)]

RateOut = Annotated[
    str, Field(description="Units of the currency for one euro.", examples=["1.0842"])
]
SourceOut = Annotated[
    RateSource,
    Field(description="`ecb`: the European Central Bank; `override`: the tenant's own."),
]


class RateRead(ResponseModel):
    """What one euro is worth in a currency, by the rate of a day."""

    currency: Annotated[str, Field(examples=["USD"])]
    date: dt.date
    rate: RateOut
    source: SourceOut
    reference_rate: Annotated[
        str | None,
        Field(description="What the European Central Bank published.", examples=["1.0842"]),
    ]
    note: Annotated[str | None, Field(description="Of the tenant's own rate.")]

    @classmethod
    def of(cls, line: RateLine) -> Self:
        """Present a rate.

        :param line: The rate that counts for the tenant.
        """
        return cls(
            currency=line.currency,
            date=line.rate_date,
            rate=format_number(line.rate),
            source=line.source,
            reference_rate=(
                None if line.reference_rate is None else format_number(line.reference_rate)
            ),
            note=line.note,
        )


class DayRateRead(ResponseModel):
    """The rate of a currency that holds on a day."""

    currency: Annotated[str, Field(examples=["USD"])]
    date: Annotated[dt.date, Field(description="The day that was asked for.")]
    rate: RateOut
    source: SourceOut
    rate_date: Annotated[dt.date, Field(description="The day that the rate is of.")]
    is_carried: Annotated[
        bool, Field(description="Whether the day has no rate, and an earlier one holds.")
    ]

    @classmethod
    def of(cls, rate: DayRate) -> Self:
        """Present a rate.

        :param rate: The rate that holds.
        """
        return cls(
            currency=rate.currency,
            date=rate.day,
            rate=format_number(rate.rate),
            source=rate.source,
            rate_date=rate.rate_day,
            is_carried=rate.is_carried,
        )


class RateReplace(RequestModel):
    """A rate of the tenant's own."""

    rate: Annotated[
        AmountIn,
        AfterValidator(_check_rate),
        Field(description="Units of the currency for one euro.", examples=["1.0842"]),
    ]
    note: Annotated[LongText | None, Field(examples=["As our bank settled it."])] = None
