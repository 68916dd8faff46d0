"""``python -m benchmarks.matching.measure``: how right predictions are, by the open format's rules.

Every definition stands in ``docs/matching_format.md``.
"""

import argparse
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

type Row = Mapping[str, Any]

SUGGESTED = 0.5
AUTO = 0.95
_BINS = 15


@dataclass(slots=True)
class Links:
    """Counts of links, and the shares that follow from them.

    :ivar true: Links that are there to be found.
    :ivar predicted: Links of suggested proposals.
    :ivar hits: Predicted ones that are true, or equivalent where that is allowed.
    """

    true: int = 0
    predicted: int = 0
    hits: int = 0

    @property
    def precision(self) -> float:
        """The share of the predicted links that is right."""
        return self.hits / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """The share of the true links that was found."""
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(slots=True)
class Tally:
    """What came of some lines: of all, or of those of one case.

    :ivar lines: How many there are, and how many of them pay something.
    :ivar proposals: Lines with a proposal, whatever its confidence.
    :ivar suggested: Those with one of at least :data:`SUGGESTED`.
    :ivar suggested_right: Those whose set of invoices is right, equivalents allowed.
    :ivar auto: Lines with a proposal of at least :data:`AUTO`.
    :ivar negatives_suggested: Suggested ones among the lines that belong to nothing.
    """

    lines: int = 0
    payable: int = 0
    proposals: int = 0
    suggested: int = 0
    suggested_right: int = 0
    auto: int = 0
    auto_right: int = 0
    auto_right_strict: int = 0
    negatives_suggested: int = 0
    strict: Links = field(default_factory=Links)
    tolerant: Links = field(default_factory=Links)
    squares: float = 0.0
    bins: list[list[float]] = field(default_factory=lambda: [[0, 0.0, 0] for _ in range(_BINS)])

    @property
    def auto_precision(self) -> float | None:
        """The share of the autos that is right; ``None`` without any."""
        return self.auto_right / self.auto if self.auto else None

    @property
    def auto_precision_strict(self) -> float | None:
        """The same without equivalents."""
        return self.auto_right_strict / self.auto if self.auto else None

    @property
    def coverage(self) -> float:
        """Right autos over the lines that pay something."""
        return self.auto_right / self.payable if self.payable else 0.0

    @property
    def negatives_proposed(self) -> float:
        """Suggested lines that belong to nothing, over all such lines."""
        negatives = self.lines - self.payable
        return self.negatives_suggested / negatives if negatives else 0.0

    @property
    def ece(self) -> float:
        """The expected calibration error of all proposals, in 15 equal bins."""
        if not self.proposals:
            return 0.0
        return sum(abs(confidence - right) for _n, confidence, right in self.bins) / self.proposals

    @property
    def brier(self) -> float | None:
        """The mean square of confidence less outcome; ``None`` without proposals."""
        return self.squares / self.proposals if self.proposals else None

    def add(self, truth: Row, prediction: Row | None) -> None:
        """Take one line into account."""
        true = {each["invoice_id"] for each in truth["allocations"]}
        self.lines += 1
        self.payable += bool(true)
        self.strict.true += len(true)
        self.tolerant.true += len(true)
        if prediction is None:
            return
        named = {each["invoice_id"] for each in prediction["allocations"]}
        confidence = prediction["confidence"]
        strict, tolerant = hits(named, true, truth.get("equivalents") or {})
        is_right = bool(true) and tolerant == len(named) == len(true)
        self.proposals += 1
        self.squares += (confidence - is_right) ** 2
        chosen = self.bins[min(_BINS - 1, int(confidence * _BINS))]
        chosen[0] += 1
        chosen[1] += confidence
        chosen[2] += is_right
        if confidence >= SUGGESTED:
            self.suggested += 1
            self.suggested_right += is_right
            self.negatives_suggested += not true
            for links, found in ((self.strict, strict), (self.tolerant, tolerant)):
                links.predicted += len(named)
                links.hits += found
        if confidence >= AUTO:
            self.auto += 1
            self.auto_right += is_right
            self.auto_right_strict += named == true


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of all lines of one or more books, and of those of each case."""

    all: Tally = field(default_factory=Tally)
    cases: dict[str, Tally] = field(default_factory=dict)

    def by_size(self) -> list[tuple[str, Tally]]:
        """Return the cases with their tallies, the most frequent first."""
        return sorted(self.cases.items(), key=lambda item: (-item[1].lines, item[0]))


def measure(
    truth: Sequence[Row], predictions: Iterable[Row], *, before: Figures | None = None
) -> Figures:
    """Return how right predictions are.

    :param truth: One row for each line, as in ``truth.jsonl``.
    :param predictions: One row for each line that has a proposal; the order does not matter.
    :param before: The figures of other books, to add these to.
    :raises ValueError: A prediction is for a line that is not there, a second one for the same, or
        no probability.
    """
    by_line: dict[object, Row] = {}
    for prediction in predictions:
        if prediction["tx_id"] in by_line:
            raise ValueError(f"There are two predictions for the line {prediction['tx_id']}.")
        if not 0 <= prediction["confidence"] <= 1:
            raise ValueError(f"The confidence for {prediction['tx_id']} is not between 0 and 1.")
        by_line[prediction["tx_id"]] = prediction
    if unknown := by_line.keys() - {row["tx_id"] for row in truth}:
        raise ValueError(f"There is no line {min(map(str, unknown))} to make a prediction for.")
    figures = before or Figures()
    for row in truth:
        found = by_line.get(row["tx_id"])
        figures.all.add(row, found)
        figures.cases.setdefault(row["case"], Tally()).add(row, found)
    return figures


def hits(
    named: Collection[object], true: Collection[object], equivalents: Mapping[str, Sequence[object]]
) -> tuple[int, int]:
    """Return how many named invoices are true, and how many at least equivalent to a true one.

    Each true invoice that was not itself named answers for one equivalent.
    """
    exact = set(named) & set(true)
    unnamed = [each for each in true if each not in exact]
    found = len(exact)
    for each in named:
        if each in exact:
            continue
        meant = next((one for one in unnamed if each in equivalents.get(str(one), ())), None)
        if meant is not None:
            unnamed.remove(meant)
            found += 1
    return len(exact), found


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON Lines."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if not line.isspace()]


def main() -> None:
    """Print how right the predictions of a file are."""
    parser = argparse.ArgumentParser(prog="benchmarks.matching.measure", description=__doc__)
    parser.add_argument("--book", type=Path, required=True, help="a folder with truth.jsonl")
    parser.add_argument("--predictions", type=Path, required=True, help="JSON Lines")
    arguments = parser.parse_args()
    found = measure(read_rows(arguments.book / "truth.jsonl"), read_rows(arguments.predictions))
    cases = {case: summary(tally) for case, tally in found.by_size()}
    print(json.dumps({"all": summary(found.all), "cases": cases}, indent=1))


def summary(tally: Tally) -> dict[str, Any]:
    """Return the figures of a tally by name, as JSON has them."""
    return {
        "lines": tally.lines,
        "payable": tally.payable,
        "proposals": tally.proposals,
        "suggested": tally.suggested,
        "suggested_right": tally.suggested_right,
        "links": asdict(tally.tolerant),
        "precision_strict": tally.strict.precision,
        "recall_strict": tally.strict.recall,
        "f1_strict": tally.strict.f1,
        "precision": tally.tolerant.precision,
        "recall": tally.tolerant.recall,
        "f1": tally.tolerant.f1,
        "auto": tally.auto,
        "auto_wrong": tally.auto - tally.auto_right,
        "auto_precision": tally.auto_precision,
        "auto_precision_strict": tally.auto_precision_strict,
        "coverage": tally.coverage,
        "negatives_proposed": tally.negatives_proposed,
        "ece": tally.ece,
        "brier": tally.brier,
    }


if __name__ == "__main__":
    main()
