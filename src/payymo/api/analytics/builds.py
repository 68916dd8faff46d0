"""Builds of the warehouse: which there are, and one more."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Self

from fastapi import Response
from pydantic import Field, TypeAdapter

from payymo.analytics.datasets import describe_failure
from payymo.analytics.warehouse import BuildRecord
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Item, PageMeta, ResponseModel, envelope, item_response, page_meta
from payymo.api.jobs.models import JobRead
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.domain.enums import BuildKind

router = resource_router("/analytics/builds", tag="analytics")


class BuildRead(ResponseModel):
    """A build of the warehouse, which is one for all tenants."""

    id: str
    kind: Annotated[
        BuildKind, Field(description="Whether it read every row, or those that had changed.")
    ]
    is_current: Annotated[bool, Field(description="Whether questions are answered from it.")]
    as_of: Annotated[datetime, Field(description="The moment of the ledger that it shows.")]
    started_at: datetime
    finished_at: datetime
    model_count: Annotated[int, Field(description="Models that were built.")]
    test_count: Annotated[int, Field(description="Tests that they passed.")]

    @classmethod
    def of(cls, record: BuildRecord, current: BuildRecord | None) -> Self:
        """Present a build.

        :param record: The build.
        :param current: The one that is read.
        """
        return cls(
            id=record.id,
            kind=record.kind,
            is_current=record == current,
            as_of=record.as_of,
            started_at=record.started_at,
            finished_at=record.finished_at,
            model_count=record.model_count,
            test_count=record.test_count,
        )


class BuildMeta(PageMeta):
    """Which part of the list this is, and whether the latest build failed."""

    failure: Annotated[str | None, Field(description="Why the latest build failed, where it did.")]


class BuildCollection(ResponseModel):
    """Builds that are kept, the latest first."""

    data: list[BuildRead]
    meta: BuildMeta


_BUILDS = TypeAdapter(list[BuildRead])


@router.get("", name="list_builds", response_model=BuildCollection)
def list_all(_: MemberDep, services: ServicesDep, paging: PagingDep) -> Response:
    """Return the builds that are kept, and why the latest failed where it did."""
    warehouse = services.warehouse
    records: Sequence[BuildRecord] = warehouse.finished()
    current, failure = warehouse.current(), warehouse.latest_failure()
    rows = [BuildRead.of(record, current) for record in paging.cut(records)]
    meta = BuildMeta(
        **page_meta(len(records), paging).model_dump(),
        failure=None if failure is None else describe_failure(failure),
    )
    return envelope(_BUILDS.dump_json(rows), meta=meta)


@router.post("", name="create_build", status_code=HTTPStatus.ACCEPTED, response_model=Item[JobRead])
def create(member: WriterDep, services: ServicesDep, session: SessionDep) -> Response:
    """Queue a build of the warehouse: afterwards it shows the ledger as it is now, or later."""
    job = services.queue.queue_build(session, member.tenant_id, requested_by=member.user_id)
    location = f"{API_PREFIX}/jobs/{job.id}"
    return item_response(
        JobRead.of(job), status=HTTPStatus.ACCEPTED, headers={"Location": location}
    )
