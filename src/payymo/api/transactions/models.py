"""What the API says of bank transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypedDict
from uuid import UUID

from pydantic import ConfigDict, Field, with_config

from payymo.api.envelopes import ResponseModel
from payymo.api.fields import AmountOut, LongText, ShortText
from payymo.domain.enums import (
    Direction,
    IdentityTier,
    TransactionMatchStatus,
    TransactionStatus,
)


# A dataclass, unlike the other answers: lists of it are written straight to bytes, and a Pydantic
# model would check once more what the database has just said. Freezing it would double the time.
@dataclass(slots=True)
class TransactionRead:
    """A bank transaction."""

    id: UUID
    transaction_id: Annotated[
        str | None,
        Field(
            description="The bank's own id: may be absent, and may repeat.",
            examples=["2026022800417"],
        ),
    ]
    internal_id: Annotated[
        str | None,
        Field(
            description="The provider's id: unique within one account at best.",
            examples=["5b2f0c1d7e8a49d3"],
        ),
    ]
    bank_id: UUID
    bank_name: Annotated[str, Field(examples=["Sandbox Finance"])]
    bank_connection_id: UUID
    account_id: UUID
    account_name: Annotated[str, Field(examples=["Main account"])]
    amount: Annotated[
        AmountOut, Field(description="Signed: positive is money in.", examples=["-12.50"])
    ]
    currency: Annotated[str, Field(examples=["EUR"])]
    direction: Annotated[Direction, Field(examples=["debit"])]
    description: Annotated[
        str | None,
        Field(description="The text, cleaned of the bank's noise.", examples=["Hosting 2026-02"]),
    ]
    reference: Annotated[
        str | None,
        Field(
            description="What the payer gave to recognise it: structured, else end-to-end.",
            examples=["RF18539007547034"],
        ),
    ]
    counterparty_name: Annotated[str | None, Field(examples=["EXAMPLE GMBH"])]
    counterparty_iban: Annotated[str | None, Field(examples=["DE89370400440532013000"])]
    payee: Annotated[
        str | None,
        Field(description="What a person would call the other side.", examples=["Example GmbH"]),
    ]
    remittance: Annotated[
        str | None, Field(description="The text as sent.", examples=["SVWZ+Hosting 2026-02"])
    ]
    structured_reference: Annotated[str | None, Field(examples=["RF18539007547034"])]
    end_to_end_id: Annotated[str | None, Field(examples=["E2E-2026-0042"])]
    bank_transaction_code: Annotated[str | None, Field(examples=["PMNT-ICDT-ESCT"])]
    transaction_date: Annotated[date, Field(description="The day that people go by.")]
    booking_date: date | None
    value_date: date | None
    status: Annotated[TransactionStatus, Field(examples=["booked"])]
    superseded_by: Annotated[
        UUID | None, Field(description="The row that took this one's place, if one did.")
    ]
    missing_since: Annotated[
        datetime | None,
        Field(description="When the bank first left it out of an answer that should hold it."),
    ]
    category: Annotated[str | None, Field(examples=["Hosting"])]
    note: Annotated[str | None, Field(examples=["Asked the customer on the phone."])]
    match_status: TransactionMatchStatus
    allocated: Annotated[AmountOut, Field(description="How much of it is allocated to invoices.")]
    created_at: datetime
    updated_at: datetime


@with_config(ConfigDict(extra="forbid"))
class TransactionUpdate(TypedDict, total=False):
    """What a person may say of a transaction: what is left out stays, null clears."""

    category: Annotated[ShortText | None, Field(examples=["Hosting"])]
    note: Annotated[LongText | None, Field(examples=["Asked the customer on the phone."])]


class RawVersionRead(ResponseModel):
    """One payload from which a transaction was written, exactly as the bank sent it."""

    payload: Mapping[str, Any]
    is_booked: bool
    fetched_at: datetime
    identity_tier: Annotated[
        IdentityTier, Field(description="By which evidence it was recognised as this one.")
    ]
    identity_version: Annotated[int, Field(description="Version of the rules that recognised it.")]
    content_hash: Annotated[str, Field(description="SHA-256 of its canonical JSON, in hex.")]
