"""The one place where the benchmarks touch the engine.

What an engine can do is asked of it, so that the same benchmark measures an older one, too: one
that does not learn from the past, or holds no index between payments.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Held:
    """A book whose index is built, and held.

    :ivar match: Matches one payment.
    """

    payments: Sequence[Any]
    match: Callable[[Any], object]


def match_book(book: Path, out: Path) -> None:
    """Match a book as ``payymo match`` does for files, with all that the engine takes.

    :param book: The folder of the book.
    :param out: The file for the predictions.
    """
    match_files = import_module("payymo.workflows.match_files").match_files
    match_files(
        invoices=book / "invoices.jsonl",
        transactions=book / "transactions.jsonl",
        out=out,
        progress=lambda _sentence: None,
        **_past_and_rates(book, match_files),
    )


def holds_index() -> bool:
    """Return whether the engine can hold a book's index from one payment to the next."""
    return hasattr(import_module("payymo.domain.matching.engine"), "Matcher")


def hold(book: Path) -> Held:
    """Return a book with its index built.

    :param book: The folder of the book.
    :raises AttributeError: The engine holds no index.
    """
    engine = import_module("payymo.domain.matching.engine")
    read_book = import_module("payymo.workflows.match_lines").read_book
    known = read_book(
        book / "invoices.jsonl",
        book / "transactions.jsonl",
        **_past_and_rates(book, read_book),
    )
    matcher = engine.Matcher(
        known.invoices,
        closed=known.closed,
        credits_open=known.credits_open,
        confirmations=known.confirmations,
        rates=known.rates,
    )
    return Held(known.payments, lambda payment: matcher.propose([payment]))


def _past_and_rates(book: Path, verb: Callable[..., object]) -> dict[str, Path]:
    files = {"history": book / "history.jsonl", "meta": book / "meta.json"}
    taken = inspect.signature(verb).parameters
    return {name: file for name, file in files.items() if name in taken}
