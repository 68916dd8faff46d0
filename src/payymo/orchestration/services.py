"""What the conductor needs from outside: handed in, never looked up."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.postgres.encryption import KeyRing
from payymo.workflows.queue import JobQueue


class ConductedQueue(JobQueue, Protocol):
    """The queue, with what its own schedule leaves in it."""

    def queue_consent_check(self, session: Session, *, now: datetime) -> int:
        """Queue what the schedule does every hour with consents, and return its number.

        :param session: Open session; the caller manages the transaction.
        :param now: The time (aware).
        """


@dataclass(frozen=True, slots=True)
class OrchestrationServices:
    """What assets, checks and sensors work with.

    :ivar database_url: Address of the database, with the owner's login.
    :ivar sessions: Opener of transactions, as the application's role.
    :ivar queue: Takes jobs for the workers.
    :ivar key_ring: Opens what is encrypted.
    :ivar clock: Tells the time.
    :ivar warehouse_dir: Where the warehouse lies.
    """

    database_url: str = field(repr=False)
    sessions: sessionmaker[Session]
    queue: ConductedQueue
    key_ring: KeyRing
    clock: Clock
    warehouse_dir: Path


#: Opens the installation for one run, or for one look of a sensor.
type OpenServices = Callable[[], AbstractContextManager[OrchestrationServices]]
