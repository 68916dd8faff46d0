"""Numbers of open invoices that are quoted by a slip of the hand: another's was meant."""

from collections.abc import Iterator, Mapping, Sequence

from payymo.domain.matching.index import InvoiceIndex
from payymo.domain.matching.payers import Payers, Rank
from payymo.domain.matching.reading import PLAIN_QUOTES, Quote, Reading, is_slip_of

#: Customers for whom so little speaks did not pay.
_PAYER_BITS_MIN = 4.0


def find_slipped(
    index: InvoiceIndex, reading: Reading, payers: Payers, quotes: Mapping[int, Quote]
) -> Iterator[tuple[int, int]]:
    """Yield quoted invoices with those that may have been meant: each quoted, then meant.

    Numbers are given in sequence, so that a slip leads to somebody else's open invoice more often
    than not. It shows where the payer seems to be, or the other numbers in the text are, a
    customer's who has an invoice open of the same amount, one slip away.
    """
    plain = [
        at
        for at, level in quotes.items()
        if level in PLAIN_QUOTES and level > Quote.STRUCTURED and reading.shared.get(at, 1) == 1
    ]
    for at in plain:
        customer, currency = index.customer_of[at], index.invoices[at].currency
        payer = payers.by_customer.get(customer)
        if payer is not None and payer.rank <= Rank.LEVEL:
            continue
        keys = index.slip_keys(at)
        for other in _likelier(index, payers, plain, at):
            for amount in {index.balances[at], reading.amount}:
                for meant in index.by_customer_amount.get((other, currency, amount), ()):
                    if meant not in quotes and is_slip_of(keys, index.slip_keys(meant)):
                        yield at, meant


def _likelier(index: InvoiceIndex, payers: Payers, plain: Sequence[int], at: int) -> set[int]:
    """Return the customers who are likelier meant than the one whose invoice is quoted."""
    customer = index.customer_of[at]
    likelier = {
        other
        for other, payer in payers.by_customer.items()
        if payer.bits >= _PAYER_BITS_MIN and payer.rank <= Rank.LEVEL
    }
    likelier.update(index.customer_of[each] for each in plain)
    likelier.discard(customer)
    return likelier
