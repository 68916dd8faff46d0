"""What a migration makes of rows that were there before it."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from payymo.postgres.embedded import SUPERUSER_ROLE
from payymo.postgres.roles import ensure_app_role
from payymo.postgres.schema import MIGRATIONS, init_database

TENANT = UUID(int=1)

#: One account of one tenant, by what every version since 0009 has in common.
ACCOUNT = f"""
INSERT INTO tenants (id, name, currency, auto_apply, auto_apply_threshold)
VALUES ('{TENANT}', 'Example Ltd', 'EUR', true, 0.95);
INSERT INTO institutions
    (id, provider, reference, name, countries, history_days_max, consent_days_max, features,
     fetched_at)
VALUES ('{TENANT}', 'gocardless', 'BANK', 'Bank', ARRAY['DE'], 90, 90, ARRAY[]::text[], now());
INSERT INTO connections (tenant_id, id, provider, institution_id, status)
VALUES ('{TENANT}', '{TENANT}', 'gocardless', '{TENANT}', 'active');
INSERT INTO consents
    (tenant_id, id, connection_id, status, reference, provider_reference, consent_url,
     history_days, access_days)
VALUES ('{TENANT}', '{TENANT}', '{TENANT}', 'granted', 'r', 'p', 'https://bank.test', 90, 90);
INSERT INTO accounts
    (tenant_id, id, connection_id, consent_id, provider_reference, name, account_type, status,
     is_sync_enabled, failure_count)
VALUES ('{TENANT}', '{TENANT}', '{TENANT}', '{TENANT}', 'a', 'Giro', 'current', 'active', true, 0);
INSERT INTO sync_runs (tenant_id, id, connection_id, trigger, status, started_at)
VALUES ('{TENANT}', '{TENANT}', '{TENANT}', 'first', 'succeeded', '2026-02-01T00:00Z');
"""


@pytest.fixture
def superuser(empty_database: str) -> Iterator[Engine]:
    engine = create_engine(make_url(empty_database).set(username=SUPERUSER_ROLE))
    yield engine
    engine.dispose()


def migrate(url: str, revision: str) -> None:
    """Set a database up as an older version would have."""
    engine = create_engine(url)
    with engine.begin() as connection:
        ensure_app_role(connection)
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, revision)
    engine.dispose()


def add_row(connection: Connection, number: int, payload: str, balance: str | None) -> None:
    """Add a booked transaction in euros, with its payload."""
    row_id = UUID(int=number)
    connection.execute(
        text(
            "INSERT INTO gc_transactions (tenant_id, id, account_id, fetch_id, is_booked,"
            " content_hash, occurrence, position, payload) VALUES (:tenant, :id, :tenant, :tenant,"
            " true, '\\x00', :number, :number, CAST(:payload AS jsonb))"
        ),
        {"tenant": TENANT, "id": row_id, "number": number, "payload": payload},
    )
    connection.execute(
        text(
            "INSERT INTO transactions (tenant_id, id, account_id, status, amount, currency,"
            " transaction_date, balance_after, fingerprint, occurrence, raw_id, identity_version,"
            " identity_tier) VALUES (:tenant, :id, :tenant, 'booked', 1, 'EUR', '2026-02-01',"
            " :balance, '\\x00', :number, :id, 1, 'new')"
        ),
        {"tenant": TENANT, "id": row_id, "number": number, "balance": balance},
    )


def add_fetch(connection: Connection, number: int, scope: str, moment: str) -> None:
    """Note an answer of the account's."""
    connection.execute(
        text(
            "INSERT INTO gc_fetches (tenant_id, id, account_id, sync_run_id, scope, fetched_at,"
            " row_count) VALUES (:tenant, :id, :tenant, :tenant, :scope, :moment, 1)"
        ),
        {"tenant": TENANT, "id": UUID(int=number), "scope": scope, "moment": moment},
    )


def test_running_balances_get_the_currency_that_their_payloads_name(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0009")
    said = '{"balanceAfterTransaction": {"balanceAmount": {"amount": "5", "currency": "%s"}}}'
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        add_fetch(connection, 1, "transactions", "2026-02-01T00:00Z")
        add_row(connection, 1, said % " usd ", "5")
        add_row(connection, 2, said % "XXX", "5")
        add_row(connection, 3, said % "€", "5")
        add_row(connection, 4, "{}", None)

    init_database(empty_database)

    with superuser.connect() as connection:
        kept = connection.scalars(
            text("SELECT balance_after_currency FROM transactions ORDER BY id")
        )
        assert kept.all() == ["USD", "EUR", "EUR", None]


def test_older_failures_get_the_kind_that_their_codes_tell_and_a_last_try(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0009")
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        connection.exec_driver_sql(
            "UPDATE accounts SET error_code = 'provider_unavailable', failure_count = 40;"
            "UPDATE connections SET error_code = 'consent_expired';"
            "UPDATE sync_runs SET error_code = 'interrupted';"
        )

    init_database(empty_database)

    with superuser.connect() as connection:
        assert connection.execute(text("SELECT error_kind, failure_count FROM accounts")).one() == (
            "bank",
            8,
        )
        assert connection.scalar(text("SELECT error_kind FROM connections")) == "consent"
        assert connection.scalar(text("SELECT error_kind FROM sync_runs")) is None
