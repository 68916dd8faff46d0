"""The SQL by which an incremental build makes a table again, from the SQL that dbt compiled.

dbt has compiled every model to one query, which a full build makes a table of. What is written here
brings such a table up to date instead, in the copy of the last build's file.
"""
# ruff: noqa: S608 - SQL is what it makes, of names and queries that dbt compiled and of UUIDs

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID


def patch_copy(name: str, relation: str, query: str, keys: Sequence[str]) -> list[str]:
    """Return the statements by which rows that were read take the place of those with their keys.

    :param name: Of the model.
    :param relation: Its table.
    :param query: Reads what was written since.
    :param keys: Columns by which a row is known.
    """
    return [
        f"create temp table {name}_read as ({query}\n)",
        f"delete from {relation} as known using temp.{name}_read as present where {_same(keys)}",
        f"insert into {relation} by name select * from temp.{name}_read",
        f"drop table temp.{name}_read",
    ]


def forget(
    relation: str,
    table: str,
    keys: Sequence[str],
    *,
    tenant_column: str | None,
    tenants: Collection[UUID | None],
) -> str:
    """Return the statement that drops the rows of a copy that its table has no more.

    :param relation: The copy.
    :param table: The table in PostgreSQL.
    :param keys: Columns by which a row is known.
    :param tenant_column: Says whose a row is; ``None`` where rows are everybody's.
    :param tenants: Whose rows may be gone.
    """
    there = f"select {', '.join(keys)} from public.{table}"
    known = "true"
    if tenant_column is not None:
        known = of_tenants(tenants, tenant_column)
        there += f" where {known}"
    there = there.replace("'", "''")
    return (
        f"delete from {relation} as known where {known} and not exists ("
        f"select 1 from postgres_query('operational', '{there}') as present where {_same(keys)})"
    )


def remake(relation: str, query: str) -> list[str]:
    """Return the statements that make all rows of a table anew, and leave its contract.

    :param relation: The table.
    :param query: Gives its rows.
    """
    return [
        f"truncate {relation}",
        f"insert into {relation} by name ({query}\n)",  # our own SQL
    ]


def remake_some(
    relation: str, query: str, read: Mapping[str, str], tenants: Collection[UUID]
) -> list[str]:
    """Return the statements that make some tenants' rows of a table anew.

    No row of one tenant depends on another's.

    :param relation: The table.
    :param query: Gives all its rows.
    :param read: What the query reads that says whose a row is, and in which column.
    :param tenants: Whose rows.
    """
    theirs = of_tenants(tenants)
    return [
        f"delete from {relation} where {theirs}",
        f"insert into {relation} by name "
        f"select * from ({narrow(query, read, tenants)}\n) where {theirs}",
    ]


def count_failures(query: str) -> str:
    """Return the query that counts what breaks a test.

    :param query: Gives the rows that break it.
    """
    return f"select count(*) from ({query}\n)"


def narrow(query: str, read: Mapping[str, str], tenants: Collection[UUID]) -> str:
    """Return a query that reads some tenants' rows alone.

    It comes to the same rows as a condition on its result, sooner: the condition does not find its
    way through every window and union.

    :param query: Gives all rows.
    :param read: What it reads that says whose a row is, and in which column.
    :param tenants: Whose rows.
    """
    for relation, column in read.items():
        theirs = f"(select * from {relation} where {of_tenants(tenants, column)})"
        query = query.replace(relation, theirs)
    return query


def of_tenants(tenants: Collection[UUID | None], column: str = "tenant_id") -> str:
    """Return the condition on rows of some tenants.

    :param tenants: Whose; ``None`` stands for rows that are nobody's.
    :param column: Says whose a row is.
    """
    listed = ", ".join(f"'{each}'" for each in sorted(str(each) for each in tenants if each))
    conditions = [f"{column} in ({listed})"] if listed else []
    conditions += [f"{column} is null"] if None in tenants else []
    return f"({' or '.join(conditions)})" if conditions else "false"


def _same(keys: Sequence[str]) -> str:
    return " and ".join(f"present.{key} = known.{key}" for key in keys)
