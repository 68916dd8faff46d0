"""A worker's process, to be killed.

It does a scene's acts and then works as a real worker does; at one of the places that it reaches
it kills itself, or PostgreSQL, and in the latter case goes on when that is back.
"""

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

from procrastinate.exceptions import ConnectorException
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from testing.crash.failpoints import Failpoints, WatchedProviders
from testing.crash.scenes import SCENES, DirectoryOfOne, House, make_bank
from testing.fakes import FakeClock

from payymo.jobs.worker import run_worker
from payymo.postgres.core import create_app_engine, create_sessions

_PAUSE_SECONDS = 0.2


def kill(*process_ids: int) -> None:
    """Kill processes, and without mercy.

    :param process_ids: Which ones.
    """
    for process_id in process_ids:
        os.kill(process_id, signal.SIGKILL)


class _Once:
    """Kills PostgreSQL the first time; what follows fails by itself."""

    def __init__(self, process_id: int) -> None:
        self._process_id: int | None = process_id

    def __call__(self) -> None:
        if self._process_id is not None:
            server, self._process_id = self._process_id, None
            kill(server, *_children(server))


def _children(process_id: int) -> list[int]:
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(child) for child in children.split()]


def play(
    url: str,
    tenant_id: UUID,
    name: str,
    *,
    at: int | None,
    server: int | None,
    telling: "Connection[Any, Any]",
    log: Path,
) -> None:
    """Do a scene, and tell the places that were reached.

    :param url: Address of the database.
    :param tenant_id: The tenant.
    :param name: Which scene.
    :param at: Number of the place at which to kill; ``None`` is nowhere.
    :param server: Process id of the PostgreSQL to kill; ``None`` kills this process.
    :param telling: Where to tell them.
    :param log: Where to write whatever else there is to say.
    """
    with log.open("ab") as said:
        os.dup2(said.fileno(), 2)
    scene, is_patient = SCENES[name], server is not None
    engine = create_app_engine(url)
    house = House(create_sessions(engine), tenant_id, DirectoryOfOne(make_bank(0)), FakeClock())
    house.go_to(scene.day)
    strike = partial(kill, os.getpid()) if server is None else _Once(server)
    failpoints = Failpoints(at, strike)
    failpoints.watch(house.sessions, engine)
    house.providers = WatchedProviders(house.providers, failpoints)
    work = partial(_work, url, house)
    for act in (*(partial(each, house) for each in scene.acts), work):
        while not _is_done(act, is_patient=is_patient):
            time.sleep(_PAUSE_SECONDS)
    while _is_anything_left(house):
        # The worker lost its job with the connection, and is to take it over as another one.
        time.sleep(_PAUSE_SECONDS)
        _is_done(work, is_patient=is_patient)
    telling.send(failpoints.reached)
    engine.dispose()


def _work(url: str, house: House) -> None:
    """Do all that waits, and take over at once what those before left: none of them lives."""
    engine = create_app_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE procrastinate_workers SET last_heartbeat = 'epoch'"))
    engine.dispose()
    run_worker(url, house.services, concurrency=1, until_idle=True)


def _is_done(act: Callable[[], None], *, is_patient: bool) -> bool:
    """Do something, and return whether the database stayed meanwhile."""
    try:
        act()
    except (OperationalError, ConnectorException):
        if not is_patient:
            raise
        return False
    return True


def _is_anything_left(house: House) -> bool:
    with house.sessions.begin() as session:
        rows = text("SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")
        return session.execute(rows).first() is not None
