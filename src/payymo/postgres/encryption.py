"""Values that are encrypted before they reach the database.

A value is sealed with AES-256-GCM together with where it belongs: its column and its row's owner.
Copied to another tenant's row, or to another column, it does not open.
"""

import hashlib
import os
from collections.abc import Sequence
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from payymo.domain.errors import ConfigurationError

KEY_BYTES = 32

_FORMAT = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEADER_BYTES = len(_FORMAT) + _KEY_ID_BYTES + _NONCE_BYTES


class KeyRing:
    """Seals values with its first key, and opens what any of its keys has sealed.

    To change the key, put a new one before it; drop the old one when nothing is sealed with it.

    :param keys: Keys of :data:`KEY_BYTES` random bytes, the present one first.
    :raises ConfigurationError: If there is no key, or one is of another length.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ConfigurationError(f"Encryption needs at least one key, of {KEY_BYTES} bytes.")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._present = _key_id(keys[0])

    def encrypt(self, value: str, *, column: str, owner: UUID | bytes) -> bytes:
        """Return a sealed value, different each time.

        :param value: What to keep secret.
        :param column: Where it will be kept (``provider_credentials.secret_key``).
        :param owner: Whose it is: the tenant, or the key of a row that belongs to none.
        """
        nonce = os.urandom(_NONCE_BYTES)
        header = _FORMAT + self._present + nonce
        cipher = self._ciphers[self._present]
        return header + cipher.encrypt(nonce, value.encode(), _place(header, column, owner))

    def decrypt(self, sealed: bytes, *, column: str, owner: UUID | bytes) -> str:
        """Return a value that :meth:`encrypt` sealed for the same place.

        :param sealed: The sealed value.
        :param column: Where it was kept.
        :param owner: Whose it is.
        :raises ConfigurationError: If none of the keys sealed it, or it was sealed for another
            place, or changed.
        """
        header, body = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        key_id = header[len(_FORMAT) : -_NONCE_BYTES]
        if len(header) < _HEADER_BYTES or not header.startswith(_FORMAT):
            raise ConfigurationError(f"The value in {column} is not an encrypted one.")
        if key_id not in self._ciphers:
            raise ConfigurationError(
                f"The value in {column} was encrypted with a key that this installation does not "
                "have: add the former key to its encryption keys, or enter the value again."
            )
        nonce = header[-_NONCE_BYTES:]
        try:
            opened = self._ciphers[key_id].decrypt(nonce, body, _place(header, column, owner))
        except InvalidTag:
            raise ConfigurationError(
                f"The encrypted value in {column} was changed, or belongs to another row: "
                "enter it again."
            ) from None
        return opened.decode()


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"payymo key id\0" + key).digest()[:_KEY_ID_BYTES]


def _place(header: bytes, column: str, owner: UUID | bytes) -> bytes:
    """Return what the seal is bound to; a zero byte cannot occur in a column's name."""
    whose = owner.bytes if isinstance(owner, UUID) else owner
    return header + column.encode() + b"\0" + whose
