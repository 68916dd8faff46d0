"""Which invoices of one customer add up to an amount."""

from collections.abc import Sequence

_SIZE_MAX = 9
_SOLUTIONS_MAX = 8
_STEPS_MAX = 3_000


def find_subsets(amounts: Sequence[int], target: int) -> list[tuple[int, ...]]:
    """Return the ways to reach an amount with some of several amounts.

    Equal amounts are interchangeable: the earliest are taken, and only one of such ways is given.
    The search gives up after a fixed number of steps, with what it has found.

    :param amounts: Positive amounts, in the order of preference.
    :param target: The sum to reach; positive.
    :returns: Positions in ``amounts``, each way in rising order; at most 8 ways of at most 9.
    """
    positions: dict[int, list[int]] = {}
    for position, amount in enumerate(amounts):
        if amount <= target:
            positions.setdefault(amount, []).append(position)
    distinct = sorted(positions, reverse=True)
    reachable = [0] * (len(distinct) + 1)
    for at in range(len(distinct) - 1, -1, -1):
        reachable[at] = reachable[at + 1] + distinct[at] * len(positions[distinct[at]])
    search = _Search(distinct, positions, reachable)
    search.descend(0, target, ())
    return search.found


class _Search:
    def __init__(
        self, distinct: Sequence[int], positions: dict[int, list[int]], reachable: Sequence[int]
    ) -> None:
        self.distinct = distinct
        self.positions = positions
        self.reachable = reachable
        self.found: list[tuple[int, ...]] = []
        self.steps = 0

    def descend(self, at: int, rest: int, chosen: tuple[int, ...]) -> None:
        """Decide how many of the amount at ``at`` to take, and go on with the smaller ones."""
        self.steps += 1
        if rest == 0:
            self.found.append(tuple(sorted(chosen)))
            return
        if self._is_over(at, rest):
            return
        amount = self.distinct[at]
        places = self.positions[amount]
        most = min(len(places), rest // amount, _SIZE_MAX - len(chosen))
        for count in range(most, -1, -1):
            self.descend(at + 1, rest - amount * count, chosen + tuple(places[:count]))

    def _is_over(self, at: int, rest: int) -> bool:
        return (
            rest > self.reachable[at]
            or self.steps > _STEPS_MAX
            or len(self.found) >= _SOLUTIONS_MAX
        )
