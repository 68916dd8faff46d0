"""The first version of identity's verdicts, frozen, so that a replay can compare.

Nothing is corrected here: what it decided stands in books, with its number. The records and the
fingerprint are shared with :mod:`payymo.domain.ledger.identity`, where the rules of today are.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import date
from itertools import product
from typing import Final
from uuid import UUID

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.sightings import KnownRow, Sighting, Verdict
from payymo.domain.ledger.wording import normalise_text

#: How far apart the days of one transaction can be in two answers.
DAYS_APART_MAX: Final = 10

#: How many days a booking can come before (the bank's own dates differ) and after its pending row.
BOOKED_BEFORE_PENDING_DAYS_MAX: Final = 2
BOOKED_AFTER_PENDING_DAYS_MAX: Final = 10

#: Likeness of two texts that share all their words and are not equal, which is 1.
ALL_WORDS_LIKENESS: Final = 0.9

#: From here on two texts speak of the same thing: half of the shorter one's words are common.
SIMILAR_TEXT_MIN: Final = ALL_WORDS_LIKENESS / 2

#: Shorter words say nothing about whether two texts are of the same thing.
WORD_LENGTH_MIN: Final = 3

#: Rows of one amount that are compared each with each; beyond it only equal texts and ids count.
COMPARED_MAX: Final = 64

_PLACEHOLDER_IDS = frozenset({"", "NOTPROVIDED", "NOTAVAILABLE", "UNKNOWN", "NONE", "NULL", "N/A"})

type _IdOf = Callable[[Sighting], str | None]
type _Agrees = Callable[[Sighting, KnownRow], bool]

_NEW = Verdict(None, IdentityTier.NEW)


def pair_sightings(
    pulled: Sequence[Sighting],
    known: Sequence[KnownRow],
    *,
    seen: Collection[UUID],
    since: date | None = None,  # noqa: ARG001  # what an answer leaves out said nothing then
    is_whole: bool = True,  # noqa: ARG001  # nor whether it was whole
) -> list[Verdict]:
    """Return which known row each pulled row is, for the rows whose payload was not known.

    :param pulled: The rows of one answer that :func:`pair_payloads` left over.
    :param known: All known rows that the answer may speak of, those seen included: their ids
        count as evidence for or against.
    :param seen: Known rows that the same answer repeats with the same payload: they are taken.
    :param since: Not looked at by this version.
    :param is_whole: Not looked at by this version.
    :returns: One verdict for each pulled row, in the same order.
    """
    return _Pairing(pulled, known, seen).verdicts()


class _Pairing:
    """One answer's rows and the known rows, with what is not yet paired on either side."""

    def __init__(
        self, pulled: Sequence[Sighting], known: Sequence[KnownRow], seen: Collection[UUID]
    ) -> None:
        self._pulled = pulled
        self._known = known
        self._verdicts: list[Verdict | None] = [None] * len(pulled)
        self._is_taken = [row.id in seen for row in known]
        self._answer = [*pulled, *(row.sighting for row in known if row.id in seen)]

    def verdicts(self) -> list[Verdict]:
        for is_booked in (True, False):
            for id_of, agrees, tier in _ID_TIERS:
                self._pair_by_id(id_of, agrees, tier, pulled=is_booked, known=is_booked)
            self._pair_by_content(is_booked)
        for id_of in (_internal_id, _transaction_id):
            self._pair_by_id(
                id_of, _has_booked, IdentityTier.PENDING_BOOKED, pulled=True, known=False
            )
        self._pair_pending_with_booked()
        return [verdict or _NEW for verdict in self._verdicts]

    def _pair_by_id(
        self, id_of: _IdOf, agrees: _Agrees, tier: IdentityTier, *, pulled: bool, known: bool
    ) -> None:
        """Pair rows whose id names one row of the answer and one known row, and no other.

        :param pulled: Whether to look at the answer's booked rows or at its pending ones.
        :param known: Whether to look at the known booked rows or at the pending ones.
        """
        in_answer = Counter(
            key for row in self._answer if row.is_booked is pulled and (key := id_of(row))
        )
        in_known: dict[str, list[int]] = defaultdict(list)
        for position, row in enumerate(self._known):
            if row.sighting.is_booked is known and (key := id_of(row.sighting)):
                in_known[key].append(position)
        for place in self._open_pulled(pulled):
            key = id_of(self._pulled[place])
            if key is None or in_answer[key] != 1 or len(in_known[key]) != 1:
                continue
            position = in_known[key][0]
            if not self._is_taken[position] and agrees(self._pulled[place], self._known[position]):
                self._pair(place, position, tier)

    def _pair_by_content(self, is_booked: bool) -> None:
        """Pair rows of one content, as many as there are on both sides."""
        places: dict[bytes, list[int]] = defaultdict(list)
        for place in self._open_pulled(is_booked):
            places[self._pulled[place].fingerprint].append(place)
        positions: dict[bytes, list[int]] = defaultdict(list)
        for position in self._open_known(is_booked):
            positions[self._known[position].sighting.fingerprint].append(position)
        for content in places.keys() & positions.keys():
            here = sorted(places[content], key=self._order_of_pulled)
            there = sorted(positions[content], key=self._order_of_known)
            for place, position in zip(here, there, strict=False):
                self._pair(place, position, IdentityTier.CONTENT)

    def _pair_pending_with_booked(self) -> None:
        """Pair booked rows with the pending rows of the same amount that they were."""
        places: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._open_pulled(True):
            row = self._pulled[place]
            places[row.amount, row.currency].append(place)
        positions: dict[Hashable, list[int]] = defaultdict(list)
        for position in self._open_known(False):
            row = self._known[position].sighting
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
        for position in sorted(positions, key=self._order_of_known, reverse=True):
            waiting[normalise_text(self._known[position].sighting.text)].append(position)
        for place in sorted(places, key=self._order_of_pulled):
            row = self._pulled[place]
            candidates = waiting.get(normalise_text(row.text), [])
            while candidates and (
                _days_since(row, self._known[candidates[-1]]) > BOOKED_AFTER_PENDING_DAYS_MAX
            ):
                candidates.pop()
            if candidates and _may_have_booked(row, self._known[candidates[-1]]):
                self._pair(place, candidates.pop(), IdentityTier.PENDING_BOOKED)

    def _pair_similar(self, places: Sequence[int], positions: Sequence[int]) -> None:
        """Pair the likest and nearest first, then those that can be nothing else."""
        edges = [
            (_likeness(self._pulled[place].text, self._known[position].sighting.text), pair)
            for pair in product(places, positions)
            for place, position in [pair]
            if _may_have_booked(self._pulled[place], self._known[position])
        ]
        edges.sort(key=lambda edge: (-edge[0], *self._order_of_pair(*edge[1])))
        for likeness, pair in edges:
            if likeness >= SIMILAR_TEXT_MIN and self._is_open(*pair):
                self._pair(*pair, IdentityTier.PENDING_BOOKED)
        rest = [
            pair for _, pair in edges if self._is_open(*pair) and not self._known[pair[1]].is_closed
        ]
        by_place = Counter(place for place, _ in rest)
        by_position = Counter(position for _, position in rest)
        for place, position in rest:
            if by_place[place] == 1 and by_position[position] == 1:
                self._pair(place, position, IdentityTier.PENDING_BOOKED)

    def _pair(self, place: int, position: int, tier: IdentityTier) -> None:
        self._verdicts[place] = Verdict(self._known[position].id, tier)
        self._is_taken[position] = True

    def _is_open(self, place: int, position: int) -> bool:
        return self._verdicts[place] is None and not self._is_taken[position]

    def _open_pulled(self, is_booked: bool) -> list[int]:
        return [
            place
            for place, row in enumerate(self._pulled)
            if row.is_booked is is_booked and self._verdicts[place] is None
        ]

    def _open_known(self, is_booked: bool) -> list[int]:
        return [
            position
            for position, row in enumerate(self._known)
            if row.sighting.is_booked is is_booked and not self._is_taken[position]
        ]

    def _order_of_pulled(self, place: int) -> tuple[date, str, str, str, bytes]:
        row = self._pulled[place]
        ids = (row.internal_id or "", row.transaction_id or "")
        return (row.day or date.max, *ids, row.text, row.content_hash)

    def _order_of_known(self, position: int) -> tuple[date, str, str, UUID]:
        known = self._known[position]
        ids = (known.sighting.internal_id or "", known.sighting.transaction_id or "")
        return (known.sighting.day or date.max, *ids, known.id)

    def _order_of_pair(self, place: int, position: int) -> tuple[object, ...]:
        days = abs(_days_since(self._pulled[place], self._known[position]))
        return (days, self._order_of_pulled(place), self._order_of_known(position))


