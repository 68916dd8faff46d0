"""Public data with truth is read as it is, and links are counted right."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from benchmarks.matching.external import (
    Transfer,
    Transfers,
    link,
    read_dutch_companies,
    read_name_pairs,
    read_transfers,
)
from rapidfuzz.distance import Prefix

DATA = Path(__file__).resolve().parents[3] / "../shared/matching/data"

here = pytest.mark.skipif(not DATA.is_dir(), reason="the public data are not here")


def a_transfer(amount: str, day: int, memo: str = "ADA LOVELACE") -> Transfer:
    return Transfer(Decimal(amount), date(2022, 1, day), memo)


def by_amount(payment: Transfer, arrival: Transfer) -> float:
    return -abs(float(arrival.amount / payment.amount) - 1)


def test_links_are_made_best_first_and_each_side_once() -> None:
    paid = [a_transfer("100.00", 1), a_transfer("102.00", 1), a_transfer("50.00", 9)]
    arrived = [a_transfer("100.00", 2), a_transfer("101.00", 2), a_transfer("50.00", 8)]
    transfers = Transfers(paid, arrived, dict(zip(paid, arrived, strict=True)))

    found = link(transfers, by_amount, threshold=-0.5)

    # The first pair is equal; the second payment takes what is left; the third came too early.
    assert (found.linked, found.right, found.reachable) == (2, 2, 2)
    assert found.precision == 1
    assert found.recall == pytest.approx(2 / 3)
    assert found.f1 == pytest.approx(0.8)


def test_what_is_below_the_threshold_is_not_linked() -> None:
    paid, arrived = [a_transfer("100.00", 1)], [a_transfer("103.00", 2)]
    transfers = Transfers(paid, arrived, dict(zip(paid, arrived, strict=True)))

    assert link(transfers, by_amount, threshold=-0.01).linked == 0
    assert link(transfers, by_amount, threshold=-0.05).linked == 1


@here
def test_the_halves_are_fixed_and_whole_and_a_plain_score_links_them() -> None:
    learning, held_out = read_transfers(DATA)
    assert len(learning.paid) + len(held_out.paid) == 45_326
    assert (len(learning.paid), len(held_out.paid)) == (22_837, 22_489)

    def score(payment: Transfer, arrival: Transfer) -> float:
        shortest = min(len(payment.memo), len(arrival.memo))
        alike = Prefix.similarity(payment.memo, arrival.memo) / shortest
        days = (arrival.day - payment.day).days
        return 3 * alike + 20 * by_amount(payment, arrival) - 0.1 * days

    found = link(held_out, score, threshold=-1)

    assert found.f1 >= 0.99
    assert found.reachable / len(held_out.paid) >= 0.999
    assert str(found).startswith(f"F1 {found.f1:.4f} (precision ")


@here
def test_pairs_of_names_are_read() -> None:
    pairs = read_name_pairs(DATA)
    companies = read_dutch_companies(DATA)

    assert len(pairs) == 826
    assert sum(pair.is_match for pair in pairs) == 425
    assert (pairs[0].first, pairs[0].second, pairs[0].kind) == (
        "Olaf Scholze",
        "Olaf Scholz",
        "Person",
    )
    assert len(companies) == 201
    assert sum(pair.is_match for pair in companies) == 10
