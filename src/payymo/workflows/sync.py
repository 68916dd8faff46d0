"""Bring a connection up to date with its bank: read, then ask, then write.

No transaction is open while the bank is asked. Each account is written in a transaction of its
own, so that a crash loses nothing that was written, and what one account is refused leaves the
others alone. Repeating a sync changes nothing.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import AccountRecord, BalanceAnswer, Clock, Quota, Statement
from payymo.domain.consents import READABLE
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    ConnectionEvent,
    Provider,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import (
    AccountForbiddenError,
    ConfigurationError,
    ConsentExpiredError,
    ConsentSuspendedError,
    PayymoError,
    ProviderCredentialsError,
    ProviderError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    RuleError,
)
from payymo.domain.ledger.book import Answer, Changes
from payymo.domain.syncing import (
    DETAILS_EVERY,
    Consequence,
    judge_failure,
    summarise,
)
from payymo.postgres.common.models import Account, Connection
from payymo.postgres.common.operations.accounts import (
    list_connection_accounts,
    record_accounts,
)
from payymo.postgres.common.operations.balances import record_balances
from payymo.postgres.common.operations.connections import (
    EXPIRED_MESSAGE,
    get_connection,
    lock_connection,
    mark_stopped,
)
from payymo.postgres.common.operations.quotas import list_exhausted_scopes, record_quota
from payymo.postgres.common.operations.sync_runs import (
    AccountResult,
    RunCounts,
    finish_sync_run,
    lock_account,
    record_sync_run_account,
    start_sync_run,
)
from payymo.postgres.gocardless.operations.balances import record_raw_balances
from payymo.postgres.gocardless.operations.documents import record_account_documents
from payymo.postgres.gocardless.operations.fetches import record_fetch
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import FAILURES_IN_A_ROW_MAX, BankDataProvider, ProviderDirectory
from payymo.workflows.consents import end_replaced_consents
from payymo.workflows.coverage import note_coverage, plan_window
from payymo.workflows.queue import JobQueue
from payymo.workflows.standardise import Entry, standardise

#: Told after each account: how many are done, of how many.
type Progress = Callable[[int, int], None]

type _Consequences = Mapping[AccessScope, Consequence | None]

#: What stops the whole sync: asking for the other accounts would fail alike.
_CONNECTION_ERRORS: Final = (
    ConsentExpiredError,
    ProviderCredentialsError,
    ProviderPaymentRequiredError,
)
#: What says nothing about the other calls for the same account.
_OF_ONE_SCOPE: Final = (ProviderQuotaError, AccountForbiddenError)

#: A retry that is further off is left to the daily sync.
RETRY_WITHIN: Final = timedelta(days=1)

_UNREADABLE_CODE: Final = "rows_not_understood"
_RESTING_CODE: Final = "resting"
_NEVER_READ: Final = frozenset({AccountStatus.INACTIVE, AccountStatus.SUSPENDED})
_ANEW: Final = frozenset({SyncTrigger.FIRST, SyncTrigger.RENEWAL})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did.

    :ivar accounts: One result for each account that was due, in the order of the accounts.
    :ivar error_code: Why it is not all done, for programs.
    :ivar error_message: The same in a sentence.
    :ivar retry_at: When it is worth trying again (aware), where something is not done.
    """

    sync_run_id: UUID
    connection_id: UUID
    status: RunStatus
    accounts: tuple[AccountResult, ...]
    error_code: str | None
    error_message: str | None
    retry_at: datetime | None

    @property
    def pulled_count(self) -> int:
        """Rows in the bank's answers, whether new or known."""
        return sum(account.counts.pulled for account in self.accounts)

    @property
    def added_count(self) -> int:
        """Rows that are new."""
        return sum(account.counts.added for account in self.accounts)

    @property
    def updated_count(self) -> int:
        """Known rows of which the bank says something new."""
        return sum(account.counts.updated for account in self.accounts)

    @property
    def unchanged_count(self) -> int:
        """Rows that the bank said before."""
        return sum(account.counts.unchanged for account in self.accounts)


