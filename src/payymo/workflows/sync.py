"""Bring a connection up to date with its bank: read, then ask, then write.

No transaction is open while the bank is asked. Each account is written in a transaction of its
own, so that a crash loses nothing that was written, and what one account is refused leaves the
others alone. Repeating a sync changes nothing.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import AccountRecord, BalanceAnswer, Clock, Statement
from payymo.domain.consents import READABLE
from payymo.domain.enums import (
    AccessScope,
    ConsentStatus,
    FaultKind,
    Provider,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import ConfigurationError, RuleError
from payymo.domain.faults import Fault, consent_fault, is_stopped, judge
from payymo.domain.ledger.book import Answer, Changes
from payymo.domain.syncing import (
    AccountChoice,
    Remark,
    are_details_due,
    remark_on_choice,
    remark_on_run,
    summarise,
)
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.accounts import (
    NOT_IN_CONSENT,
    list_connection_accounts,
    record_accounts,
)
from payymo.postgres.common.operations.balances import record_balances
from payymo.postgres.common.operations.connections import (
    get_connection,
    lock_connection,
)
from payymo.postgres.common.operations.sync_runs import (
    AccountResult,
    finish_sync_run,
    lock_account,
    record_sync_run_account,
    start_sync_run,
)
from payymo.postgres.gocardless.operations.balances import record_raw_balances
from payymo.postgres.gocardless.operations.documents import record_account_documents
from payymo.postgres.gocardless.operations.fetches import record_fetch
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider, Permit, ProviderDirectory
from payymo.workflows.consents import ask_of_consent, end_replaced_consents
from payymo.workflows.coverage import note_coverage, plan_window
from payymo.workflows.permits import PermitDesk, Told
from payymo.workflows.proof import prove_after_sync
from payymo.workflows.queue import JobQueue
from payymo.workflows.standardise import Entry, standardise
from payymo.workflows.sync_outcomes import (
    NEVER_READ,
    RETRY_WITHIN,
    Pull,
    SyncReport,
    Task,
    note_call,
    note_report,
    note_synced,
    result_of,
)

#: Told after each account: how many are done, of how many.
type Progress = Callable[[int, int], None]

_ANEW: Final = frozenset({SyncTrigger.FIRST, SyncTrigger.RENEWAL})

_log = logging.getLogger(__name__)


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
    desk = PermitDesk(sessions, tenant_id, connection_id, plan.provider, trigger, clock)
    sync = _Sync(sessions, queue, tenant_id, plan, desk, clock)
    sync.run(providers, progress or _tell_nobody)
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
class _Plan:
    """What a sync is to do.

    :ivar remark: Why no account is asked for, where none is.
    :ivar expires_at: When the present consent ends (aware), where known.
    :ivar is_expired: The consent has run out by date: nothing is asked.
    """

    sync_run_id: UUID
    connection_id: UUID
    provider: Provider
    institution_reference: str
    tasks: Sequence[Task]
    remark: Remark | None
    expires_at: datetime | None
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
    due = [account for account in accounts if account.is_sync_enabled and _can_be_read(account)]
    return _Plan(
        sync_run_id=run.id,
        connection_id=connection_id,
        provider=connection.provider,
        institution_reference=connection.institution.reference,
        tasks=[_task(session, tenant_id, account, trigger, now) for account in due],
        remark=None if due else remark_on_choice(_choice_of(accounts)),
        expires_at=connection.expires_at,
        is_expired=connection.expires_at is not None and connection.expires_at <= now,
    )


def _can_be_read(account: Account) -> bool:
    return (
        account.status not in NEVER_READ
        and account.error_code != NOT_IN_CONSENT
        and not is_stopped(account.failure_count)
    )


def _choice_of(accounts: Sequence[Account]) -> AccountChoice:
    wanted = [account for account in accounts if account.is_sync_enabled]
    offered = sum(account.is_offered for account in accounts)
    return AccountChoice(
        offered=offered,
        switched_off=len(accounts) - len(wanted) - offered,
        unreadable=len(wanted),
    )


def _task(
    session: Session, tenant_id: UUID, account: Account, trigger: SyncTrigger, now: datetime
) -> Task:
    is_resting = trigger not in _ANEW and account.retry_at is not None and account.retry_at > now
    return Task(
        account_id=account.id,
        consent_id=account.consent_id,
        reference=account.provider_reference,
        since=plan_window(session, tenant_id, account, is_anew=trigger in _ANEW, now=now),
        resting_until=account.retry_at if is_resting else None,
        are_details_due=are_details_due(account.details_fetched_at, now),
    )


@dataclass(slots=True)
class _Sync:
    """A sync under way.

    :ivar delivered: Consents under which transactions were read and written.
    :ivar consents: How consents stand of which the provider was asked.
    :ivar stopped_by: Why nothing more is asked.
    :ivar ended: How the consent stands that turned out to be over.
    """

    sessions: sessionmaker[Session]
    queue: JobQueue
    tenant_id: UUID
    plan: _Plan
    desk: PermitDesk
    clock: Clock
    results: list[AccountResult] = field(default_factory=list)
    delivered: set[UUID] = field(default_factory=set)
    consents: dict[UUID, ConsentStatus] = field(default_factory=dict)
    stopped_by: Fault | None = None
    ended: ConsentStatus | None = None

    def run(self, providers: ProviderDirectory, progress: Progress) -> None:
        """Ask for and write one account after the other, until it is of no use to go on."""
        if self.plan.is_expired:
            self._end(ConsentStatus.EXPIRED)
            return
        try:
            provider = providers.provider_for(self.tenant_id, self.plan.provider)
        except ConfigurationError as error:
            self.stopped_by = judge(error, now=self.clock())
            return
        total = len(self.plan.tasks)
        progress(0, total)
        for done, task in enumerate(self.plan.tasks, 1):
            pull = _ask(provider, self.desk, task, asked_at=self.clock())
            if pull.doubted_by is not None:
                pull.consent_status = self._ask_of_consent(provider, task.consent_id)
            self.results.append(self._store(provider, task, pull))
            if pull.statement is not None:
                self.delivered.add(task.consent_id)
            self.stopped_by = pull.find_stop(self.clock())
            if self.stopped_by is not None:
                self.ended = pull.consent_status
                return
            progress(done, total)

    def _end(self, status: ConsentStatus) -> None:
        self.ended, self.stopped_by = status, consent_fault(status)

    def _ask_of_consent(self, provider: BankDataProvider, consent_id: UUID) -> ConsentStatus | None:
        """Return how the provider says that a consent stands, asked once in a sync."""
        if consent_id not in self.consents:
            status = ask_of_consent(
                self.sessions, provider, tenant_id=self.tenant_id, consent_id=consent_id
            )
            if status is None:
                return None
            self.consents[consent_id] = status
        return self.consents[consent_id]

    def _store(self, provider: BankDataProvider, task: Task, pull: Pull) -> AccountResult:
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
            faults = {
                scope: note_call(account, pull, scope, error, now=now)
                for scope, error in pull.calls
            }
            if pull.statement is not None:
                note_synced(account, now)
            if pull.statement is not None or pull.balances is not None:
                prove_after_sync(
                    session, account, changes, sync_run_id=self.plan.sync_run_id, now=now
                )
            result = result_of(
                session, account, task, pull, changes=changes, faults=faults, now=now
            )
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

    def _store_statement(
        self,
        session: Session,
        provider: BankDataProvider,
        account: Account,
        task: Task,
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
            request_id=statement.request_id,
            now=now,
            is_overtaken=is_overtaken,
        )
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
        said = record_balances(session, self.tenant_id, account.id, answer.balances, now=now)
        fetch_id = record_fetch(
            session,
            self.tenant_id,
            account.id,
            self.plan.sync_run_id,
            scope=AccessScope.BALANCES,
            since=None,
            row_count=len(answer.balances),
            last_updated=None,
            request_id=answer.request_id,
            now=now,
            balance_ids=said,
        )
        record_raw_balances(session, self.tenant_id, account.id, fetch_id, answer.balances)

    def finish(self) -> SyncReport:
        """Note how the sync ended, and return what it did."""
        now = self.clock()
        report = self._report(now)
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            connection = lock_connection(session, self.tenant_id, self.plan.connection_id)
            is_renewed = connection.expires_at != self.plan.expires_at
            note_report(session, connection, report, is_renewed=is_renewed, now=now)
            if report.calls_at is not None and connection.status in READABLE:
                self.queue.queue_sync(
                    session,
                    self.tenant_id,
                    connection.id,
                    trigger=SyncTrigger.SCHEDULE,
                    requested_by=None,
                    not_before=report.calls_at,
                )
            finish_sync_run(
                session,
                self.tenant_id,
                self.plan.sync_run_id,
                status=report.status,
                fault=report.fault,
                remark=report.remark,
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
        fault = self.stopped_by
        if fault is not None:
            is_in_part = any(result.status is not RunStatus.FAILED for result in self.results)
            status = RunStatus.PARTIAL if is_in_part else RunStatus.FAILED
        else:
            unfinished = [result for result in self.results if result.fault is not None]
            unfinished.sort(key=lambda result: result.status is not RunStatus.FAILED)
            fault = unfinished[0].fault if unfinished else None
        remark = None
        if fault is None:
            remark = self.plan.remark or remark_on_run([result.remark for result in self.results])
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
            fault=fault,
            remark=remark,
            retry_at=min(retries, default=None),
            calls_at=min(
                (
                    result.retry_at
                    for result in self.results
                    if result.retry_at in retries
                    and result.fault is not None
                    and result.fault.kind is FaultKind.QUOTA
                ),
                default=None,
            ),
            ended=self.ended,
        )


def _ask(provider: BankDataProvider, desk: PermitDesk, task: Task, *, asked_at: datetime) -> Pull:
    """Ask the bank for all that is due of one account, until it is better not to ask on."""
    pull = Pull(asked_at)
    if task.resting_until is not None:
        return pull

    def ask[Answer: Told](scope: AccessScope, make: Callable[[Permit], Answer]) -> Answer | None:
        return pull.call(scope, partial(desk.call, task.account_id, task.reference, scope, make))

    pull.statement = ask(
        AccessScope.TRANSACTIONS,
        lambda permit: provider.read_transactions(task.reference, since=task.since, permit=permit),
    )
    if pull.may_go_on:
        pull.balances = ask(
            AccessScope.BALANCES,
            lambda permit: provider.read_balances(task.reference, permit=permit),
        )
    if task.are_details_due and pull.may_go_on:
        pull.details = ask(
            AccessScope.DETAILS,
            lambda permit: provider.read_account(task.reference, with_details=True, permit=permit),
        )
    return pull


def _is_overtaken(account: Account, pull: Pull) -> bool:
    """Return whether another sync entered a later answer while this one was under way."""
    return account.last_synced_at is not None and account.last_synced_at > pull.asked_at
