"""Chance that comes out alike in every process and on every version of Python.

Of the standard library only ``Random.random`` promises that: everything here is built on it.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, MutableSequence, Sequence
from hashlib import sha256
from itertools import accumulate
from random import Random


class Choices[T]:
    """Things to choose from, each as often as its weight says."""

    __slots__ = ("_steps", "_things")

    def __init__(self, weights: Mapping[T, float]) -> None:
        """Take weights greater than or equal to zero; they need not add up to one."""
        self._things = tuple(weights)
        total = sum(weights.values())
        self._steps = tuple(accumulate(weight / total for weight in weights.values()))

    def at(self, share: float) -> T:
        """Return what stands at a share from 0 to 1 of all weights."""
        return self._things[min(bisect_right(self._steps, share), len(self._things) - 1)]


class Source:
    """A stream of chance of its own, for what its labels say."""

    __slots__ = ("_spare", "random")

    def __init__(self, *labels: object) -> None:
        """Begin the stream of these labels: the same labels, the same stream."""
        digest = sha256("/".join(map(str, labels)).encode()).digest()
        self.random = Random(int.from_bytes(digest[:16])).random
        self._spare: float | None = None

    def chance(self, share: float) -> bool:
        """Return whether something happens that happens this often."""
        return self.random() < share

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def within(self, low: float, high: float) -> float:
        """Return a number between two."""
        return low + self.random() * (high - low)

    def pick[T](self, things: Sequence[T]) -> T:
        """Return one of some things, each as often."""
        return things[int(self.random() * len(things))]

    def choose[T](self, choices: Choices[T]) -> T:
        """Return one of some things, each as often as its weight says."""
        return choices.at(self.random())

    def normal(self, mean: float, deviation: float) -> float:
        """Return a normally distributed number (Box and Muller)."""
        if self._spare is not None:
            unit, self._spare = self._spare, None
        else:
            radius = math.sqrt(-2 * math.log(1 - self.random()))
            angle = 2 * math.pi * self.random()
            unit, self._spare = radius * math.cos(angle), radius * math.sin(angle)
        return mean + deviation * unit

    def digits(self, count: int) -> str:
        """Return that many digits, the first of which is not zero."""
        return str(int((0.1 + 0.9 * self.random()) * 10**count))

    def letters(self, count: int) -> str:
        """Return that many capital letters."""
        return "".join(chr(65 + int(self.random() * 26)) for _ in range(count))

    def hexadecimal(self, count: int) -> str:
        """Return that many hexadecimal digits."""
        return "".join("0123456789abcdef"[int(self.random() * 16)] for _ in range(count))

    def shuffle[T](self, things: MutableSequence[T]) -> None:
        """Bring things into any order."""
        for place in range(len(things) - 1, 0, -1):
            other = int(self.random() * (place + 1))
            things[place], things[other] = things[other], things[place]
