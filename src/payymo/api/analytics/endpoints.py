"""Datasets of the warehouse: what there is, and their rows, filtered, grouped and summed up."""

from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Response
from pydantic import TypeAdapter

from payymo.analytics.datasets import read_catalogue
from payymo.analytics.parameters import read_question
from payymo.analytics.reading import open_reader
from payymo.analytics.writing import check_size
from payymo.api.analytics.models import (
    DatasetCollection,
    DatasetRead,
    RowCollection,
    RowQuery,
    row_parameters,
)
from payymo.api.analytics.presentation import (
    PARQUET,
    file_response,
    fresh_page,
    write_rows,
)
from payymo.api.dependencies import MemberDep, ServicesDep
from payymo.api.envelopes import Item, item_response
from payymo.api.openapi import errors
from payymo.api.pagination import PagingDep
from payymo.api.queries import read_query
from payymo.api.routing import resource_router
from payymo.domain.enums import RowFormat
from payymo.domain.errors import InvalidInputError, Problem

router = resource_router("/analytics/datasets", tag="analytics")

_DATASETS = TypeAdapter(list[DatasetRead])
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.OK.value: {
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


@router.get("", name="list_datasets", response_model=DatasetCollection, responses=errors(409))
def list_all(_: MemberDep, services: ServicesDep, paging: PagingDep) -> Response:
    """Return what can be asked: each dataset with its grain and its columns."""
    catalogue = read_catalogue(services.warehouse, now=services.clock())
    datasets = list(catalogue.datasets.values())
    rows = [DatasetRead.of(each, catalogue.freshness) for each in paging.cut(datasets)]
    return fresh_page(
        _DATASETS.dump_json(rows), catalogue.freshness, total=len(datasets), paging=paging
    )


@router.get("/{name}", name="read_dataset", response_model=Item[DatasetRead], responses=errors(409))
def read(name: str, _: MemberDep, services: ServicesDep) -> Response:
    """Return one dataset with its grain and its columns."""
    catalogue = read_catalogue(services.warehouse, now=services.clock())
    return item_response(DatasetRead.of(catalogue.get(name), catalogue.freshness))


@router.get(
    "/{name}/rows",
    name="list_rows",
    response_model=RowCollection,
    responses=_FILES | errors(409, 422),
    openapi_extra=row_parameters(),
)
def list_rows(
    name: str,
    query: Annotated[RowQuery, Depends(read_query(RowQuery))],
    member: MemberDep,
    services: ServicesDep,
) -> Response:
    """Return rows of a dataset, or what groups of them come to.

    Amounts of different currencies are never put together.
    """
    if query.format is not RowFormat.JSON:
        _refuse_pages(query)
    with ExitStack() as stack:
        reader = stack.enter_context(
            open_reader(services.warehouse, member.tenant_id, now=services.clock())
        )
        question = read_question(
            reader.catalogue.get(name),
            query.filters,
            columns=query.columns,
            group_by=query.group_by,
            aggregates=query.aggregates,
            sort=query.sort,
        )
        if query.format is not RowFormat.JSON:
            check_size(reader, question)
            return file_response(reader, question, query.format, stack.pop_all())
        paging = query.paging
        rows, total = reader.page(question, page=paging.page, per_page=paging.per_page)
    return fresh_page(write_rows(rows), reader.catalogue.freshness, total=total, paging=paging)


def _refuse_pages(query: RowQuery) -> None:
    problems = [
        Problem(name, "Leave this out: a file holds all rows.")
        for name in ("page", "per_page")
        if name in query.model_fields_set
    ]
    if problems:
        raise InvalidInputError("The input is not valid.", problems=problems)
