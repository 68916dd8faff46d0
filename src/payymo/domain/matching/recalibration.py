"""What the engine's confidence is worth to one tenant, learnt from that tenant's decisions.

The shipped curve is the beginning: each step of confidence counts as if it had been borne out a
few times before (:data:`PRIOR_DECISIONS`), and real decisions outweigh that as they come in. The
result never falls where the engine is surer (isotonic regression by pooling), is a line through a
few points, and is the same for the same decisions in any order.

What people confirm without looking would make anything look right. So a curve never rises by more
than :data:`RISE_BITS_MAX` over the shipped one, and not at all where hardly anything was rejected
of what the engine itself expected to be wrong (:func:`is_credible`). Lower it may go without limit.
What stays open: somebody who rejects now and then, but at random, is believed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp2, fsum, log2
from typing import Final

#: Decisions without which the shipped curve stands as it is.
DECISIONS_MIN: Final = 100

#: So many new decisions since the last curve are worth a new one.
DECISIONS_BETWEEN: Final = 25

#: What the shipped curve counts at each step, in decisions.
PRIOR_DECISIONS: Final = 12.0

#: How far the odds may rise over the shipped ones, in bits: no more than fourfold.
RISE_BITS_MAX: Final = 2.0

#: Where the engine expected at least so many wrong ones, and less than this share was found,
#: people cannot have looked closely.
_EXPECTED_WRONG_MIN: Final = 8.0
_FOUND_WRONG_SHARE_MIN: Final = 1 / 8

#: Where one step of confidence ends and the next begins: finer where it matters.
_EDGES: Final = (0.4, 0.55, 0.7, 0.8, 0.88, 0.93, 0.96, 0.98, 0.99)
_STEPS: Final = tuple(zip((0.25, *_EDGES), (*_EDGES, 1.0), strict=True))

_FOLDS: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Decision:
    """What a person made of one match.

    :ivar seeming: What the engine's own model said, 0 to 1.
    :ivar is_right: Whether it stands.
    """

    seeming: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """From the engine's confidence to a tenant's: a line through points, level beyond them.

    :ivar points: Rising in the first, not falling in the second; none for no change.
    """

    points: tuple[tuple[float, float], ...] = ()

    def __call__(self, seeming: float) -> float:
        """Return the calibrated confidence."""
        if not self.points:
            return seeming
        place = bisect_right(self.points, (seeming, 2.0))
        if place == 0:
            return min(seeming, self.points[0][1])
        if place == len(self.points):
            return self.points[-1][1]
        (left, low), (right, high) = self.points[place - 1], self.points[place]
        return low + (high - low) * (seeming - left) / (right - left)


@dataclass(frozen=True, slots=True)
class Recalibration:
    """A tenant's curve, and how it was come by.

    :ivar curve: The curve to use: the shipped one where the decisions do not speak for another.
    :ivar is_adopted: Whether it differs from the shipped one.
    :ivar ece_before: Expected calibration error of the shipped curve on these decisions.
    :ivar ece_after: The same of the curve, each decision judged by a curve learnt without it.
    """

    curve: Curve
    is_adopted: bool
    decided: int
    right: int
    ece_before: float
    ece_after: float


def recalibrate(decisions: Iterable[Decision]) -> Recalibration | None:
    """Return the curve that decisions speak for; ``None`` while there are too few.

    It is adopted only if it predicts decisions that it was not learnt from better (by squared
    error) than the shipped one.

    :param decisions: One tenant's decisions on matches of one version of the engine.
    """
    known = sorted(decisions)
    if len(known) < DECISIONS_MIN:
        return None
    # A curve is judged by what it has not seen: every fifth decision, in turn.
    curves = [
        _fit([each for place, each in enumerate(known) if place % _FOLDS != fold])
        for fold in range(_FOLDS)
    ]
    foreseen = [curves[place % _FOLDS](each.seeming) for place, each in enumerate(known)]
    plain = [each.seeming for each in known]
    is_adopted = _squared_error(foreseen, known) < _squared_error(plain, known)
    return Recalibration(
        curve=_fit(known) if is_adopted else Curve(),
        is_adopted=is_adopted,
        decided=len(known),
        right=sum(each.is_right for each in known),
        ece_before=calibration_error(plain, known),
        ece_after=calibration_error(foreseen, known)
        if is_adopted
        else calibration_error(plain, known),
    )


def is_credible(decisions: Iterable[Decision]) -> bool:
    """Return whether wrong matches were found about as often as the engine expected them.

    :param decisions: One tenant's decisions.
    """
    known = list(decisions)
    expected = fsum(1 - each.seeming for each in known)
    found = sum(not each.is_right for each in known)
    return expected < _EXPECTED_WRONG_MIN or found >= expected * _FOUND_WRONG_SHARE_MIN


def calibration_error(confidences: Sequence[float], decisions: Sequence[Decision]) -> float:
    """Return the expected calibration error, 0 to 1: over the steps, by their share.

    :param confidences: What was said of each decision.
    :param decisions: What was decided.
    """
    said: list[list[float]] = [[] for _ in _STEPS]
    right = [0] * len(_STEPS)
    for confidence, decision in zip(confidences, decisions, strict=True):
        step = bisect_right(_EDGES, confidence)
        said[step].append(confidence)
        right[step] += decision.is_right
    gaps = [abs(fsum(each) - hits) for each, hits in zip(said, right, strict=True)]
    return fsum(gaps) / len(decisions) if decisions else 0.0


def _squared_error(confidences: Sequence[float], decisions: Sequence[Decision]) -> float:
    return fsum(
        (confidence - decision.is_right) ** 2
        for confidence, decision in zip(confidences, decisions, strict=True)
    )


@dataclass(slots=True)
class _Block:
    """Neighbouring steps that share one value.

    :ivar weight: Decisions, those of the shipped curve included.
    :ivar right: Right ones among them, likewise.
    :ivar seeming: Sum of what the engine said, likewise.
    """

    weight: float
    right: float
    seeming: float

    @property
    def level(self) -> float:
        return self.right / self.weight


def _fit(decisions: Sequence[Decision]) -> Curve:
    may_rise = is_credible(decisions)
    steps = []
    for low, high in _STEPS:
        middle = (low + high) / 2
        steps.append(_Block(PRIOR_DECISIONS, PRIOR_DECISIONS * middle, PRIOR_DECISIONS * middle))
    for decision in decisions:
        step = steps[bisect_right(_EDGES, decision.seeming)]
        step.weight += 1
        step.right += decision.is_right
        step.seeming += decision.seeming
    places = [step.seeming / step.weight for step in steps]
    levels = [
        min(level, _risen(place) if may_rise else place)
        for place, level in zip(places, _pooled(steps), strict=True)
    ]
    return Curve(tuple(zip(places, levels, strict=True)))


def _pooled(steps: Sequence[_Block]) -> list[float]:
    """Return the level of each step, none below the one before it (pool adjacent violators)."""
    pools: list[tuple[_Block, int]] = []
    for step in steps:
        pool, count = _Block(step.weight, step.right, step.seeming), 1
        while pools and pools[-1][0].level >= pool.level:
            before, number = pools.pop()
            pool = _Block(before.weight + pool.weight, before.right + pool.right, 0.0)
            count += number
        pools.append((pool, count))
    return [pool.level for pool, count in pools for _ in range(count)]


def _risen(place: float) -> float:
    """Return a probability whose odds are as much better as a curve may make them."""
    bits = log2(place / (1 - place)) + RISE_BITS_MAX
    return 1 / (1 + exp2(-bits))
