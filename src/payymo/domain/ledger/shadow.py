"""One account's ledger in memory: what a replay of the raw archive is entered into.

It keeps the same rows as PostgreSQL does, and is written by the same rules
(:func:`payymo.domain.ledger.book.post_answer`), so that the two can be compared.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from payymo.domain.banking import TransactionRecord
from payymo.domain.enums import IdentityTier, TransactionStatus
from payymo.domain.ledger.book import (
    Answer,
    Changes,
    KnownPayload,
    RawEntry,
    RawKey,
    TransactionEntry,
    Translate,
    post_answer,
)
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.identity_versions import IDENTITY_VERSIONS
from payymo.domain.ledger.sightings import KnownRow, PayloadKey, Sighting, is_dated_ahead, observe

#: Days of which the rows are kept together, so that an answer need not look at all of them.
_DRAWER_DAYS: Final = 32

#: What is looked at again in a record; the rest takes the most room.
_LOOKED_AT: Final = frozenset(
    {"amount", "currency", "is_booked", "booking_date", "value_date", "transaction_date"}
)
_FORGOTTEN: Final[Mapping[str, Any]] = {
    each.name: None for each in fields(TransactionRecord) if each.name not in _LOOKED_AT
}

_ONCE_BOOKED: Final = (TransactionStatus.BOOKED, TransactionStatus.REMOVED)


@dataclass(slots=True)
class ShadowRow:
    """A transaction of a shadow.

    :ivar day: Its transaction date: the bank's, else the day on which it was first seen.
    :ivar key: Names the payload that it was last written from.
    :ivar position: Of the raw row that holds it, within the shadow.
    :ivar missing_since: When the bank first left it out (aware).
    :ivar read_on: Day as of which the payload was translated.
    :ivar digest: Of what would be written, where the ledger takes one.
    """

    id: UUID
    record: TransactionRecord
    status: TransactionStatus
    day: date
    key: PayloadKey
    position: int
    tier: IdentityTier
    occurrence: int
    missing_since: datetime | None = None
    read_on: date | None = None
    digest: bytes = b""
    sighting: Sighting = field(init=False)

    def __post_init__(self) -> None:
        """Take the first look."""
        self.see()

    def see(self) -> None:
        """Look at the row as identity will: it has a day always."""
        seen = observe(self.record, b"")
        self.sighting = replace(
            seen,
            day=self.day,
            first_day=min(self.day, seen.first_day or self.day),
            last_day=max(self.day, seen.last_day or self.day),
        )


class ShadowLedger:
    """An account's rows in memory; see :class:`payymo.domain.ledger.book.Ledger`.

    :ivar rows: The transactions by their ids, which mean nothing outside.
    """

    def __init__(
        self,
        *,
        is_touched: Callable[[ShadowRow], bool] = lambda _: False,
        identity_version: int = IDENTITY_VERSION,
        digest_of: Callable[[TransactionEntry], bytes] | None = None,
    ) -> None:
        """Begin without any row.

        :param is_touched: Whether people touched a row, so that it is never removed.
        :param identity_version: By which version of the rules rows are recognised.
        :param digest_of: Given a digest of what would be written of a row, the ledger keeps that
            and not the row's texts: so there is room for a long history.
        """
        self._digest_of = digest_of
        self._pair = IDENTITY_VERSIONS[identity_version]
        self.rows: dict[UUID, ShadowRow] = {}
        self._is_touched = is_touched
        self._raw: dict[UUID, RawKey] = {}
        self._raw_by_hash: defaultdict[bytes, list[UUID]] = defaultdict(list)
        self._drawers: defaultdict[int, set[UUID]] = defaultdict(set)
        self._open: set[UUID] = set()
        # Lists: of these there are as many as rows, and nearly all hold one.
        self._holders: defaultdict[PayloadKey, list[UUID]] = defaultdict(list)
        self._id_count = 0
        # What rows were before a run changed them, by run; ``None`` of those that it added.
        self._before: defaultdict[UUID, dict[UUID, ShadowRow | None]] = defaultdict(dict)
        self._kept: dict[UUID, ShadowRow | None] | None = None

    def enter(self, answer: Answer, *, translate: Translate, run_id: UUID | None = None) -> Changes:
        """Enter an answer by the rules of the house, and return what it changed.

        :param answer: The answer.
        :param translate: Puts a row in Payymo's words; raises ProviderResponseError if it cannot.
        :param run_id: The run that it came with, if that is to be taken back later.
        """
        self._kept = None if run_id is None else self._before[run_id]
        changes = post_answer(self, answer, translate=translate, pair=self._pair)
        self._kept = None
        return changes

    def take_back(self, run_id: UUID, *, by: UUID, now: datetime) -> None:
        """Let rows be what they were before a run, as :mod:`payymo.workflows.undo` does.

        Rows that it added are known still, so that they come back as themselves.

        :param run_id: The run; nothing is done if no answer was entered with it.
        :param by: The run that takes it back, which can be taken back as well.
        :param now: When it is taken back (aware).
        """
        self._kept = self._before[by]
        for row_id, before in self._before[run_id].items():
            self._keep(row_id)
            if before is None:
                self._withdraw(self.rows[row_id], now)
            else:
                self._restore(before)
        self._kept = None

    def _keep(self, row_id: UUID) -> None:
        """Keep what a row is before it is changed."""
        if self._kept is not None and row_id not in self._kept:
            self._kept[row_id] = copy(self.rows[row_id]) if row_id in self.rows else None

    def _withdraw(self, row: ShadowRow, now: datetime) -> None:
        """Take a row that was added out of every list."""
        if row.status is TransactionStatus.BOOKED:
            row.status, row.missing_since = TransactionStatus.REMOVED, row.missing_since or now
        elif row.status is TransactionStatus.PENDING:
            row.status, row.missing_since = TransactionStatus.SUPERSEDED, now

    def _restore(self, before: ShadowRow) -> None:
        """Let a row be what it was."""
        row = self.rows[before.id]
        self._drawer(row).discard(row.id)
        self._holders[row.key].remove(row.id)
        self.rows[row.id] = restored = copy(before)
        self._holders[restored.key].append(row.id)
        self._file(restored)

    def list_holders(self, key: PayloadKey) -> Sequence[ShadowRow]:
        """Return the rows that were last written from a payload, the oldest first."""
        return [self.rows[row_id] for row_id in sorted(self._holders.get(key, ()))]

    def make_id(self) -> UUID:
        """Return an id that no row has; later ones are greater."""
        self._id_count += 1
        return UUID(int=self._id_count)

    def has_raw_rows(self) -> bool:
        """Return whether anything was entered."""
        return bool(self._raw)

    def find_last_position(self) -> int:
        """Return the position of the raw row that came last; 0 without one."""
        return len(self._raw)

    def list_payloads(
        self, *, since: date | None, closed_after: datetime
    ) -> Sequence[KnownPayload]:
        """Return the payloads of the rows that an answer may speak of."""
        return [
            KnownPayload(
                transaction_id=row.id,
                content_hash=row.key[0],
                is_booked=row.status in _ONCE_BOOKED,
                position=row.position,
                day=row.day,
                first_day=row.sighting.first_day or row.day,
                last_day=row.sighting.last_day or row.day,
                is_dated=(row.record.booking_date or row.record.value_date) is not None,
                missing_since=row.missing_since,
                is_removed=row.status is TransactionStatus.REMOVED,
                is_touched=self._is_touched(row),
            )
            for row in self._identifiable(since, closed_after)
        ]

    def list_rows(self, *, since: date | None, closed_after: datetime) -> Sequence[KnownRow]:
        """Return the same rows as identity looks at them."""
        return [
            KnownRow(
                row.id,
                row.sighting,
                is_closed=row.status in {TransactionStatus.SUPERSEDED, TransactionStatus.REMOVED},
                is_missing=row.missing_since is not None,
            )
            for row in self._identifiable(since, closed_after)
        ]

    def list_raw_keys(self, content_hashes: Collection[bytes]) -> Sequence[RawKey]:
        """Return the raw rows that have one of these contents."""
        return [
            self._raw[raw_id]
            for content_hash in content_hashes
            for raw_id in self._raw_by_hash.get(content_hash, ())
        ]

    def add_raw(self, entries: Sequence[RawEntry]) -> None:
        """Keep payloads as received."""
        for entry in entries:
            row = entry.row
            self._raw[entry.id] = RawKey(
                id=entry.id,
                content_hash=row.content_hash,
                is_booked=row.is_booked,
                occurrence=entry.occurrence,
                position=entry.position,
                transaction_id=entry.transaction_id,
            )
            self._raw_by_hash[row.content_hash].append(entry.id)

    def assign_raw(self, raw_id: UUID, transaction_id: UUID, tier: IdentityTier) -> None:  # noqa: ARG002  # kept with the row
        """Say which row a payload speaks of that could not be understood before."""
        self._raw[raw_id] = self._raw[raw_id]._replace(transaction_id=transaction_id)

    def add(self, entries: Sequence[TransactionEntry]) -> None:
        """Add new rows."""
        for entry in entries:
            row = ShadowRow(
                id=entry.id,
                record=entry.record,
                status=_status_of(entry.record),
                day=entry.record.transaction_date or entry.day_seen,
                key=_key_of(self._raw[entry.raw_id]),
                position=self._raw[entry.raw_id].position,
                tier=entry.tier,
                occurrence=entry.occurrence,
            )
            self._condense(row, entry)
            self._keep(row.id)
            self.rows[row.id] = row
            self._holders[row.key].append(row.id)
            self._file(row)

    def rewrite(self, entries: Sequence[TransactionEntry]) -> None:
        """Write known rows anew from what the bank says now."""
        for entry in entries:
            row = self.rows[entry.id]
            self._keep(row.id)
            self._drawer(row).discard(row.id)
            self._holders[row.key].remove(row.id)
            was = row.sighting.fingerprint
            row.day = _day_of(entry.record, row)
            row.record = entry.record
            row.key = _key_of(self._raw[entry.raw_id])
            row.position = self._raw[entry.raw_id].position
            row.tier = entry.tier
            row.status, row.missing_since = _status_of(entry.record), None
            row.see()
            self._condense(row, entry)
            if row.sighting.fingerprint != was:
                row.occurrence = entry.occurrence
            self._holders[row.key].append(row.id)
            self._file(row)

    def _condense(self, row: ShadowRow, entry: TransactionEntry) -> None:
        """Keep of a row that was just written what is needed later."""
        row.read_on = entry.day_seen
        if self._digest_of is not None:
            row.digest = self._digest_of(replace(entry, day_seen=row.day))
            row.record = replace(entry.record, amount=row.sighting.amount, **_FORGOTTEN)

    def mark_found(self, transaction_ids: Collection[UUID]) -> None:
        """Take back that rows were missing, closed or removed."""
        for row in self._pick(transaction_ids):
            row.missing_since = None
            if row.status is TransactionStatus.SUPERSEDED:
                row.status = TransactionStatus.PENDING
            elif row.status is TransactionStatus.REMOVED:
                row.status = TransactionStatus.BOOKED
            self._file(row)

    def mark_missing(self, transaction_ids: Collection[UUID], *, now: datetime) -> None:
        """Note since when the bank leaves booked rows out."""
        for row in self._pick(transaction_ids):
            row.missing_since = row.missing_since or now

    def close(self, transaction_ids: Collection[UUID], *, now: datetime) -> None:
        """Close pending rows that the bank lists no more."""
        for row in self._pick(transaction_ids):
            row.status, row.missing_since = TransactionStatus.SUPERSEDED, now

    def remove(self, transaction_ids: Collection[UUID]) -> None:
        """Take rows out of every list that two answers left out."""
        for row in self._pick(transaction_ids):
            row.status = TransactionStatus.REMOVED

    def _pick(self, transaction_ids: Collection[UUID]) -> Iterator[ShadowRow]:
        for transaction_id in transaction_ids:
            self._keep(transaction_id)
            yield self.rows[transaction_id]

    def _drawer(self, row: ShadowRow) -> set[UUID]:
        return self._drawers[row.day.toordinal() // _DRAWER_DAYS]

    def _file(self, row: ShadowRow) -> None:
        """Put a row where an answer will look for it."""
        if row.status in _ONCE_BOOKED:
            self._open.discard(row.id)
            self._drawer(row).add(row.id)
        else:
            self._open.add(row.id)

    def _identifiable(self, since: date | None, closed_after: datetime) -> Iterator[ShadowRow]:
        """Return the rows that an answer may speak of, as the database's condition does."""
        for number, drawer in self._drawers.items():
            if since is not None and (number + 1) * _DRAWER_DAYS <= since.toordinal():
                continue
            for row_id in drawer:
                row = self.rows[row_id]
                if since is None or row.day >= since:
                    yield row
        gone = []
        for row_id in self._open:
            row = self.rows[row_id]
            closed_at = row.missing_since
            if row.status is TransactionStatus.SUPERSEDED and (
                closed_at is None or closed_at < closed_after
            ):
                gone.append(row_id)
                continue
            yield row
        self._open.difference_update(gone)


def _key_of(raw: RawKey) -> PayloadKey:
    return raw.content_hash, raw.is_booked


def _day_of(record: TransactionRecord, row: ShadowRow) -> date:
    """Return the day of a row that was known.

    What is pending keeps the day on which it was first seen while the bank's own days of it lie
    ahead, and when they have come.
    """
    day = record.transaction_date or row.day
    own = (record.booking_date, record.value_date)
    is_same = own == (row.record.booking_date, row.record.value_date)
    if not record.is_booked and (is_same or is_dated_ahead(record)):
        return min(day, row.day)
    return day


def _status_of(record: TransactionRecord) -> TransactionStatus:
    return TransactionStatus.BOOKED if record.is_booked else TransactionStatus.PENDING
