"""One account's answer, entered into its ledger: the same rules for a sync and for a replay.

:func:`post_answer` knows neither database nor memory: it speaks to a :class:`Ledger`. The house's
own is in PostgreSQL (:mod:`payymo.workflows.standardise`); a shadow of it is in memory
(:mod:`payymo.domain.ledger.shadow`), where the raw archive is replayed and compared.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import batched
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from payymo.domain.banking import PulledRow, TransactionRecord
from payymo.domain.enums import IdentityTier
from payymo.domain.errors import ProviderResponseError
from payymo.domain.ledger.absence import AbsentRow, judge_absence
from payymo.domain.ledger.agreement import BOOKED_AFTER_PENDING_DAYS_MAX, DAYS_APART_MAX
from payymo.domain.ledger.identity import pair_payloads, pair_sightings
from payymo.domain.ledger.identity_versions import PairSightings
from payymo.domain.ledger.sightings import KnownRow, PayloadKey, Sighting, Verdict, observe

#: Rows that are translated and written at a time: what bounds the memory of a long history.
ROW_COUNT_MAX: Final = 5000

#: Known rows this much older than an answer's first day are looked at too: rows come by their
#: value date, and dates are restated.
KNOWN_MARGIN: Final = timedelta(days=45)

#: For so long a pending row that left the list can come back, or book, as itself.
CLOSED_MARGIN: Final = timedelta(days=BOOKED_AFTER_PENDING_DAYS_MAX)

DAYS_APART: Final = timedelta(days=DAYS_APART_MAX)

type Translate = Callable[[PulledRow], TransactionRecord]

_NEW: Final = Verdict(None, IdentityTier.NEW)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one account's provider said, and what is known of the asking.

    :ivar rows: Booked and pending rows.
    :ivar since: First day asked for; ``None`` when all was.
    :ivar received_at: When it came (aware).
    :ivar is_overtaken: A later answer was entered before this one: it adds the rows that nobody
        knows, and says nothing of the others.
    :ivar is_whole: All its rows are here; else nothing follows from what is not.
    """

    rows: Sequence[PulledRow]
    since: date | None
    received_at: datetime
    is_overtaken: bool = False
    is_whole: bool = True


@dataclass(slots=True)
class Changes:
    """What an answer changed.

    :ivar closed: Pending rows that the bank lists no more.
    :ivar missing: Booked rows that the answer should hold and does not.
    :ivar removed: Missing rows that a second answer left out as well.
    :ivar unreadable: Rows that could not be understood: kept as received, and left out.
    :ivar is_booked_changed: Whether there is anything new to match with invoices.
    :ivar positions: Raw rows that the answer consists of.
    :ivar last_position: Of the account's raw rows, with the answer's own.
    :ivar oldest_booked: First day that a booked row of the answer has; ``None`` without one.
    :ivar newest_booked: The last one.
    :ivar speaks_from: First day of which the answer speaks for certain, whichever of a row's dates
        the bank goes by; ``None`` without a booked row.
    :ivar lag: How far at most the day of a booked row of the answer comes after its first date.
    :ivar oldest_written: First day that a row has which was added or written anew.
    """

    pulled: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    missing: int = 0
    removed: int = 0
    unreadable: int = 0
    is_booked_changed: bool = False
    positions: list[int] = field(default_factory=list)
    last_position: int = 0
    oldest_booked: date | None = None
    newest_booked: date | None = None
    speaks_from: date | None = None
    lag: timedelta = timedelta(0)
    oldest_written: date | None = None


class KnownPayload(NamedTuple):
    """The payload that a known row was last written from; light, as there can be many.

    :ivar position: Of the raw row that holds it.
    :ivar day: The row's transaction date.
    :ivar first_day: The first of its dates: of the transaction's, the booking and the value date.
    :ivar last_day: The last of them.
    :ivar is_dated: Whether the bank gave it a date.
    :ivar missing_since: When the bank first left it out (aware).
    :ivar is_removed: It was removed, and stands in no list.
    :ivar is_touched: People edited, split or deleted it, or invoices are paid with it.
    """

    transaction_id: UUID
    content_hash: bytes
    is_booked: bool
    position: int
    day: date
    first_day: date
    last_day: date
    is_dated: bool
    missing_since: datetime | None
    is_removed: bool
    is_touched: bool


