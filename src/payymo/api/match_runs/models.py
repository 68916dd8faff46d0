"""What the API says of matchings of all unexplained payments with all open invoices."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.domain.enums import RunStatus
from payymo.postgres.reconciliation.models import MatchRun


class MatchRunRead(ResponseModel):
    """One matching, and what it found."""

    id: UUID
    job_id: Annotated[UUID | None, Field(description="The background job that it ran in.")]
    status: RunStatus
    engine_version: Annotated[str, Field(examples=["1"])]
    calibration_version: Annotated[
        int | None,
        Field(description="The tenant's own curve of confidence; null for the shipped one."),
    ]
    payment_count: Annotated[int, Field(description="Unexplained payments that it looked at.")]
    invoice_count: Annotated[int, Field(description="Open invoices that it looked at.")]
    applied_count: Annotated[int, Field(description="Matches so sure that they were applied.")]
    suggested_count: Annotated[int, Field(description="Matches that wait for a person.")]
    unexplained_count: Annotated[int, Field(description="Payments that nothing explains.")]
    error_message: str | None
    started_at: datetime
    finished_at: datetime | None

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
            calibration_version=run.calibration_version,
            payment_count=run.payment_count,
            invoice_count=run.invoice_count,
            applied_count=run.applied_count,
            suggested_count=run.suggested_count,
            unexplained_count=run.unexplained_count,
            error_message=run.error_message,
            started_at=run.started_at,
            finished_at=run.finished_at,
        )
