"""Two things done to one connection at once: as if one had come after the other."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, select, text
from testing.crash.scenes import SCENES, DirectoryOfOne, House, StagedBank, connect, make_bank
from testing.crash.state import State, differences, read_state
from testing.fakes import FakeClock

from payymo.domain.banking import Statement
from payymo.domain.enums import SyncTrigger
from payymo.jobs.app import PostgresJobQueue
from payymo.postgres.common.models import Account, Connection
from payymo.postgres.common.operations.connections import lock_connection
from payymo.postgres.common.operations.sync_runs import lock_account
from payymo.postgres.core import create_app_engine, create_owner_engine, create_sessions
from payymo.postgres.embedded import EmbeddedServer
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import Permit
from payymo.workflows.sync import sync_connection

#: What is prepared once is prepared once.
pytestmark = pytest.mark.xdist_group("at_once")

_SECONDS_MAX: Final = 60

type Act = Callable[[House], None]


def sync(house: House) -> None:
    """Sync at once, whatever else is being done."""
    sync_connection(
        house.sessions,
        house.providers,
        PostgresJobQueue(),
        tenant_id=house.tenant_id,
        connection_id=connection_id(house),
        trigger=SyncTrigger.REQUEST,
        clock=house.clock,
    )


def connection_id(house: House) -> UUID:
    with tenant_transaction(house.sessions, house.tenant_id) as session:
        return session.scalars(select(Connection.id)).one()


class Grounds:
    """Scenes that were prepared once, each to be played in copies of its database."""

    def __init__(self, server: EmbeddedServer, template: str) -> None:
        self._server, self._template = server, template
        self._prepared: dict[str, tuple[str, UUID]] = {}

    @contextmanager
    def house(self, scene: str) -> Iterator[House]:
        """Keep a house in which a scene is prepared within the block."""
        if scene not in self._prepared:
            self._prepared[scene] = self._prepare(scene)
        name, tenant_id = self._prepared[scene]
        with self._copy(name) as copy:
            engine = create_app_engine(self._server.url(copy))
            event.listen(engine, "connect", _lose_patience)
            providers = DirectoryOfOne(make_bank(0))
            house = House(create_sessions(engine), tenant_id, providers, FakeClock())
            house.go_to(SCENES[scene].day)
            yield house
            engine.dispose()

    def end(self) -> None:
        for name, _ in self._prepared.values():
            self._administrate(f"DROP DATABASE {name} WITH (FORCE)")

    def _prepare(self, scene: str) -> tuple[str, UUID]:
        name = self._create(self._template)
        engine = create_app_engine(self._server.url(name))
        house = connect(create_sessions(engine))
        SCENES[scene].prepare(house)
        engine.dispose()
        return name, house.tenant_id

    @contextmanager
    def _copy(self, template: str) -> Iterator[str]:
        name = self._create(template)
        try:
            yield name
        finally:
            self._administrate(f"DROP DATABASE {name} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"payymo_test_{uuid4().hex}"
        self._administrate(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _administrate(self, statement: str) -> None:
        engine = create_owner_engine(self._server.url())
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        engine.dispose()


def _lose_patience(connection: Any, _: object) -> None:
    """Whoever waits for a lock for longer than that has met another who waits for him."""
    connection.execute("SET lock_timeout = '20s'")
    connection.commit()


@pytest.fixture(scope="module")
def grounds(server: EmbeddedServer, template: str) -> Iterator[Grounds]:
    grounds = Grounds(server, template)
    yield grounds
    grounds.end()


def state_of(house: House) -> State:
    """Return what there is when all work is done, but for what tells in which order it was."""
    house.work()
    state = dict(read_state(house.sessions, house.tenant_id, today=house.clock.now.date()))
    work = state.pop("work")
    assert (work["waiting"], work["unfinished"], work["running"]) == ([], [], 0)
    return state


def at_once(house: House, *acts: Act) -> None:
    """Do several things, all of which begin at the same time."""
    line = threading.Barrier(len(acts))

    def begin(act: Act) -> None:
        line.wait(_SECONDS_MAX)
        act(house)

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(begin, act) for act in acts]:
            done.result(_SECONDS_MAX)


PAIRS: Final[Mapping[str, tuple[str, Act, Act]]] = {
    "two syncs": ("changes", sync, sync),
    "a sync and a renewal": ("renewal", sync, House.finish),
    "a sync and a replay": ("replay", sync, House.replay),
    "a sync and a reversal": ("reversal", sync, House.revert),
    "a replay and a renewal": ("renewal", House.replay, House.finish),
    "a replay and a reversal": ("reversal", House.replay, House.revert),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_it_is_as_if_one_had_come_after_the_other(pair: str, grounds: Grounds) -> None:
    scene, one, other = PAIRS[pair]
    with grounds.house(scene) as house:
        at_once(house, one, other)
        found = state_of(house)

    told = []
    for order in ((one, other), (other, one)):
        with grounds.house(scene) as house:
            for act in order:
                act(house)
            told.append(differences(state_of(house), found))
        if not told[-1]:
            return
    pytest.fail(f"neither one nor the other: {told}")


@dataclass
class SlowBank(StagedBank):
    """A bank that answers when it may."""

    may_answer: threading.Event = field(default_factory=threading.Event)

    def read_transactions(
        self,
        account_reference: str,
        *,
        since: date | None,
        until: date | None = None,
        permit: Permit | None = None,
    ) -> Statement:
        assert self.may_answer.wait(_SECONDS_MAX)
        return super().read_transactions(account_reference, since=since, until=until, permit=permit)


@pytest.mark.parametrize(
    ("scene", "act"),
    [("renewal", House.finish), ("replay", House.replay), ("reversal", House.revert)],
)
def test_what_was_asked_before_something_is_written_after_it(
    scene: str, act: Act, grounds: Grounds
) -> None:
    with grounds.house(scene) as house:
        act(house)
        sync(house)
        expected = state_of(house)

    with grounds.house(scene) as house:
        bank = make_bank(SCENES[scene].day)
        slow = SlowBank(**{each.name: getattr(bank, each.name) for each in fields(bank)})
        asking = replace(house, providers=DirectoryOfOne(slow))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(sync, asking)
            act(house)
            slow.may_answer.set()
            asked.result(_SECONDS_MAX)
        assert differences(expected, state_of(house)) == []


def test_a_replay_waits_for_nobody_who_will_wait_for_it(grounds: Grounds) -> None:
    """A reversal and a renewal lock the connection first, and then its accounts."""
    with grounds.house("replay") as house:
        connection = connection_id(house)
        with tenant_transaction(house.sessions, house.tenant_id) as session:
            lock_connection(session, house.tenant_id, connection)

            at_once(house, House.replay)

            for account_id in session.scalars(select(Account.id)).all():
                lock_account(session, house.tenant_id, account_id)
