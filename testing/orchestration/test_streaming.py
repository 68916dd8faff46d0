"""Work that is told of while it is done."""

from collections.abc import Callable
from threading import Event

import pytest

from payymo.orchestration.streaming import stream


def test_what_is_told_comes_at_once_and_in_order() -> None:
    goes_on = Event()

    def work(tell: Callable[[int], None]) -> None:
        tell(1)
        assert goes_on.wait(10)
        tell(2)

    told = stream(work)

    assert next(told) == 1
    goes_on.set()
    assert list(told) == [2]


def test_what_the_work_raises_comes_after_what_it_told() -> None:
    def work(tell: Callable[[str], None]) -> None:
        tell("first")
        raise LookupError("second")

    told = stream(work)

    assert next(told) == "first"
    with pytest.raises(LookupError, match="second"):
        next(told)


def test_work_that_nobody_listens_to_ends_the_next_time_that_it_tells() -> None:
    ended = Event()

    def work(tell: Callable[[int], None]) -> None:
        try:
            for number in range(1_000_000_000):
                tell(number)
        finally:
            ended.set()

    told = stream(work)
    next(told)

    told.close()  # type: ignore[attr-defined]  # a generator

    assert ended.is_set()
