"""What the API says of background jobs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.domain.enums import JobKind, JobStatus
from payymo.postgres.jobs.models import Job


class JobProgress(ResponseModel):
    """How far a job has come; the total is null until it is known."""

    done: Annotated[int, Field(examples=[2])]
    total: Annotated[int | None, Field(examples=[4])]


class JobError(ResponseModel):
    """Why a job failed: a code for programs, a sentence for people."""

    code: Annotated[str | None, Field(examples=["provider_unavailable"])]
    message: Annotated[str, Field(examples=["The bank does not answer at the moment."])]


class JobRead(ResponseModel):
    """A background job: what it does, how far it is, and how it ended."""

    id: UUID
    kind: JobKind
    status: JobStatus
    bank_connection_id: UUID | None
    progress: JobProgress
    error: JobError | None
    result: Annotated[
        Mapping[str, Any] | None, Field(description="What it did, once it succeeded.")
    ]
    attempt_count: Annotated[int, Field(description="How often it was started.")]
    requested_by: Annotated[
        UUID | None, Field(description="The user who asked; null when Payymo did by itself.")
    ]
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        """Present a job.

        :param job: Row, with what the database filled in.
        """
        failed = job.error_code is not None or job.error_message is not None
        return cls(
            id=job.id,
            kind=job.kind,
            status=job.status,
            bank_connection_id=job.connection_id,
            progress=JobProgress(done=job.progress_done, total=job.progress_total),
            error=JobError(code=job.error_code, message=job.error_message or "It failed.")
            if failed
            else None,
            result=job.result,
            attempt_count=job.attempt_count,
            requested_by=job.requested_by,
            created_at=job.created_at,
            updated_at=job.updated_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class JobUpdate(RequestModel):
    """What may be changed of a job: one that still waits can be cancelled."""

    status: Literal[JobStatus.CANCELLED]
