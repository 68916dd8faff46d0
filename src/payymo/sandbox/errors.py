"""Answers that are not a success, word for word as the service gives them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from payymo.sandbox.state import Account, Agreement, Scope, stamp


class RefusalError(Exception):
    """Ends a request with an error answer.

    :param status: HTTP status.
    :param body: JSON body; ``status_code`` is added.
    :param headers: Further headers.
    """

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"refused with status {status}")
        self.status = status
        self.body = {**body, "status_code": status}
        self.headers = dict(headers or {})


class BrokenAnswerError(RefusalError):
    """An answer that is not the JSON that it should be.

    :param status: HTTP status.
    :param media_type: What the answer says it is.
    :param content: What it is.
    """

    def __init__(self, status: int, media_type: str, content: bytes) -> None:
        super().__init__(status, {})
        self.media_type = media_type
        self.content = content


def refusal(status: int, summary: str, detail: str, *, kind: str | None = None) -> RefusalError:
    """Return a refusal in the service's usual shape."""
    body = {"summary": summary, "detail": detail}
    if kind is not None:
        body["type"] = kind
    return RefusalError(status, body)


def problem(summary: str, detail: str) -> dict[str, str]:
    """Return one field's problem."""
    return {"summary": summary, "detail": detail}


def authentication_failed() -> RefusalError:
    """Return the answer to unknown secrets."""
    return refusal(
        401, "Authentication failed", "No active account found with the given credentials"
    )


def invalid_token() -> RefusalError:
    """Return the answer to a missing, forged or expired token."""
    return refusal(401, "Invalid token", "Token is invalid or expired")


def ip_denied(address: str) -> RefusalError:
    """Return the answer to an address outside the company's allow-list."""
    return refusal(
        403,
        "IP address access denied",
        f"Your IP {address} isn't whitelisted to perform this action",
    )


def not_found() -> RefusalError:
    """Return the answer where nothing is."""
    return refusal(404, "Not found.", "Not found.")


def invalid_id(noun: str, value: str) -> RefusalError:
    """Return the answer to an id that is no UUID; requisitions really have an empty noun."""
    return refusal(400, f"Invalid {noun} ID", f"{value} is not a valid {noun} UUID. ")


def unknown_fields(names: list[str], place: str) -> RefusalError:
    """Return the answer to fields that the service does not document."""
    return refusal(400, "Unknown fields", f"Unknown fields {', '.join(names)} in {place}")


def payment_required() -> RefusalError:
    """Return the answer once the free allowance is used up."""
    return refusal(402, "Payment Required", "Free usage limit exceeded")


def rate_limited(limit: int, period: str, seconds: int) -> RefusalError:
    """Return the platform's answer to too many calls."""
    return refusal(
        429,
        "Rate limit exceeded",
        f"The rate limit for this resource is {limit}/{period}. "
        f"Please try again in {seconds} seconds",
    )


def account_not_found(account_id: str) -> RefusalError:
    """Return the answer to an account that does not exist."""
    return refusal(
        404,
        f"Account ID {account_id} not found",
        "Please check whether you specified a valid Account ID",
    )


def agreement_expired(
    agreement: Agreement, expired: datetime, *, status: int = 401
) -> RefusalError:
    """Return the answer to access after the agreement ran out; older servers said 400."""
    return refusal(
        status,
        f"End User Agreement (EUA) {agreement.id} has expired",
        f"EUA was valid for {agreement.access_valid_for_days} days and it expired at "
        f"{stamp(expired)}. The end user must connect the account once more with new EUA and "
        "Requisition",
    )


def scope_denied(scope: Scope) -> RefusalError:
    """Return the answer to a scope that the agreement leaves out."""
    return refusal(
        403,
        "End User Agreement (EUA) access scope error",
        f"EUA doesn't allow access to account {scope}. Check EUA access scope. Or create new EUA "
        "with correct access scope",
    )


def no_valid_agreement() -> RefusalError:
    """Return the answer to an account whose agreement is gone."""
    return refusal(
        403,
        "No valid End User Agreement",
        "Account exists but there is no valid End User Agreement permitting you to access it",
    )


def account_suspended() -> RefusalError:
    """Return the answer to an account with too many failures."""
    return refusal(
        409,
        "Account suspended",
        "This account or its requisition was suspended due to numerous errors that occurred "
        "while accessing it.",
    )


class AccountStateError(RefusalError):
    """The answer to an account that is not ready: the account itself, without a summary."""

    def __init__(self, account: Account) -> None:
        super().__init__(409, {})
        self.body = {
            "id": account.id,
            "created": stamp(account.created),
            "last_accessed": stamp(account.last_accessed),
            "iban": account.iban,
            "aspsp_identifier": account.institution_id,
            "status": account.status,
        }


#: Errors of the bank's side: kind of error → status, detail.
BANK_ERRORS = {
    "AccessExpiredError": (
        401,
        "Access has expired or it has been revoked. To restore access reconnect the account.",
    ),
    "AccountInactiveError": (401, "Account has been deactivated or it no longer exists."),
    "AccountAccessForbidden": (
        403,
        "Access to account is forbidden. The user might not have the necessary permissions.",
    ),
    "AccountResourceUnavailable": (
        403,
        "The requested resource is unavailable for this account. Certain resources may be "
        "restricted or unsupported for specific accounts.",
    ),
    "RateLimitError": (429, "Daily request limit set by the Institution has been exceeded."),
    "UnknownRequestError": (500, "Request to Institution returned an error"),
    "ServiceError": (503, "Institution service unavailable"),
    "ConnectionError": (503, "Couldn't connect to Institution"),
}

#: Which of them add to the count that suspends an account.
COUNTED_ERRORS = frozenset({"UnknownRequestError", "AccessExpiredError"})


def bank_error(kind: str, scope: Scope) -> RefusalError:
    """Return the answer to something that went wrong at the bank.

    :param kind: One of :data:`BANK_ERRORS`.
    :param scope: What was being read.
    """
    status, detail = BANK_ERRORS[kind]
    return refusal(status, f"Couldn't update account {scope}", detail, kind=kind)
