"""GoCardless's error answers, told apart by what the caller can do next."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import msgspec

from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConsentExpiredError,
    ConsentSuspendedError,
    Problem,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.providers.gocardless.api.limits import read_reset
from payymo.providers.gocardless.api.request_ids import read_request_id

_PROBLEM_COUNT_MAX: Final = 20
_PROBLEM_LENGTH_MAX: Final = 300
_SERVER_ERROR: Final = 500

#: Text that may name a person, an account or a secret: ids, addresses, tokens, long numbers.
_PRIVATE = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{12,36}|[^\s@']{1,64}@[^\s@']{1,255}"
    r"|\d{1,3}(?:\.\d{1,3}){3}|[A-Z]{2}\d{2}[A-Z0-9]{10,30}|[A-Za-z0-9_\-.]{33,}|\d{9,}"
)
_TRY_AGAIN = re.compile(r"try again in (\d{1,8}) seconds", re.IGNORECASE)


class AccessTokenRejectedError(ProviderCredentialsError):
    """GoCardless does not accept the access (or refresh) token: mint a new one."""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """An answer that is no success, as received.

    :ivar received_at: When it came (aware).
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | bytearray
    received_at: datetime


def error_from(answer: ErrorAnswer) -> ProviderError:
    """Return the error that an answer means.

    Told apart by ``type``, which only errors from the bank's side have, then by the wording of
    the summary, then by status. Total: whatever the body is, there is an error for it.

    :param answer: Answer whose status is not a success.
    :returns: The error, with a message that holds no personal data, to be raised.
    """
    error = _judge(answer)
    error.request_id = read_request_id(answer.headers)
    return error


def _judge(answer: ErrorAnswer) -> ProviderError:
    document = _parse(answer.body)
    if document is None:
        return _of_unreadable(answer)
    provider_code = _text(document.get("type"))
    problems = tuple(list_problems(document))
    summary = _joined(document.get("summary"))
    build = _BY_TYPE.get(provider_code or "") or _by_wording(answer.status, summary, document)
    error_class, message = build or _by_status(answer.status)
    return error_class(
        message,
        http_status=answer.status,
        provider_code=provider_code,
        retry_at=_retry_at(answer, document) if error_class is ProviderQuotaError else None,
        is_unanswered=answer.status == HTTPStatus.GATEWAY_TIMEOUT,
        problems=problems if error_class in _WITH_PROBLEMS else (),
    )


