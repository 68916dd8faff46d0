"""Public data with truth, where it is at hand: transfers that arrived, and pairs of names.

The files are those of the reference pack (``data/``): 45,326 transfers with their arrivals, and two
sets of names. None of them is part of Payymo.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import duckdb

#: Days that an arrival may be behind its payment, and by what factor its amount may differ.
_DAYS_MAX = 30
_AMOUNT_MIN, _AMOUNT_MAX = Decimal("0.85"), Decimal("1.18")
_KEY_LENGTH = 3


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """One side of a transfer, without anything that tells its other side.

    :ivar amount: As paid, or as it arrived after fees and exchange.
    :ivar memo: The text; either side may have cut it.
    """

    amount: Decimal
    day: date
    memo: str


@dataclass(frozen=True, slots=True)
class Transfers:
    """Payments, their arrivals, and for each payment the arrival that is its own."""

    paid: Sequence[Transfer]
    arrived: Sequence[Transfer]
    truth: Mapping[Transfer, Transfer]


@dataclass(frozen=True, slots=True)
class Linkage:
    """How right the links were that a scorer led to.

    :ivar linked: Payments that were linked.
    :ivar reachable: True pairs that were among the pairs that were scored.
    """

    pairs: int
    linked: int
    right: int
    reachable: int

    @property
    def precision(self) -> float:
        """The share of the links that is right."""
        return self.right / self.linked if self.linked else 0.0

    @property
    def recall(self) -> float:
        """The share of all true pairs that was linked."""
        return self.right / self.pairs if self.pairs else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of the two."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"F1 {self.f1:.4f} (precision {self.precision:.4f}, recall {self.recall:.4f}) of "
            f"{self.pairs:,} transfers; {self.reachable:,} were among the pairs that were scored"
        )


def read_transfers(folder: Path) -> tuple[Transfers, Transfers]:
    """Return the transfers in two halves: one to learn from, one held out.

    Which half a transfer belongs to follows from a hash of its id, so that it never changes.

    :param folder: Where ``splink_transactions_origin.parquet`` and ``…_destination.parquet`` are.
    """
    sides = [
        _side(folder / f"splink_transactions_{name}.parquet") for name in ("origin", "destination")
    ]
    halves = []
    for wanted in (0, 1):
        paid, arrived = (
            {key: each for key, each in side.items() if _half(key) == wanted} for side in sides
        )
        truth = {each: arrived[key] for key, each in paid.items()}
        # The files are in the order of the ids: the halves are in that of the texts.
        halves.append(Transfers(_in_order(paid), _in_order(arrived), truth))
    learning, held_out = halves
    return learning, held_out


def _side(path: Path) -> dict[int, Transfer]:
    relation = duckdb.connect().execute(
        "SELECT ground_truth, amount, transaction_date, memo FROM read_parquet(?)", [str(path)]
    )
    return {
        key: Transfer(Decimal(str(round(amount, 2))), day, memo)
        for key, amount, day, memo in relation.fetchall()
    }


def _half(key: int) -> int:
    return sha256(str(key).encode()).digest()[0] % 2


def _in_order(side: Mapping[int, Transfer]) -> list[Transfer]:
    return sorted(side.values(), key=lambda each: (each.memo, each.day, each.amount))


def candidates(transfers: Transfers) -> Iterator[tuple[Transfer, Transfer]]:
    """Yield the pairs worth a score: memos that begin alike, days and amounts that may be."""
    by_key: dict[str, list[Transfer]] = defaultdict(list)
    for arrival in transfers.arrived:
        by_key[arrival.memo[:_KEY_LENGTH]].append(arrival)
    for payment in transfers.paid:
        low, high = payment.amount * _AMOUNT_MIN, payment.amount * _AMOUNT_MAX
        for arrival in by_key.get(payment.memo[:_KEY_LENGTH], ()):
            if low <= arrival.amount <= high and 0 <= (arrival.day - payment.day).days <= _DAYS_MAX:
                yield payment, arrival


def link(
    transfers: Transfers, score: Callable[[Transfer, Transfer], float], *, threshold: float
) -> Linkage:
    """Return how right it is to link by a score: the highest first, each side once.

    :param score: For a payment and an arrival: the higher, the likelier they are one.
    :param threshold: Pairs below it are not linked.
    """
    scored = []
    reachable = 0
    for place, (payment, arrival) in enumerate(candidates(transfers)):
        reachable += transfers.truth[payment] is arrival
        value = score(payment, arrival)
        if value >= threshold:
            scored.append((-value, place, payment, arrival))
    scored.sort(key=lambda each: each[:2])
    taken: set[Transfer] = set()
    linked = right = 0
    for _value, _place, payment, arrival in scored:
        if payment in taken or arrival in taken:
            continue
        taken |= {payment, arrival}
        linked += 1
        right += transfers.truth[payment] is arrival
    return Linkage(len(transfers.paid), linked, right, reachable)


@dataclass(frozen=True, slots=True)
class NamePair:
    """Two names, and whether they mean the same.

    :ivar kind: ``Person``, ``Organization``, ``Company``, ``Vessel`` and the like.
    """

    first: str
    second: str
    is_match: bool
    kind: str


def read_name_pairs(folder: Path) -> list[NamePair]:
    """Return the pairs of ``opensanctions_name_bench.csv``."""
    with (folder / "opensanctions_name_bench.csv").open(encoding="utf-8", newline="") as file:
        return [
            NamePair(row["name1"], row["name2"], row["is_match"] == "true", row["schema"])
            for row in csv.DictReader(file)
        ]


def read_dutch_companies(folder: Path) -> list[NamePair]:
    """Return the pairs of ``emm_kvk_namepairs_sample.csv.gz``: company names, and near misses."""
    path = folder / "emm_kvk_namepairs_sample.csv.gz"
    with gzip.open(path, mode="rt", encoding="utf-8", newline="") as file:
        return [
            NamePair(row["gt_name"], row["name"], row["correct"] == "True", "Company")
            for row in csv.DictReader(file)
        ]
