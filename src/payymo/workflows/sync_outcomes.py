"""What the bank's answers and refusals mean for an account, its run and its connection.

Every failure is judged by :mod:`payymo.domain.faults`, and by nothing here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.banking import AccountRecord, BalanceAnswer, Statement
from payymo.domain.consents import (
    ACCESS_DAYS_USUAL,
    HISTORY_DAYS_USUAL,
    READABLE,
    REFUSED_IN_USE,
    AccessFacts,
    is_refused_in_use,
)
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    ConnectionEvent,
    ConsentStatus,
    FaultKind,
    FaultReach,
    RunStatus,
)
from payymo.domain.errors import AccountForbiddenError, ProviderError, ProviderQuotaError
from payymo.domain.faults import (
    FAILURES_TO_A_DAY,
    Fault,
    consent_fault,
    judge,
    kind_of,
    next_day,
    reach_of,
)
from payymo.domain.ledger.book import Changes
from payymo.domain.syncing import AnswerNews, Remark, remark_on_answer
from payymo.postgres.common.models import Account, Connection
from payymo.postgres.common.operations.accounts import NOT_IN_CONSENT, list_connection_accounts
from payymo.postgres.common.operations.connections import mark_stopped
from payymo.postgres.common.operations.consents import get_consent, record_refusal
from payymo.postgres.common.operations.coverage import find_last_row_day, has_booked_rows
from payymo.postgres.common.operations.faults import note_fault
from payymo.postgres.common.operations.sync_runs import AccountResult, RunCounts
from payymo.workflows.coverage import read_moment
from payymo.workflows.permits import NoCallLeftError

#: A retry that is further off is left to the daily sync.
RETRY_WITHIN: Final = timedelta(days=1)

#: A consent of which the provider says so has not ended.
_STANDING: Final = frozenset({ConsentStatus.GRANTED, ConsentStatus.PENDING})

NEVER_READ: Final = frozenset({AccountStatus.INACTIVE, AccountStatus.SUSPENDED})

_UNREADABLE_CODE: Final = "rows_not_understood"
_RESTING_CODE: Final = "resting"

#: Why each call failed, by its scope; ``None`` where it did not.
type Faults = Mapping[AccessScope, Fault | None]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did.

    :ivar accounts: One result for each account that was due, in the order of the accounts.
    :ivar fault: Why it is not all done.
    :ivar remark: Why it brought nothing, where nothing failed.
    :ivar retry_at: When it is worth trying again (aware), where something is not done.
    :ivar calls_at: When the provider allows again what it did not (aware).
    :ivar ended: How the consent stands that turned out to be over, if it did.
    """

    sync_run_id: UUID
    connection_id: UUID
    status: RunStatus
    accounts: tuple[AccountResult, ...]
    fault: Fault | None
    remark: Remark | None
    retry_at: datetime | None
    calls_at: datetime | None = None
    ended: ConsentStatus | None = None

    @property
    def error_code(self) -> str | None:
        """Why it is not all done, for programs."""
        return self.fault.code if self.fault else None

    @property
    def error_message(self) -> str | None:
        """The same in a sentence."""
        return self.fault.message if self.fault else None

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


@dataclass(frozen=True, slots=True)
class Task:
    """One account to bring up to date.

    :ivar consent_id: Consent under which it is read.
    :ivar since: First day to ask for; ``None`` is all.
    :ivar resting_until: The account is left alone until then.
    """

    account_id: UUID
    consent_id: UUID
    reference: str
    since: date | None
    resting_until: datetime | None
    are_details_due: bool


