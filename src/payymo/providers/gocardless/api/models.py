"""GoCardless's JSON, as far as Payymo reads it.

Tolerant on purpose: fields that are not named here are left alone, and what has been seen
missing may be missing.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from payymo.domain.errors import ProviderResponseError


def _listed(value: object) -> object:
    return [] if value is None else value


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _days(value: object) -> object:
    """Return a number of days: they come as text, and text compares wrongly."""
    return value.strip() or None if isinstance(value, str) else value


type Text = Annotated[str | None, BeforeValidator(_as_text)]
type Days = Annotated[int | None, BeforeValidator(_days)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Institution(_Answer):
    """A bank. Days come as text."""

    id: str = Field(min_length=1)
    name: str
    bic: Text = None
    logo: Text = None
    countries: Annotated[list[str], BeforeValidator(_listed)] = []
    transaction_total_days: Days = None
    max_access_valid_for_days: Days = None
    supported_features: Annotated[list[str], BeforeValidator(_listed)] = []


class Agreement(_Answer):
    """What may be read, and for how long once accepted."""

    id: str = Field(min_length=1)
    max_historical_days: Days = None
    access_valid_for_days: Days = None
    accepted: datetime | None = None


class Requisition(_Answer):
    """One attempt to connect, and what became of it."""

    id: str = Field(min_length=1)
    status: str
    agreement: Text = None
    accounts: Annotated[list[str], BeforeValidator(_listed)] = []
    link: Text = None


class Account(_Answer):
    """What GoCardless itself knows of an account: all of it may be empty."""

    id: Text = None
    iban: Text = None
    bban: Text = None
    status: Text = None
    institution_id: Text = None
    owner_name: Text = None
    name: Text = None


class Details(_Answer):
    """What the bank says of an account: all of it may be missing."""

    resource_id: Text = Field(default=None, alias="resourceId")
    iban: Text = None
    bban: Text = None
    scan: Text = None
    bic: Text = None
    currency: Text = None
    owner_name: Text = Field(default=None, alias="ownerName")
    name: Text = None
    display_name: Text = Field(default=None, alias="displayName")
    product: Text = None
    cash_account_type: Text = Field(default=None, alias="cashAccountType")
    status: Text = None
    masked_pan: Text = Field(default=None, alias="maskedPan")


class DetailsAnswer(_Answer):
    """Answer of the details endpoint."""

    account: Details


class Money(_Answer):
    """An amount, as text, with its currency."""

    amount: Annotated[str, BeforeValidator(_as_text)]
    currency: str


class Balance(_Answer):
    """One balance."""

    amount: Money = Field(alias="balanceAmount")
    balance_type: Text = Field(default=None, alias="balanceType")
    credit_limit_included: bool | None = Field(default=None, alias="creditLimitIncluded")
    last_change: Text = Field(default=None, alias="lastChangeDateTime")
    reference_date: Text = Field(default=None, alias="referenceDate")


def read[Model: BaseModel](model: type[Model], document: dict[str, Any]) -> Model:
    """Return a document as one of the models above.

    :raises ProviderResponseError: If it is not of that shape; the message names the fields and
        none of their values.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fields = sorted({".".join(map(str, fault["loc"])) for fault in error.errors()})
        raise ProviderResponseError(
            f"GoCardless's {model.__name__.lower()} is not of the agreed shape: "
            f"{', '.join(fields[:5])}."
        ) from None
