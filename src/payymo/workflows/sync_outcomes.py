"""What the bank's answers and refusals mean for an account, its run and its connection."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.banking import AccountRecord, BalanceAnswer, Quota, Statement
from payymo.domain.consents import READABLE
from payymo.domain.enums import AccessScope, AccountStatus, ConnectionEvent, RunStatus
from payymo.domain.errors import (
    AccountForbiddenError,
    ConsentExpiredError,
    ConsentSuspendedError,
    PayymoError,
    ProviderCredentialsError,
    ProviderError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
)
from payymo.domain.ledger.book import Changes
from payymo.domain.syncing import Consequence, judge_failure
from payymo.postgres.common.models import Account, Connection
from payymo.postgres.common.operations.connections import mark_stopped
from payymo.postgres.common.operations.quotas import record_quota
from payymo.postgres.common.operations.sync_runs import AccountResult, RunCounts
from payymo.providers.base import FAILURES_IN_A_ROW_MAX

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
NEVER_READ: Final = frozenset({AccountStatus.INACTIVE, AccountStatus.SUSPENDED})


type Consequences = Mapping[AccessScope, Consequence | None]


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


@dataclass(frozen=True, slots=True)
class Task:
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


@dataclass(slots=True)
class Pull:
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
        """Return why the call of a scope failed; ``None`` where it did not or was not made."""
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


def note_call(
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
    is_lasting = consequence.account_status in NEVER_READ
    is_at_limit = consequence.failure_count >= FAILURES_IN_A_ROW_MAX
    if scope is AccessScope.TRANSACTIONS or is_lasting:
        account.status = consequence.account_status or account.status
        account.error_code = code_of(error)
        account.error_message = error.message
    if scope is AccessScope.TRANSACTIONS or is_lasting or is_at_limit:
        account.retry_at = consequence.retry_at
    return consequence


def note_synced(account: Account, now: datetime) -> None:
    """Write down that an account answered."""
    if account.status not in NEVER_READ:
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
    task: Task, pull: Pull, changes: Changes, consequences: Consequences, *, now: datetime
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
    return _Failure(status, code_of(error), error.message, retry_at)


def result_of(
    task: Task, pull: Pull, changes: Changes, consequences: Consequences, *, now: datetime
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


def note_report(
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


def code_of(error: PayymoError) -> str:
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