@dataclass(slots=True)
class Pull:
    """What the bank said of one account.

    :ivar asked_at: When the first call was made (aware).
    :ivar calls: Each call in order, with why it failed; ``None`` where it did not.
    :ivar consent_status: How the provider says that the consent stands, where a refusal made us
        ask; ``None`` where none did, or the provider could not say.
    :ivar waits: Scopes of which no call was left, each with the time when there is one again.
    """

    asked_at: datetime
    statement: Statement | None = None
    balances: BalanceAnswer | None = None
    details: AccountRecord | None = None
    calls: list[tuple[AccessScope, ProviderError | None]] = field(default_factory=list)
    consent_status: ConsentStatus | None = None
    waits: dict[AccessScope, datetime] = field(default_factory=dict)

    def call[Answered](self, scope: AccessScope, ask: Callable[[], Answered]) -> Answered | None:
        """Make one call, and write down whether it failed."""
        try:
            answered = ask()
        except NoCallLeftError as error:
            self.waits[scope] = error.call_at
            return None
        except ProviderError as error:
            self.calls.append((scope, error))
            return None
        self.calls.append((scope, None))
        return answered

    def error(self, scope: AccessScope) -> ProviderError | None:
        """Return why the call of a scope failed; ``None`` where it did not or was not made."""
        return next((error for called, error in self.calls if called is scope and error), None)

    @property
    def errors(self) -> list[ProviderError]:
        """Why calls failed, in their order."""
        return [error for _, error in self.calls if error is not None]

    @property
    def may_go_on(self) -> bool:
        """Whether other calls about the account may fare better than those made."""
        return all(reach_of(error) is FaultReach.CALL for error in self.errors)

    @property
    def doubted_by(self) -> ProviderError | None:
        """The refusal that makes it doubtful whether the consent stands, if there is one."""
        return next((error for error in self.errors if kind_of(error) is FaultKind.CONSENT), None)

    def judge(self, error: ProviderError, *, failure_count: int, now: datetime) -> Fault:
        """Return what a refusal means, by what the provider says of the consent.

        :param error: Why a call failed.
        :param failure_count: The account's failures in a row before it.
        :param now: The time (aware).
        """
        fault = judge(error, failure_count=failure_count, now=now)
        if fault.kind is not FaultKind.CONSENT:
            return fault
        if self.consent_status is None:
            soon = fault.rest_until and next_day(now)
            return replace(fault, retry_at=soon, rest_until=soon)
        if self.consent_status in _STANDING:
            return fault
        return consent_fault(self.consent_status, cause=error)

    def find_stop(self, now: datetime) -> Fault | None:
        """Return the failure after which nothing more is asked of the bank, if there was one.

        :param now: The time (aware).
        """
        faults = (self.judge(error, failure_count=0, now=now) for error in self.errors)
        return next((fault for fault in faults if fault.reach is FaultReach.CONNECTION), None)


def note_call(
    account: Account,
    pull: Pull,
    scope: AccessScope,
    error: ProviderError | None,
    *,
    now: datetime,
) -> Fault | None:
    """Write down what a call means for its account, and return what was wrong with it.

    :param account: Account, locked.
    :param pull: What else was learnt.
    :param scope: Scope of the call.
    :param error: Why it failed; ``None`` where it did not.
    :param now: The time (aware).
    """
    if error is None:
        account.failure_count = 0
        return None
    fault = pull.judge(error, failure_count=account.failure_count, now=now)
    if fault.reach is FaultReach.CONNECTION:
        return fault
    account.failure_count = fault.failure_count
    if fault.account_status is None:
        return fault
    is_lasting = fault.account_status in NEVER_READ
    is_main = scope is AccessScope.TRANSACTIONS or is_lasting
    if is_main:
        account.status = fault.account_status
        note_fault(account, fault)
    if fault.reach is FaultReach.ACCOUNT and (is_main or fault.failure_count >= FAILURES_TO_A_DAY):
        account.retry_at = fault.rest_until
    return fault


def note_synced(account: Account, now: datetime) -> None:
    """Write down that an account answered.

    :param account: Account, locked.
    :param now: The time (aware).
    """
    if account.status not in NEVER_READ:
        account.status = AccountStatus.ACTIVE
        note_fault(account, None)
    account.last_synced_at = now
    if account.failure_count < FAILURES_TO_A_DAY:
        account.retry_at = None


