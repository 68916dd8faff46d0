"""Scenes that are really cut short: a worker is killed, or PostgreSQL is, at one place of many."""

import multiprocessing
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from testing.crash.scenes import SCENES, connect
from testing.crash.state import State, differences, read_state
from testing.crash.victim import play
from testing.factories import NOW

from payymo.postgres.core import create_app_engine, create_owner_engine, create_sessions
from payymo.postgres.embedded import EmbeddedServer, embedded_server
from payymo.postgres.schema import init_database

#: Victims are forked from a process that has imported all they need, and that does nothing else.
_VICTIMS: Final = multiprocessing.get_context("forkserver")
_VICTIMS.set_forkserver_preload(["testing.crash.victim"])

#: A killed server has handed what it wrote to the operating system, which lives on. A vacuum at
#: work is the superuser's, and would keep the owner from dropping a database.
SETTINGS: Final = MappingProxyType({"fsync": "off", "autovacuum": "off"})

_SECONDS_MAX: Final = 300.0
_LOG_CHARACTERS_MAX: Final = 4000


@dataclass
class Stage:
    """A scene on a server of its own, prepared once and played as often as need be.

    :ivar places: The places at which it can be cut short, in order.
    :ivar clean: What there is in the end when it is not.
    """

    server: EmbeddedServer
    name: str
    tenant_id: UUID = field(init=False)
    places: list[str] = field(init=False)
    clean: State = field(init=False)

    def __post_init__(self) -> None:
        scene = SCENES[self.name]
        with self._administration() as execute:
            execute(f"CREATE DATABASE {self.base}")
        init_database(self.server.url(self.base))
        engine = create_app_engine(self.server.url(self.base))
        house = connect(create_sessions(engine))
        scene.prepare(house)
        engine.dispose()
        self.tenant_id = house.tenant_id
        with self._copy() as database:
            self.places = self._run(database)
            self.clean = self._read(database)

    @property
    def base(self) -> str:
        return f"base_{self.name}"

    @property
    def log(self) -> Path:
        """What the victims say, which is much: they lose their database."""
        return self.server.folder / "victims.log"

    def kill_worker(self, at: int) -> list[str]:
        """Kill the worker at a place, let another one go on, and return what came out otherwise.

        :param at: Number of the place.
        """
        with self._copy() as database:
            killed, _ = self._start(database, at=at)
            self._see_end(killed, -signal.SIGKILL)
            self._run(database)
            return differences(self.clean, self._read(database))

    def kill_server(self, at: int) -> list[str]:
        """Kill PostgreSQL at a place, start it again, and return what came out otherwise.

        :param at: Number of the place.
        """
        with self._copy() as database:
            postmaster = self._postmaster()
            victim, _ = self._start(database, at=at, server=postmaster)
            try:
                self._wait_for_the_end_of(postmaster, victim)
                with embedded_server(self.server.folder, settings=SETTINGS):
                    self._see_end(victim, 0)
                    return differences(self.clean, self._read(database))
            finally:
                victim.kill()

    def _run(self, database: str) -> list[str]:
        """Let a worker do all there is to do, and return the places that it reached."""
        worker, said = self._start(database)
        self._see_end(worker, 0)
        places: list[str] = said.recv()
        return places

    def _start(
        self, database: str, *, at: int | None = None, server: int | None = None
    ) -> tuple[BaseProcess, "Connection[Any, Any]"]:
        listening, telling = _VICTIMS.Pipe(duplex=False)
        victim = _VICTIMS.Process(
            target=play,
            args=(self.server.url(database), self.tenant_id, self.name),
            kwargs={"at": at, "server": server, "telling": telling, "log": self.log},
        )
        victim.start()
        telling.close()
        return victim, listening

    def _see_end(self, victim: BaseProcess, exit_code: int) -> None:
        """Wait for a victim to end, and see that it did so in this way."""
        victim.join(_SECONDS_MAX)
        if victim.exitcode != exit_code:
            last_said = self.log.read_text(errors="replace")[-_LOG_CHARACTERS_MAX:]
            raise AssertionError(f"It ended with {victim.exitcode}, having said:\n{last_said}")

    def _wait_for_the_end_of(self, process_id: int, victim: BaseProcess) -> None:
        deadline = time.monotonic() + _SECONDS_MAX
        while _is_running(process_id):
            assert victim.is_alive(), "it ended without having been at the place"
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.01)

    def _postmaster(self) -> int:
        lines = (self.server.folder / "data" / "postmaster.pid").read_text().splitlines()
        return int(lines[0])

    def _read(self, database: str) -> State:
        engine = create_app_engine(self.server.url(database))
        try:
            today = (NOW + timedelta(days=SCENES[self.name].day)).date()
            return read_state(create_sessions(engine), self.tenant_id, today=today)
        finally:
            engine.dispose()

    @contextmanager
    def _copy(self) -> Iterator[str]:
        """Keep a copy of what is prepared within the block."""
        name = f"play_{self.name}"
        with self._administration() as execute:
            execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            # Copied as files, with a checkpoint, as a database that has stood for a while: a
            # copy by way of the log forgets in a crash which numbers a sequence has given away.
            execute(f"CREATE DATABASE {name} TEMPLATE {self.base} STRATEGY FILE_COPY")
        yield name

    @contextmanager
    def _administration(self) -> Iterator[Any]:
        engine = create_owner_engine(self.server.url()).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        try:
            with engine.connect() as connection:
                yield lambda statement: connection.execute(text(statement))
        finally:
            engine.dispose()


def _is_running(process_id: int) -> bool:
    """Return whether a process lives: one that nobody has buried yet does not."""
    try:
        status = Path(f"/proc/{process_id}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
