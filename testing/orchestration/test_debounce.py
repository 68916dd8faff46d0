"""When the warehouse is built after changes, played through on one clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from payymo.orchestration.debounce import COMMIT_MAX, QUIET, WAIT_MAX, Cursor, decide

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(seconds=30)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def play(changes: Sequence[datetime], *, until: datetime, shown: datetime | None) -> list[datetime]:
    """Return when builds are asked for, looking every 30 seconds; each build is done at once."""
    cursor, builds, now = Cursor(), [], NOON
    while now <= until:
        changed_at = max((change for change in changes if change <= now), default=None)
        decision = decide(Cursor.read(cursor.write()), changed_at=changed_at, shown=shown, now=now)
        cursor = decision.cursor
        if decision.is_due:
            builds.append(now)
            shown = now
        now += STEP
    return builds


class TestDecide:
    def test_nothing_is_built_where_nothing_ever_changed(self) -> None:
        decision = decide(Cursor(), changed_at=None, shown=None, now=NOON)

        assert not decision.is_due
        assert decision.reason == "Nothing has changed that the warehouse does not show."

    def test_what_is_shown_is_not_built_again(self) -> None:
        decision = decide(Cursor(), changed_at=NOON, shown=after(1), now=after(60))

        assert not decision.is_due

    def test_a_change_is_built_after_two_quiet_minutes(self) -> None:
        assert play([after(1)], until=after(60), shown=NOON) == [after(3)]

    def test_changes_that_go_on_are_built_after_fifteen_minutes(self) -> None:
        every_minute = [after(minute) for minute in range(1, 21)]

        # The first change is at 1; the last one before 16 is at 16, of which 16 shows nothing
        # later; those from 17 to 20 are quiet at 22.
        assert play(every_minute, until=after(60), shown=NOON) == [after(16), after(22)]

    def test_a_failing_build_is_not_asked_for_twice(self) -> None:
        first = decide(Cursor(), changed_at=NOON, shown=None, now=after(2))
        second = decide(first.cursor, changed_at=NOON, shown=None, now=after(3))

        assert (first.is_due, second.is_due) == (True, False)

    def test_what_was_noted_just_before_the_shown_moment_is_built(self) -> None:
        """It may have been committed after that moment, and then it is not shown."""
        shown = after(10)

        late = decide(Cursor(), changed_at=shown - COMMIT_MAX / 2, shown=shown, now=after(60))
        early = decide(Cursor(), changed_at=shown - COMMIT_MAX, shown=shown, now=after(60))

        assert (late.is_due, early.is_due) == (True, False)

    def test_it_says_what_it_waits_for(self) -> None:
        decision = decide(Cursor(), changed_at=NOON, shown=None, now=after(1))

        assert decision.reason == (
            "Changes go on: the warehouse is built at 12:02:00 UTC at the earliest."
        )

    @given(st.lists(st.integers(1, 240), max_size=40))
    def test_every_change_is_built_in_time_and_builds_keep_apart(self, halves: list[int]) -> None:
        changes = [NOON + STEP * half for half in sorted(halves)]

        builds = play(changes, until=NOON + STEP * 240 + WAIT_MAX, shown=NOON)

        for change in changes:
            assert any(change <= build <= change + WAIT_MAX for build in builds)
        assert all(later - sooner >= QUIET for sooner, later in pairwise(builds))
        assert len(builds) <= len(set(changes))


class TestCursor:
    def test_what_is_written_is_read(self) -> None:
        for cursor in (Cursor(), Cursor(NOON, None), Cursor(NOON, after(1))):
            assert Cursor.read(cursor.write()) == cursor

    def test_the_beginning_is_no_text(self) -> None:
        assert Cursor.read(None) == Cursor()
