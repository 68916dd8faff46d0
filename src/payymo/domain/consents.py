"""The life of a connection: what may happen to it when, and when its end is near."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from payymo.domain.enums import ConnectionEvent, ConnectionStatus, FaultKind
from payymo.domain.errors import ConflictError
from payymo.domain.faults import FAILURES_TO_A_DAY

#: From how long before its end on a consent is said to be expiring.
EXPIRING_WITHIN: Final = timedelta(days=14)

#: How many days before the end a warning is due, least urgent first.
WARNING_DAYS: Final = (14, 7, 1)

#: Days of history that every bank gives, as often as it is asked.
HISTORY_DAYS_USUAL: Final = 90

#: Days of access that every bank gives.
ACCESS_DAYS_USUAL: Final = 90

#: Why a consent that was given is of no use.
REFUSED_IN_USE: Final = "long_consent_refused"

#: In these a connection can be read.
READABLE: Final = frozenset({ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRING})

_S = ConnectionStatus
_E = ConnectionEvent

#: What follows from what. A pair that is not here cannot happen: there is no consent that could
#: run out or be suspended before one was given, or after it ended.
TRANSITIONS: Final[Mapping[tuple[ConnectionStatus, ConnectionEvent], ConnectionStatus]] = {
    # A renewal is only asked for: what stands goes on standing, and a failed start begins anew.
    (_S.PENDING, _E.ASKED): _S.PENDING,
    (_S.ACTIVE, _E.ASKED): _S.ACTIVE,
    (_S.EXPIRING, _E.ASKED): _S.EXPIRING,
    (_S.EXPIRED, _E.ASKED): _S.EXPIRED,
    (_S.REVOKED, _E.ASKED): _S.REVOKED,
    (_S.SUSPENDED, _E.ASKED): _S.SUSPENDED,
    (_S.ERROR, _E.ASKED): _S.PENDING,
    # A consent that is given opens the connection, however it stood.
    **{(status, _E.GRANTED): _S.ACTIVE for status in _S},
    # One that is not given harms only a connection that has no other.
    **{(status, _E.REFUSED): status for status in _S},
    (_S.PENDING, _E.REFUSED): _S.ERROR,
    (_S.ACTIVE, _E.NEARED_END): _S.EXPIRING,
    (_S.EXPIRING, _E.NEARED_END): _S.EXPIRING,
    (_S.ACTIVE, _E.RAN_OUT): _S.EXPIRED,
    (_S.EXPIRING, _E.RAN_OUT): _S.EXPIRED,
    (_S.ACTIVE, _E.SUSPENDED): _S.SUSPENDED,
    (_S.EXPIRING, _E.SUSPENDED): _S.SUSPENDED,
    # The tenant may end it at any time, and twice.
    **{(status, _E.ENDED): _S.REVOKED for status in _S},
}


def next_status(status: ConnectionStatus, event: ConnectionEvent) -> ConnectionStatus:
    """Return how a connection stands after something happened to it.

    :param status: How it stood.
    :param event: What happened.
    :raises ConflictError: If that cannot happen to a connection that stands so.
    """
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise ConflictError(
            f"A connection that is {status} cannot be {event}: look at it again."
        ) from None


def renewal_history_days(
    *, is_given_once: bool, was_read: bool, is_refused: bool = False
) -> int | None:
    """Return how many days of history to ask for; ``None`` is as many as the bank gives.

    Some banks give a long history once, and then only to a consent that asks for no more than
    the usual days: another long one would bring nothing new, and later rows not at all.

    :param is_given_once: Whether the bank is one of them.
    :param was_read: Whether its history was read before.
    :param is_refused: Whether it granted a longer one before and refused to honour it.
    """
    return HISTORY_DAYS_USUAL if is_refused or (was_read and is_given_once) else None


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """What became of one account under a consent.

    :ivar has_delivered: The bank gave transactions under it.
    :ivar fault_kind: Whose matter it is that it does not; ``None`` where nothing failed.
    :ivar is_own_word: The bank itself refused, and did not only fail to answer.
    :ivar failure_count: Failures in a row.
    """

    has_delivered: bool
    fault_kind: FaultKind | None
    is_own_word: bool
    failure_count: int


def is_refused_in_use(history_days: int, access_days: int, accounts: Sequence[AccessFacts]) -> bool:
    """Return whether a bank grants a long consent and then refuses whatever is asked under it.

    Some banks do, without naming the reason; they give the usual days. A bank that is down says
    so otherwise, and an outage is not taken for a refusal before it has lasted.

    :param history_days: Days of history that were granted.
    :param access_days: Days of access that were granted.
    :param accounts: The accounts that are read under the consent.
    """
    is_long = history_days > HISTORY_DAYS_USUAL or access_days > ACCESS_DAYS_USUAL
    return is_long and bool(accounts) and all(_is_refused(account) for account in accounts)


def _is_refused(account: AccessFacts) -> bool:
    if account.has_delivered or not account.is_own_word:
        return False
    if account.fault_kind is FaultKind.BANK:
        return account.failure_count >= FAILURES_TO_A_DAY
    return account.fault_kind in {FaultKind.ACCOUNT, FaultKind.CONSENT}


def due_warning(expires_at: datetime | None, *, now: datetime) -> int | None:
    """Return which of :data:`WARNING_DAYS` is due; ``None`` if none is.

    Where days were missed, only the most urgent warning is due: the others say nothing more.

    :param expires_at: When the consent ends (aware); ``None`` where nobody knows.
    :param now: The time (aware).
    """
    if expires_at is None or expires_at <= now:
        return None
    left = expires_at - now
    return next((days for days in reversed(WARNING_DAYS) if left <= timedelta(days=days)), None)
