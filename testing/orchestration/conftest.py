"""A tenant at a sandbox, on a database of the test's own, as Dagster's assets see it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import dagster as dg
import httpx
import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_tenant
from testing.sandbox_house import SandboxHouse

from payymo.analytics.manifest import prepare_manifest
from payymo.analytics.project import project_folder
from payymo.jobs.app import PostgresJobQueue
from payymo.orchestration.definitions import make_definitions
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.encryption import KEY_BYTES, KeyRing
from payymo.sandbox.books.library import Library
from payymo.sandbox.server import create_sandbox, running_sandbox
from payymo.sandbox.service import Sandbox


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt's manifest of the warehouse, made without a database."""
    return prepare_manifest(project_folder(), tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="session")
def definitions(manifest: Path) -> dg.Definitions:
    """What Dagster knows, over no installation."""
    return make_definitions(manifest, _no_services)


def _no_services() -> AbstractContextManager[OrchestrationServices]:
    raise AssertionError("definitions are loaded without an installation")


@pytest.fixture
def own_sessions(database: str) -> Iterator[sessionmaker[Session]]:
    """An opener of transactions that are really committed."""
    engine = create_app_engine(database)
    yield create_sessions(engine)
    engine.dispose()


@pytest.fixture
def own_tenant(own_sessions: sessionmaker[Session]) -> UUID:
    """A tenant."""
    with own_sessions.begin() as session:
        return add_tenant(session)


@pytest.fixture
def services(
    database: str, own_sessions: sessionmaker[Session], tmp_path: Path
) -> OrchestrationServices:
    """What assets work with."""
    return OrchestrationServices(
        database_url=database,
        sessions=own_sessions,
        queue=PostgresJobQueue(),
        key_ring=KeyRing([bytes(KEY_BYTES)]),
        clock=now,
        warehouse_dir=tmp_path / "analytics",
    )


@pytest.fixture
def conducted(manifest: Path, services: OrchestrationServices) -> dg.Definitions:
    """What Dagster knows, over the test's own database."""
    return make_definitions(manifest, lambda: nullcontext(services))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's own memory, gone with the test."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def house(own_sessions: sessionmaker[Session], own_tenant: UUID) -> Iterator[SandboxHouse]:
    """A tenant at a sandbox whose clock is the machine's."""
    app = create_sandbox()
    with running_sandbox(app) as access, httpx.Client(timeout=30) as http:
        app.state.sandbox = Sandbox(
            Library(seed=11, volume_rows=60, customer_count=2),
            now,
            secret_id=access.secret_id,
            secret_key=access.secret_key,
        )
        yield SandboxHouse(app, access, own_sessions, own_tenant, http, queue=PostgresJobQueue())


@pytest.fixture
def light_services(sessions: sessionmaker[Session], tmp_path: Path) -> OrchestrationServices:
    """What assets work with, where all is rolled back and no process is beside the test's own."""
    return OrchestrationServices(
        database_url="postgresql://nowhere.invalid/nothing",
        sessions=sessions,
        queue=PostgresJobQueue(),
        key_ring=KeyRing([bytes(KEY_BYTES)]),
        clock=now,
        warehouse_dir=tmp_path / "analytics",
    )
