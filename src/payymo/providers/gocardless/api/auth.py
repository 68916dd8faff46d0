"""Access tokens: one for a company, whoever of its workers asks."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from payymo.domain.banking import Clock, ProviderCredentials, TokenPair
from payymo.domain.errors import ProviderCredentialsError, ProviderResponseError
from payymo.providers.base import TokenStore
from payymo.providers.gocardless.api.errors import AccessTokenRejectedError

#: A token this close to its end is not used: a long answer must finish with it.
EXPIRY_MARGIN: Final = timedelta(minutes=5)

_LIFETIME_SECONDS_MAX: Final = 366 * 24 * 3600

#: Posts a body to a token endpoint and returns the parsed answer, or raises a ProviderError.
type Post = Callable[[str, Mapping[str, str]], Mapping[str, Any]]


class Tokens:
    """Hands out the company's access token, and replaces it when its time is over.

    Minting is limited to a hundred an hour for the company, so tokens are kept in a store that
    all workers share, and only one worker at a time replaces them.

    :param credentials: The company's secrets.
    :param store: Where tokens live.
    :param post: Speaks to the token endpoints.
    :param clock: Tells the time (aware).
    """

    def __init__(
        self, credentials: ProviderCredentials, store: TokenStore, post: Post, clock: Clock
    ) -> None:
        self._credentials = credentials
        self._store = store
        self._post = post
        self._clock = clock
        self._latest: TokenPair | None = None

    def access(self) -> str:
        """Return a token to send.

        :raises ProviderCredentialsError: If GoCardless refuses the credentials.
        """
        if self._latest is not None and self._lives(self._latest.access_expires_at):
            return self._latest.access
        with self._store.exclusive():
            return self._keep(self._replace(self._store.read(), rejected=None)).access

    def renew(self, rejected: str) -> str:
        """Return another token than one that GoCardless did not accept.

        :param rejected: The token that was refused.
        :raises ProviderCredentialsError: If GoCardless refuses the credentials.
        """
        with self._store.exclusive():
            return self._keep(self._replace(self._store.read(), rejected=rejected)).access

    def _replace(self, known: TokenPair | None, *, rejected: str | None) -> TokenPair:
        """Return tokens that work: those known, refreshed ones, or new ones."""
        if known is None or known.access == rejected:
            return self._mint()
        if self._lives(known.access_expires_at):
            return known
        if self._lives(known.refresh_expires_at):
            return self._refresh(known)
        return self._mint()

    def _keep(self, tokens: TokenPair) -> TokenPair:
        if tokens != self._store.read():
            self._store.write(tokens)
        self._latest = tokens
        return tokens

    def _lives(self, expires_at: datetime) -> bool:
        return self._clock() + EXPIRY_MARGIN < expires_at

    def _mint(self) -> TokenPair:
        body = {
            "secret_id": self._credentials.secret_id,
            "secret_key": self._credentials.secret_key,
        }
        asked_at = self._clock()
        try:
            answer = self._post("token/new/", body)
        except AccessTokenRejectedError as error:
            raise ProviderCredentialsError(
                "GoCardless does not accept the credentials; check the secret id and key.",
                http_status=error.http_status,
            ) from error
        return TokenPair(
            access=_token(answer, "access"),
            access_expires_at=asked_at + _lifetime(answer, "access_expires"),
            refresh=_token(answer, "refresh"),
            refresh_expires_at=asked_at + _lifetime(answer, "refresh_expires"),
        )

    def _refresh(self, known: TokenPair) -> TokenPair:
        """Return the pair with a new access token: the answer holds nothing else."""
        asked_at = self._clock()
        try:
            answer = self._post("token/refresh/", {"refresh": known.refresh})
        except AccessTokenRejectedError:
            return self._mint()
        return TokenPair(
            access=_token(answer, "access"),
            access_expires_at=asked_at + _lifetime(answer, "access_expires"),
            refresh=known.refresh,
            refresh_expires_at=known.refresh_expires_at,
        )


def _token(answer: Mapping[str, Any], field: str) -> str:
    token = answer.get(field)
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise ProviderResponseError("GoCardless answered without a usable token.")
    return token


def _lifetime(answer: Mapping[str, Any], field: str) -> timedelta:
    seconds = answer.get(field)
    if not isinstance(seconds, int) or not 0 < seconds <= _LIFETIME_SECONDS_MAX:
        raise ProviderResponseError("GoCardless did not say for how long its token is good.")
    return timedelta(seconds=seconds)
