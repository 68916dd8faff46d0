"""What else an amount may mean, seen beside all that the customer has open.

An explanation whose amount is not exact competes with others that are never put forward, because
each would be unlikely: two subscriptions less a bank's fee, say, where a cent is missing from one.
They are not likely enough to be proposed, and too likely for anything else to be sure.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, combinations

from payymo.domain.enums import AmountClass
from payymo.domain.matching import features as f
from payymo.domain.matching.amounts import is_round_fee
from payymo.domain.matching.index import EARLY_DAYS, InvoiceIndex
from payymo.domain.matching.reading import Reading

#: So many of the oldest open invoices are looked at.
_OPEN_MAX = 8
_RUN_MAX = 5

#: Of small sums a fee may be the better part.
_FEE_SHARE_MAX = 0.8
_TWO = 2

_OVER = f.FITS.index("over")
_AT_MID_RATE = frozenset((AmountClass.NEAR_MID_RATE, AmountClass.FAR_FROM_MID_RATE))


def other_meanings(
    index: InvoiceIndex,
    reading: Reading,
    members: Sequence[int],
    found: AmountClass,
    class_abroad: Callable[[str, int], AmountClass | None],
    *,
    is_plain: bool,
) -> Iterator[int]:
    """Yield a feature for each other meaning that the amount may as well have.

    :param index: The open invoices.
    :param reading: What the payment says.
    :param members: Places of the invoices that are explained to be paid.
    :param found: How the amount relates to them.
    :param class_abroad: How the amount relates to a sum in another currency.
    :param is_plain: Whether a number says which invoices are meant, and there is no other.
    """
    if found in _AT_MID_RATE:
        if _is_near_with_other(index, reading, members, class_abroad):
            yield f.OTHERWISE["more_abroad"]
        return
    if found is AmountClass.EXACT:
        balances = [index.balances[at] for at in members]
        if len(members) == _TWO and balances[0] == balances[1]:
            yield f.OTHERWISE["twice"]
        return
    balances = [index.balances[at] for at in members]
    if f.FIT_OF[found] == _OVER:
        if _is_topped(index, reading, members, reading.amount - sum(balances)):
            yield f.OTHERWISE["topped"]
    elif not is_plain and _is_sum_less_fee(
        balances, [index.balances[at] for at in _others(index, reading, members)], reading.amount
    ):
        yield f.OTHERWISE["less_fee"]


def _others(index: InvoiceIndex, reading: Reading, members: Sequence[int]) -> list[int]:
    """Return the customer's oldest other invoices in the same currency that could be paid, too."""
    customer = index.customers[index.customer_of[members[0]]]
    if len(customer.invoices) == len(members):
        return []
    currency = index.invoices[members[0]].currency
    latest = reading.booked + EARLY_DAYS
    found = []
    for at in customer.invoices:
        if at in members or index.issued[at] > latest:
            continue
        if index.invoices[at].currency == currency:
            found.append(at)
            if len(found) == _OPEN_MAX:
                break
    return found


def _is_topped(index: InvoiceIndex, reading: Reading, members: Sequence[int], over: int) -> bool:
    """Return whether what is paid too much is open of the same customer, or is quoted."""
    customer, currency = index.customer_of[members[0]], index.invoices[members[0]].currency
    equal = index.by_customer_amount.get((customer, currency, over), ())
    quoted = (at for at in reading.hits if index.balances[at] == over)
    return any(at not in members for at in (*equal, *quoted))


def _is_sum_less_fee(balances: Sequence[int], others: Sequence[int], amount: int) -> bool:
    """Return whether an amount is the sum of other invoices than it seems, less a round fee.

    Any two are asked, and runs of several; or just one less of those that it seems to be.

    :param balances: Of the invoices that it seems to be for.
    :param others: Of the customer's other invoices.
    """
    total = sum(balances)
    if len(balances) > 1 and total - amount in balances:
        return True
    if not others:
        return False
    every = [*balances, *others]
    pairs = (one + other for one, other in combinations(every, 2))
    return any(
        each != total and is_round_fee(each, amount, share_max=_FEE_SHARE_MAX)
        for each in (*pairs, *accumulate(every[:_RUN_MAX]))
    )


def _is_near_with_other(
    index: InvoiceIndex,
    reading: Reading,
    members: Sequence[int],
    class_abroad: Callable[[str, int], AmountClass | None],
) -> bool:
    """Return whether the amount is as near the mid rate with one invoice more, or one less."""
    currency = index.invoices[members[0]].currency
    total = sum(index.balances[at] for at in members)
    more = (total + index.balances[at] for at in _others(index, reading, members))
    less = (total - index.balances[at] for at in members) if len(members) > 1 else ()
    return any(class_abroad(currency, each) is AmountClass.NEAR_MID_RATE for each in (*more, *less))
