"""One answer's rows beside the known rows: what is paired, what is open, and in which order."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.agreement import (
    ID_DAYS_APART_MAX,
    days_since,
    first_day_of,
    internal_id_of,
    last_day_of,
    transaction_id_of,
    trusted_id_of,
)
from payymo.domain.ledger.sightings import KnownRow, Sighting, Verdict
from payymo.domain.ledger.wording import Words, extends, likeness_of, read_words

#: Rows of one amount that are compared each with each; beyond it only equal texts and ids count.
COMPARED_MAX: Final = 64

#: How far a bank moves the day of a booked row: over a weekend with a holiday beside it.
RESTATED_DAYS_MAX: Final = 4

NEW: Final = Verdict(None, IdentityTier.NEW)

type IdOf = Callable[[Sighting], str | None]
type Pair = tuple[int, int]
"""Place of a pulled row, position of a known one."""


def select(pulled: Sequence[Sighting], known: Sequence[KnownRow]) -> list[KnownRow]:
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
        first = shift(min(days, default=date.max), -ID_DAYS_APART_MAX)
        last = shift(max(days, default=date.min), ID_DAYS_APART_MAX)
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


def shift(day: date, days: int) -> date:
    """Return a day some days later, or the calendar's first or last one.

    :param day: Any day.
    :param days: May be negative.
    """
    ordinal = max(date.min.toordinal(), min(date.max.toordinal(), day.toordinal() + days))
    return date.fromordinal(ordinal)


class Pairing:
    """One answer's rows and the known rows, with what is not yet paired on either side.

    :ivar pulled: The answer's rows that have to be recognised; each has its place.
    :ivar known: The known rows that any of them could be; each has its position.
    :ivar all_known: All known rows that the answer may speak of.
    :ivar answer: All rows of the answer, those included that it repeats to the last bit.
    :ivar is_whole: Whether every row of the answer could be understood.
    :ivar verdicts: By place; ``None`` while a row is open.
    :ivar is_taken: By position.
    """

    def __init__(
        self,
        pulled: Sequence[Sighting],
        known: Sequence[KnownRow],
        seen: Collection[UUID],
        *,
        since: date | None,
        is_whole: bool,
    ) -> None:
        """Begin with nothing paired but what is seen.

        :param pulled: The answer's rows that have to be recognised.
        :param known: All known rows that the answer may speak of.
        :param seen: Known rows that the answer repeats to the last bit.
        :param since: First day asked for; ``None`` when all was, or when it is not known.
        :param is_whole: Whether every row of the answer could be understood.
        """
        self.pulled = pulled
        self.all_known = known
        self.known = select(pulled, known)
        self.is_whole = is_whole
        self.verdicts: list[Verdict | None] = [None] * len(pulled)
        self.is_taken = [row.id in seen for row in self.known]
        self.answer = [*pulled, *(row.sighting for row in self.known if row.id in seen)]
        self._seen = seen
        self._since = since
        self._texts: dict[str, Words] = {}
        self._first_day: date | None = None

    def pair(self, place: int, position: int, tier: IdentityTier) -> None:
        """Pair two rows, which puts both out of reach of what comes after."""
        self.verdicts[place] = Verdict(self.known[position].id, tier)
        self.is_taken[position] = True

    def pair_unambiguous(self, pairs: Sequence[Pair], tier: IdentityTier) -> None:
        """Pair rows of which each can be the other, and nothing else."""
        by_place = Counter(place for place, _ in pairs)
        by_position = Counter(position for _, position in pairs)
        for place, position in pairs:
            if by_place[place] == by_position[position] == 1:
                self.pair(place, position, tier)

    def pair_in_order(
        self, places: Sequence[int], positions: Sequence[int], tier: IdentityTier
    ) -> None:
        """Pair rows that are equal, as many as there are on both sides."""
        here = sorted(places, key=self.order_of_pulled)
        there = sorted(positions, key=self.order_of_known)
        for place, position in zip(here, there, strict=False):
            self.pair(place, position, tier)

    def pair_equal_contents(
        self, places: Iterable[int], positions: Iterable[int], tier: IdentityTier
    ) -> None:
        """Pair rows of one content, as many as there are on both sides."""
        here: dict[bytes, list[int]] = defaultdict(list)
        there: dict[bytes, list[int]] = defaultdict(list)
        for place in places:
            here[self.pulled[place].fingerprint].append(place)
        for position in positions:
            there[self.known[position].sighting.fingerprint].append(position)
        for content in here.keys() & there.keys():
            self.pair_in_order(here[content], there[content], tier)

    def is_open(self, place: int, position: int) -> bool:
        """Return whether neither of two rows is paired."""
        return self.verdicts[place] is None and not self.is_taken[position]

    def open_pulled(self, is_booked: bool) -> list[int]:
        """Return the places of the answer's rows, booked or pending, that are not paired."""
        return [
            place
            for place, row in enumerate(self.pulled)
            if row.is_booked is is_booked and self.verdicts[place] is None
        ]

    def open_known(self, is_booked: bool) -> list[int]:
        """Return the positions of the known rows, booked or pending, that are not paired."""
        return [
            position
            for position, row in enumerate(self.known)
            if row.sighting.is_booked is is_booked and not self.is_taken[position]
        ]

    def order_of_pulled(self, place: int) -> tuple[date, str, str, str, bytes]:
        """Order by days, and of one day by what no order of the answer changes."""
        row = self.pulled[place]
        ids = (row.internal_id or "", row.transaction_id or "")
        return (row.day or date.max, *ids, row.text, row.content_hash)

    def order_of_known(self, position: int) -> tuple[date, bool, bool, str, str, UUID]:
        """Order by days; of equals, those come first that earlier answers had."""
        known = self.known[position]
        ids = (known.sighting.internal_id or "", known.sighting.transaction_id or "")
        absence = (known.is_closed, known.is_missing)
        return (known.sighting.day or date.max, *absence, *ids, known.id)

    def order_of_pair(self, place: int, position: int) -> tuple[object, ...]:
        """Order by how far apart two rows are."""
        days = abs(days_since(self.pulled[place], self.known[position]))
        return (days, self.order_of_pulled(place), self.order_of_known(position))

    def words(self, text: str) -> Words:
        """Return what a text says; each is read once."""
        words = self._texts.get(text)
        if words is None:
            words = self._texts[text] = read_words(text)
        return words

    def likeness(self, place: int, position: int) -> float:
        """Return how alike the texts of two rows are; see :func:`likeness_of`."""
        return likeness_of(
            self.words(self.pulled[place].text), self.words(self.known[position].sighting.text)
        )

    def extends(self, place: int, position: int) -> bool:
        """Return whether the text of one of two rows is the other's with a few words more."""
        return extends(
            self.words(self.pulled[place].text), self.words(self.known[position].sighting.text)
        )

    def says_nothing(self, text: str) -> bool:
        """Return whether a text names nobody: it is empty, or only that money is held."""
        return not self.words(text).telling

    def speaks_from(self) -> date:
        """Return the first day that the answer speaks of."""
        if self._first_day is None:
            self._first_day = self._find_first_day()
        return self._first_day

    def _find_first_day(self) -> date:
        """Return the first day that the answer speaks of: banks cut history short, and say nothing.

        That is the day of its oldest booked row, but not before the first day asked for. Of a
        row's dates the last counts, as nobody knows by which of them the bank chose.
        """
        oldest = min(
            (day for row in self.pulled if row.is_booked and (day := last_day_of(row)) is not None),
            default=date.max,
        )
        floor = self._since or date.min
        # Which of two days before all the rows that are compared is meant does not matter.
        day_asked = min(
            (
                first_day_of(row.sighting) or date.min
                for row in self.known
                if row.sighting.is_booked
            ),
            default=date.min,
        )
        for row in reversed(self.all_known):
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
