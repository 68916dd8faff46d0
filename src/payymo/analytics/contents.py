"""What a build of the warehouse holds."""

from collections.abc import Iterable, Sequence

import duckdb


def count_rows(
    connection: duckdb.DuckDBPyConnection, models: Iterable[Sequence[str]]
) -> Sequence[int]:
    """Return how many rows each model has, in the order of the models.

    :param connection: An open build, as :meth:`payymo.analytics.warehouse.Warehouse.reading` gives.
    :param models: Schema and name of each; they are there.
    """
    counts: list[int] = []
    for schema, name in models:
        query = f'SELECT count(*) FROM "{schema}"."{name}"'  # noqa: S608  # names of models
        counts += connection.execute(query).fetchall()[0]
    return counts