def _usable(identifier: str | None) -> str | None:
    """Return an id that is one, and no placeholder."""
    if identifier is None:
        return None
    bare = identifier.strip()
    return None if bare.upper() in _PLACEHOLDER_IDS else bare


def _trusted_id(row: Sighting) -> str | None:
    return _usable(row.trusted_id)


def _internal_id(row: Sighting) -> str | None:
    return _usable(row.internal_id)


def _transaction_id(row: Sighting) -> str | None:
    return _usable(row.transaction_id)


def _always(row: Sighting, known: KnownRow) -> bool:  # noqa: ARG001  # the id alone decides
    return True


def _has_same_money(row: Sighting, known: KnownRow) -> bool:
    return (row.amount, row.currency) == (known.sighting.amount, known.sighting.currency)


def _has_same_money_near(row: Sighting, known: KnownRow) -> bool:
    return _has_same_money(row, known) and abs(_days_since(row, known)) <= DAYS_APART_MAX


def _has_same_transaction_id_near(row: Sighting, known: KnownRow) -> bool:
    transaction_id = _transaction_id(row)
    return (
        transaction_id is not None
        and transaction_id == _transaction_id(known.sighting)
        and row.currency == known.sighting.currency
        and abs(_days_since(row, known)) <= DAYS_APART_MAX
    )


