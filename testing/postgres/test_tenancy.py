"""Three walls stand between tenants, and each holds alone.

The argument: every getter asks for the tenant. The policy: row-level security shows a transaction
its own tenant's rows. The key: a foreign key names the tenant. Each is tried here with the other
two removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, Table, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_tenant, add_transaction

from payymo.domain.enums import MatchOrigin, MatchStatus
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.operations.accounts import get_account
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.core import APP_ROLE, Base
from payymo.postgres.reconciliation.models import Match
from payymo.postgres.tenancy import enter_tenant, tenant_transaction

TENANT_TABLES = sorted(
    (table for table in Base.metadata.tables.values() if "tenant_id" in table.columns),
    key=lambda table: table.name,
)


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


class TestTheArgument:
    """As the superuser, for whom there is no row-level security."""

    @pytest.fixture
    def mighty(self, superuser_engine: Engine) -> Iterator[Session]:
        with rolled_back(superuser_engine) as connection:
            yield Session(connection)

    def test_another_tenants_rows_are_not_found(self, mighty: Session) -> None:
        mine, theirs = add_tenant(mighty), add_tenant(mighty)
        account = add_account(mighty, theirs)
        assert mighty.scalar(text("SELECT count(*) FROM accounts")) == 1

        with pytest.raises(NotFoundError):
            get_account(mighty, mine, account.id)
        with pytest.raises(NotFoundError):
            get_connection(mighty, mine, account.connection_id)

        assert get_account(mighty, theirs, account.id) is account


class TestThePolicy:
    """With statements that name no tenant."""

    @pytest.fixture
    def names(self, session: Session, tenant_id: UUID, other_tenant_id: UUID) -> Session:
        """A customer of each tenant, and the first tenant at work."""
        add_customer(session, tenant_id, name="Mine")
        enter_tenant(session, other_tenant_id)
        add_customer(session, other_tenant_id, name="Theirs")
        enter_tenant(session, tenant_id)
        return session

    def test_a_tenant_sees_its_own_rows(self, names: Session, other_tenant_id: UUID) -> None:
        seen = text("SELECT name FROM customers")

        assert names.scalars(seen).all() == ["Mine"]

        enter_tenant(names, other_tenant_id)
        assert names.scalars(seen).all() == ["Theirs"]

    def test_without_a_tenant_nothing_is_seen(
        self, names: Session, sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            assert session.scalars(text("SELECT name FROM customers")).all() == []

    def test_an_update_reaches_its_own_rows_only(
        self, names: Session, other_tenant_id: UUID
    ) -> None:
        names.execute(text("UPDATE customers SET name = 'Changed'"))

        enter_tenant(names, other_tenant_id)
        assert names.scalars(text("SELECT name FROM customers")).all() == ["Theirs"]

    def test_a_delete_reaches_its_own_rows_only(
        self, names: Session, other_tenant_id: UUID
    ) -> None:
        names.execute(text("DELETE FROM customers"))

        enter_tenant(names, other_tenant_id)
        assert names.scalars(text("SELECT name FROM customers")).all() == ["Theirs"]

    def test_a_row_cannot_be_written_for_another_tenant(
        self, names: Session, other_tenant_id: UUID
    ) -> None:
        with pytest.raises(ProgrammingError, match="row-level security"), names.begin_nested():
            add_customer(names, other_tenant_id)

    def test_a_row_cannot_be_given_to_another_tenant(
        self, names: Session, other_tenant_id: UUID
    ) -> None:
        with pytest.raises(ProgrammingError, match="row-level security"), names.begin_nested():
            names.execute(
                text("UPDATE customers SET tenant_id = :tenant"), {"tenant": other_tenant_id}
            )

    def test_the_tenant_is_forgotten_with_the_transaction(
        self, engine: Engine, tenant_id: UUID
    ) -> None:
        sessions = sessionmaker(engine)
        setting = text("SELECT current_setting('payymo.tenant_id', true)")

        with tenant_transaction(sessions, tenant_id) as session:
            assert session.scalar(setting) == str(tenant_id)
            connection_id = session.scalar(text("SELECT pg_backend_pid()"))

        with sessions.begin() as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) == connection_id
            assert session.scalar(setting) == ""

    def test_the_owner_of_the_tables_is_bound_too(
        self, owner_engine: Engine, superuser_engine: Engine
    ) -> None:
        with rolled_back(owner_engine) as connection:
            session = Session(connection)
            tenant_id = add_tenant(session)
            enter_tenant(session, tenant_id)
            add_customer(session, tenant_id)
            assert session.scalar(text("SELECT count(*) FROM customers")) == 1

            enter_tenant(session, UUID(int=0))

            assert session.scalar(text("SELECT count(*) FROM customers")) == 0


class TestTheKey:
    """As the superuser, for whom there is no row-level security, with rows written by hand."""

    @pytest.fixture
    def mighty(self, superuser_engine: Engine) -> Iterator[Session]:
        with rolled_back(superuser_engine) as connection:
            yield Session(connection)

    def test_an_account_cannot_hang_on_another_tenants_connection(self, mighty: Session) -> None:
        mine, theirs = add_tenant(mighty), add_tenant(mighty)
        account = add_account(mighty, theirs)

        with pytest.raises(IntegrityError, match="fk_accounts_tenant_id_connection_id"):
            mighty.execute(
                text("UPDATE accounts SET tenant_id = :mine WHERE id = :account"),
                {"mine": mine, "account": account.id},
            )

    def test_an_invoice_cannot_be_for_another_tenants_customer(self, mighty: Session) -> None:
        mine, theirs = add_tenant(mighty), add_tenant(mighty)
        customer = add_customer(mighty, theirs)

        with pytest.raises(IntegrityError, match="fk_invoices_tenant_id_customer_id"):
            mighty.execute(
                text(
                    "INSERT INTO invoices (tenant_id, id, customer_id, number, currency, total, "
                    "issue_date) VALUES (:tenant, :id, :customer, '1', 'EUR', 1, '2026-01-01')"
                ),
                {"tenant": mine, "id": UUID(int=1), "customer": customer.id},
            )

    @pytest.mark.parametrize("table", TENANT_TABLES, ids=lambda table: table.name)
    def test_every_reference_to_a_tenants_table_names_the_tenant(self, table: Table) -> None:
        to_tenants = [
            constraint
            for constraint in table.foreign_key_constraints
            if "tenant_id" in constraint.referred_table.columns
        ]

        for constraint in to_tenants:
            own = [column.name for column in constraint.columns]
            referred = [key.column.name for key in constraint.elements]
            assert own[0] == referred[0] == "tenant_id", constraint.name


class TestTheDatabase:
    """What the database itself says of its tables: no table is forgotten."""

    def test_every_tenants_table_has_its_wall(self, owner_engine: Engine) -> None:
        with owner_engine.connect() as connection:
            walls = connection.execute(
                text(
                    "SELECT relname, relrowsecurity AND relforcerowsecurity, "
                    "(SELECT count(*) FROM pg_policy WHERE polrelid = pg_class.oid "
                    "AND polqual IS NOT NULL AND polwithcheck IS NOT NULL AND polcmd = '*') "
                    "FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
                    "WHERE relkind IN ('r', 'p') AND attname = 'tenant_id' "
                    "AND relnamespace = 'public'::regnamespace ORDER BY relname"
                )
            ).all()

        assert [tuple(wall) for wall in walls] == [(table.name, True, 1) for table in TENANT_TABLES]

    def test_the_application_owns_nothing(self, owner_engine: Engine) -> None:
        with owner_engine.connect() as connection:
            owned: int = connection.execute(
                text(
                    "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' "
                    "AND refobjid = CAST(:role AS regrole)"
                ),
                {"role": APP_ROLE},
            ).scalar_one()
            role = connection.execute(
                text(
                    "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin "
                    "FROM pg_roles WHERE rolname = :role"
                ),
                {"role": APP_ROLE},
            ).one()

        assert owned == 0
        assert not any(role)

    def test_the_application_can_read_every_table(self, engine: Engine) -> None:
        with engine.connect() as connection:
            for table in inspect(connection).get_table_names():
                connection.execute(text(f"SELECT FROM {table} LIMIT 1"))

    @pytest.mark.parametrize(
        "statement",
        [
            "CREATE TABLE mine ()",
            "ALTER TABLE customers DISABLE ROW LEVEL SECURITY",
            "DROP POLICY own_tenant ON customers",
            "TRUNCATE customers",
            "DELETE FROM audit_log",
            "UPDATE audit_log SET action = 'nothing'",
            "DELETE FROM gc_transactions",
            "UPDATE gc_transactions SET payload = '{}'",
            "DELETE FROM gc_balances",
            "UPDATE gc_fetches SET row_count = 0",
            "DELETE FROM transactions",
            "DELETE FROM events",
            "UPDATE events SET kind = 'nothing'",
            "DELETE FROM allocations",
            "UPDATE allocations SET amount = 1",
            "UPDATE alembic_version SET version_num = '0001'",
            "DROP FUNCTION procrastinate_fetch_job_v2",
        ],
    )
    def test_the_application_may_not(self, engine: Engine, statement: str) -> None:
        with (
            rolled_back(engine) as connection,
            pytest.raises(DBAPIError, match=r"permission denied|must be owner"),
        ):
            connection.execute(text(statement))

    def test_a_temporary_table_does_not_draw_the_guard_of_allocations_away(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_transaction(session, tenant_id, add_account(session, tenant_id))
        invoice = add_invoice(session, tenant_id)
        match = Match(
            tenant_id=tenant_id,
            transaction_id=payment.id,
            status=MatchStatus.CONFIRMED,
            origin=MatchOrigin.MANUAL,
            confidence=Decimal(1),
            evidence={},
        )
        attempt = session.begin_nested()
        session.add(match)
        session.flush()
        session.execute(text("CREATE TEMPORARY TABLE invoices (LIKE public.invoices)"))

        session.execute(
            text(
                "INSERT INTO allocations (tenant_id, id, match_id, transaction_id, invoice_id, "
                "amount, created_at) VALUES (:tenant, :id, :match, :payment, :invoice, 1, now())"
            ),
            {
                "tenant": tenant_id,
                "id": UUID(int=1),
                "match": match.id,
                "payment": payment.id,
                "invoice": invoice.id,
            },
        )

        allocated = session.scalar(text("SELECT sum(allocated) FROM public.invoices"))
        assert allocated == Decimal(1)
        attempt.rollback()

    def test_a_reference_is_still_followed_when_a_row_goes(
        self, session: Session, tenant_id: UUID
    ) -> None:
        account = add_account(session, tenant_id)

        session.execute(text("DELETE FROM connections"))

        assert session.scalar(text("SELECT count(*) FROM accounts")) == 0
        assert account.tenant_id == tenant_id
