"""A real PostgreSQL, migrated once, and a rolled-back transaction for each test.

One embedded server serves all of pytest-xdist's workers. A template database is migrated once;
each worker works in a copy of it, and so does each test that asks for a ``database`` of its own.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID, uuid4

import hypothesis
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session, SessionTransaction, sessionmaker
from sqlalchemy.pool import NullPool
from testing.factories import add_tenant
from testing.laws import broken_laws

from payymo.postgres.core import create_app_engine, create_owner_engine
from payymo.postgres.embedded import OWNER_ROLE, SUPERUSER_ROLE, EmbeddedServer, embedded_server
from payymo.postgres.schema import init_database
from payymo.postgres.tenancy import TENANT_SETTING, enter_tenant
from payymo.settings import Settings

# Dagster is an extra, and there is none for Python 3.14.
collect_ignore = [] if find_spec("dagster") else ["orchestration"]

# A machine that judges a change must judge it alike each time; people's machines go on searching.
hypothesis.settings.register_profile("repeatable", derandomize=True)
if "CI" in os.environ:
    hypothesis.settings.load_profile("repeatable")

TEMPLATE = "payymo_template"
TEMPLATE_LOCK = 1
FOLDER_VARIABLE = "PAYYMO_TEST_SERVER"

#: A test's data need not survive a power cut, and nobody tidies up behind it: a vacuum at work,
#: which is the superuser's, would keep the owner from dropping a database.
HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
}


def pytest_configure(config: pytest.Config) -> None:
    """Make a folder for the server, once: the workers inherit its name."""
    if FOLDER_VARIABLE not in os.environ:
        folder = tempfile.mkdtemp(prefix="payymo-test-")
        os.environ[FOLDER_VARIABLE] = folder
        config.add_cleanup(lambda: _remove_folder(folder))


def _remove_folder(folder: str) -> None:
    del os.environ[FOLDER_VARIABLE]
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A PostgreSQL server, shared by all workers."""
    with embedded_server(Path(os.environ[FOLDER_VARIABLE]), settings=HASTY) as running:
        yield running


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A folder for an embedded server of one test's own.

    As root the server runs as somebody else, who has to pass through the folders above it. Those
    of pytest's ``tmp_path`` are closed to others again whenever another pytest starts.
    """
    with tempfile.TemporaryDirectory(prefix="payymo-test-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a migrated database, to be copied and never connected to."""
    with _administration(server) as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({TEMPLATE_LOCK})"))
        known = text("SELECT FROM pg_database WHERE datname = :name")
        if connection.execute(known, {"name": TEMPLATE}).one_or_none() is None:
            connection.execute(text(f"DROP DATABASE IF EXISTS {TEMPLATE}_draft"))
            connection.execute(text(f"CREATE DATABASE {TEMPLATE}_draft"))
            init_database(server.url(f"{TEMPLATE}_draft"))
            connection.execute(text(f"ALTER DATABASE {TEMPLATE}_draft RENAME TO {TEMPLATE}"))
    return TEMPLATE


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment that sets nothing but a data folder, which is returned: it is not made yet."""
    for setting in Settings.model_fields.values():
        monkeypatch.delenv(str(setting.validation_alias), raising=False)
    data_dir = tmp_path / "data"
    monkeypatch.setenv("PAYYMO_DATA_DIR", str(data_dir))
    monkeypatch.chdir(tmp_path)
    return data_dir


@pytest.fixture(scope="session")
def worker_database(server: EmbeddedServer, template: str) -> Iterator[str]:
    """The address of a migrated database that one worker's tests share; nothing stays in it."""
    with _copy(server, template) as url:
        yield url


@pytest.fixture
def database(server: EmbeddedServer, template: str) -> Iterator[str]:
    """The address of a migrated database for one test alone, which may commit to it."""
    with _copy(server, template) as url:
        yield url
        mighty = create_engine(make_url(url).set(username=SUPERUSER_ROLE), poolclass=NullPool)
        with mighty.connect() as connection:
            assert not broken_laws(connection)


