"""Places at which the power may fail, reached without a word in the code that is tested.

They are found by listening to the sessions that a worker is given, and to the bank that it asks:
before each statement that writes, before and after each commit of such, and after each call.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import Provider
from payymo.providers.base import BankDataProvider, ProviderDirectory

_WRITES: Final = re.compile(
    r"\s*(INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)|\s*SELECT\s+(procrastinate_\w+)|\s*WITH\b.*?"
    r"\b(INSERT INTO|UPDATE|DELETE FROM)\b",
    re.DOTALL,
)


class PowerCutError(Exception):
    """The power failed: nothing that this process does has an effect any more."""


def is_boundary(place: str) -> bool:
    """Return whether what is written, or what holds outside, differs from the place before.

    In the midst of a transaction it does not: the transaction is rolled back wherever it is cut.
    """
    return place in {"committed", "answer revoke_consent"}


def cut_power() -> None:
    """Stand in for the end of a process, inside of one that goes on."""
    raise PowerCutError


class _Thread(threading.local):
    """What one thread does: a worker looks for stalled jobs in another than it works in.

    :ivar is_writing: Whether its transaction wrote something.
    """

    is_writing = False


@dataclass
class Failpoints:
    """The places that were reached, in order; at one of them the power fails.

    :ivar at: Number of the place at which it does, from 0; ``None`` is nowhere.
    :ivar strike: Lets it fail.
    :ivar is_dead: It has failed, and whatever comes after fails as well.
    """

    at: int | None = None
    strike: Callable[[], None] = cut_power
    reached: list[str] = field(default_factory=list)
    is_dead: bool = False
    _thread: _Thread = field(default_factory=_Thread)

    def reach(self, place: str) -> None:
        """Note that a place is reached."""
        if self.is_dead:
            self.strike()
        self.reached.append(place)
        if self.at == len(self.reached) - 1:
            self.is_dead = True
            self.strike()

    def watch(self, sessions: sessionmaker[Session], engine: Engine) -> None:
        """Reach a place before each writing statement, and about each commit.

        :param sessions: Opener of the transactions to watch.
        :param engine: What they speak through.
        """
        event.listen(engine, "before_cursor_execute", self._before_statement)
        event.listen(sessions, "before_commit", self._before_commit)
        event.listen(sessions, "after_commit", self._after_commit)

    def leave(self, sessions: sessionmaker[Session], engine: Engine) -> None:
        """Watch no more."""
        event.remove(engine, "before_cursor_execute", self._before_statement)
        event.remove(sessions, "before_commit", self._before_commit)
        event.remove(sessions, "after_commit", self._after_commit)

    def _before_statement(self, _: Any, __: Any, statement: str, *___: Any) -> None:
        if self.is_dead and not statement.startswith("ROLLBACK"):
            self.strike()
        if (found := _WRITES.match(statement)) is not None:
            self._thread.is_writing = True
            self.reach(" ".join(word for word in found.groups() if word))

    def _before_commit(self, session: Session) -> None:
        if self._thread.is_writing and not session.in_nested_transaction():
            self.reach("commit")

    def _after_commit(self, session: Session) -> None:
        if self._thread.is_writing and not session.in_nested_transaction():
            self._thread.is_writing = False
            self.reach("committed")


@dataclass
class WatchedProviders:
    """Providers of whose every call the end is a place."""

    directory: ProviderDirectory
    failpoints: Failpoints

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        bank: Any = _WatchedBank(self.directory.provider_for(tenant_id, provider), self.failpoints)
        found: BankDataProvider = bank
        return found


@dataclass
class _WatchedBank:
    bank: BankDataProvider
    failpoints: Failpoints

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.bank, name)
        if name == "translate":
            return call

        def watched(*arguments: Any, **named: Any) -> Any:
            answer = call(*arguments, **named)
            self.failpoints.reach(f"answer {name}")
            return answer

        return watched