def sync_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    trigger: SyncTrigger,
    clock: Clock,
    job_id: UUID | None = None,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring a connection's accounts up to date, and return what that did.

    What the bank refuses is in the report, not raised.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param queue: Takes the matching that new booked rows make necessary.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection to sync.
    :param trigger: Why.
    :param clock: Tells the time (aware).
    :param job_id: Background job that it runs in.
    :param progress: Told how many accounts are done, of how many.
    :raises NotFoundError: If the tenant has no such connection, or it is deleted meanwhile.
    :raises RuleError: If the connection is not active (``connection_not_active``).
    """
    with tenant_transaction(sessions, tenant_id) as session:
        plan = _plan(session, tenant_id, connection_id, trigger, job_id=job_id, now=clock())
    sync = _Sync(sessions, queue, tenant_id, plan, clock)
    try:
        sync.run(providers, progress or _tell_nobody)
    except (ProviderError, ConfigurationError) as error:
        sync.stopped_by = error
    report = sync.finish()
    end_replaced_consents(
        sessions,
        providers,
        tenant_id=tenant_id,
        connection_id=connection_id,
        delivered=sync.delivered,
    )
    return report


def _tell_nobody(done: int, total: int) -> None:
    """Take no notice of the progress."""


@dataclass(frozen=True, slots=True)
class _Task:
    """One account to bring up to date.

    :ivar consent_id: Consent under which it is read.
    :ivar since: First day to ask for; ``None`` is all.
    :ivar exhausted: Scopes of which no call is left, each with the time when there is again.
    :ivar resting_until: The account is left alone until then.
    """

    account_id: UUID
    consent_id: UUID
    reference: str
    since: date | None
    exhausted: Mapping[AccessScope, datetime]
    resting_until: datetime | None
    are_details_due: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a sync is to do.

    :ivar is_expired: The consent has run out by date: nothing is asked.
    """

    sync_run_id: UUID
    connection_id: UUID
    provider: Provider
    institution_reference: str
    tasks: Sequence[_Task]
    is_expired: bool


def _plan(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    trigger: SyncTrigger,
    *,
    job_id: UUID | None,
    now: datetime,
) -> _Plan:
    """Return what is due, with the run noted as begun."""
    connection = get_connection(session, tenant_id, connection_id)
    if connection.status not in READABLE:
        raise RuleError(
            f"The connection is {connection.status}, and only an active one can be synced: "
            "finish or renew it first.",
            code="connection_not_active",
        )
    run = start_sync_run(session, tenant_id, connection_id, trigger=trigger, job_id=job_id, now=now)
    accounts = list_connection_accounts(session, tenant_id, connection_id)
    return _Plan(
        sync_run_id=run.id,
        connection_id=connection_id,
        provider=connection.provider,
        institution_reference=connection.institution.reference,
        tasks=[
            _task(session, tenant_id, account, trigger, now)
            for account in accounts
            if account.is_sync_enabled and _can_be_read(account)
        ],
        is_expired=connection.expires_at is not None and connection.expires_at <= now,
    )


def _can_be_read(account: Account) -> bool:
    return account.status not in _NEVER_READ and account.error_code != "not_in_consent"


def _task(
    session: Session, tenant_id: UUID, account: Account, trigger: SyncTrigger, now: datetime
) -> _Task:
    is_resting = trigger not in _ANEW and account.retry_at is not None and account.retry_at > now
    details_at = account.details_fetched_at
    return _Task(
        account_id=account.id,
        consent_id=account.consent_id,
        reference=account.provider_reference,
        since=plan_window(session, tenant_id, account, is_anew=trigger in _ANEW, now=now),
        exhausted=list_exhausted_scopes(session, tenant_id, account.id, trigger=trigger, now=now),
        resting_until=account.retry_at if is_resting else None,
        are_details_due=details_at is None or now - details_at >= DETAILS_EVERY,
    )


@dataclass(slots=True)
class _Pull:
    """What the bank said of one account.

    :ivar asked_at: When the first call was made (aware).
    :ivar calls: Each call in order, with why it failed; ``None`` where it did not.
    """

    asked_at: datetime
    statement: Statement | None = None
    balances: BalanceAnswer | None = None
    details: AccountRecord | None = None
    calls: list[tuple[AccessScope, ProviderError | None]] = field(default_factory=list)

    def call[Answered](self, scope: AccessScope, ask: Callable[[], Answered]) -> Answered | None:
        """Make one call, and write down whether it failed."""
        try:
            answered = ask()
        except ProviderError as error:
            self.calls.append((scope, error))
            return None
        self.calls.append((scope, None))
        return answered

    def error(self, scope: AccessScope) -> ProviderError | None:
        return next((error for called, error in self.calls if called is scope and error), None)

    @property
    def may_go_on(self) -> bool:
        """Whether other calls about the account may fare better than those made."""
        errors = [error for _, error in self.calls if error is not None]
        return all(isinstance(error, _OF_ONE_SCOPE) for error in errors)

    @property
    def stopped_by(self) -> ProviderError | None:
        """The failure after which nothing more is asked, if there was one."""
        return next(
            (error for _, error in self.calls if isinstance(error, _CONNECTION_ERRORS)), None
        )


