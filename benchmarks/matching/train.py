"""``python -m benchmarks.matching.train``: learn the engine's weights from generated books.

Every payment chooses one of its candidates, or none: a conditional logit (McFadden). Its weights
add up, are in bits, and are the evidence that a person is shown. They are found by maximum
likelihood with a ridge, in rounds: from the second on, payments know which others want the same
invoices. Calibration and margins come from books that took no part, and a third lot tells how well
it all carries over.
"""

import argparse
import json
import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.matching.caution import learn_caution
from benchmarks.matching.fitting import Choices, Floats, fit, isotonic
from benchmarks.matching.generate import generate, write
from benchmarks.matching.signs import bounds
from payymo.cli.terminal import err
from payymo.domain.matching.allocation import Grant, allocate
from payymo.domain.matching.competition import Claim, compete, competition_feature
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.engine import Matcher, find_repeats, settle
from payymo.domain.matching.explanation import CONFIDENCE_MAX, DOUBTFUL_MAX
from payymo.domain.matching.features import (
    AGREEMENT,
    BESIDES,
    FEATURE_COUNT,
    GROUPS,
    QUOTE,
    REFUSED,
    REMAINDER,
)
from payymo.domain.matching.model import STANDINGS, Calibration, Model
from payymo.domain.matching.reading import Reading
from payymo.domain.matching.sureness import margin_asked, margin_of, may_be_sure
from payymo.workflows.match_lines import read_book

MODEL = Path(__file__).parents[2] / "src/payymo/domain/matching/model.json"

#: Profile, seed, lines, and whether the past is known.
type Recipe = tuple[str, int, int, bool]

#: What would be proposed: the candidate, its probability and margin, and whether it is right.
type Result = tuple[Candidate, float, float, bool]

TRAINED: Sequence[Recipe] = (
    ("mixed", 1001, 2_000, True),
    ("mixed", 1002, 6_000, True),
    ("mixed", 1003, 3_000, False),
    ("mixed", 1004, 12_000, True),
    ("subscription", 1011, 3_000, True),
    ("subscription", 1012, 8_000, True),
    ("subscription", 1013, 2_000, False),
    ("hard", 1021, 3_000, True),
    ("hard", 1022, 8_000, True),
    ("hard", 1023, 2_000, False),
    ("tangled", 1031, 3_000, True),
    ("tangled", 1032, 1_000, False),
    ("tangled", 1033, 4_000, True),
)
CALIBRATED: Sequence[Recipe] = (
    ("mixed", 2001, 8_000, True),
    ("subscription", 2011, 8_000, True),
    ("hard", 2021, 8_000, True),
    ("mixed", 2002, 3_000, False),
    ("subscription", 2012, 3_000, False),
    ("hard", 2022, 3_000, False),
    ("mixed", 2003, 12_000, True),
    ("hard", 2023, 8_000, True),
    ("subscription", 2013, 8_000, True),
    ("tangled", 2031, 3_000, True),
    ("mixed", 2004, 12_000, True),
    ("subscription", 2014, 12_000, True),
    ("hard", 2024, 12_000, True),
    *(
        (profile, first + number, 12_000, True)
        for number in range(2)
        for profile, first in (("mixed", 2005), ("subscription", 2015), ("hard", 2025))
    ),
)

#: What no generated book holds, or not as it must be, weighed by judgement: an open invoice that is
#: quoted with its amount outranks whatever else is known of a payer.
JUDGED = (
    (QUOTE, "other_exact", -6.0),
    (BESIDES, "slip", -1.5),
    (REMAINDER, "quoted", -2.0),
    (REMAINDER, "unquoted", -4.0),
    (REFUSED, "lately", -6.0),
    (REFUSED, "once", -3.0),
)

#: How far the rates of a book may be from the profile's: wider than in books to measure with.
_JITTER = 1.5

#: As far as in books to measure with, for what decides how sure one may be.
_JITTER_OF_HELD_OUT = 1.25
_RIDGE = 0.1

