"""How right the matches are, against a truth that another wrote."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Truth:
    """What one incoming payment really paid.

    :ivar invoices: Numbers of the invoices; empty where it pays none.
    :ivar equivalents: For an invoice, others of the same customer that nothing in the payment
        tells apart from it: naming one of them is as right.
    """

    invoices: frozenset[str]
    equivalents: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Score:
    """Links (a payment, an invoice) found, against links that there are.

    :ivar precision: Share of the links found that are right; absent when none was found.
    :ivar recall: Share of the true links that were found; absent when there are none.
    """

    found: int
    right: int
    true: int

    @property
    def precision(self) -> float | None:
        """Share of the links found that are right."""
        return self.right / self.found if self.found else None

    @property
    def recall(self) -> float | None:
        """Share of the true links that were found."""
        return self.right / self.true if self.true else None


def score_links(found: Mapping[str, Sequence[str]], truth: Mapping[str, Truth]) -> Score:
    """Count how many links are right.

    :param found: Invoice numbers by payment, as matched.
    :param truth: What each payment really paid, by the same key.
    """
    right = 0
    for payment, invoices in found.items():
        right += _count_right(frozenset(invoices), truth.get(payment))
    return Score(
        found=sum(len(invoices) for invoices in found.values()),
        right=right,
        true=sum(len(entry.invoices) for entry in truth.values()),
    )


def _count_right(found: frozenset[str], truth: Truth | None) -> int:
    if truth is None:
        return 0
    hits = found & truth.invoices
    open_truths = set(truth.invoices - hits)
    right = len(hits)
    for number in sorted(found - hits):
        stand_in = next(
            (
                true
                for true in sorted(open_truths)
                if number in truth.equivalents.get(true, frozenset())
            ),
            None,
        )
        if stand_in is not None:
            open_truths.discard(stand_in)
            right += 1
    return right
