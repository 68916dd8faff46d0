"""Keeping the collector of garbage from looking through books that are all still needed.

It costs up to half of a matching's time to find that millions of records belong to no circle.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock


@dataclass(slots=True)
class _Holders:
    """Whoever keeps the collector off: threads of one process have one collector."""

    count: int = 0
    was_enabled: bool = True
    lock: Lock = field(default_factory=Lock)


_holders = _Holders()


@contextmanager
def nobody_looks_for_garbage() -> Iterator[None]:
    """Keep the collector off for the block; it is as before when the last of all threads leaves.

    What is freed by counting references is freed all the same.
    """
    with _holders.lock:
        if not _holders.count:
            _holders.was_enabled = gc.isenabled()
            gc.disable()
        _holders.count += 1
    try:
        yield
    finally:
        with _holders.lock:
            _holders.count -= 1
            if not _holders.count and _holders.was_enabled:
                gc.enable()
