"""Matching a large book with two processes: each reads and weighs its part of the payments.

Who gets what is decided once, for all. What comes out is the same as from one process.
"""

import gc
import multiprocessing
import os
from collections.abc import Callable, Hashable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from payymo.domain.matching.allocation import Grant
from payymo.domain.matching.competition import Claim
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.engine import Matcher, earliest_first, find_repeats
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.reading import Reading
from payymo.domain.matching.records import Payment, Proposal

#: With fewer payments a second process costs more than it saves.
PARALLEL_MIN = 2_000

#: A claim as it travels between processes: all but its features.
type _Packed = tuple[int, int, list[tuple[Any, ...]]]

#: What became of a claim: number, competition, bits, probabilities, and the grant's fields.
type _Decision = tuple[int, list[int], list[float], list[float], tuple[Any, ...]]


def match_in_parts[Line](
    matcher: Matcher,
    payments: Sequence[Payment],
    *,
    confidence_min: float,
    present: Callable[[Proposal], Line],
    workers: int | None = None,
) -> list[Line]:
    """Return what is proposed for each payment, in order of time.

    :param matcher: The book; it is not changed.
    :param payments: Incoming payments.
    :param confidence_min: Proposals below this probability are left out.
    :param present: Turns a proposal into what is wanted, in the process that made it.
    :param workers: How many processes; one or two. Two for large books unless said otherwise.
    """
    if workers is None:
        is_large = len(payments) >= PARALLEL_MIN and (os.cpu_count() or 1) > 1
        workers = 2 if is_large and "fork" in multiprocessing.get_all_start_methods() else 1
    ordered = sorted((each for each in payments if each.amount > 0), key=earliest_first)
    repeats = find_repeats(ordered)
    if workers == 1:
        alone = _Part(matcher, ordered, repeats, confidence_min, present)
        lessons = alone.read()
        alone.weigh(lessons)
        grants = matcher.share_out(alone.claims, confidence_min)
        return [line for _number, line in alone.explain(grants)]
    return _with_another(matcher, ordered, repeats, confidence_min, present)


def _with_another[Line](
    matcher: Matcher,
    ordered: Sequence[Payment],
    repeats: AbstractSet[Hashable],
    confidence_min: float,
    present: Callable[[Proposal], Line],
) -> list[Line]:
    mine = _Part(matcher, ordered[0::2], repeats, confidence_min, present, first=0, step=2)
    other = _Part(matcher, ordered[1::2], repeats, confidence_min, present, first=1, step=2)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    # What is there before the fork is shared, as long as nobody looks it through for garbage.
    gc.freeze()
    process = context.Process(target=_serve, args=(there, other), daemon=True)
    process.start()
    there.close()
    try:
        lessons = mine.read()
        lessons.add(here.recv())
        here.send(lessons)
        mine.weigh(lessons)
        theirs = [_unpack(packed) for packed in here.recv()]
        claims = sorted([*mine.claims, *theirs], key=lambda claim: claim.number)
        grants = matcher.share_out(claims, confidence_min)
        here.send([_decision(claim, grants) for claim in theirs if claim.number in grants])
        lines = [*mine.explain(grants), *here.recv()]
    finally:
        here.close()
        process.join()
        gc.unfreeze()
    lines.sort(key=lambda pair: pair[0])
    return [line for _number, line in lines]


def _serve[Line](pipe: Connection, part: "_Part[Line]") -> None:
    """Do a part of the work in a process of its own."""
    pipe.send(part.read())
    part.weigh(pipe.recv())
    pipe.send([_pack(claim) for claim in part.claims])
    grants = {}
    for number, competition, bits, likely, (place, members, left) in pipe.recv():
        claim = part.claims[number // 2]
        claim.competition, claim.bits, claim.probabilities = competition, bits, likely
        grants[number] = Grant(place, members, left)
    pipe.send(list(part.explain(grants)))
    pipe.close()


@dataclass(slots=True)
class _Part[Line]:
    """Some of the payments: every second one, or all."""

    matcher: Matcher
    payments: Sequence[Payment]
    repeats: AbstractSet[Hashable]
    confidence_min: float
    present: Callable[[Proposal], Line]
    first: int = 0
    step: int = 1
    readings: Sequence[Reading] = ()
    claims: Sequence[Claim] = ()
    lessons: PayerMemory = field(default_factory=PayerMemory)

    def read(self) -> PayerMemory:
        self.readings = self.matcher.read(self.payments, self.repeats)
        return self.matcher.lessons(self.readings)

    def weigh(self, lessons: PayerMemory) -> None:
        self.lessons = lessons
        self.claims = self.matcher.weigh(self.readings, lessons, first=self.first, step=self.step)

    def explain(self, grants: dict[int, Grant]) -> Iterator[tuple[int, Line]]:
        for reading, claim in zip(self.readings, self.claims, strict=True):
            grant = grants.get(claim.number)
            if grant is not None:
                proposal = self.matcher.explain(reading, claim, grant, self.lessons)
                if proposal.confidence >= self.confidence_min:
                    yield claim.number, self.present(proposal)


_FIELDS = tuple(name for name in Candidate.__slots__ if name != "features")


def _pack(claim: Claim) -> _Packed:
    candidates = [
        tuple(getattr(candidate, name) for name in _FIELDS) for candidate in claim.candidates
    ]
    return claim.number, claim.amount, candidates


def _unpack(packed: _Packed) -> Claim:
    number, amount, rows = packed
    candidates = []
    for row in rows:
        candidate = Candidate.__new__(Candidate)
        for name, value in zip(_FIELDS, row, strict=True):
            setattr(candidate, name, value)
        candidates.append(candidate)
    return Claim(number, amount, candidates)


def _decision(claim: Claim, grants: dict[int, Grant]) -> _Decision:
    grant = grants[claim.number]
    return (
        claim.number,
        claim.competition,
        claim.bits,
        claim.probabilities,
        (grant.place, grant.members, grant.left),
    )
