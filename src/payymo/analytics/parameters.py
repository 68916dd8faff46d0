"""Questions as they are written in an address: names and values, checked against the catalogue."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from payymo.analytics.datasets import Column, Dataset
from payymo.analytics.queries import Aggregate, Filter, Question, Value, checked
from payymo.domain.enums import AggregateFunction, ColumnKind, FilterOperator
from payymo.domain.errors import InvalidInputError, Problem
from payymo.domain.money import parse_amount

#: Enough for any question that a person would ask.
FILTERS_MAX: Final = 30
NAMES_MAX: Final = 50
VALUES_MAX: Final = 100
VALUE_CHARACTERS_MAX: Final = 400

_ORDERED: Final = frozenset(
    {FilterOperator.LT, FilterOperator.LTE, FilterOperator.GT, FilterOperator.GTE}
)
_EVERYWHERE: Final = frozenset({FilterOperator.EQ, FilterOperator.NE, FilterOperator.IS_NULL})
_UNORDERED_KINDS: Final = frozenset({ColumnKind.ID, ColumnKind.BOOLEAN})
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def read_question(
    dataset: Dataset,
    filters: Mapping[str, str],
    *,
    columns: str | None = None,
    group_by: str | None = None,
    aggregates: str | None = None,
    sort: str | None = None,
) -> Question:
    """Return the question that an address asks.

    :param dataset: What is asked.
    :param filters: ``column`` or ``column.operator``, and what it is compared with.
    :param columns: Names of columns, with commas between.
    :param group_by: Names of columns, with commas between.
    :param aggregates: ``column.function`` or ``count``, with commas between.
    :param sort: Names of columns or aggregates, with commas between; a minus puts the greatest
        first.
    :raises InvalidInputError: If a name or a value is not one that the dataset knows.
    :raises RuleError: If the question would mix currencies, or add up what cannot be.
    """
    reader = _Reader(dataset)
    question = Question(
        dataset=dataset,
        filters=reader.filters(filters),
        columns=reader.columns("columns", columns),
        group_by=reader.groups(group_by),
        aggregates=reader.aggregates(aggregates),
    )
    if question.group_by and not question.aggregates and not reader.problems:
        count = Aggregate(AggregateFunction.COUNT, None)
        question = replace(question, aggregates=(count,))
    if question.is_grouped and question.columns:
        reader.refuse("columns", "Leave this out: group_by and aggregates say what is shown.")
    reader.raise_problems()
    question = checked(question)
    question = replace(question, sort=reader.sort(sort, question))
    reader.raise_problems()
    return question


class _Reader:
    """Reads the parts of a question, and collects everything that is wrong with them."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.problems: list[Problem] = []

    def refuse(self, field: str, message: str) -> None:
        self.problems.append(Problem(field, message))

    def raise_problems(self) -> None:
        if self.problems:
            raise InvalidInputError("The input is not valid.", problems=self.problems)

    def filters(self, given: Mapping[str, str]) -> Sequence[Filter]:
        if len(given) > FILTERS_MAX:
            self.refuse("filters", f"There are too many filters: at most {FILTERS_MAX}.")
            return ()
        read = [self._filter(name, text) for name, text in given.items()]
        return [each for each in read if each is not None]

    def columns(self, field: str, given: str | None) -> Sequence[Column]:
        return [
            column
            for name in self._names(field, given)
            if (column := self._column(field, name)) is not None
        ]

    def groups(self, given: str | None) -> Sequence[Column]:
        columns = self.columns("group_by", given)
        for column in columns:
            if not column.is_groupable:
                self.refuse("group_by", f"Rows cannot be grouped by {column.name}: it is a number.")
        return columns

    def aggregates(self, given: str | None) -> Sequence[Aggregate]:
        read = [self._aggregate(name) for name in self._names("aggregates", given)]
        return [each for each in read if each is not None]

    def sort(self, given: str | None, question: Question) -> Sequence[tuple[str, bool]]:
        known: list[str] = [column.name for column in question.group_by]
        known += [aggregate.name for aggregate in question.aggregates]
        if not question.is_grouped:
            known = list(self._dataset.columns)
        # A name of an aggregate is written as it was asked for, or as it stands in the answer.
        asked = {
            f"{aggregate.column.name}.{aggregate.function.value}": aggregate.name
            for aggregate in question.aggregates
            if aggregate.column is not None
        }
        read = []
        for name in self._names("sort", given):
            bare = name.removeprefix("-")
            bare = asked.get(bare, bare)
            if bare not in known:
                self.refuse("sort", f"Sort by one of: {', '.join(known)}.")
                break
            read.append((bare, name.startswith("-")))
        if len({name for name, _ in read}) < len(read):
            self.refuse("sort", "Name each column once.")
        return read

    def _names(self, field: str, given: str | None) -> Iterator[str]:
        if given is None:
            return
        names = [name.strip() for name in given.split(",")]
        if len(names) > NAMES_MAX:
            self.refuse(field, f"There are too many names: at most {NAMES_MAX}.")
        elif "" in names:
            self.refuse(field, "Write names with single commas between them.")
        elif len(set(names)) < len(names):
            self.refuse(field, "Name each once.")
        else:
            yield from names

    def _column(self, field: str, name: str) -> Column | None:
        column = self._dataset.columns.get(name)
        if column is None:
            known = ", ".join(self._dataset.columns)
            self.refuse(field, f"There is no such column: {self._dataset.name} has {known}.")
        return column

    def _aggregate(self, text: str) -> Aggregate | None:
        if text == AggregateFunction.COUNT.value:
            return Aggregate(AggregateFunction.COUNT, None)
        name, _, function = text.rpartition(".")
        if function not in {each.value for each in AggregateFunction}:
            functions = ", ".join(AggregateFunction)
            self.refuse("aggregates", f"Write count, or a column, a dot and one of: {functions}.")
            return None
        column = self._column("aggregates", name)
        if column is None:
            return None
        aggregate = Aggregate(AggregateFunction(function), column)
        if not _fits(aggregate.function, column):
            self.refuse(
                "aggregates", f"{column.name} holds no numbers: {function} cannot be told of it."
            )
            return None
        return aggregate

    def _filter(self, name: str, text: str) -> Filter | None:
        """Return a filter; its own name and value are the field that a complaint names."""
        bare, _, operator = name.rpartition(".")
        if not bare:
            bare, operator = name, FilterOperator.EQ.value
        column = self._column(name, bare)
        if column is None:
            return None
        operators = [each for each in FilterOperator if _compares(each, column.kind)]
        if operator not in operators:
            self.refuse(name, f"{bare} can be compared by: {', '.join(operators)}.")
            return None
        try:
            return Filter(column, FilterOperator(operator), _values(column, operator, text))
        except InvalidInputError as error:
            self.refuse(name, error.message)
            return None


