"""Events: what happened to connections and accounts, and what is about to."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, SessionDep
from payymo.api.envelopes import Collection, page_response
from payymo.api.events.models import EventRead
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.domain.enums import EventKind
from payymo.postgres.common.operations.events import list_events

router = resource_router("/events", tag="events")

_EVENTS = TypeAdapter(list[EventRead])


@router.get("", name="list", response_model=Collection[EventRead])
def list_all(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    kind: Annotated[EventKind | None, Query(description="Only those of this kind.")] = None,
    subject_id: Annotated[
        UUID | None, Query(description="Only those about this connection or account.")
    ] = None,
) -> Response:
    """Return what happened, newest first; each thing is told once."""
    page = list_events(
        session,
        member.tenant_id,
        kind=kind,
        subject_id=subject_id,
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = [EventRead.of(event) for event in page.rows]
    return page_response(_EVENTS, rows, total=page.total, paging=paging)
