"""What an incremental build has to do again, and what would come to the same as last time."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import duckdb

from payymo.analytics import remaking

type _Node = Mapping[str, Any]

#: How many rows of a table each tenant has; ``None`` is the tenant of what is everybody's.
type RowCounts = Mapping[UUID | None, int]

#: How many rows each tenant has, and how many of them were written since a build.
type WrittenCounts = Mapping[UUID | None, tuple[int, int]]

#: A moment of its own, in the name of the macro by which models depend on it.
_MOMENT: Final = "macro.payymo.as_of"
_DAY: Final = "macro.payymo.as_of_date"
#: Where models that are made of others say whose a row is.
_TENANT_COLUMN: Final = "tenant_id"
#: From how many of all tenants on it is less work to make a table anew than to patch it.
_TENANTS_SHARE_MAX: Final = 0.5


@dataclass(frozen=True, slots=True)
class Table:
    """A table of PostgreSQL, and the model that copies it.

    :ivar tenant_column: Says whose a row is; ``None`` where rows are everybody's.
    """

    name: str
    model: str
    tenant_column: str | None


@dataclass(frozen=True, slots=True)
class Work:
    """A step of an incremental build: a model that is made, or a test that is run.

    :ivar unique_id: What dbt's manifest calls it.
    :ivar name: What people call it.
    :ivar statements: What to do, in one transaction; of a test, a query that counts what breaks it.
    :ivar copy: What a copy of a table has to come to; ``None`` if it is none.
    """

    unique_id: str
    name: str
    statements: Sequence[str]
    copy: "Copy | None" = None


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy of a table of PostgreSQL has to come to.

    :ivar relation: The copy.
    :ivar row_count: How many rows the table has. All that is there is known once what was written
        since is: where as many rows are known, they are the same.
    :ivar forget: Drops what is known and no more there.
    """

    relation: str
    row_count: int
    forget: str


