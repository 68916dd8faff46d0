"""The bodies of answers: ``data``, and for lists ``meta``.

An endpoint names its envelope as ``response_model`` for the documentation and returns the
finished answer itself, so that nothing is validated a second time on the way out.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from payymo.api.fields import refuse
from payymo.api.pagination import Paging

JSON = "application/json"


class RequestModel(BaseModel):
    """Base of every request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_no_number(cls, given: object) -> object:
        # FastAPI lets Pydantic read objects by their attributes. A number is read as a Decimal,
        # which is such an object, and would pass where every field may be left out.
        if isinstance(given, Decimal):
            raise refuse("This must be a JSON object.")
        return given


class ResponseModel(BaseModel):
    """Base of every answer: no field has a default, so that each is always there."""

    model_config = ConfigDict(from_attributes=True)


class Item[Data](ResponseModel):
    """One thing."""

    data: Data


class PageMeta(ResponseModel):
    """Which part of a list this is."""

    total: Annotated[int, Field(description="Rows of the whole list.", examples=[1])]
    page: Annotated[int, Field(description="Number of this page, from 1.", examples=[1])]
    per_page: Annotated[int, Field(description="Rows of a full page.", examples=[50])]
    total_pages: Annotated[int, Field(description="Pages of the whole list.", examples=[1])]


class Collection[Data](ResponseModel):
    """A page of a list."""

    data: list[Data]
    meta: PageMeta


def item_response(
    item: BaseModel,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer that holds one thing.

    :param item: The thing, presented.
    :param status: HTTP status.
    :param headers: Further headers, such as ``Location``.
    """
    body = b'{"data":%s}' % item.model_dump_json().encode()
    return Response(body, status, headers=headers, media_type=JSON)


def page_response[Row](
    adapter: TypeAdapter[list[Row]], rows: Sequence[Row], *, total: int, paging: Paging
) -> Response:
    """Return the answer that holds one page of a list.

    :param adapter: Writes the rows; made once, beside the model.
    :param rows: The rows of this page, presented.
    :param total: How many rows the whole list has.
    :param paging: Which page was asked for.
    """
    return envelope(adapter.dump_json(list(rows)), meta=page_meta(total, paging))


def page_meta(total: int, paging: Paging) -> PageMeta:
    """Return what the answer says about a page.

    :param total: How many rows the whole list has.
    :param paging: Which page was asked for.
    """
    return PageMeta(
        total=total,
        page=paging.page,
        per_page=paging.per_page,
        total_pages=-(-total // paging.per_page),
    )


def envelope(data: bytes, *, meta: BaseModel) -> Response:
    """Return the answer that holds a list which is JSON already.

    :param data: JSON list.
    :param meta: What to say about it.
    """
    body = b'{"data":%s,"meta":%s}' % (data, meta.model_dump_json().encode())
    return Response(body, media_type=JSON)
