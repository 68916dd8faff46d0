"""A worker: takes jobs from the queue until it is told to stop."""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DEFAULT_QUEUE
from procrastinate.worker import Worker
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from payymo.jobs.schedule import LATENESS_MAX, add_schedule
from payymo.jobs.services import WorkerServices
from payymo.jobs.takeover import take_over_stalled
from payymo.jobs.tasks import add_tasks
from payymo.postgres.core import APP_ROLE, driver_url
from payymo.postgres.jobs.operations.queue import has_due_tasks

logger = logging.getLogger(__name__)

#: Connections of the queue itself; tasks bring their own.
_CONNECTIONS_MAX: Final = 4
_RECONNECT_SECONDS: Final = 2.0
_IDLE_CHECK_SECONDS: Final = 0.1
_STOP_CHECK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Timing:
    """How a worker shows that it lives, and when others are taken for dead; in seconds.

    :ivar heartbeat: Between two signs of life.
    :ivar silence_max: A worker who is silent for longer is taken for dead.
    :ivar takeover: Between two looks for what dead workers left behind.
    :ivar polling: Between two looks for jobs of which no notice came.
    :ivar finishing_max: How long running jobs may finish when the worker is to stop; then they
        are handed back as soon as they report progress.
    """

    heartbeat: float = 10.0
    silence_max: float = 30.0
    takeover: float = 10.0
    polling: float = 2.0
    finishing_max: float = 20.0


def run_worker(
    url: str,
    services: WorkerServices,
    *,
    concurrency: int,
    until_idle: bool = False,
    stop: threading.Event | None = None,
    timing: Timing = Timing(),
) -> None:
    """Work until told to stop, by SIGINT, by SIGTERM or by the event.

    Running jobs are finished, or handed back when they take too long. When the database goes
    away, the worker waits for it to come back.

    :param url: Address of the database.
    :param services: What tasks work with.
    :param concurrency: How many jobs run at once, each in a thread.
    :param until_idle: Stop as well when nothing waits; running jobs are then always finished, and
        the schedule is left alone.
    :param stop: Tells the worker to stop; where given, signals are left alone.
    :param timing: How often it shows that it lives.
    """
    with _stop_signals(stop) as told:
        asyncio.run(_Runner(url, services, concurrency, timing, told).run(until_idle=until_idle))


class _Runner:
    """One worker, through all its connections to the database."""

    def __init__(
        self,
        url: str,
        services: WorkerServices,
        concurrency: int,
        timing: Timing,
        stop: threading.Event,
    ) -> None:
        self._url = url
        self._services = services
        self._concurrency = concurrency
        self._timing = timing
        self._stop = stop

    async def run(self, *, until_idle: bool) -> None:
        """Work, reconnecting as often as need be."""
        while not self._stop.is_set():
            try:
                await self._connect_and_work(until_idle=until_idle)
            except (ConnectorException, OperationalError) as error:
                if until_idle:
                    raise
                logger.warning("Database is away", extra={"error": type(error).__name__})
            if not until_idle:
                await self._pause(_RECONNECT_SECONDS)
            elif await asyncio.to_thread(self._is_work_left):
                # A job queued another one, or waits for an equal one that runs elsewhere.
                await self._pause(_IDLE_CHECK_SECONDS)
            else:
                return

    async def _connect_and_work(self, *, until_idle: bool) -> None:
        await asyncio.to_thread(self._take_over)
        app = App(
            connector=_connector(self._url),
            periodic_defaults={"max_delay": LATENESS_MAX.total_seconds()},
        )
        add_tasks(app, self._services)
        if not until_idle:
            add_schedule(app, self._services)
        async with app.open_async():
            worker = Worker(
                app,
                queues=[DEFAULT_QUEUE] if until_idle else None,
                concurrency=self._concurrency,
                wait=not until_idle,
                fetch_job_polling_interval=self._timing.polling,
                # To have nothing more to start is no reason to hand back what is being done.
                shutdown_graceful_timeout=None if until_idle else self._timing.finishing_max,
                install_signal_handlers=False,
                update_heartbeat_interval=self._timing.heartbeat,
                stalled_worker_timeout=self._timing.silence_max,
            )
            beside = [
                asyncio.create_task(self._stop_when_told(worker)),
                asyncio.create_task(self._take_over_regularly()),
            ]
            try:
                await worker.run()  # type: ignore[no-untyped-call]  # Procrastinate's
            finally:
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    async def _stop_when_told(self, worker: Worker) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(_STOP_CHECK_SECONDS)
        worker.stop()  # type: ignore[no-untyped-call]  # Procrastinate's

    async def _take_over_regularly(self) -> None:
        while True:
            await asyncio.sleep(self._timing.takeover)
            await asyncio.to_thread(self._take_over)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when told to stop."""
        await asyncio.to_thread(self._stop.wait, seconds)

    def _take_over(self) -> None:
        try:
            take_over_stalled(self._services, silent_seconds=self._timing.silence_max)
        except OperationalError as error:
            logger.warning("Nothing could be taken over", extra={"error": type(error).__name__})

    def _is_work_left(self) -> bool:
        with self._services.sessions.begin() as session:
            return has_due_tasks(session, DEFAULT_QUEUE)


def _connector(url: str) -> PsycopgConnector:
    address = make_url(driver_url(url)).set(drivername="postgresql")
    return PsycopgConnector(
        conninfo=address.render_as_string(hide_password=False),
        kwargs={"options": f"-c role={APP_ROLE} -c timezone=UTC"},
        min_size=1,
        max_size=_CONNECTIONS_MAX,
    )


@contextmanager
def _stop_signals(stop: threading.Event | None) -> Iterator[threading.Event]:
    """Turn SIGINT and SIGTERM into an event within the block, unless one is given."""
    if stop is not None:
        yield stop
        return
    told = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: told.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
