"""What a piece of work tells while it is done, as an iterator."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event


class _AbandonedError(Exception):
    """Nobody listens any more: the work is to end."""


def stream[Told](work: Callable[[Callable[[Told], None]], None]) -> Iterator[Told]:
    """Yield what a piece of work tells, at once, while it is done in a thread.

    Where the iterator is closed early, or its consumer interrupted, the work is stopped the next
    time that it tells anything.

    :param work: Does it, and tells the function that it is given.
    :raises BaseException: What the work raised.
    """
    told: SimpleQueue[Told | None] = SimpleQueue()
    is_abandoned = Event()

    def tell(what: Told) -> None:
        if is_abandoned.is_set():
            raise _AbandonedError
        told.put(what)

    with ThreadPoolExecutor(1) as pool:
        doing: Future[None] = pool.submit(work, tell)
        doing.add_done_callback(lambda _: told.put(None))
        try:
            while (what := told.get()) is not None:
                yield what
        except BaseException:
            is_abandoned.set()
            raise
        doing.result()
