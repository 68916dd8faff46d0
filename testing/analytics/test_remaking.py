"""The SQL of an incremental build, run by DuckDB."""

from uuid import UUID

import duckdb
import pytest

from payymo.analytics import remaking

ANNA, BERT = UUID(int=1), UUID(int=2)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create table payments (tenant_id uuid, id integer, amount integer not null);"
        f"insert into payments values ('{ANNA}', 1, 10), ('{ANNA}', 2, 20), ('{BERT}', 1, 5);"
        "create table totals (tenant_id uuid not null, total integer not null);"
    )
    return connection


TOTALS = "select tenant_id, sum(amount)::integer as total from payments group by all -- each"


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"from {table} order by all").fetchall()


def run(connection: duckdb.DuckDBPyConnection, statements: list[str]) -> None:
    for statement in statements:
        connection.execute(statement)


def test_rows_that_were_read_take_the_place_of_those_with_their_keys(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    read = f"select '{ANNA}'::uuid as tenant_id, unnest([2, 3]) as id, 99 as amount"

    run(connection, remaking.patch_copy("some", "payments", read, ["tenant_id", "id"]))

    assert rows(connection, "payments") == [
        (ANNA, 1, 10),
        (ANNA, 2, 99),
        (ANNA, 3, 99),
        (BERT, 1, 5),
    ]
    assert connection.execute("from duckdb_tables() where temporary").fetchall() == []


def test_a_table_made_anew_keeps_what_it_demands(connection: duckdb.DuckDBPyConnection) -> None:
    run(connection, remaking.remake("totals", TOTALS))

    assert rows(connection, "totals") == [(ANNA, 30), (BERT, 5)]
    with pytest.raises(duckdb.ConstraintException):
        connection.execute(f"insert into totals values ('{ANNA}', null)")


def test_some_tenants_rows_are_made_anew_and_others_left(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute(f"insert into totals values ('{ANNA}', 0), ('{BERT}', 7)")

    run(connection, remaking.remake_some("totals", TOTALS, {"payments": "tenant_id"}, {ANNA}))

    assert rows(connection, "totals") == [(ANNA, 30), (BERT, 7)]


def test_what_breaks_a_test_is_counted(connection: duckdb.DuckDBPyConnection) -> None:
    broken = remaking.narrow("from payments where amount < 15 -- too little", {}, {ANNA})
    query = remaking.count_failures(broken)

    assert connection.execute(query).fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("tenants", "condition"),
    [
        ([BERT, ANNA], f"(of in ('{ANNA}', '{BERT}'))"),
        ([None, ANNA], f"(of in ('{ANNA}') or of is null)"),
        ([None], "(of is null)"),
        ([], "false"),
    ],
)
def test_whose_rows_are_looked_for(tenants: list[UUID | None], condition: str) -> None:
    assert remaking.of_tenants(tenants, "of") == condition
