"""What the API says of bank transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self, TypedDict
from uuid import UUID

from pydantic import ConfigDict, Field, with_config

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import AmountIn, AmountOut, LongText, ShortText
from payymo.domain.enums import (
    CategorySource,
    Direction,
    IdentityTier,
    ReviewReason,
    SplitsState,
    TransactionMatchStatus,
    TransactionStatus,
)
from payymo.domain.ledger.splits import PART_COUNT_MAX, PART_COUNT_MIN
from payymo.domain.money import format_amount
from payymo.postgres.common.models import TransactionSplit


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
    category: Annotated[str | None, Field(description="Its name.", examples=["Hosting"])]
    category_id: UUID | None
    category_source: Annotated[
        CategorySource,
        Field(
            description="Who said so: a person (whose word stands), the first rule that matches, "
            "what people chose for the payee before, or Payymo's defaults.",
            examples=["rule"],
        ),
    ]
    category_rule_id: Annotated[
        UUID | None, Field(description="The rule that said so, unless it is gone.")
    ]
    note: Annotated[str | None, Field(examples=["Asked the customer on the phone."])]
    match_status: TransactionMatchStatus
    allocated: Annotated[
        AmountOut,
        Field(
            description="What of it is allocated: to invoices or as a customer's credit; of money "
            "out, less than zero, what refunds credit."
        ),
    ]
    splits_state: Annotated[
        SplitsState,
        Field(
            description="Whether a person divided it into parts (`/splits`), and whether they "
            "still come to its amount, now that the bank may have restated it.",
            examples=["none"],
        ),
    ]
    splits_difference: Annotated[
        AmountOut | None,
        Field(
            description="The amount less the parts; null without parts, and where the bank "
            "restated the currency.",
        ),
    ]
    needs_review: Annotated[
        bool, Field(description="What people did with it fits no more: the bank restated it.")
    ]
    review_reasons: list[ReviewReason]
    is_deleted: Annotated[
        bool, Field(description="A person deleted it: no list, total or match counts it.")
    ]
    deleted_at: datetime | None
    deleted_by: Annotated[UUID | None, Field(description="The user who deleted it.")]
    created_at: datetime
    updated_at: datetime


@with_config(ConfigDict(extra="forbid"))
class TransactionUpdate(TypedDict, total=False):
    """What a person may say of a transaction: what is left out stays, null clears."""

    category: Annotated[
        ShortText | None,
        Field(
            description="Its name, in any case; a new one becomes a category. Null says that it "
            "has none, which stands as well.",
            examples=["Hosting"],
        ),
    ]
    category_id: Annotated[UUID | None, Field(description="The same by its id.")]
    category_source: Annotated[
        Literal[CategorySource.NONE],
        Field(description="`none` takes a person's word back: rules may decide again."),
    ]
    note: Annotated[LongText | None, Field(examples=["Asked the customer on the phone."])]
    is_deleted: Annotated[
        bool, Field(description="False restores a deleted transaction.", examples=[False])
    ]


class SplitCreate(RequestModel):
    """A part of a transaction."""

    amount: Annotated[
        AmountIn,
        Field(description="Signed as the transaction's; a part of the other sign takes from it."),
    ]
    category: Annotated[
        ShortText | None,
        Field(description="Its name; a new one becomes a category.", examples=["Hosting"]),
    ] = None
    category_id: Annotated[UUID | None, Field(description="The same by its id.")] = None
    note: Annotated[LongText | None, Field(examples=["The half for the second server."])] = None


class SplitsReplace(RequestModel):
    """All parts of a transaction: together they come to its amount exactly."""

    splits: Annotated[
        list[SplitCreate], Field(min_length=PART_COUNT_MIN, max_length=PART_COUNT_MAX)
    ]


class SplitRead(ResponseModel):
    """A part of a transaction, as a person divided it."""

    id: UUID
    amount: Annotated[AmountOut, Field(description="Signed.", examples=["-7.50"])]
    currency: Annotated[str, Field(examples=["EUR"])]
    category: Annotated[str | None, Field(description="Its name.", examples=["Hosting"])]
    category_id: UUID | None
    note: Annotated[str | None, Field(examples=["The half for the second server."])]
    created_at: datetime

    @classmethod
    def of(cls, row: TransactionSplit) -> Self:
        """Present a part.

        :param row: The part.
        """
        return cls(
            id=row.id,
            amount=format_amount(row.amount, row.currency),
            currency=row.currency,
            category=None if row.category is None else row.category.name,
            category_id=row.category_id,
            note=row.note,
            created_at=row.created_at,
        )


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
