"""A tenant whose banks are the sandbox's, reached over HTTP; and what the sandbox knows of them.

What the ledger should hold is taken from the sandbox's books and from the answers on the wire,
never from Payymo's own reading of them.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import FakeQueue
from testing.workers import SILENCE_SECONDS

from payymo.domain.banking import Clock, ProviderCredentials
from payymo.domain.enums import (
    BalanceType,
    ConsentStatus,
    JobStatus,
    ProofReason,
    ProofStatus,
    Provider,
    SyncTrigger,
    TransactionStatus,
)
from payymo.jobs.worker import Timing
from payymo.postgres.common.models import Account, BalanceProof, Connection, Transaction
from payymo.postgres.common.operations.balances import latest_balances
from payymo.postgres.common.operations.consents import list_consents
from payymo.postgres.common.operations.laws import find_breaches
from payymo.postgres.common.operations.sync_runs import lock_account
from payymo.postgres.encryption import KEY_BYTES, KeyRing
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.gocardless.operations.tokens import PostgresTokenStore
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider
from payymo.providers.registry import make_provider
from payymo.sandbox.banks import BANKS, Bank
from payymo.sandbox.books.library import Library
from payymo.sandbox.books.quirks import internal_id
from payymo.sandbox.books.records import Statement
from payymo.sandbox.server import Access
from payymo.sandbox.service import Sandbox
from payymo.workflows.connect import (
    StartedConnection,
    finish_connection,
    renew_connection,
    start_connection,
)
from payymo.workflows.proof import prove_account
from payymo.workflows.queue import JobQueue
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

#: Early, so that the books are short: all begin on 1 January 2024.
FIRST_DAY = datetime(2024, 4, 16, 9, tzinfo=UTC)
CALLBACK = "https://payymo.invalid/callback"

#: A worker's habits, ten times as fast as in earnest.
HASTY = Timing(
    heartbeat=0.3, silence_max=SILENCE_SECONDS, takeover=0.3, polling=0.3, finishing_max=5
)

BOOKED, PENDING = TransactionStatus.BOOKED, TransactionStatus.PENDING
REMOVED = TransactionStatus.REMOVED

type Payload = dict[str, Any]


@dataclass(frozen=True)
class LedgerRow:
    """A transaction, with the payload that it was last written from.

    :ivar version_count: How many payloads were received for it.
    """

    id: UUID
    status: TransactionStatus
    amount: Decimal
    is_missing: bool
    updated_at: datetime
    payload: Payload
    version_count: int


def make_bank(
    sessions: sessionmaker[Session], access: Access, clock: Clock, http: httpx.Client
) -> BankDataProvider:
    """Return the real client of a sandbox."""
    store = PostgresTokenStore(
        sessions,
        KeyRing([bytes(KEY_BYTES)]),
        base_url=access.base_url,
        secret_id=access.secret_id,
    )
    return make_provider(
        Provider.GOCARDLESS,
        base_url=access.base_url,
        credentials=ProviderCredentials(access.secret_id, access.secret_key),
        store=store,
        clock=clock,
        http=http,
    )


@dataclass
class SandboxHouse:
    """A tenant, the sandbox, and the real client between them.

    Consents are given on :data:`FIRST_DAY`, which decides how far back the bank's answers go.

    :ivar answers: The last answer about each account's transactions, by the provider's id of it.
    """

    app: FastAPI
    access: Access
    sessions: sessionmaker[Session]
    tenant_id: UUID
    http: httpx.Client
    queue: JobQueue = field(default_factory=FakeQueue)
    answers: dict[str, Payload] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.provider = make_bank(self.sessions, self.access, self.clock, self.http)
        self.http.event_hooks = {"response": [self._overhear]}

    @property
    def sandbox(self) -> Sandbox:
        sandbox: Sandbox = self.app.state.sandbox
        return sandbox

    def clock(self) -> datetime:
        return self.sandbox.now()

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        return self.provider

    def control(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """Post to the sandbox's control endpoints, or read from them."""
        root = self.access.base_url.removesuffix("/api/v2")
        answer = self.http.request(
            "GET" if body is None else "POST",
            f"{root}/control/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.access.secret_key}"},
        )
        assert answer.is_success, answer.text
        return answer.json()

    def fault(self, kind: str, **aim: object) -> None:
        """Let something go wrong at the sandbox."""
        self.control("faults", {"kind": kind, **aim})

    def clear_faults(self) -> None:
        """Let everything at the sandbox go right again."""
        self.sandbox.state.faults.clear()

    def pending_answer(self, bond: "Bond", key: str) -> list[Payload]:
        """Return what the bank last said is pending on one account of a book."""
        accounts = self.sandbox.state.accounts
        (answer,) = [
            self.answers[account.provider_reference]["pending"]
            for account in bond.accounts()
            if accounts[account.provider_reference].key == key
        ]
        return list(answer)

    def pass_days(self, days: float) -> None:
        """Move the one clock onwards."""
        self.control("clock", {"days": days})

    def connect(self, institution: str, scenario: str | None = None) -> "Bond":
        """Connect a bank, and consent at once."""
        started = start_connection(
            self.sessions,
            self,
            tenant_id=self.tenant_id,
            institution=institution,
            callback_url=CALLBACK,
            return_url=None,
            actor_id=None,
            clock=self.clock,
        )
        bond = Bond(self, started.connection.id, BANKS[institution], scenario)
        bond.consent(started)
        return bond

    def jobs(self) -> list[Job]:
        """Return the tenant's jobs, the oldest first."""
        with self.read() as session:
            return list(session.scalars(select(Job).order_by(Job.id)))

    def has_work(self) -> bool:
        """Return whether any job is not ended."""
        return any(job.status in {JobStatus.QUEUED, JobStatus.RUNNING} for job in self.jobs())

    @contextmanager
    def read(self) -> Iterator[Session]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            yield session

    def _overhear(self, response: httpx.Response) -> None:
        *_, account, endpoint, _ = response.request.url.path.split("/")
        if endpoint == "transactions" and response.status_code == httpx.codes.OK:
            content = response.read()
            try:
                self.answers[account] = json.loads(content)["transactions"]
            except ValueError:
                return  # a body that a test made unreadable