def _has_booked(row: Sighting, pending: KnownRow) -> bool:
    return row.currency == pending.sighting.currency and _may_have_booked(row, pending)


def _may_have_booked(row: Sighting, pending: KnownRow) -> bool:
    days = _days_since(row, pending)
    return -BOOKED_BEFORE_PENDING_DAYS_MAX <= days <= BOOKED_AFTER_PENDING_DAYS_MAX


def _days_since(row: Sighting, known: KnownRow) -> int:
    """Return the days from a known row to a pulled one; one without a day is near to all."""
    if row.day is None or known.sighting.day is None:
        return 0
    return (row.day - known.sighting.day).days


def _likeness(first: str, second: str) -> float:
    """Return how alike two texts are, from 0 to 1: equal, or the shorter one's common words."""
    if normalise_text(first) == normalise_text(second):
        return 1.0
    words, others = _words(first), _words(second)
    if not words or not others:
        return 0.0
    return ALL_WORDS_LIKENESS * len(words & others) / min(len(words), len(others))


def _words(text: str) -> frozenset[str]:
    """Return the words that say something: longer than two signs, and not digits alone."""
    return frozenset(
        word
        for word in normalise_text(text).split()
        if len(word) >= WORD_LENGTH_MIN and not word.isdigit()
    )


_ID_TIERS: Final[Sequence[tuple[_IdOf, _Agrees, IdentityTier]]] = (
    (_trusted_id, _always, IdentityTier.TRUSTED_ID),
    (_internal_id, _has_same_money, IdentityTier.INTERNAL_ID),
    (_transaction_id, _has_same_money_near, IdentityTier.TRANSACTION_ID),
    (_internal_id, _has_same_transaction_id_near, IdentityTier.TRANSACTION_ID),
)