#: What agrees is worth more than its parts only as far as it must be.
_RIDGE_OF_AGREEMENT = 0.1
_ROUNDS = 2
_NEARLY_SURE = 0.95
_PROCESSES = 2
_MISTAKEN_MAX = 0.00017

#: What a generator taught may not hold in the field: so many bits of margin are asked for besides.
_RESERVE = 0.25
#: Profiles that say how surely a usual book can be matched.
_USUAL = ("mixed", "subscription", "hard")
_POINTS_MAX = 24
_RISE_MIN = 0.02


@dataclass(slots=True)
class Case:
    """A book with its truth, read once.

    :ivar candidates: Of each payment, in order of time.
    :ivar is_right: Whether each of them is the truth, or as good as it.
    """

    name: str
    matcher: Matcher
    truth: Mapping[str, Mapping[str, Any]]
    readings: Sequence[Reading]
    candidates: Sequence[Sequence[Candidate]]
    is_right: Sequence[Sequence[bool]]

    @classmethod
    def of(cls, recipe: Recipe, *, jitter: float = _JITTER_OF_HELD_OUT) -> "Case":
        """Return a generated book, with every candidate of every payment.

        :param recipe: Which book.
        :param jitter: How far its rates may be from the profile's.
        """
        profile, seed, size, is_past_known = recipe
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(generate(profile, seed=seed, size=size, jitter=jitter), folder)
            return cls.read(f"{profile} {seed}", folder, is_past_known=is_past_known)

    @classmethod
    def read(cls, name: str, folder: Path, *, is_past_known: bool) -> "Case":
        """Return the book that stands in a folder, with every candidate of every payment."""
        book = read_book(
            folder / "invoices.jsonl",
            folder / "transactions.jsonl",
            folder / "history.jsonl" if is_past_known else None,
            folder / "meta.json",
        )
        matcher = Matcher(
            book.invoices,
            closed=book.closed,
            credits_open=book.credits_open,
            confirmations=book.confirmations,
            rates=book.rates,
            model=Model([0.0] * FEATURE_COUNT, Calibration([0.0, 1.0], [0.0, 1.0])),
        )
        lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
        truth = {row["tx_id"]: row for row in map(json.loads, lines)}
        readings = matcher.read(book.payments, find_repeats(book.payments))
        lessons = matcher.lessons(readings)
        candidates = [matcher.candidates(reading, lessons) for reading in readings]
        is_right = [
            [_is_right(matcher, truth[reading.payment.id], each) for each in found]
            for reading, found in zip(readings, candidates, strict=True)
        ]
        return cls(name, matcher, truth, readings, candidates, is_right)

    def choices(
        self, competition: Sequence[Sequence[int]] | None
    ) -> list[list[tuple[list[int], bool]]]:
        """Return each payment's candidates as features, with who else wants the same if known."""
        return [
            [
                (
                    candidate.features
                    if competition is None
                    else [*candidate.features, competition_feature(candidate, steps[place])],
                    right,
                )
                for place, (candidate, right) in enumerate(zip(found, rights, strict=True))
            ]
            for found, rights, steps in zip(
                self.candidates,
                self.is_right,
                competition or [()] * len(self.candidates),
                strict=True,
            )
        ]

    def competition(self, weights: Sequence[float]) -> list[list[int]]:
        """Return how far each candidate's invoices are wanted by others."""
        claims = []
        for number, (reading, found) in enumerate(zip(self.readings, self.candidates, strict=True)):
            for candidate in found:
                candidate.bits = sum(weights[each] for each in candidate.features)
            claims.append(Claim(number, reading.amount, found))
        for claim in claims:
            claim.weigh(weights)
        compete(self.matcher.index, claims)
        return [claim.competition for claim in claims]

    def results(self, model: Model) -> list[Result]:
        """Return what would be proposed."""
        matcher = self.matcher
        matcher.model = model
        claims = [
            Claim(number, reading.amount, matcher.strongest(found))
            for number, (reading, found) in enumerate(
                zip(self.readings, self.candidates, strict=True)
            )
        ]
        settle(matcher.index, model, claims)
        grants = allocate(matcher.index, claims, probability_min=0.02)
        return [
            (
                claim.candidates[grant.place],
                claim.probabilities[grant.place],
                margin_of(claim, grant.place),
                self._is_granted_rightly(claim.number, claim.candidates[grant.place], grant),
            )
            for claim in claims
            if (grant := grants.get(claim.number)) is not None
        ]

    def _is_granted_rightly(self, number: int, candidate: Candidate, grant: Grant) -> bool:
        truth = self.truth[str(self.readings[number].payment.id)]
        members = [at for at, _amount in grant.members]
        return matches(self.matcher, truth, members, candidate.credits)


