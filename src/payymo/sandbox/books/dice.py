"""Chance that is the same for the same seed and name, whatever else was drawn before."""

import hashlib
from random import Random


def dice(*name: object) -> Random:
    """Return a source of chance of its own for a named thing.

    :param name: Seed and parts of the name; equal names give equal chances on every machine.
    """
    text = "/".join(map(str, name)).encode()
    seed = int.from_bytes(hashlib.blake2b(text, digest_size=16).digest())
    return Random(seed)  # noqa: S311 - books, not secrets


def digest(*name: object, size: int = 16) -> str:
    """Return a hexadecimal text of ``2 * size`` digits that belongs to a name."""
    return hashlib.blake2b("/".join(map(str, name)).encode(), digest_size=size).hexdigest()
