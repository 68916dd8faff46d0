"""Matchings of all unexplained payments with all open invoices."""

from http import HTTPStatus
from uuid import UUID

from fastapi import Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.jobs.models import JobRead
from payymo.api.match_runs.models import MatchRunRead, RunReversalCreate, RunReversalRead
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.postgres.reconciliation.operations.match_runs import get_match_run, list_match_runs
from payymo.workflows.run_reversals import revert_match_run

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


@router.post(
    "/{match_run_id}/reversals",
    status_code=HTTPStatus.CREATED,
    response_model=Item[RunReversalRead],
    responses={
        HTTPStatus.OK.value: {"description": "A dry run.", "model": Item[RunReversalRead]},
        **errors(422),
    },
)
def revert(
    match_run_id: UUID,
    member: WriterDep,
    services: ServicesDep,
    session: SessionDep,
    body: RunReversalCreate | None = None,
) -> Response:
    """Take back what a match run applied by itself; a dry run says what that is, with 200."""
    reversal = revert_match_run(
        session,
        member.tenant_id,
        match_run_id,
        is_trial=body is not None and body.dry_run,
        actor_id=member.user_id,
        now=services.clock(),
    )
    status = HTTPStatus.CREATED if reversal.is_done else HTTPStatus.OK
    return item_response(RunReversalRead.of(reversal), status=status)
