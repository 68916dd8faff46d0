"""Customers, found by names that are written in many ways."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import log2
from typing import NamedTuple

from rapidfuzz.fuzz import ratio

#: Customers that are not in the book now, and could have been: a small book is no proof.
_UNSEEN = 30

_QUALITY_MIN = 0.55
_TYPO_MIN = 85
_TYPO_LENGTH_MIN = 5
_INITIAL_SHARE = 0.4
_PREFIX_SHARE = 0.9
_TYPO_SHARE = 0.8
_COMMON_WORD_CUSTOMERS = 60
_CANDIDATES_MAX = 10
_CANDIDATE_SHARE_MIN = 0.3
_GLUED_LENGTH_MIN = 7
_PREFIX_LENGTH = 8
_TEXT_WORD_LENGTH_MIN = 4
_TEXT_QUALITY_MIN = 0.7
_TEXT_BITS_MIN = 3.0


class NameMatch(NamedTuple):
    """How like a customer's name is.

    :ivar quality: From 0 to 1; 1 is the same name.
    :ivar bits: How rare what they share is, in bits.
    :ivar is_own: Whether it is the customer's own name, and not one of those who paid for it.
    """

    customer: int
    quality: float
    bits: float
    is_own: bool = True


class NameIndex:
    """Names of customers by their words; each customer may have several."""

    def __init__(self) -> None:
        self._customer_count = 0
        self._names: dict[int, list[tuple[str, ...]]] = defaultdict(list)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_prefix: dict[str, list[int]] = defaultdict(list)
        self._by_glued: dict[str, list[int]] = defaultdict(list)
        self._lent: set[tuple[int, tuple[str, ...]]] = set()
        self._found: dict[tuple[str, ...], tuple[NameMatch, ...]] = {}
        self._rarities: dict[str, float] = {}

    def add(self, customer: int, name: tuple[str, ...], *, is_own: bool = True) -> None:
        """Remember that a customer goes by a name.

        :param customer: Place of the customer.
        :param name: Telling words of the name.
        :param is_own: Whether it is its own, and not that of somebody who paid for it.
        """
        names = self._names[customer]
        if not name or name in names:
            return
        if not is_own:
            self._lent.add((customer, name))
        if not names:
            self._customer_count += 1
        names.append(name)
        for word in set(name):
            sharing = self._by_word[word]
            if customer not in sharing:
                sharing.append(customer)
        glued = "".join(name)
        for table, key in ((self._by_prefix, glued[:_PREFIX_LENGTH]), (self._by_glued, glued)):
            if customer not in table[key]:
                table[key].append(customer)
        self._found.clear()
        self._rarities.clear()

    @property
    def bits_max(self) -> float:
        """What it takes to tell one customer from all others, in bits."""
        return log2(self._customer_count + _UNSEEN)

    def rarity(self, word: str) -> float:
        """Return how many bits a shared word is worth."""
        sharing = self._by_word.get(word)
        if not sharing:
            return self.bits_max
        known = self._rarities.get(word)
        if known is None:
            known = self._rarities[word] = log2((self._customer_count + _UNSEEN) / len(sharing))
        return known

    def likeness(self, name: tuple[str, ...], other: tuple[str, ...]) -> float:
        """Return how like two names are, from 0 to 1, rare words counting for more."""
        return self._compare(name, "".join(name), other)[0] if name and other else 0.0

    def find(self, name: tuple[str, ...]) -> Sequence[NameMatch]:
        """Return the customers whose names are like one, best first."""
        known = self._found.get(name)
        if known is None:
            known = self._found[name] = tuple(self._find(name)) if name else ()
        return known

    def _find(self, name: tuple[str, ...]) -> list[NameMatch]:
        glued = "".join(name)
        whole = self._by_glued.get(glued)
        if whole:
            bits = log2((self._customer_count + _UNSEEN) / len(whole))
            return [
                NameMatch(customer, 1.0, bits, self._is_own(customer, glued)) for customer in whole
            ]
        candidates = set(self._sharing(name))
        if len(glued) >= _GLUED_LENGTH_MIN:
            candidates.update(self._by_prefix.get(glued[:_PREFIX_LENGTH], ()))
        found = []
        for customer in candidates:
            quality, bits, known = max(
                (*self._compare(name, glued, known), known) for known in self._names[customer]
            )
            if quality >= _QUALITY_MIN and bits > 1:
                is_own = (customer, known) not in self._lent
                found.append(NameMatch(customer, quality, bits, is_own))
        found.sort(key=lambda match: (-match.quality * match.bits, match.customer))
        return found

    def _is_own(self, customer: int, glued: str) -> bool:
        """Return whether a name without blanks is a customer's own."""
        return any(
            "".join(name) == glued and (customer, name) not in self._lent
            for name in self._names[customer]
        )

    def _sharing(self, words: Iterable[str]) -> Sequence[int]:
        """Return the few customers whose names share the rarest words."""
        shared: dict[int, float] = defaultdict(float)
        for word in set(words):
            sharing = self._by_word.get(word, ())
            if len(word) > 1 and len(sharing) <= _COMMON_WORD_CUSTOMERS:
                rarity = self.rarity(word)
                for customer in sharing:
                    shared[customer] += rarity
        if len(shared) > 1:
            floor = max(shared.values()) * _CANDIDATE_SHARE_MIN
            shared = {each: bits for each, bits in shared.items() if bits >= floor}
        if len(shared) <= _CANDIDATES_MAX:
            return list(shared)
        return heapq.nsmallest(_CANDIDATES_MAX, shared, key=lambda each: (-shared[each], each))

    def _compare(
        self, payer: tuple[str, ...], glued: str, known: tuple[str, ...]
    ) -> tuple[float, float]:
        """Return the quality and the rarity of what two names share."""
        known_glued = "".join(known)
        weights = [self.rarity(word) for word in known]
        whole = sum(weights)
        if glued == known_glued:
            return 1.0, whole
        short, long = sorted((len(glued), len(known_glued)))
        if short >= _GLUED_LENGTH_MIN and (
            known_glued.startswith(glued) or glued.startswith(known_glued)
        ):
            return 0.7 + 0.29 * short / long, whole * short / long
        shared = sum(
            weight * max([_likeness(word, other) for other in payer])
            for word, weight in zip(known, weights, strict=True)
        )
        if not shared:
            return 0.0, 0.0
        paid = total = 0.0
        for word in payer:
            weight = self.rarity(word)
            total += weight
            paid += weight * max([_likeness(word, other) for other in known])
        if not paid:
            return 0.0, 0.0
        quality = 2 * shared * paid / (shared * total + paid * whole)
        return quality, shared

    def find_in_text(self, words: Sequence[str]) -> Sequence[NameMatch]:
        """Return the customers whose names stand among the words of a text."""
        telling = [word for word in words if len(word) >= _TEXT_WORD_LENGTH_MIN]
        candidates = set(self._sharing(telling))
        for start in range(len(words)):
            prefix = "".join(words[start : start + _PREFIX_LENGTH])[:_PREFIX_LENGTH]
            if len(prefix) == _PREFIX_LENGTH:
                candidates.update(self._by_prefix.get(prefix, ()))
        if not candidates:
            return ()
        present = set(words)
        text = "".join(words)
        found = []
        for customer in candidates:
            quality, bits = self._compare_in_text(customer, present, text)
            if quality >= _TEXT_QUALITY_MIN and bits >= _TEXT_BITS_MIN:
                found.append(NameMatch(customer, quality, bits))
        found.sort(key=lambda match: (-match.quality * match.bits, match.customer))
        return found

    def _compare_in_text(self, customer: int, present: set[str], text: str) -> tuple[float, float]:
        best = (0.0, 0.0)
        for name in self._names[customer]:
            whole = sum(self.rarity(word) for word in name)
            shared = sum(self.rarity(word) for word in name if word in present)
            glued = "".join(name)
            if len(glued) >= _GLUED_LENGTH_MIN:
                if glued in text:
                    shared = whole
                elif shared < whole:
                    # A text that a bank has cut off ends within the name.
                    cut = _common_end(text, glued)
                    shared = max(shared, whole * cut / len(glued))
            best = max(best, (shared / whole, shared))
        return best


def _common_end(text: str, name: str) -> int:
    """Return how much of a name's beginning a text ends with."""
    if name[:_GLUED_LENGTH_MIN] not in text[-len(name) :]:
        return 0
    for length in range(min(len(name), len(text)), _GLUED_LENGTH_MIN - 1, -1):
        if text.endswith(name[:length]):
            return length
    return 0


def _likeness(word: str, other: str) -> float:
    """Return how surely two words of names are the same, from 0 to 1."""
    if word == other:
        return 1.0
    size, other_size = len(word), len(other)
    if size == 1 or other_size == 1:
        return _INITIAL_SHARE if word[0] == other[0] else 0.0
    if size < _TYPO_LENGTH_MIN or other_size < _TYPO_LENGTH_MIN:
        return 0.0
    if word.startswith(other) or other.startswith(word):
        return _PREFIX_SHARE
    if abs(size - other_size) > 2:  # noqa: PLR2004  # no such pair is alike enough
        return 0.0
    return _TYPO_SHARE if ratio(word, other, score_cutoff=_TYPO_MIN) else 0.0
