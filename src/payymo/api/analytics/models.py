"""What the API says of the warehouse: datasets, their rows, and how fresh they are."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from payymo.analytics.datasets import Column, Dataset, Freshness
from payymo.analytics.parameters import FILTERS_MAX, NAMES_MAX, VALUES_MAX
from payymo.api.envelopes import PageMeta, ResponseModel
from payymo.api.pagination import PAGE_MAX, PER_PAGE_DEFAULT, PER_PAGE_MAX, Paging
from payymo.api.queries import query_parameters
from payymo.api.routing import FILTERS
from payymo.domain.enums import ColumnKind, RowFormat

#: A list of names as it is written in an address.
_NAMES_CHARACTERS_MAX: Final = NAMES_MAX * 64

#: A value of a row: amounts are decimal text, days and moments ISO 8601.
type RowValue = str | int | float | bool | None


class FreshnessRead(ResponseModel):
    """How old the answer is."""

    build_id: Annotated[str, Field(description="Which build answered.")]
    built_at: Annotated[datetime, Field(description="When it was finished.")]
    as_of: Annotated[datetime, Field(description="The moment of the ledger that it shows.")]
    is_stale: Annotated[bool, Field(description="Whether that is more than a day ago.")]
    failure: Annotated[
        str | None, Field(description="Why no later build took its place, where one was tried.")
    ]

    @classmethod
    def of(cls, freshness: Freshness) -> Self:
        """Present how old an answer is.

        :param freshness: Of the build that answers.
        """
        return cls.model_validate(freshness)


class FreshMeta(ResponseModel):
    """What is said beside one thing."""

    freshness: FreshnessRead


class FreshPageMeta(PageMeta):
    """Which part of a list this is, and how old."""

    freshness: FreshnessRead


class ColumnRead(ResponseModel):
    """A column of a dataset."""

    name: Annotated[str, Field(examples=["net_cash_flow"])]
    kind: Annotated[ColumnKind, Field(description="What it holds.")]
    data_type: Annotated[
        str, Field(description="Its type in the warehouse.", examples=["decimal(38,4)"])
    ]
    description: Annotated[str, Field(examples=["Money in less money out."])]
    is_nullable: Annotated[bool, Field(description="Whether it may be absent.")]
    is_groupable: Annotated[bool, Field(description="Whether rows can be grouped by it.")]
    is_measure: Annotated[bool, Field(description="Whether it is a number.")]
    is_additive: Annotated[
        bool, Field(description="Whether it can be summed up; averages cannot, for one.")
    ]
    sum_within: Annotated[
        str | None,
        Field(description="Column of which rows must share the value where this is added up."),
    ]
    currency_column: Annotated[
        str | None,
        Field(description="Column of the currency that its amounts are in.", examples=["currency"]),
    ]

    @classmethod
    def of(cls, column: Column) -> Self:
        """Present a column.

        :param column: The column.
        """
        return cls(
            name=column.name,
            kind=column.kind,
            data_type=column.data_type,
            description=column.description,
            is_nullable=column.is_nullable,
            is_groupable=column.is_groupable,
            is_measure=column.is_measure,
            is_additive=column.is_additive,
            sum_within=column.sum_within,
            currency_column=column.currency,
        )


class DatasetRead(ResponseModel):
    """A table of the warehouse, as a tenant may ask it."""

    name: Annotated[str, Field(examples=["fct_monthly_cash_flow"])]
    description: str
    grain: Annotated[
        list[str],
        Field(description="No two rows share all values of these columns."),
    ]
    is_shared: Annotated[bool, Field(description="Whether it is the same for every tenant.")]
    columns: list[ColumnRead]
    freshness: FreshnessRead

    @classmethod
    def of(cls, dataset: Dataset, freshness: Freshness) -> Self:
        """Present a dataset.

        :param dataset: The dataset.
        :param freshness: Of the build that it belongs to.
        """
        return cls(
            name=dataset.name,
            description=dataset.description,
            grain=list(dataset.grain),
            is_shared=dataset.is_shared,
            columns=[ColumnRead.of(column) for column in dataset.columns.values()],
            freshness=FreshnessRead.of(freshness),
        )


class DatasetCollection(ResponseModel):
    """A page of datasets."""

    data: list[DatasetRead]
    meta: FreshPageMeta


class RowCollection(ResponseModel):
    """A page of rows: which columns they have depends on what was asked."""

    data: list[dict[str, RowValue]]
    meta: FreshPageMeta


class RowQuery(BaseModel):
    """How rows are shown; every other query parameter is a filter."""

    model_config = ConfigDict(extra="allow")

    columns: Annotated[
        str | None,
        Field(
            description="Columns to show, with commas between; all unless said. The currency of "
            "an amount is always shown beside it.",
            max_length=_NAMES_CHARACTERS_MAX,
            examples=["transaction_date,amount,currency,payee"],
        ),
    ] = None
    group_by: Annotated[
        str | None,
        Field(
            description="Columns by which rows are put together, with commas between.",
            max_length=_NAMES_CHARACTERS_MAX,
            examples=["month_start_date,currency"],
        ),
    ] = None
    aggregates: Annotated[
        str | None,
        Field(
            description="What groups come to: `count`, or a column with `.sum`, `.avg`, `.min`, "
            "`.max`, `.count` or `.count_distinct`, with commas between. Amounts are put together "
            "in one currency only: group by it, or filter by it.",
            max_length=_NAMES_CHARACTERS_MAX,
            examples=["net_cash_flow.sum,count"],
        ),
    ] = None
    sort: Annotated[
        str | None,
        Field(
            description="Columns or aggregates to order by, with commas between; a minus sign "
            "puts the greatest first.",
            max_length=_NAMES_CHARACTERS_MAX,
            examples=["-month_start_date"],
        ),
    ] = None
    format: Annotated[
        RowFormat,
        Field(description="`csv` and `parquet` are files of all rows, without pages."),
    ] = RowFormat.JSON
    page: Annotated[int, Field(ge=1, le=PAGE_MAX, description="Page, counted from 1.")] = 1
    per_page: Annotated[int, Field(ge=1, le=PER_PAGE_MAX, description="Rows of a page.")] = (
        PER_PAGE_DEFAULT
    )

    @property
    def paging(self) -> Paging:
        """The page that is asked for."""
        return Paging(page=self.page, per_page=self.per_page)

    @property
    def filters(self) -> dict[str, str]:
        """What must hold of each row, as written."""
        return dict(self.model_extra or {})


#: How a list of rows documents its filters, which differ by dataset.
_FILTERS: Final[dict[str, Any]] = {
    "name": "filters",
    "in": "query",
    "required": False,
    "style": "form",
    "explode": True,
    "description": "What must hold of each row, each as a parameter of its own: `column=value`, or "
    "with an operator `column.gte=value`. Operators are `eq`, `ne`, `lt`, `lte`, `gt`, `gte`, `in` "
    "(values with commas between), `contains` (text, in any case) and `is_null` (`true` or "
    f"`false`). At most {FILTERS_MAX} filters, and {VALUES_MAX} values of `in`.",
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "example": {"currency": "EUR", "month_start_date.gte": "2026-01-01"},
}


def row_parameters() -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route whose query is a :class:`RowQuery`."""
    documented = query_parameters(RowQuery)
    return {
        "parameters": [*documented["parameters"], _FILTERS],
        "x-unknown-parameters": FILTERS,
    }
