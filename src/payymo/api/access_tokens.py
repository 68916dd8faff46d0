"""Access tokens: short-lived, signed, and read without asking the database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID, uuid4

import jwt
from jwt.types import Options

from payymo.domain.banking import Clock
from payymo.domain.enums import Role
from payymo.domain.errors import ConfigurationError, InvalidTokenError, TokenExpiredError

ACCESS_TOKEN_LIFETIME: Final = timedelta(minutes=15)
KEY_BYTES_MIN: Final = 32
TOKENS_REMEMBERED_MAX: Final = 4096

_ALGORITHM: Final = "HS256"
#: Time is checked against our own clock, not the library's.
_OPTIONS: Final[Options] = {
    "require": ["sub", "tenant_id", "role", "jti", "iat", "exp"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
}


@dataclass(frozen=True, slots=True)
class Member:
    """The person behind a request, within one tenant."""

    tenant_id: UUID
    user_id: UUID
    role: Role


class AccessTokens:
    """Makes and reads access tokens.

    :param key: Key that signs them.
    :param clock: Where time comes from.
    :raises ConfigurationError: If the key is too short to be safe.
    """

    def __init__(self, key: bytes, clock: Clock) -> None:
        if len(key) < KEY_BYTES_MIN:
            raise ConfigurationError(
                f"The key for access tokens must have at least {KEY_BYTES_MIN} bytes."
            )
        self._key = key
        self._clock = clock
        # What a signature says never changes; errors are not remembered.
        self._verify = lru_cache(TOKENS_REMEMBERED_MAX)(self._verify_anew)

    def issue(self, member: Member) -> str:
        """Return a token that lets a member in for :data:`ACCESS_TOKEN_LIFETIME`."""
        now = self._clock()
        claims = {
            "sub": str(member.user_id),
            "tenant_id": str(member.tenant_id),
            "role": member.role.value,
            "jti": str(uuid4()),
            "iat": int(now.timestamp()),
            "exp": int((now + ACCESS_TOKEN_LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> Member:
        """Return whom a token lets in.

        :raises TokenExpiredError: If it was good once.
        :raises InvalidTokenError: If it is not one of ours.
        """
        member, expires_at = self._verify(token)
        if expires_at <= self._clock():
            raise TokenExpiredError(
                "The access token has expired: get a new one from /api/v1/auth/refresh."
            )
        return member

    def _verify_anew(self, token: str) -> tuple[Member, datetime]:
        try:
            claims = jwt.decode(token, self._key, algorithms=[_ALGORITHM], options=_OPTIONS)
            member = Member(
                tenant_id=UUID(claims["tenant_id"]),
                user_id=UUID(claims["sub"]),
                role=Role(claims["role"]),
            )
            return member, datetime.fromtimestamp(claims["exp"], UTC)
        except (
            jwt.InvalidTokenError,
            AttributeError,
            OSError,
            OverflowError,
            TypeError,
            ValueError,
        ) as error:
            raise _invalid_token() from error


def _invalid_token() -> InvalidTokenError:
    return InvalidTokenError("The access token is not valid: sign in again.")