@dataclass
class Bond:
    """A connection to one of the sandbox's banks."""

    house: SandboxHouse
    connection_id: UUID
    bank: Bank
    scenario: str | None
    truths: dict[UUID, "Truth"] = field(default_factory=dict)

    @property
    def book(self) -> str:
        return self.scenario or self.bank.scenarios[0]

    def consent(self, started: StartedConnection) -> None:
        """Consent at the bank, and come back."""
        house = self.house
        with house.read() as session:
            consents = list_consents(session, house.tenant_id, connection_id=self.connection_id)
        (asked,) = [
            consent.provider_reference
            for consent in consents
            if consent.reference == started.reference
        ]
        house.control(f"requisitions/{asked}", {"status": "LN", "scenario": self.scenario})
        finish_connection(
            house.sessions, house, house.queue, reference=started.reference, clock=house.clock
        )

    def consent_reference(self) -> str:
        """Return the sandbox's id of the consent that stands."""
        house = self.house
        with house.read() as session:
            (consent,) = list_consents(
                session,
                house.tenant_id,
                connection_id=self.connection_id,
                statuses=[ConsentStatus.GRANTED],
            )
        return consent.provider_reference

    def renew(self) -> None:
        """Ask for another consent, and give it."""
        house = self.house
        started = renew_connection(
            house.sessions,
            house,
            tenant_id=house.tenant_id,
            connection_id=self.connection_id,
            callback_url=CALLBACK,
            return_url=None,
            actor_id=None,
            clock=house.clock,
        )
        self.consent(started)

    def sync(self, trigger: SyncTrigger = SyncTrigger.SCHEDULE) -> SyncReport:
        house = self.house
        return sync_connection(
            house.sessions,
            house,
            house.queue,
            tenant_id=house.tenant_id,
            connection_id=self.connection_id,
            trigger=trigger,
            clock=house.clock,
        )

    def connection(self) -> Connection:
        with self.house.read() as session:
            return session.get_one(Connection, (self.house.tenant_id, self.connection_id))

    def accounts(self) -> list[Account]:
        """Return the accounts in the order of the book's."""
        with self.house.read() as session:
            statement = select(Account).where(Account.connection_id == self.connection_id)
            return list(session.scalars(statement.order_by(Account.id)))

    def rows(self, account_id: UUID) -> list[LedgerRow]:
        """Return all rows of an account, whatever their status."""
        raw = GcTransaction
        with self.house.read() as session:
            found: Iterable[Any] = session.execute(
                select(
                    Transaction.id,
                    Transaction.status,
                    Transaction.amount,
                    Transaction.missing_since.is_not(None),
                    Transaction.updated_at,
                    raw.payload,
                    func.count().over(partition_by=raw.transaction_id),
                    raw.id == Transaction.raw_id,
                )
                .join(raw, raw.transaction_id == Transaction.id)
                .where(Transaction.account_id == account_id)
                .order_by(Transaction.id)
            )
            return [LedgerRow(*columns) for *columns, is_present in found if is_present]

    def restate(self, row: LedgerRow, change: Decimal) -> None:
        """Let the bank correct the amount of a row of its only account."""
        library = self.house.sandbox.library
        today = self.house.sandbox.today()
        entries = library.book(self.bank, self.book, today).entries["main"]
        name = f"{library.seed}/{self.bank.id}/{self.book}/main"
        (place,) = [
            place
            for place, entry in enumerate(entries)
            if internal_id(name, entry.key) == row.payload["internalTransactionId"]
        ]
        entries[place] = replace(entries[place], amount=entries[place].amount + change)

    def snapshot(self) -> list[LedgerRow]:
        """Return all rows of all accounts, to be compared with those of another time."""
        return [row for account in self.accounts() for row in self.rows(account.id)]

    def check(self, but: Collection[UUID] = ()) -> None:
        """Assert that the ledger is what the sandbox's books say, except for some accounts."""
        for account in self.accounts():
            if account.id in but:
                continue
            truth = self.truths.get(account.id)
            if truth is None:
                truth = self.truths[account.id] = Truth(self, account.id, self._key(account))
            truth.check(account)
        with self.house.read() as session:
            breaches = find_breaches(session, self.house.tenant_id, examples_max=1)
            assert {law: breach for law, breach in breaches.items() if breach.count} == {}

    def check_proof(self) -> None:
        """Assert that each account adds up on each day since the consent, as the book has it.

        That is told alike however far back one looks.
        """
        house = self.house
        yesterday = house.clock().date() - timedelta(days=1)
        for account in self.accounts():
            with house.read() as session:
                told = _proofs(session, account)
                prove_account(
                    session,
                    lock_account(session, house.tenant_id, account.id),
                    now=house.clock(),
                )
                assert _proofs(session, account) == told
            by_day = {proof.day: proof for proof in told}
            assert ProofStatus.FAILED not in {proof.status for proof in told}
            if any(_day(row.payload) < FIRST_DAY.date() for row in self.rows(account.id)):
                day = FIRST_DAY.date()
                while day <= yesterday:
                    assert by_day[day].status is ProofStatus.PROVED
                    day += timedelta(days=1)
                statement = house.sandbox.library.statement(
                    self.bank, self.book, self._key(account), house.sandbox.today(), 0
                )
                (closing,) = [
                    Decimal(each["balanceAmount"]["amount"])
                    for each in statement.balances
                    if each["balanceType"] == "closingBooked"
                ]
                assert by_day[yesterday].closing == closing

    def _key(self, account: Account) -> str:
        """Return the book's name of an account."""
        return self.house.sandbox.state.accounts[account.provider_reference].key


