"""What single signals are worth on public data with truth, where they are at hand."""

from pathlib import Path

import pytest
from benchmarks.matching.external import (
    NamePair,
    Transfer,
    link,
    read_dutch_companies,
    read_name_pairs,
    read_transfers,
)

from payymo.domain.enums import AmountClass
from payymo.domain.matching.amounts import classify, units_of
from payymo.domain.matching.names import NameIndex
from payymo.domain.matching.normalise import words_of_name

DATA = Path(__file__).resolve().parents[3] / "../shared/matching/data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")

#: From here on the engine takes names for akin, and for alike.
AKIN, ALIKE = 0.7, 0.85


def qualities(pairs: list[NamePair]) -> list[float]:
    """Return how like the engine finds the second name of each pair to the first."""
    index = NameIndex()
    places = {name: at for at, name in enumerate(dict.fromkeys(pair.first for pair in pairs))}
    for name, at in places.items():
        index.add(at, words_of_name(name))
    return [
        max(
            (
                match.quality
                for match in index.find(words_of_name(pair.second))
                if match.customer == places[pair.first]
            ),
            default=0.0,
        )
        for pair in pairs
    ]


def test_transfers_are_linked_by_name_amount_and_day() -> None:
    _learning, held_out = read_transfers(DATA)
    index = NameIndex()
    for at, name in enumerate(sorted({each.memo for each in held_out.arrived})):
        index.add(at, words_of_name(name))
    words: dict[str, tuple[str, ...]] = {}

    def words_of(memo: str) -> tuple[str, ...]:
        return words.setdefault(memo, words_of_name(memo))

    def score(payment: Transfer, arrival: Transfer) -> float:
        paid, arrived = units_of(payment.amount), units_of(arrival.amount)
        days = (arrival.day - payment.day).days
        is_exact = classify(arrived, paid, paid, days) is AmountClass.EXACT
        name = index.likeness(words_of(payment.memo), words_of(arrival.memo))
        return 3 * name + is_exact - 20 * abs(arrived / paid - 1) - 0.1 * days

    found = link(held_out, score, threshold=-1.5)

    assert found.f1 >= 0.99


def test_company_names_are_told_from_near_misses() -> None:
    pairs = read_dutch_companies(DATA)
    akin = [quality >= AKIN for quality in qualities(pairs)]

    right = sum(pair.is_match and found for pair, found in zip(pairs, akin, strict=True))
    wrong = sum(found and not pair.is_match for pair, found in zip(pairs, akin, strict=True))
    assert 2 * right / (right + wrong + sum(pair.is_match for pair in pairs)) >= 0.94


def test_names_that_are_taken_for_alike_seldom_are_not() -> None:
    pairs = [pair for pair in read_name_pairs(DATA) if pair.kind != "Vessel"]
    alike = [quality >= ALIKE for quality in qualities(pairs)]

    right = sum(pair.is_match and found for pair, found in zip(pairs, alike, strict=True))
    wrong = sum(found and not pair.is_match for pair, found in zip(pairs, alike, strict=True))
    # Half of the true pairs are in other scripts or languages, which a bank seldom passes on.
    assert right / (right + wrong) >= 0.88
    assert right >= 160
