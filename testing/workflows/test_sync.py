from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection
from testing.fakes import FakeBank, FakeBooks, FakeClock, FakeDirectory, FakeQueue, a_balance, a_payload

from payymo.domain.enums import RunStatus, SyncTrigger, TransactionStatus
from payymo.postgres.common.models import Account, Connection, Transaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.sync import SyncReport, sync_connection


class House:
    """A tenant's connection with some accounts, the bank behind it, and a sync of it."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID, *references: str) -> None:
        self.sessions, self.tenant_id = sessions, tenant_id
        self.bank, self.queue, self.clock = FakeBank(), FakeQueue(), FakeClock()
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            self.connection_id = connection.id
            self.account_ids = [
                add_account(
                    session, tenant_id, connection, provider_reference=name, details_fetched_at=NOW
                ).id
                for name in references or ("a",)
            ]
        for name in references or ("a",):
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

    def rows(self, *statuses: TransactionStatus) -> list[Transaction]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            rows = session.scalars(select(Transaction).order_by(Transaction.id)).all()
        return [row for row in rows if not statuses or row.status in statuses]

    def account(self) -> Account:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return session.scalars(select(Account).order_by(Account.id)).first()

    def connection(self) -> Connection:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return session.scalars(select(Connection)).one()


@pytest.fixture
def house(sessions: sessionmaker[Session], tenant_id: UUID) -> House:
    return House(sessions, tenant_id)


def test_first_sync(house: House) -> None:
    house.books.booked = [a_payload("-10.00"), a_payload("-10.00"), a_payload("25.50", text="Refund")]
    house.books.pending = [a_payload("-7.00", None, "Reserved lunch")]

    report = house.sync(SyncTrigger.FIRST)

    assert report.status is RunStatus.SUCCEEDED, report
    assert report.added_count == 4
    again = house.sync()
    assert (again.added_count, again.updated_count, again.accounts[0].counts.unchanged) == (0, 0, 4)
    assert house.bank.since == [None, date(2026, 2, 15)]
