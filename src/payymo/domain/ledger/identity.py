"""Is this pulled row one that we have? A pure, versioned function.

No id that a bank or a provider sends is a key: ids are missing, reused, and change between pulls.
So the rows of one account's answer are paired with the rows that are known, by the strongest
evidence first, and what one tier has paired is out of reach of the next:

1. the payload, equal to the last bit: :func:`pair_payloads`;
2. the id that this bank is known to keep stable and unique, unless money, day and text all
   contradict it;
3. the provider's id, with amount and currency;
4. the bank's id, with amount, currency and a near day; or both ids, with a near day, so that a
   corrected amount is recognised too;
5. the content: amount, currency, day and text, as often as it occurs;
6. a booked row that the bank restates: one that the answer should hold and lacks, and a new one of
   the same money and text on a near day, where nothing else could be either;
7. for a booked row, the pending row that it was: by a shared id, or by amount, text and day.

An id that names several rows, on either side, is evidence only beside amount, day and text. Two
rows of one answer never become one, nor do two known rows, and the order of the rows does not
matter. Where the evidence leaves a choice, none is made: a wrong merge hides money, while a row too
many is seen, and goes when the bank confirms that it has it no more.

The cost is linear in the pulled and in the known rows, but for comparisons among rows of one amount
or one word, which have a limit. Earlier versions: :mod:`payymo.domain.ledger.identity_versions`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Final
from uuid import UUID

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.agreement import (
    BOOKED_AFTER_PENDING_DAYS_MAX,
    DAYS_APART_MAX,
    ID_DAYS_APART_MAX,
    SIMILAR_TEXT_MIN,
    days_since,
    first_day_of,
    has_same_day_and_words,
    has_same_money_near,
    has_same_money_within_reach,
    has_same_sign,
    has_same_transaction_id_near,
    internal_id_of,
    is_change_small,
    is_counter,
    is_not_contradicted,
    last_day_of,
    may_have_booked,
    transaction_id_of,
    trusted_id_of,
)
from payymo.domain.ledger.sightings import KnownRow, PayloadKey, Sighting, Verdict
from payymo.domain.ledger.wording import (
    ALL_WORDS_LIKENESS,
    Words,
    extends,
    have_other_numbers,
    likeness_of,
    read_words,
)

#: Raised with every change of a verdict, so that a replay of the raw rows can explain itself.
IDENTITY_VERSION: Final = 2

#: Where the amount differs too: two in three.
CHANGED_AMOUNT_LIKENESS_MIN: Final = ALL_WORDS_LIKENESS * 2 / 3


#: What petrol stations hold before anybody knows the price: one unit to try the card, or a round
#: hundred to cover it.
HOLD_AMOUNTS: Final = frozenset({Decimal(1), Decimal(100)})

#: How far a bank moves the day of a booked row: over a weekend with a holiday beside it.
RESTATED_DAYS_MAX: Final = 4

#: Rows of one amount that are compared each with each; beyond it only equal texts and ids count.
COMPARED_MAX: Final = 64

_MONTH_DAYS = 31
_RESTATED = timedelta(days=RESTATED_DAYS_MAX)


type _IdOf = Callable[[Sighting], str | None]
type _Agrees = Callable[[Sighting, KnownRow], bool]
type _Pair = tuple[int, int]
"""Place of a pulled row, position of a known one."""

_NEW = Verdict(None, IdentityTier.NEW)


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
    since: date | None = None,
    is_whole: bool = True,
) -> list[Verdict]:
    """Return which known row each pulled row is, for the rows whose payload was not known.

    :param pulled: The rows of one answer that :func:`pair_payloads` left over.
    :param known: All known rows that the answer may speak of, those seen included: their ids
        count as evidence for or against.
    :param seen: Known rows that the same answer repeats with the same payload: they are taken.
    :param since: First day asked for; ``None`` when all was, or when it is not known.
    :param is_whole: Whether every row of the answer could be understood: if not, nothing is
        concluded from what it seems to leave out.
    :returns: One verdict for each pulled row, in the same order.
    """
    return _Pairing(pulled, known, seen, since=since, is_whole=is_whole).verdicts()


def _select(pulled: Sequence[Sighting], known: Sequence[KnownRow]) -> list[KnownRow]:
    """Return the known rows that share anything with a pulled one, in one pass."""
    trusted = {row.trusted_id for row in pulled} | {trusted_id_of(row) for row in pulled}
    internal = {row.internal_id for row in pulled} | {internal_id_of(row) for row in pulled}
    transaction = {row.transaction_id for row in pulled} | {
        transaction_id_of(row) for row in pulled
    }
    for ids in (trusted, internal, transaction):
        ids -= {None}
    contents = {row.fingerprint for row in pulled}
    # Most known rows are told by their day alone, before anything is hashed.
    days = [row.day for row in pulled if row.day is not None]
    first, last = date.min, date.max
    if len(days) == len(pulled):
        first = _shift(min(days, default=date.max), -ID_DAYS_APART_MAX)
        last = _shift(max(days, default=date.min), ID_DAYS_APART_MAX)
    near = [
        row
        for row in known
        if (day := row.sighting.day) is None
        or first <= day <= last
        or not row.sighting.is_booked
        or (trusted and row.sighting.trusted_id in trusted)
    ]
    money = {(row.amount, row.currency) for row in pulled}
    return [
        row
        for row in near
        for sighting in [row.sighting]
        if not sighting.is_booked
        or sighting.fingerprint in contents
        or sighting.internal_id in internal
        or sighting.transaction_id in transaction
        or sighting.trusted_id in trusted
        or (sighting.amount, sighting.currency) in money
    ]


def _ids_of(row: Sighting) -> Iterator[str]:
    """Yield the ids of a row that are no mere counters."""
    for key in (internal_id_of(row), transaction_id_of(row)):
        if key is not None and not is_counter(key):
            yield key


def _shift(day: date, days: int) -> date:
    """Return a day some days later, or the calendar's first or last one."""
    ordinal = max(date.min.toordinal(), min(date.max.toordinal(), day.toordinal() + days))
    return date.fromordinal(ordinal)


