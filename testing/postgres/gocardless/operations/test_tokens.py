"""Tokens: sealed, shared, and replaced by one worker at a time."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW

from payymo.domain.banking import TokenPair
from payymo.domain.errors import ProviderUnavailableError
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.encryption import KeyRing
from payymo.postgres.gocardless.models import GcToken
from payymo.postgres.gocardless.operations.tokens import PostgresTokenStore

PAIR = TokenPair("access-1", NOW, "refresh-1", NOW + timedelta(days=30))
NEXT = TokenPair("access-2", NOW + timedelta(days=1), "refresh-1", NOW + timedelta(days=30))
KEYS = KeyRing([b"k" * 32])


def make_store(
    sessions: sessionmaker[Session],
    *,
    secret_id: str = "id",
    keys: KeyRing = KEYS,
    wait_seconds_max: float = 60,
) -> PostgresTokenStore:
    return PostgresTokenStore(
        sessions,
        keys,
        base_url="https://bank.test",
        secret_id=secret_id,
        wait_seconds_max=wait_seconds_max,
    )


class TestReadAndWrite:
    def test_what_was_written_last_is_read(self, sessions: sessionmaker[Session]) -> None:
        store = make_store(sessions)
        assert store.read() is None
        for pair in (PAIR, NEXT):
            store.write(pair)

            assert make_store(sessions).read() == pair

    def test_other_credentials_have_other_tokens(self, sessions: sessionmaker[Session]) -> None:
        make_store(sessions).write(PAIR)

        assert make_store(sessions, secret_id="other").read() is None

    def test_nothing_in_the_row_can_be_read_without_the_key(
        self, sessions: sessionmaker[Session]
    ) -> None:
        make_store(sessions).write(PAIR)

        with sessions.begin() as session:
            row = session.scalars(select(GcToken)).one()
        assert b"access-1" not in row.access
        assert b"refresh-1" not in row.refresh

    def test_tokens_that_a_lost_key_sealed_are_none(self, sessions: sessionmaker[Session]) -> None:
        make_store(sessions).write(PAIR)

        assert make_store(sessions, keys=KeyRing([b"x" * 32])).read() is None


class TestExclusive:
    @pytest.fixture
    def own_engine(self, database: str) -> Iterator[Engine]:
        engine = create_app_engine(database)
        yield engine
        engine.dispose()

    def test_one_is_inside_at_a_time_and_no_transaction_is_open(self, own_engine: Engine) -> None:
        store = make_store(create_sessions(own_engine))
        inside: list[int] = []
        open_transactions = text(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )

        def enter() -> None:
            with store.exclusive():
                inside.append(1)
                with own_engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT"
                ) as connection:
                    assert connection.scalar(open_transactions) == 0
                assert len(inside) == 1
                inside.pop()

        threads = [threading.Thread(target=enter) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=30)

        assert inside == []
        assert not any(thread.is_alive() for thread in threads)

    def test_other_credentials_do_not_wait(self, own_engine: Engine) -> None:
        sessions = create_sessions(own_engine)

        with make_store(sessions).exclusive(), make_store(sessions, secret_id="other").exclusive():
            pass

    def test_who_waits_for_too_long_is_told_to_come_back(self, own_engine: Engine) -> None:
        sessions = create_sessions(own_engine)
        patient, hasty = make_store(sessions), make_store(sessions, wait_seconds_max=0.1)

        with patient.exclusive(), pytest.raises(ProviderUnavailableError), hasty.exclusive():
            pytest.fail("two were inside")

        with hasty.exclusive():
            pass
