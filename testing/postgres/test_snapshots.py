"""What the warehouse's role may see of the database, and what not."""

import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError
from testing.factories import add_customer, add_institution, add_tenant

from payymo.domain.errors import ConfigurationError
from payymo.postgres.core import ANALYTICS_ROLE, create_app_engine, create_sessions
from payymo.postgres.embedded import EmbeddedServer, embedded_server
from payymo.postgres.schema import init_database
from payymo.postgres.snapshots import Snapshot, exported_snapshot
from payymo.postgres.tenancy import tenant_transaction

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "dbt" / "models" / "source").glob("src_*.sql"))

#: Columns that hold what opens something, or what a bank said word for word.
SECRET = re.compile(
    "secret|token|password|hash|payload|consent_url|return_url|evidence|content|credential"
)

#: A line of a model's list of columns: a name, or an expression with a name for it.
COLUMN = re.compile(r"^    (?:'([^']+)'|\"([^\"]+)\"),$", re.MULTILINE)


@pytest.fixture
def reader(owner_engine: Engine) -> Iterator[Connection]:
    """A connection that acts as the warehouse's role, and changes nothing."""
    with owner_engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(text(f"SET LOCAL ROLE {ANALYTICS_ROLE}"))
        yield connection
        transaction.rollback()


def granted(connection: Connection) -> dict[str, set[str]]:
    """Return which columns of which tables the warehouse's role may read."""
    rows: Iterable[Any] = connection.execute(
        text(
            "SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
            "WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT attisdropped "
            "AND relnamespace = 'public'::regnamespace "
            "AND has_column_privilege(:role, pg_class.oid, attnum, 'SELECT')"
        ),
        {"role": ANALYTICS_ROLE},
    )
    columns: dict[str, set[str]] = defaultdict(set)
    for table, column in rows:
        columns[table].add(column)
    return columns


def read_by_models() -> dict[str, set[str]]:
    """Return which words stand in the lists of columns of the models that read PostgreSQL."""
    return {
        path.stem.removeprefix("src_"): {
            word
            for entry in COLUMN.findall(path.read_text())
            for word in re.findall(r"[a-z_]+", "".join(entry).partition(" as ")[0])
        }
        for path in SOURCES
    }


class TestTheRole:
    def test_it_may_read_what_the_models_read_and_nothing_else(self, owner_engine: Engine) -> None:
        with owner_engine.connect() as connection:
            may = granted(connection)

        read = read_by_models()
        assert may.keys() == read.keys()
        assert {table: columns - read[table] - {"xmin"} for table, columns in may.items()} == {
            table: set() for table in may
        }

    def test_nothing_secret_is_granted(self, owner_engine: Engine) -> None:
        with owner_engine.connect() as connection:
            may = granted(connection)

        assert [
            (table, column)
            for table, columns in may.items()
            for column in columns
            if SECRET.search(column)
        ] == []

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM users",
            "SELECT password_hash FROM users",
            "SELECT token_hash FROM refresh_tokens",
            "SELECT secret_key FROM provider_credentials",
            "SELECT access FROM gc_tokens",
            "SELECT payload FROM gc_transactions",
            "SELECT reference FROM consents",
            "SELECT consent_url FROM consents",
            "SELECT name FROM tenants",
            "SELECT email FROM customers",
            "SELECT evidence FROM matches",
            "SELECT before FROM audit_log",
            "SELECT * FROM transactions",
            "SELECT args FROM procrastinate_jobs",
            "INSERT INTO tenants (id) VALUES (gen_random_uuid())",
            "UPDATE invoices SET number = number",
            "DELETE FROM allocations",
            "TRUNCATE balances",
            "CREATE TABLE mine ()",
        ],
    )
    def test_it_may_not(self, reader: Connection, statement: str) -> None:
        with pytest.raises(DBAPIError, match="permission denied"):
            reader.execute(text(statement))


@pytest.fixture(scope="module")
def quiet_server() -> Iterator[EmbeddedServer]:
    """A server of these tests' own: a transaction that is open anywhere on a server holds the
    horizon of all its databases.
    """
    with (
        tempfile.TemporaryDirectory(prefix="payymo-test-") as folder,
        embedded_server(Path(folder), settings={"fsync": "off"}) as server,
    ):
        init_database(server.url())
        yield server


