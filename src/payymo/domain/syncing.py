"""When to ask a bank, and what its refusals mean."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from payymo.domain.enums import AccountStatus, RunStatus
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    ConsentSuspendedError,
    ProviderError,
    ProviderNotFoundError,
    ProviderQuotaError,
)

#: How often the details of an account are read; they rarely change, and each reading is counted.
DETAILS_EVERY: Final = timedelta(days=7)

#: How long to leave alone what the bank does not let us read.
FORBIDDEN_REST: Final = timedelta(days=7)

#: How long to wait after the first failure in a row; each further one waits four times as long.
FAILURE_REST: Final = timedelta(minutes=15)
FAILURE_REST_FACTOR: Final = 4


@dataclass(frozen=True, slots=True)
class Consequence:
    """What follows from a call that failed.

    :ivar account_status: How the account stands now; ``None`` leaves it.
    :ivar failure_count: Failures in a row, this one included where it counts.
    :ivar retry_at: When it is worth trying again (aware); ``None`` when trying does not help.
    :ivar is_waiting: There is nothing wrong: the call only has to be made later.
    """

    account_status: AccountStatus | None
    failure_count: int
    retry_at: datetime | None
    is_waiting: bool = False


def judge_failure(
    error: ProviderError, *, failure_count: int, failure_count_max: int, now: datetime
) -> Consequence:
    """Return what follows for an account from a call that failed.

    Quotas are waited for and not counted. What the bank forbids is left alone for some days. All
    else is counted, tried again ever later, and at the limit left alone until the next day:
    providers suspend accounts after some failures in a row.

    :param error: Why it failed.
    :param failure_count: Failures in a row before it.
    :param failure_count_max: From how many on the account rests until the next day.
    :param now: The time (aware).
    """
    if isinstance(error, ProviderQuotaError):
        retry_at = error.retry_at or _next_day(now)
        return Consequence(None, failure_count, retry_at, is_waiting=True)
    count = failure_count + 1
    if isinstance(error, AccountInactiveError):
        return Consequence(AccountStatus.INACTIVE, count, None)
    if isinstance(error, ConsentSuspendedError):
        return Consequence(AccountStatus.SUSPENDED, count, None)
    if isinstance(error, AccountForbiddenError | ProviderNotFoundError):
        return Consequence(AccountStatus.UNAVAILABLE, count, now + FORBIDDEN_REST)
    if count >= failure_count_max:
        return Consequence(AccountStatus.ERROR, count, _next_day(now))
    rest = FAILURE_REST * FAILURE_REST_FACTOR ** (count - 1)
    return Consequence(AccountStatus.ERROR, count, error.retry_at or now + rest)


def summarise(statuses: Collection[RunStatus]) -> RunStatus:
    """Return how a run went whose accounts went so.

    :param statuses: One for each account; none at all is a success.
    """
    if all(status is RunStatus.SUCCEEDED for status in statuses):
        return RunStatus.SUCCEEDED
    if all(status is RunStatus.FAILED for status in statuses):
        return RunStatus.FAILED
    return RunStatus.PARTIAL


def _next_day(now: datetime) -> datetime:
    day = now.astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(day, time.min, UTC)
