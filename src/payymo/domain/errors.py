"""What can go wrong, in families by what the caller can do next.

Every message is a sentence that a person can act on. It never holds a secret, a token, a name
or an account number: messages reach logs, the API and the terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input.

    :ivar field: Where it is, dotted (``allocations.0.amount``), or ``line 12`` in a file.
    :ivar message: What is wrong and what to do, in a sentence.
    """

    field: str | None
    message: str


class PayymoError(Exception):
    """Base of every error that Payymo raises on purpose.

    :param message: What happened and what to do, in a sentence.
    :param problems: The single faults of an input, where there are several.
    """

    code: ClassVar[str] = "server_error"

    def __init__(self, message: str, *, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)


class StoppedError(Exception):
    """Whoever asked for some work wants it to end before it is done: nothing has failed."""


class InvalidInputError(PayymoError):
    """The input is malformed; the same input will never be accepted."""

    code = "validation_error"


class AuthenticationError(PayymoError):
    """Who is asking could not be established."""

    code = "auth_required"


class InvalidCredentialsError(AuthenticationError):
    """The e-mail address or the password is wrong."""

    code = "invalid_credentials"


class InvalidTokenError(AuthenticationError):
    """A token is forged, revoked or not one of ours."""

    code = "invalid_token"


class TokenExpiredError(AuthenticationError):
    """A token was good once."""

    code = "token_expired"


class ForbiddenError(PayymoError):
    """Who is asking is known, and may not do this."""

    code = "forbidden"


class NotFoundError(PayymoError):
    """There is no such thing, or it belongs to another tenant: never told apart."""

    code = "resource_not_found"


class ConflictError(PayymoError):
    """The request contradicts the present state."""

    code = "conflict"


class DuplicateError(ConflictError):
    """The thing exists already."""

    code = "duplicate"


class RuleError(PayymoError):
    """The request is well formed and impossible.

    :param message: What is impossible, and why.
    :param code: The rule's own code, for programs.
    """

    def __init__(self, message: str, *, code: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message, problems=problems)
        self.code = code  # type: ignore[misc]  # each rule has a code of its own


class WarehouseNotBuiltError(ConflictError):
    """Nothing was built yet that reports could be read from."""

    code = "warehouse_not_built"

    def __init__(self) -> None:
        super().__init__(
            "The warehouse was not built yet: run `payymo analytics build`, or POST to "
            "/api/v1/analytics/builds."
        )


class TooManyRequestsError(PayymoError):
    """Our own limit is reached.

    :param message: Which limit, in a sentence.
    :param retry_at: When it is worth trying again (aware), where known.
    """

    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class ConfigurationError(PayymoError):
    """This installation is not set up for what was asked."""

    code = "configuration_error"


class OutageError(PayymoError):
    """Something that this installation stands on went away; worth trying again."""


class BuildFailedError(PayymoError):
    """A build of the warehouse failed; what was built before stays in use."""

    code = "build_failed"


class ProviderError(PayymoError):
    """The bank or the open-banking provider did not do what we asked.

    :param message: What happened, in a sentence without personal data.
    :param http_status: The provider's HTTP status, where there was an answer.
    :param provider_code: The provider's own word for it (``AccessExpiredError``), where given.
    :param request_id: By what name the provider can find the request again, where given.
    :param retry_at: When it is worth trying again (aware), where known.
    :param is_unanswered: The request was sent, and nobody knows what became of it.
    """

    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        provider_code: str | None = None,
        request_id: str | None = None,
        retry_at: datetime | None = None,
        is_unanswered: bool = False,
        problems: Sequence[Problem] = (),
    ) -> None:
        super().__init__(message, problems=problems)
        self.is_unanswered = is_unanswered
        self.http_status = http_status
        self.provider_code = provider_code
        self.request_id = request_id
        self.retry_at = retry_at


class ProviderRequestError(ProviderError):
    """The provider refused our request as wrong: ours to mend, never retried."""


class ProviderCredentialsError(ProviderError):
    """The provider does not accept our credentials or our address: the operator must act."""


class ProviderPaymentRequiredError(ProviderError):
    """The provider's free or paid allowance is used up: the operator must act."""


class ProviderNotFoundError(ProviderError):
    """The provider knows no such institution, consent or account."""


class ProviderQuotaError(ProviderError):
    """The provider's or the bank's quota is used up until ``retry_at``."""

    code = "provider_quota_exhausted"


class ProviderUnavailableError(ProviderError):
    """The bank or the provider is down, slow or unreachable: worth retrying later."""

    code = "provider_unavailable"


class ProviderResponseError(ProviderError):
    """The answer cannot be understood (cut short, not JSON, not of the agreed shape)."""


class ConsentExpiredError(ProviderError):
    """The consent ran out or was withdrawn: the account holder must consent again."""


class ConsentSuspendedError(ProviderError):
    """The provider suspended access after repeated failures: only a new consent helps."""


class AccountInactiveError(ProviderError):
    """The account was closed or does not exist any more."""


class AccountNotReadyError(ProviderError):
    """The account is still being processed or in error at the provider: back off."""


class AccountForbiddenError(ProviderError):
    """This account, or this scope of it, may not be read with the present consent."""
