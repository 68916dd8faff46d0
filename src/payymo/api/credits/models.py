"""What the API says of customers' credit."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import (
    AmountOut,
    CurrencyIn,
    DateIn,
    LongText,
    PositiveAmountIn,
    ShortText,
    refuse,
)
from payymo.domain.enums import CreditKind, CreditUseKind, LineStatus
from payymo.domain.money import format_amount
from payymo.domain.settlement import Applied, OpenCredit
from payymo.postgres.reconciliation.models import CreditUse, CustomerCredit
from payymo.postgres.reconciliation.operations.credits import CreditBalance, CreditFilter

Reason = Annotated[LongText | None, Field(examples=["Agreed on the phone."])]


class CreditQuery(BaseModel):
    """Which credits to list; all that is given must hold."""

    customer_id: UUID | None = None
    kind: CreditKind | None = None
    currency: CurrencyIn | None = None
    is_open: Annotated[
        bool | None, Field(description="Whether something is left of it to be used.")
    ] = None

    def criteria(self) -> CreditFilter:
        """Return the filter for the database."""
        return CreditFilter(
            customer_id=self.customer_id,
            kind=self.kind,
            currency=self.currency,
            is_open=self.is_open,
        )


class CreditRead(ResponseModel):
    """What a customer has good: too much money, money in advance, or a credit note."""

    id: UUID
    customer_id: UUID
    kind: CreditKind
    status: LineStatus
    currency: Annotated[str, Field(examples=["EUR"])]
    amount: Annotated[AmountOut, Field(examples=["20.00"])]
    used: Annotated[AmountOut, Field(description="What was applied, refunded or written off.")]
    balance: Annotated[AmountOut, Field(description="What is left; nothing once it is reversed.")]
    credited_on: date
    transaction_id: Annotated[
        UUID | None, Field(description="The payment that brought it; null for a credit note.")
    ]
    match_id: Annotated[UUID | None, Field(description="The match that says so.")]
    number: Annotated[str | None, Field(description="A credit note's own number.")]
    invoice_id: Annotated[
        UUID | None, Field(description="The invoice that a credit note corrects.")
    ]
    import_id: UUID | None
    note: str | None
    created_by: UUID | None
    created_at: datetime
    reversed_by: UUID | None
    reversed_at: datetime | None

    @classmethod
    def of(cls, credit: CustomerCredit) -> Self:
        """Present a credit.

        :param credit: Row, with what the database computed.
        """
        return cls(
            id=credit.id,
            customer_id=credit.customer_id,
            kind=credit.kind,
            status=line_status(credit.reversed_at),
            currency=credit.currency,
            amount=format_amount(credit.amount, credit.currency),
            used=format_amount(credit.used, credit.currency),
            balance=format_amount(credit.balance, credit.currency),
            credited_on=credit.credited_on,
            transaction_id=credit.transaction_id,
            match_id=credit.match_id,
            number=credit.number,
            invoice_id=credit.invoice_id,
            import_id=credit.import_id,
            note=credit.note,
            created_by=credit.created_by,
            created_at=credit.created_at,
            reversed_by=credit.reversed_by,
            reversed_at=credit.reversed_at,
        )


class CreditBalanceRead(ResponseModel):
    """What a customer has good in one currency."""

    currency: Annotated[str, Field(examples=["EUR"])]
    balance: Annotated[AmountOut, Field(examples=["20.00"])]

    @classmethod
    def of(cls, balance: CreditBalance) -> Self:
        """Present a balance.

        :param balance: What there is.
        """
        return cls(
            currency=balance.currency, balance=format_amount(balance.balance, balance.currency)
        )


class CreditProposalRead(ResponseModel):
    """How a customer's credit could settle an invoice."""

    credit_id: UUID
    invoice_id: UUID
    customer_id: UUID
    amount: Annotated[AmountOut, Field(examples=["20.00"])]
    currency: Annotated[str, Field(examples=["EUR"])]

    @classmethod
    def of(cls, credit: OpenCredit, applied: Applied) -> Self:
        """Present a proposal.

        :param credit: Credit that would be used.
        :param applied: How.
        """
        return cls.model_validate(
            {
                "credit_id": applied.credit_id,
                "invoice_id": applied.invoice_id,
                "customer_id": credit.customer_id,
                "amount": format_amount(applied.amount, credit.currency),
                "currency": credit.currency,
            }
        )


