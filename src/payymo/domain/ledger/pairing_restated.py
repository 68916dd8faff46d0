"""Pairs booked rows that a bank restates: what an answer lacks, and what is new in it."""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from typing import Final

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.agreement import (
    days_since,
    first_day_of,
    internal_id_of,
    last_day_of,
    transaction_id_of,
    trusted_id_of,
)
from payymo.domain.ledger.pairing import COMPARED_MAX, RESTATED_DAYS_MAX, Pairing
from payymo.domain.ledger.sightings import Sighting

_RESTATED: Final = timedelta(days=RESTATED_DAYS_MAX)


class RestatedTiers:
    """The tiers of what an answer lacks.

    On one day a few words more say more than the very words on another day, so they come first;
    and an id, however many rows have it, says more than a pending row of the same money.
    """

    def __init__(self, pairing: Pairing) -> None:
        """Begin with what is open.

        :param pairing: Both sides; what is paired is noted there.
        """
        self._pairing = pairing
        self._lacking = self._list_lacking()
        self._with_heirs = self._find_those_with_heirs()

    def pair_of_one_day(self) -> None:
        """Pair rows of the same day whose texts are dressed otherwise."""
        self._pair_restated(days_max=0)
        self._pair_extended(days_max=0)

    def pair_of_near_days(self) -> None:
        """Pair rows whose days are as near as a bank moves them."""
        self._pair_restated(days_max=RESTATED_DAYS_MAX)
        self._pair_extended(days_max=RESTATED_DAYS_MAX)

    def _list_lacking(self) -> list[int]:
        """Return the known booked rows that the answer may be to hold, and does not."""
        positions = [
            position
            for position in self._pairing.open_known(True)
            if not self._pairing.known[position].is_closed
        ]
        if not self._pairing.is_whole or not positions or not self._pairing.open_pulled(True):
            return []
        first_day = self._pairing.speaks_from()
        return [
            position
            for position in positions
            if (last_day_of(self._pairing.known[position].sighting) or date.min) >= first_day
        ]

    def _find_those_with_heirs(self) -> set[int]:
        """Return the rows that an earlier answer lacked too, and that may be another known row now.

        Such a row can have moved when it was first lacking, to a row that is in the answer: so what
        is new today need not be it.
        """
        missing = [
            position for position in self._lacking if self._pairing.known[position].is_missing
        ]
        if not missing:
            return set()
        days: dict[Hashable, set[int]] = defaultdict(set)
        for position, known in enumerate(self._pairing.known):
            row = known.sighting
            if self._pairing.is_taken[position] and row.is_booked and row.day is not None:
                words = self._pairing.words(row.text).bare
                days[row.amount, row.currency, words].add(row.day.toordinal())
        with_heirs = set()
        for position in missing:
            row = self._pairing.known[position].sighting
            day = (row.day or date.max).toordinal()
            near = range(day - RESTATED_DAYS_MAX, day + RESTATED_DAYS_MAX + 1)
            if not days[row.amount, row.currency, self._pairing.words(row.text).bare].isdisjoint(
                near
            ):
                with_heirs.add(position)
        return with_heirs

    def _pair_restated(self, *, days_max: int) -> None:
        """Pair what the answer lacks with what is new of the same money and text, near in time."""
        if not self._lacking:
            return
        for is_bare in (False, True):
            here: dict[Hashable, list[int]] = defaultdict(list)
            there: dict[Hashable, list[int]] = defaultdict(list)
            for place in self._pairing.open_pulled(True):
                row = self._pairing.pulled[place]
                words = self._pairing.words(row.text)
                text = words.bare if is_bare else words.whole
                if text and row.day is not None:
                    day = None if days_max else row.day
                    here[row.amount, row.currency, text, day].append(place)
            for position in self._lacking:
                if self._pairing.is_taken[position]:
                    continue
                row = self._pairing.known[position].sighting
                words = self._pairing.words(row.text)
                day = None if days_max else row.day
                there[row.amount, row.currency, words.bare if is_bare else words.whole, day].append(
                    position
                )
            for key in here.keys() & there.keys():
                self._pair_clusters(here[key], there[key], is_one_day=days_max == 0)

    def _pair_clusters(
        self, places: Sequence[int], positions: Sequence[int], *, is_one_day: bool
    ) -> None:
        """Pair rows that differ in their days alone, where as many went as came.

        Days further apart than a bank moves them part the rows into groups. In a group of one and
        one, or of as many on both sides, each is the next in the order of days; otherwise which
        is which cannot be told, and none is paired; on one day it does not matter.
        """
        rows = [
            (self._pairing.pulled[place].day or date.max, True, place)
            for place in sorted(places, key=self._pairing.order_of_pulled)
        ]
        rows += [
            (self._pairing.known[position].sighting.day or date.max, False, position)
            for position in sorted(positions, key=self._pairing.order_of_known)
        ]
        rows.sort(key=lambda row: row[0])
        groups: list[list[tuple[date, bool, int]]] = []
        for row in rows:
            if not groups or row[0] - groups[-1][-1][0] > _RESTATED:
                groups.append([])
            groups[-1].append(row)
        for group in groups:
            here = [number for _, is_pulled, number in group if is_pulled]
            there = [number for _, is_pulled, number in group if not is_pulled]
            pairs = list(zip(here, there, strict=False))
            if (is_one_day or len(here) == len(there)) and all(
                self._can_be_restated(*pair) and self._have_no_two_dates(*pair) for pair in pairs
            ):
                for pair in pairs:
                    self._pairing.pair(*pair, IdentityTier.RESTATED)

    def _pair_extended(self, *, days_max: int) -> None:
        """Pair what the answer lacks with what is new and says the same and a few words more.

        On one day that says more than the very words on another day, so it comes before them.
        """
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._pairing.open_pulled(True):
            row = self._pairing.pulled[place]
            if row.day is not None:
                here[row.amount, row.currency].append(place)
        for position in self._lacking:
            row = self._pairing.known[position].sighting
            if not self._pairing.is_taken[position]:
                there[row.amount, row.currency].append(position)
        for money in here.keys() & there.keys():
            if max(len(here[money]), len(there[money])) <= COMPARED_MAX:
                self._pairing.pair_unambiguous(
                    [
                        pair
                        for pair in product(here[money], there[money])
                        if self._can_be_restated(*pair)
                        and self._is_within(*pair, days_max)
                        and self._have_no_two_dates(*pair)
                        and self._pairing.extends(*pair)
                    ],
                    IdentityTier.RESTATED,
                )

    def pair_by_shared_ids(self) -> None:
        """Pair what the answer lacks with what is new of the same money, words and any id.

        However many rows have the id, it says more than a pending row of that money.
        """
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._pairing.open_pulled(True):
            row = self._pairing.pulled[place]
            for key in _ids_of(row):
                here[row.amount, row.currency, self._pairing.words(row.text).bare, key].append(
                    place
                )
        for position in self._lacking:
            if not self._pairing.is_taken[position]:
                row = self._pairing.known[position].sighting
                for key in _ids_of(row):
                    there[row.amount, row.currency, self._pairing.words(row.text).bare, key].append(
                        position
                    )
        pairs = {
            pair
            for key in here.keys() & there.keys()
            if max(len(here[key]), len(there[key])) <= COMPARED_MAX
            for pair in product(here[key], there[key])
            if self._can_be_restated(*pair) and self._have_no_two_dates(*pair)
        }
        self._pairing.pair_unambiguous(list(pairs), IdentityTier.RESTATED)

    def _can_be_restated(self, place: int, position: int) -> bool:
        """Return whether days and the trusted id allow two rows to be one."""
        row, known = self._pairing.pulled[place], self._pairing.known[position]
        days = abs(days_since(row, known))
        if days == 0 or days > RESTATED_DAYS_MAX:
            return days == 0
        if position in self._with_heirs:
            return False
        if (first_day_of(known.sighting) or date.min) <= self._pairing.speaks_from():
            return (
                False  # it may be outside by another date; the first day may be cut in its middle
            )
        ids = (trusted_id_of(row), trusted_id_of(known.sighting))
        return None in ids or ids[0] == ids[1]

    def _have_no_two_dates(self, place: int, position: int) -> bool:
        """Return whether two texts do not begin with different dates: so do different purchases."""
        dates = {
            self._pairing.words(self._pairing.pulled[place].text).dates,
            self._pairing.words(self._pairing.known[position].sighting.text).dates,
        }
        return len(dates - {""}) <= 1

    def _is_within(self, place: int, position: int, days: int) -> bool:
        return abs(days_since(self._pairing.pulled[place], self._pairing.known[position])) <= days


def _ids_of(row: Sighting) -> Iterator[str]:
    """Yield a row's ids, however many rows have them."""
    for key in (internal_id_of(row), transaction_id_of(row)):
        if key is not None:
            yield key
