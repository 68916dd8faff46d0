"""What a tenant does with its bank, in one word each."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import Providers, RecordingQueue, an_account
from testing.fakes import FakeClock

from payymo.domain.enums import AccountSelection, SyncTrigger
from payymo.postgres.common.models import Account, BankConsent, Connection, Event
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.connect import (
    FinishedConnection,
    StartedConnection,
    delete_connection,
    disconnect,
    finish_connection,
    renew_connection,
    start_connection,
)
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

CALLBACK = "https://payymo.test/callback"
RETURN = "https://app.test/banks"


class House:
    """One tenant's dealings with its bank."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        providers: Providers,
        queue: RecordingQueue,
        clock: FakeClock,
        tenant_id: UUID,
    ) -> None:
        self.sessions = sessions
        self.providers = providers
        self.queue = queue
        self.clock = clock
        self.tenant_id = tenant_id

    def start(
        self,
        institution: str = "EXAMPLE_BANK",
        account_selection: AccountSelection = AccountSelection.ALL,
    ) -> StartedConnection:
        return start_connection(
            self.sessions,
            self.providers,
            tenant_id=self.tenant_id,
            institution=institution,
            callback_url=CALLBACK,
            return_url=RETURN,
            actor_id=None,
            clock=self.clock,
            account_selection=account_selection,
        )

    def finish(self, reference: str) -> FinishedConnection:
        return finish_connection(
            self.sessions, self.providers, self.queue, reference=reference, clock=self.clock
        )

    def renew(self, connection_id: UUID) -> StartedConnection:
        return renew_connection(
            self.sessions,
            self.providers,
            tenant_id=self.tenant_id,
            connection_id=connection_id,
            callback_url=CALLBACK,
            return_url=None,
            actor_id=None,
            clock=self.clock,
        )

    def disconnect(self, connection_id: UUID) -> None:
        disconnect(
            self.sessions,
            self.providers,
            tenant_id=self.tenant_id,
            connection_id=connection_id,
            actor_id=None,
            clock=self.clock,
        )

    def delete(self, connection_id: UUID) -> None:
        delete_connection(
            self.sessions,
            self.providers,
            tenant_id=self.tenant_id,
            connection_id=connection_id,
            actor_id=None,
            clock=self.clock,
        )

    def sync(self, connection_id: UUID) -> SyncReport:
        return sync_connection(
            self.sessions,
            self.providers,
            self.queue,
            tenant_id=self.tenant_id,
            connection_id=connection_id,
            trigger=SyncTrigger.SCHEDULE,
            clock=self.clock,
        )

    def connect(self, *accounts: str) -> Connection:
        """Connect a bank, with accounts of these ids."""
        started = self.start()
        consent = self.consents(started.connection.id)[-1]
        records = [an_account(name, name=f"Name of {name}") for name in accounts]
        self.providers.bank.grant(consent.provider_reference, *records)
        return self.finish(consent.reference).connection

    def consents(self, connection_id: UUID) -> list[BankConsent]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            statement = select(BankConsent).where(BankConsent.connection_id == connection_id)
            return list(session.scalars(statement.order_by(BankConsent.id)))

    def accounts(self, connection_id: UUID) -> list[Account]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            statement = select(Account).where(Account.connection_id == connection_id)
            return list(session.scalars(statement.order_by(Account.id)))

    def connection(self, connection_id: UUID) -> Connection:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return session.get_one(Connection, (self.tenant_id, connection_id))

    def events(self, connection_id: UUID | None = None) -> list[Event]:
        """Return what was told, oldest first."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            statement = select(Event).order_by(Event.id)
            if connection_id is not None:
                statement = statement.where(Event.subject_id == connection_id)
            return list(session.scalars(statement))

    def told(self, connection_id: UUID) -> list[str]:
        """Return the kinds of what was told of a connection, oldest first."""
        return [event.kind.value for event in self.events(connection_id)]


def count(house: House, table: type[object]) -> int:
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0