class TestASnapshot:
    @pytest.fixture
    def snapshot(self, database: str) -> Iterator[Snapshot]:
        with exported_snapshot(database) as snapshot:
            yield snapshot

    def test_it_shows_all_tenants_as_they_were(self, database: str) -> None:
        engine = create_app_engine(database)
        sessions = create_sessions(engine)
        with sessions.begin() as session:
            mine, theirs = add_tenant(session), add_tenant(session)
        for tenant_id in (mine, theirs):
            with tenant_transaction(sessions, tenant_id) as session:
                add_customer(session, tenant_id)

        with exported_snapshot(database) as snapshot:
            with tenant_transaction(sessions, mine) as session:
                add_customer(session, mine)
            seen = read_customers(snapshot)
        engine.dispose()

        assert seen == {mine: 1, theirs: 1}

    def test_what_it_hands_on_reads_only(self, snapshot: Snapshot) -> None:
        with (
            connect(snapshot) as connection,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            connection.execute("CREATE TEMPORARY TABLE mine ()")

    def test_later_rows_are_of_its_horizon_or_above(self, quiet_server: EmbeddedServer) -> None:
        database = quiet_server.url()
        engine = create_app_engine(database)
        sessions = create_sessions(engine)
        with sessions.begin() as session:
            mine = add_tenant(session)
        with tenant_transaction(sessions, mine) as begun_before:
            add_customer(begun_before, mine)
            with exported_snapshot(database) as snapshot:
                assert read_customers(snapshot) == {}
        engine.dispose()

        with exported_snapshot(database) as later, connect(later) as connection:
            found = connection.execute(
                "SELECT count(*) FROM customers WHERE age(xmin) <= age(%s::xid)",
                [str(snapshot.horizon % 2**32)],
            ).fetchone()

        assert found == (1,)
        assert later.source == snapshot.source
        assert later.horizon > snapshot.horizon

    def test_it_counts_the_rows_of_each_tenant_and_those_written_since(
        self, quiet_server: EmbeddedServer
    ) -> None:
        database = quiet_server.url()
        engine = create_app_engine(database)
        sessions = create_sessions(engine)
        with sessions.begin() as session:
            mine, theirs, empty = (add_tenant(session) for _ in range(3))
        for tenant_id in (mine, theirs):
            with tenant_transaction(sessions, tenant_id) as session:
                add_customer(session, tenant_id)
        with exported_snapshot(database) as earlier:
            pass
        with tenant_transaction(sessions, mine) as session:
            add_customer(session, mine)
        engine.dispose()

        with exported_snapshot(database) as snapshot:
            counts = snapshot.count_rows(
                {"customers": "tenant_id", "tenants": "id", "fx_rates": None, "institutions": None},
                since=earlier.horizon,
            )

        customers, tenants = counts["customers"], counts["tenants"]
        assert (customers[mine], customers[theirs]) == ((2, 1), (1, 0))
        assert empty not in customers
        assert [tenants[each] for each in (mine, theirs, empty)] == [(1, 0)] * 3
        assert counts["fx_rates"] == counts["institutions"] == {}

    def test_what_is_everybodys_is_counted_as_nobodys(self, database: str) -> None:
        engine = create_app_engine(database)
        with create_sessions(engine).begin() as session:
            add_institution(session)
        engine.dispose()

        with exported_snapshot(database) as snapshot:
            counts = snapshot.count_rows({"institutions": None}, since=0)

        assert counts["institutions"].keys() == {None}
        assert counts["institutions"][None][0] == 1

    def test_its_text_holds_no_password(self, database: str) -> None:
        url = make_url(database).set(password="pa$$word").render_as_string(hide_password=False)

        with exported_snapshot(url) as snapshot:
            assert "pa$$word" not in repr(snapshot)
            assert snapshot.environment["PGPASSWORD"] == "pa$$word"

    def test_a_server_that_is_not_there_is_said_without_its_address(
        self, server: EmbeddedServer
    ) -> None:
        with (
            pytest.raises(ConfigurationError, match="payymo db init") as raised,
            exported_snapshot("postgresql://payymo:pa$$word@127.0.0.1:1/payymo"),
        ):
            pass

        assert "pa$$word" not in str(raised.value)
        assert raised.value.__cause__ is None


def connect(snapshot: Snapshot) -> "psycopg.Connection[tuple[object, ...]]":
    """Connect as a program would that is told nothing but the snapshot's variables."""
    keywords = {
        option.envvar.decode(): option.keyword.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar is not None
    }
    given = {keywords[name]: value for name, value in snapshot.environment.items()}
    return psycopg.connect(make_conninfo("", **given))


def read_customers(snapshot: Snapshot) -> dict[Any, Any]:
    with connect(snapshot) as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot.name}'")
        rows = connection.execute("SELECT tenant_id, count(*) FROM customers GROUP BY tenant_id")
        return {tenant_id: count for tenant_id, count in rows}  # noqa: C416  # typed rows
