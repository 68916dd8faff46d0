"""How much margin an explanation needs before it is nearly sure, by what is known of it.

Of explanations that are equally likely, some kinds are wrong oftener than others: a payer who pays
for many, an amount that is everywhere. A logistic model of being wrong, by margin and by answers,
says by how many bits each asks for more. Its ridge keeps rare answers near what is usual.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.matching.fitting import Floats, Whole, minimise
from payymo.domain.matching import features as f
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.model import STANDINGS
from payymo.domain.matching.sureness import standing_of

_RIDGE = 0.25
_RIDGE_OF_BASE = 0.001
_MARGIN_MIN = 1.0
_MARGIN_MAX = 13.0
_STEP = 1.02

#: The groups that are asked, each answer by itself.
_ASKED = (
    f.FORM, f.QUOTE, f.CHANCE, f.BESIDES, f.AMOUNT, f.OTHERWISE, f.PRICE, f.RARITY,
    f.ACCOUNT, f.ALIAS, f.NAME, f.IN_TEXT, f.RANK, f.WORDS, f.PROCESSOR, f.FOREIGN,
)  # fmt: skip
_SIZES = (len(f.QUOTED), len(f.FITS), len(f.KNOWN))


@dataclass(frozen=True, slots=True)
class Caution:
    """How much margin is asked for, in bits.

    :ivar standing: By how an explanation stands.
    :ivar answers: In addition, for each feature.
    """

    standing: tuple[float, ...]
    answers: Floats


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where each question of the model stands: standing, agreement in parts, then all features."""

    quoted: int = len(STANDINGS)
    fit: int = quoted + _SIZES[0]
    known: int = fit + _SIZES[1]
    quoted_known: int = known + _SIZES[2]
    fit_known: int = quoted_known + _SIZES[0] * _SIZES[2]
    features: int = fit_known + _SIZES[1] * _SIZES[2]
    margin: int = features + f.FEATURE_COUNT

    def of(self, candidate: Candidate) -> list[int]:
        """Return the columns of an explanation."""
        quoted, fit, known = candidate.quoted, candidate.fit, candidate.known
        return [
            standing_of(candidate),
            self.quoted + quoted,
            self.fit + fit,
            self.known + known,
            self.quoted_known + quoted * _SIZES[2] + known,
            self.fit_known + fit * _SIZES[2] + known,
            *(self.features + each for each in candidate.features if each in _COUNTED),
        ]

    def of_agreement(self, weights: Floats) -> Floats:
        """Return the weights of features, those of agreement with all its parts."""
        found = weights[self.features : self.margin].copy()
        for quoted, fit, known in product(*map(range, _SIZES)):
            at = f.agreement(quoted, fit, known)
            found[at] += (
                weights[self.quoted + quoted]
                + weights[self.fit + fit]
                + weights[self.known + known]
                + weights[self.quoted_known + quoted * _SIZES[2] + known]
                + weights[self.fit_known + fit * _SIZES[2] + known]
            )
        return found


_COUNTED = frozenset(
    group.base + place for group in (*_ASKED, f.AGREEMENT) for place in range(len(group.answers))
)


def learn_caution(
    results: Sequence[tuple[Candidate, float, bool]], *, mistaken_max: float
) -> Caution:
    """Return how much margin to ask for, so that few of those that have it are wrong.

    :param results: Explanations, with their margins in bits, and whether they are right.
    :param mistaken_max: The share of wrong ones that may be expected among them.
    """
    columns = _Columns()
    known = [each for each in results if each[1] > _MARGIN_MIN]
    rows = [columns.of(candidate) for candidate, _margin, _right in known]
    margins = np.minimum([margin for _candidate, margin, _right in known], _MARGIN_MAX)
    is_wrong = np.array([not right for _candidate, _margin, right in known], dtype=np.float64)
    flat = np.array([each for row in rows for each in row], dtype=np.int64)
    starts = np.cumsum([0, *map(len, rows[:-1])])
    weights = _fit(flat, starts, margins, is_wrong, columns)
    slope = -weights[columns.margin]
    asked = np.add.reduceat(weights[flat], starts) / slope
    base = _base(asked, margins, slope, mistaken_max)
    standing = tuple(float(base + weights[place] / slope) for place in range(len(STANDINGS)))
    return Caution(standing, columns.of_agreement(weights) / slope)


def _fit(
    flat: Whole, starts: Whole, margins: Floats, is_wrong: Floats, columns: _Columns
) -> Floats:
    count = columns.margin + 1
    sizes = np.diff(np.append(starts, len(flat)))
    ridge = np.full(count, _RIDGE)
    ridge[: len(STANDINGS)] = ridge[columns.margin] = _RIDGE_OF_BASE

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = np.add.reduceat(weights[flat], starts) + weights[columns.margin] * margins
        value = float(np.sum(np.logaddexp(0.0, scores) - is_wrong * scores))
        off = 1 / (1 + np.exp(-scores)) - is_wrong
        slope = np.bincount(flat, weights=np.repeat(off, sizes), minlength=count)
        slope[columns.margin] += float(off @ margins)
        return value + 0.5 * float(ridge @ (weights * weights)), slope + ridge * weights

    start = np.zeros(count)
    start[columns.margin] = -1.0
    return minimise(loss, start, np.full(count, -np.inf), np.full(count, np.inf))


def _base(asked: Floats, margins: Floats, slope: float, mistaken_max: float) -> float:
    """Return what to ask of all, so that no more are expected to be wrong than may be.

    Who has just as much margin as is asked is as likely wrong in each kind.
    """
    chances = 1 / (1 + np.exp(slope * (margins - asked)))
    most = _MARGIN_MAX
    for base in np.arange(0.0, _MARGIN_MAX, _STEP - 1.0)[::-1]:
        passed = margins >= asked + base
        if np.sum(chances[passed]) > mistaken_max * np.sum(passed):
            break
        most = float(base)
    return most