def matches(
    matcher: Matcher,
    truth: Mapping[str, Any],
    places: Iterable[int],
    credits_: Iterable[int] = (),
) -> bool:
    """Return whether invoices are those of the truth, or equal siblings that are as good.

    :param places: Places of the invoices.
    :param credits_: Places of the credits that are deducted.
    """
    wanted = {row["invoice_id"] for row in truth["allocations"]}
    index = matcher.index
    found = {index.invoices[at].id for at in places} | {index.credits[at].id for at in credits_}
    if not wanted or len(found) != len(wanted):
        return False
    equal = truth.get("equivalents") or {}
    missing = wanted - found
    for extra in sorted(found - wanted, key=str):
        stand_in = next(
            (each for each in sorted(missing, key=str) if extra in equal.get(str(each), ())), None
        )
        if stand_in is None:
            return False
        missing.discard(stand_in)
    return True


def _is_right(matcher: Matcher, truth: Mapping[str, Any], candidate: Candidate) -> bool:
    return matches(matcher, truth, candidate.members, candidate.credits) or any(
        matches(matcher, truth, (at,)) for at in candidate.siblings
    )


def learn(cases: Sequence[Case]) -> Floats:
    """Return the weights that some books teach, in bits."""
    ridge, within = np.full(FEATURE_COUNT, _RIDGE), bounds()
    ridge[AGREEMENT.base : AGREEMENT.base + len(AGREEMENT.answers)] = _RIDGE_OF_AGREEMENT
    weights = fit(_choices(cases, None), ridge=ridge, bounds=within)
    for _ in range(_ROUNDS):
        in_bits = (weights / math.log(2)).tolist()
        competition = [case.competition(in_bits) for case in cases]
        weights = fit(_choices(cases, competition), ridge=ridge, bounds=within, start=weights)
    return weights / math.log(2)


def _choices(
    cases: Sequence[Case], competition: Sequence[Sequence[Sequence[int]]] | None
) -> Choices:
    return Choices.of(
        [
            payment
            for place, case in enumerate(cases)
            for payment in case.choices(competition[place] if competition else None)
        ]
    )


def results_of(recipe: Recipe, weights: Sequence[float]) -> list[Result]:
    """Return what would be proposed for a generated book that taught nothing."""
    return Case.of(recipe).results(Model(weights, Calibration([0.0, 1.0], [0.0, 1.0])))


def calibrate(weights: Sequence[float], found: Mapping[Recipe, Sequence[Result]]) -> Model:
    """Return a model whose probabilities are true on some books that it has not learnt from.

    :param weights: Bits of each feature.
    :param found: What they lead to on each of the books.
    """
    results = [result for each in found.values() for result in each]
    seeming = np.array([probability for _candidate, probability, _margin, _right in results])
    right = np.array([float(right) for _candidate, _probability, _margin, right in results])
    points = _few_points(*isotonic(seeming, right), seeming)
    calibration = Calibration([x for x, _y in points], [y for _x, y in points])
    caution = learn_caution(
        [
            (candidate, margin, right)
            for (profile, _seed, _size, is_past_known), each in found.items()
            if profile in _USUAL and is_past_known
            for candidate, probability, margin, right in each
            if calibration(probability) >= _NEARLY_SURE and may_be_sure(candidate)
        ],
        mistaken_max=_MISTAKEN_MAX,
    )
    return Model(
        weights,
        calibration,
        margin_min=tuple(round(round(each, 2) + _RESERVE, 2) for each in caution.standing),
        caution=[round(float(each), 2) for each in caution.answers],
    )


