"""How well the engine does on generated books with truth, where they are at hand."""

import importlib.util
import json
import time
from pathlib import Path
from typing import Any

import pytest

from payymo.workflows.match_files import match_files

PACK = Path(__file__).resolve().parents[3] / "../shared/matching"
OP = 0.5
AUTO = 0.95

pytestmark = pytest.mark.skipif(not PACK.is_dir(), reason="the reference books are not here")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def score(folder: Path, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of the pack's own scorer."""
    spec = importlib.util.spec_from_file_location("score", PACK / "score.py")
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    figures: dict[str, Any] = scorer.evaluate(
        lines_of(folder / "truth.jsonl"), predictions, OP, AUTO
    )
    return figures


@pytest.mark.parametrize(
    ("name", "is_past_known", "f1", "coverage", "strangers", "ece"),
    [
        ("mixed", True, 0.97, 0.88, 0.013, 0.012),
        ("saas", True, 0.95, 0.82, 0.010, 0.016),
        ("mixed", False, 0.95, 0.75, 0.020, 0.025),
        ("saas", False, 0.93, 0.70, 0.020, 0.03),
    ],
)
def test_the_engine_reaches_its_floor(
    tmp_path: Path,
    name: str,
    *,
    is_past_known: bool,
    f1: float,
    coverage: float,
    strangers: float,
    ece: float,
) -> None:
    folder = PACK / "sets" / name
    past = {"history": folder / "history.jsonl", "meta": folder / "meta.json"}

    start = time.process_time()
    match_files(
        invoices=folder / "invoices.jsonl",
        transactions=folder / "transactions.jsonl",
        out=tmp_path / "out.jsonl",
        progress=lambda _sentence: None,
        workers=1,
        **(past if is_past_known else {}),
    )
    seconds = time.process_time() - start

    figures = score(folder, lines_of(tmp_path / "out.jsonl"))
    assert figures["f1_tol"] >= f1
    # One wrong in 1,500 is borne with.
    assert figures["auto_wrong"] <= 1
    assert figures["auto_coverage"] >= coverage
    assert figures["negatives_proposed"] <= strangers
    assert figures["ece"] <= ece
    assert seconds < 10
