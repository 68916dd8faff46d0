"""What an incremental build has to do again, and what would come to the same as last time."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import duckdb

type _Node = Mapping[str, Any]

#: How many rows of a table each tenant has; ``None`` is the tenant of what is everybody's.
type RowCounts = Mapping[UUID | None, int]

#: How many rows each tenant has, and how many of them were written since a build.
type WrittenCounts = Mapping[UUID | None, tuple[int, int]]

#: A moment of its own, in the name of the macro by which models depend on it.
_MOMENT: Final = "macro.payymo.as_of"
_DAY: Final = "macro.payymo.as_of_date"
#: What is kept as a table: made of other models, or copied.
_TABLES: Final = {"derived", "copied"}
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
class Plan:
    """What an incremental build does.

    :ivar steps: Names of the models that are made and of the tests that are run.
    :ivar narrowed: Models of which only some tenants' rows are made, each with those that it reads
        and that say whose a row is.
    :ivar tenants: Whose rows are made of them.
    :ivar patched: Models that hold everybody else's rows as the last build had, and tried, them.
    :ivar row_counts: How many rows of each model that copies a table there are to be.
    """

    steps: Sequence[str]
    narrowed: Mapping[str, Sequence[str]]
    tenants: Sequence[UUID]
    patched: Sequence[str]
    row_counts: Mapping[str, int]


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
    ) -> Plan:
        """Return what has to be done again; all else would come to what the last build holds.

        A model is made again where something that it reads, however far below, is not what it was:
        a row, or the day where it asks for that. A test is run again where a model that it reads
        is; one that is a query of its own, always.

        :param known: Rows of each table in the last build.
        :param present: What each holds now.
        :param is_another_day: Whether the last build showed another day.
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
        owned = self._above(
            lambda each: each in self._tables and self._tables[each].tenant_column is not None
        )
        patched = sorted(stale - whole)
        return Plan(
            steps=[
                node["name"]
                for unique_id, node in self._nodes.items()
                if _is_a_query_of_its_own(node)
                or (unique_id in stale and node["config"]["materialized"] != "view")
            ],
            narrowed={
                self._nodes[each]["name"]: [
                    self._nodes[read]["name"]
                    for read in self._nodes[each]["depends_on"]["nodes"]
                    if read in owned
                ]
                for each in patched
                if self._nodes[each]["config"]["materialized"] == "derived"
            },
            tenants=sorted(tenants),
            patched=[
                self._nodes[each]["name"]
                for each in patched
                if self._nodes[each]["config"]["materialized"] in _TABLES
            ],
            row_counts={
                table.model: sum(there for there, _written in present[table.name].values())
                for table in self._tables.values()
            },
        )

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
