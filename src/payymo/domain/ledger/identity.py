"""Is this pulled row one that we have? A pure, versioned function.

No id that a bank or a provider sends is a key: ids are missing, reused, and change between pulls.
So the rows of one account's answer are paired with the rows that are known, by the strongest
evidence first, and what one tier has paired is out of reach of the next:

1. the payload, equal to the last bit: :func:`pair_payloads`;
2. the id that this bank is known to keep stable and unique;
3. the provider's id, with amount and currency;
4. the bank's id, with amount, currency and a near day; or both ids, with a near day, so that a
   corrected amount is recognised too;
5. the content: amount, currency, day and text, as often as it occurs;
6. for a booked row, the pending row that it was: the same amount and currency within some days,
   with a shared id, a similar text, or nothing else that either could be.

An id is evidence only where it is unique on both sides. Two rows of one answer never become one,
nor do two known rows, and the order of the rows does not matter. The cost is linear, but for the
sixth tier among rows of one amount, which has a limit.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from itertools import product
from typing import Final
from uuid import UUID

from payymo.domain.banking import TransactionRecord
from payymo.domain.enums import IdentityTier
from payymo.domain.money import AMOUNT_SCALE

#: Raised with every change of a verdict, so that a replay of the raw rows can explain itself.
IDENTITY_VERSION: Final = 1

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
_UNIT_SEPARATOR = "\x1f"
_NO_WORD = re.compile(r"[\W_]+")
_AMOUNT_UNIT = Decimal(1).scaleb(-AMOUNT_SCALE)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What tells one row from another: of a pulled row, or as a known row was last seen.

    :ivar amount: Signed.
    :ivar day: The row's day as the bank gives it; ``None`` where it gives none. A known row has
        one always: the day on which it was first seen, where the bank gave none.
    :ivar text: Counterparty and text as sent; see :func:`join_text`.
    :ivar fingerprint: Of amount, currency, day and text; see :func:`fingerprint`.
    :ivar content_hash: Of the payload; decides nothing but the order among equals.
    """

    is_booked: bool
    amount: Decimal
    currency: str
    day: date | None
    trusted_id: str | None
    internal_id: str | None
    transaction_id: str | None
    text: str
    fingerprint: bytes
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A row that we have.

    :ivar id: Payymo's own id of it.
    :ivar sighting: As it was last seen.
    :ivar is_closed: A pending row that left an earlier answer and may have been away only.
    """

    id: UUID
    sighting: Sighting
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which known row a pulled row is.

    :ivar known_id: The known row; ``None`` for a new one.
    :ivar tier: By which evidence.
    """

    known_id: UUID | None
    tier: IdentityTier


type PayloadKey = tuple[bytes, bool]
"""Content hash of a payload, and whether the row is booked."""

type _IdOf = Callable[[Sighting], str | None]
type _Agrees = Callable[[Sighting, KnownRow], bool]

_NEW = Verdict(None, IdentityTier.NEW)


def normalise_text(text: str) -> str:
    """Return a text's words, so that case, width, accents' encoding and signs do not count.

    :param text: Any text.
    :returns: Letters and digits in words, parted by single blanks; may be empty.
    """
    composed = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _NO_WORD.sub(" ", composed.casefold()).strip()


def join_text(counterparty_name: str | None, remittance: str | None) -> str:
    """Return the text by which a row is told from others.

    :param counterparty_name: The other side, as the bank names it.
    :param remittance: The text as sent.
    """
    return f"{counterparty_name or ''}\n{remittance or ''}"


def observe(record: TransactionRecord, content_hash: bytes) -> Sighting:
    """Return what identity looks at in a translated row.

    :param record: The row.
    :param content_hash: Of the payload that it was translated from.
    """
    amount = record.amount.quantize(_AMOUNT_UNIT)
    text = join_text(record.counterparty_name, record.remittance)
    return Sighting(
        is_booked=record.is_booked,
        amount=amount,
        currency=record.currency,
        day=record.transaction_date,
        trusted_id=record.trusted_id,
        internal_id=record.internal_id,
        transaction_id=record.transaction_id,
        text=text,
        fingerprint=fingerprint(amount, record.currency, record.transaction_date, text),
        content_hash=content_hash,
    )


def fingerprint(amount: Decimal, currency: str, day: date | None, text: str) -> bytes:
    """Return SHA-256 of a row's content; equal for equal content, however it is written.

    :param amount: Signed; ``5``, ``5.0`` and ``5.00`` are the same.
    :param currency: ISO 4217 code.
    :param day: The row's day as the bank gives it.
    :param text: The row's text; see :func:`join_text`.
    """
    parts = (
        f"{amount:.4f}",
        currency,
        day.isoformat() if day else "",
        normalise_text(text),
    )
    return sha256(_UNIT_SEPARATOR.join(parts).encode()).digest()


def pair_payloads(
    pulled: Sequence[PayloadKey], known: Iterable[tuple[PayloadKey, UUID]]
) -> list[UUID | None]:
    """Return the known row of each pulled row whose payload is the same to the last bit.

    Equal payloads are counted: three of them in an answer are never more than three known rows.

    :param pulled: The rows of one answer.
    :param known: The known rows of the account, each with the payload last seen.
    :returns: One entry for each pulled row: the known row's id, or ``None``.
    """
    waiting: dict[PayloadKey, list[UUID]] = defaultdict(list)
    for key, row_id in known:
        waiting[key].append(row_id)
    for row_ids in waiting.values():
        if len(row_ids) > 1:
            row_ids.sort(reverse=True)
    return [equals.pop() if (equals := waiting.get(key)) else None for key in pulled]


def pair_sightings(
    pulled: Sequence[Sighting],
    known: Sequence[KnownRow],
    *,
    seen: Collection[UUID],
) -> list[Verdict]:
    """Return which known row each pulled row is, for the rows whose payload was not known.

    :param pulled: The rows of one answer that :func:`pair_payloads` left over.
    :param known: All known rows that the answer may speak of, those seen included: their ids
        count as evidence for or against.
    :param seen: Known rows that the same answer repeats with the same payload: they are taken.
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