class RawKey(NamedTuple):
    """A raw row, without its payload.

    :ivar transaction_id: The row that it speaks of; absent while it could not be understood.
    """

    id: UUID
    content_hash: bytes
    is_booked: bool
    occurrence: int
    position: int
    transaction_id: UUID | None


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A raw row to be added.

    :ivar transaction_id: The row that it speaks of; absent where it cannot be understood.
    :ivar occurrence: Which of several equal payloads it is, from 1.
    :ivar position: Which raw row of its account it is, from 1 in the order of arrival.
    """

    id: UUID
    transaction_id: UUID | None
    row: PulledRow
    occurrence: int
    position: int
    tier: IdentityTier | None


@dataclass(frozen=True, slots=True)
class TransactionEntry:
    """One translated row to be written.

    :ivar id: The transaction that it speaks of.
    :ivar raw_id: The raw row that it was translated from.
    :ivar fingerprint: Of its content; see :func:`payymo.domain.ledger.sightings.fingerprint`.
    :ivar occurrence: Which of several rows with one fingerprint it is, from 1.
    :ivar day_seen: Stands in for the row's day where the bank gives none and none is known.
    """

    id: UUID
    raw_id: UUID
    record: TransactionRecord
    fingerprint: bytes
    occurrence: int
    tier: IdentityTier
    day_seen: date


class Ledger(Protocol):
    """One account's rows, raw and standardised, wherever they are kept."""

    def make_id(self) -> UUID:
        """Return an id that no row has."""

    def has_raw_rows(self) -> bool:
        """Return whether anything was ever received for the account."""

    def find_last_position(self) -> int:
        """Return the position of the raw row that came last; 0 without one."""

    def list_payloads(
        self, *, since: date | None, closed_after: datetime
    ) -> Sequence[KnownPayload]:
        """Return the payloads of the rows that an answer may speak of.

        :param since: First day of booked rows; ``None`` is all. Pending rows have no limit.
        :param closed_after: Pending rows that were closed after this (aware) are included.
        """

    def list_rows(self, *, since: date | None, closed_after: datetime) -> Sequence[KnownRow]:
        """Return the same rows as identity looks at them."""

    def list_raw_keys(self, content_hashes: Collection[bytes]) -> Sequence[RawKey]:
        """Return the raw rows that have one of these contents."""

    def add_raw(self, entries: Sequence[RawEntry]) -> None:
        """Keep payloads as received."""

    def assign_raw(self, raw_id: UUID, transaction_id: UUID, tier: IdentityTier) -> None:
        """Say which row a payload speaks of that could not be understood before."""

    def add(self, entries: Sequence[TransactionEntry]) -> None:
        """Add new rows."""

    def rewrite(self, entries: Sequence[TransactionEntry]) -> None:
        """Write known rows anew from what the bank says now."""

    def mark_found(self, transaction_ids: Collection[UUID]) -> None:
        """Take back that rows were missing, closed or removed: the bank has them again."""

    def mark_missing(self, transaction_ids: Collection[UUID], *, now: datetime) -> None:
        """Note since when the bank leaves booked rows out."""

    def close(self, transaction_ids: Collection[UUID], *, now: datetime) -> None:
        """Close pending rows that the bank lists no more."""

    def remove(self, transaction_ids: Collection[UUID]) -> None:
        """Take rows out of every list that two answers left out; nothing is deleted."""


