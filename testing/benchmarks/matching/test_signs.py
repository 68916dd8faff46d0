"""The shipped weights keep the bounds that make evidence read as a person expects."""

from itertools import product

import numpy as np
import pytest
from benchmarks.matching.signs import AGAINST, FOR, NOTHING, SIGNS, bounds

from payymo.domain.matching import features as f
from payymo.domain.matching.model import shipped_model


def test_every_group_says_what_its_answers_may_say() -> None:
    assert SIGNS.keys() == {group.name for group in f.GROUPS}
    for group in f.GROUPS:
        named = SIGNS[group.name]
        assert named.keys() - {""} <= set(group.answers)
        assert "" in named or named.keys() == set(group.answers)


@pytest.mark.parametrize("group", f.GROUPS, ids=lambda group: group.name)
def test_no_shipped_weight_has_the_wrong_sign(group: f.Group) -> None:
    weights, signs = shipped_model().weights, SIGNS[group.name]

    wrong = {}
    for answer in group.answers:
        weight, sign = weights[group[answer]], signs.get(answer) or signs[""]
        is_wrong = {FOR: weight < 0, AGAINST: weight > 0, NOTHING: weight != 0}
        if is_wrong.get(sign):
            wrong[answer] = weight

    assert not wrong


def test_what_agrees_better_is_never_worth_less() -> None:
    weights, within = np.array(shipped_model().weights), bounds()

    assert (weights[within.better] >= weights[within.worse]).all()


def test_more_that_agrees_is_never_worth_less_whatever_else_is_known() -> None:
    weights = shipped_model().weights

    def worth(quoted: str, fit: str, known: str) -> float:
        return weights[f.AGREEMENT[f"{quoted}+{fit}+{known}"]]

    for quoted, fit in product(f.QUOTED, f.FITS):
        assert worth(quoted, fit, "surely") >= worth(quoted, fit, "likely")
        assert worth(quoted, fit, "likely") >= worth(quoted, fit, "unsaid")
        assert worth(quoted, fit, "unsaid") >= worth(quoted, fit, "stranger")
    for fit, known in product(f.FITS, f.KNOWN):
        assert worth("number", fit, known) >= worth("silent", fit, known)
        assert worth("silent", fit, known) >= worth("contradicted", fit, known)
    for quoted, known in product(f.QUOTED, f.KNOWN):
        assert worth(quoted, "exact", known) >= worth(quoted, "tight", known)
        assert worth(quoted, "tight", known) >= worth(quoted, "odd", known)
