"""Who gets which invoice, when several payments want the same ones."""

import heapq
from collections.abc import Iterator, Sequence

from payymo.domain.enums import AmountClass
from payymo.domain.matching.amounts import CENT
from payymo.domain.matching.competition import Claim
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.index import InvoiceIndex

#: Explanations whose scores differ by less than this are as good as each other.
TIE_BITS = 1.0

#: Amounts in another currency than the invoice's.
FOREIGN = frozenset(
    (AmountClass.INSTRUCTED, AmountClass.NEAR_MID_RATE, AmountClass.FAR_FROM_MID_RATE)
)


class Grant:
    """What one payment got.

    :ivar place: Which of its candidates.
    :ivar members: Places of the invoices, with what of the payment goes to each; equal siblings may
        have taken the place of the candidate's own.
    :ivar left: Equal siblings that were left.
    """

    __slots__ = ("left", "members", "place")

    def __init__(
        self, place: int, members: tuple[tuple[int, int], ...], left: tuple[int, ...]
    ) -> None:
        self.place = place
        self.members = members
        self.left = left


def allocate(
    index: InvoiceIndex, claims: Sequence[Claim], *, probability_min: float
) -> dict[int, Grant]:
    """Return what each payment gets, by its number, so that no balance is given twice.

    Payments that can mean one thing only come first, so that those with a choice do not take what
    they need; then the surest, then the earliest. Where a payment then finds its invoices
    taken by one that could do as well with others, that one gives way, if both together gain.
    """
    return _Allocation(index, claims, probability_min).run()


class _Allocation:
    def __init__(
        self, index: InvoiceIndex, claims: Sequence[Claim], probability_min: float
    ) -> None:
        self.index = index
        self.claims = claims
        self.by_number = {claim.number: claim for claim in claims}
        self.probability_min = probability_min
        #: By place of an invoice, what of it is given; by ``~place`` of a credit, whether it is.
        self.taken: dict[int, int] = {}
        self.holders: dict[int, list[int]] = {}
        self.grants: dict[int, Grant] = {}

    def run(self) -> dict[int, Grant]:
        queue: list[tuple[int, float, int, int]] = []
        for claim in self.claims:
            queue += [
                (*_order(candidate, claim, place), place)
                for place, candidate in enumerate(claim.candidates)
                if claim.probabilities[place] >= self.probability_min
            ]
        heapq.heapify(queue)
        late: list[tuple[int, int]] = []
        while queue:
            _rank, _first, number, place = heapq.heappop(queue)
            if number not in self.grants and not self._take(number, place):
                late.append((number, place))
        for number, place in late:
            if number not in self.grants:
                self._take_over(number, place)
        return self.grants

    def _take(self, number: int, place: int) -> bool:
        claim = self.by_number[number]
        candidate = claim.candidates[place]
        for chosen in self._choices(candidate):
            members = share_out(self.index, claim.amount, chosen, candidate)
            if all(self._is_free(at, amount, candidate) for at, amount in members) and not any(
                self.taken.get(~each) for each in candidate.credits
            ):
                left = tuple(
                    at for at in (*candidate.members, *candidate.siblings) if at not in chosen
                )
                self._grant(number, Grant(place, members, left if candidate.siblings else ()))
                return True
        return False

    def _choices(self, candidate: Candidate) -> Iterator[Sequence[int]]:
        """Yield the invoices that the candidate may mean, the oldest debts first."""
        yield candidate.members
        for at in candidate.siblings:
            yield (at,)
        if candidate.spares:
            free = [at for at in candidate.spares if not self.taken.get(at)]
            chosen = []
            for at in candidate.members:
                if at not in candidate.fixed and self.taken.get(at):
                    balance = self.index.balances[at]
                    instead = next(
                        (each for each in free if self.index.balances[each] == balance), None
                    )
                    if instead is None:
                        return
                    free.remove(instead)
                    chosen.append(instead)
                else:
                    chosen.append(at)
            yield sorted(chosen, key=self.index.order.__getitem__)

    def _is_free(self, at: int, amount: int, candidate: Candidate) -> bool:
        wanted = self._settles(at, amount, candidate)
        return self.taken.get(at, 0) + wanted <= self.index.balances[at]

    def _settles(self, at: int, amount: int, candidate: Candidate) -> int:
        """Return what of an invoice's balance an amount takes.

        That is all of it across currencies, and where credit settles the rest.
        """
        is_whole = candidate.amount_class in FOREIGN or candidate.credits
        return self.index.balances[at] if is_whole else amount

    def _grant(self, number: int, grant: Grant) -> None:
        self.grants[number] = grant
        candidate = self.by_number[number].candidates[grant.place]
        for at, amount in grant.members:
            self.taken[at] = self.taken.get(at, 0) + self._settles(at, amount, candidate)
            self.holders.setdefault(at, []).append(number)
        for each in candidate.credits:
            self.taken[~each] = 1

    def _revoke(self, number: int) -> Grant:
        grant = self.grants.pop(number)
        candidate = self.by_number[number].candidates[grant.place]
        for at, amount in grant.members:
            self.taken[at] -= self._settles(at, amount, candidate)
            self.holders[at].remove(number)
        for each in candidate.credits:
            self.taken[~each] = 0
        return grant

    def _take_over(self, number: int, place: int) -> None:
        """Give a payment what another holds that can do with something else, if both gain."""
        claim = self.by_number[number]
        gain = claim.probabilities[place]
        candidate = claim.candidates[place]
        holders = {
            holder
            for chosen in self._choices(candidate)
            for at in chosen
            for holder in self.holders.get(at, ())
        }
        if len(holders) != 1:
            return
        (holder,) = holders
        other = self.by_number[holder]
        before = self._revoke(holder)
        if self._take(number, place):
            for instead, probability in enumerate(other.probabilities):
                loss = other.probabilities[before.place] - probability
                if (
                    probability >= self.probability_min
                    and gain > loss
                    and self._take(holder, instead)
                ):
                    return
            self._revoke(number)
        self._grant(holder, before)


