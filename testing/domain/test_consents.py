"""The life of a connection, every pair of state and event spelt out by hand."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.consents import READABLE, due_warning, next_status
from payymo.domain.enums import ConnectionEvent, ConnectionStatus
from payymo.domain.errors import ConflictError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: Rows: what happens; columns: how it stood. A dash is what cannot happen.
TABLE = """
            pending active  expiring expired revoked suspended error
ASKED       pending active  expiring expired revoked suspended pending
GRANTED     active  active  active   active  active  active    active
REFUSED     error   active  expiring expired revoked suspended error
NEARED_END  -       expiring expiring -      -       -         -
RAN_OUT     -       expired expired  -       -       -         -
SUSPENDED   -       suspended suspended -    -       -         -
ENDED       revoked revoked revoked  revoked revoked revoked   revoked
"""
_HEAD, *_ROWS = [line.split() for line in TABLE.strip().splitlines()]
CASES = [
    (ConnectionStatus(before), ConnectionEvent[row[0]], after)
    for row in _ROWS
    for before, after in zip(_HEAD, row[1:], strict=True)
]


def test_the_table_is_complete() -> None:
    assert len(CASES) == len(ConnectionStatus) * len(ConnectionEvent)


@pytest.mark.parametrize(("before", "event", "after"), CASES)
def test_each_event_leads_where_the_table_says(
    before: ConnectionStatus, event: ConnectionEvent, after: str
) -> None:
    if after == "-":
        with pytest.raises(ConflictError, match=rf"is {before} cannot be {event}"):
            next_status(before, event)
    else:
        assert next_status(before, event) is ConnectionStatus(after)


def test_a_connection_is_read_until_its_very_end() -> None:
    assert {ConnectionStatus.ACTIVE, ConnectionStatus.EXPIRING} == READABLE


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=14, seconds=1), None),
        (timedelta(days=14), 14),
        (timedelta(days=7, seconds=1), 14),
        (timedelta(days=7), 7),
        (timedelta(days=1, seconds=1), 7),
        (timedelta(days=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(0), None),
        (timedelta(days=-1), None),
    ],
)
def test_the_most_urgent_warning_is_due(left: timedelta, days: int | None) -> None:
    assert due_warning(NOW + left, now=NOW) == days


def test_of_an_end_that_nobody_knows_nobody_is_warned() -> None:
    assert due_warning(None, now=NOW) is None


@given(st.lists(st.timedeltas(timedelta(0), timedelta(days=100)), min_size=1))
def test_warnings_only_grow_more_urgent(times: list[timedelta]) -> None:
    end = NOW + timedelta(days=90)
    due = [due_warning(end, now=NOW + passed) for passed in sorted(times)]
    told = [days for days in due if days is not None]
    assert told == sorted(told, reverse=True)
