"""When to build the warehouse after changes: soon after the last one, and not for each of them."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final, Self

#: Built when nothing changed for so long …
QUIET: Final = timedelta(minutes=2)
#: … and at the latest so long after the first change that is not shown yet.
WAIT_MAX: Final = timedelta(minutes=15)
#: What was noted so shortly before the moment that the warehouse shows may have been committed
#: after it.
COMMIT_MAX: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Cursor:
    """What is remembered between two looks.

    :ivar waiting_since: When the first change was made, or seen, that no build was asked for.
    :ivar asked_for: The latest change for which a build was asked: it is not asked for twice, even
        where that build fails.
    """

    waiting_since: datetime | None = None
    asked_for: datetime | None = None

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Return what was written; the beginning where nothing was.

        :param text: What :meth:`write` returned.
        """
        told = json.loads(text) if text else {}
        return cls(
            **{name: value and datetime.fromisoformat(value) for name, value in told.items()}
        )

    def write(self) -> str:
        """Return it as a text."""
        return json.dumps(asdict(self), default=datetime.isoformat)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to build now.

    :ivar cursor: What to remember.
    :ivar reason: Why, or why not, in a sentence.
    """

    is_due: bool
    cursor: Cursor
    reason: str


def decide(
    cursor: Cursor, *, changed_at: datetime | None, shown: datetime | None, now: datetime
) -> Decision:
    """Return whether it is time to build.

    :param cursor: What was remembered at the last look.
    :param changed_at: When anything last changed (aware); ``None`` if nothing ever did.
    :param shown: The moment that the warehouse shows (aware); ``None`` before the first build.
    :param now: The time (aware).
    """
    is_shown = (
        changed_at is None
        or (shown is not None and changed_at <= shown - COMMIT_MAX)
        or (cursor.asked_for is not None and changed_at <= cursor.asked_for)
    )
    if changed_at is None or is_shown:
        return Decision(
            is_due=False,
            cursor=Cursor(None, cursor.asked_for),
            reason="Nothing has changed that the warehouse does not show.",
        )
    since = cursor.waiting_since or changed_at
    if now - changed_at >= QUIET or now - since >= WAIT_MAX:
        return Decision(
            is_due=True,
            cursor=Cursor(None, changed_at),
            reason=f"Changes until {changed_at:%Y-%m-%d %H:%M:%S} UTC are not shown yet.",
        )
    due_at = min(changed_at + QUIET, since + WAIT_MAX)
    return Decision(
        is_due=False,
        cursor=Cursor(since, cursor.asked_for),
        reason=f"Changes go on: the warehouse is built at {due_at:%H:%M:%S} UTC at the earliest.",
    )
