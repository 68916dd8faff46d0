"""Pairs rows by their ids: those that name one row on each side, and those that say little."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from itertools import product
from typing import Final

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.agreement import (
    DAYS_APART_MAX,
    SIMILAR_TEXT_MIN,
    both_ids_of,
    days_between,
    days_since,
    first_day_of,
    has_same_day_and_words,
    has_same_money,
    has_same_money_near,
    has_same_money_within_reach,
    has_same_sign,
    has_same_transaction_id_near,
    have_other_transaction_ids,
    internal_id_of,
    is_change_small,
    is_counter,
    is_not_contradicted,
    may_have_booked,
    transaction_id_of,
    trusted_id_of,
)
from payymo.domain.ledger.pairing import COMPARED_MAX, NEW, RESTATED_DAYS_MAX, IdOf, Pairing, shift
from payymo.domain.ledger.sightings import KnownRow, Sighting
from payymo.domain.ledger.wording import likeness_of

_MONTH_DAYS: Final = 31

type _Agrees = Callable[[Sighting, KnownRow], bool]

#: Which id, what else must agree, what that is evidence of, and whether then it is compared between
#: what is booked and what was pending as well.
_ID_TIERS: Final[Sequence[tuple[IdOf, _Agrees, IdentityTier, bool]]] = (
    (trusted_id_of, is_not_contradicted, IdentityTier.TRUSTED_ID, False),
    (both_ids_of, has_same_money_within_reach, IdentityTier.INTERNAL_ID, True),
    (internal_id_of, has_same_money_within_reach, IdentityTier.INTERNAL_ID, True),
    (transaction_id_of, has_same_money_near, IdentityTier.TRANSACTION_ID, False),
    (internal_id_of, has_same_transaction_id_near, IdentityTier.TRANSACTION_ID, False),
    (internal_id_of, has_same_day_and_words, IdentityTier.INTERNAL_ID, False),
    (transaction_id_of, has_same_day_and_words, IdentityTier.TRANSACTION_ID, True),
)

_SHARED_ID_TIERS: Final[Sequence[tuple[IdOf, IdentityTier]]] = (
    (trusted_id_of, IdentityTier.TRUSTED_ID),
    (internal_id_of, IdentityTier.INTERNAL_ID),
    (transaction_id_of, IdentityTier.TRANSACTION_ID),
)


class IdTiers:
    """The tiers by an id.

    An id that a bank gives again and again names one row on each side by chance, now and then. So
    rows are told apart by the ids of all rows, those included that the answer repeats.
    """

    def __init__(self, pairing: Pairing) -> None:
        """Begin with what is open.

        :param pairing: Both sides; what is paired is noted there.
        """
        self._pairing = pairing
        self._counts: dict[tuple[IdOf, bool], Counter[str]] = {}
        self._pulled: dict[IdOf, dict[str, list[int]]] = {}
        self._known: dict[tuple[IdOf, bool], dict[str, list[int]]] = {}

    def pair_by_ids(self) -> None:
        """Pair rows by ids that name one row on each side."""
        for id_of, agrees, tier, may_book in _ID_TIERS:
            for is_booked in (True, False):
                self._pair_by_id(id_of, agrees, tier, pulled=is_booked, known=is_booked)
            # Of twins of which one books, its id tells which: so before anybody's content.
            if may_book:
                self._pair_by_id(
                    id_of, self._has_booked, IdentityTier.PENDING_BOOKED, pulled=True, known=False
                )

    def pair_by_shared_ids(self) -> None:
        """Pair rows by ids that say little, where amount, day and text say the rest."""
        for is_booked in (True, False):
            for id_of, tier in _SHARED_ID_TIERS:
                self._pair_by_shared_id(id_of, tier, is_booked)

    def _pair_by_id(
        self, id_of: IdOf, agrees: _Agrees, tier: IdentityTier, *, pulled: bool, known: bool
    ) -> None:
        """Pair rows by an id that names one row on each side.

        :param pulled: Whether to look at the answer's booked rows or at its pending ones.
        :param known: Whether to look at the known booked rows or at the pending ones.
        """
        pairing = self._pairing
        places = pairing.open_pulled(pulled)
        if not places:
            return
        in_answer, in_known = self._count_answer(id_of, pulled), self._group_known(id_of, known)
        for place in places:
            key = id_of(pairing.pulled[place])
            if key is None or in_answer[key] > 1 or len(in_known.get(key, ())) != 1:
                continue
            position = in_known[key][0]
            if (
                not is_counter(key)
                and not pairing.is_taken[position]
                and agrees(pairing.pulled[place], pairing.known[position])
                and (
                    tier is IdentityTier.TRUSTED_ID
                    or (
                        self._is_in_reach(place, position, tier)
                        and not self._is_of_many(id_of, key, place, position)
                    )
                )
            ):
                pairing.pair(place, position, tier)

    def _pair_by_shared_id(self, id_of: IdOf, tier: IdentityTier, is_booked: bool) -> None:
        places = self._pairing.open_pulled(is_booked)
        if not places:
            return
        in_known = self._group_known(id_of, is_booked)
        shared: dict[str, list[int]] = defaultdict(list)
        for place in places:
            key = id_of(self._pairing.pulled[place])
            if key is not None and key in in_known:
                shared[key].append(place)
        for key, sharing in shared.items():
            is_taken = self._pairing.is_taken
            positions = [position for position in in_known[key] if not is_taken[position]]
            self._pair_sharing(sharing, positions, tier)

    def set_aside_bookings(self) -> None:
        """Leave alone booked rows whose own pending rows, by their ids, are in the answer still.

        A bank may list both for a day: such a row is a new one, and nobody else's booking.
        """
        for id_of in (internal_id_of, transaction_id_of):
            pending = self._group_known(id_of, is_booked=False)
            for place in self._pairing.open_pulled(True):
                row = self._pairing.pulled[place]
                key = id_of(row)
                if key is None or is_counter(key) or len(pending.get(key, ())) != 1:
                    continue
                position = pending[key][0]
                known = self._pairing.known[position]
                if (
                    self._pairing.is_taken[position]
                    and has_same_money(row, known)
                    and may_have_booked(row, known)
                    and not self._is_of_many(id_of, key, place, position)
                ):
                    self._pairing.verdicts[place] = NEW

    def _pair_sharing(
        self, places: Sequence[int], positions: Sequence[int], tier: IdentityTier
    ) -> None:
        self._pairing.pair_equal_contents(places, positions, tier)
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in places:
            pulled = self._pairing.pulled[place]
            if self._pairing.verdicts[place] is None and pulled.day is not None:
                here[pulled.amount, pulled.currency, pulled.day].append(place)
        for position in positions:
            row = self._pairing.known[position].sighting
            if not self._pairing.is_taken[position]:
                there[row.amount, row.currency, row.day].append(position)
        for key in here.keys() & there.keys():
            if max(len(here[key]), len(there[key])) <= COMPARED_MAX:
                pairs = product(here[key], there[key])
                self._pairing.pair_unambiguous(
                    [pair for pair in pairs if self._pairing.extends(*pair)], tier
                )

    def _is_in_reach(self, place: int, position: int, tier: IdentityTier) -> bool:
        """Return whether an id may speak for rows so far apart: it may be given again each month.

        Then the known row is in no answer that begins after it; one that was dated on the first
        of the next month, and is corrected, was there. Where the bank's own ids differ, or the
        known row was removed, the provider's id was given again.
        """
        row, known = self._pairing.pulled[place], self._pairing.known[position].sighting
        if not known.is_booked or row.day is None or known.day is None:
            return True
        if abs((row.day - known.day).days) <= RESTATED_DAYS_MAX:
            return True
        if known.day.day == 1 and row.day < known.day <= shift(row.day, _MONTH_DAYS):
            return row.day.day > 1
        if self._pairing.known[position].is_closed or (
            tier is IdentityTier.INTERNAL_ID and have_other_transaction_ids(row, known)
        ):
            return False
        return (
            self._pairing.is_whole
            and (first_day_of(known) or date.min) > self._pairing.speaks_from()
        )

    def _has_booked(self, row: Sighting, known: KnownRow) -> bool:
        """Return whether a pending row can have booked as one that shares its id."""
        pending = known.sighting
        # A pending row without a date has the day on which it was first seen, which may be late.
        if row.currency != pending.currency or abs(days_since(row, known)) > DAYS_APART_MAX:
            return False
        return (
            # Some banks send what is pending without its sign.
            abs(row.amount) == abs(pending.amount)
            or is_change_small(row.amount, pending.amount)
            or (
                has_same_sign(row.amount, pending.amount)
                and likeness_of(self._pairing.words(row.text), self._pairing.words(pending.text))
                >= SIMILAR_TEXT_MIN
            )
        )

    def _is_of_many(self, id_of: IdOf, key: str, place: int, position: int) -> bool:
        """Return whether a third row has the id, and is of other words or of another time.

        Then the id is given again and again, and names one row on each side by chance. The third
        may be the same payment too: its booking beside what still lingers.
        """
        pairing = self._pairing
        ours = (pairing.pulled[place], pairing.known[position].sighting)
        others = [
            pairing.pulled[other] for other in self._group_pulled(id_of)[key] if other != place
        ]
        for is_booked in (True, False):
            others += [
                pairing.known[other].sighting
                for other in self._group_known(id_of, is_booked).get(key, ())
                if other != position
            ]
        return any(not any(self._may_be_of_one(other, one) for one in ours) for other in others)

    def _may_be_of_one(self, other: Sighting, one: Sighting) -> bool:
        """Return whether two rows of one id can be of one payment."""
        if days_between(other.day, one.day) > DAYS_APART_MAX:
            return False
        words, others = self._pairing.words(one.text), self._pairing.words(other.text)
        return (
            not words.telling
            or not others.telling
            or likeness_of(words, others) >= SIMILAR_TEXT_MIN
        )

    def _count_answer(self, id_of: IdOf, is_booked: bool) -> Counter[str]:
        """Return how many booked, or pending, rows of the answer have each id."""
        counts = self._counts.get((id_of, is_booked))
        if counts is None:
            counts = self._counts[id_of, is_booked] = Counter(
                key
                for row in self._pairing.answer
                if row.is_booked is is_booked and (key := id_of(row))
            )
        return counts

    def _group_pulled(self, id_of: IdOf) -> dict[str, list[int]]:
        """Return the places of the answer's rows by their id."""
        groups = self._pulled.get(id_of)
        if groups is None:
            groups = self._pulled[id_of] = defaultdict(list)
            for place, row in enumerate(self._pairing.pulled):
                if (key := id_of(row)) is not None:
                    groups[key].append(place)
        return groups

    def _group_known(self, id_of: IdOf, is_booked: bool) -> dict[str, list[int]]:
        """Return the positions of booked, or pending, known rows by the ids that are pulled."""
        groups = self._known.get((id_of, is_booked))
        if groups is None:
            pulled = self._group_pulled(id_of)
            groups = self._known[id_of, is_booked] = defaultdict(list)
            for position, row in enumerate(self._pairing.known):
                if row.sighting.is_booked is is_booked:
                    key = id_of(row.sighting)
                    if key is not None and key in pulled:
                        groups[key].append(position)
        return groups