@pytest.fixture(scope="session")
def engine(worker_database: str) -> Iterator[Engine]:
    """The application's engine: its role owns nothing and is bound by row-level security."""
    engine = create_app_engine(worker_database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def owner_engine(worker_database: str) -> Iterator[Engine]:
    """The owner's engine: row-level security binds it too, grants do not."""
    engine = create_owner_engine(worker_database)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def superuser_engine(worker_database: str) -> Iterator[Engine]:
    """The engine of the server's superuser, for whom there is neither wall nor grant."""
    engine = create_engine(make_url(worker_database).set(username=SUPERUSER_ROLE))
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Iterator[sessionmaker[Session]]:
    """An opener of transactions that are savepoints of one that is rolled back."""
    with engine.connect() as connection, undone(connection) as sessions:
        yield sessions


@pytest.fixture
def session(sessions: sessionmaker[Session], tenant_id: UUID) -> Iterator[Session]:
    """A session that works for the tenant."""
    with sessions() as session:
        enter_tenant(session, tenant_id)
        yield session
        if session.is_active:
            _uphold_laws(session.connection())


@pytest.fixture
def tenant_id(sessions: sessionmaker[Session]) -> UUID:
    """A tenant."""
    with sessions.begin() as session:
        return add_tenant(session, "Example Ltd")


@pytest.fixture
def other_tenant_id(sessions: sessionmaker[Session]) -> UUID:
    """Another tenant, who must never see what is the first one's."""
    with sessions.begin() as session:
        return add_tenant(session, "Other Ltd")


@contextmanager
def undone(connection: Connection) -> Iterator[sessionmaker[Session]]:
    """Keep an opener of transactions, whatever was written in which is rolled back in the end.

    :param connection: What all of them share; blocks may lie within each other.
    """
    transaction = connection.begin_nested() if connection.in_transaction() else connection.begin()
    factory = sessionmaker(
        connection, join_transaction_mode="create_savepoint", expire_on_commit=False
    )
    _keep_tenants_apart(factory, connection)
    yield factory
    if transaction.is_active and not connection.invalidated:
        _uphold_laws(connection)
    transaction.rollback()


def _keep_tenants_apart(factory: sessionmaker[Session], connection: Connection) -> None:
    """Let each session's transaction begin without a tenant, as a real one does.

    All of them are savepoints of one transaction, which would remember the last one's tenant.
    """
    tenant_before: dict[SessionTransaction, str] = {}

    def begin(_: Session, transaction: SessionTransaction, __: Connection) -> None:
        if not transaction.nested:
            setting = text(f"SELECT current_setting('{TENANT_SETTING}', true)")
            tenant_before[transaction] = connection.scalar(setting) or ""
            _set_tenant(connection, "")

    def end(_: Session, transaction: SessionTransaction) -> None:
        if transaction in tenant_before and not connection.invalidated:
            _set_tenant(connection, tenant_before.pop(transaction))

    event.listen(factory, "after_begin", begin)
    event.listen(factory, "after_transaction_end", end)


def _uphold_laws(connection: Connection) -> None:
    """See that each tenant's money adds up, whatever the test did.

    A test that was refused something may end in a transaction that nothing can be asked of.
    """
    driver = connection.connection.driver_connection
    if driver is None or driver.info.transaction_status is TransactionStatus.INERROR:
        return
    for tenant_id in connection.scalars(text("SELECT id FROM tenants")).all():
        _set_tenant(connection, str(tenant_id))
        assert not broken_laws(connection)


def _set_tenant(connection: Connection, tenant_id: str) -> None:
    statement = text(f"SELECT set_config('{TENANT_SETTING}', :tenant_id, true)")
    connection.execute(statement, {"tenant_id": tenant_id})


@contextmanager
def _administration(server: EmbeddedServer, user: str = OWNER_ROLE) -> Iterator[Connection]:
    """Connect as the owner, each statement on its own, to make databases."""
    engine = create_engine(server.url(user=user), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


@contextmanager
def _copy(server: EmbeddedServer, template: str) -> Iterator[str]:
    """Keep a copy of a database within the block."""
    name = f"payymo_test_{uuid4().hex}"
    with _administration(server) as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield server.url(name)
    finally:
        # A superuser who has just left may still be leaving, and the owner cannot turn him out.
        with _administration(server, SUPERUSER_ROLE) as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
