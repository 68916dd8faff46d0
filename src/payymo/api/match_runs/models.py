"""What the API says of matchings of all unexplained payments with all open invoices."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.domain.enums import MatchScope, RunStatus
from payymo.postgres.reconciliation.models import MatchRun
from payymo.workflows.run_decisions import RunDecision


class MatchRunRead(ResponseModel):
    """One matching, and what it found."""

    id: UUID
    job_id: Annotated[UUID | None, Field(description="The background job that it ran in.")]
    status: RunStatus
    engine_version: Annotated[str, Field(examples=["1"])]
    scope: Annotated[
        MatchScope,
        Field(description="Whether it looked at everything, or at what had changed."),
    ]
    calibration_version: Annotated[
        int | None,
        Field(description="The tenant's own curve of confidence; null for the shipped one."),
    ]
    payment_count: Annotated[int, Field(description="Unexplained payments that it thought over.")]
    invoice_count: Annotated[int, Field(description="Open invoices that it looked at.")]
    applied_count: Annotated[int, Field(description="Matches so sure that they were applied.")]
    suggested_count: Annotated[int, Field(description="Matches that wait for a person.")]
    unexplained_count: Annotated[int, Field(description="Payments that nothing explains.")]
    error_message: Annotated[str | None, Field(description="Why it failed, where it did.")]
    started_at: datetime
    finished_at: datetime | None
    reversed_at: Annotated[
        datetime | None, Field(description="When what it applied was taken back.")
    ]
    reversed_by: UUID | None

    @classmethod
    def of(cls, run: MatchRun) -> Self:
        """Present a run.

        :param run: Row, with what the database filled in.
        """
        return cls(
            id=run.id,
            job_id=run.job_id,
            status=run.status,
            engine_version=run.engine_version,
            scope=run.scope,
            calibration_version=run.calibration_version,
            payment_count=run.payment_count,
            invoice_count=run.invoice_count,
            applied_count=run.applied_count,
            suggested_count=run.suggested_count,
            unexplained_count=run.unexplained_count,
            error_message=run.error_message,
            started_at=run.started_at,
            finished_at=run.finished_at,
            reversed_at=run.reversed_at,
            reversed_by=run.reversed_by,
        )


class RunDecisionCreate(RequestModel):
    """How a match run is taken back, or done again."""

    dry_run: Annotated[
        bool, Field(description="Only say what would happen, and what stands in the way.")
    ] = False


class RunDecisionRead(ResponseModel):
    """What taking a match run back, or doing it again, did or would do."""

    match_run: MatchRunRead
    match_count: Annotated[int, Field(description="Matches that it had applied.")]
    credit_use_count: Annotated[int, Field(description="Uses of credit that it had made.")]
    blockers: Annotated[
        list[str], Field(description="Why it cannot be done; empty where it was, or could be.")
    ]

    @classmethod
    def of(cls, decision: RunDecision) -> Self:
        """Present what became of a run.

        :param decision: What was, or would be, done.
        """
        return cls(
            match_run=MatchRunRead.of(decision.run),
            match_count=decision.match_count,
            credit_use_count=decision.use_count,
            blockers=[blocker.message for blocker in decision.blockers],
        )
