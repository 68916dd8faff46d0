"""Pairs pending rows with what they became: booked rows, or pending ones under other ids."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from decimal import Decimal
from itertools import product
from typing import Final

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.agreement import (
    BOOKED_AFTER_PENDING_DAYS_MAX,
    DAYS_APART_MAX,
    SIMILAR_TEXT_MIN,
    days_between,
    days_since,
    has_same_sign,
    internal_id_of,
    is_change_small,
    is_counter,
    may_have_booked,
    transaction_id_of,
)
from payymo.domain.ledger.pairing import COMPARED_MAX, Pair, Pairing
from payymo.domain.ledger.sightings import Sighting
from payymo.domain.ledger.wording import ALL_WORDS_LIKENESS, have_other_numbers

#: Where the amount differs too: two in three.
CHANGED_AMOUNT_LIKENESS_MIN: Final = ALL_WORDS_LIKENESS * 2 / 3

#: What petrol stations hold before anybody knows the price: one unit to try the card, or a round
#: hundred to cover it.
HOLD_AMOUNTS: Final = frozenset({Decimal(1), Decimal(100)})


class PendingTiers:
    """The tiers of what was pending, where no id leads."""

    def __init__(self, pairing: Pairing) -> None:
        """Begin with what is open.

        :param pairing: Both sides; what is paired is noted there.
        """
        self._pairing = pairing
        self._bookings: dict[str, list[Sighting]] | None = None

    def pair_pending_again(self) -> None:
        """Pair pending rows whose ids and days change with each answer, where none can be another.

        Banks date what is pending on the day of the answer, or on the last on which it can book.
        """
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._pairing.open_pulled(False):
            row = self._pairing.pulled[place]
            here[row.amount, row.currency, self._pairing.words(row.text).whole].append(place)
        for position in self._pairing.open_known(False):
            known = self._pairing.known[position]
            row = known.sighting
            if not known.is_closed and not self._is_booked_already(position):
                there[row.amount, row.currency, self._pairing.words(row.text).whole].append(
                    position
                )
        for key in here.keys() & there.keys():
            places, positions = here[key], there[key]
            pairs = product(places, positions)
            if len(places) == len(positions) <= COMPARED_MAX and all(
                abs(days_since(self._pairing.pulled[place], self._pairing.known[position]))
                <= DAYS_APART_MAX
                for place, position in pairs
            ):
                self._pairing.pair_in_order(places, positions, IdentityTier.RESTATED)

    def pair_same_amounts(self) -> None:
        """Pair booked rows with the pending rows of the same amount that they were."""
        places: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._pairing.open_pulled(True):
            row = self._pairing.pulled[place]
            places[row.amount, row.currency].append(place)
        positions: dict[Hashable, list[int]] = defaultdict(list)
        for position in self._pairing.open_known(False):
            row = self._pairing.known[position].sighting
            if (row.amount, row.currency) in places and not self._is_booked_already(position):
                positions[row.amount, row.currency].append(position)
        for money in places.keys() & positions.keys():
            here, there = places[money], positions[money]
            if max(len(here), len(there)) > COMPARED_MAX:
                self._pair_equal_texts(here, there)
            else:
                self._pair_similar(here, there)

    def _pair_equal_texts(self, places: Sequence[int], positions: Sequence[int]) -> None:
        """Pair rows of the same words in the order of their days: linear, so without a limit."""
        waiting: dict[str, list[int]] = defaultdict(list)
        for position in sorted(positions, key=self._pairing.order_of_known, reverse=True):
            waiting[self._pairing.words(self._pairing.known[position].sighting.text).whole].append(
                position
            )
        for place in sorted(places, key=self._pairing.order_of_pulled):
            row = self._pairing.pulled[place]
            candidates = waiting.get(self._pairing.words(row.text).whole, [])
            while candidates and (
                days_since(row, self._pairing.known[candidates[-1]]) > BOOKED_AFTER_PENDING_DAYS_MAX
            ):
                candidates.pop()
            if candidates and may_have_booked(row, self._pairing.known[candidates[-1]]):
                self._pairing.pair(place, candidates.pop(), IdentityTier.PENDING_BOOKED)

    def _pair_similar(self, places: Sequence[int], positions: Sequence[int]) -> None:
        """Pair the likest and nearest first, then what says nothing and can be nothing else."""
        levels: dict[tuple[float, int], list[Pair]] = defaultdict(list)
        silent: list[Pair] = []
        for pair in product(places, positions):
            row, known = self._pairing.pulled[pair[0]], self._pairing.known[pair[1]]
            if not may_have_booked(row, known):
                continue
            likeness = self._pairing.likeness(*pair)
            if likeness >= SIMILAR_TEXT_MIN:
                levels[-likeness, abs(days_since(row, known))].append(pair)
            if not known.is_closed:
                silent.append(pair)
        undecided: tuple[set[int], set[int]] = (set(), set())
        for level in sorted(levels):
            self._pair_level(levels[level], undecided)
        rest = [pair for pair in silent if self._pairing.is_open(*pair)]
        by_place = Counter(place for place, _ in rest)
        by_position = Counter(position for _, position in rest)
        for place, position in rest:
            if by_place[place] == by_position[position] == 1 and self._pairing.says_nothing(
                self._pairing.known[position].sighting.text
            ):
                self._pairing.pair(place, position, IdentityTier.PENDING_BOOKED)

    def _pair_level(self, pairs: Sequence[Pair], undecided: tuple[set[int], set[int]]) -> None:
        """Pair rows that are equally alike and equally near, unless that leaves a choice.

        A choice among rows of one text is none: they differ in nothing that counts.
        """
        pairs = [
            pair
            for pair in pairs
            if self._pairing.is_open(*pair)
            and pair[0] not in undecided[0]
            and pair[1] not in undecided[1]
        ]
        texts_of_place: dict[int, set[str]] = defaultdict(set)
        texts_of_position: dict[int, set[str]] = defaultdict(set)
        for place, position in pairs:
            texts_of_place[place].add(
                self._pairing.words(self._pairing.known[position].sighting.text).whole
            )
            texts_of_position[position].add(
                self._pairing.words(self._pairing.pulled[place].text).whole
            )
        for place, position in sorted(pairs, key=lambda pair: self._pairing.order_of_pair(*pair)):
            if len(texts_of_place[place]) > 1 or len(texts_of_position[position]) > 1:
                undecided[0].add(place)
                undecided[1].add(position)
        for place, position in sorted(pairs, key=lambda pair: self._pairing.order_of_pair(*pair)):
            if place in undecided[0] or position in undecided[1]:
                continue
            if self._pairing.is_open(place, position):
                self._pairing.pair(place, position, IdentityTier.PENDING_BOOKED)

    def _is_booked_already(self, position: int) -> bool:
        """Return whether a pending row's own booking is known, which shares its id and money.

        A bank may list both for a day: what was pending has not become yet another row.
        """
        row = self._pairing.known[position].sighting
        if self._bookings is None:
            self._bookings = self._list_bookings()
        return any(
            days_between(booked.day, row.day) <= DAYS_APART_MAX
            for key in _ids_of(row)
            for booked in self._bookings.get(key, ())
            if (booked.amount, booked.currency) == (row.amount, row.currency)
        )

    def _list_bookings(self) -> dict[str, list[Sighting]]:
        """Return the known booked rows by the ids of pending ones that one of them alone has."""
        bookings: dict[str, list[Sighting]] = {
            key: []
            for position in self._pairing.open_known(False)
            for key in _ids_of(self._pairing.known[position].sighting)
        }
        for known in self._pairing.all_known:
            if known.sighting.is_booked and not bookings.keys().isdisjoint(_ids_of(known.sighting)):
                for key in _ids_of(known.sighting):
                    if key in bookings:
                        bookings[key].append(known.sighting)
        return {key: rows for key, rows in bookings.items() if len(rows) == 1}

    def pair_changed_amounts(self) -> None:
        """Pair booked rows with pending ones of another amount: tips, exchange rates, fuel."""
        places: dict[str, list[int]] = defaultdict(list)
        for place in self._pairing.open_pulled(True):
            places[self._pairing.pulled[place].currency].append(place)
        positions: dict[str, list[int]] = defaultdict(list)
        for position in self._pairing.open_known(False):
            positions[self._pairing.known[position].sighting.currency].append(position)
        for currency in places.keys() & positions.keys():
            here = self._by_word(places[currency], positions[currency])
            self._pairing.pair_unambiguous(
                [pair for pair in here if self._may_have_changed(*pair)],
                IdentityTier.PENDING_BOOKED,
            )

    def _by_word(self, places: Sequence[int], positions: Sequence[int]) -> list[Pair]:
        """Return the pairs that share a telling word; one that too many share tells nothing."""
        here: dict[str, list[int]] = defaultdict(list)
        there: dict[str, list[int]] = defaultdict(list)
        for position in positions:
            for word in self._pairing.words(self._pairing.known[position].sighting.text).telling:
                there[word].append(position)
        for place in places:
            for word in (
                self._pairing.words(self._pairing.pulled[place].text).telling & there.keys()
            ):
                here[word].append(place)
        return list(
            {
                pair
                for word, numbers in here.items()
                if max(len(numbers), len(there[word])) <= COMPARED_MAX
                for pair in product(numbers, there[word])
            }
        )

    def _may_have_changed(self, place: int, position: int) -> bool:
        row, known = self._pairing.pulled[place], self._pairing.known[position]
        pending = known.sighting
        if (
            known.is_closed
            or not may_have_booked(row, known)
            or not has_same_sign(row.amount, pending.amount)
            or self._is_booked_already(position)
        ):
            return False
        words, others = self._pairing.words(row.text), self._pairing.words(pending.text)
        if is_change_small(row.amount, pending.amount):
            return self._pairing.likeness(
                place, position
            ) >= CHANGED_AMOUNT_LIKENESS_MIN and not have_other_numbers(words, others)
        is_hold = abs(pending.amount) in HOLD_AMOUNTS
        return is_hold and words.whole == others.whole


def _ids_of(row: Sighting) -> Iterator[str]:
    """Yield the ids of a row that are no mere counters."""
    for key in (internal_id_of(row), transaction_id_of(row)):
        if key is not None and not is_counter(key):
            yield key
