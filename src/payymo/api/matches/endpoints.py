"""Matches: what was proposed and why, and what people decide."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.matches.models import MatchCreate, MatchQuery, MatchRead, MatchUpdate
from payymo.api.matches.presentation import present_match, present_matches
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.domain.enums import MatchStatus
from payymo.postgres.reconciliation.models import Match
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    create_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.matches import MatchFilter, get_match, list_matches
from payymo.postgres.reconciliation.operations.track_records import affirm_match

router = resource_router("/matches", tag="matches")

_MATCHES = TypeAdapter(list[MatchRead])


def _confirm(session: Session, tenant_id: UUID, match_id: UUID, **decision: Any) -> Match:
    """Confirm a suggestion, or what Payymo has applied already."""
    if affirm_match(session, tenant_id, match_id, **decision):
        return get_match(session, tenant_id, match_id)
    return confirm_match(session, tenant_id, match_id, **decision)


_DECISIONS: Final[Mapping[MatchStatus, Callable[..., Match]]] = {
    MatchStatus.CONFIRMED: _confirm,
    MatchStatus.REJECTED: reject_match,
    MatchStatus.REVERSED: reverse_match,
}


@router.get("", name="list", response_model=Collection[MatchRead])
def list_all(
    query: Annotated[MatchQuery, Query()],
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
) -> Response:
    """Return matches with their evidence: what waits with the surest first, else the latest."""
    where = MatchFilter(
        status=query.status,
        min_confidence=query.min_confidence,
        invoice_id=query.invoice_id,
        transaction_id=query.transaction_id,
        customer_id=query.customer_id,
        min_amount=query.min_amount,
        max_amount=query.max_amount,
        wait_reason=query.wait_reason,
    )
    page = list_matches(
        session,
        member.tenant_id,
        where=where,
        sort=query.order,
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = present_matches(session, member.tenant_id, page.rows)
    return page_response(_MATCHES, rows, total=page.total, paging=paging)


@router.get("/{match_id}", response_model=Item[MatchRead])
def read(match_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one match: what speaks for it, and what else it could be."""
    match = get_match(session, member.tenant_id, match_id)
    return item_response(present_match(session, member.tenant_id, match))


@router.post(
    "", status_code=HTTPStatus.CREATED, response_model=Item[MatchRead], responses=errors(404, 422)
)
def create(
    body: MatchCreate, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Match a payment by hand: to invoices, with adjustments and credit, booked at once."""
    match = create_match(
        session,
        member.tenant_id,
        body.transaction_id,
        body.settlement(),
        actor_id=member.user_id,
        now=services.clock(),
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(
        present_match(session, member.tenant_id, match),
        status=HTTPStatus.CREATED,
        headers={"Location": f"{API_PREFIX}/matches/{match.id}"},
    )


@router.patch("/{match_id}", response_model=Item[MatchRead], responses=errors(422))
def update(
    match_id: UUID,
    body: MatchUpdate,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
) -> Response:
    """Confirm or reject a suggestion, reverse a confirmed match, or confirm it once more."""
    match = _DECISIONS[body.status](
        session, member.tenant_id, match_id, actor_id=member.user_id, now=services.clock()
    )
    services.queue.queue_match(session, member.tenant_id, requested_by=None)
    return item_response(present_match(session, member.tenant_id, match))
