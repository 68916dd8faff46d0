"""Passwords: hashed with Argon2id, checked in the same time whether the user exists or not."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hash_password(password: str) -> str:
    """Return what may be kept of a password."""
    return _HASHER.hash(password)


def is_right_password(password: str, password_hash: str | None) -> bool:
    """Return whether a password is the one that was hashed.

    :param password: What was typed.
    :param password_hash: What was kept; ``None`` where there is no user, which takes as long.
    """
    try:
        _HASHER.verify(password_hash or _hash_of_nobody(), password)
    except (InvalidHashError, VerificationError):
        return False
    return password_hash is not None


@cache
def _hash_of_nobody() -> str:
    return _HASHER.hash("nobody's password")
