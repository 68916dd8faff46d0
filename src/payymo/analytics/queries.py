"""Questions to a dataset as SQL: names from the catalogue alone, values as parameters, one tenant.

Every statement reads :data:`_ROWS`, which :func:`_tenant_rows` makes and which holds the rows of
one tenant. There is no other place in the house where SQL for the warehouse is put together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from payymo.analytics.datasets import MART, TENANT_COLUMN, Column, Dataset
from payymo.domain.enums import AggregateFunction, ColumnKind, FilterOperator
from payymo.domain.errors import RuleError

#: Names of the one relation that statements read.
_ROWS: Final = "tenant_rows"
#: Aggregates that are meaningless over amounts of several currencies.
_OF_ONE_CURRENCY: Final = frozenset(
    {AggregateFunction.SUM, AggregateFunction.AVG, AggregateFunction.MIN, AggregateFunction.MAX}
)
_COMPARISONS: Final = {
    FilterOperator.EQ: "=",
    FilterOperator.NE: "is distinct from",
    FilterOperator.LT: "<",
    FilterOperator.LTE: "<=",
    FilterOperator.GT: ">",
    FilterOperator.GTE: ">=",
}

type Value = object


@dataclass(frozen=True, slots=True)
class Filter:
    """What must hold of a row.

    :ivar values: What the column is compared with: one value, or several for ``IN``; a boolean for
        ``IS_NULL``.
    """

    column: Column
    operator: FilterOperator
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What the rows of a group come to.

    :ivar column: Of which column; ``None`` counts rows.
    """

    function: AggregateFunction
    column: Column | None

    @property
    def name(self) -> str:
        """What it is called in the answer: ``amount_sum``, or ``count``."""
        if self.column is None:
            return self.function.value
        return f"{self.column.name}_{self.function.value}"

    @property
    def currency(self) -> str | None:
        """Column of the currency that it is in; ``None`` where it is no money."""
        if self.column is None or self.function not in _OF_ONE_CURRENCY:
            return None
        return self.column.currency

    @property
    def sum_within(self) -> str | None:
        """Column of which the rows must share the value; ``None`` where all rows may be."""
        is_sum = self.function is AggregateFunction.SUM
        return self.column.sum_within if self.column is not None and is_sum else None

    @property
    def is_meaningful(self) -> bool:
        """Whether it says anything: not where averages are added up."""
        is_sum = self.function is AggregateFunction.SUM
        return self.column is None or self.column.is_additive or not is_sum

    @property
    def kind(self) -> ColumnKind:
        """What it is."""
        if self.column is None or self.function in {
            AggregateFunction.COUNT,
            AggregateFunction.COUNT_DISTINCT,
        }:
            return ColumnKind.INTEGER
        if self.function is AggregateFunction.AVG and self.currency is None:
            return ColumnKind.NUMBER
        return self.column.kind


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the answer.

    :ivar currency: Name of the field that holds the currency of its amounts.
    """

    name: str
    kind: ColumnKind
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a dataset: its rows, or what groups of them come to.

    :ivar columns: Which columns to show of each row; all where empty.
    :ivar group_by: Columns by which rows are put together.
    :ivar aggregates: What groups come to; with these, and no group, all rows are one.
    :ivar sort: Names of fields and whether the greatest comes first, most important first.
    """

    dataset: Dataset
    filters: Sequence[Filter] = ()
    columns: Sequence[Column] = ()
    group_by: Sequence[Column] = ()
    aggregates: Sequence[Aggregate] = ()
    sort: Sequence[tuple[str, bool]] = ()

    @property
    def is_grouped(self) -> bool:
        """Whether it asks for groups rather than for rows."""
        return bool(self.group_by or self.aggregates)


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters.

    :ivar fields: What each column of the answer is.
    """

    sql: str
    parameters: Sequence[Value] = field(repr=False)
    fields: Sequence[Field]


def checked(question: Question) -> Question:
    """Return a question whose amounts are never of several currencies, each beside its currency.

    A currency that is the only one asked for becomes a column by which rows are grouped.

    :param question: What is asked.
    :raises RuleError: If amounts of several currencies would be put together, or numbers be added
        up that come to nothing.
    """
    columns = question.dataset.columns
    if not question.is_grouped:
        shown = list(question.columns or columns.values())
        for column in tuple(shown):
            if column.currency is not None and columns[column.currency] not in shown:
                shown.append(columns[column.currency])
        return replace(question, columns=shown)
    group_by = list(question.group_by)
    fixed = {
        each.column.name
        for each in question.filters
        if each.operator is FilterOperator.EQ
        or (each.operator is FilterOperator.IN and len(each.values) == 1)
    }
    for aggregate in question.aggregates:
        if not aggregate.is_meaningful:
            raise RuleError(
                f"{aggregate.name.removesuffix('_sum')} cannot be added up: ask for its min, max "
                "or avg.",
                code="not_additive",
            )
        within = aggregate.sum_within
        if within is not None and within not in fixed and columns[within] not in group_by:
            raise RuleError(
                f"{aggregate.name.removesuffix('_sum')} cannot be added up across {within}: add "
                f"{within} to group_by, or choose one with {within}=….",
                code="not_additive",
            )
        currency = aggregate.currency
        if currency is None or columns[currency] in group_by:
            continue
        if currency not in fixed:
            raise RuleError(
                f"Amounts of several currencies cannot be put together: add {currency} to "
                f"group_by, or choose one, such as {currency}=EUR.",
                code="mixed_currencies",
            )
        group_by.append(columns[currency])
    return replace(question, group_by=group_by)


def rows_statement(
    question: Question, tenant_id: UUID, *, limit: int | None = None, offset: int = 0
) -> Statement:
    """Return the SQL that answers a question.

    :param question: What is asked, :func:`checked`.
    :param tenant_id: Whose rows are read.
    :param limit: Rows at most.
    :param offset: Rows to leave out before.
    """
    statement = _answer(question, tenant_id)
    order = ", ".join(_order(question))
    sql = f"{statement.sql} order by {order}" if order else statement.sql
    parameters = list(statement.parameters)
    if limit is not None:
        sql += " limit ? offset ?"
        parameters += [limit, offset]
    return Statement(sql, parameters, statement.fields)


def count_statement(question: Question, tenant_id: UUID) -> Statement:
    """Return the SQL that says how many rows the answer to a question has.

    :param question: What is asked, :func:`checked`.
    :param tenant_id: Whose rows are read.
    """
    statement = _answer(question, tenant_id)
    counted = Field("count", ColumnKind.INTEGER)
    sql = f"select count(*) from ({statement.sql}) as answer"  # noqa: S608  # made here
    return Statement(sql, statement.parameters, (counted,))


def all_rows_statement(dataset: Dataset, tenant_id: UUID) -> Statement:
    """Return the SQL that reads all columns of a tenant's rows as they are, in no order.

    :param dataset: Which table.
    :param tenant_id: Whose rows are read.
    """
    relation, parameters = _tenant_rows(dataset, tenant_id)
    sql = f"with {relation} select * from {_ROWS}"  # noqa: S608  # made here
    fields = [Field(column.name, column.kind) for column in dataset.columns.values()]
    return Statement(sql, parameters, fields)


def quoted(name: str) -> str:
    """Return a name as SQL writes it.

    :param name: Name of a column or a table.
    """
    return '"' + name.replace('"', '""') + '"'


def _tenant_rows(dataset: Dataset, tenant_id: UUID) -> tuple[str, list[Value]]:
    """Return the one relation that statements may read: a tenant's rows, without whose they are."""
    names = ", ".join(map(quoted, dataset.columns))
    relation = f"select {names} from {quoted(MART)}.{quoted(dataset.name)}"  # noqa: S608  # names of the catalogue
    if dataset.is_shared:
        return f"{_ROWS} as ({relation})", []
    return f"{_ROWS} as ({relation} where {quoted(TENANT_COLUMN)} = ?)", [tenant_id]


