"""The catalogue: what can be asked of a build, in the words of the dbt project that made it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from payymo.analytics.warehouse import BuildFailure, BuildRecord, Warehouse
from payymo.domain.enums import ColumnKind
from payymo.domain.errors import NotFoundError, WarehouseNotBuiltError

#: Layer of the dbt project that is made for reading.
MART: Final = "mart"
TENANT_COLUMN: Final = "tenant_id"
#: Datasets whose rows are the same for everybody. One that neither names a tenant in each row nor
#: stands here is offered to nobody.
SHARED: Final = frozenset({"dim_dates"})
#: A build that shows an older moment than this is no longer what people mean by today.
STALE_AFTER: Final = timedelta(hours=24)

_KINDS: Final[Mapping[str, ColumnKind]] = {
    "uuid": ColumnKind.ID,
    "varchar": ColumnKind.TEXT,
    "boolean": ColumnKind.BOOLEAN,
    "smallint": ColumnKind.INTEGER,
    "integer": ColumnKind.INTEGER,
    "bigint": ColumnKind.INTEGER,
    "hugeint": ColumnKind.INTEGER,
    "decimal": ColumnKind.DECIMAL,
    "double": ColumnKind.NUMBER,
    "date": ColumnKind.DATE,
    "timestamptz": ColumnKind.TIMESTAMP,
}
_MEASURED: Final = frozenset({ColumnKind.INTEGER, ColumnKind.DECIMAL, ColumnKind.NUMBER})
#: Amounts are not what rows fall into groups by.
_UNGROUPED: Final = frozenset({ColumnKind.DECIMAL, ColumnKind.NUMBER})
_MANIFESTS_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a dataset.

    :ivar data_type: Its type in the file, such as ``decimal(20,4)``.
    :ivar currency: Column that holds the currency of the amounts in this one; ``None`` where they
        are no money.
    :ivar sum_within: Column of which rows must share the value where this one is added up:
        balances of several days come to nothing; ``None`` where all rows may be.
    :ivar is_additive: Whether adding it up says anything: averages come to nothing.
    """

    name: str
    kind: ColumnKind
    data_type: str
    description: str
    is_nullable: bool
    currency: str | None = None
    sum_within: str | None = None
    is_additive: bool = True

    @property
    def is_measure(self) -> bool:
        """Whether it is a number that can be reckoned with."""
        return self.kind in _MEASURED

    @property
    def is_groupable(self) -> bool:
        """Whether rows can be grouped by it."""
        return self.kind not in _UNGROUPED


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table that can be asked, as one tenant sees it.

    :ivar grain: Columns of which no two rows of a tenant share all values.
    :ivar columns: All columns by name, in order, but for the tenant's.
    :ivar is_shared: Whether its rows are the same for every tenant.
    """

    name: str
    description: str
    grain: tuple[str, ...]
    columns: Mapping[str, Column]
    is_shared: bool


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the answers are that a build gives.

    :ivar built_at: When the build was finished (aware).
    :ivar as_of: The moment of the database that it shows (aware).
    :ivar is_stale: Whether that is longer ago than :data:`STALE_AFTER`.
    :ivar failure: Why no later build took its place, in a sentence, where one was tried.
    """

    build_id: str
    built_at: datetime
    as_of: datetime
    is_stale: bool
    failure: str | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What can be asked of a build.

    :ivar datasets: All datasets by name.
    """

    freshness: Freshness
    datasets: Mapping[str, Dataset]

    def get(self, name: str) -> Dataset:
        """Return a dataset.

        :param name: Its name.
        :raises NotFoundError: If there is none of that name.
        """
        if name not in self.datasets:
            raise NotFoundError("There is no such dataset: /analytics/datasets lists them.")
        return self.datasets[name]


def read_catalogue(warehouse: Warehouse, *, now: datetime) -> Catalogue:
    """Return what can be asked of what is published.

    :param warehouse: Where builds lie.
    :param now: Present moment (aware).
    :raises WarehouseNotBuiltError: If nothing was built yet.
    """
    record = warehouse.current()
    if record is None:
        raise WarehouseNotBuiltError
    return catalogue_of(warehouse, record, now=now)


def catalogue_of(warehouse: Warehouse, record: BuildRecord, *, now: datetime) -> Catalogue:
    """Return what can be asked of one build.

    :param warehouse: Where builds lie.
    :param record: The build.
    :param now: Present moment (aware).
    """
    return Catalogue(
        freshness=_assess(record, warehouse.latest_failure(), now),
        datasets=read_manifest(warehouse.manifest(record)),
    )


@lru_cache(maxsize=_MANIFESTS_KEPT)
def read_manifest(path: Path) -> Mapping[str, Dataset]:
    """Return the datasets that a run of dbt describes.

    :param path: The ``manifest.json`` that it wrote; a build's never changes.
    """
    nodes = json.loads(path.read_text(encoding="utf-8"))["nodes"].values()
    datasets = [
        _read_dataset(node)
        for node in nodes
        if node["resource_type"] == "model" and node["schema"] == MART
    ]
    known = [dataset for dataset in datasets if dataset is not None]
    return {dataset.name: dataset for dataset in sorted(known, key=lambda each: each.name)}


def describe_failure(failure: BuildFailure) -> str:
    """Return that a build failed, in words for everybody.

    What exactly went wrong may quote a row of anybody's: it is for the operator alone.

    :param failure: What happened.
    """
    return f"The build of {failure.failed_at:%Y-%m-%d %H:%M} UTC failed. {failure.message}"


def _assess(record: BuildRecord, failure: BuildFailure | None, now: datetime) -> Freshness:
    return Freshness(
        build_id=record.id,
        built_at=record.finished_at,
        as_of=record.as_of,
        is_stale=now - record.as_of > STALE_AFTER,
        failure=None if failure is None else describe_failure(failure),
    )


def _read_dataset(node: Mapping[str, Any]) -> Dataset | None:
    """Return what a model describes; ``None`` where nobody may read it."""
    name = node["name"]
    described = node["columns"]
    if TENANT_COLUMN not in described and name not in SHARED:
        return None
    currencies = [column for column in described if _is_currency(column)]
    columns = {
        column: _read_column(told, currencies)
        for column, told in described.items()
        if column != TENANT_COLUMN
    }
    return Dataset(
        name=name,
        description=" ".join(node["description"].split()),
        grain=tuple(column for column in _meta(node).get("grain", ()) if column in columns),
        columns=columns,
        is_shared=TENANT_COLUMN not in described,
    )


def _read_column(told: Mapping[str, Any], currencies: list[str]) -> Column:
    meta = _meta(told)
    kind = _KINDS[told["data_type"].partition("(")[0].lower()]
    currency = None
    if kind is ColumnKind.DECIMAL and currencies:
        currency = meta.get("currency", "currency" if "currency" in currencies else currencies[0])
    return Column(
        name=told["name"],
        kind=kind,
        data_type=told["data_type"],
        description=" ".join(told["description"].split()),
        is_nullable=all(each["type"] != "not_null" for each in told["constraints"]),
        currency=currency or None,
        sum_within=meta.get("sum_within"),
        is_additive=kind in _MEASURED and meta.get("additive", True),
    )


def _meta(told: Mapping[str, Any]) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = told["config"].get("meta", {})
    return meta


def _is_currency(column: str) -> bool:
    return column == "currency" or column.endswith("_currency")