@dataclass(slots=True)
class _Sync:
    """A sync under way.

    :ivar delivered: Consents under which transactions were read and written.
    """

    sessions: sessionmaker[Session]
    queue: JobQueue
    tenant_id: UUID
    plan: _Plan
    clock: Clock
    results: list[AccountResult] = field(default_factory=list)
    delivered: set[UUID] = field(default_factory=set)
    stopped_by: PayymoError | None = None

    def run(self, providers: ProviderDirectory, progress: Progress) -> None:
        """Ask for and write one account after the other.

        :raises ProviderError: If what one account met would meet the others too.
        :raises ConfigurationError: If there are no credentials to ask with.
        """
        if self.plan.is_expired:
            raise ConsentExpiredError(EXPIRED_MESSAGE)
        provider = providers.provider_for(self.tenant_id, self.plan.provider)
        total = len(self.plan.tasks)
        progress(0, total)
        for done, task in enumerate(self.plan.tasks, 1):
            pull = _ask(provider, task, asked_at=self.clock())
            self.results.append(self._store(provider, task, pull))
            if pull.statement is not None:
                self.delivered.add(task.consent_id)
            if pull.stopped_by is not None:
                raise pull.stopped_by
            progress(done, total)

    def _store(self, provider: BankDataProvider, task: _Task, pull: _Pull) -> AccountResult:
        """Write what the bank said of one account, all or nothing."""
        now = self.clock()
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            account = lock_account(session, self.tenant_id, task.account_id)
            if pull.details is not None and account.provider_reference == task.reference:
                self._store_details(session, account, pull.details, now)
            changes = Changes()
            if pull.statement is not None:
                changes = self._store_statement(
                    session,
                    provider,
                    account,
                    task,
                    pull.statement,
                    is_overtaken=_is_overtaken(account, pull),
                    now=now,
                )
            if pull.balances is not None:
                self._store_balances(session, account, pull.balances, now)
            consequences = {
                scope: _note_call(session, account, scope, error, now=now)
                for scope, error in pull.calls
            }
            if pull.statement is not None:
                _note_synced(account, now)
            result = _result(task, pull, changes, consequences, now=now)
            record_sync_run_account(session, self.tenant_id, self.plan.sync_run_id, result)
            if changes.is_booked_changed:
                self.queue.queue_match(session, self.tenant_id, requested_by=None)
        return result

    def _store_details(
        self, session: Session, account: Account, record: AccountRecord, now: datetime
    ) -> None:
        failure_count = account.failure_count
        record_account_documents(session, self.tenant_id, [record], now=now)
        record_accounts(
            session,
            self.tenant_id,
            account.connection_id,
            account.consent_id,
            [record],
            details_fetched_at={record.reference: now},
        )
        account.failure_count = failure_count  # the calls themselves say how many failed
        if record.quota is not None:
            record_quota(session, self.tenant_id, account.id, record.quota)

    def _store_statement(
        self,
        session: Session,
        provider: BankDataProvider,
        account: Account,
        task: _Task,
        statement: Statement,
        *,
        is_overtaken: bool,
        now: datetime,
    ) -> Changes:
        fetch_id = record_fetch(
            session,
            self.tenant_id,
            task.account_id,
            self.plan.sync_run_id,
            scope=AccessScope.TRANSACTIONS,
            since=task.since,
            row_count=len(statement.rows),
            last_updated=statement.last_updated,
            now=now,
            is_overtaken=is_overtaken,
        )
        if statement.quota is not None:
            record_quota(session, self.tenant_id, task.account_id, statement.quota)
        answer = Answer(statement.rows, task.since, now, is_overtaken=is_overtaken)
        entry = Entry(task.account_id, fetch_id, self.plan.sync_run_id)
        translate = partial(
            provider.translate,
            institution_reference=self.plan.institution_reference,
            account_currency=account.currency,
        )
        changes = standardise(session, self.tenant_id, entry, answer, translate=translate)
        if not is_overtaken:
            note_coverage(
                session,
                account,
                statement,
                changes,
                consent_id=task.consent_id,
                sync_run_id=self.plan.sync_run_id,
                since=task.since,
                now=now,
            )
        return changes

    def _store_balances(
        self, session: Session, account: Account, answer: BalanceAnswer, now: datetime
    ) -> None:
        fetch_id = record_fetch(
            session,
            self.tenant_id,
            account.id,
            self.plan.sync_run_id,
            scope=AccessScope.BALANCES,
            since=None,
            row_count=len(answer.balances),
            last_updated=None,
            now=now,
        )
        record_raw_balances(session, self.tenant_id, account.id, fetch_id, answer.balances)
        record_balances(session, self.tenant_id, account.id, answer.balances, now=now)
        if answer.quota is not None:
            record_quota(session, self.tenant_id, account.id, answer.quota)

    def finish(self) -> SyncReport:
        """Note how the sync ended, and return what it did."""
        now = self.clock()
        report = self._report(now)
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            connection = lock_connection(session, self.tenant_id, self.plan.connection_id)
            _note_report(session, connection, report, now)
            finish_sync_run(
                session,
                self.tenant_id,
                self.plan.sync_run_id,
                status=report.status,
                error_code=report.error_code,
                error_message=report.error_message,
                now=now,
            )
        _log.info(
            "sync_finished",
            extra={
                "sync_run_id": str(report.sync_run_id),
                "connection_id": str(report.connection_id),
                "status": report.status,
                "error_code": report.error_code,
                "accounts": len(report.accounts),
                "pulled": report.pulled_count,
                "added": report.added_count,
                "updated": report.updated_count,
            },
        )
        return report

    def _report(self, now: datetime) -> SyncReport:
        status = summarise([result.status for result in self.results])
        if self.stopped_by is not None:
            is_in_part = any(result.status is not RunStatus.FAILED for result in self.results)
            status = RunStatus.PARTIAL if is_in_part else RunStatus.FAILED
            error_code: str | None = _code_of(self.stopped_by)
            error_message: str | None = self.stopped_by.message
        else:
            unfinished = [result for result in self.results if result.error_code]
            unfinished.sort(key=lambda result: result.status is not RunStatus.FAILED)
            error_code = unfinished[0].error_code if unfinished else None
            error_message = unfinished[0].error_message if unfinished else None
        retries = [
            result.retry_at
            for result in self.results
            if result.retry_at is not None and result.retry_at - now <= RETRY_WITHIN
        ]
        return SyncReport(
            sync_run_id=self.plan.sync_run_id,
            connection_id=self.plan.connection_id,
            status=status,
            accounts=tuple(self.results),
            error_code=error_code,
            error_message=error_message,
            retry_at=min(retries, default=None),
        )


