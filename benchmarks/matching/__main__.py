"""``python -m benchmarks.matching``: how well we match, beside an additive and a rule matcher."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.matching.adapter import holds_index
from benchmarks.matching.contenders import CONTENDERS
from benchmarks.matching.limits import LATENCY_SIZE, limit_of_latency, limits_of
from benchmarks.matching.measure import Figures, Tally, measure, read_rows, summary
from benchmarks.matching.rates import PROFILES
from benchmarks.matching.watching import watch
from benchmarks.measurement import Measurement, print_measurements
from payymo.cli.terminal import err, print_json, print_table

_ROOT = Path(__file__).resolve().parents[2]
_SIZES = (2_000, 10_000)

#: What a large book costs is the same for all profiles: one is enough.
_LARGE = ("mixed", 100_000)

#: The additive matcher compares every pair: beyond this size it is left out.
_ADDITIVE_SIZE_MAX = 2_000


@dataclass(slots=True)
class Result:
    """What one matcher made of the books of one profile and size.

    :ivar seconds: Of each book, from reading the files to having written the predictions.
    :ivar peak_mib: The most memory that any of them took, with the processes that it started.
    """

    profile: str
    size: int
    matcher: str
    figures: Figures = field(default_factory=Figures)
    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    @property
    def seconds_a_book(self) -> float:
        """The mean of the seconds."""
        return sum(self.seconds) / len(self.seconds)


def run(
    books: Sequence[tuple[str, int]], seeds: Sequence[int], additive_up_to: int
) -> Iterator[Result]:
    """Yield the result of each matcher on each profile and size, over all seeds.

    :param books: Profiles, each with a size.
    :param additive_up_to: Up to which size the additive matcher takes part.
    """
    for profile, size in books:
        results = [
            Result(profile, size, name)
            for name in CONTENDERS
            if name != "additive" or size <= additive_up_to
        ]
        for seed in seeds:
            err.print(f"{profile}, {size:,} lines, seed {seed} …")
            _match_book(results, seed)
        yield from results


def run_latency(size: int) -> Measurement:
    """Return what one payment takes against so many open invoices."""
    err.print(f"one payment against {size:,} open invoices …")
    with tempfile.TemporaryDirectory(prefix="payymo-matching-") as folder:
        _generate(Path(folder), "mixed", size, seed=1)
        found = json.loads(_python("benchmarks.matching.latency", "--book", folder))
    return limit_of_latency(size, found)


def _match_book(results: Sequence[Result], seed: int) -> None:
    with tempfile.TemporaryDirectory(prefix="payymo-matching-") as folder:
        book, out = Path(folder), Path(folder) / "predictions.jsonl"
        _generate(book, results[0].profile, results[0].size, seed=seed)
        truth = read_rows(book / "truth.jsonl")
        for result in results:
            printed, peak_mib = watch(
                _command(
                    "benchmarks.matching.contenders",
                    *(result.matcher, "--book", str(book), "--out", str(out)),
                ),
                _ROOT,
            )
            cost = json.loads(printed)
            measure(truth, read_rows(out), before=result.figures)
            result.seconds.append(cost["seconds"])
            result.peak_mib = max(result.peak_mib, cost["peak_mib"], peak_mib)


def _generate(folder: Path, profile: str, size: int, *, seed: int) -> None:
    _python(
        "benchmarks.matching.generate",
        *("--profile", profile, "--size", str(size), "--seed", str(seed), "--out", str(folder)),
    )


def _python(*arguments: str) -> str:
    """Run a module in a process of its own, and return what it prints."""
    command = _command(*arguments)
    return subprocess.run(command, check=True, cwd=_ROOT, stdout=subprocess.PIPE, text=True).stdout


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def main() -> int:
    """Run what was asked for, print what was found; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(prog="benchmarks.matching", description=__doc__)
    parser.add_argument(
        "--profiles", nargs="+", choices=tuple(PROFILES), default=tuple(PROFILES), metavar="NAME",
        help=f"of {', '.join(PROFILES)}; all unless said otherwise",
    )  # fmt: skip
    parser.add_argument(
        "--sizes", nargs="+", type=int, metavar="COUNT",
        help=f"bank lines, and as many invoices; {' and '.join(map(str, _SIZES))} unless said "
        f"otherwise, and {_LARGE[1]} of {_LARGE[0]}",
    )  # fmt: skip
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        default=(1, 2),
        metavar="SEED",
        help="books of each kind; 1 and 2 unless said otherwise",
    )
    parser.add_argument(
        "--additive-up-to", type=int, default=_ADDITIVE_SIZE_MAX, metavar="COUNT",
        help="the largest size at which the additive matcher, which compares every pair, takes "
        f"part; {_ADDITIVE_SIZE_MAX} unless said otherwise",
    )  # fmt: skip
    parser.add_argument(
        "--latency-at", type=int, default=LATENCY_SIZE, metavar="COUNT",
        help="open invoices against which single payments are matched; "
        f"{LATENCY_SIZE} unless said otherwise, 0 for none",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    books = [
        (profile, size) for profile in arguments.profiles for size in arguments.sizes or _SIZES
    ]
    if not arguments.sizes and _LARGE[0] in arguments.profiles:
        books.append(_LARGE)
    results = list(run(books, arguments.seeds, arguments.additive_up_to))
    limits = [limit for result in results for limit in _limits(result)]
    if arguments.latency_at and holds_index():
        limits.append(run_latency(arguments.latency_at))
    elif arguments.latency_at:
        err.print("One payment after the other is left out: the engine holds no index.")
    if arguments.json:
        print_json({"results": [_as_json(result) for result in results], "limits": limits})
    else:
        _print(results, limits, arguments.additive_up_to)
    missed = [limit.name for limit in limits if not limit.holds]
    if missed:
        err.print(f"Not reached: {'; '.join(missed)}.")
        return 1
    err.print(f"All {len(limits)} limits are kept.")
    return 0


def _limits(result: Result) -> list[Measurement]:
    if result.matcher != "ours":
        return []
    return limits_of(
        result.profile,
        result.size,
        result.figures.all,
        seconds=result.seconds_a_book,
        peak_mib=result.peak_mib,
    )


def _as_json(result: Result) -> dict[str, object]:
    return {
        "profile": result.profile,
        "size": result.size,
        "matcher": result.matcher,
        "seconds": result.seconds,
        "peak_mib": result.peak_mib,
        "all": summary(result.figures.all),
        "cases": {case: summary(tally) for case, tally in result.figures.by_size()},
    }


def _print(results: Sequence[Result], limits: Sequence[Measurement], additive_up_to: int) -> None:
    for profile in dict.fromkeys(result.profile for result in results):
        ours = [result for result in results if result.profile == profile]
        print_table(
            f"\n{profile}",
            ("lines #", "matcher", *(f"{head} #" for head in (*_HEADS, "s", "MiB"))),
            [
                (
                    f"{result.size:,}",
                    result.matcher,
                    *_shares(result.figures.all),
                    f"{result.seconds_a_book:.1f}",
                    f"{result.peak_mib:.0f}",
                )
                for result in ours
            ],
        )
        _print_cases(ours)
    print_measurements("\nLimits", limits)
    err.print(_LEGEND)
    if any(result.size > additive_up_to for result in results):
        err.print(f"The additive matcher compares every pair: left out above {additive_up_to:,}.")


_HEADS = ("P", "R", "F1", "sure", "cover", "ECE", "stray")
_LEGEND = (
    "P, R, F1: of links at 0.5, equivalents allowed. sure: precision of whole sets at 0.95. "
    "cover: those that are right, of all payments. stray: lines that pay nothing and are proposed "
    "at 0.5. s: from reading the files to having written the proposals."
)


def _shares(tally: Tally) -> tuple[str, ...]:
    sure = tally.auto_precision
    links = tally.tolerant
    if not tally.payable:
        strays = f"{tally.negatives_proposed:.3f}"
        return "", "", "", "" if sure is None else f"{sure:.4f}", "", f"{tally.ece:.3f}", strays
    return (
        f"{links.precision:.3f}",
        f"{links.recall:.3f}",
        f"{links.f1:.3f}",
        "" if sure is None else f"{sure:.4f}",
        f"{tally.coverage:.3f}",
        f"{tally.ece:.3f}",
        f"{tally.negatives_proposed:.3f}" if tally.payable < tally.lines else "",
    )


def _print_cases(results: Sequence[Result]) -> None:
    """Print, by case, what each matcher made of the largest books that all of them matched."""
    sizes = {result.matcher: set[int]() for result in results}
    for result in results:
        sizes[result.matcher].add(result.size)
    common = set.intersection(*sizes.values())
    if not common:
        return
    chosen = [result for result in results if result.size == max(common)]
    for result in chosen:
        print_table(
            f"\n{result.profile}, {result.size:,} lines, by case: {result.matcher}",
            ("case", "lines #", *(f"{head} #" for head in _HEADS)),
            [(case, tally.lines, *_shares(tally)) for case, tally in result.figures.by_size()],
        )


if __name__ == "__main__":
    sys.exit(main())
