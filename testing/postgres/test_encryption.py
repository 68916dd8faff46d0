"""Encrypted values open with their key, in their place, and nowhere else."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.errors import ConfigurationError
from payymo.postgres.encryption import KeyRing

OLD_KEY = bytes(range(32))
NEW_KEY = bytes(range(32, 64))
COLUMN = "provider_credentials.secret_key"
TENANT = UUID(int=1)
OTHER_TENANT = UUID(int=2)


@given(value=st.text(), owner=st.uuids() | st.binary())
def test_what_was_sealed_opens_in_its_place(value: str, owner: UUID | bytes) -> None:
    keys = KeyRing([OLD_KEY])

    sealed = keys.encrypt(value, column=COLUMN, owner=owner)

    assert keys.decrypt(sealed, column=COLUMN, owner=owner) == value


def test_the_same_value_is_sealed_differently_each_time() -> None:
    keys = KeyRing([OLD_KEY])

    sealed = {keys.encrypt("secret", column=COLUMN, owner=TENANT) for _ in range(10)}

    assert len(sealed) == 10
    assert all(b"secret" not in one for one in sealed)


def test_a_value_moved_to_another_tenants_row_does_not_open() -> None:
    keys = KeyRing([OLD_KEY])
    sealed = keys.encrypt("secret", column=COLUMN, owner=TENANT)

    with pytest.raises(ConfigurationError, match="belongs to another row"):
        keys.decrypt(sealed, column=COLUMN, owner=OTHER_TENANT)


def test_a_value_moved_to_another_column_does_not_open() -> None:
    keys = KeyRing([OLD_KEY])
    sealed = keys.encrypt("secret", column=COLUMN, owner=TENANT)

    with pytest.raises(ConfigurationError, match="belongs to another row"):
        keys.decrypt(sealed, column="provider_credentials.secret_id", owner=TENANT)


@given(position=st.integers(min_value=0), change=st.integers(min_value=1, max_value=255))
def test_a_changed_byte_anywhere_is_noticed(position: int, change: int) -> None:
    keys = KeyRing([OLD_KEY])
    sealed = bytearray(keys.encrypt("secret", column=COLUMN, owner=TENANT))
    sealed[position % len(sealed)] ^= change

    with pytest.raises(ConfigurationError):
        keys.decrypt(bytes(sealed), column=COLUMN, owner=TENANT)


@given(length=st.integers(min_value=0, max_value=38))
def test_a_value_cut_short_is_noticed(length: int) -> None:
    # 1 (format) + 4 (key) + 12 (nonce) + 6 ("secret") + 16 (tag) = 39 bytes.
    keys = KeyRing([OLD_KEY])
    sealed = keys.encrypt("secret", column=COLUMN, owner=TENANT)

    assert len(sealed) == 39
    with pytest.raises(ConfigurationError):
        keys.decrypt(sealed[:length], column=COLUMN, owner=TENANT)


def test_a_new_key_seals_while_the_old_one_still_opens() -> None:
    sealed_before = KeyRing([OLD_KEY]).encrypt("secret", column=COLUMN, owner=TENANT)
    rotated = KeyRing([NEW_KEY, OLD_KEY])
    sealed_after = rotated.encrypt("secret", column=COLUMN, owner=TENANT)

    assert rotated.decrypt(sealed_before, column=COLUMN, owner=TENANT) == "secret"
    assert KeyRing([NEW_KEY]).decrypt(sealed_after, column=COLUMN, owner=TENANT) == "secret"


def test_a_wrong_key_is_named_as_the_reason() -> None:
    sealed = KeyRing([OLD_KEY]).encrypt("secret", column=COLUMN, owner=TENANT)

    with pytest.raises(ConfigurationError, match="does not have: add the former key"):
        KeyRing([NEW_KEY]).decrypt(sealed, column=COLUMN, owner=TENANT)


@pytest.mark.parametrize("keys", [[], [b"short"], [OLD_KEY, b"short"]])
def test_keys_that_cannot_be_keys_are_refused(keys: list[bytes]) -> None:
    with pytest.raises(ConfigurationError, match="32 bytes"):
        KeyRing(keys)


def test_a_key_ring_shows_no_key() -> None:
    assert repr(OLD_KEY) not in repr(vars(KeyRing([OLD_KEY])))
    assert OLD_KEY.hex() not in repr(KeyRing([OLD_KEY]))
