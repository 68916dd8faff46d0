"""What the workers need from outside: handed in, never looked up."""

from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.jobs.app import PostgresJobQueue
from payymo.providers.base import ProviderDirectory, ReferenceRateSource
from payymo.workflows.warehouse import WarehouseBuilder


@dataclass(frozen=True, slots=True)
class WorkerServices:
    """What tasks work with.

    :ivar sessions: Opener of transactions, as the application's role.
    :ivar providers: Finds the providers to ask.
    :ivar clock: Tells the time.
    :ivar rates: Publishes exchange rates; absent where nobody shall be asked for them.
    :ivar builder: Builds the warehouse; absent where this worker shall not.
    :ivar build_pause: Between two builds that nobody asked for; absent where there are none.
    """

    sessions: sessionmaker[Session]
    providers: ProviderDirectory
    clock: Clock
    queue: PostgresJobQueue = field(default_factory=PostgresJobQueue)
    rates: ReferenceRateSource | None = None
    builder: WarehouseBuilder | None = None
    build_pause: timedelta | None = None
