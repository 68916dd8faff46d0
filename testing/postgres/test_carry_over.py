"""What a migration makes of rows that were there before it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.orm import Session

from payymo.domain.enums import AccessScope
from payymo.postgres.common.operations.quotas import list_standings
from payymo.postgres.embedded import SUPERUSER_ROLE
from payymo.postgres.roles import ensure_roles
from payymo.postgres.schema import MIGRATIONS, init_database

TENANT = UUID(int=1)
OTHER_TENANT = UUID(int=99)

#: One account of one tenant, by what every version has in common.
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
        ensure_roles(connection)
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


def add_account(connection: Connection, number: int, synced_through: str | None) -> None:
    """Add another account of the first tenant's."""
    connection.execute(
        text(
            "INSERT INTO accounts (tenant_id, id, connection_id, consent_id, provider_reference,"
            " name, account_type, status, is_sync_enabled, failure_count, synced_through) VALUES"
            " (:tenant, :id, :tenant, :tenant, :reference, 'Giro', 'current', 'active', true, 0,"
            " :synced_through)"
        ),
        {
            "tenant": TENANT,
            "id": UUID(int=number),
            "reference": f"account {number}",
            "synced_through": synced_through,
        },
    )


def test_raw_rows_are_numbered_by_account_in_the_order_in_which_they_came(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0003")
    raw = text(
        "INSERT INTO gc_transactions (tenant_id, id, account_id, fetch_id, transaction_id,"
        " is_booked, content_hash, occurrence, identity_version, identity_tier, payload) VALUES"
        " (:tenant, :id, :account, :fetch, :id, true, '\\x00', :occurrence, 1, 'new', '{}')"
    )
    first, second, other = UUID(int=21), UUID(int=20), OTHER_TENANT
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        strangers = ACCOUNT.replace(str(TENANT), str(OTHER_TENANT)).replace("'BANK'", "'STRANGE'")
        connection.exec_driver_sql(strangers)
        add_account(connection, 2, None)
        add_fetch(connection, 21, "transactions", "2026-02-01T00:00Z")
        add_fetch(connection, 20, "transactions", "2026-02-02T00:00Z")
        connection.exec_driver_sql(
            "INSERT INTO gc_fetches (tenant_id, id, account_id, sync_run_id, scope, fetched_at,"
            f" row_count) VALUES ('{other}', '{other}', '{other}', '{other}', 'transactions',"
            " '2026-01-01T00:00Z', 1)"
        )
        for number, tenant, account, fetch in (
            (35, TENANT, TENANT, first),
            (33, TENANT, TENANT, second),
            (32, TENANT, TENANT, first),
            (34, TENANT, TENANT, first),
            (31, TENANT, UUID(int=2), second),
            (36, other, other, other),
        ):
            connection.execute(
                raw,
                {
                    "tenant": tenant,
                    "id": UUID(int=number),
                    "account": account,
                    "fetch": fetch,
                    "occurrence": number,
                },
            )

    init_database(empty_database)

    with superuser.connect() as connection:
        ordered = text("SELECT id, position FROM gc_transactions ORDER BY id")
        numbered: Iterable[Any] = connection.execute(ordered)
        assert {row_id.int: position for row_id, position in numbered} == {
            31: 1,
            32: 1,
            33: 4,
            34: 2,
            35: 3,
            36: 1,
        }
        answers = connection.execute(
            text("SELECT DISTINCT positions::text, position_max, is_overtaken FROM gc_fetches")
        )
        assert answers.all() == [(None, None, False)]


def test_accounts_are_known_from_their_oldest_booked_row_to_where_they_were_synced(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0008")
    row = text(
        "INSERT INTO transactions (tenant_id, id, account_id, status, amount, currency,"
        " transaction_date, fingerprint, occurrence, raw_id, identity_version, identity_tier)"
        " VALUES (:tenant, gen_random_uuid(), :account, :status, 1, 'EUR', :day, '\\x00',"
        " :number, :tenant, 1, 'new')"
    )
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        connection.exec_driver_sql(
            "UPDATE accounts SET synced_through = '2026-02-01',"
            " last_synced_at = '2026-02-01T08:00Z'"
        )
        add_account(connection, 2, "2026-01-20")  # without a row
        add_account(connection, 3, None)  # never synced
        add_account(connection, 4, "2026-01-20")  # whose only row is of the future
        for number, (account, status, day) in enumerate(
            (
                (1, "booked", "2025-12-05"),
                (1, "booked", "2026-01-30"),
                (1, "pending", "2025-11-01"),
                (1, "removed", "2025-10-01"),
                (3, "booked", "2025-12-01"),
                (4, "booked", "2026-03-01"),
            )
        ):
            connection.execute(
                row,
                {
                    "tenant": TENANT,
                    "account": UUID(int=account),
                    "status": status,
                    "day": day,
                    "number": number,
                },
            )

    init_database(empty_database)

    with superuser.connect() as connection:
        spans = connection.execute(
            text(
                "SELECT account_id, first_day::text, last_day::text, completeness, is_firm,"
                " to_char(learnt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), consent_id,"
                " asked_from, sync_run_id FROM coverage_spans ORDER BY account_id"
            )
        )
        assert [tuple(span) for span in spans] == [
            (UUID(int=number), first, last, "cut", False, learnt, TENANT, None, None)
            for number, first, last, learnt in (
                (1, "2025-12-05", "2026-02-01", "2026-02-01 08:00"),
                (2, "2026-01-20", "2026-01-20", "2026-01-20 00:00"),
                (4, "2026-01-20", "2026-01-20", "2026-01-20 00:00"),
            )
        ]


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


def test_each_answer_names_the_balances_that_it_said(
    empty_database: str, superuser: Engine
) -> None:
    """One was said in the first two answers, another in the last; of transactions, none."""
    migrate(empty_database, "0014")
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        for number in (1, 2, 3, 4):
            scope = "transactions" if number == 3 else "balances"
            add_fetch(connection, number, scope, f"2026-02-0{number}T09:00Z")
        for number, first, last in ((7, 1, 2), (8, 4, 4)):
            connection.execute(
                text(
                    "INSERT INTO balances (tenant_id, id, account_id, balance_type, amount,"
                    " currency, observed_at, last_observed_at) VALUES (:tenant, :id, :tenant,"
                    " 'closing_booked', 1, 'EUR', :first, :last)"
                ),
                {
                    "tenant": TENANT,
                    "id": UUID(int=number),
                    "first": f"2026-02-0{first}T09:00Z",
                    "last": f"2026-02-0{last}T09:00Z",
                },
            )

    init_database(empty_database)

    with superuser.connect() as connection:
        said = connection.scalars(text("SELECT balance_ids FROM gc_fetches ORDER BY id")).all()
    assert said == [[UUID(int=7)], [UUID(int=7)], None, [UUID(int=8)]]


def test_what_the_provider_last_said_is_left_is_still_known(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0009")
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        for scope, limit, remaining, resets_at in (
            ("balances", 4, 2, "2026-02-01T20:00Z"),
            ("transactions", None, 0, "2026-02-01T12:00Z"),  # a refusal: no limit was told
            ("details", 4, None, None),
        ):
            connection.execute(
                text(
                    "INSERT INTO account_quotas (tenant_id, id, account_id, scope, calls_limit,"
                    " calls_remaining, resets_at, updated_at) VALUES (:tenant, gen_random_uuid(),"
                    " :tenant, :scope, :limit, :remaining, :resets_at, '2026-02-01T09:00Z')"
                ),
                {
                    "tenant": TENANT,
                    "scope": scope,
                    "limit": limit,
                    "remaining": remaining,
                    "resets_at": resets_at,
                },
            )

    init_database(empty_database)

    now = datetime(2026, 2, 1, 10, tzinfo=UTC)
    with Session(superuser) as session:
        standings = list_standings(session, TENANT, {TENANT: "a"}, now=now)[TENANT]
    left = {
        scope: (each.left_for_schedule, each.left_for_people, each.resets_at)
        for scope, each in standings.items()
    }
    assert left == {
        AccessScope.BALANCES: (1, 2, datetime(2026, 2, 1, 20, 0, 1, tzinfo=UTC)),
        AccessScope.TRANSACTIONS: (0, 0, datetime(2026, 2, 1, 12, tzinfo=UTC)),
        AccessScope.DETAILS: (3, 4, None),
    }


def test_tenants_keep_what_they_let_happen_and_matches_what_the_engine_said(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0016")
    with superuser.begin() as connection:
        connection.execute(text(ACCOUNT))
        add_fetch(connection, 1, "transactions", "2026-02-01T00:00Z")
        add_row(connection, 1, "{}", None)
        for number, origin in ((1, "engine"), (2, "manual")):
            connection.execute(
                text(
                    "INSERT INTO matches (tenant_id, id, transaction_id, status, origin,"
                    " confidence, is_tie, evidence) VALUES (:tenant, :id, :payment, 'confirmed',"
                    " :origin, 0.9, false, '{}')"
                ),
                {
                    "tenant": TENANT,
                    "id": UUID(int=number),
                    "payment": UUID(int=1),
                    "origin": origin,
                },
            )

    init_database(empty_database)

    with superuser.begin() as connection:
        tenant = connection.execute(
            text("SELECT auto_apply, auto_apply_demand, auto_apply_decisions_min FROM tenants")
        ).one()
        said = connection.execute(
            text("SELECT origin, engine_confidence FROM matches ORDER BY id")
        ).all()
    assert tuple(tenant) == (True, "proven_precision", 50)
    assert [(row.origin, row.engine_confidence) for row in said] == [
        ("engine", Decimal("0.9000")),
        ("manual", None),
    ]


def test_a_match_that_payymo_applied_names_the_matching_that_proposed_it(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0016")
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        add_fetch(connection, 1, "transactions", "2026-02-01T00:00Z")
        add_row(connection, 1, "{}", None)
        connection.exec_driver_sql(
            "INSERT INTO customers (tenant_id, id, number, name, ibans)"
            f" VALUES ('{TENANT}', '{TENANT}', 'C-1', 'Customer', ARRAY[]::text[]);"
            "INSERT INTO invoices (tenant_id, id, customer_id, number, currency, total, issue_date)"
            f" VALUES ('{TENANT}', '{TENANT}', '{TENANT}', 'INV-1', 'EUR', 1, '2026-01-01');"
            "INSERT INTO match_runs (tenant_id, id, status, engine_version, payment_count,"
            " invoice_count, applied_count, suggested_count, unexplained_count, started_at)"
            f" VALUES ('{TENANT}', '{TENANT}', 'succeeded', '1', 2, 1, 1, 0, 1, now());"
        )
        for number, decided_by in ((1, None), (2, TENANT)):
            connection.execute(
                text(
                    "INSERT INTO matches (tenant_id, id, transaction_id, match_run_id, status,"
                    " origin, confidence, is_tie, evidence, decided_by) VALUES (:tenant, :id,"
                    " :payment, :tenant, 'confirmed', 'engine', 1, false, '{}', :decided_by)"
                ),
                {
                    "tenant": TENANT,
                    "id": UUID(int=number),
                    "payment": UUID(int=1),
                    "decided_by": decided_by,
                },
            )
        connection.exec_driver_sql(
            "INSERT INTO allocations (tenant_id, id, match_id, transaction_id, invoice_id, amount,"
            f" created_at) VALUES ('{TENANT}', '{TENANT}', '{UUID(int=1)}', '{UUID(int=1)}',"
            f" '{TENANT}', 1, now())"
        )

    init_database(empty_database)

    with superuser.connect() as connection:
        applied = connection.scalars(text("SELECT applied_run_id FROM matches ORDER BY id"))
        assert applied.all() == [TENANT, None]
        invoice = connection.execute(
            text("SELECT allocated, adjusted, credited, balance, status FROM invoices")
        ).one()
        assert tuple(invoice) == (1, 0, 0, 0, "paid")
        connection.exec_driver_sql("UPDATE allocations SET reversed_at = now()")
        assert connection.scalar(text("SELECT status FROM invoices")) == "open"


def test_what_people_wrote_as_categories_becomes_categories_of_theirs(
    empty_database: str, superuser: Engine
) -> None:
    migrate(empty_database, "0021")
    written = {11: "Office", 12: "office", 13: "Sales", 14: None}
    with superuser.begin() as connection:
        connection.exec_driver_sql(ACCOUNT)
        strangers = ACCOUNT.replace(str(TENANT), str(OTHER_TENANT)).replace("'BANK'", "'STRANGE'")
        connection.exec_driver_sql(strangers)
        add_fetch(connection, 1, "transactions", "2026-02-01T00:00Z")
        for number, category in written.items():
            add_row(connection, number, "{}", None)
            connection.execute(
                text(
                    "UPDATE transactions SET category = :category, amount = :amount WHERE id = :id"
                ),
                {
                    "category": category,
                    "amount": 5 if category == "Sales" else -5,
                    "id": UUID(int=number),
                },
            )
        connection.execute(
            text(
                "INSERT INTO transaction_splits (tenant_id, id, transaction_id, position, amount,"
                " currency, category) VALUES (:tenant, :tenant, :row, 1, -5, 'EUR', 'Tape')"
            ),
            {"tenant": TENANT, "row": UUID(int=14)},
        )

    init_database(empty_database)

    with superuser.connect() as connection:
        categories = connection.execute(
            text("SELECT tenant_id, lower(name), kind FROM categories ORDER BY lower(name)")
        ).all()
        rows = connection.execute(
            text(
                "SELECT t.id, lower(c.name), t.category_source, t.categorised_at IS NOT NULL"
                " FROM transactions t LEFT JOIN categories c"
                " ON c.tenant_id = t.tenant_id AND c.id = t.category_id ORDER BY t.id"
            )
        ).all()
        part = connection.scalar(
            text(
                "SELECT c.name FROM transaction_splits s JOIN categories c ON c.id = s.category_id"
            )
        )
    assert [tuple(row) for row in categories] == [
        (TENANT, "office", "expense"),
        (TENANT, "sales", "income"),
        (TENANT, "tape", "expense"),
    ]
    assert [tuple(row) for row in rows] == [
        (UUID(int=11), "office", "user", True),
        (UUID(int=12), "office", "user", True),
        (UUID(int=13), "sales", "user", True),
        (UUID(int=14), None, "none", False),
    ]
    assert part == "Tape"