def _few_points(xs: Floats, ys: Floats, seeming: Floats) -> list[tuple[float, float]]:
    """Return a line of few points through the pools, from 0 to 1, never quite sure."""
    edges = np.unique(np.quantile(seeming, np.linspace(0, 1, 200)))
    line = np.interp(edges, xs, ys)
    kept: list[tuple[float, float]] = [(0.0, 0.0)]
    for x, y in zip(edges.tolist(), line.tolist(), strict=True):
        if 0.0 < x < 1.0 and (x - kept[-1][0] >= 1 / _POINTS_MAX or y - kept[-1][1] >= _RISE_MIN):
            kept.append((round(x, 4), round(max(min(y, CONFIDENCE_MAX), kept[-1][1]), 4)))
    if kept[-1][0] < 1.0:
        kept.append((1.0, 0.9995))
    return kept


def as_json(model: Model) -> str:
    """Return a model as its file holds it: a line for each group of features."""
    points = [
        [round(x, 4), round(y, 4)]
        for x, y in zip(model.calibration.seeming, model.calibration.true, strict=True)
    ]
    margins = dict(zip(STANDINGS, model.margin_min, strict=True))
    return (
        "{\n"
        f' "margin_min": {json.dumps(margins)},\n'
        f' "calibration": {json.dumps(points)},\n'
        f' "caution": {_by_group(model.caution)},\n'
        f' "weights": {_by_group(model.weights)}\n'
        "}\n"
    )


def _by_group(bits: Sequence[float]) -> str:
    """Return bits of features as JSON, a line for each group that has any."""
    lines = []
    for group in GROUPS:
        found = {answer: round(float(bits[group[answer]]), 2) + 0.0 for answer in group.answers}
        if any(found.values()):
            lines.append(f"  {json.dumps(group.name)}: {json.dumps(found)}")
    return "{\n" + ",\n".join(lines) + "\n }"


def main() -> None:
    """Learn, calibrate and write the model."""
    parser = argparse.ArgumentParser(prog="train", description=__doc__)
    parser.add_argument("--out", type=Path, default=MODEL, help="where the model goes")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, and fail if the file would change"
    )
    arguments = parser.parse_args()
    model, results = train()
    sure = [
        right
        for candidate, probability, margin, right in results
        if may_be_sure(candidate)
        and margin >= margin_asked(model, candidate)
        and model.calibration(probability) >= _NEARLY_SURE
    ]
    err.print(
        f"{len(sure):,} of the held-out proposals are nearly sure, {sure.count(False)} of them "
        f"wrong; the others stay at {DOUBTFUL_MAX} or below."
    )
    learnt = as_json(model)
    if not arguments.check:
        arguments.out.write_text(learnt, encoding="utf-8")
        err.print(f"{arguments.out} is written.")
    elif arguments.out.read_text(encoding="utf-8") != learnt:
        raise SystemExit(f"{arguments.out} is not what the books teach.")


def train() -> tuple[Model, list[Result]]:
    """Return the model that the books teach, and what it is calibrated with."""
    cases = []
    for recipe in TRAINED:
        err.print(f"reading {recipe[0]} {recipe[1]} …")
        cases.append(Case.of(recipe, jitter=_JITTER))
    err.print("learning …")
    weights = learn(cases)
    del cases
    rounded = [round(float(weight), 2) for weight in weights]
    for group, answer, bits in JUDGED:
        rounded[group[answer]] = bits
    err.print(f"calibrating on {len(CALIBRATED)} more …")
    with ProcessPoolExecutor(_PROCESSES) as pool:
        each = pool.map(partial(results_of, weights=rounded), CALIBRATED)
        found = dict(zip(CALIBRATED, each, strict=True))
    model = calibrate(rounded, found)
    return model, [result for results in found.values() for result in results]


if __name__ == "__main__":
    main()
