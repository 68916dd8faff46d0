"""The weights of features, and what a probability is worth: learnt, shipped, legible.

``model.json`` beside this file is written by ``make train-matching``. Each weight is in bits: log2
of how much likelier the answer is for a true match than for a wrong one, other answers given.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from payymo.domain.matching.features import FEATURE_COUNT, GROUPS

#: How an explanation may stand: see :func:`.sureness.standing_of`.
STANDINGS = ("quoted", "unquoted", "doubted", "single", "unproven")


@dataclass(frozen=True, slots=True)
class Calibration:
    """How often explanations that seem so likely are right: a line through some points.

    :ivar seeming: Probabilities as the weights give them, rising.
    :ivar true: Share of right ones at each, not falling.
    """

    seeming: Sequence[float]
    true: Sequence[float]

    def __call__(self, probability: float) -> float:
        """Return the calibrated probability."""
        place = bisect_right(self.seeming, probability)
        if place == 0:
            return self.true[0]
        if place == len(self.seeming):
            return self.true[-1]
        left, right = self.seeming[place - 1], self.seeming[place]
        share = (probability - left) / (right - left)
        return self.true[place - 1] + share * (self.true[place] - self.true[place - 1])


@dataclass(frozen=True, slots=True)
class Model:
    """What the engine has learnt.

    :ivar weights: Bits of each feature, in the order of :data:`.features.GROUPS`.
    :ivar calibration: From seeming to true probabilities.
    :ivar margin_min: Bits before the next best without which nothing is nearly sure, for each of
        :data:`STANDINGS`.
    :ivar caution: Bits of margin that each feature asks for besides: what is oftener wrong, more.
    """

    weights: Sequence[float]
    calibration: Calibration
    margin_min: tuple[float, ...] = (0.0,) * len(STANDINGS)
    caution: Sequence[float] = (0.0,) * FEATURE_COUNT

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "Model":
        """Return the model that a file holds; features that it does not know weigh nothing."""
        return cls(
            weights=_of_features(content["weights"]),
            calibration=Calibration(
                [point[0] for point in content["calibration"]],
                [point[1] for point in content["calibration"]],
            ),
            margin_min=tuple(float(content["margin_min"][name]) for name in STANDINGS),
            caution=_of_features(content["caution"]),
        )


def _of_features(known: Mapping[str, Mapping[str, float]]) -> list[float]:
    """Return a number for each feature; 0 for what a file does not know."""
    return [
        float(known.get(group.name, {}).get(answer, 0.0))
        for group in GROUPS
        for answer in group.answers
    ]


@cache
def shipped_model() -> Model:
    """Return the model that comes with this version."""
    content = files(__package__).joinpath("model.json").read_text(encoding="utf-8")
    return Model.of(json.loads(content))
