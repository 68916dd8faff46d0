"""Rows of one day that state the balance after them, brought into an order.

The order of a day's rows is not known. But each row leads from one balance to another, its
balance-after less its amount to its balance-after; so the rows are the edges of a graph whose
vertices are balances, and an order in which each goes on from where the one before ended is an
Eulerian path through it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple


class Step(NamedTuple):
    """One row: what it changed, and the balance after it."""

    amount: Decimal
    balance_after: Decimal


def find_openings(steps: Iterable[Step]) -> Sequence[Decimal]:
    """Return the balances from which some rows, in some order, lead on without a break.

    One balance, where the rows change it; where they come to nothing together, any that they
    pass could be the first. None where no order exists: a row is missing in between, or doubled,
    or says something else than the others.

    :param steps: All rows of one day and currency; the cost is linear in their number.
    """
    neighbours: defaultdict[Decimal, list[Decimal]] = defaultdict(list)
    surplus: defaultdict[Decimal, int] = defaultdict(int)
    for step in steps:
        before, after = step.balance_after - step.amount, step.balance_after
        neighbours[before].append(after)
        neighbours[after].append(before)
        surplus[before] += 1
        surplus[after] -= 1
    if not neighbours or len(_reach(neighbours)) != len(neighbours):
        return ()
    uneven = sorted(count for count in surplus.values() if count)
    if not uneven:
        return tuple(neighbours)
    if uneven != [-1, 1]:
        return ()
    return tuple(balance for balance, count in surplus.items() if count == 1)


def _reach(neighbours: defaultdict[Decimal, list[Decimal]]) -> set[Decimal]:
    """Return the balances that rows connect with the first one."""
    first = next(iter(neighbours))
    reached, waiting = {first}, [first]
    while waiting:
        for balance in neighbours[waiting.pop()]:
            if balance not in reached:
                reached.add(balance)
                waiting.append(balance)
    return reached