def _fits(function: AggregateFunction, column: Column) -> bool:
    match function:
        case AggregateFunction.SUM | AggregateFunction.AVG:
            return column.is_measure
        case AggregateFunction.MIN | AggregateFunction.MAX:
            return column.kind not in _UNORDERED_KINDS
        case _:
            return True


def _compares(operator: FilterOperator, kind: ColumnKind) -> bool:
    if operator in _ORDERED:
        return kind not in _UNORDERED_KINDS
    if operator is FilterOperator.CONTAINS:
        return kind is ColumnKind.TEXT
    return operator in _EVERYWHERE or kind is not ColumnKind.BOOLEAN


def _values(column: Column, operator: str, text: str) -> tuple[Value, ...]:
    if operator == FilterOperator.IS_NULL:
        return (_read_boolean(text),)
    parse = _PARSERS[column.kind]
    texts = text.split(",") if operator == FilterOperator.IN else [text]
    if len(texts) > VALUES_MAX:
        raise InvalidInputError(f"There are too many values: at most {VALUES_MAX}.")
    if any(len(each) > VALUE_CHARACTERS_MAX for each in texts):
        raise InvalidInputError(f"A value may have {VALUE_CHARACTERS_MAX} characters at most.")
    return tuple(parse(each) for each in texts)


def _read_boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise InvalidInputError("Write true or false.")
    return text == "true"


def _read_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise InvalidInputError("Write a whole number.")
    return int(text)


def _read_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError("Write an id (a UUID).") from None


def _read_date(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise InvalidInputError("Write the day as YYYY-MM-DD, such as 2026-02-28.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("There is no such day in the calendar.") from None


def _read_moment(text: str) -> datetime:
    """Return a moment; a day alone is its beginning, and what names no zone is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            "Write the moment in ISO 8601, such as 2026-02-28T09:30:00Z."
        ) from None


def _read_decimal(text: str) -> Decimal:
    return parse_amount(text)


def _read_text(text: str) -> str:
    return text


_PARSERS: Final[Mapping[ColumnKind, Callable[[str], Value]]] = {
    ColumnKind.ID: _read_id,
    ColumnKind.TEXT: _read_text,
    ColumnKind.BOOLEAN: _read_boolean,
    ColumnKind.INTEGER: _read_integer,
    ColumnKind.DECIMAL: _read_decimal,
    ColumnKind.NUMBER: _read_decimal,
    ColumnKind.DATE: _read_date,
    ColumnKind.TIMESTAMP: _read_moment,
}
