"""What the API says of an amount in another currency."""

import datetime as dt
from typing import Annotated, Self

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.api.fields import AmountOut
from payymo.api.fx_rates.models import DayRateRead
from payymo.domain.exchange import Conversion
from payymo.domain.money import format_amount


class ConversionRead(ResponseModel):
    """An amount in another currency, beside the original."""

    original_amount: AmountOut
    original_currency: Annotated[str, Field(examples=["USD"])]
    amount: Annotated[AmountOut, Field(description="Rounded half to even.")]
    currency: Annotated[str, Field(examples=["GBP"])]
    date: dt.date
    rate_date: Annotated[dt.date, Field(description="The day of the oldest rate that was used.")]
    is_carried: Annotated[bool, Field(description="Whether a rate of an earlier day was used.")]
    rates: Annotated[
        list[DayRateRead],
        Field(description="None within one currency, one to or from the euro, else two."),
    ]

    @classmethod
    def of(cls, conversion: Conversion) -> Self:
        """Present a conversion.

        :param conversion: The original, what it came to, and by which rates.
        """
        return cls(
            original_amount=format_amount(conversion.original, conversion.original_currency),
            original_currency=conversion.original_currency,
            amount=format_amount(conversion.amount, conversion.currency),
            currency=conversion.currency,
            date=conversion.day,
            rate_date=conversion.rate_day,
            is_carried=conversion.is_carried,
            rates=[DayRateRead.of(rate) for rate in conversion.rates],
        )