def post_answer(
    ledger: Ledger,
    answer: Answer,
    *,
    translate: Translate,
    pair: PairSightings = pair_sightings,
) -> Changes:
    """Enter an account's answer into its ledger, and return what it changed.

    Repeating it changes nothing. A row whose payload is known to the last bit is neither
    translated nor written; of the others, each becomes a new transaction or a new version of a
    known one. Known rows that are absent are closed (pending) or marked (booked), and removed
    only when a second answer leaves them out as well.

    :param ledger: The account's rows.
    :param answer: The answer.
    :param translate: Puts a row in Payymo's words; raises ProviderResponseError if it cannot.
    :param pair: Tells which known row each row is; today's rules, unless a replay asks for others.
    """
    known_since = None if answer.since is None else answer.since - KNOWN_MARGIN
    comparison = _compare(ledger, answer, translate, pair, known_since=known_since)
    if comparison is None:
        # The bank answered with older rows than it was asked for: so all known ones count.
        comparison = _compare(ledger, answer, translate, pair, known_since=None)
    assert comparison is not None  # noqa: S101  # nothing is from before all known rows
    changes = Changes(pulled=len(answer.rows), unchanged=len(comparison.seen))
    changes.positions.extend(
        known.position for known in comparison.payloads if known.transaction_id in comparison.seen
    )
    for chunk in batched(_due(answer, comparison), ROW_COUNT_MAX):
        _write(ledger, answer, comparison, chunk, translate=translate, changes=changes)
    changes.last_position = comparison.last_position
    changes.oldest_booked, changes.newest_booked = (
        comparison.oldest_booked,
        comparison.newest_booked,
    )
    changes.speaks_from, changes.lag = comparison.speaks_from, comparison.lag
    if not answer.is_overtaken:
        _judge_absent(ledger, answer, comparison, changes)
    return changes


@dataclass(slots=True)
class _Comparison:
    """An answer beside what is known.

    :ivar is_first: Nothing was ever received for the account.
    :ivar payloads: The known rows that the answer may speak of.
    :ivar seen: Those that it repeats to the last bit.
    :ivar rest: The other rows of the answer, each with what identity says of it.
    :ivar fingerprints: Contents of the known rows; empty where no row had to be recognised.
    :ivar contents: How many rows have each content.
    :ivar raw_counts: How many raw rows have each payload.
    :ivar raw_used: Raw rows that hold a row of the answer.
    :ivar last_position: Of the account's raw rows.
    :ivar oldest_booked: First day that a booked row of the answer has; ``None`` without one.
    :ivar newest_booked: The last one.
    :ivar speaks_from: First day of which the answer speaks for certain, whichever of a row's dates
        the bank goes by; ``None`` without a booked row.
    :ivar lag: How far at most the day of a booked row comes after the first of its dates.
    """

    is_first: bool
    payloads: Sequence[KnownPayload]
    seen: AbstractSet[UUID]
    rest: Sequence[tuple[PulledRow, Verdict]]
    fingerprints: Mapping[UUID, bytes] = field(default_factory=dict)
    contents: Counter[bytes] = field(default_factory=Counter)
    raw_counts: Counter[PayloadKey] = field(default_factory=Counter)
    raw_used: set[UUID] = field(default_factory=set)
    last_position: int = 0
    oldest_booked: date | None = None
    newest_booked: date | None = None
    speaks_from: date | None = None
    lag: timedelta = timedelta(0)

    def take(self, day: date, first_day: date, last_day: date) -> None:
        """Take note of a booked row of the answer."""
        self.lag = max(self.lag, day - first_day)
        self.oldest_booked = min(self.oldest_booked or day, day)
        self.newest_booked = max(self.newest_booked or day, day)
        self.speaks_from = min(self.speaks_from or last_day, last_day)


def _compare(
    ledger: Ledger,
    answer: Answer,
    translate: Translate,
    pair: PairSightings,
    *,
    known_since: date | None,
) -> _Comparison | None:
    """Return the answer beside the rows that are known from some day on.

    :returns: ``None`` if the answer may speak of rows from before that day.
    """
    rows = answer.rows
    if not ledger.has_raw_rows():
        return _Comparison(True, (), frozenset(), [(row, _NEW) for row in rows])
    closed_after = answer.received_at - CLOSED_MARGIN
    payloads = ledger.list_payloads(since=known_since, closed_after=closed_after)
    paired = pair_payloads(
        [(row.content_hash, row.is_booked) for row in rows],
        (((known.content_hash, known.is_booked), known.transaction_id) for known in payloads),
    )
    seen = {transaction_id for transaction_id in paired if transaction_id is not None}
    unknown = [
        row for row, transaction_id in zip(rows, paired, strict=True) if transaction_id is None
    ]
    comparison = _Comparison(False, payloads, seen, ())
    comparison.last_position = ledger.find_last_position()
    for known in payloads:
        if known.is_booked and known.transaction_id in seen:
            comparison.take(known.day, known.first_day, known.last_day)
    if not unknown:
        return comparison
    if known_since is not None and _were_received(ledger, unknown, payloads):
        return None
    readable, unreadable, sightings = _observe(unknown, translate)
    days = [sighting.day for sighting in sightings if sighting.day is not None]
    if known_since is not None and min(days, default=date.max) < known_since + DAYS_APART:
        return None
    known_rows = ledger.list_rows(since=known_since, closed_after=closed_after)
    verdicts = pair(
        sightings,
        known_rows,
        seen=seen,
        since=answer.since,
        is_whole=answer.is_whole and not unreadable,
    )
    comparison.rest = [
        *zip(readable, verdicts, strict=True),
        *((row, _NEW) for row in unreadable),
    ]
    comparison.fingerprints = {row.id: row.sighting.fingerprint for row in known_rows}
    comparison.contents.update(comparison.fingerprints.values())
    return comparison


