"""Matching a book that stands in files, without a database."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from payymo.domain.matching.engine import Matcher
from payymo.workflows.garbage import nobody_looks_for_garbage
from payymo.workflows.match_lines import as_prediction, read_book, write_predictions
from payymo.workflows.match_workers import match_in_parts

#: Told in a sentence what is going on.
type Progress = Callable[[str], None]

#: Proposals at least as sure as this are counted apart.
SURE = 0.95

#: Less likely proposals are not written: they say little more than that nothing was found.
CONFIDENCE_MIN = 0.1


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
    history: Path | None = None,
    meta: Path | None = None,
    out: Path,
    progress: Progress,
    workers: int | None = None,
) -> FileMatchReport:
    """Match the payments of one file to the invoices of another, and write what was found.

    :param invoices: JSON Lines of invoices.
    :param transactions: JSON Lines of bank transactions.
    :param history: JSON Lines of confirmed past matches, if there are any.
    :param meta: JSON with mid rates, if they are known.
    :param out: File for the proposals.
    :param progress: Told in a sentence what is going on.
    :param workers: How many processes; as many as the size of the book calls for unless said.
    :raises InvalidInputError: If a file cannot be read, written or understood.
    """
    with nobody_looks_for_garbage():
        return _match(
            (invoices, transactions, history, meta), out, progress=progress, workers=workers
        )


def _match(
    files: tuple[Path, Path, Path | None, Path | None],
    out: Path,
    *,
    progress: Progress,
    workers: int | None,
) -> FileMatchReport:
    book = read_book(*files)
    payments, ignored_count = book.payments, book.ignored_count
    invoice_count = len(book.invoices)
    progress(f"{len(payments):,} payments, {invoice_count:,} open invoices …")
    matcher = Matcher(
        book.invoices,
        closed=book.closed,
        credits_open=book.credits_open,
        confirmations=book.confirmations,
        rates=book.rates,
    )
    # What was only read to be learnt from need not be held.
    del book
    currencies = {payment.id: payment.currency for payment in payments}
    lines = match_in_parts(
        matcher,
        payments,
        confidence_min=CONFIDENCE_MIN,
        present=lambda proposal: (
            proposal.confidence >= SURE,
            as_prediction(proposal, currencies[proposal.payment_id]),
        ),
        workers=workers,
    )
    write_predictions(out, (line for _is_sure, line in lines))
    return FileMatchReport(
        payment_count=len(payments),
        ignored_count=ignored_count,
        invoice_count=invoice_count,
        proposal_count=len(lines),
        sure_count=sum(is_sure for is_sure, _line in lines),
    )
