"""One moment of the database, held open so that several readers see exactly the same."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import make_url

from payymo.domain.errors import ConfigurationError
from payymo.postgres.core import ANALYTICS_ROLE, driver_url

_SESSION_OPTIONS = (
    f"-c role={ANALYTICS_ROLE} -c timezone=UTC -c default_transaction_read_only=on "
    "-c idle_in_transaction_session_timeout=0"
)

_LOOK = """
SELECT pg_export_snapshot(), pg_snapshot_xmin(pg_current_snapshot())::text::bigint, now(),
    system_identifier::text || '-' || timeline_id::text || '-' ||
        (SELECT oid FROM pg_database WHERE datname = current_database())::text
FROM pg_control_system(), pg_control_checkpoint()
"""

_COUNT = """
SELECT {tenant}, count(*), count(*) FILTER (WHERE age(xmin) <= age(CAST(%(since)s AS xid)))
FROM {table}
GROUP BY 1
HAVING count(*) > 0
"""

#: Rows carry 32 bits of their transaction's number.
TRANSACTION_NUMBERS: Final = 2**32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of the database that other connections of the warehouse's role can read.

    :ivar name: What ``SET TRANSACTION SNAPSHOT`` takes.
    :ivar horizon: Every transaction below this number (64 bits) had ended by then: what a later
        snapshot shows that this one does not is by a transaction of this number or above.
    :ivar taken_at: When it was, by the database's clock (aware).
    :ivar source: Which database it is of, on which server and timeline: numbers of transactions
        can only be compared within one.
    :ivar environment: Variables by which libpq connects as the warehouse's role, read-only; they
        may hold a password.
    :ivar connection: The transaction that keeps it readable.
    """

    name: str
    horizon: int
    taken_at: datetime
    source: str
    environment: Mapping[str, str] = field(repr=False)
    connection: psycopg.Connection = field(repr=False)

    def count_rows(
        self, tables: Mapping[str, str | None], *, since: int
    ) -> Mapping[str, Mapping[UUID | None, tuple[int, int]]]:
        """Return how many rows each tenant has, and how many of them were written since.

        :param tables: Which column of each table names the tenant; ``None`` where rows are
            everybody's, and are counted as nobody's.
        :param since: Number of the transaction from which on rows count as written.
        :returns: For each table and tenant with rows: all of them, and those written since.
        """
        counts: dict[str, dict[UUID | None, tuple[int, int]]] = {}
        for table, tenant_column in tables.items():
            tenant = sql.SQL("NULL") if tenant_column is None else sql.Identifier(tenant_column)
            found = self.connection.execute(
                sql.SQL(_COUNT).format(tenant=tenant, table=sql.Identifier("public", table)),
                {"since": str(since % TRANSACTION_NUMBERS)},
            )
            counts[table] = {
                tenant_id: (row_count, written_count)
                for tenant_id, row_count, written_count in found
            }
        return counts


@contextmanager
def exported_snapshot(url: str) -> Iterator[Snapshot]:
    """Keep a moment of the database readable within the block.

    :param url: Address of the database, whose login may act as the warehouse's role.
    :raises ConfigurationError: If the database cannot be used, or the login may not act so.
    """
    try:
        connection = psycopg.connect(_conninfo(url))
    except psycopg.OperationalError:
        # Not chained: the driver's own words may hold the address.
        raise ConfigurationError(
            "The warehouse cannot read the database: check that its server runs, and that "
            "`payymo db init` or `payymo db upgrade` was run with this login."
        ) from None
    with connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for name, horizon, taken_at, source in connection.execute(_LOOK):
            yield Snapshot(name, horizon, taken_at, source, _environment(connection), connection)


def _conninfo(url: str) -> str:
    """Return how libpq reaches the database as the warehouse's role, with what an address adds."""
    plain = make_url(driver_url(url)).set(drivername="postgresql")
    given = conninfo_to_dict(plain.render_as_string(hide_password=False))
    options = f"{given.pop('options', None) or ''} {_SESSION_OPTIONS}".strip()
    return make_conninfo("", **given, options=options)


def _environment(connection: psycopg.Connection) -> Mapping[str, str]:
    """Return how an open connection came about, in libpq's own environment variables.

    A command line would show a password to everybody on the machine, a file would keep it.
    """
    return {
        option.envvar.decode(): option.val.decode()
        for option in connection.pgconn.info
        if option.envvar and option.val and option.keyword != b"service"
    }
