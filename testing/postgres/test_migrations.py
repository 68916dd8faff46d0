"""The migrations lead to what the models say, from any state, for an owner who is no superuser."""

import os
import pwd
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from payymo.domain.errors import ConfigurationError
from payymo.postgres.core import APP_ROLE, create_app_engine
from payymo.postgres.embedded import EmbeddedServer
from payymo.postgres.roles import ROLES, ensure_roles
from payymo.postgres.schema import (
    compare_models,
    database_revision,
    draft_migration,
    init_database,
    latest_revision,
    upgrade_database,
)


def revision_of(url: str) -> str | None:
    engine = create_app_engine(url)
    with Session(engine) as session:
        revision = database_revision(session)
    engine.dispose()
    return revision


def wait_until_let_in(url: str) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(url.replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


class TestSchema:
    def test_the_models_and_the_migrations_agree(self, database: str) -> None:
        assert compare_models(database) is None

    def test_a_model_without_its_migration_is_noticed(
        self, database: str, owner_of_database: Engine
    ) -> None:
        with owner_of_database.begin() as connection:
            connection.execute(text("ALTER TABLE customers DROP COLUMN email"))

        difference = compare_models(database)

        assert difference is not None
        assert "'email'" in difference

    def test_a_draft_brings_the_database_to_the_models(
        self, database: str, owner_of_database: Engine, tmp_path: Path
    ) -> None:
        with owner_of_database.begin() as connection:
            connection.execute(text("ALTER TABLE connections DROP COLUMN status"))

        draft_migration(database, "Say how it stands", folder=tmp_path)

        (draft,) = tmp_path.glob("v*_say_how_it_stands.py")
        assert f'down_revision = "{latest_revision()}"'.replace('"', "'") in draft.read_text()
        assert "sa.Column('status', sa.String(32), nullable=False)" in draft.read_text()

    def test_an_empty_database_is_set_up_and_may_be_again(self, empty_database: str) -> None:
        init_database(empty_database)
        init_database(empty_database)

        assert revision_of(empty_database) == latest_revision()
        assert compare_models(empty_database) is None

    def test_two_who_set_it_up_at_once_do_not_collide(self, empty_database: str) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(init_database, [empty_database] * 2))

        assert revision_of(empty_database) == latest_revision()

    def test_an_upgrade_of_an_empty_database_is_refused(self, empty_database: str) -> None:
        assert revision_of(empty_database) is None

        with pytest.raises(ConfigurationError, match="payymo db init"):
            upgrade_database(empty_database)

    def test_an_upgrade_may_be_repeated(self, database: str) -> None:
        upgrade_database(database)

        assert revision_of(database) == latest_revision()

    def test_a_database_from_the_future_is_refused(
        self, database: str, owner_of_database: Engine
    ) -> None:
        with owner_of_database.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

        with pytest.raises(ConfigurationError, match="newer Payymo"):
            upgrade_database(database)

    def test_a_server_that_does_not_answer_is_named_without_its_password(self) -> None:
        with pytest.raises(ConfigurationError, match=r"refused.*DATABASE_URL") as raised:
            init_database("postgresql://payymo:hunter2@127.0.0.1:1/payymo")

        assert "hunter2" not in raised.value.message

    def test_a_step_that_fails_leaves_nothing(
        self, server: EmbeddedServer, administrator: Engine, empty_database: str
    ) -> None:
        engine = create_engine(
            empty_database.replace("payymo@", "postgres@"), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            connection.execute(text("CREATE TABLE procrastinate_jobs ()"))

            with pytest.raises(ConfigurationError, match="procrastinate_jobs"):
                init_database(empty_database)

            tables = connection.scalars(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            )
            assert list(tables) == ["procrastinate_jobs"]
        engine.dispose()


@pytest.fixture
def owner_of_database(database: str) -> Iterator[Engine]:
    engine = create_engine(database)
    yield engine
    engine.dispose()


class TestQueue:
    def test_the_application_queues_takes_and_finishes_a_job(self, database: str) -> None:
        engine = create_app_engine(database)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW("
                    "'sync', 'sync', 0, NULL, NULL, '{}', NULL)]::procrastinate_job_to_defer_v1[])"
                )
            )
        with engine.begin() as connection:
            worker: int = connection.execute(
                text("SELECT worker_id FROM procrastinate_register_worker_v1()")
            ).scalar_one()
            job: int = connection.execute(
                text("SELECT id FROM procrastinate_fetch_job_v2(NULL, :worker)"),
                {"worker": worker},
            ).scalar_one()
            connection.execute(
                text("SELECT procrastinate_finish_job_v1(:job, 'succeeded', false)"), {"job": job}
            )
        with engine.begin() as connection:
            events = connection.scalars(text("SELECT type FROM procrastinate_events ORDER BY id"))
            assert list(events) == ["deferred", "started", "succeeded"]
        engine.dispose()


class TestRoles:
    """Roles belong to the whole server, so each test makes logins of its own and drops them."""

    @pytest.fixture
    def login(self, server: EmbeddedServer, administrator: Engine) -> Iterator[str]:
        name = f"login_{uuid4().hex}"
        person = pwd.getpwuid(os.geteuid()).pw_name
        with administrator.connect() as connection:
            connection.execute(text(f"CREATE ROLE {name} LOGIN"))
            connection.execute(text(f"CREATE DATABASE {name} OWNER {name}"))
            with (server.folder / "pg_ident.conf").open("a") as rules:
                rules.write(f'payymo "{person}" {name}\n')
            connection.execute(text("SELECT pg_reload_conf()"))
        wait_until_let_in(server.url(name, user=name))
        yield name
        with administrator.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            connection.execute(text(f"DROP OWNED BY {name}"))
            connection.execute(text(f"DROP ROLE {name}"))

    def test_a_login_that_may_not_use_the_role_is_told_what_to_do(
        self, server: EmbeddedServer, template: str, login: str
    ) -> None:
        with pytest.raises(ConfigurationError) as raised:
            init_database(server.url(login, user=login))

        assert f"GRANT {APP_ROLE} TO {login}" in raised.value.message

    def test_a_login_that_was_given_the_role_needs_no_more(
        self, server: EmbeddedServer, administrator: Engine, template: str, login: str
    ) -> None:
        with administrator.connect() as connection:
            for role in ROLES:
                connection.execute(text(f"GRANT {role} TO {login}"))

        init_database(server.url(login, user=login))

        assert compare_models(server.url(login, user=login)) is None

    @pytest.mark.parametrize("power", ["BYPASSRLS", "SUPERUSER"])
    def test_a_role_that_passes_the_walls_is_refused(
        self, server: EmbeddedServer, template: str, power: str
    ) -> None:
        engine = create_engine(server.url(user="postgres"))
        with engine.connect() as connection:
            # Never committed: the role is everybody's.
            connection.execute(text(f"ALTER ROLE {APP_ROLE} {power}"))

            with pytest.raises(ConfigurationError, match="keeps tenants apart"):
                ensure_roles(connection)
        engine.dispose()
