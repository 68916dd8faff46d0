"""What tests of workers share: patience, since machines are slow at times, and a way to be dead."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

#: So long that nobody is taken for dead for being slow: see :func:`bury`.
SILENCE_SECONDS: Final = 600.0

PATIENCE_SECONDS: Final = 300.0


def bury(sessions: sessionmaker[Session]) -> None:
    """Let nobody have heard of the workers there are for ever so long.

    On a machine with much to do the living are silent for seconds, too, so that no silence of a
    length that a test can wait for tells them from the dead.

    :param sessions: Opener of transactions.
    """
    with sessions.begin() as session:
        session.execute(text("UPDATE procrastinate_workers SET last_heartbeat = 'epoch'"))


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    :param holds: Whether it does.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)
