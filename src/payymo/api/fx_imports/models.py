"""What the API says of how exchange rates came in."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.domain.enums import RateOrigin, RunStatus
from payymo.postgres.fx.models import FxImport


class FxImportRead(ResponseModel):
    """One attempt to take reference rates in, and how it went."""

    id: UUID
    origin: RateOrigin
    status: RunStatus
    started_at: datetime
    finished_at: datetime
    read_count: Annotated[int, Field(description="Rates that were read.")]
    added_count: Annotated[int, Field(description="Those that were new.")]
    changed_count: Annotated[int, Field(description="Those that were known otherwise.")]
    first_date: Annotated[date | None, Field(description="First day that was read.")]
    last_date: Annotated[date | None, Field(description="Last day that was read.")]
    error_code: str | None
    error_message: Annotated[
        str | None, Field(description="What happened and what to do, where it failed.")
    ]

    @classmethod
    def of(cls, attempt: FxImport) -> Self:
        """Present an attempt.

        :param attempt: Row, with what the database filled in.
        """
        return cls(
            id=attempt.id,
            origin=attempt.origin,
            status=attempt.status,
            started_at=attempt.started_at,
            finished_at=attempt.finished_at,
            read_count=attempt.read_count,
            added_count=attempt.added_count,
            changed_count=attempt.changed_count,
            first_date=attempt.first_day,
            last_date=attempt.last_day,
            error_code=attempt.error_code,
            error_message=attempt.error_message,
        )
