"""Whether an account adds up, day by day."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field
from sqlalchemy.orm import Session

from payymo.api.envelopes import ResponseModel
from payymo.api.fields import AmountOut
from payymo.api.pagination import Paging
from payymo.domain.enums import ProofReason, ProofStatus, SuspectKind
from payymo.domain.money import format_amount
from payymo.postgres.common.models import Account, BalanceProof
from payymo.postgres.common.operations.proofs import list_proofs
from payymo.workflows.proof import Failure, explain_failures


class ProofDayRead(ResponseModel):
    """Whether one day adds up: opening balance + booked rows = closing balance."""

    day: date
    currency: Annotated[str, Field(examples=["EUR"])]
    status: ProofStatus
    reason: Annotated[ProofReason | None, Field(description="Why nothing can be said, if so.")]
    row_count: Annotated[int, Field(description="Rows booked on that day.")]
    opening: Annotated[AmountOut | None, Field(description="Where proved or failed.")]
    booked: Annotated[AmountOut, Field(description="Sum of the rows booked on that day.")]
    closing: Annotated[AmountOut | None, Field(description="As the bank has it.")]
    difference: Annotated[
        AmountOut | None, Field(description="What the bank has more than the rows come to.")
    ]
    agreed_on: Annotated[
        date | None,
        Field(description="Where failed: last day on which bank and rows agreed before."),
    ]

    @classmethod
    def of(cls, proof: BalanceProof) -> Self:
        """Present a day."""

        def written(amount: Decimal | None) -> str | None:
            return None if amount is None else format_amount(amount, proof.currency)

        return cls(
            day=proof.day,
            currency=proof.currency,
            status=proof.status,
            reason=proof.reason,
            row_count=proof.row_count,
            opening=written(proof.opening),
            booked=format_amount(proof.booked, proof.currency),
            closing=written(proof.closing),
            difference=written(proof.difference),
            agreed_on=proof.agreed_on,
        )


class NearbyRowRead(ResponseModel):
    """A row near a day that failed."""

    transaction_id: UUID
    day: Annotated[date, Field(description="Its booking date.")]
    amount: AmountOut
    is_counted: Annotated[bool, Field(description="Whether it is among the booked rows.")]


class SuspectRead(ResponseModel):
    """A row that alone would explain a difference."""

    kind: SuspectKind
    transaction_id: UUID
    message: str


class FailureRead(ResponseModel):
    """A day that failed, and what is around it."""

    proof: ProofDayRead
    rows: Annotated[list[NearbyRowRead], Field(description="Rows near it, the latest first.")]
    suspects: list[SuspectRead]

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Present a failure."""
        currency = failure.proof.currency
        return cls(
            proof=ProofDayRead.of(failure.proof),
            rows=[
                NearbyRowRead(
                    transaction_id=row.id,
                    day=row.day,
                    amount=format_amount(row.amount, currency),
                    is_counted=row.is_counted,
                )
                for row in failure.rows
            ],
            suspects=[
                SuspectRead(
                    kind=suspect.kind, transaction_id=suspect.row.id, message=suspect.explain()
                )
                for suspect in failure.suspects
            ],
        )


class ProofRead(ResponseModel):
    """Whether an account adds up."""

    status: Annotated[
        ProofStatus,
        Field(description="`failed` if any day failed, else `proved` if any is proved."),
    ]
    reason: Annotated[ProofReason | None, Field(description="Why it is unknown, if so.")]
    proved_through: Annotated[date | None, Field(description="Last day that is proved.")]
    first_failure: FailureRead | None
    days: Annotated[list[ProofDayRead], Field(description="Those asked for, the latest first.")]
    day_count: Annotated[int, Field(description="How many there are on all pages.")]


def present_proof(
    session: Session,
    account: Account,
    *,
    start_date: date | None,
    end_date: date | None,
    paging: Paging,
) -> ProofRead:
    """Return whether an account adds up, and some of its days.

    :param session: Open session; the caller manages the transaction.
    :param account: The account.
    :param start_date: First day to show; ``None`` is any.
    :param end_date: Last day to show; ``None`` is any.
    :param paging: Which of those.
    """
    page = list_proofs(
        session,
        account.tenant_id,
        account.id,
        start_date=start_date,
        end_date=end_date,
        page=paging.page,
        per_page=paging.per_page,
    )
    failures = explain_failures(session, account, limit=1)
    nothing = ProofReason.NO_BALANCE if account.proof_status is None else None
    return ProofRead(
        status=account.proof_status or ProofStatus.UNKNOWN,
        reason=account.proof_reason or nothing,
        proved_through=account.proved_through,
        first_failure=FailureRead.of(failures[0]) if failures else None,
        days=[ProofDayRead.of(proof) for proof in page.rows],
        day_count=page.total,
    )
