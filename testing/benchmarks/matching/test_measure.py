"""The metric, by hand and against another's writing of the same definitions."""

import importlib.util
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from benchmarks.matching.generate import generate
from benchmarks.matching.measure import hits, measure

PACK = Path(__file__).resolve().parents[3] / "../shared/matching"


def a_truth(tx_id: str, *invoices: int, case: str = "exact", **more: Any) -> dict[str, Any]:
    allocations = [{"invoice_id": each, "amount": "1.00"} for each in invoices]
    return {"tx_id": tx_id, "case": case, "allocations": allocations, **more}


def a_prediction(tx_id: str, confidence: float, *invoices: int) -> dict[str, Any]:
    allocations = [{"invoice_id": each, "amount": "1.00"} for each in invoices]
    return {"tx_id": tx_id, "confidence": confidence, "allocations": allocations}


def test_four_lines_by_hand() -> None:
    truth = [
        a_truth("a", 1),
        a_truth("b", 2, 3, case="combined"),
        a_truth("c", case="stranger"),
        a_truth("d", 4),
    ]
    predictions = [
        a_prediction("a", 0.97, 1),  # right, and sure
        a_prediction("b", 0.60, 2),  # half of it
        a_prediction("c", 0.96, 5),  # belongs to nothing, and is sure
        a_prediction("d", 0.40, 4),  # right, but not suggested
    ]

    found = measure(truth, predictions)

    # Three suggested links, of which 1 and 2 are true, of four true ones.
    assert found.all.tolerant.precision == pytest.approx(2 / 3)
    assert found.all.tolerant.recall == pytest.approx(2 / 4)
    assert found.all.tolerant.f1 == pytest.approx(4 / 7)
    assert found.all.strict == found.all.tolerant
    # Two autos, of which one is right; three lines pay something.
    assert found.all.auto_precision == pytest.approx(1 / 2)
    assert found.all.coverage == pytest.approx(1 / 3)
    assert found.all.negatives_proposed == 1
    # 0.97 and 0.96 fall into one bin (mean 0.965, half right), 0.60 and 0.40 are alone in theirs.
    assert found.all.ece == pytest.approx((2 * abs(0.965 - 0.5) + 0.60 + abs(0.40 - 1)) / 4)
    assert found.all.brier == pytest.approx((0.03**2 + 0.60**2 + 0.96**2 + 0.60**2) / 4)
    assert [case for case, _tally in found.by_size()] == ["exact", "combined", "stranger"]
    assert found.cases["exact"].lines == 2
    assert found.cases["exact"].tolerant.recall == pytest.approx(1 / 2)
    assert found.cases["combined"].suggested_right == 0


def test_an_equivalent_counts_once_and_only_where_it_is_tolerated() -> None:
    truth = [a_truth("a", 1, equivalents={"1": [2, 3]})]

    found = measure(truth, [a_prediction("a", 0.99, 2)])
    assert found.all.auto_precision == 1
    assert found.all.auto_precision_strict == 0
    assert (found.all.tolerant.f1, found.all.strict.f1) == (1, 0)

    both = measure(truth, [a_prediction("a", 0.99, 2, 3)])
    assert both.all.tolerant.hits == 1
    assert both.all.auto_precision == 0


def test_a_true_invoice_that_was_named_answers_for_no_other() -> None:
    assert hits({1, 2}, {1}, {"1": [2]}) == (1, 1)
    assert hits({2, 3}, {1, 2}, {"1": [3], "2": [3]}) == (1, 2)


def test_books_add_up() -> None:
    first = measure([a_truth("a", 1)], [a_prediction("a", 0.99, 1)])

    both = measure([a_truth("a", 7), a_truth("b")], [a_prediction("a", 0.99, 8)], before=first)

    assert (both.all.lines, both.all.payable, both.all.auto, both.all.auto_right) == (3, 2, 2, 1)
    assert both.cases["exact"].lines == 3


def test_nothing_at_all_is_no_error() -> None:
    found = measure([a_truth("a", 1), a_truth("b")], [])

    assert found.all.auto_precision is None
    assert (found.all.tolerant.f1, found.all.coverage, found.all.ece) == (0, 0, 0)


def test_a_prediction_for_no_line_is_refused() -> None:
    with pytest.raises(ValueError, match="no line z"):
        measure([a_truth("a", 1)], [a_prediction("z", 0.5, 1)])


def test_a_second_prediction_for_a_line_is_refused() -> None:
    with pytest.raises(ValueError, match="two predictions for the line a"):
        measure([a_truth("a", 1)], [a_prediction("a", 0.5, 1), a_prediction("a", 0.6, 1)])


def test_a_confidence_is_a_probability() -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        measure([a_truth("a", 1)], [a_prediction("a", 1.5, 1)])


def the_packs_scorer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score", PACK / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not PACK.is_dir(), reason="the other writing of the metric is not here")
@pytest.mark.parametrize("seed", range(5))
def test_another_writing_of_the_metric_agrees(seed: int) -> None:
    truth = generate("tangled" if seed % 2 else "subscription", seed=seed, size=400).truth
    chance = random.Random(seed)
    every = [each["invoice_id"] for row in truth for each in row["allocations"]]
    predictions = []
    for row in truth:
        if chance.random() < 0.15:
            continue
        named = {each["invoice_id"] for each in row["allocations"]}
        for one, others in (row.get("equivalents") or {}).items():
            if chance.random() < 0.5:
                named = named - {int(one)} | {chance.choice(others)}
        if chance.random() < 0.3 or not named:
            named |= {chance.choice(every)}
        if chance.random() < 0.1 and len(named) > 1:
            named.pop()
        predictions.append(a_prediction(row["tx_id"], round(chance.random() ** 0.3, 4), *named))

    expected = the_packs_scorer().evaluate(truth, predictions, 0.5, 0.95, cases=True)
    found = measure(truth, predictions)

    tally = found.all
    assert expected["links_true"] == tally.tolerant.true
    assert expected["links_pred"] == tally.tolerant.predicted
    for name, value in {
        "precision": tally.strict.precision,
        "recall": tally.strict.recall,
        "f1": tally.strict.f1,
        "precision_tol": tally.tolerant.precision,
        "recall_tol": tally.tolerant.recall,
        "f1_tol": tally.tolerant.f1,
        "negatives_proposed": tally.negatives_proposed,
        "auto_n": tally.auto,
        "auto_precision": tally.auto_precision,
        "auto_precision_strict": tally.auto_precision_strict,
        "auto_coverage": tally.coverage,
        "proposals": tally.proposals,
        "ece": tally.ece,
        "brier": tally.brier,
    }.items():
        assert value == pytest.approx(expected[name], abs=1e-12), name
    for case, figures in expected["cases"].items():
        assert (figures["tx"], figures["proposed"], figures["right"], figures["auto_wrong"]) == (
            found.cases[case].lines,
            found.cases[case].suggested,
            found.cases[case].suggested_right,
            found.cases[case].auto - found.cases[case].auto_right,
        )
