"""Categories of a tenant, the sets that Payymo brings along, and deciding anew on what is known."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from payymo.api.categories.models import (
    CategoryCreate,
    CategoryRead,
    CategorySetRead,
    CategoryUpdate,
)
from payymo.api.dependencies import MemberDep, ServicesDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.jobs.models import JobRead
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.routing import API_PREFIX, resource_router
from payymo.domain.categories.defaults import SETS
from payymo.domain.enums import CategorySet
from payymo.postgres.categories.operations.categories import (
    add_category_set,
    create_category,
    delete_category,
    get_category,
    list_categories,
    update_category,
)

router = resource_router("/categories", tag="categories")
sets = resource_router("/category_sets", tag="category_sets")
runs = resource_router("/categorisation_runs", tag="categorisation_runs")

_CATEGORIES = TypeAdapter(list[CategoryRead])
_SETS = TypeAdapter(list[CategorySetRead])


@router.get("", name="list", response_model=Collection[CategoryRead])
def list_all(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    is_active: Annotated[
        bool | None, Query(description="Only those that may be assigned, or may not.")
    ] = None,
) -> Response:
    """Return the tenant's categories, by name."""
    categories = list_categories(session, member.tenant_id, is_active=is_active)
    rows = [CategoryRead.of(category) for category in paging.cut(categories)]
    return page_response(_CATEGORIES, rows, total=len(categories), paging=paging)


@router.post(
    "", status_code=HTTPStatus.CREATED, response_model=Item[CategoryRead], responses=errors(409)
)
def create(body: CategoryCreate, member: WriterDep, session: SessionDep) -> Response:
    """Add a category."""
    category = create_category(
        session, member.tenant_id, name=body.name, kind=body.kind, actor_id=member.user_id
    )
    location = f"{API_PREFIX}/categories/{category.id}"
    return item_response(
        CategoryRead.of(category), status=HTTPStatus.CREATED, headers={"Location": location}
    )


@router.get("/{category_id}", response_model=Item[CategoryRead])
def read(category_id: UUID, member: MemberDep, session: SessionDep) -> Response:
    """Return one category."""
    return item_response(CategoryRead.of(get_category(session, member.tenant_id, category_id)))


@router.patch("/{category_id}", response_model=Item[CategoryRead], responses=errors(409))
def update(
    category_id: UUID, body: CategoryUpdate, member: WriterDep, session: SessionDep
) -> Response:
    """Change a category; what is left out stays."""
    category = update_category(
        session, member.tenant_id, category_id, actor_id=member.user_id, **body
    )
    return item_response(CategoryRead.of(category))


@router.delete("/{category_id}", status_code=HTTPStatus.NO_CONTENT, responses=errors(422))
def delete(category_id: UUID, member: WriterDep, session: SessionDep) -> Response:
    """Remove a category that no transaction, no part of one and no rule has."""
    delete_category(session, member.tenant_id, category_id, actor_id=member.user_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@sets.get("", name="list", response_model=Collection[CategorySetRead])
def list_sets(_: MemberDep, paging: PagingDep) -> Response:
    """Return the sets of categories that Payymo brings along."""
    every = [CategorySetRead.of(name, SETS[name]) for name in CategorySet]
    return page_response(_SETS, paging.cut(every), total=len(every), paging=paging)


@sets.put("/{set_name}", name="add", response_model=Collection[CategoryRead])
def add_set(
    set_name: CategorySet, member: WriterDep, session: SessionDep, paging: PagingDep
) -> Response:
    """Give the tenant those of a set's categories that it lacks, and return all that it has."""
    add_category_set(session, member.tenant_id, set_name, actor_id=member.user_id)
    categories = list_categories(session, member.tenant_id)
    rows = [CategoryRead.of(category) for category in paging.cut(categories)]
    return page_response(_CATEGORIES, rows, total=len(categories), paging=paging)


@runs.post("", name="create", status_code=HTTPStatus.ACCEPTED, response_model=Item[JobRead])
def create_run(member: WriterDep, services: ServicesDep, session: SessionDep) -> Response:
    """Queue a decision on what all transactions are for on which no person has decided."""
    job = services.queue.queue_categorise(session, member.tenant_id, requested_by=member.user_id)
    location = f"{API_PREFIX}/jobs/{job.id}"
    return item_response(
        JobRead.of(job), status=HTTPStatus.ACCEPTED, headers={"Location": location}
    )
