"""Bodies of bank accounts and balances."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, field_validator

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.faults import Fault
from payymo.api.fields import AmountOut, ShortText, refuse
from payymo.domain.enums import AccessScope, AccountStatus, AccountType, BalanceType, Completeness
from payymo.domain.money import format_amount
from payymo.domain.quotas import Standing
from payymo.postgres.common.models import Balance


class AccountUpdate(RequestModel):
    """What to change of an account; what is left out stays."""

    name: Annotated[
        ShortText | None, Field(description="What to call it.", examples=["Main account"])
    ] = None
    is_sync_enabled: Annotated[
        bool | None, Field(description="Whether it is synced.", examples=[True])
    ] = None

    @field_validator("name", "is_sync_enabled", mode="before")
    @classmethod
    def refuse_null(cls, given: object) -> object:
        """Refuse ``null``: nothing here can be unset."""
        if given is None:
            raise refuse("This cannot be null: leave it out to keep it.")
        return given


class PredecessorWrite(RequestModel):
    """Which account an offered one was before."""

    account_id: Annotated[
        UUID, Field(description="An account of the same connection that its consent left out.")
    ]


class BalanceRead(ResponseModel):
    """A balance as the bank reported it."""

    id: UUID
    account_id: UUID
    balance_type: BalanceType
    amount: AmountOut
    currency: Annotated[str, Field(examples=["EUR"])]
    credit_limit_included: bool | None
    reference_date: Annotated[date | None, Field(description="The day that it is true for.")]
    observed_at: Annotated[datetime, Field(description="When the bank first said so.")]
    last_observed_at: Annotated[datetime, Field(description="When the bank last said so.")]

    @classmethod
    def of(cls, balance: Balance) -> Self:
        """Present a balance."""
        return cls(
            id=balance.id,
            account_id=balance.account_id,
            balance_type=balance.balance_type,
            amount=format_amount(balance.amount, balance.currency),
            currency=balance.currency,
            credit_limit_included=balance.credit_limit_included,
            reference_date=balance.reference_date,
            observed_at=balance.observed_at,
            last_observed_at=balance.last_observed_at,
        )


class QuotaRead(ResponseModel):
    """How many of the successful requests that a bank allows a day are used and left."""

    scope: AccessScope
    limit: Annotated[int, Field(description="As the provider told, else four.", examples=[4])]
    used: Annotated[
        int,
        Field(description="Under way, of unknown end and other clients' included.", examples=[2]),
    ]
    left_for_schedule: Annotated[int, Field(description="What may happen by itself.", examples=[1])]
    left_for_you: Annotated[int, Field(description="What you may ask for.", examples=[2])]
    resets_at: Annotated[
        datetime | None, Field(description="When you may ask for more; null if none is used.")
    ]

    @classmethod
    def of(cls, scope: AccessScope, standing: Standing) -> Self:
        """Present how the calls of a scope stand."""
        return cls(
            scope=scope,
            limit=standing.limit,
            used=standing.used,
            left_for_schedule=standing.left_for_schedule,
            left_for_you=standing.left_for_people,
            resets_at=standing.resets_at,
        )


class AccountRead(ResponseModel):
    """A bank account."""

    id: UUID
    bank_connection_id: UUID
    bank_id: UUID
    bank_name: Annotated[str, Field(examples=["Sandbox Finance"])]
    name: Annotated[str, Field(examples=["Main account"])]
    owner_name: Annotated[str | None, Field(examples=["Example Ltd"])]
    product: Annotated[str | None, Field(examples=["Business Giro"])]
    account_type: AccountType
    currency: Annotated[str | None, Field(examples=["EUR"])]
    iban: Annotated[str | None, Field(examples=["DE75512108001245126199"])]
    bban: Annotated[str | None, Field(examples=["512108001245126199"])]
    bic: Annotated[str | None, Field(examples=["SFIN0000"])]
    masked_number: Annotated[str | None, Field(examples=["412345XXXXXX1234"])]
    status: AccountStatus
    error: Fault | None
    is_sync_enabled: bool
    is_offered: Annotated[
        bool,
        Field(
            description="Nothing of it is read until you choose: PATCH `is_sync_enabled`, or PUT "
            "its `predecessor` where it is an account that you had."
        ),
    ]
    synced_through: Annotated[
        date | None, Field(description="Last day up to which booked transactions are known.")
    ]
    last_synced_at: datetime | None
    retry_at: Annotated[datetime | None, Field(description="It is left alone until then.")]
    balances: Annotated[list[BalanceRead], Field(description="What the bank said last.")]
    quotas: Annotated[
        list[QuotaRead], Field(description="How often the bank may still be asked for each part.")
    ]
    created_at: datetime
    updated_at: datetime


class CoverageSpanRead(ResponseModel):
    """The days that one answer made known."""

    first_day: date
    last_day: date
    completeness: Annotated[
        Completeness,
        Field(description="`cut`: the bank gave fewer days than it was asked for."),
    ]
    asked_from: Annotated[date | None, Field(description="First day asked for; null is all.")]
    learnt_at: datetime
    consent_id: UUID


class Days(ResponseModel):
    """Days without a gap between them, both named ones included."""

    first_day: date
    last_day: date


class HoleRead(Days):
    """Days that are not known."""

    is_reachable: Annotated[
        bool,
        Field(description="Whether the present consent lets us ask for any of them."),
    ]


class CoverageRead(ResponseModel):
    """Which days of an account are known."""

    known: Annotated[list[Days], Field(description="In the order of the calendar.")]
    holes: Annotated[
        list[HoleRead],
        Field(
            description="Days that are not known, from the first one that was ever asked for up to "
            "today. Those that can be reached are asked for again."
        ),
    ]
    not_given: Annotated[
        list[Days],
        Field(
            description="Days of which two unrelated answers gave nothing though they were asked: "
            "the account rested or was not open yet, or the bank goes no further back. They are "
            "asked for again under the next consent."
        ),
    ]
    reachable_from: Annotated[
        date, Field(description="First day that the present consent lets us read.")
    ]
    next_from: Annotated[
        date | None,
        Field(description="First day that the next sync asks for; null is all that there is."),
    ]
    spans: Annotated[
        list[CoverageSpanRead], Field(description="What each of the last answers taught.")
    ]