class _Pairing:
    """One answer's rows and the known rows, with what is not yet paired on either side."""

    def __init__(
        self,
        pulled: Sequence[Sighting],
        known: Sequence[KnownRow],
        seen: Collection[UUID],
        *,
        since: date | None,
        is_whole: bool,
    ) -> None:
        self._pulled = pulled
        self._all_known = known
        self._known = _select(pulled, known)
        self._seen = seen
        self._since = since
        self._is_whole = is_whole
        self._verdicts: list[Verdict | None] = [None] * len(pulled)
        self._is_taken = [row.id in seen for row in self._known]
        self._answer = [*pulled, *(row.sighting for row in self._known if row.id in seen)]
        self._texts: dict[str, Words] = {}
        self._first_day: date | None = None
        self._bookings: dict[tuple[str, Decimal, str], list[date]] | None = None
        self._with_heirs: set[int] = set()

    def verdicts(self) -> list[Verdict]:
        for is_booked in (True, False):
            for id_of, agrees, tier in _ID_TIERS:
                self._pair_by_id(id_of, agrees, tier, pulled=is_booked, known=is_booked)
        # Of twins of which one books, its id tells which: so before anybody's content.
        for id_of in (internal_id_of, transaction_id_of):
            self._pair_by_id(
                id_of, self._has_booked, IdentityTier.PENDING_BOOKED, pulled=True, known=False
            )
        for is_booked in (True, False):
            self._pair_by_content(is_booked)
        lacking = self._list_lacking()
        self._pair_restated(lacking, days_max=0)
        self._pair_extended(lacking, days_max=0)
        self._pair_pending_of_same_amount()
        self._pair_restated(lacking, days_max=RESTATED_DAYS_MAX)
        self._pair_extended(lacking, days_max=RESTATED_DAYS_MAX)
        self._pair_changed_amounts()
        self._pair_pending_again()
        return [verdict or _NEW for verdict in self._verdicts]

    # --- by an id ---

    def _pair_by_id(
        self, id_of: _IdOf, agrees: _Agrees, tier: IdentityTier, *, pulled: bool, known: bool
    ) -> None:
        """Pair rows by an id: where it names one on each side, or where the rest singles them out.

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
        shared: dict[str, list[int]] = defaultdict(list)
        for place in self._open_pulled(pulled):
            key = id_of(self._pulled[place])
            if key is None or key not in in_known:
                continue
            if in_answer[key] > 1 or len(in_known[key]) > 1 or is_counter(key):
                shared[key].append(place)
                continue
            position = in_known[key][0]
            if (
                not self._is_taken[position]
                and agrees(self._pulled[place], self._known[position])
                and (tier is IdentityTier.TRUSTED_ID or self._is_in_reach(place, position))
            ):
                self._pair(place, position, tier)
        for key, places in shared.items():
            positions = [position for position in in_known[key] if not self._is_taken[position]]
            self._pair_sharing(places, positions, tier)

    def _pair_sharing(
        self, places: Sequence[int], positions: Sequence[int], tier: IdentityTier
    ) -> None:
        """Pair rows of one id that says little, where amount, day and text say the rest."""
        if any(self._pulled[place].is_booked for place in places) and not all(
            self._known[position].sighting.is_booked for position in positions
        ):
            return  # the text of what books is compared later, with all that could
        self._pair_equal_contents(places, positions, tier)
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in places:
            pulled = self._pulled[place]
            if self._verdicts[place] is None and pulled.day is not None:
                here[pulled.amount, pulled.currency, pulled.day].append(place)
        for position in positions:
            row = self._known[position].sighting
            if not self._is_taken[position]:
                there[row.amount, row.currency, row.day].append(position)
        for key in here.keys() & there.keys():
            if max(len(here[key]), len(there[key])) <= COMPARED_MAX:
                pairs = product(here[key], there[key])
                self._pair_unambiguous([pair for pair in pairs if self._extends(*pair)], tier)

    def _is_in_reach(self, place: int, position: int) -> bool:
        """Return whether an id may speak for rows so far apart: it may be given again each month.

        Then the known row is in no answer that begins after it; one that was dated on the first
        of the next month, and is corrected, was there.
        """
        row, known = self._pulled[place], self._known[position].sighting
        if not known.is_booked or row.day is None or known.day is None:
            return True
        if abs((row.day - known.day).days) <= RESTATED_DAYS_MAX:
            return True
        if known.day.day == 1 and row.day < known.day <= _shift(row.day, _MONTH_DAYS):
            return row.day.day > 1
        return self._is_whole and (first_day_of(known) or date.min) > self._speaks_from()

    def _speaks_from(self) -> date:
        """Return the first day that the answer speaks of."""
        if self._first_day is None:
            self._first_day = self._find_first_day()
        return self._first_day

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
                and likeness_of(self._words(row.text), self._words(pending.text))
                >= SIMILAR_TEXT_MIN
            )
        )

    # --- by content ---

    def _pair_by_content(self, is_booked: bool) -> None:
        """Pair rows of one content, as many as there are on both sides."""
        self._pair_equal_contents(
            self._open_pulled(is_booked), self._open_known(is_booked), IdentityTier.CONTENT
        )

    def _pair_equal_contents(
        self, places: Iterable[int], positions: Iterable[int], tier: IdentityTier
    ) -> None:
        here: dict[bytes, list[int]] = defaultdict(list)
        there: dict[bytes, list[int]] = defaultdict(list)
        for place in places:
            here[self._pulled[place].fingerprint].append(place)
        for position in positions:
            there[self._known[position].sighting.fingerprint].append(position)
        for content in here.keys() & there.keys():
            self._pair_in_order(here[content], there[content], tier)

    # --- booked rows that the bank restates: what it lacks, and what is new ---

    def _list_lacking(self) -> list[int]:
        """Return the known booked rows that the answer may be to hold, and does not."""
        positions = [
            position for position in self._open_known(True) if not self._known[position].is_closed
        ]
        if not self._is_whole or not positions or not self._open_pulled(True):
            return []
        first_day = self._speaks_from()
        lacking = [
            position
            for position in positions
            if (last_day_of(self._known[position].sighting) or date.min) >= first_day
        ]
        self._with_heirs = self._find_those_with_heirs(lacking)
        return lacking

    def _find_those_with_heirs(self, lacking: Sequence[int]) -> set[int]:
        """Return the rows that an earlier answer lacked too, and that may be another known row now.

        Such a row can have moved when it was first lacking, to a row that is in the answer: so what
        is new today need not be it.
        """
        missing = [position for position in lacking if self._known[position].is_missing]
        if not missing:
            return set()
        days: dict[Hashable, set[int]] = defaultdict(set)
        for position, known in enumerate(self._known):
            row = known.sighting
            if self._is_taken[position] and row.is_booked and row.day is not None:
                words = self._words(row.text).bare
                days[row.amount, row.currency, words].add(row.day.toordinal())
        with_heirs = set()
        for position in missing:
            row = self._known[position].sighting
            day = (row.day or date.max).toordinal()
            near = range(day - RESTATED_DAYS_MAX, day + RESTATED_DAYS_MAX + 1)
            if not days[row.amount, row.currency, self._words(row.text).bare].isdisjoint(near):
                with_heirs.add(position)
        return with_heirs

    def _find_first_day(self) -> date:
        """Return the first day that the answer speaks of: banks cut history short, and say nothing.

        That is the day of its oldest booked row, but not before the first day asked for. Of a
        row's dates the last counts, as nobody knows by which of them the bank chose.
        """
        oldest = min(
            (
                day
                for row in self._pulled
                if row.is_booked and (day := last_day_of(row)) is not None
            ),
            default=date.max,
        )
        floor = self._since or date.min
        # Which of two days before all the rows that are compared is meant does not matter.
        day_asked = min(
            (
                first_day_of(row.sighting) or date.min
                for row in self._known
                if row.sighting.is_booked
            ),
            default=date.min,
        )
        for row in reversed(self._all_known):
            if oldest < day_asked or oldest <= floor:
                break
            day = last_day_of(row.sighting)
            if (
                day is not None
                and floor <= day < oldest
                and row.sighting.is_booked
                and row.id in self._seen
            ):
                oldest = day
        return max(oldest, floor)

    def _can_be_restated(self, place: int, position: int) -> bool:
        """Return whether days and the trusted id allow two rows to be one."""
        row, known = self._pulled[place], self._known[position]
        days = abs(days_since(row, known))
        if days == 0 or days > RESTATED_DAYS_MAX:
            return days == 0
        if position in self._with_heirs:
            return False
        if (first_day_of(known.sighting) or date.min) <= self._speaks_from():
            return (
                False  # it may be outside by another date; the first day may be cut in its middle
            )
        ids = (trusted_id_of(row), trusted_id_of(known.sighting))
        return None in ids or ids[0] == ids[1]

    def _pair_restated(self, lacking: Sequence[int], *, days_max: int) -> None:
        """Pair what the answer lacks with what is new of the same money and text, near in time."""
        if not lacking:
            return
        for is_bare in (False, True):
            here: dict[Hashable, list[int]] = defaultdict(list)
            there: dict[Hashable, list[int]] = defaultdict(list)
            for place in self._open_pulled(True):
                row = self._pulled[place]
                words = self._words(row.text)
                text = words.bare if is_bare else words.whole
                if text and row.day is not None:
                    day = None if days_max else row.day
                    here[row.amount, row.currency, text, day].append(place)
            for position in lacking:
                if self._is_taken[position]:
                    continue
                row = self._known[position].sighting
                words = self._words(row.text)
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
            (self._pulled[place].day or date.max, True, place)
            for place in sorted(places, key=self._order_of_pulled)
        ]
        rows += [
            (self._known[position].sighting.day or date.max, False, position)
            for position in sorted(positions, key=self._order_of_known)
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
                    self._pair(*pair, IdentityTier.RESTATED)

    def _have_no_two_dates(self, place: int, position: int) -> bool:
        """Return whether two texts do not begin with different dates: so do different purchases."""
        dates = {
            self._words(self._pulled[place].text).dates,
            self._words(self._known[position].sighting.text).dates,
        }
        return len(dates - {""}) <= 1

    def _pair_extended(self, lacking: Sequence[int], *, days_max: int) -> None:
        """Pair what the answer lacks with what is new and says the same and a few words more.

        On one day that says more than the very words on another day, so it comes before them.
        """
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._open_pulled(True):
            row = self._pulled[place]
            if row.day is not None:
                here[row.amount, row.currency].append(place)
        for position in lacking:
            row = self._known[position].sighting
            if not self._is_taken[position]:
                there[row.amount, row.currency].append(position)
        for money in here.keys() & there.keys():
            if max(len(here[money]), len(there[money])) <= COMPARED_MAX:
                self._pair_unambiguous(
                    [
                        pair
                        for pair in product(here[money], there[money])
                        if self._can_be_restated(*pair)
                        and self._is_within(*pair, days_max)
                        and self._have_no_two_dates(*pair)
                        and self._extends(*pair)
                    ],
                    IdentityTier.RESTATED,
                )

    def _is_within(self, place: int, position: int, days: int) -> bool:
        return abs(days_since(self._pulled[place], self._known[position])) <= days

    # --- pending rows that booked ---

    def _pair_pending_of_same_amount(self) -> None:
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
            waiting[self._words(self._known[position].sighting.text).whole].append(position)
        for place in sorted(places, key=self._order_of_pulled):
            row = self._pulled[place]
            candidates = waiting.get(self._words(row.text).whole, [])
            while candidates and (
                days_since(row, self._known[candidates[-1]]) > BOOKED_AFTER_PENDING_DAYS_MAX
            ):
                candidates.pop()
            if candidates and may_have_booked(row, self._known[candidates[-1]]):
                self._pair(place, candidates.pop(), IdentityTier.PENDING_BOOKED)

    def _pair_similar(self, places: Sequence[int], positions: Sequence[int]) -> None:
        """Pair the likest and nearest first, then what says nothing and can be nothing else."""
        levels: dict[tuple[float, int], list[_Pair]] = defaultdict(list)
        silent: list[_Pair] = []
        for pair in product(places, positions):
            row, known = self._pulled[pair[0]], self._known[pair[1]]
            if not may_have_booked(row, known):
                continue
            likeness = self._likeness(*pair)
            if likeness >= SIMILAR_TEXT_MIN:
                levels[-likeness, abs(days_since(row, known))].append(pair)
            if not known.is_closed:
                silent.append(pair)
        undecided: tuple[set[int], set[int]] = (set(), set())
        for level in sorted(levels):
            self._pair_level(levels[level], undecided)
        rest = [pair for pair in silent if self._is_open(*pair)]
        by_place = Counter(place for place, _ in rest)
        by_position = Counter(position for _, position in rest)
        for place, position in rest:
            if by_place[place] == by_position[position] == 1 and self._says_nothing(
                self._known[position].sighting.text
            ):
                self._pair(place, position, IdentityTier.PENDING_BOOKED)

    def _pair_level(self, pairs: Sequence[_Pair], undecided: tuple[set[int], set[int]]) -> None:
        """Pair rows that are equally alike and equally near, unless that leaves a choice.

        A choice among rows of one text is none: they differ in nothing that counts.
        """
        pairs = [
            pair
            for pair in pairs
            if self._is_open(*pair) and pair[0] not in undecided[0] and pair[1] not in undecided[1]
        ]
        texts_of_place: dict[int, set[str]] = defaultdict(set)
        texts_of_position: dict[int, set[str]] = defaultdict(set)
        for place, position in pairs:
            texts_of_place[place].add(self._words(self._known[position].sighting.text).whole)
            texts_of_position[position].add(self._words(self._pulled[place].text).whole)
        for place, position in sorted(pairs, key=lambda pair: self._order_of_pair(*pair)):
            if len(texts_of_place[place]) > 1 or len(texts_of_position[position]) > 1:
                undecided[0].add(place)
                undecided[1].add(position)
        for place, position in sorted(pairs, key=lambda pair: self._order_of_pair(*pair)):
            if place in undecided[0] or position in undecided[1]:
                continue
            if self._is_open(place, position):
                self._pair(place, position, IdentityTier.PENDING_BOOKED)

    def _is_booked_already(self, position: int) -> bool:
        """Return whether a pending row's own booking is there, which shares its id and money.

        A bank may list both for a day: what is pending then has not become yet another row.
        """
        row = self._known[position].sighting
        if self._bookings is None:
            self._bookings = self._list_bookings()
        return any(
            row.day is None or abs((day - row.day).days) <= DAYS_APART_MAX
            for key in _ids_of(row)
            for day in self._bookings.get((key, row.amount, row.currency), ())
        )

    def _list_bookings(self) -> dict[tuple[str, Decimal, str], list[date]]:
        bookings: dict[tuple[str, Decimal, str], list[date]] = defaultdict(list)
        for row in (*self._pulled, *(known.sighting for known in self._all_known)):
            if row.is_booked and row.day is not None:
                for key in _ids_of(row):
                    bookings[key, row.amount, row.currency].append(row.day)
        return bookings

    def _pair_changed_amounts(self) -> None:
        """Pair booked rows with pending ones of another amount: tips, exchange rates, fuel."""
        places: dict[str, list[int]] = defaultdict(list)
        for place in self._open_pulled(True):
            places[self._pulled[place].currency].append(place)
        positions: dict[str, list[int]] = defaultdict(list)
        for position in self._open_known(False):
            positions[self._known[position].sighting.currency].append(position)
        for currency in places.keys() & positions.keys():
            here = self._by_word(places[currency], positions[currency])
            self._pair_unambiguous(
                [pair for pair in here if self._may_have_changed(*pair)],
                IdentityTier.PENDING_BOOKED,
            )

    def _pair_pending_again(self) -> None:
        """Pair pending rows whose ids and days change with each answer, where none can be another.

        Banks date what is pending on the day of the answer, or on the last on which it can book.
        """
        here: dict[Hashable, list[int]] = defaultdict(list)
        there: dict[Hashable, list[int]] = defaultdict(list)
        for place in self._open_pulled(False):
            row = self._pulled[place]
            here[row.amount, row.currency, self._words(row.text).whole].append(place)
        for position in self._open_known(False):
            known = self._known[position]
            row = known.sighting
            if not known.is_closed:
                there[row.amount, row.currency, self._words(row.text).whole].append(position)
        for key in here.keys() & there.keys():
            places, positions = here[key], there[key]
            pairs = product(places, positions)
            if len(places) == len(positions) <= COMPARED_MAX and all(
                abs(days_since(self._pulled[place], self._known[position])) <= DAYS_APART_MAX
                for place, position in pairs
            ):
                self._pair_in_order(places, positions, IdentityTier.RESTATED)

    def _by_word(self, places: Sequence[int], positions: Sequence[int]) -> list[_Pair]:
        """Return the pairs that share a telling word; one that too many share tells nothing."""
        here: dict[str, list[int]] = defaultdict(list)
        there: dict[str, list[int]] = defaultdict(list)
        for position in positions:
            for word in self._words(self._known[position].sighting.text).telling:
                there[word].append(position)
        for place in places:
            for word in self._words(self._pulled[place].text).telling & there.keys():
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
        row, known = self._pulled[place], self._known[position]
        pending = known.sighting
        if (
            known.is_closed
            or not may_have_booked(row, known)
            or not has_same_sign(row.amount, pending.amount)
            or self._is_booked_already(position)
        ):
            return False
        words, others = self._words(row.text), self._words(pending.text)
        if is_change_small(row.amount, pending.amount):
            return self._likeness(
                place, position
            ) >= CHANGED_AMOUNT_LIKENESS_MIN and not have_other_numbers(words, others)
        is_hold = abs(pending.amount) in HOLD_AMOUNTS
        return is_hold and words.whole == others.whole

    # --- what is open, and in which order ---

    def _pair_unambiguous(self, pairs: Sequence[_Pair], tier: IdentityTier) -> None:
        """Pair rows of which each can be the other, and nothing else."""
        by_place = Counter(place for place, _ in pairs)
        by_position = Counter(position for _, position in pairs)
        for place, position in pairs:
            if by_place[place] == by_position[position] == 1:
                self._pair(place, position, tier)

    def _pair_in_order(
        self, places: Sequence[int], positions: Sequence[int], tier: IdentityTier
    ) -> None:
        """Pair rows that are equal, as many as there are on both sides."""
        here = sorted(places, key=self._order_of_pulled)
        there = sorted(positions, key=self._order_of_known)
        for place, position in zip(here, there, strict=False):
            self._pair(place, position, tier)

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
        days = abs(days_since(self._pulled[place], self._known[position]))
        return (days, self._order_of_pulled(place), self._order_of_known(position))

    def _words(self, text: str) -> Words:
        words = self._texts.get(text)
        if words is None:
            words = self._texts[text] = read_words(text)
        return words

    def _likeness(self, place: int, position: int) -> float:
        return likeness_of(
            self._words(self._pulled[place].text), self._words(self._known[position].sighting.text)
        )

    def _extends(self, place: int, position: int) -> bool:
        return extends(
            self._words(self._pulled[place].text), self._words(self._known[position].sighting.text)
        )

    def _says_nothing(self, text: str) -> bool:
        """Return whether a text names nobody: it is empty, or only that money is held."""
        return not self._words(text).telling


_ID_TIERS: Final[Sequence[tuple[_IdOf, _Agrees, IdentityTier]]] = (
    (trusted_id_of, is_not_contradicted, IdentityTier.TRUSTED_ID),
    (internal_id_of, has_same_money_within_reach, IdentityTier.INTERNAL_ID),
    (transaction_id_of, has_same_money_near, IdentityTier.TRANSACTION_ID),
    (internal_id_of, has_same_transaction_id_near, IdentityTier.TRANSACTION_ID),
    (internal_id_of, has_same_day_and_words, IdentityTier.INTERNAL_ID),
)
