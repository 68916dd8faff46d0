"""What a tenant and its bank do, each step of it to be cut short anywhere.

The bank has the same rows whenever it is asked on a day, in whatever process it is made anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from procrastinate import App, SyncPsycopgConnector
from procrastinate.job_context import JobContext
from procrastinate.jobs import DEFAULT_QUEUE, Job
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import ConsentingBank, a_consent, an_account
from testing.factories import NOW, add_customer, add_institution, add_invoice, add_tenant
from testing.fakes import FakeBooks, FakeClock, Payload, a_balance, a_payload

from payymo.domain.banking import AccountRecord, Authorisation, InstitutionRecord, Quota
from payymo.domain.enums import AccessScope, ConsentStatus, Provider, SyncTrigger
from payymo.domain.errors import RuleError
from payymo.jobs.app import PostgresJobQueue
from payymo.jobs.services import WorkerServices
from payymo.jobs.takeover import take_over_stalled
from payymo.jobs.tasks import add_tasks
from payymo.postgres.common.models import BankConsent, Connection, SyncRun, Transaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import ProviderDirectory
from payymo.workflows.connect import finish_connection, renew_connection, start_connection
from payymo.workflows.replay import replay
from payymo.workflows.undo import revert_run

CALLBACK: Final = "https://payymo.test/callback"
IBANS: Final = {"a": "DE75512108001245126199", "b": "DE12500105170648489890"}

_PLENTY: Final = {
    scope: Quota(scope, limit=10, remaining=9, resets_at=NOW + timedelta(days=9))
    for scope in AccessScope
}


@dataclass
class DirectoryOfOne:
    """Finds the one bank there is."""

    bank: ConsentingBank

    def provider_for(self, tenant_id: UUID, provider: Provider) -> ConsentingBank:
        return self.bank


@dataclass
class StagedBank(ConsentingBank):
    """A bank whose consents are called ``consent-1`` and ``consent-2``, in that order."""

    asked_for: int = 0

    def authorise(self, institution: InstitutionRecord, **how: Any) -> Authorisation:
        self.asked_for += 1
        authorisation = super().authorise(institution, **how)
        return replace(authorisation, consent_reference=f"consent-{self.asked_for}")


def _account(consent: int, name: str) -> AccountRecord:
    return an_account(f"{name}-{consent}", name=f"Account {name}", iban=IBANS[name])


def make_bank(day: int) -> StagedBank:
    """Return the bank as it is some days after the first.

    :param day: Number of days.
    """
    bank = StagedBank()
    for consent in (1, 2):
        records = [_account(consent, name) for name in IBANS]
        bank.grant(f"consent-{consent}", *records)
        granted = a_consent(ConsentStatus.GRANTED, *(each.reference for each in records))
        bank.consents[f"consent-{consent}"] = replace(
            granted, granted_at=NOW + timedelta(days=3 * (consent - 1))
        )
        for name in IBANS:
            booked, pending = _rows(name, day)
            books = FakeBooks(
                booked=booked,
                pending=pending,
                balances=[a_balance(f"{100 + day}.00")],
                quotas=dict(_PLENTY),
            )
            bank.books[f"{name}-{consent}"] = books
    return bank


def _rows(name: str, day: int) -> tuple[list[Payload], list[Payload]]:
    """Return what is booked on an account, and what is pending."""
    if name == "b":
        rent = [a_payload("-700.00", f"2026-0{month}-01", "Rent") for month in (1, 2)]
        return [*rent, *([a_payload("-3.50", "2026-03-02", "Fee")] if day else [])], []
    old = [
        a_payload(
            f"-{number}.25",
            f"2026-01-{number:02}",
            f"Purchase {number}",
            transactionId=f"t{number}",
        )
        for number in range(10, 16)
    ]
    twins = [a_payload("-2.20", "2026-02-10", "Coffee")] * 2
    garage = a_payload("-80.00", "2026-02-11", "Garage", internalTransactionId="garage")
    vanishing = a_payload("-9.99", "2026-02-20", "Returned", internalTransactionId="vanishing")
    reserved = a_payload("-31.00", "2026-02-28", "Fuel station")
    card = a_payload("-5.00", "2026-02-28", "Card 4711")
    if day == 0:
        return [*old, *twins, garage, vanishing], [reserved, card]
    restated = a_payload("-80.00", "2026-02-11", "Garage GmbH", internalTransactionId="garage")
    booked = a_payload("-31.00", "2026-03-01", "Fuel station", transactionId="t99")
    paid = a_payload("100.00", "2026-03-01", "INV-1001 thank you", debtorName="Customer Ltd")
    later = [a_payload("-1.00", "2026-03-03", "Stamp")] if day > 1 else []
    return [*old, *twins, restated, booked, paid, *later], []


@dataclass
class House:
    """A tenant, and what its worker works with."""

    sessions: sessionmaker[Session]
    tenant_id: UUID
    providers: ProviderDirectory
    clock: FakeClock

    @property
    def services(self) -> WorkerServices:
        return WorkerServices(self.sessions, self.providers, self.clock)

    def work(self) -> None:
        """Do all that waits, as a worker of the queue does, after taking over what was left."""
        services = self.services
        app = App(connector=SyncPsycopgConnector())
        add_tasks(app, services)
        # All of a test is one transaction for the database, whose time stands still.
        take_over_stalled(services, silent_seconds=-1)
        with self.sessions.begin() as session:
            worker = session.scalar(
                text("SELECT worker_id FROM procrastinate_register_worker_v1()")
            )
        while (job := self._fetch(worker)) is not None:
            context = JobContext(
                app=app,
                worker_name="worker",
                job=job,
                start_timestamp=0.0,
                abort_reason=lambda: None,
            )
            app.tasks[job.task_name].func(context, **job.task_kwargs)
            with self.sessions.begin() as session:
                session.execute(
                    text("SELECT procrastinate_finish_job_v1(:id, 'succeeded', false)"),
                    {"id": job.id},
                )

    def _fetch(self, worker: int | None) -> Job | None:
        with self.sessions.begin() as session:
            row = session.execute(
                text("SELECT * FROM procrastinate_fetch_job_v2(NULL, :worker)"),
                {"worker": worker},
            ).one()
        if row.id is None:
            return None
        return Job(
            id=row.id,
            queue=DEFAULT_QUEUE,
            lock=row.lock,
            queueing_lock=row.queueing_lock,
            task_name=row.task_name,
            task_kwargs=row.args,
            attempts=row.attempts,
        )

    def queue_sync(self) -> None:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            connection_id = session.scalars(select(Connection.id)).one()
            PostgresJobQueue().queue_sync(
                session,
                self.tenant_id,
                connection_id,
                trigger=SyncTrigger.SCHEDULE,
                requested_by=None,
            )

    def finish(self) -> None:
        """Come back from the bank with the consent that was asked for last."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            reference = session.scalars(
                select(BankConsent.reference).order_by(BankConsent.id.desc()).limit(1)
            ).one()
        finish_connection(
            self.sessions, self.providers, PostgresJobQueue(), reference=reference, clock=self.clock
        )

    def go_to(self, day: int) -> None:
        """Let it be some days after the first, and the bank be as it is then."""
        self.clock.now = NOW + timedelta(days=day)
        self.providers = DirectoryOfOne(make_bank(day))

    def replay(self) -> None:
        replay(
            self.sessions,
            tenant_id=self.tenant_id,
            account_id=None,
            apply=True,
            clock=self.clock,
            progress=lambda done, total: None,
        )

    def revert(self) -> None:
        """Take back the last sync, unless that was done before the power failed."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            last = session.scalars(
                select(SyncRun.id)
                .where(SyncRun.trigger == SyncTrigger.SCHEDULE)
                .order_by(SyncRun.id.desc())
                .limit(1)
            ).one()
        try:
            revert_run(
                self.sessions,
                PostgresJobQueue(),
                tenant_id=self.tenant_id,
                sync_run_id=last,
                connection_id=None,
                is_trial=False,
                actor_id=None,
                clock=self.clock,
            )
        except RuleError as error:
            told = [problem.message for problem in error.problems]
            if told != ["The sync was taken back already."]:
                raise


def connect(sessions: sessionmaker[Session]) -> House:
    """Return a house whose bank is connected, and whose first sync waits."""
    with sessions.begin() as session:
        tenant_id = add_tenant(session)
    house = House(sessions, tenant_id, DirectoryOfOne(make_bank(0)), FakeClock())
    with tenant_transaction(sessions, tenant_id) as session:
        bank = add_institution(session, reference="EXAMPLE_BANK")
        customer = add_customer(session, tenant_id, number="C-1")
        add_invoice(session, tenant_id, customer, number="INV-1001", total=Decimal("100.00"))
    start_connection(
        sessions,
        house.providers,
        tenant_id=tenant_id,
        institution=str(bank.reference),
        callback_url=CALLBACK,
        return_url=None,
        actor_id=None,
        clock=house.clock,
    )
    house.finish()
    return house


def _first(house: House) -> None:
    """All that the bank has, for the first time."""


def _changes(house: House) -> None:
    """One pending row booked, one left; one row restated, one vanished, and three came."""
    house.work()
    house.go_to(1)
    house.queue_sync()


def _removal(house: House) -> None:
    """What vanished stays away: a second complete answer removes it."""
    _changes(house)
    house.work()
    house.go_to(2)
    house.queue_sync()


def _renewal(house: House) -> None:
    """Another consent is given, under which the accounts have other ids."""
    _changes(house)
    house.work()
    house.go_to(2)
    assert isinstance(house.providers, DirectoryOfOne)
    house.providers.bank.asked_for = 1  # type: ignore[attr-defined]  # it is a StagedBank
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        connection_id = session.scalars(select(Connection.id)).one()
    renew_connection(
        house.sessions,
        house.providers,
        tenant_id=house.tenant_id,
        connection_id=connection_id,
        callback_url=CALLBACK,
        return_url=None,
        actor_id=None,
        clock=house.clock,
    )
    house.go_to(3)


def _replay(house: House) -> None:
    """The ledger says something that no answer said, of both accounts."""
    _changes(house)
    house.work()
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        for column, value in (("amount", Decimal("-80.00")), ("amount", Decimal("-3.50"))):
            session.execute(
                update(Transaction)
                .where(getattr(Transaction, column) == value)
                .values(amount=value - 1)
            )


def _reversal(house: House) -> None:
    """The last sync added rows, and removed one."""
    _removal(house)
    house.work()


@dataclass(frozen=True)
class Scene:
    """Something that is done, and is to come out alike however often it is cut short.

    :ivar day: On which day after the first it is done.
    :ivar prepare: Makes what is there before, of a house whose first sync waits.
    :ivar acts: Does it, or goes on with it.
    """

    day: int
    prepare: Callable[[House], None]
    acts: tuple[Callable[[House], None], ...] = ()


SCENES: Final[Mapping[str, Scene]] = {
    "first": Scene(0, _first),
    "changes": Scene(1, _changes),
    "removal": Scene(2, _removal),
    "renewal": Scene(3, _renewal, (House.finish,)),
    "replay": Scene(1, _replay, (House.replay,)),
    "reversal": Scene(2, _reversal, (House.revert,)),
}
