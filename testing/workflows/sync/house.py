"""A tenant's connection, the bank behind it that the test controls, and syncs of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection, add_consent
from testing.fakes import FakeBank, FakeBooks, FakeClock, FakeDirectory, FakeQueue, a_balance

from payymo.domain.enums import AccessScope, SyncTrigger, TransactionStatus
from payymo.domain.errors import ConsentExpiredError, ProviderError
from payymo.postgres.common.models import Account, Connection, SyncRun, Transaction
from payymo.postgres.common.operations.sync_runs import list_sync_runs
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

TRANSACTIONS, BALANCES = AccessScope.TRANSACTIONS, AccessScope.BALANCES
EXPIRED = ConsentExpiredError("Expired.", http_status=401, provider_code="AccessExpiredError")


class House:
    """A tenant's connection with some accounts, the bank behind it, and syncs of it."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID, *references: str) -> None:
        self.sessions, self.tenant_id = sessions, tenant_id
        self.bank, self.queue, self.clock = FakeBank(), FakeQueue(), FakeClock()
        self.account_ids = {}
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            self.connection_id = connection.id
            consent = add_consent(session, tenant_id, connection, granted_at=NOW)
            for name in references:
                account = add_account(
                    session,
                    tenant_id,
                    connection,
                    consent_id=consent.id,
                    provider_reference=name,
                    details_fetched_at=NOW,
                )
                self.account_ids[name] = account.id
                self.bank.books[name] = FakeBooks(balances=[a_balance("100.00")])

    @property
    def books(self) -> FakeBooks:
        return self.bank.books["a"]

    def sync(self, trigger: SyncTrigger = SyncTrigger.SCHEDULE) -> SyncReport:
        return sync_connection(
            self.sessions,
            FakeDirectory(self.bank),
            self.queue,
            tenant_id=self.tenant_id,
            connection_id=self.connection_id,
            trigger=trigger,
            clock=self.clock,
        )

    def next_day(self, days: int = 1) -> None:
        self.clock.now += timedelta(days=days)

    def refuse(
        self, error: ProviderError, name: str = "a", scope: AccessScope = TRANSACTIONS
    ) -> None:
        self.bank.refusals[name, scope] = error

    def rows(self, *statuses: TransactionStatus, name: str = "a") -> list[Transaction]:
        with self.read() as session:
            statement = select(Transaction).where(Transaction.account_id == self.account_ids[name])
            rows = session.scalars(statement.order_by(Transaction.id)).all()
        return [row for row in rows if not statuses or row.status in statuses]

    def row(self, *statuses: TransactionStatus) -> Transaction:
        (row,) = self.rows(*statuses)
        return row

    def account(self, name: str = "a") -> Account:
        with self.read() as session:
            return session.get_one(Account, (self.tenant_id, self.account_ids[name]))

    def connection(self) -> Connection:
        with self.read() as session:
            return session.get_one(Connection, (self.tenant_id, self.connection_id))

    def last_run(self) -> SyncRun:
        with self.read() as session:
            page = list_sync_runs(session, self.tenant_id, self.connection_id, page=1, per_page=1)
        return page.rows[0]

    @contextmanager
    def read(self) -> Iterator[Session]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            yield session