def result_of(
    session: Session,
    account: Account,
    task: Task,
    pull: Pull,
    *,
    changes: Changes,
    faults: Faults,
    now: datetime,
) -> AccountResult:
    """Return what a sync did for one account, and why not more.

    :param session: Open session; the caller manages the transaction.
    :param account: Account, locked, after all was entered.
    :param task: What was to be asked.
    :param pull: What was answered.
    :param changes: What entering it changed.
    :param faults: What was wrong with each call.
    :param now: The time (aware).
    """
    fault = _shortfall(account, task, pull, changes, faults, now=now)
    is_untouched = pull.statement is None and pull.balances is None
    remark = None
    if fault is None and pull.statement is not None:
        remark = remark_on_answer(_news(session, account, task, pull.statement, changes, now=now))
    return AccountResult(
        account_id=task.account_id,
        status=_status_of(fault, is_untouched=is_untouched),
        counts=RunCounts(
            pulled=changes.pulled,
            added=changes.added,
            updated=changes.updated,
            unchanged=changes.unchanged,
            superseded=changes.closed,
        ),
        since=task.since,
        until=now.date() if pull.statement is not None else None,
        fault=fault,
        remark=remark,
    )


def _status_of(fault: Fault | None, *, is_untouched: bool) -> RunStatus:
    if fault is None:
        return RunStatus.SUCCEEDED
    is_waiting = fault.kind is FaultKind.QUOTA or fault.code == _RESTING_CODE
    return RunStatus.FAILED if is_untouched and not is_waiting else RunStatus.PARTIAL


def _shortfall(
    account: Account, task: Task, pull: Pull, changes: Changes, faults: Faults, *, now: datetime
) -> Fault | None:
    """Return why an account is not up to date in all; ``None`` if it is."""
    if task.resting_until is not None:
        return _rest(account, task.resting_until)
    return (
        faults.get(AccessScope.TRANSACTIONS)
        or _unread_rows(changes)
        or faults.get(AccessScope.BALANCES)
        or _wait(account, pull.waits, now)
    )


def _rest(account: Account, until: datetime) -> Fault:
    why = f" Last time: {account.error_message}" if account.error_message else ""
    return Fault(
        kind=account.error_kind or FaultKind.BANK,
        reach=FaultReach.ACCOUNT,
        code=_RESTING_CODE,
        message=f"The account is left alone until {_moment(until)}, after it was refused.{why}",
        failure_count=account.failure_count,
        retry_at=until,
        rest_until=until,
        provider_code=account.error_provider_code,
        http_status=account.error_http_status,
        request_id=account.error_request_id,
    )


def _unread_rows(changes: Changes) -> Fault | None:
    if not changes.unreadable:
        return None
    return Fault(
        kind=FaultKind.OURS,
        reach=FaultReach.CALL,
        code=_UNREADABLE_CODE,
        message=f"{changes.unreadable} of the bank's rows could not be understood and were left "
        "out; they are kept, and asked for again with each sync.",
    )


