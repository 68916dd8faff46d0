"""The house itself: the workflow of a sync, its client over HTTP, and PostgreSQL."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from uuid import UUID, uuid4

import httpx
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_connection, add_consent, add_institution
from testing.fakes import FakeDirectory, FakeQueue
from testing.providers.gocardless.script import MemoryTokenStore, Time
from testing.simulator.bank import Bank, Told, instant
from testing.simulator.judge import EndRow, Held, Judge, PayloadKey, Rewritten
from testing.simulator.truth import HOURS, Day, Moment

from payymo.domain.banking import ProviderCredentials
from payymo.domain.enums import SyncTrigger, TransactionStatus
from payymo.domain.errors import RuleError
from payymo.postgres.common.models import Account, Institution, SyncRun, Transaction
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.common.operations.transactions import annotate_transaction
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.gocardless.api.client import GoCardlessClient
from payymo.providers.gocardless.api.retry import RetryPolicy
from payymo.providers.gocardless.api.statement import read_statement
from payymo.providers.gocardless.provider import GoCardlessProvider
from payymo.workflows.replay import AccountReplay, replay
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport
from payymo.workflows.undo import revert_run

type _Row = tuple[PayloadKey, Transaction]

type Fault = tuple[int, bytes] | Exception
"""A status and a body, or what keeps the answer from coming."""

#: What a bank can do instead of answering, by name.
FAULTS: Final[Mapping[str, Fault]] = {
    "throttled": (429, b'{"summary": "Rate limit exceeded"}'),
    "broken": (500, b'{"summary": "Server error"}'),
    "half": (200, b'{"transactions": {"booked": [{"transactionAmount": {"amou'),
    "page": (200, b"<html>Maintenance</html>"),
    "slow": httpx.ReadTimeout("too late"),
}

_TOKENS: Final = {
    "access": "a", "access_expires": 86400, "refresh": "r", "refresh_expires": 2592000
}  # fmt: skip
_LIVE: Final = (TransactionStatus.BOOKED, TransactionStatus.PENDING)


class RealHouse:
    """A tenant with one account at a bank that is played.

    :ivar fault: What the bank does at the next call for transactions instead of answering.
    :ivar told: The answer to the last call.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
        bank: Bank,
        judge: Judge,
        moment: Moment,
    ) -> None:
        """Connect the account.

        :param sessions: Opener of transactions.
        :param tenant_id: The tenant.
        :param bank: The bank.
        :param judge: Who looks at each step.
        :param moment: The present.
        """
        self.sessions, self.tenant_id = sessions, tenant_id
        self.bank, self.judge = bank, judge
        self.clock = Time(instant(moment))
        self.fault: Fault | None = None
        self.is_settled = False
        self.told: Told | None = None
        self.pulls = 0
        self.reach: Day = 0
        self.trigger = SyncTrigger.FIRST
        self._reference = ""
        self._queue = FakeQueue()
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        client = GoCardlessClient(
            http,
            base_url="https://bank.test/api/v2/",
            credentials=ProviderCredentials("an-id", "a-key"),
            store=MemoryTokenStore(),
            clock=self.clock,
            retry=RetryPolicy(
                sleep=self.clock.sleep, random=lambda: 1.0, elapsed=self.clock.elapsed
            ),
        )
        self._provider = GoCardlessProvider(client, self.clock)
        with tenant_transaction(sessions, tenant_id) as session:
            # By its very id, as a bank is known by what it begins and ends with.
            institution = session.scalar(
                select(Institution).where(Institution.reference == bank.family.institution)
            ) or add_institution(session, reference=bank.family.institution)
            connection = add_connection(session, tenant_id, institution)
            account = add_account(
                session, tenant_id, connection, currency=bank.life.currency,
                details_fetched_at=self.clock(),
            )  # fmt: skip
            self.connection_id, self.account_id = connection.id, account.id
        self.renew(730)

    @property
    def moment(self) -> Moment:
        """The present."""
        return self.clock.now.toordinal() * HOURS + self.clock.now.hour

    def renew(self, history_days: int) -> None:
        """Let the account holder consent anew: the provider gives the account another id."""
        now = self.clock()
        self._reference = uuid4().hex
        self.reach = now.toordinal() - history_days
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            account = session.get_one(Account, (self.tenant_id, self.account_id))
            consent = add_consent(
                session, self.tenant_id, account.connection,
                history_days=history_days, granted_at=now,
            )  # fmt: skip
            account.consent_id = consent.id
            account.provider_reference = self._reference
        self.trigger = SyncTrigger.RENEWAL if self.pulls else SyncTrigger.FIRST

    def sync(self) -> SyncReport:
        """Bring the account up to date, and let the judge look at what that did."""
        before = self.rows()
        self.told = None
        report = sync_connection(
            self.sessions,
            FakeDirectory(self._provider),
            self._queue,
            tenant_id=self.tenant_id,
            connection_id=self.connection_id,
            trigger=self.trigger,
            clock=self.clock,
        )
        if self.told is not None:
            self.pulls += 1
            self.trigger = SyncTrigger.SCHEDULE
            self._judge(before, self.told)
        return report

    def _judge(self, before: dict[UUID, _Row], told: Told) -> None:
        rows = self.rows()
        booked = [row for row in told.rows if row.is_listed_as_booked]
        pending = [row for row in told.rows if not row.is_listed_as_booked]
        pulled, _ = read_statement(told.body)
        self.judge.entered(
            Told([*booked, *pending], None, told.is_fair, told.since),
            [(row.content_hash, row.is_booked) for row in pulled],
            _Holders(rows),
            moment=self.moment,
            rewritten=[
                Rewritten(row_id, before[row_id][0], key)
                for row_id, (key, _) in rows.items()
                if row_id in before and before[row_id][0] != key
            ],
            removed=[
                key
                for row_id, (key, row) in rows.items()
                if row.status is TransactionStatus.REMOVED
                and row_id in before
                and before[row_id][1].status is TransactionStatus.BOOKED
            ],
        )

    def rows(self) -> dict[UUID, _Row]:
        """Return the account's rows, each with the payload that it was last written from."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            found = session.execute(
                select(Transaction, GcTransaction.content_hash, GcTransaction.is_booked)
                .join(
                    GcTransaction,
                    (GcTransaction.tenant_id == Transaction.tenant_id)
                    & (GcTransaction.id == Transaction.raw_id),
                )
                .where(Transaction.account_id == self.account_id)
            ).all()
        return {row.id: ((content_hash, is_booked), row) for row, content_hash, is_booked in found}

    def edit(self, which: int) -> None:
        """Let a person write a note on a booked row."""
        booked = sorted(
            row_id
            for row_id, (_, row) in self.rows().items()
            if row.status is TransactionStatus.BOOKED
        )
        if booked:
            with tenant_transaction(self.sessions, self.tenant_id) as session:
                annotate_transaction(
                    session, self.tenant_id, booked[which % len(booked)], note="mine"
                )

    def replay(self, *, apply: bool) -> AccountReplay:
        """Enter the raw archive anew."""
        (replayed,) = replay(
            self.sessions,
            tenant_id=self.tenant_id,
            account_id=self.account_id,
            apply=apply,
            clock=self.clock,
            progress=lambda _done, _total: None,
        )
        return replayed

    def revert(self) -> bool:
        """Take back what the last sync did, and return whether that could be."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            run_id = session.scalars(
                select(SyncRun.id)
                .where(
                    SyncRun.connection_id == self.connection_id,
                    SyncRun.trigger.in_((SyncTrigger.SCHEDULE, SyncTrigger.RENEWAL)),
                )
                .order_by(SyncRun.id.desc())
                .limit(1)
            ).one_or_none()
        if run_id is None:
            return False
        try:
            revert_run(
                self.sessions,
                self._queue,
                tenant_id=self.tenant_id,
                sync_run_id=run_id,
                connection_id=self.connection_id,
                is_trial=False,
                actor_id=None,
                clock=self.clock,
            )
        except RuleError:
            return False
        return True

    def rest_no_more(self) -> None:
        """Let the time pass for which a refused account is left alone."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            session.execute(update(Account).values(retry_at=None, failure_count=0))

    def finish(self) -> None:
        """Let the judge compare the whole ledger with the truth."""
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            spans = list_coverage(session, self.tenant_id, self.account_id)
        self.judge.finish(
            [
                EndRow(
                    row.id,
                    key,
                    row.amount,
                    row.currency,
                    is_booked=row.status is TransactionStatus.BOOKED,
                    is_pending=row.status is TransactionStatus.PENDING,
                    is_kept=row.missing_since is not None and row.note is not None,
                )
                for key, row in self.rows().values()
            ],
            moment=self.moment,
            claims=[
                (
                    span.days.first_day.toordinal(),
                    span.days.last_day.toordinal(),
                    span.learnt_at.toordinal() * HOURS + span.learnt_at.hour,
                )
                for span in spans
            ],
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        if path.endswith(f"{self._reference}/transactions/"):
            return self._tell(request.url.params)
        answers = {
            "token/new/": _TOKENS,
            "token/refresh/": _TOKENS,
            f"accounts/{self._reference}/": {"id": self._reference, "status": "READY"},
            f"accounts/{self._reference}/balances/": {"balances": []},
            f"accounts/{self._reference}/details/": {"account": {}},
        }
        if path in answers:
            return httpx.Response(200, json=answers[path])
        return httpx.Response(404, json={"summary": "Not found.", "status_code": 404})

    def _tell(self, asked: httpx.QueryParams) -> httpx.Response:
        if isinstance(self.fault, Exception):
            raise self.fault
        if self.fault is not None:
            return httpx.Response(self.fault[0], content=self.fault[1])
        if (last := asked.get("date_to")) and date.fromisoformat(last) > self.clock().date():
            return httpx.Response(400, json={"summary": "date_to is in the future"})
        since = date.fromisoformat(asked["date_from"]) if "date_from" in asked else None
        self.told = self.bank.tell(
            self.moment, since, reach=self.reach, pull=self.pulls, is_settled=self.is_settled
        )
        return httpx.Response(200, content=self.told.body)


class _Holders:
    """A moment's rows by their payloads."""

    def __init__(self, rows: dict[UUID, _Row]) -> None:
        self._held: defaultdict[PayloadKey, list[Held]] = defaultdict(list)
        for row_id, (key, row) in rows.items():
            is_live = row.status in _LIVE and row.missing_since is None
            self._held[key].append(Held(row_id, is_live))

    def holders(self, key: PayloadKey) -> Sequence[Held]:
        """Return the rows that were last written from a payload."""
        return self._held.get(key, [])
