"""What the API says of customers."""

from datetime import date, datetime
from typing import Annotated, Self, TypedDict
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, with_config
from stdnum import iban
from stdnum.exceptions import ValidationError

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import CountryIn, EmailIn, ShortText, refuse
from payymo.postgres.reconciliation.models import Customer

IBANS_MAX = 50


def _check_iban(given: str) -> str:
    try:
        return iban.validate(given, check_country=False)
    except ValidationError as error:
        raise refuse("The IBAN is not valid: check it for a missing or swapped digit.") from error


def _without_repeats(ibans: list[str]) -> list[str]:
    return list(dict.fromkeys(ibans))


Iban = Annotated[ShortText, AfterValidator(_check_iban), Field(examples=["DE89370400440532013000"])]
Ibans = Annotated[
    list[Iban],
    Field(description="Accounts that the customer pays from.", max_length=IBANS_MAX),
    AfterValidator(_without_repeats),
]
Number = Annotated[
    ShortText, Field(description="Your own number for the customer.", examples=["C-1001"])
]
Name = Annotated[ShortText, Field(examples=["Example Ltd"])]
Email = Annotated[EmailIn | None, Field(examples=["accounts@example.com"])]
Country = Annotated[CountryIn | None, Field(description="ISO 3166-1 alpha-2 code.")]


class CustomerRead(ResponseModel):
    """Somebody whom the tenant invoices."""

    id: UUID
    number: Number
    name: Name
    email: Annotated[str | None, Field(examples=["accounts@example.com"])]
    country: Annotated[str | None, Field(examples=["GB"])]
    ibans: Annotated[list[str], Field(examples=[["DE89370400440532013000"]])]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, customer: Customer) -> Self:
        """Present a customer.

        :param customer: Row, with what the database filled in.
        """
        return cls(
            id=customer.id,
            number=customer.number,
            name=customer.name,
            email=customer.email,
            country=customer.country,
            ibans=customer.ibans,
            created_at=customer.created_at,
            updated_at=customer.updated_at,
        )


class PayerRead(ResponseModel):
    """An account and a name from which a customer was paid for, as decisions say."""

    iban: Annotated[str | None, Field(examples=["DE89370400440532013000"])]
    name: Annotated[str | None, Field(examples=["Example Holding"])]
    payment_count: Annotated[int, Field(description="Payments confirmed as the customer's.")]
    refusal_count: Annotated[
        int, Field(description="Payments that a person did not take for the customer's.")
    ]
    quoting_count: Annotated[int, Field(description="Payments that quoted an invoice.")]
    combined_count: Annotated[int, Field(description="Payments for several invoices.")]
    mean_lag: Annotated[
        float | None, Field(description="Days after the due date, on average.", examples=[4.5])
    ]
    last_seen: date


class CustomerCreate(RequestModel):
    """A new customer."""

    number: Number
    name: Name
    email: Email = None
    country: Country = None
    ibans: Annotated[Ibans, Field(default_factory=list)]


@with_config(ConfigDict(extra="forbid"))
class CustomerUpdate(TypedDict, total=False):
    """What to change of a customer: what is left out stays, null clears."""

    number: Number
    name: Name
    email: Email
    country: Country
    ibans: Ibans
