"""Things that go wrong on demand: which there are, and what each answers."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from payymo.sandbox import errors
from payymo.sandbox.state import Account, Agreement, Fault, Scope, State

type FaultKind = Literal[
    "rate_limit",
    "bank_rate_limit",
    "service_error",
    "connection_error",
    "unknown_error",
    "access_expired",
    "account_inactive",
    "account_forbidden",
    "resource_unavailable",
    "eua_expired",
    "no_valid_eua",
    "scope_error",
    "account_suspended",
    "account_state",
    "invalid_token",
    "ip_denied",
    "payment_required",
    "timeout",
    "malformed_body",
    "truncated_body",
    "html_body",
    "empty_body",
]
type Endpoint = Literal[
    "token",
    "institutions",
    "agreements",
    "requisitions",
    "metadata",
    "details",
    "balances",
    "transactions",
]

FAULT_KINDS: tuple[str, ...] = get_args(FaultKind.__value__)

#: Faults that need an account whose data is being read.
ACCOUNT_FAULTS = frozenset(
    """
    bank_rate_limit service_error connection_error unknown_error access_expired account_inactive
    account_forbidden resource_unavailable eua_expired no_valid_eua scope_error account_suspended
    account_state
    """.split()
)

#: Faults that answer something which is not JSON.
BROKEN_BODIES: dict[str, tuple[int, str, bytes]] = {
    "malformed_body": (200, "application/json", b"{'transactions': {booked: [,]}"),
    "truncated_body": (
        200,
        "application/json",
        b'{"transactions":{"booked":[{"transactionId":"2026112200017","transactionAmount":{"amo',
    ),
    "html_body": (
        502,
        "text/html",
        b"<!DOCTYPE html><html><head><title>502: Bad gateway</title></head><body>"
        b"<h1>Bad gateway</h1><p>The server reported a bad gateway error.</p></body></html>",
    ),
    "empty_body": (200, "application/json", b""),
}

_BANK_ERRORS = {
    "bank_rate_limit": "RateLimitError",
    "service_error": "ServiceError",
    "connection_error": "ConnectionError",
    "unknown_error": "UnknownRequestError",
    "access_expired": "AccessExpiredError",
    "account_inactive": "AccountInactiveError",
    "account_forbidden": "AccountAccessForbidden",
    "resource_unavailable": "AccountResourceUnavailable",
}


class Reading(NamedTuple):
    """An account of which something is being read."""

    account: Account
    agreement: Agreement
    scope: Scope
    now: datetime


def take_fault(
    state: State,
    endpoint: str,
    *,
    account: str | None = None,
    institution: str | None = None,
    matching: Callable[[Fault], bool],
) -> Fault | None:
    """Return the first fault that hits a request, and count it off.

    :param state: Where faults are kept, oldest first.
    :param endpoint: Kind of endpoint that is being called.
    :param account: Account that is being read, if one is.
    :param institution: Its institution.
    :param matching: Further condition.
    :returns: The fault, or nothing when all is well.
    """
    for fault in state.faults:
        aims = (
            (fault.endpoint, endpoint),
            (fault.account, account),
            (fault.institution, institution),
        )
        if all(aim is None or aim == actual for aim, actual in aims) and matching(fault):
            _count_off(state, fault)
            return fault
    return None


def general_refusal(fault: Fault, address: str) -> errors.RefusalError:
    """Return what a fault answers on any endpoint.

    :param fault: One that needs no account and leaves the body whole.
    :param address: The caller's address, which one of the answers quotes.
    """
    if fault.kind == "rate_limit":
        seconds = int(fault.seconds)
        answer = errors.rate_limited(100, "minute", seconds)
        answer.headers.update(
            http_x_ratelimit_limit="100",
            http_x_ratelimit_remaining="0",
            http_x_ratelimit_reset=str(seconds),
        )
        return answer
    if fault.kind in BROKEN_BODIES:
        return errors.BrokenAnswerError(*BROKEN_BODIES[fault.kind])
    if fault.kind == "ip_denied":
        return errors.ip_denied(address)
    if fault.kind == "payment_required":
        return errors.payment_required()
    return errors.invalid_token()


def account_refusal(fault: Fault, reading: Reading) -> errors.RefusalError:
    """Return what an account's fault answers."""
    if fault.kind in _BANK_ERRORS:
        return errors.bank_error(_BANK_ERRORS[fault.kind], reading.scope)
    if fault.kind == "eua_expired":
        return errors.agreement_expired(reading.agreement, reading.now, status=fault.status)
    if fault.kind == "scope_error":
        return errors.scope_denied(reading.scope)
    if fault.kind == "no_valid_eua":
        return errors.no_valid_agreement()
    if fault.kind == "account_state":
        reading.account.status = "ERROR"
        return errors.AccountStateError(reading.account)
    return errors.account_suspended()


def _count_off(state: State, fault: Fault) -> None:
    if fault.times is None:
        return
    fault.times -= 1
    if fault.times <= 0:
        state.faults.remove(fault)