class CreditUseRead(ResponseModel):
    """What became of some of a customer's credit."""

    id: UUID
    credit_id: UUID
    kind: CreditUseKind
    status: LineStatus
    amount: Annotated[AmountOut, Field(examples=["20.00"])]
    currency: Annotated[str, Field(examples=["EUR"])]
    invoice_id: Annotated[UUID | None, Field(description="The invoice that it settles.")]
    transaction_id: Annotated[
        UUID | None, Field(description="The outgoing payment that gave it back.")
    ]
    match_id: Annotated[UUID | None, Field(description="The match that it goes with.")]
    match_run_id: Annotated[
        UUID | None, Field(description="The match run that applied it, by the tenant's policy.")
    ]
    reason: str | None
    created_by: UUID | None
    created_at: datetime
    reversed_by: UUID | None
    reversed_at: datetime | None

    @classmethod
    def of(cls, use: CreditUse, *, currency: str) -> Self:
        """Present a use.

        :param use: Row.
        :param currency: The credit's.
        """
        return cls(
            id=use.id,
            credit_id=use.credit_id,
            kind=use.kind,
            status=line_status(use.reversed_at),
            amount=format_amount(use.amount, currency),
            currency=currency,
            invoice_id=use.invoice_id,
            transaction_id=use.transaction_id,
            match_id=use.match_id,
            match_run_id=use.match_run_id,
            reason=use.reason,
            created_by=use.created_by,
            created_at=use.created_at,
            reversed_by=use.reversed_by,
            reversed_at=use.reversed_at,
        )


class CreditNoteCreate(RequestModel):
    """A new credit note."""

    customer_id: UUID
    number: Annotated[
        ShortText,
        Field(
            description="Your own number; unique among invoices and credit notes.",
            examples=["CN-2026-0007"],
        ),
    ]
    currency: Annotated[CurrencyIn, Field(examples=["EUR"])]
    total: Annotated[
        PositiveAmountIn,
        Field(description="What it takes off what the customer owes.", examples=["20.00"]),
    ]
    issue_date: Annotated[DateIn, Field(examples=["2026-02-01"])]
    invoice_id: Annotated[
        UUID | None,
        Field(
            description="The invoice that it corrects: as much as is left to pay there is settled "
            "at once.",
            examples=[None],
        ),
    ] = None
    note: Reason = None


class CreditUseCreate(RequestModel):
    """A use of a customer's credit: applied, refunded or written off."""

    kind: CreditUseKind
    amount: Annotated[PositiveAmountIn, Field(examples=["20.00"])]
    invoice_id: Annotated[
        UUID | None,
        Field(description="The customer's invoice that it settles: with `applied` alone."),
    ] = None
    transaction_id: Annotated[
        UUID | None,
        Field(
            description="The outgoing payment that gave it back: with `refunded` alone.",
            examples=[None],
        ),
    ] = None
    reason: Reason = None

    @model_validator(mode="after")
    def _has_its_target(self) -> Self:
        if (self.kind is CreditUseKind.APPLIED) != (self.invoice_id is not None):
            raise refuse("Name invoice_id where credit is applied, and only there.")
        if (self.kind is CreditUseKind.REFUNDED) != (self.transaction_id is not None):
            raise refuse("Name transaction_id where credit is refunded, and only there.")
        return self


def line_status(reversed_at: datetime | None) -> LineStatus:
    """Return whether a line counts.

    :param reversed_at: When it was reversed, if it was.
    """
    return LineStatus.BOOKED if reversed_at is None else LineStatus.REVERSED