class _Told(NamedTuple):
    """What is told of one day, but for when."""

    currency: str
    day: date
    status: ProofStatus
    reason: ProofReason | None
    row_count: int
    booked: Decimal
    opening: Decimal | None
    closing: Decimal | None


def _proofs(session: Session, account: Account) -> list[_Told]:
    columns = [getattr(BalanceProof, name) for name in _Told._fields]
    rows = session.execute(
        select(*columns).where(BalanceProof.account_id == account.id).order_by(BalanceProof.day)
    )
    return list(map(_Told._make, rows))


def name_of(bank: Bank, payload: Payload) -> str:
    """Return what names a booked row for ever, as the sandbox's documentation tells."""
    if "ids_reissued" in bank.quirks:
        return str(payload["proprietaryBankTransactionCode"])
    if "internal_ids_reissued" in bank.quirks:
        return str(payload["transactionId"])
    return str(payload["internalTransactionId"])


@dataclass
class Truth:
    """What the sandbox knows of one account, through time.

    :ivar left_out: Names of booked rows from before the history that the consent covers.
    :ivar shown: Amount of each booked row that was ever to be seen, by name.
    :ivar ids: Payymo's id of each booked row, by name.
    :ivar pending: Payymo's ids of the rows that were pending last time, by amount.
    :ivar texts: Each text that was read of a booked row, by name.
    :ivar kept: Rows that kept their id when they booked.
    :ivar gone: Names of booked rows that the bank left out last time.
    """

    bond: Bond
    account_id: UUID
    key: str
    left_out: set[str] | None = None
    shown: dict[str, Decimal] = field(default_factory=dict)
    ids: dict[str, UUID] = field(default_factory=dict)
    pending: dict[Decimal, set[UUID]] = field(default_factory=dict)
    opening: Decimal = Decimal(0)
    texts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    kept: set[UUID] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def check(self, account: Account) -> None:
        """Assert that the account's ledger is what the book says now."""
        visible = self._visible()
        self._note(visible)
        rows = self.bond.rows(self.account_id)
        booked = [row for row in rows if row.status in {BOOKED, REMOVED}]
        removed = {self._name(row) for row in booked if row.status is REMOVED}
        names = {self._name(row): row for row in booked}

        assert Counter(map(self._name, booked)) == Counter(dict.fromkeys(self.shown, 1))
        assert {name: row.amount for name, row in names.items()} == self.shown
        gone = self.shown.keys() - visible.keys()
        if self.bond.book != "volume":  # which shows 24 months and no more, and so forgets
            assert {name for name, row in names.items() if row.is_missing} == gone
        assert removed <= gone & self.gone, "removed by a single answer"
        self.gone = gone
        standing = [row.amount for name, row in names.items() if name not in gone]
        assert self.opening + sum(standing) == self._closing() == self._reported()

        self._check_pending(account, rows, names)
        ids = {name: row.id for name, row in names.items()}
        assert {name: ids[name] for name in self.ids} == self.ids
        self.ids = ids
        self._check_versions(names)

    def _check_pending(
        self, account: Account, rows: Sequence[LedgerRow], names: Mapping[str, LedgerRow]
    ) -> None:
        """Assert that the pending rows are the bank's, and that those that booked stayed."""
        pending = [row for row in rows if row.status is PENDING]
        dated = [row.payload for row in pending if "valueDate" in row.payload]
        answer = self.bond.house.answers[account.provider_reference]["pending"]
        listed = [payload for payload in answer if "valueDate" in payload]
        assert sorted(map(_canonical, dated)) == sorted(map(_canonical, listed))
        # Rows without a date are only in answers to questions without one.
        undated = Counter(row.amount for row in pending if "valueDate" not in row.payload)
        assert undated <= Counter(
            _amount(json.loads(row.json)) for row in self._statement().pending
        )
        by_id = {row.id: row for row in rows}
        new: dict[Decimal, set[UUID]] = defaultdict(set)
        for name, row in names.items():
            if name not in self.ids:
                new[row.amount].add(row.id)
        for amount, ids in self.pending.items():
            ended = {each for each in ids if by_id[each].status is not PENDING}
            if len(ended) == len(new[amount]):
                assert ended == new[amount]
                self.kept |= ended
        self.pending = defaultdict(set)
        for row in pending:
            self.pending[row.amount].add(row.id)

    def _check_versions(self, names: Mapping[str, LedgerRow]) -> None:
        """Assert that each wording of a row was kept."""
        for name, row in names.items():
            self.texts[name].add(str(row.payload.get("remittanceInformationUnstructured")))
            assert row.version_count >= len(self.texts[name])

    def _note(self, visible: Mapping[str, Payload]) -> None:
        amounts = {name: _amount(payload) for name, payload in visible.items()}
        if self.left_out is None:
            oldest = FIRST_DAY.date() - timedelta(self.bond.bank.history_days)
            self.left_out = {name for name, payload in visible.items() if _day(payload) < oldest}
            self.opening = self._closing() - sum(
                amounts[name] for name in amounts.keys() - self.left_out
            )
        self.shown |= {
            name: amount for name, amount in amounts.items() if name not in self.left_out
        }

    def _statement(self) -> Statement:
        library: Library = self.bond.house.sandbox.library
        today = self.bond.house.sandbox.today()
        return library.statement(self.bond.bank, self.bond.book, self.key, today, 0)

    def _visible(self) -> dict[str, Payload]:
        """Return the booked rows of the book that the bank can show now, by name."""
        payloads = [json.loads(row.json) for row in self._statement().rows]
        return {name_of(self.bond.bank, payload): payload for payload in payloads}

    def _closing(self) -> Decimal:
        """Return the closing balance by the sandbox's own books."""
        path = f"books/{self.bond.book}/accounts?institution={self.bond.bank.id}"
        totals = self.bond.house.control(path)
        return Decimal(next(each for each in totals if each["key"] == self.key)["closing_balance"])

    def _reported(self) -> Decimal:
        """Return the balance that Payymo shows."""
        with self.bond.house.read() as session:
            balances = latest_balances(session, self.bond.house.tenant_id, [self.account_id])
        (booked,) = [
            balance.amount
            for balance in balances[self.account_id]
            if balance.balance_type is BalanceType.INTERIM_BOOKED
        ]
        return booked

    def _name(self, row: LedgerRow) -> str:
        return name_of(self.bond.bank, row.payload)


def _amount(payload: Payload) -> Decimal:
    return Decimal(payload["transactionAmount"]["amount"])


def _day(payload: Payload) -> date:
    """Return the day by which the bank decides whether a row is within the history."""
    return date.fromisoformat(payload.get("bookingDate") or payload["valueDate"])


def _canonical(payload: Payload) -> str:
    return json.dumps(payload, sort_keys=True)