#: Less likely explanations are served last.
_LIKELY = 0.4


def _order(candidate: Candidate, claim: Claim, place: int) -> tuple[int, float, int]:
    """Return when a claim is served.

    Equal debts are served in order of time: an earlier payment cannot have meant an invoice that
    was issued later, so that it has less to choose from.
    """
    probability = claim.probabilities[place]
    if probability < _LIKELY:
        return 2, -probability, claim.number
    if candidate.siblings or candidate.spares:
        return 1, 0.0, claim.number
    return 0, -probability, claim.number


def share_out(
    index: InvoiceIndex, amount: int, members: Sequence[int], candidate: Candidate
) -> tuple[tuple[int, int], ...]:
    """Return what each invoice gets of an amount, the oldest first."""
    if candidate.amount_class in FOREIGN:
        return _in_proportion(index, amount, members)
    short = sum(index.balances[at] for at in members) - amount
    if short <= 0 or len(members) == 1:
        return tuple((at, index.balances[at] if short <= 0 else amount) for at in members)
    # What is missing is missing from the last debt, or from the largest if it is more than that.
    last = members[-1]
    if index.balances[last] <= short:
        last = max(members, key=lambda at: (index.balances[at], index.order[at]))
    if index.balances[last] > short:
        return tuple((at, index.balances[at] - (short if at == last else 0)) for at in members)
    return _in_proportion(index, amount, members)


def _in_proportion(
    index: InvoiceIndex, amount: int, members: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Return what each invoice gets of an amount, in proportion to its balance."""
    total = sum(index.balances[at] for at in members)
    shares = [amount * index.balances[at] // total // CENT * CENT for at in members]
    shares[-1] += amount - sum(shares)
    return tuple(zip(members, shares, strict=True))