def list_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the single faults of a validation answer, whichever of its shapes it has.

    The shapes are a flat ``summary`` and ``detail`` (texts or lists of texts), and fields that
    each hold such an object, a list of them, or a list of texts; all may occur together.

    :param document: Parsed body.
    """
    for count, problem in enumerate(_walk_problems(document)):
        if count == _PROBLEM_COUNT_MAX:
            return
        yield problem


def _walk_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    if "summary" in document or "detail" in document:
        yield from _problems_of(None, document)
    for field, value in document.items():
        if field in {"summary", "detail", "status_code", "type"}:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str | dict):
                yield from _problems_of(str(field)[:100], item)


def _problems_of(field: str | None, item: str | Mapping[str, Any]) -> Iterator[Problem]:
    if isinstance(item, str):
        yield Problem(field, _public(item))
        return
    summary, detail = _joined(item.get("summary")), _joined(item.get("detail"))
    message = ": ".join(dict.fromkeys(part.rstrip(".") for part in (summary, detail) if part))
    if message:
        yield Problem(field, _public(message))


def _public(text: str) -> str:
    masked = _PRIVATE.sub("…", text[: _PROBLEM_LENGTH_MAX * 2])
    return masked[:_PROBLEM_LENGTH_MAX].strip()


def _parse(body: bytes | bytearray) -> dict[str, Any] | None:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(value: object) -> str | None:
    return value[:100] if isinstance(value, str) and value else None


def _joined(value: object) -> str:
    parts = value if isinstance(value, list) else [value]
    return "; ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())


type _Kind = tuple[type[ProviderError], str]

_RECONNECT: Final[_Kind] = (
    ConsentExpiredError,
    "The consent has expired or was withdrawn: the account holder must connect the bank again.",
)
_UNSUPPORTED: Final[_Kind] = (
    AccountForbiddenError,
    "The bank does not offer this part of the account; leave it out.",
)
_BANK_LIMIT: Final[_Kind] = (
    ProviderQuotaError,
    "The bank allows no more requests for this account today.",
)
_BANK_DOWN: Final[_Kind] = (
    ProviderUnavailableError,
    "The bank cannot be reached at the moment; try again later.",
)
_CREDENTIALS: Final[_Kind] = (
    ProviderCredentialsError,
    "GoCardless does not accept the credentials; check the secret id and the secret key.",
)
_UNKNOWN: Final[_Kind] = (
    ProviderNotFoundError,
    "GoCardless knows no such institution, consent or account.",
)
_SUSPENDED: Final[_Kind] = (
    ConsentSuspendedError,
    "GoCardless suspended the account after repeated failures; connect the bank again.",
)
_NOT_READY: Final[_Kind] = (
    AccountNotReadyError,
    "The account is still being processed, or in error, at GoCardless; try again later.",
)
_REFUSED: Final[_Kind] = (
    ProviderRequestError,
    "GoCardless refused the request as wrong.",
)

_BY_TYPE: Final[Mapping[str, _Kind]] = {
    "AccessExpiredError": _RECONNECT,
    "AccountInactiveError": (
        AccountInactiveError,
        "The bank says that the account was closed or does not exist any more.",
    ),
    "AccountAccessForbidden": (
        AccountForbiddenError,
        "The bank does not let this account holder read the account.",
    ),
    "AccountResourceUnavailable": _UNSUPPORTED,
    "RateLimitError": _BANK_LIMIT,
    "UnknownRequestError": (
        ProviderUnavailableError,
        "The bank answered with an error of its own; try again later.",
    ),
    "ServiceError": _BANK_DOWN,
    "ConnectionError": _BANK_DOWN,
}

#: What an answer has that is not about single fields of the request.
_ABOUT_THE_WHOLE: Final = frozenset({"summary", "detail"})

_WITH_PROBLEMS: Final = frozenset({ProviderRequestError, ProviderNotFoundError})


def _by_wording(status: int, summary: str, document: Mapping[str, Any]) -> _Kind | None:
    words = summary.lower()
    if "end user agreement" in words and "expired" in words:
        return _RECONNECT
    if status == HTTPStatus.UNAUTHORIZED:
        detail = _joined(document.get("detail")).lower()
        if "credentials" in detail or words.startswith("authentication failed"):
            return _CREDENTIALS
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(words)
    if status == HTTPStatus.NOT_FOUND and document and not document.keys() & _ABOUT_THE_WHOLE:
        return _REFUSED  # it names a field of ours that is wrong, not the thing that was asked for
    if status == HTTPStatus.CONFLICT:
        return _SUSPENDED if "suspended" in words or _is_suspended(document) else _NOT_READY
    return None


def _is_suspended(account: Mapping[str, Any]) -> bool:
    return str(account.get("status", "")).upper() == "SUSPENDED"


def _forbidden(words: str) -> _Kind:
    if "ip address" in words:
        return (
            ProviderCredentialsError,
            "GoCardless does not accept requests from this address; add it to the allow-list.",
        )
    if "access scope" in words:
        return (
            AccountForbiddenError,
            "The consent does not cover this part of the account.",
        )
    if "no valid end user agreement" in words:
        return (
            ConsentExpiredError,
            "No valid consent covers the account: the account holder must connect the bank again.",
        )
    if "couldn't update" in words:
        return _UNSUPPORTED
    return (
        ProviderCredentialsError,
        "GoCardless does not allow this company to do that; check its permissions.",
    )


def _by_status(status: int) -> _Kind:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= _SERVER_ERROR:
        return (
            ProviderUnavailableError,
            "GoCardless cannot answer at the moment; try again later.",
        )
    return _REFUSED


_BY_STATUS: Final[Mapping[int, _Kind]] = {
    HTTPStatus.UNAUTHORIZED: (
        AccessTokenRejectedError,
        "GoCardless does not accept the access token.",
    ),
    HTTPStatus.PAYMENT_REQUIRED: (
        ProviderPaymentRequiredError,
        "The allowance of connections at GoCardless is used up; choose a larger plan.",
    ),
    HTTPStatus.NOT_FOUND: _UNKNOWN,
    HTTPStatus.TOO_MANY_REQUESTS: (
        ProviderQuotaError,
        "GoCardless allows no more requests of this kind for now.",
    ),
}


def _of_unreadable(answer: ErrorAnswer) -> ProviderError:
    """Judge an answer by its status alone: proxies answer in HTML, or not at all."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return ProviderQuotaError(
            "GoCardless allows no more requests of this kind for now.",
            http_status=answer.status,
            retry_at=_retry_at(answer, {}),
        )
    if answer.status >= _SERVER_ERROR:
        return ProviderUnavailableError(
            "GoCardless cannot answer at the moment; try again later.",
            http_status=answer.status,
            is_unanswered=answer.status == HTTPStatus.GATEWAY_TIMEOUT,
        )
    return ProviderResponseError(
        "GoCardless answered with an error that is not JSON; check the base URL.",
        http_status=answer.status,
    )


def _retry_at(answer: ErrorAnswer, document: Mapping[str, Any]) -> datetime | None:
    told = _TRY_AGAIN.search(_joined(document.get("detail"))[:_PROBLEM_LENGTH_MAX])
    if told:
        return answer.received_at + timedelta(seconds=int(told[1]))
    return read_reset(answer.headers, now=answer.received_at)