def _wait(account: Account, waits: Mapping[AccessScope, datetime], now: datetime) -> Fault | None:
    """Return which call could not be made, where it is one that matters soon."""
    if AccessScope.TRANSACTIONS in waits and account.error_kind is FaultKind.ACCOUNT:
        return Fault(
            kind=FaultKind.ACCOUNT,
            reach=FaultReach.CALL,
            code=account.error_code or AccountForbiddenError.code,
            message=account.error_message or "The bank does not let the account be read.",
            provider_code=account.error_provider_code,
            http_status=account.error_http_status,
            request_id=account.error_request_id,
        )
    waiting = [
        waits[scope]
        for scope in (AccessScope.TRANSACTIONS, AccessScope.BALANCES)
        if scope in waits and waits[scope] - now <= RETRY_WITHIN
    ]
    if not waiting and AccessScope.TRANSACTIONS not in waits:
        return None
    retry_at = max(waiting, default=waits.get(AccessScope.TRANSACTIONS))
    until = f" until {_moment(retry_at)}" if retry_at else ""
    return Fault(
        kind=FaultKind.QUOTA,
        reach=FaultReach.CALL,
        code=ProviderQuotaError.code,
        message=f"The bank allows no more requests for this account{until}.",
        retry_at=retry_at,
        rest_until=retry_at,
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _news(
    session: Session,
    account: Account,
    task: Task,
    statement: Statement,
    changes: Changes,
    *,
    now: datetime,
) -> AnswerNews:
    tenant_id, tomorrow = account.tenant_id, now.date() + timedelta(days=1)
    bank_asked_at = read_moment(statement.last_updated)
    return AnswerNews(
        pulled=changes.pulled,
        is_news=bool(
            changes.added + changes.updated + changes.closed + changes.missing + changes.removed
        ),
        asked_from=task.since,
        answered_on=now.date(),
        bank_asked_on=bank_asked_at.date() if bank_asked_at else None,
        newest_known=find_last_row_day(session, tenant_id, account.id, before=tomorrow),
        has_known_rows=has_booked_rows(session, tenant_id, account.id, since=task.since),
    )


def note_report(
    session: Session,
    connection: Connection,
    report: SyncReport,
    *,
    is_renewed: bool,
    now: datetime,
) -> None:
    """Write down what a sync means for its connection.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    :param report: What the sync did.
    :param is_renewed: Whether another consent opened it meanwhile: what the sync learnt of the
        one before says nothing of it.
    :param now: The time (aware).
    """
    if any(result.counts.pulled or not result.fault for result in report.accounts):
        connection.last_synced_at = now
    connection.next_sync_at = report.retry_at
    if is_renewed or connection.status not in READABLE:
        return
    fault = report.fault
    if fault is not None and (fault.kind, fault.reach) == (
        FaultKind.CONSENT,
        FaultReach.CONNECTION,
    ):
        is_suspended = report.ended is ConsentStatus.SUSPENDED
        event = ConnectionEvent.SUSPENDED if is_suspended else ConnectionEvent.RAN_OUT
        mark_stopped(session, connection, event, fault, now=now)
        return
    note_fault(connection, fault and (_find_refused_consent(session, connection) or fault))
    session.flush()


def _find_refused_consent(session: Session, connection: Connection) -> Fault | None:
    """Return what to do about a consent that the bank gave and refuses to honour, if it does.

    The consent remembers it, so that the next one is asked for with the usual days.
    """
    tenant_id = connection.tenant_id
    read = [
        account
        for account in list_connection_accounts(session, tenant_id, connection.id)
        if account.is_sync_enabled
        and account.error_code != NOT_IN_CONSENT
        and account.status is not AccountStatus.INACTIVE
    ]
    consent_ids = {account.consent_id for account in read}
    if len(consent_ids) != 1:
        return None
    consent = get_consent(session, tenant_id, consent_ids.pop())
    given_at = consent.granted_at or consent.created_at
    facts = [
        AccessFacts(
            has_delivered=account.last_synced_at is not None and account.last_synced_at >= given_at,
            fault_kind=account.error_kind,
            is_own_word=account.error_provider_code is not None
            and account.error_http_status != HTTPStatus.SERVICE_UNAVAILABLE,
            failure_count=account.failure_count,
        )
        for account in read
    ]
    if not is_refused_in_use(consent.history_days, consent.access_days, facts):
        return None
    message = (
        f"The bank granted {consent.history_days} days of history and {consent.access_days} of "
        "access, and has refused whatever was asked since: renew the connection. Payymo then asks "
        f"for {HISTORY_DAYS_USUAL} and {ACCESS_DAYS_USUAL}, which every bank honours."
    )
    record_refusal(session, consent, error_code=REFUSED_IN_USE, error_message=message)
    last = read[0]
    return Fault(
        kind=FaultKind.CONSENT,
        reach=FaultReach.ACCOUNT,
        code=REFUSED_IN_USE,
        message=message,
        provider_code=last.error_provider_code,
        http_status=last.error_http_status,
        request_id=last.error_request_id,
    )
