"""What confidence is worth to a tenant, learnt from simulated people."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payymo.domain.matching.recalibration import (
    DECISIONS_MIN,
    RISE_BITS_MAX,
    Curve,
    Decision,
    Recalibration,
    calibration_error,
    is_credible,
    recalibrate,
)

type Truth = Callable[[float], float]


def simulate(truth: Truth, count: int, *, seed: int = 1, noise: float = 0.0) -> list[Decision]:
    """Let a person look at matches, whose engine is right as often as ``truth`` says.

    :param noise: How often the person decides by the toss of a coin instead.
    """
    dice = random.Random(seed)
    decisions = []
    for _ in range(count):
        seeming = 1 - dice.random() ** 2 * 0.7
        is_right = dice.random() < truth(seeming)
        if dice.random() < noise:
            is_right = dice.random() < 0.5
        decisions.append(Decision(seeming, is_right))
    return decisions


def learnt(decisions: list[Decision]) -> Recalibration:
    found = recalibrate(decisions)
    assert found is not None
    return found


def test_before_there_are_enough_decisions_the_shipped_curve_stands() -> None:
    assert recalibrate(simulate(lambda _: 0.5, DECISIONS_MIN - 1)) is None
    assert Curve()(0.73) == 0.73


def test_an_honest_reviewer_of_an_honest_engine_changes_little() -> None:
    found = learnt(simulate(lambda seeming: seeming, 1000))

    assert all(abs(found.curve(at / 100) - at / 100) < 0.08 for at in range(30, 100))


def test_an_overconfident_engine_is_taken_down() -> None:
    found = learnt(simulate(lambda seeming: seeming - 0.2, 1000))

    assert found.is_adopted
    assert found.ece_after < found.ece_before / 3
    assert found.curve(0.985) == pytest.approx(0.785, abs=0.06)


def test_an_underconfident_engine_is_believed_more() -> None:
    found = learnt(simulate(lambda seeming: 1 - (1 - seeming) * 0.4, 1000))

    assert found.is_adopted
    assert found.ece_after < found.ece_before / 2
    assert 0.85 < found.curve(0.75) <= 0.93


def test_noise_takes_confidence_down_and_never_up() -> None:
    found = learnt(simulate(lambda seeming: seeming, 1000, noise=0.2))

    # A coin decides one in five: of what is nearly sure, one in ten seems wrong. About 120 of the
    # decisions are that sure: twice the standard deviation of their share is 0.057.
    assert found.curve(0.99) == pytest.approx(0.89, abs=0.06)


def test_whoever_confirms_everything_raises_nothing() -> None:
    blind = simulate(lambda _: 1.0, 1000)

    assert not is_credible(blind)
    found = learnt(blind)
    assert all(found.curve(at / 100) <= at / 100 + 1e-9 for at in range(30, 100))


def test_one_rejection_in_a_long_row_does_not_make_a_blind_eye_see() -> None:
    assert not is_credible([*simulate(lambda _: 1.0, 1000), Decision(0.9, is_right=False)])


def test_few_sure_decisions_without_a_wrong_one_are_credible() -> None:
    assert is_credible([Decision(0.98, is_right=True)] * 100)


def test_nothing_rises_further_than_it_may() -> None:
    # Of 100 at 0.5 all but 7 are right: enough wrong ones to be credible.
    decisions = [Decision(0.5, place >= 7) for place in range(100)]

    found = learnt(decisions)

    # Odds of 1 times 2 ** 2 bits are a probability of 0.8.
    assert RISE_BITS_MAX == 2
    assert found.curve(0.5) <= 0.8 + 1e-9


def test_a_curve_that_foretells_no_better_is_not_adopted() -> None:
    # Exactly as often right as said, in each of five folds.
    decisions = [Decision(0.75, place % 20 < 15) for place in range(200)]

    found = learnt(decisions)

    assert found.curve(0.75) == pytest.approx(0.75, abs=0.02)
    assert (found.decided, found.right) == (200, 150)
    assert found.ece_before == pytest.approx(0.0)


def test_the_calibration_error_is_the_gap_weighed_by_share() -> None:
    # Half at 0.9 of which all are right (gap 0.1), half at 0.5 of which none is (gap 0.5).
    decisions = [Decision(0.9, is_right=True)] * 10 + [Decision(0.5, is_right=False)] * 10

    assert calibration_error([each.seeming for each in decisions], decisions) == pytest.approx(0.3)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0.25, 1), st.booleans()), min_size=100, max_size=200))
def test_the_curve_never_falls_and_does_not_know_an_order(rows: list[tuple[float, bool]]) -> None:
    decisions = [Decision(*row) for row in rows]

    found = learnt(decisions)

    assert found == recalibrate(reversed(decisions))
    levels = [found.curve(at / 200) for at in range(50, 201)]
    assert levels == sorted(levels)
    assert all(0 <= level <= 1 for level in levels)