def _answer(question: Question, tenant_id: UUID) -> Statement:
    """Return the SQL of all rows of an answer, in no order."""
    relation, parameters = _tenant_rows(question.dataset, tenant_id)
    fields = list(_fields(question))
    conditions = list(_conditions(question.filters, parameters))
    sql = f"with {relation} select {', '.join(_expressions(question))} from {_ROWS}"  # noqa: S608  # the manifest's names
    if conditions:
        sql += f" where {' and '.join(conditions)}"
    if question.group_by:
        sql += f" group by {', '.join(quoted(column.name) for column in question.group_by)}"
    return Statement(sql, parameters, fields)


def _fields(question: Question) -> Iterator[Field]:
    shown = question.group_by if question.is_grouped else question.columns
    for column in shown:
        yield Field(column.name, column.kind, column.currency)
    for aggregate in question.aggregates:
        yield Field(aggregate.name, aggregate.kind, aggregate.currency)


def _expressions(question: Question) -> Iterator[str]:
    shown = question.group_by if question.is_grouped else question.columns
    for column in shown:
        yield quoted(column.name)
    for aggregate in question.aggregates:
        yield f"{_aggregated(aggregate)} as {quoted(aggregate.name)}"


def _aggregated(aggregate: Aggregate) -> str:
    if aggregate.column is None:
        return "count(*)"
    name = quoted(aggregate.column.name)
    match aggregate.function:
        case AggregateFunction.COUNT_DISTINCT:
            return f"count(distinct {name})"
        case AggregateFunction.AVG if aggregate.currency is not None:
            return _exact_average(name)
        case function:
            return f"{function.value}({name})"


def _exact_average(name: str) -> str:
    """Return the average of amounts, rounded half up: DuckDB's own average is a float."""
    units = f"(sum({name})::decimal(34, 4) * 10000)::hugeint"
    rounded = f"(2 * {units} + sign({units}) * count({name})) // nullif(2 * count({name}), 0)"
    return f"(({rounded})::decimal(34, 0) * 0.0001::decimal(4, 4))::decimal(38, 4)"


def _conditions(filters: Sequence[Filter], parameters: list[Value]) -> Iterator[str]:
    """Yield what must hold of each row, and add the values that it is compared with."""
    for each in filters:
        name = quoted(each.column.name)
        if each.operator is FilterOperator.IS_NULL:
            yield f"{name} is {'null' if each.values[0] else 'not null'}"
            continue
        parameters.extend(each.values)
        match each.operator:
            case FilterOperator.IN:
                yield f"{name} in ({', '.join('?' * len(each.values))})"
            case FilterOperator.CONTAINS:
                yield f"contains(lower({name}), lower(?))"
            case operator:
                yield f"{name} {_COMPARISONS[operator]} ?"


def _order(question: Question) -> Iterator[str]:
    """Yield what rows are ordered by, to the last tie: pages neither repeat nor leave out a row."""
    named = set()
    for name, is_descending in question.sort:
        named.add(name)
        yield f"{quoted(name)} {'desc' if is_descending else 'asc'} nulls last"
    last = (
        [column.name for column in question.group_by]
        if question.is_grouped
        else [*question.dataset.grain]
    )
    yield from (f"{quoted(name)} asc nulls last" for name in last if name not in named)
