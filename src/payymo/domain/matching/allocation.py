"""Who gets which invoice, when several payments want the same ones."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from payymo.domain.matching.index import InvoiceIndex
from payymo.domain.matching.records import (
    Payment,
    PaymentId,
    Proposal,
    ProposedAllocation,
    RunnerUp,
)
from payymo.domain.matching.scoring import Explanation, probabilities

#: Explanations whose scores differ by less than this are as good as each other.
_TIE_BITS = 1.0

#: Less likely explanations than this are never proposed.
_LIKELY = 0.01
_KEPT_MIN = 2


@dataclass(frozen=True, slots=True)
class Claim:
    """One payment with everything that it may be for, likeliest first."""

    payment: Payment
    explanations: Sequence[Explanation]
    probabilities: Sequence[float]

    @classmethod
    def of(cls, payment: Payment, explanations: Sequence[Explanation]) -> "Claim":
        """Return the claim of a payment with these explanations.

        The unlikely ones count against the others and are then forgotten, all but the next best.
        """
        judged = probabilities(explanations)
        kept = sum(probability >= _LIKELY for probability in judged)
        kept = max(kept, _KEPT_MIN)
        return cls(payment, explanations[:kept], judged[:kept])


def allocate(
    index: InvoiceIndex, claims: Sequence[Claim], *, confidence_min: float
) -> tuple[Proposal, ...]:
    """Return at most one proposal for each payment, so that no balance is claimed twice.

    Payments that can mean one thing only come first, so that those with a choice do not take what
    they need; then the surest, then the earliest. An explanation whose invoices are taken
    stays in the reckoning: its probability is not given to the others.
    """
    remaining = [invoice.balance for invoice in index.invoices]
    proposals: dict[PaymentId, Proposal] = {}
    queue = [
        (_priority(claim, 0), number, 0)
        for number, claim in enumerate(claims)
        if claim.explanations
    ]
    heapq.heapify(queue)
    while queue:
        _first, number, rank = heapq.heappop(queue)
        claim = claims[number]
        if claim.probabilities[rank] < confidence_min:
            continue
        chosen = _affordable(claim.explanations[rank], remaining)
        if chosen is None:
            if rank + 1 < len(claim.explanations):
                heapq.heappush(queue, (_priority(claim, rank + 1), number, rank + 1))
            continue
        for at, amount in chosen.members:
            remaining[at] -= amount
        proposals[claim.payment.id] = _proposal(index, claim, rank, chosen)
    return tuple(proposals[claim.payment.id] for claim in claims if claim.payment.id in proposals)


def _priority(claim: Claim, rank: int) -> tuple[object, ...]:
    payment, explanation = claim.payment, claim.explanations[rank]
    has_choice = bool(explanation.siblings) or explanation.other_solutions > 0
    return (has_choice, -claim.probabilities[rank], payment.booking_date, str(payment.id))


def _affordable(explanation: Explanation, remaining: Sequence[Decimal]) -> Explanation | None:
    """Return the explanation, or an equal sibling of it, if enough is left to pay for it."""
    free = [
        sibling
        for sibling in (explanation, *explanation.siblings)
        if all(amount <= remaining[at] for at, amount in sibling.members)
    ]
    if not free:
        return None
    return replace(free[0], bits=explanation.bits, siblings=tuple(free[1:]))


def _proposal(index: InvoiceIndex, claim: Claim, rank: int, chosen: Explanation) -> Proposal:
    rivals = [rival for place, rival in enumerate(claim.explanations) if place != rank]
    is_tie = (
        bool(chosen.siblings)
        or chosen.other_solutions > 0
        or any(rival.bits > chosen.bits - _TIE_BITS for rival in rivals)
    )
    return Proposal(
        payment_id=claim.payment.id,
        allocations=_allocations(index, chosen),
        confidence=round(claim.probabilities[rank], 4),
        evidence=chosen.evidence,
        runner_up=_runner_up(index, claim, rank, chosen),
        is_tie=is_tie,
    )


def _runner_up(
    index: InvoiceIndex, claim: Claim, rank: int, chosen: Explanation
) -> RunnerUp | None:
    """Return the next best explanation; an equal sibling is as sure as the one chosen."""
    if chosen.siblings:
        confidence = round(claim.probabilities[rank], 4)
        return RunnerUp(_allocations(index, chosen.siblings[0]), confidence)
    others = [place for place in range(len(claim.explanations)) if place != rank]
    if not others:
        return None
    next_best = others[0]
    return RunnerUp(
        _allocations(index, claim.explanations[next_best]),
        round(claim.probabilities[next_best], 4),
    )


def _allocations(index: InvoiceIndex, explanation: Explanation) -> tuple[ProposedAllocation, ...]:
    return tuple(
        ProposedAllocation(index.invoices[at].id, amount) for at, amount in explanation.members
    )