def _due(answer: Answer, comparison: _Comparison) -> Iterable[tuple[PulledRow, Verdict]]:
    """Return the rows to be written: of an overtaken answer, booked ones that nobody knows."""
    if not answer.is_overtaken:
        return comparison.rest
    return [
        (row, verdict)
        for row, verdict in comparison.rest
        if row.is_booked and verdict.known_id is None
    ]


def _were_received(
    ledger: Ledger, rows: Sequence[PulledRow], payloads: Sequence[KnownPayload]
) -> bool:
    """Return whether any of the rows was received as one that is not among the known."""
    known = {payload.transaction_id for payload in payloads}
    found = ledger.list_raw_keys({row.content_hash for row in rows})
    return any(raw.transaction_id is not None and raw.transaction_id not in known for raw in found)


def _observe(
    rows: Sequence[PulledRow], translate: Translate
) -> tuple[list[PulledRow], list[PulledRow], list[Sighting]]:
    """Return the rows that can be understood, those that cannot, and sightings of the former."""
    readable, unreadable, sightings = [], [], []
    for row in rows:
        record = _read(row, translate)
        if record is None:
            unreadable.append(row)
            continue
        readable.append(row)
        sightings.append(observe(record, row.content_hash))
    return readable, unreadable, sightings


def _write(
    ledger: Ledger,
    answer: Answer,
    comparison: _Comparison,
    chunk: Sequence[tuple[PulledRow, Verdict]],
    *,
    translate: Translate,
    changes: Changes,
) -> None:
    """Write some rows of an answer into both layers."""
    shelf = _Shelf(ledger, comparison, [row for row, _ in chunk])
    added: list[TransactionEntry] = []
    rewritten: list[TransactionEntry] = []
    for row, verdict in chunk:
        record = _read(row, translate)
        if record is None:
            changes.unreadable += 1
            changes.positions.append(shelf.keep_unread(row))
            continue
        transaction_id = verdict.known_id or ledger.make_id()
        raw_id, position = shelf.keep(row, transaction_id, verdict.tier)
        changes.positions.append(position)
        sighting = observe(record, row.content_hash)
        if row.is_booked and sighting.day is not None:
            first_day, last_day = sighting.first_day, sighting.last_day
            comparison.take(sighting.day, first_day or sighting.day, last_day or sighting.day)
        if comparison.fingerprints.get(transaction_id) != sighting.fingerprint:
            comparison.contents[sighting.fingerprint] += 1
        entry = TransactionEntry(
            id=transaction_id,
            raw_id=raw_id,
            record=record,
            fingerprint=sighting.fingerprint,
            occurrence=comparison.contents[sighting.fingerprint],
            tier=verdict.tier,
            day_seen=answer.received_at.date(),
        )
        (added if verdict.known_id is None else rewritten).append(entry)
        days = (record.transaction_date, record.booking_date, changes.oldest_written)
        changes.oldest_written = min(day for day in (entry.day_seen, *days) if day is not None)
        changes.is_booked_changed |= row.is_booked
    ledger.add_raw(shelf.added)
    for raw_id, transaction_id, tier in shelf.assigned:
        ledger.assign_raw(raw_id, transaction_id, tier)
    ledger.add(added)
    ledger.rewrite(rewritten)
    changes.added += len(added)
    changes.updated += len(rewritten)


