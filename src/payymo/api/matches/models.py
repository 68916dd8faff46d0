"""What the API says of matches between payments and invoices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import AmountIn, AmountOut, PositiveAmountIn
from payymo.domain.enums import (
    AdjustmentKind,
    CreditKind,
    EvidenceKind,
    InvoiceStatus,
    MatchOrigin,
    MatchSort,
    MatchStatus,
    TransactionMatchStatus,
    WaitReason,
)
from payymo.domain.settlement import Adjusted, Applied, Credited, Paid, Settlement

ALLOCATIONS_MAX = 200

Confidence = Annotated[
    float, Field(description="Probability, 0 to 1, that these invoices were meant.", ge=0, le=1)
]


class MatchQuery(BaseModel):
    """Which matches to list; all that is given must hold."""

    status: MatchStatus | None = None
    min_confidence: Annotated[
        Decimal | None,
        Field(ge=0, le=1, decimal_places=8, description="Only those that are as sure."),
    ] = None
    invoice_id: Annotated[UUID | None, Field(description="Only those of this invoice.")] = None
    transaction_id: Annotated[UUID | None, Field(description="Only those of this payment.")] = None
    customer_id: Annotated[
        UUID | None, Field(description="Only those that name an invoice of this customer.")
    ] = None
    min_amount: Annotated[
        AmountIn | None, Field(description="Only those whose payment is of as much.")
    ] = None
    max_amount: Annotated[
        AmountIn | None, Field(description="Only those whose payment is of no more.")
    ] = None
    wait_reason: Annotated[
        WaitReason | None, Field(description="Only those that wait for this reason.")
    ] = None
    sort: Annotated[
        MatchSort | None,
        Field(
            description="Order: the latest first (`-created_at`), the surest (`-confidence`), or "
            "those of which one decision teaches most (`-teaches`). If absent, suggestions come "
            "the surest first, and any other list the latest."
        ),
    ] = None

    @property
    def order(self) -> MatchSort:
        """In which order, said or not."""
        if self.sort is not None:
            return self.sort
        is_waiting = self.status is MatchStatus.SUGGESTED
        return MatchSort.SUREST_FIRST if is_waiting else MatchSort.LATEST_FIRST


class MatchedPayment(ResponseModel):
    """The payment that a match explains."""

    id: UUID
    account_id: UUID
    amount: Annotated[AmountOut, Field(examples=["1190.00"])]
    currency: Annotated[str, Field(examples=["EUR"])]
    allocated: Annotated[
        AmountOut,
        Field(description="What of it is allocated already, to invoices or as customer credit."),
    ]
    transaction_date: date
    counterparty_name: str | None
    counterparty_iban: str | None
    remittance: str | None
    structured_reference: str | None
    match_status: TransactionMatchStatus


class MatchLineRead(ResponseModel):
    """How much of the payment goes to one invoice."""

    invoice_id: UUID
    invoice_number: Annotated[str, Field(examples=["INV-2026-0042"])]
    invoice_status: InvoiceStatus
    invoice_total: AmountOut
    invoice_balance: Annotated[AmountOut, Field(description="What is left to pay of it now.")]
    customer_id: UUID
    customer_name: Annotated[str, Field(examples=["Example Ltd"])]
    amount: Annotated[
        AmountOut, Field(description="In the payment's currency.", examples=["1190.00"])
    ]
    settled: Annotated[
        AmountOut,
        Field(description="What that settles, in the invoice's currency.", examples=["1190.00"]),
    ]
    currency: Annotated[str, Field(description="The invoice's.", examples=["EUR"])]


class MatchDifferenceRead(ResponseModel):
    """What a match books besides money on invoices: one of `adjustment`, `credit_id`, `credit`."""

    invoice_id: Annotated[
        UUID | None, Field(description="The invoice that it settles; null for new credit.")
    ]
    invoice_number: Annotated[str | None, Field(examples=["INV-2026-0042"])]
    adjustment: Annotated[
        AdjustmentKind | None, Field(description="What the invoice is short of, and why.")
    ]
    credit_id: Annotated[
        UUID | None, Field(description="The customer's credit that settles the invoice.")
    ]
    credit_number: Annotated[
        str | None,
        Field(description="Its number, where it is a credit note.", examples=["CN-2026-7"]),
    ]
    credit: Annotated[
        CreditKind | None, Field(description="What of the payment becomes a customer's credit.")
    ]
    customer_id: Annotated[UUID | None, Field(description="Whose credit that is.")]
    amount: Annotated[AmountOut, Field(examples=["2.50"])]
    currency: Annotated[str, Field(examples=["EUR"])]


class EvidenceRead(ResponseModel):
    """One signal for or against a match."""

    kind: EvidenceKind
    invoice_id: Annotated[
        UUID | None, Field(description="Null where it speaks of the match as a whole.")
    ]
    weight: Annotated[float, Field(description="In bits; negative speaks against.")]
    text: Annotated[str, Field(examples=["The text quotes INV-2026-0042."])]


class WaitRead(ResponseModel):
    """One reason why a match was not applied by itself."""

    reason: WaitReason
    text: Annotated[str, Field(examples=["Waits because another explanation is as good."])]


class RunnerUpLine(ResponseModel):
    """How much of the payment would go to one invoice, were the runner-up right."""

    invoice_id: UUID
    invoice_number: Annotated[str | None, Field(description="Null when the invoice is gone since.")]
    amount: AmountOut


class RunnerUpRead(ResponseModel):
    """The next best explanation of the same payment."""

    confidence: Confidence
    lines: list[RunnerUpLine]


class MatchRead(ResponseModel):
    """An opinion on which invoices a payment pays, with what speaks for it."""

    id: UUID
    status: MatchStatus
    origin: MatchOrigin
    confidence: Confidence
    engine_confidence: Annotated[
        float | None,
        Field(
            description="What the engine's own model said, before the tenant's decisions were "
            "taken into account. Null by hand."
        ),
    ]
    is_tie: Annotated[
        bool, Field(description="Another explanation is as good: a person has to choose.")
    ]
    needs_review: Annotated[
        bool,
        Field(
            description="Confirmed, and the bank restated the payment since: invoices are paid "
            "with more than it brought."
        ),
    ]
    transaction: MatchedPayment
    lines: list[MatchLineRead]
    differences: list[MatchDifferenceRead]
    waits: Annotated[
        list[WaitRead], Field(description="Why it was not applied by itself, plainest first.")
    ]
    evidence: list[EvidenceRead]
    runner_up: RunnerUpRead | None
    engine_version: str | None
    match_run_id: UUID | None
    applied_run_id: Annotated[
        UUID | None,
        Field(description="The match run that applied it; null where a person confirmed it."),
    ]
    decided_by: Annotated[
        UUID | None, Field(description="Who decided; null when Payymo did, or nobody yet.")
    ]
    decided_at: datetime | None
    created_at: datetime
    updated_at: datetime


class AllocationCreate(RequestModel):
    """How much of the payment goes to one invoice."""

    invoice_id: UUID
    amount: Annotated[
        PositiveAmountIn, Field(description="In the payment's currency.", examples=["1190.00"])
    ]
    settled: Annotated[
        PositiveAmountIn | None,
        Field(
            description="What that settles of an invoice in another currency, in the invoice's; "
            "left out in a common one.",
            examples=[None],
        ),
    ] = None


class MatchAdjustmentCreate(RequestModel):
    """What settles an invoice without money."""

    invoice_id: UUID
    kind: AdjustmentKind
    amount: Annotated[PositiveAmountIn, Field(examples=["2.50"])]


class CreditAppliedCreate(RequestModel):
    """Credit of a customer that settles one of that customer's invoices, such as a credit note."""

    credit_id: UUID
    invoice_id: UUID
    amount: Annotated[PositiveAmountIn, Field(examples=["20.00"])]


