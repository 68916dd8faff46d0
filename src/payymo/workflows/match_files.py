"""Matching a book that stands in files, without a database."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from payymo.domain.matching.engine import propose
from payymo.workflows.match_lines import read_book, write_predictions

#: Told in a sentence what is going on.
type Progress = Callable[[str], None]

#: Proposals at least as sure as this are counted apart.
SURE = 0.95


@dataclass(frozen=True, slots=True)
class FileMatchReport:
    """What a matching of files found.

    :ivar ignored_count: Transactions that brought no money in.
    :ivar sure_count: Proposals with a confidence of at least :data:`SURE`.
    """

    payment_count: int
    ignored_count: int
    invoice_count: int
    proposal_count: int
    sure_count: int


def match_files(
    *,
    invoices: Path,
    transactions: Path,
    out: Path,
    progress: Progress,
) -> FileMatchReport:
    """Match the payments of one file to the invoices of another, and write what was found.

    :param invoices: JSON Lines of invoices.
    :param transactions: JSON Lines of bank transactions.
    :param out: File for the proposals.
    :param progress: Told in a sentence what is going on.
    :raises InvalidInputError: If a file cannot be read, written or understood.
    """
    book = read_book(invoices, transactions)
    progress(f"{len(book.payments):,} payments, {len(book.invoices):,} open invoices …")
    proposals = propose(book.payments, book.invoices, closed=book.closed).proposals
    write_predictions(out, proposals, book)
    return FileMatchReport(
        payment_count=len(book.payments),
        ignored_count=book.ignored_count,
        invoice_count=len(book.invoices),
        proposal_count=len(proposals),
        sure_count=sum(proposal.confidence >= SURE for proposal in proposals),
    )
