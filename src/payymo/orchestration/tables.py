"""PostgreSQL's tables as assets: what they hold is read from the models, so that it stays true."""

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import dagster as dg
from sqlalchemy.dialects import postgresql

from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.common.operations.row_counts import count_rows
from payymo.postgres.core import Base
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.schema import MODEL_MODULES
from payymo.postgres.tenancy import tenant_transaction

#: What rooms of tables are to those who look at the lineage; others go by their own name.
LAYERS: Final[Mapping[str, str]] = {
    "auth": "tenants",
    "common": "standardised",
    "gocardless": "raw",
    "reconciliation": "reconciliation",
}

_POSTGRESQL: Final = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own
_MODELS: Final[Mapping[str, type[Base]]] = {
    value.__tablename__: value
    for module in MODEL_MODULES
    for value in vars(module).values()
    if inspect.isclass(value) and issubclass(value, Base) and hasattr(value, "__tablename__")
}


def table_key(name: str) -> dg.AssetKey:
    """Return the key of a table: its layer, and its name.

    :param name: Name of the table in PostgreSQL.
    """
    room = _MODELS[name].__module__.split(".")[-2]
    return dg.AssetKey([LAYERS.get(room, room), name])


def table_spec(name: str, *, deps: Sequence[str] = (), note: str = "") -> dg.AssetSpec:
    """Return a table as an asset.

    :param name: Name of the table in PostgreSQL.
    :param deps: Names of the tables that it is made from.
    :param note: What to say beyond the model's own description.
    """
    model = _MODELS[name]
    key = table_key(name)
    told, _, _ = inspect.cleandoc(model.__doc__ or "").partition(":ivar")
    return dg.AssetSpec(
        key,
        deps=[table_key(dep) for dep in deps],
        description="\n\n".join(filter(None, (told.strip(), note))),
        group_name=key.path[0],
        kinds={"postgres"},
        metadata={
            "dagster/table_name": name,
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(
                        column.name,
                        column.type.compile(_POSTGRESQL).lower(),
                        constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
                    )
                    for column in model.__table__.columns
                ]
            ),
        },
    )


def materialised(
    services: OrchestrationServices,
    specs: Collection[dg.AssetSpec],
    metadata: Mapping[str, Any],
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield that tables stand as they do now, with the rows that all tenants have in each.

    :param services: What to work with.
    :param specs: Tables, as :func:`table_spec` gives them, each after those it is made from.
    :param metadata: What else to say of each.
    """
    counts = count_all(services, [spec.key.path[-1] for spec in specs])
    for spec in specs:
        rows = counts[spec.key.path[-1]]
        yield dg.MaterializeResult(
            asset_key=spec.key, metadata={"dagster/row_count": rows, **metadata}
        )


def count_all(services: OrchestrationServices, tables: Collection[str]) -> Mapping[str, int]:
    """Return how many rows all tenants have in each table.

    :param services: What to work with.
    :param tables: Names of the tables.
    """
    total = dict.fromkeys(tables, 0)
    for tenant_id in list_tenants(services):
        with tenant_transaction(services.sessions, tenant_id) as session:
            for name, count in count_rows(session, tenant_id, tables).items():
                total[name] += count
    return total


def list_tenants(services: OrchestrationServices) -> Sequence[UUID]:
    """Return the ids of all tenants, oldest first.

    :param services: What to work with.
    """
    with services.sessions.begin() as session:
        return list_tenant_ids(session)
