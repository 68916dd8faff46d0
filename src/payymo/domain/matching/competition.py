"""Payments that want the same invoices: how much each knows of the others."""

from collections import defaultdict
from collections.abc import Sequence

from payymo.domain.matching.description import Candidate
from payymo.domain.matching.features import COMPETITION
from payymo.domain.matching.index import InvoiceIndex

#: Less likely explanations than this keep nobody away.
_LIKELY_MIN = 0.05

#: Of two payments that are as sure, the earlier one comes first.
_AS_SURE = 0.02

#: What is as likely as this is what a payment is for, if anything is.
_LIKELIER = 0.5
_STEPS = (0.1, 0.5, 0.9, 0.98)


class Claim:
    """One payment with everything that it may be for.

    :ivar number: Its place among the payments, in order of time.
    :ivar bits: Scores of the candidates, competition included.
    :ivar probabilities: Of each candidate, belonging to none of them considered.
    """

    __slots__ = ("amount", "bits", "candidates", "competition", "number", "probabilities")

    def __init__(self, number: int, amount: int, candidates: Sequence[Candidate]) -> None:
        self.number = number
        self.amount = amount
        self.candidates = candidates
        self.competition: list[int] = [0] * len(candidates)
        self.bits: list[float] = [candidate.bits for candidate in candidates]
        self.probabilities: list[float] = probabilities(self.bits)

    def weigh(self, weights: Sequence[float]) -> None:
        """Take the competition into account."""
        self.bits = [
            candidate.bits + weights[competition_feature(candidate, step)]
            for candidate, step in zip(self.candidates, self.competition, strict=True)
        ]
        self.probabilities = probabilities(self.bits)


def competition_feature(candidate: Candidate, step: int) -> int:
    """Return the feature that says how far others want the same invoices."""
    return COMPETITION.base + step * 2 + (candidate.quoted > 1)


def probabilities(bits: Sequence[float]) -> list[float]:
    """Return the probability of each explanation, where belonging to none scores zero."""
    odds = [2.0 ** min(each, 200.0) for each in bits]
    total = 1.0 + sum(odds)
    return [each / total for each in odds]


#: Equal invoices of one customer: customer, currency, balance.
type _Bucket = tuple[int, str, int]

#: A claim on an invoice: its probability, the payment's number, and what it takes if it takes part.
type _Entry = tuple[float, int, int]


def compete(index: InvoiceIndex, claims: Sequence[Claim]) -> None:
    """Set how far each candidate's invoices are wanted by surer payments.

    Equal invoices of one customer are interchangeable unless one is quoted: who wants one of three
    is in nobody's way until three others want them more.
    """
    market = _Market(index)
    for claim in claims:
        for candidate, probability in zip(claim.candidates, claim.probabilities, strict=True):
            if probability >= _LIKELY_MIN:
                market.enter(claim, candidate, probability)
    for claim in claims:
        for place, candidate in enumerate(claim.candidates):
            rival = market.strongest_rival(claim, candidate, claim.probabilities[place])
            claim.competition[place] = sum(rival >= step for step in _STEPS)


class _Market:
    """Who wants which invoice, and which of several equal ones."""

    def __init__(self, index: InvoiceIndex) -> None:
        self.index = index
        self.wanted: dict[int, list[_Entry]] = defaultdict(list)
        self.in_bucket: dict[_Bucket, list[_Entry]] = defaultdict(list)

    def _bucket(self, at: int) -> _Bucket:
        index = self.index
        return index.customer_of[at], index.invoices[at].currency, index.balances[at]

    def enter(self, claim: Claim, candidate: Candidate, probability: float) -> None:
        entry = (probability, claim.number, _part_taken(claim, candidate))
        for at in candidate.members:
            self.in_bucket[self._bucket(at)].append(entry)
            if not candidate.siblings:
                self.wanted[at].append(entry)

    def strongest_rival(self, claim: Claim, candidate: Candidate, own: float) -> float:
        """Return how sure the payment is that would leave nothing for this candidate."""
        takes = _part_taken(claim, candidate)
        needed: dict[_Bucket, int] = {}
        worst = 0.0
        for at in candidate.members:
            bucket = self._bucket(at)
            if candidate.siblings or (not candidate.is_plain and at not in candidate.fixed):
                rivals = self.in_bucket.get(bucket, ())
                free = len(self.index.by_customer_amount.get(bucket, (0,)))
                free -= needed.get(bucket, 0)
                needed[bucket] = needed.get(bucket, 0) + 1
            else:
                rivals, free = self.wanted.get(at, ()), 1
            if free <= 0:
                return 1.0
            if len(rivals) < free:
                continue
            # Who takes several of some equal ones may mean one of them, if another is wanted.
            is_free_choice = len(candidate.members) > 1 and at not in candidate.fixed
            least = min(own, _LIKELIER) if is_free_choice else own
            surer = _surer(rivals, claim.number, least, takes, self.index.balances[at])
            if len(surer) >= free:
                surer.sort(reverse=True)
                worst = max(worst, surer[free - 1])
        return worst


def _part_taken(claim: Claim, candidate: Candidate) -> int:
    """Return what a single invoice would get; 0 where several are taken whole."""
    return claim.amount if len(candidate.members) == 1 else 0


def _surer(
    rivals: Sequence[tuple[float, int, int]], number: int, own: float, takes: int, balance: int
) -> list[float]:
    return [
        probability
        for probability, rival, takes_too in rivals
        if rival != number
        and (
            probability > own + _AS_SURE or (abs(probability - own) <= _AS_SURE and rival < number)
        )
        and not (takes and takes_too and takes + takes_too <= balance)
    ]
