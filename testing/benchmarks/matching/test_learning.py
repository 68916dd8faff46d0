"""What is learnt keeps its bounds, and asks for more margin where more is wrong."""

import numpy as np
import pytest
from benchmarks.matching.caution import learn_caution
from benchmarks.matching.fitting import Choices, fit, minimise
from benchmarks.matching.signs import bounds
from benchmarks.matching.train import MODEL, as_json

from payymo.domain.enums import AmountClass
from payymo.domain.matching import features as f
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.model import Calibration, Model, shipped_model
from payymo.domain.matching.sureness import margin_asked


def a_candidate(account: str) -> Candidate:
    """Return a payment of an exact, unquoted amount from some account."""
    candidate = Candidate((0,), AmountClass.EXACT)
    candidate.known = f.KNOWN.index("surely")
    candidate.features = [
        f.FORM["single"],
        f.QUOTE["silent"],
        f.ACCOUNT[account],
        f.agreement(candidate.quoted, candidate.fit, candidate.known),
    ]
    return candidate


def test_a_box_is_not_left_and_what_is_least_in_it_is_found() -> None:
    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        off = at - np.array([3.0, -1.0])
        return float(off @ off), 2 * off

    low, high = np.array([-1.0, -5.0]), np.array([1.0, 5.0])

    assert minimise(loss, np.zeros(2), low, high) == pytest.approx([1.0, -1.0], abs=1e-3)


def test_a_number_that_is_quoted_never_speaks_against_whatever_the_books_say() -> None:
    quoted, silent = ([f.FORM["single"], f.QUOTE[answer]] for answer in ("number+alone", "silent"))
    books = [[(quoted, False), (silent, True)]] * 20 + [[(silent, True)]] * 20

    weights = fit(Choices.of(books), ridge=np.full(f.FEATURE_COUNT, 0.1), bounds=bounds())

    assert weights[f.QUOTE["number+alone"]] == 0
    assert weights[f.QUOTE["silent"]] == 0
    assert weights[f.FORM["single"]] <= -8 * np.log(2)


def test_what_is_oftener_wrong_is_asked_for_more_margin() -> None:
    margins = np.linspace(1.5, 12, 400).tolist()
    pure = [(a_candidate("seen_often"), each, True) for each in margins]
    shared = [
        (a_candidate("shared"), each, place % 5 > 0 or each > 9)
        for place, each in enumerate(margins)
    ]

    caution = learn_caution([*pure, *shared], mistaken_max=0.01)

    model = Model(
        [0.0] * f.FEATURE_COUNT,
        Calibration([0, 1], [0, 1]),
        margin_min=caution.standing,
        caution=caution.answers.tolist(),
    )
    asked = {each: margin_asked(model, a_candidate(each)) for each in ("seen_often", "shared")}
    assert asked["shared"] > asked["seen_often"] + 2
    passed = [right for _each, margin, right in shared if margin >= asked["shared"]]
    assert passed.count(False) <= 0.02 * len(passed)


def test_the_shipped_model_is_written_as_the_command_writes_it() -> None:
    assert as_json(shipped_model()) == MODEL.read_text(encoding="utf-8")
