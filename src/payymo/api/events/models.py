"""What the API says of events."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.domain.enums import EventKind, EventSubject
from payymo.postgres.common.models import Event


class EventRead(ResponseModel):
    """Something that happened, or is about to."""

    id: UUID
    kind: EventKind
    subject_kind: EventSubject
    subject_id: Annotated[UUID, Field(description="What it is about; it may be gone by now.")]
    occurred_at: datetime
    payload: Annotated[
        Mapping[str, Any],
        Field(description="More about it.", examples=[{"status": "expiring", "days": 7}]),
    ]

    @classmethod
    def of(cls, event: Event) -> Self:
        """Present an event."""
        return cls(
            id=event.id,
            kind=event.kind,
            subject_kind=event.subject_kind,
            subject_id=event.subject_id,
            occurred_at=event.occurred_at,
            payload=event.payload,
        )