class MatchCreditCreate(RequestModel):
    """Money of the payment that becomes a customer's credit: too much of it, or in advance."""

    customer_id: UUID
    amount: Annotated[PositiveAmountIn, Field(examples=["10.00"])]


class MatchCreate(RequestModel):
    """A match made by hand: confirmed at once."""

    transaction_id: UUID
    allocations: Annotated[
        list[AllocationCreate], Field(default_factory=list, max_length=ALLOCATIONS_MAX)
    ]
    adjustments: Annotated[
        list[MatchAdjustmentCreate], Field(default_factory=list, max_length=ALLOCATIONS_MAX)
    ]
    credits_applied: Annotated[
        list[CreditAppliedCreate], Field(default_factory=list, max_length=ALLOCATIONS_MAX)
    ]
    credit: MatchCreditCreate | None = None

    def settlement(self) -> Settlement:
        """Return where the money goes, and what settles invoices besides."""
        kind = CreditKind.OVERPAYMENT if self.allocations else CreditKind.PREPAYMENT
        return Settlement(
            paid=tuple(
                Paid(each.invoice_id, each.amount, each.settled) for each in self.allocations
            ),
            adjusted=tuple(
                Adjusted(each.invoice_id, each.kind, each.amount) for each in self.adjustments
            ),
            applied=tuple(
                Applied(each.credit_id, each.invoice_id, each.amount)
                for each in self.credits_applied
            ),
            credited=None
            if self.credit is None
            else Credited(self.credit.customer_id, kind, self.credit.amount),
        )


class MatchUpdate(RequestModel):
    """A person's decision on a match."""

    status: Annotated[
        Literal[MatchStatus.CONFIRMED, MatchStatus.REJECTED, MatchStatus.REVERSED],
        Field(
            description="Confirmed: what it says is booked; one that Payymo applied counts as "
            "looked at from then on, and a reversed one is done again. Rejected: not proposed "
            "again. Reversed: all that a confirmed one booked is taken back, and kept as history."
        ),
    ]
