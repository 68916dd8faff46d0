"""Background jobs: how far they are, and a stop for those that still wait."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.jobs.models import JobRead, JobUpdate
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.domain.enums import JobKind, JobStatus
from payymo.postgres.jobs.operations.jobs import cancel_job, get_job, list_jobs

router = resource_router("/jobs", tag="jobs")

_JOBS = TypeAdapter(list[JobRead])


@router.get("", name="list", response_model=Collection[JobRead])
def list_all(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    status: Annotated[JobStatus | None, Query(description="Only those that stand so.")] = None,
    kind: Annotated[JobKind | None, Query(description="Only those that do this.")] = None,
) -> Response:
    """Return background jobs, newest first."""
    page = list_jobs(
        session,
        member.tenant_id,
        status=status,
        kind=kind,
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = [JobRead.of(job) for job in page.rows]
    return page_response(_JOBS, rows, total=page.total, paging=paging)


@router.get("/{job_id}", response_model=Item[JobRead])
def read(job_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one job: where it stands, how far it is, and what went wrong."""
    return item_response(JobRead.of(get_job(session, member.tenant_id, job_id)))


@router.patch("/{job_id}", response_model=Item[JobRead], responses=errors(422))
def update(
    job_id: UUID, _: JobUpdate, member: WriterDep, services: ServicesDep, session: SessionDep
) -> Response:
    """Cancel a job that has not started yet; one that has is left to finish."""
    job = cancel_job(session, member.tenant_id, job_id, now=services.clock())
    return item_response(JobRead.of(job))