class Project:
    """The models and tests of a build, and what each depends on.

    :param manifest: As dbt wrote it.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._macros: Mapping[str, _Node] = manifest["macros"]
        self._nodes: Mapping[str, _Node] = {
            unique_id: node
            for unique_id, node in manifest["nodes"].items()
            if node["resource_type"] in {"model", "test"}
        }
        sources: Mapping[str, _Node] = manifest["sources"]
        self._order = [*_ordered(self._nodes)]
        self._tables = {
            unique_id: Table(
                sources[read]["identifier"], node["name"], node["config"]["meta"]["tenant"]
            )
            for unique_id, node in self._nodes.items()
            for read in node["depends_on"]["nodes"]
            if read in sources and node["resource_type"] == "model"
        }

    @classmethod
    def read(cls, manifest: Path) -> "Project":
        """Return the project that a build was made by.

        :param manifest: The manifest that dbt left beside it.
        """
        return cls(json.loads(manifest.read_text(encoding="utf-8")))

    @property
    def tables(self) -> Sequence[Table]:
        """Which tables of PostgreSQL are copied, by which models."""
        return list(self._tables.values())

    def plan(
        self,
        known: Mapping[str, RowCounts],
        present: Mapping[str, WrittenCounts],
        *,
        is_another_day: bool,
    ) -> Sequence[Work]:
        """Return what has to be done again; all else would come to what the last build holds.

        A model is made again where something that it reads, however far below, is not what it was:
        a row, or the day where it asks for that. Where nothing but some tenants' rows is another,
        only theirs are made. A test is run again where a model that it reads is, over the same
        tenants' rows; one that is a query of its own always, over all.

        :param known: Rows of each table in the last build.
        :param present: What each holds now.
        :param is_another_day: Whether the last build showed another day.
        :returns: Models, each after those that it reads, and then tests.
        """
        touched = {
            unique_id: touched_tenants(known[table.name], present[table.name])
            for unique_id, table in self._tables.items()
        }
        stale = self._above(lambda each: bool(touched.get(each)) or self._asks(each, _MOMENT))
        whole = self._above(lambda each: None in touched.get(each, ()) or self._asks(each, _MOMENT))
        if is_another_day:
            by_day = self._above(lambda each: self._asks(each, _DAY))
            stale, whole = stale | by_day, whole | by_day
        tenants = {each for found in touched.values() for each in found if each is not None}
        all_tenants = {each for counts in present.values() for each in counts if each}
        if len(tenants) > _TENANTS_SHARE_MAX * len(all_tenants):
            whole = stale
        some = _Some(
            tenants,
            self._above(
                lambda each: each in self._tables and self._tables[each].tenant_column is not None
            ),
        )
        return [
            *(
                self._copying(each, touched[each], present)
                if each in self._tables
                else self._making(each, None if each in whole else some)
                for each in self._order
                if each in stale and self._nodes[each]["config"]["materialized"] == "table"
            ),
            *(
                self._trying(unique_id, some if unique_id in stale - whole else None)
                for unique_id, node in self._nodes.items()
                if node["resource_type"] == "test"
                and (unique_id in stale or _is_a_query_of_its_own(node))
            ),
        ]

    def _copying(
        self,
        unique_id: str,
        touched: AbstractSet[UUID | None],
        present: Mapping[str, WrittenCounts],
    ) -> Work:
        node, table = self._nodes[unique_id], self._tables[unique_id]
        relation, keys = node["relation_name"], node["config"]["unique_key"]
        keys = [keys] if isinstance(keys, str) else keys
        gone = remaking.forget(
            relation, table.name, keys, tenant_column=table.tenant_column, tenants=touched
        )
        row_count = sum(there for there, _written in present[table.name].values())
        return Work(
            unique_id,
            node["name"],
            remaking.patch_copy(node["name"], relation, node["compiled_code"], keys),
            Copy(relation, row_count, gone),
        )

    def _making(self, unique_id: str, some: "_Some | None") -> Work:
        node = self._nodes[unique_id]
        relation, query = node["relation_name"], node["compiled_code"]
        statements = (
            remaking.remake(relation, query)
            if some is None
            else remaking.remake_some(relation, query, self._owned(node, some), some.tenants)
        )
        return Work(unique_id, node["name"], statements)

    def _trying(self, unique_id: str, some: "_Some | None") -> Work:
        node = self._nodes[unique_id]
        query = node["compiled_code"]
        if some is not None and not _is_a_query_of_its_own(node):
            query = remaking.narrow(query, self._owned(node, some), some.tenants)
        return Work(unique_id, node["name"], [remaking.count_failures(query)])

    def _owned(self, node: _Node, some: "_Some") -> Mapping[str, str]:
        """Return the relations that a node reads and that say whose a row is, and where."""
        return {
            self._nodes[read]["relation_name"]: self._tenant_column(read)
            for read in node["depends_on"]["nodes"]
            if read in some.owned
        }

    def _tenant_column(self, unique_id: str) -> str:
        table = self._tables.get(unique_id)
        return _TENANT_COLUMN if table is None or not table.tenant_column else table.tenant_column

    def _above(self, is_one: Callable[[str], bool]) -> AbstractSet[str]:
        """Return nodes of a kind, and all that depend on one of them."""
        found: dict[str, bool] = {}

        def look(unique_id: str) -> bool:
            if unique_id not in found:
                found[unique_id] = is_one(unique_id) or any(
                    look(read)
                    for read in self._nodes[unique_id]["depends_on"]["nodes"]
                    if read in self._nodes
                )
            return found[unique_id]

        return {unique_id for unique_id in self._nodes if look(unique_id)}

    def _asks(self, unique_id: str, macro: str) -> bool:
        """Return whether a model or a test calls a macro, be it by way of others."""
        seen: set[str] = set()
        waiting: list[str] = list(self._nodes[unique_id]["depends_on"]["macros"])
        while waiting:
            called = waiting.pop()
            if called not in seen and called in self._macros:
                seen.add(called)
                waiting += self._macros[called]["depends_on"]["macros"]
        return macro in seen


@dataclass(frozen=True, slots=True)
class _Some:
    """Tenants, and the models that say whose a row is."""

    tenants: AbstractSet[UUID]
    owned: AbstractSet[str]


def _ordered(nodes: Mapping[str, _Node]) -> Iterable[str]:
    """Return models, each after those that it reads."""
    return TopologicalSorter(
        {
            unique_id: [read for read in node["depends_on"]["nodes"] if read in nodes]
            for unique_id, node in nodes.items()
            if node["resource_type"] == "model"
        }
    ).static_order()


def touched_tenants(known: RowCounts, present: WrittenCounts) -> AbstractSet[UUID | None]:
    """Return whose rows of a table are not what they were.

    A tenant's are the same where none was written since and as many are there: those that are there
    were there then, and none of them is gone.

    :param known: Rows in the last build.
    :param present: What the table holds now.
    """
    return {
        tenant_id
        for tenant_id in known.keys() | present.keys()
        if present.get(tenant_id) != (known.get(tenant_id), 0)
    }


def count_known_rows(file: Path, tables: Iterable[Table]) -> Mapping[str, RowCounts]:
    """Return how many rows of each table a build holds.

    :param file: Its DuckDB file.
    :param tables: The tables.
    """
    with duckdb.connect(str(file), read_only=True) as connection:
        return {
            table.name: dict(
                connection.execute(
                    f"select {table.tenant_column or 'null'}, count(*) "  # noqa: S608  # our names
                    f"from source.{table.model} group by all having count(*) > 0"
                ).fetchall()
            )
            for table in tables
        }


def _is_a_query_of_its_own(node: _Node) -> bool:
    return node["resource_type"] == "test" and "test_metadata" not in node
