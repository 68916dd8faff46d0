"""Matchings of all unexplained payments with all open invoices."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from fastapi import Response
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from payymo.api.access_tokens import Member
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.jobs.models import JobRead
from payymo.api.match_runs.models import MatchRunRead, RunDecisionCreate, RunDecisionRead
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.api.services import ApiServices
from payymo.postgres.reconciliation.operations.match_runs import get_match_run, list_match_runs
from payymo.workflows.run_decisions import RunDecision, reapply_match_run, revert_match_run

router = resource_router("/match_runs", tag="match_runs")

_RUNS = TypeAdapter(list[MatchRunRead])


@router.get("", name="list", response_model=Collection[MatchRunRead])
def list_all(member: MemberDep, session: SessionDep, paging: PagingDep) -> Response:
    """Return past and running matchings, newest first."""
    page = list_match_runs(session, member.tenant_id, page=paging.page, per_page=paging.per_page)
    rows = [MatchRunRead.of(run) for run in page.rows]
    return page_response(_RUNS, rows, total=page.total, paging=paging)


@router.get("/{match_run_id}", response_model=Item[MatchRunRead])
def read(match_run_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one matching and what it found."""
    return item_response(MatchRunRead.of(get_match_run(session, member.tenant_id, match_run_id)))


@router.post("", status_code=HTTPStatus.ACCEPTED, response_model=Item[JobRead])
def create(member: WriterDep, services: ServicesDep, session: SessionDep) -> Response:
    """Queue a matching of all unexplained payments with all open invoices."""
    job = services.queue.queue_match(session, member.tenant_id, requested_by=member.user_id)
    location = f"{API_PREFIX}/jobs/{job.id}"
    return item_response(
        JobRead.of(job), status=HTTPStatus.ACCEPTED, headers={"Location": location}
    )


_DECISION: Final[Mapping[str, Any]] = {
    "status_code": HTTPStatus.CREATED,
    "response_model": Item[RunDecisionRead],
    "responses": {
        HTTPStatus.OK.value: {"description": "A dry run.", "model": Item[RunDecisionRead]},
        **errors(422),
    },
}


@router.post("/{match_run_id}/reversals", **_DECISION)
def revert(
    match_run_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
    body: RunDecisionCreate | None = None,
) -> Response:
    """Take back what a match run applied by itself; a dry run says what that is, with 200."""
    return _decide(
        revert_match_run, match_run_id, member=member, services=services, session=session, body=body
    )


@router.post("/{match_run_id}/redos", **_DECISION)
def redo(
    match_run_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
    body: RunDecisionCreate | None = None,
) -> Response:
    """Apply again what was taken back with a match run; a dry run says what that is, with 200."""
    return _decide(
        reapply_match_run,
        match_run_id,
        member=member,
        services=services,
        session=session,
        body=body,
    )


def _decide(
    decide: Callable[..., RunDecision],
    match_run_id: UUID,
    *,
    member: Member,
    services: ApiServices,
    session: Session,
    body: RunDecisionCreate | None,
) -> Response:
    decision = decide(
        session,
        member.tenant_id,
        match_run_id,
        is_trial=body is not None and body.dry_run,
        actor_id=member.user_id,
        now=services.clock(),
    )
    if decision.is_done:
        services.queue.queue_match(session, member.tenant_id, requested_by=None)
    status = HTTPStatus.CREATED if decision.is_done else HTTPStatus.OK
    return item_response(RunDecisionRead.of(decision), status=status)
