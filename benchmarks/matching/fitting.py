"""A conditional logit with a ridge: every payment chooses one of its candidates, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.signs import Bounds

type Floats = NDArray[np.float64]
type Whole = NDArray[np.int64]

_STEPS_MAX = 300
_MEMORY = 12

#: How dear it is that what agrees better is worth less, in one go after the other.
_STRICTNESS = (30.0, 1_000.0)
_GRADIENT_MIN = 1e-4
_FALL_MIN = 1e-6
_STEP_MIN = 1e-10
_TURN_MIN = 1e-12


@dataclass(frozen=True, slots=True)
class Choices:
    """Payments with their candidates, flat.

    :ivar features: All features of all candidates, one candidate after the other.
    :ivar starts: Where each candidate's features begin.
    :ivar first: Where each payment's candidates begin; each has at least one.
    :ivar is_right: Whether a candidate is what the payment was for.
    """

    features: Whole
    starts: Whole
    first: Whole
    is_right: NDArray[np.bool_]

    @classmethod
    def of(cls, payments: Sequence[Sequence[tuple[Sequence[int], bool]]]) -> "Choices":
        """Return payments, each with its candidates' features and whether they are right."""
        features: list[int] = []
        starts: list[int] = []
        first: list[int] = []
        is_right: list[bool] = []
        for candidates in payments:
            if not candidates:
                continue
            first.append(len(starts))
            for found, right in candidates:
                starts.append(len(features))
                features += found
                is_right.append(right)
        return cls(
            np.array(features, dtype=np.int64),
            np.array(starts, dtype=np.int64),
            np.array(first, dtype=np.int64),
            np.array(is_right, dtype=np.bool_),
        )


def fit(choices: Choices, *, ridge: Floats, bounds: Bounds, start: Floats | None = None) -> Floats:
    """Return the most likely weights within bounds, in nats.

    :param choices: What was chosen from what.
    :param ridge: How strongly each weight is drawn to zero.
    :param bounds: What the weights may be.
    :param start: Weights to begin with.
    """
    count = len(ridge)
    strictness = _STRICTNESS[0]
    sizes = np.diff(np.append(choices.starts, len(choices.features)))
    per_payment = np.diff(np.append(choices.first, len(choices.starts)))
    payment_of = np.repeat(np.arange(len(choices.first)), per_payment)
    has_right = np.add.reduceat(choices.is_right.astype(np.int64), choices.first) > 0

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = np.add.reduceat(weights[choices.features], choices.starts)
        highest = np.maximum(np.maximum.reduceat(scores, choices.first), 0.0)
        odds = np.exp(scores - highest[payment_of])
        none = np.exp(-highest)
        total = np.add.reduceat(odds, choices.first) + none
        right = np.add.reduceat(np.where(choices.is_right, odds, 0.0), choices.first)
        chosen = np.where(has_right, right, none)
        share = odds / total[payment_of]
        wanted = np.where(
            choices.is_right & has_right[payment_of],
            odds / np.maximum(right[payment_of], 1e-300),
            0.0,
        )
        slope = np.bincount(
            choices.features, weights=np.repeat(share - wanted, sizes), minlength=count
        )
        value = float(np.sum(np.log(total) - np.log(np.maximum(chosen, 1e-300))))
        behind = np.maximum(weights[bounds.worse] - weights[bounds.better], 0.0)
        value += 0.5 * float(ridge @ (weights * weights) + strictness * (behind @ behind))
        slope += ridge * weights
        np.add.at(slope, bounds.worse, strictness * behind)
        np.add.at(slope, bounds.better, -strictness * behind)
        return value, slope

    found = bounds.keep(np.zeros(len(ridge)) if start is None else start)
    for each in _STRICTNESS:
        strictness = each
        found = minimise(loss, found, bounds.low, bounds.high)
    return bounds.keep(found)


def minimise(
    loss: Callable[[Floats], tuple[float, Floats]], start: Floats, low: Floats, high: Floats
) -> Floats:
    """Return where a smooth, convex function is least within a box.

    That is L-BFGS with backtracking; what would leave the box stays at its side.

    :param loss: Returns the value and the slope at a point.
    :param start: Where to begin.
    :param low: The least of each number.
    :param high: The most of each.
    """
    point = np.clip(start, low, high)
    value, slope = loss(point)
    moves: list[Floats] = []
    turns: list[Floats] = []
    for _ in range(_STEPS_MAX):
        is_free = ~(((point <= low) & (slope > 0)) | ((point >= high) & (slope < 0)))
        free = np.where(is_free, slope, 0.0)
        if float(np.max(np.abs(free))) < _GRADIENT_MIN * max(1.0, abs(value)) ** 0.5:
            break
        direction = np.where(is_free, -_precondition(free, moves, turns), 0.0)
        if float(free @ direction) >= 0:
            moves, turns = [], []
            direction = -free / max(1.0, float(np.linalg.norm(free)))
        step = 1.0
        while True:
            there = np.clip(point + step * direction, low, high)
            value_there, slope_there = loss(there)
            fall = float(slope @ (there - point))
            if value_there <= value + 1e-4 * fall or step < _STEP_MIN:
                break
            step /= 2
        move, turn = there - point, slope_there - slope
        if float(move @ turn) > _TURN_MIN:
            moves.append(move)
            turns.append(turn)
            del moves[:-_MEMORY], turns[:-_MEMORY]
        is_done = value - value_there < _FALL_MIN * abs(value)
        point, value, slope = there, value_there, slope_there
        if is_done:
            break
    return point


def _precondition(slope: Floats, moves: Sequence[Floats], turns: Sequence[Floats]) -> Floats:
    """Return the inverse curvature, as the last steps tell it, times a slope."""
    found = slope.copy()
    shares: list[float] = []
    for move, turn in zip(reversed(moves), reversed(turns), strict=True):
        share = float(move @ found) / float(move @ turn)
        shares.append(share)
        found -= share * turn
    if moves:
        found *= float(moves[-1] @ turns[-1]) / float(turns[-1] @ turns[-1])
    else:
        found /= max(1.0, float(np.linalg.norm(slope)))
    for move, turn, share in zip(moves, turns, reversed(shares), strict=True):
        found += move * (share - float(turn @ found) / float(move @ turn))
    return found


def isotonic(seeming: Floats, is_right: Floats) -> tuple[Floats, Floats]:
    """Return the best non-falling line through what seemed and what was (pool adjacent violators).

    :param seeming: Probabilities, in any order.
    :param is_right: 1 for what was right, else 0.
    :returns: Mean seeming probability and share of right ones of each pool, rising.
    """
    order = np.argsort(seeming, kind="stable")
    pools: list[list[float]] = []
    for at in order:
        pools.append([float(seeming[at]), float(is_right[at]), 1.0])
        while len(pools) > 1 and pools[-2][1] / pools[-2][2] >= pools[-1][1] / pools[-1][2]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    return (
        np.array([pool[0] / pool[2] for pool in pools]),
        np.array([pool[1] / pool[2] for pool in pools]),
    )