class _Shelf:
    """The raw rows of some rows of an answer: those that hold them already, and new ones.

    A bank that restates a row and takes it back sends a payload that was received before.
    """

    def __init__(self, ledger: Ledger, comparison: _Comparison, rows: Sequence[PulledRow]) -> None:
        self._ledger = ledger
        self._comparison = comparison
        self._held: dict[tuple[PayloadKey, UUID], RawKey] = {}
        self._unread: defaultdict[PayloadKey, list[RawKey]] = defaultdict(list)
        self.added: list[RawEntry] = []
        self.assigned: list[tuple[UUID, UUID, IdentityTier]] = []
        if comparison.is_first:
            return
        for raw in ledger.list_raw_keys({row.content_hash for row in rows}):
            key = (raw.content_hash, raw.is_booked)
            comparison.raw_counts[key] = max(comparison.raw_counts[key], raw.occurrence)
            if raw.transaction_id is not None:
                self._held[key, raw.transaction_id] = raw
            elif raw.id not in comparison.raw_used:
                self._unread[key].append(raw)

    def keep(self, row: PulledRow, transaction_id: UUID, tier: IdentityTier) -> tuple[UUID, int]:
        """Return the id and position of the raw row that holds a payload of a transaction."""
        key = (row.content_hash, row.is_booked)
        held = self._held.get((key, transaction_id))
        if held is not None:
            return held.id, held.position
        unread = self._take_unread(key)
        if unread is not None:
            self.assigned.append((unread.id, transaction_id, tier))
            return unread.id, unread.position
        return self._add(row, transaction_id, tier)

    def keep_unread(self, row: PulledRow) -> int:
        """Return the position of the raw row that holds a payload which nobody understands."""
        unread = self._take_unread((row.content_hash, row.is_booked))
        return self._add(row, None, None)[1] if unread is None else unread.position

    def _take_unread(self, key: PayloadKey) -> RawKey | None:
        if not self._unread[key]:
            return None
        raw = self._unread[key].pop()
        self._comparison.raw_used.add(raw.id)
        return raw

    def _add(
        self, row: PulledRow, transaction_id: UUID | None, tier: IdentityTier | None
    ) -> tuple[UUID, int]:
        comparison = self._comparison
        key = (row.content_hash, row.is_booked)
        comparison.raw_counts[key] += 1
        comparison.last_position += 1
        entry = RawEntry(
            id=self._ledger.make_id(),
            transaction_id=transaction_id,
            row=row,
            occurrence=comparison.raw_counts[key],
            position=comparison.last_position,
            tier=tier,
        )
        comparison.raw_used.add(entry.id)
        self.added.append(entry)
        return entry.id, entry.position


def _judge_absent(
    ledger: Ledger, answer: Answer, comparison: _Comparison, changes: Changes
) -> None:
    """Close or mark the known rows that the answer leaves out, and take back what it has again."""
    away = {
        known.transaction_id
        for known in comparison.payloads
        if known.missing_since is not None or known.is_removed
    }
    found = comparison.seen & away
    ledger.mark_found(found)
    changes.is_booked_changed |= any(
        known.is_booked and known.transaction_id in found for known in comparison.payloads
    )
    if changes.unreadable or not answer.is_whole:
        return  # what could not be understood, or is not here, may be one of them
    present = comparison.seen | {verdict.known_id for _, verdict in comparison.rest}
    absence = judge_absence(
        (
            AbsentRow(
                known.transaction_id,
                known.is_booked,
                known.first_day,
                is_dated=known.is_dated,
                missing_since=known.missing_since,
                is_touched=known.is_touched,
            )
            for known in comparison.payloads
            if known.transaction_id not in present and not known.is_removed
        ),
        since=answer.since,
        now=answer.received_at,
        speaks_from=comparison.speaks_from,
        is_empty=not answer.rows,
    )
    closed = set(absence.closed) - away
    missing = set(absence.missing) - away
    ledger.close(closed, now=answer.received_at)
    ledger.mark_missing(missing, now=answer.received_at)
    ledger.remove(absence.removed)
    changes.closed, changes.missing = len(closed), len(missing)
    changes.removed = len(absence.removed)


def _read(row: PulledRow, translate: Translate) -> TransactionRecord | None:
    """Return a row in Payymo's words; ``None`` if it cannot be understood."""
    try:
        return translate(row)
    except ProviderResponseError:
        return None