def _ask(provider: BankDataProvider, task: _Task, *, asked_at: datetime) -> _Pull:
    """Ask the bank for all that is due of one account, until it is better not to ask on."""
    pull = _Pull(asked_at)
    if task.resting_until is not None:
        return pull
    if AccessScope.TRANSACTIONS not in task.exhausted:
        pull.statement = pull.call(
            AccessScope.TRANSACTIONS,
            partial(provider.read_transactions, task.reference, since=task.since),
        )
    if AccessScope.BALANCES not in task.exhausted and pull.may_go_on:
        pull.balances = pull.call(
            AccessScope.BALANCES, partial(provider.read_balances, task.reference)
        )
    if task.are_details_due and AccessScope.DETAILS not in task.exhausted and pull.may_go_on:
        pull.details = pull.call(
            AccessScope.DETAILS,
            partial(provider.read_account, task.reference, with_details=True),
        )
    return pull


def _is_overtaken(account: Account, pull: _Pull) -> bool:
    """Return whether another sync entered a later answer while this one was under way."""
    return account.last_synced_at is not None and account.last_synced_at > pull.asked_at


def _note_call(
    session: Session,
    account: Account,
    scope: AccessScope,
    error: ProviderError | None,
    *,
    now: datetime,
) -> Consequence | None:
    """Write down what a call means for its account, and return it where the call failed."""
    if error is None:
        account.failure_count = 0
        return None
    if isinstance(error, _CONNECTION_ERRORS):
        return None
    consequence = judge_failure(
        error,
        failure_count=account.failure_count,
        failure_count_max=FAILURES_IN_A_ROW_MAX,
        now=now,
    )
    account.failure_count = consequence.failure_count
    if consequence.is_waiting or isinstance(error, AccountForbiddenError):
        quota = Quota(scope, limit=None, remaining=0, resets_at=consequence.retry_at)
        record_quota(session, account.tenant_id, account.id, quota)
    if consequence.is_waiting:
        return consequence
    is_lasting = consequence.account_status in _NEVER_READ
    is_at_limit = consequence.failure_count >= FAILURES_IN_A_ROW_MAX
    if scope is AccessScope.TRANSACTIONS or is_lasting:
        account.status = consequence.account_status or account.status
        account.error_code = _code_of(error)
        account.error_message = error.message
    if scope is AccessScope.TRANSACTIONS or is_lasting or is_at_limit:
        account.retry_at = consequence.retry_at
    return consequence


