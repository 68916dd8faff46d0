"""What a failure means: whose matter it is, what it stops, and when to try again.

The one place that decides. Everything that a bank, a provider or this installation can refuse
arrives as one of the families of :mod:`payymo.domain.errors`, and leaves as a verdict.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import Enum, auto
from typing import Final

from payymo.domain.enums import AccountStatus, ConsentStatus, FaultKind, FaultReach
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConfigurationError,
    ConsentExpiredError,
    ConsentSuspendedError,
    PayymoError,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
)

type Refusal = ProviderError | ConfigurationError

#: How long to leave alone what the bank does not let us read.
FORBIDDEN_REST: Final = timedelta(days=7)

#: How long to wait after the first failure in a row; each further one waits four times as long.
FAILURE_REST: Final = timedelta(minutes=15)
FAILURE_REST_FACTOR: Final = 4

#: From this failure in a row on an account is tried once a day, from the next one once a week.
FAILURES_TO_A_DAY: Final = 3
FAILURES_TO_A_WEEK: Final = 6

#: After so many failures in a row an account is asked of no more until there is a new consent.
#: Providers suspend accounts after more than ten; one is spared for a call that was cut short
#: before it was counted.
FAILURES_MAX: Final = 9

STOPPED_CODE: Final = "too_many_failures"

_INTERRUPTED_CODE: Final = "interrupted"


class _Retry(Enum):
    """When a call is worth making again."""

    #: Not by itself before the next daily sync.
    NEVER = auto()
    #: When the provider says so, else the next day.
    TOLD = auto()
    #: Ever later.
    BACK_OFF = auto()
    #: When :data:`FORBIDDEN_REST` is over.
    LATER = auto()


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a family of errors means.

    :ivar code: For programs.
    :ivar account_status: How the account stands after it; ``None`` leaves it.
    :ivar is_counted: Whether the provider may count it towards suspending the account.
    :ivar advice: What happens next, or what a person can do, in a sentence.
    """

    kind: FaultKind
    reach: FaultReach
    code: str
    account_status: AccountStatus | None
    retry: _Retry
    is_counted: bool
    advice: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure that was judged.

    :ivar kind: Whose matter it is.
    :ivar reach: What it stops.
    :ivar code: For programs.
    :ivar message: What happened and what to do, in plain words.
    :ivar account_status: How the account stands after it; ``None`` leaves it.
    :ivar failure_count: Failures in a row, this one included where it counts.
    :ivar retry_at: When trying again is worth it (aware); ``None`` where nothing but another
        day, or a person, can make it so.
    :ivar rest_until: The account is left alone until then, whoever asks.
    :ivar provider_code: The provider's own word for it, where given.
    :ivar http_status: The provider's HTTP status, where there was an answer.
    :ivar request_id: By what name the provider can find the request again, where given.
    """

    kind: FaultKind
    reach: FaultReach
    code: str
    message: str
    account_status: AccountStatus | None = None
    failure_count: int = 0
    retry_at: datetime | None = None
    rest_until: datetime | None = None
    provider_code: str | None = None
    http_status: int | None = None
    request_id: str | None = None


_OPERATOR: Final = (
    "Whoever runs this installation has to see to it; until then nothing can be read, and each "
    "daily sync tries once."
)
_REPORT: Final = (
    "It is not repeated before the next daily sync: please report it with what "
    "`payymo connections diagnose` prints."
)
_AGAIN: Final = "Payymo tries again by itself."

_OURS: Final = _Rule(
    FaultKind.OURS,
    FaultReach.CONNECTION,
    ConfigurationError.code,
    None,
    _Retry.NEVER,
    is_counted=False,
    advice=_OPERATOR,
)

#: Looked up by the error's class and its bases, the nearest first.
_RULES: Final[Mapping[type[Exception], _Rule]] = {
    ConfigurationError: _OURS,
    ProviderCredentialsError: _Rule(
        FaultKind.OURS,
        FaultReach.CONNECTION,
        "provider_credentials_refused",
        None,
        _Retry.NEVER,
        is_counted=False,
        advice=_OPERATOR,
    ),
    ProviderPaymentRequiredError: _Rule(
        FaultKind.OURS,
        FaultReach.CONNECTION,
        "provider_payment_required",
        None,
        _Retry.NEVER,
        is_counted=False,
        advice=_OPERATOR,
    ),
    ProviderRequestError: _Rule(
        FaultKind.OURS,
        FaultReach.ACCOUNT,
        "provider_request_refused",
        AccountStatus.ERROR,
        _Retry.NEVER,
        is_counted=False,
        advice=_REPORT,
    ),
    # One account's word is not the consent's end: see `consent_fault`.
    ConsentExpiredError: _Rule(
        FaultKind.CONSENT,
        FaultReach.ACCOUNT,
        "access_expired",
        AccountStatus.UNAVAILABLE,
        _Retry.LATER,
        is_counted=True,
        advice="The rest of the connection goes on: renew it to read this account again, or switch "
        "the account off. It is asked for again in a week.",
    ),
    ConsentSuspendedError: _Rule(
        FaultKind.CONSENT,
        FaultReach.ACCOUNT,
        "account_suspended",
        AccountStatus.SUSPENDED,
        _Retry.NEVER,
        is_counted=True,
        advice="Only a new consent helps: renew the connection; nothing is asked of this account "
        "until then.",
    ),
    ProviderQuotaError: _Rule(
        FaultKind.QUOTA,
        FaultReach.CALL,
        ProviderQuotaError.code,
        None,
        _Retry.TOLD,
        is_counted=False,
        advice="Payymo asks again by itself when it may.",
    ),
    AccountForbiddenError: _Rule(
        FaultKind.ACCOUNT,
        FaultReach.CALL,
        "account_forbidden",
        AccountStatus.UNAVAILABLE,
        _Retry.LATER,
        is_counted=True,
        advice="It is asked for again in a week; the rest goes on.",
    ),
    AccountInactiveError: _Rule(
        FaultKind.ACCOUNT,
        FaultReach.ACCOUNT,
        "account_inactive",
        AccountStatus.INACTIVE,
        _Retry.NEVER,
        is_counted=True,
        advice="Its history stays, and nothing more is asked of it; if it is open after all, "
        "renew the connection.",
    ),
    AccountNotReadyError: _Rule(
        FaultKind.ACCOUNT,
        FaultReach.ACCOUNT,
        "account_not_ready",
        AccountStatus.ERROR,
        _Retry.BACK_OFF,
        is_counted=True,
        advice=_AGAIN,
    ),
    ProviderNotFoundError: _Rule(
        FaultKind.ACCOUNT,
        FaultReach.ACCOUNT,
        "account_not_found",
        AccountStatus.UNAVAILABLE,
        _Retry.LATER,
        is_counted=True,
        advice="If the account is still open, renew the connection; it is asked for again in a "
        "week.",
    ),
    ProviderUnavailableError: _Rule(
        FaultKind.BANK,
        FaultReach.ACCOUNT,
        ProviderUnavailableError.code,
        AccountStatus.ERROR,
        _Retry.BACK_OFF,
        is_counted=True,
        advice=_AGAIN,
    ),
    ProviderResponseError: _Rule(
        FaultKind.BANK,
        FaultReach.ACCOUNT,
        "provider_answer_not_understood",
        AccountStatus.ERROR,
        _Retry.BACK_OFF,
        is_counted=True,
        advice=_AGAIN,
    ),
    ProviderError: _Rule(
        FaultKind.BANK,
        FaultReach.ACCOUNT,
        ProviderError.code,
        AccountStatus.ERROR,
        _Retry.BACK_OFF,
        is_counted=True,
        advice=_AGAIN,
    ),
}


def judge(error: Refusal, *, failure_count: int = 0, now: datetime) -> Fault:
    """Return what a failure means, and what follows for the account that it was met with.

    :param error: What was raised.
    :param failure_count: The account's failures in a row before it.
    :param now: The time (aware).
    """
    rule = _rule_of(error)
    count = failure_count + rule.is_counted
    advice, retry_at = rule.advice, _retry_at(rule, error, count, now)
    code, status = rule.code, rule.account_status
    if rule.is_counted and count >= FAILURES_MAX and retry_at is not None:
        code, status, retry_at = STOPPED_CODE, AccountStatus.ERROR, None
        advice = (
            f"That was failure {count} in a row, and providers suspend accounts that fail on: "
            "nothing is asked of it until the connection is renewed."
        )
    told = error if isinstance(error, ProviderError) else None
    return Fault(
        kind=rule.kind,
        reach=rule.reach,
        code=code,
        message=f"{error.message} {advice}",
        account_status=status,
        failure_count=count,
        retry_at=retry_at,
        rest_until=next_day(now) if rule.kind is FaultKind.OURS else retry_at,
        provider_code=told.provider_code if told else None,
        http_status=told.http_status if told else None,
        request_id=told.request_id if told else None,
    )


def reach_of(error: Refusal) -> FaultReach:
    """Return what a failure stops.

    :param error: What was raised.
    """
    return _rule_of(error).reach


def kind_of(error: Refusal) -> FaultKind:
    """Return whose matter a failure is, where nothing else is asked.

    :param error: What was raised.
    """
    return _rule_of(error).kind


def kind_of_end(error: PayymoError) -> FaultKind:
    """Return whose matter it is that work ended with an error that nothing in it foresaw.

    :param error: What was raised; what no bank or provider did is a matter of ours.
    """
    return kind_of(error) if isinstance(error, ProviderError) else FaultKind.OURS


def is_passing(error: Exception) -> bool:
    """Return whether the same request may well succeed later, with nobody doing anything.

    :param error: What was raised; what no bank or provider did does not pass.
    """
    return isinstance(error, ProviderError) and kind_of(error) in {FaultKind.BANK, FaultKind.QUOTA}


def is_stopped(failure_count: int) -> bool:
    """Return whether an account failed so often in a row that only a new consent helps.

    :param failure_count: Its failures in a row.
    """
    return failure_count >= FAILURES_MAX


_ENDED: Final[Mapping[ConsentStatus, tuple[str, str]]] = {
    ConsentStatus.REVOKED: (
        "consent_revoked",
        "The consent was withdrawn at the bank or the provider: renew the connection. Its history "
        "and edits stay.",
    ),
    ConsentStatus.SUSPENDED: (
        "consent_suspended",
        "The provider suspended the consent after repeated failures: renew the connection. Its "
        "history and edits stay.",
    ),
}
_EXPIRED: Final = (
    "consent_expired",
    "The bank's consent has run out: renew the connection. Its history and edits stay.",
)


def consent_fault(status: ConsentStatus, *, cause: ProviderError | None = None) -> Fault:
    """Return what the end of a consent means for its connection.

    :param status: How the provider says that it stands, or how it stands by the calendar.
    :param cause: What made us ask, where anything did.
    """
    code, message = _ENDED.get(status, _EXPIRED)
    return Fault(
        kind=FaultKind.CONSENT,
        reach=FaultReach.CONNECTION,
        code=code,
        message=message,
        provider_code=cause.provider_code if cause else None,
        http_status=cause.http_status if cause else None,
        request_id=cause.request_id if cause else None,
    )


def interruption() -> Fault:
    """Return what it means that a sync was cut short: its worker, or the machine, stopped."""
    return Fault(
        kind=FaultKind.INTERRUPTED,
        reach=FaultReach.CONNECTION,
        code=_INTERRUPTED_CODE,
        message="The sync was cut short; the next one goes on from what it stored.",
    )


def _rule_of(error: Refusal) -> _Rule:
    return next(_RULES[family] for family in type(error).mro() if family in _RULES)


def _retry_at(rule: _Rule, error: Refusal, count: int, now: datetime) -> datetime | None:
    told = error.retry_at if isinstance(error, ProviderError) else None
    match rule.retry:
        case _Retry.NEVER:
            return None
        case _Retry.TOLD:
            return told or next_day(now)
        case _Retry.LATER:
            return now + FORBIDDEN_REST
        case _Retry.BACK_OFF:
            return _back_off(count, told, now)


def _back_off(count: int, told: datetime | None, now: datetime) -> datetime:
    if count > FAILURES_TO_A_WEEK:
        return now + FORBIDDEN_REST
    if count >= FAILURES_TO_A_DAY:
        return next_day(now)
    return told or now + FAILURE_REST * FAILURE_REST_FACTOR ** (count - 1)


def next_day(now: datetime) -> datetime:
    """Return when the next day begins, in UTC, where days are counted.

    :param now: The time (aware).
    """
    day = now.astimezone(UTC).date() + timedelta(days=1)
    return datetime.combine(day, time.min, UTC)
