"""The benchmark says what it measured, and fails when a limit is not kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.matching.adapter import holds_index
from benchmarks.matching.limits import FLOORS, limits_of
from benchmarks.matching.measure import Tally
from benchmarks.matching.rates import PROFILES

ROOT = Path(__file__).resolve().parents[3]


def test_every_profile_has_a_floor() -> None:
    assert FLOORS.keys() == PROFILES.keys()


def test_a_perfect_matcher_keeps_every_limit_and_an_idle_one_does_not() -> None:
    perfect, idle = Tally(), Tally()
    for number in range(100):
        allocations = [{"invoice_id": number, "amount": "1.00"}] if number else []
        truth = {"allocations": allocations}
        prediction = {"confidence": 1.0, "allocations": allocations} if number else None
        perfect.add(truth, prediction)
        idle.add(truth, None)

    costs = {"seconds": 1.0, "peak_mib": 100.0}
    assert all(limit.holds for limit in limits_of("mixed", 100, perfect, **costs))
    kept = {limit.name: limit.holds for limit in limits_of("mixed", 100, idle, **costs)}
    assert not kept["mixed 100: F1"]
    assert not kept["mixed 100: coverage"]


@pytest.mark.parametrize(("wrong", "holds"), [(1, True), (2, False)])
def test_one_wrong_among_a_thousand_sure_ones_is_borne_with(wrong: int, *, holds: bool) -> None:
    tally = Tally(lines=1000, payable=1000, auto=1000, auto_right=1000 - wrong)

    limits = limits_of("mixed", 1000, tally, seconds=0, peak_mib=0)

    (sure,) = [limit for limit in limits if limit.name.endswith("sure")]
    assert sure.holds is holds


def test_large_books_have_limits_of_time_and_memory() -> None:
    limits = limits_of("hard", 100_000, Tally(), seconds=31, peak_mib=2000)

    costs = {limit.name: limit.holds for limit in limits[-2:]}
    assert costs == {"hard 100,000: seconds": False, "hard 100,000: MiB": False}


def test_only_a_large_book_may_cover_less_and_it_is_no_more_wrong() -> None:
    small, large = Tally(lines=1, payable=1), Tally(lines=1, payable=1)
    least = {}
    for size, tally in ((10_000, small), (100_000, large)):
        limits = limits_of("mixed", size, tally, seconds=0, peak_mib=0)
        least[size] = {limit.name.split(": ")[1]: limit.limit for limit in limits}

    assert least[100_000]["coverage"] < least[10_000]["coverage"]
    assert least[100_000]["sure"] == least[10_000]["sure"]


def test_all_three_match_the_same_book_in_processes_of_their_own() -> None:
    command = [sys.executable, "-m", "benchmarks.matching", "--json"]
    done = subprocess.run(
        [
            *command,
            "--profiles",
            "mixed",
            "--sizes",
            "150",
            "--seeds",
            "3",
            "4",
            "--latency-at",
            "500",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    found = json.loads(done.stdout)
    assert [each["matcher"] for each in found["results"]] == ["ours", "additive", "rules"]
    for each in found["results"]:
        assert each["all"]["lines"] == 300
        assert len(each["seconds"]) == 2
        assert each["peak_mib"] > 10
        assert sum(case["lines"] for case in each["cases"].values()) == 300
        assert 0 < each["all"]["f1"] < 1
    single = {limit["name"]: limit["value"] > 0 for limit in found["limits"]}
    assert single.get("one payment, 500 open invoices: p95 in ms", False) is holds_index()
    keeps_all = all(
        limit["value"] <= limit["limit"]
        if limit["is_maximum"]
        else limit["value"] >= limit["limit"]
        for limit in found["limits"]
    )
    assert done.returncode == (0 if keeps_all else 1)