def _note_synced(account: Account, now: datetime) -> None:
    """Write down that an account answered."""
    if account.status not in _NEVER_READ:
        account.status = AccountStatus.ACTIVE
        account.error_code = account.error_message = None
    account.last_synced_at = now
    if account.failure_count < FAILURES_IN_A_ROW_MAX:
        account.retry_at = None


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why an account is not up to date in all."""

    status: RunStatus
    code: str
    message: str
    retry_at: datetime | None


def _failure(
    task: _Task, pull: _Pull, changes: Changes, consequences: _Consequences, *, now: datetime
) -> _Failure | None:
    """Return why an account is not up to date; ``None`` if it is."""
    if task.resting_until is not None:
        message = "The account is left alone for a while, after the bank refused it repeatedly."
        return _Failure(RunStatus.PARTIAL, _RESTING_CODE, message, task.resting_until)
    error = pull.error(AccessScope.TRANSACTIONS)
    if error is not None:
        is_in_part = pull.balances is not None or isinstance(error, ProviderQuotaError)
        status = RunStatus.PARTIAL if is_in_part else RunStatus.FAILED
        return _failure_of(error, status, consequences[AccessScope.TRANSACTIONS])
    if changes.unreadable:
        message = (
            f"{changes.unreadable} of the bank's rows could not be understood and were left out; "
            "they are asked for again with each sync."
        )
        return _Failure(RunStatus.PARTIAL, _UNREADABLE_CODE, message, None)
    error = pull.error(AccessScope.BALANCES)
    if error is not None:
        return _failure_of(error, RunStatus.PARTIAL, consequences[AccessScope.BALANCES])
    waiting = [
        task.exhausted[scope]
        for scope in (AccessScope.TRANSACTIONS, AccessScope.BALANCES)
        if scope in task.exhausted and task.exhausted[scope] - now <= RETRY_WITHIN
    ]
    if waiting or AccessScope.TRANSACTIONS in task.exhausted:
        message = "The bank allows no more requests for this account for now."
        retry_at = max(waiting, default=task.exhausted.get(AccessScope.TRANSACTIONS))
        return _Failure(RunStatus.PARTIAL, ProviderQuotaError.code, message, retry_at)
    return None


def _failure_of(
    error: ProviderError, status: RunStatus, consequence: Consequence | None
) -> _Failure:
    retry_at = consequence.retry_at if consequence else None
    return _Failure(status, _code_of(error), error.message, retry_at)


def _result(
    task: _Task, pull: _Pull, changes: Changes, consequences: _Consequences, *, now: datetime
) -> AccountResult:
    """Return what the sync did for one account."""
    failure = _failure(task, pull, changes, consequences, now=now)
    return AccountResult(
        account_id=task.account_id,
        status=failure.status if failure else RunStatus.SUCCEEDED,
        counts=RunCounts(
            pulled=changes.pulled,
            added=changes.added,
            updated=changes.updated,
            unchanged=changes.unchanged,
            superseded=changes.closed,
        ),
        since=task.since,
        until=now.date() if pull.statement is not None else None,
        error_code=failure.code if failure else None,
        error_message=failure.message if failure else None,
        retry_at=failure.retry_at if failure else None,
    )


def _note_report(
    session: Session, connection: Connection, report: SyncReport, now: datetime
) -> None:
    """Write down what a sync means for its connection."""
    if any(result.counts.pulled or not result.error_code for result in report.accounts):
        connection.last_synced_at = now
    connection.next_sync_at = report.retry_at
    if connection.status not in READABLE:
        return  # somebody renewed or ended it meanwhile
    codes = {result.error_code for result in report.accounts} | {report.error_code}
    stopped = next((code for code in _STOPS if code in codes), None)
    if stopped is not None:
        message = next((r.error_message for r in report.accounts if r.error_code == stopped), None)
        mark_stopped(
            session,
            connection,
            _STOPS[stopped],
            error_code=stopped,
            error_message=message or report.error_message or "",
            now=now,
        )
        return
    connection.error_code = report.error_code
    connection.error_message = report.error_message
    session.flush()


def _code_of(error: PayymoError) -> str:
    """Return the word that programs know an error by."""
    for error_class, code in _CODES.items():
        if isinstance(error, error_class):
            return code
    return error.code


_CODES: Final[Mapping[type[PayymoError], str]] = {
    ConsentExpiredError: "consent_expired",
    ConsentSuspendedError: "consent_suspended",
}
_STOPS: Final = {
    "consent_expired": ConnectionEvent.RAN_OUT,
    "consent_suspended": ConnectionEvent.SUSPENDED,
}
