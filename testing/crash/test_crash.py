"""The power fails at every place at which something is written: the end is the same."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, select
from sqlalchemy.orm import Session, sessionmaker
from testing.crash.failpoints import Failpoints, PowerCutError, WatchedProviders, is_boundary
from testing.crash.kills import SETTINGS, Stage
from testing.crash.scenes import SCENES, House, Scene, connect
from testing.crash.state import State, differences, read_state
from testing.factories import add_transaction

from payymo.postgres.common.models import Account
from payymo.postgres.embedded import embedded_server
from payymo.postgres.tenancy import tenant_transaction


def act(house: House, scene: Scene) -> None:
    for each in scene.acts:
        each(house)
    house.work()


@contextmanager
def watching(house: House, engine: Engine, failpoints: Failpoints) -> Iterator[House]:
    """Return the house with failpoints wherever it writes or asks."""
    failpoints.watch(house.sessions, engine)
    providers = WatchedProviders(house.providers, failpoints)
    try:
        yield House(house.sessions, house.tenant_id, providers, house.clock)
    finally:
        failpoints.leave(house.sessions, engine)


@contextmanager
def undone(sessions: sessionmaker[Session]) -> Iterator[None]:
    """Forget at the end of the block whatever was written in it."""
    connection: Connection = sessions.kw["bind"]
    point = connection.begin_nested()
    try:
        yield
    finally:
        point.rollback()


def read(house: House) -> State:
    return read_state(house.sessions, house.tenant_id, today=house.clock.now.date())


@pytest.mark.parametrize("name", SCENES)
def test_whatever_was_written_before_it_is_gone_on_with(
    name: str, sessions: sessionmaker[Session], engine: Engine
) -> None:
    """Within one process: what was not committed is rolled back, and nothing else happens."""
    scene = SCENES[name]
    house = connect(sessions)
    scene.prepare(house)
    house.go_to(scene.day)
    whole = Failpoints()
    with undone(sessions):
        with watching(house, engine, whole) as watched:
            act(watched, scene)
        clean = read(house)

    for at, place in enumerate(whole.reached):
        if not is_boundary(place):
            continue
        house.go_to(scene.day)
        with undone(sessions):
            with watching(house, engine, Failpoints(at)) as watched, pytest.raises(PowerCutError):
                act(watched, scene)
            act(house, scene)
            assert differences(clean, read(house)) == [], f"after a power cut at {at}: {place}"


def test_a_worker_that_does_a_thing_twice_is_noticed(
    sessions: sessionmaker[Session], engine: Engine
) -> None:
    house = connect(sessions)
    house.work()
    clean = read(house)

    with tenant_transaction(sessions, house.tenant_id) as session:
        account = session.scalars(select(Account).order_by(Account.id)).first()
        assert account is not None
        account.failure_count += 1
        add_transaction(session, house.tenant_id, account)

    told = [line.split(" ")[:2] for line in differences(clean, read(house))]
    assert told == [["accounts:", "lacks"], ["accounts:", "has"], ["transactions:", "has"]]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """A renewal, on a server that is killed at will."""
    with (
        tempfile.TemporaryDirectory(prefix="payymo-test-") as folder,
        embedded_server(Path(folder), settings=SETTINGS) as server,
    ):
        yield Stage(server, "renewal")


@pytest.mark.xdist_group("crash")
class TestKilled:
    """Real processes and signals, at a few places; `make crash` tries all of them."""

    def test_another_worker_goes_on(self, stage: Stage) -> None:
        commits = [at for at, place in enumerate(stage.places) if place == "commit"]

        for at in (commits[0], commits[len(commits) // 2] + 1, commits[-1]):
            assert stage.kill_worker(at) == [], f"after a kill at {at}: {stage.places[at]}"

    def test_a_worker_goes_on_when_postgresql_is_back(self, stage: Stage) -> None:
        at = stage.places.index("INSERT INTO coverage_spans")

        assert stage.kill_server(at) == []
