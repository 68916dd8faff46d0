"""A published warehouse as a test wants it: the project's own marts, with rows written by hand.

The tables are those that the models' YAML describes, in a file of their own, so that a question
can be asked in milliseconds. That dbt makes the same is tested where dbt runs.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import yaml

from payymo.analytics.project import project_folder
from payymo.analytics.warehouse import BuildRecord, Warehouse
from payymo.domain.enums import BuildKind

type Rows = Sequence[Mapping[str, object]]

AS_OF = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
BUILT_AT = datetime(2026, 3, 2, 8, 1, tzinfo=UTC)


@cache
def described_marts() -> Mapping[str, Mapping[str, Any]]:
    """Return each mart as dbt's manifest has it."""
    nodes = {}
    for path in sorted((project_folder() / "models" / "mart").glob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ()):
            columns = {
                column["name"]: {
                    **column,
                    "constraints": column.get("constraints", []),
                    "config": {"meta": column.get("config", {}).get("meta", {})},
                }
                for column in model["columns"]
            }
            nodes[model["name"]] = {
                "resource_type": "model",
                "schema": "mart",
                "name": model["name"],
                "description": model["description"],
                "config": model["config"],
                "columns": columns,
            }
    return nodes


@cache
def _empty_marts() -> bytes:
    """Return a database of the project's own marts: made once, since a table takes a while."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "warehouse.duckdb"
        _create(database, described_marts())
        return database.read_bytes()


def _create(database: Path, marts: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a database of marts without rows."""
    with duckdb.connect(database) as connection:
        connection.execute("create schema mart")
        for name, mart in marts.items():
            columns = ", ".join(
                f'"{column}" {told["data_type"]}' for column, told in mart["columns"].items()
            )
            connection.execute(f'create table mart."{name}" ({columns})')


def _literal(value: object) -> str:
    """Return a value as SQL: one that is bound makes DuckDB look for pandas, each time in vain."""
    return "null" if value is None else "'" + str(value).replace("'", "''") + "'"


def publish(
    folder: Path,
    rows: Mapping[str, Rows],
    *,
    as_of: datetime = AS_OF,
    built_at: datetime = BUILT_AT,
    marts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Warehouse:
    """Publish a build that holds rows, and no others.

    :param folder: Where the warehouse lies.
    :param rows: For each mart its rows; a column that is left out is null.
    :param as_of: The moment that it shows (aware).
    :param built_at: When it was finished (aware).
    :param marts: The marts; the project's own unless given.
    """
    marts = described_marts() if marts is None else marts
    warehouse = Warehouse(folder)
    with warehouse.building(lambda: None):
        draft = warehouse.draft(None)
        (draft / "target").mkdir(exist_ok=True)
        manifest = {"nodes": {f"model.payymo.{name}": mart for name, mart in marts.items()}}
        (draft / "target" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        database = draft / "warehouse.duckdb"
        if marts is described_marts():
            database.write_bytes(_empty_marts())
        else:
            _create(database, marts)
        with duckdb.connect(database) as connection:
            for name in marts.keys() & rows.keys():
                for columns, alike in groupby(rows[name], tuple):
                    names = ", ".join(f'"{column}"' for column in columns)
                    values = ", ".join(
                        f"({', '.join(map(_literal, row.values()))})" for row in alike
                    )
                    connection.execute(f'insert into mart."{name}" ({names}) values {values}')
        record = BuildRecord(
            id=draft.name,
            kind=BuildKind.FULL,
            started_at=as_of,
            finished_at=built_at,
            as_of=as_of,
            source="test",
            horizon=1,
            fingerprint="test",
            model_count=len(marts),
            test_count=0,
        )
        warehouse.publish(draft, record)
    return warehouse
