"""A ledger that stands, beside the one that its raw rows make when they are entered anew."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from itertools import zip_longest
from typing import Final, NamedTuple
from uuid import UUID

from payymo.domain.banking import PulledRow, TransactionRecord
from payymo.domain.enums import IdentityTier, ReplayVerdict, TransactionStatus
from payymo.domain.ledger.book import Answer, TransactionEntry, Translate
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.shadow import ShadowLedger, ShadowRow
from payymo.domain.ledger.sightings import PayloadKey
from payymo.domain.money import format_amount

_TEXT_LENGTH_MAX: Final = 60
_STANDING: Final = (TransactionStatus.BOOKED, TransactionStatus.PENDING)

_KEPT_TOUCHED: Final = "It is kept: people edited, split or deleted it, or paid invoices with it."
_KEPT_BESIDE_DELETED: Final = (
    "It is kept: people deleted the other one, and it would be hidden with that."
)
_KEPT_DELETED: Final = (
    "It is kept as one: people deleted it, and a part of it would come back as new. Restore it to "
    "part it."
)
_OVER_ALLOCATED: Final = "Invoices are paid with more than it would come to."

type Values = Mapping[str, object]
"""What is written of a transaction, by field."""

type ValuesOf = Callable[[ShadowRow], Values]
"""What would be written of a row of a shadow."""

type ReadPayload = Callable[["ArchivedRow"], PulledRow]
"""Reads an archived payload, of which the archive in memory has the hash alone."""


@dataclass(frozen=True, slots=True)
class ArchivedRow:
    """A payload of the raw archive, without the payload: there can be very many.

    :ivar id: The raw row that holds it.
    :ivar position: Which raw row of its account it is, from 1 in the order of arrival.
    :ivar transaction_id: The transaction that it speaks of; absent where nobody understood it.
    """

    id: UUID
    position: int
    content_hash: bytes
    is_booked: bool
    transaction_id: UUID | None

    @property
    def key(self) -> PayloadKey:
        """Name the payload."""
        return self.content_hash, self.is_booked


@dataclass(frozen=True, slots=True)
class ArchivedAnswer:
    """An answer of the raw archive.

    :ivar positions: The raw rows that it consists of.
    :ivar is_whole: Whether those are all; of old answers only the new rows are known.
    :ivar run_id: The run that it came with, where that was taken back.
    """

    positions: Iterable[int]
    since: date | None
    received_at: datetime
    is_overtaken: bool
    is_whole: bool
    run_id: UUID | None = None


class ArchivedReversal(NamedTuple):
    """A run that took another one back.

    What it took back is known to the ledger still, and what came later was recognised by it.

    :ivar reverts: The run that it took back; a reversal, too, can be.
    :ivar reverted_at: When (aware).
    """

    run_id: UUID
    reverts: UUID
    reverted_at: datetime


@dataclass(frozen=True, slots=True)
class StandingRow:
    """A transaction as the ledger has it, without what was written of it.

    :ivar is_touched: People edited, split or deleted it, or invoices are paid with it.
    :ivar is_deleted: People deleted it.
    :ivar allocated: What of it has its place; less than zero for money out that refunds credit.
    """

    id: UUID
    status: TransactionStatus
    is_missing: bool
    is_touched: bool
    is_deleted: bool
    allocated: Decimal


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that a replay would write otherwise."""

    name: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Finding:
    """What a replay makes of one transaction.

    :ivar transaction_id: The transaction that stands; absent for one that would be added.
    :ivar replayed: What the replay has in its place; absent where it has nothing.
    :ivar other_id: Which it would become one with, or be parted from.
    :ivar tier: By which evidence the replay recognised its latest payload.
    :ivar obstacle: Why applying the replay leaves it as it is; absent where it does not.
    :ivar consequence: What people did with it and would fit no more.
    """

    verdict: ReplayVerdict
    transaction_id: UUID | None
    replayed: ShadowRow | None
    positions: Sequence[int] = ()
    other_id: UUID | None = None
    changes: Sequence[FieldChange] = ()
    tier: IdentityTier | None = None
    obstacle: str | None = None
    consequence: str | None = None

    def explain(self) -> str:
        """Return the finding in sentences, for the operator."""
        return " ".join(filter(None, (self._tell(), self.consequence, self.obstacle)))

    def _tell(self) -> str:
        name = f"Transaction {self.transaction_id}"
        match self.verdict:
            case ReplayVerdict.KEPT:
                return f"{name} stays as it is."
            case ReplayVerdict.CHANGED:
                told = "; ".join(
                    f"{change.name} is {_show(change.old)} and would be {_show(change.new)}"
                    for change in self.changes
                )
                return f"{name} would change: {told}."
            case ReplayVerdict.ADDED:
                return (
                    f"A transaction would be added{_what(self.replayed)}: its payload was kept, "
                    "and could not be understood before."
                )
            case ReplayVerdict.WOULD_DUPLICATE:
                return (
                    f"Transaction {self.other_id} would be parted in two{_what(self.replayed)}: "
                    "by today's rules not all of its payloads are of one transaction."
                )
            case ReplayVerdict.WOULD_LOSE if self.other_id is not None:
                return (
                    f"{name} would become one with {self.other_id}: by today's rules "
                    f"(evidence: {self.tier}) their payloads are of one transaction."
                )
            case ReplayVerdict.WOULD_LOSE:
                return f"{name} would be lost: no answer of the archive holds a payload of it."


class Replay:
    """An account's raw archive, entered into a shadow.

    :ivar archive: The raw rows by position.
    :ivar shadow: The ledger that it makes.
    :ivar holders: Which row of the shadow each raw row speaks of, by position.
    """

    def __init__(
        self,
        archive: Iterable[ArchivedRow],
        standing: Mapping[UUID, StandingRow],
        *,
        identity_version: int = IDENTITY_VERSION,
        values_of: Callable[[TransactionEntry], Values],
    ) -> None:
        """Begin with an empty shadow.

        :param archive: The account's raw rows.
        :param standing: The ledger that stands: people's deeds protect rows in it.
        :param identity_version: By which version of the rules rows are recognised.
        :param values_of: What would be written of a row.
        """
        self.archive = {archived.position: archived for archived in archive}
        self._standing = standing
        touched = {transaction.id for transaction in standing.values() if transaction.is_touched}
        keys = {
            archived.key for archived in self.archive.values() if archived.transaction_id in touched
        }
        self.shadow = ShadowLedger(
            is_touched=lambda row: row.key in keys,
            identity_version=identity_version,
            digest_of=lambda entry: _digest(values_of(entry)),
        )
        self.holders: dict[int, UUID] = {}
        self._raw_of: dict[UUID, ArchivedRow] = {}

    def enter(self, answer: ArchivedAnswer, *, read: ReadPayload, translate: Translate) -> None:
        """Enter one answer; they are given in the order in which they came.

        :param answer: The answer.
        :param read: Reads a payload, for the rows that are not known already.
        :param translate: Puts a row in Payymo's words, as of the day of the answer.
        """
        by_key: defaultdict[PayloadKey, list[int]] = defaultdict(list)
        rows: list[PulledRow] = []
        for position in answer.positions:
            archived = self.archive[position]
            rows.append(PulledRow(b"", archived.content_hash, archived.is_booked))
            by_key[archived.key].append(position)

        def understand(row: PulledRow) -> TransactionRecord:
            first, *_ = by_key[row.content_hash, row.is_booked]
            return translate(read(self.archive[first]))

        self.shadow.enter(
            Answer(
                rows,
                answer.since,
                answer.received_at,
                is_overtaken=answer.is_overtaken,
                is_whole=answer.is_whole,
            ),
            translate=understand,
            run_id=answer.run_id,
        )
        for key, positions in by_key.items():
            self._note_holders(key, positions)

    def take_back(self, reversal: ArchivedReversal) -> None:
        """Take back what a run's answers did, at its place among the answers.

        :param reversal: What took it back.
        """
        self.shadow.take_back(reversal.reverts, by=reversal.run_id, now=reversal.reverted_at)

    def _note_holders(self, key: PayloadKey, positions: Sequence[int]) -> None:
        """Note which rows hold a payload that an answer has, as often as it has it."""
        holders = [row.id for row in self.shadow.list_holders(key)]
        known = {self.holders[position] for position in positions if position in self.holders}
        free = [row_id for row_id in holders if row_id not in known]
        unnoted = [position for position in positions if position not in self.holders]
        for position, row_id in zip_longest(unnoted, free[: len(unnoted)]):
            if row_id is not None:
                self.holders[position] = row_id
            elif holders:
                self.holders[position] = holders[0]

    def find_raw(self, row: ShadowRow) -> ArchivedRow:
        """Return the raw row that a row of the shadow was last written from.

        :param row: The row.
        """
        if not self._raw_of:
            for position, row_id in self.holders.items():
                archived = self.archive[position]
                if archived.key == self.shadow.rows[row_id].key:
                    self._raw_of[row_id] = archived
        return self._raw_of[row.id]

    def compare(
        self, standing: Iterable[tuple[UUID, Values]], values_of: ValuesOf
    ) -> Iterator[Finding]:
        """Return what the replay makes of each transaction, one by one, what is new at the end.

        Each row of the shadow stands for the transaction with which it shares most payloads.

        :param standing: What is written of each transaction that stands.
        :param values_of: What would be written of a row of the shadow; asked where it differs.
        """
        shared: Counter[tuple[UUID, UUID]] = Counter()
        for position, row_id in sorted(self.holders.items()):
            spoken_of = self.archive[position].transaction_id
            if spoken_of is not None:
                shared[spoken_of, row_id] += 1
        claims, owners = _claim(shared)
        for transaction_id, values in standing:
            transaction = self._standing[transaction_id]
            claimed = claims.get(transaction_id)
            if claimed is None:
                yield self._judge_unclaimed(transaction, shared, owners)
            else:
                row = self.shadow.rows[claimed]
                yield _judge_claimed(transaction, values, row, values_of)
        yield from self._list_new(shared, owners)

    def _list_new(
        self, shared: Mapping[tuple[UUID, UUID], int], owners: Mapping[UUID, UUID]
    ) -> Iterator[Finding]:
        """Return the rows of the shadow that stand for no transaction."""
        positions_of: defaultdict[UUID, list[int]] = defaultdict(list)
        for position, row_id in sorted(self.holders.items()):
            if row_id not in owners:
                positions_of[row_id].append(position)
        for row_id, positions in positions_of.items():
            parted = [key[0] for key in shared if key[1] == row_id]
            is_deleted = any(self._standing[each].is_deleted for each in parted)
            yield Finding(
                ReplayVerdict.WOULD_DUPLICATE if parted else ReplayVerdict.ADDED,
                None,
                self.shadow.rows[row_id],
                positions=positions,
                other_id=parted[0] if parted else None,
                obstacle=_KEPT_DELETED if is_deleted else None,
            )

    def _judge_unclaimed(
        self,
        transaction: StandingRow,
        shared: Mapping[tuple[UUID, UUID], int],
        owners: Mapping[UUID, UUID],
    ) -> Finding:
        """Return what the replay makes of a transaction for which no row of the shadow stands."""
        if transaction.status not in _STANDING:
            return Finding(ReplayVerdict.KEPT, transaction.id, None)
        others = [row for owner, row in shared if owner == transaction.id]
        row = self.shadow.rows[others[0]] if others else None
        other_id = owners.get(others[0]) if others else None
        return Finding(
            ReplayVerdict.WOULD_LOSE,
            transaction.id,
            row,
            positions=[
                archived.position
                for archived in self.archive.values()
                if archived.transaction_id == transaction.id
            ],
            other_id=other_id,
            tier=row.tier if row else None,
            obstacle=self._find_obstacle(transaction, other_id),
        )

    def _find_obstacle(self, transaction: StandingRow, other_id: UUID | None) -> str | None:
        """Return why a transaction is not closed in favour of another one."""
        if other_id is None:
            return "It is kept."
        if transaction.is_touched:
            return _KEPT_TOUCHED
        return _KEPT_BESIDE_DELETED if self._standing[other_id].is_deleted else None


def _judge_claimed(
    transaction: StandingRow, values: Values, row: ShadowRow, values_of: ValuesOf
) -> Finding:
    """Return what the replay makes of a transaction for which a row of the shadow stands."""
    is_same = _digest(values) == row.digest
    changes = _changes(transaction, row, values, values if is_same else values_of(row))
    amount, allocated = row.record.amount, transaction.allocated
    is_over = (amount < allocated) if allocated > 0 else (allocated < 0 and amount > allocated)
    return Finding(
        ReplayVerdict.CHANGED if changes else ReplayVerdict.KEPT,
        transaction.id,
        row,
        changes=changes,
        tier=row.tier,
        consequence=_OVER_ALLOCATED if changes and is_over else None,
    )


def _digest(values: Values) -> bytes:
    """Return a digest by which equal values are recognised without being kept."""
    return blake2b(repr(tuple(values.values())).encode(), digest_size=16).digest()


def _claim(
    shared: Mapping[tuple[UUID, UUID], int],
) -> tuple[Mapping[UUID, UUID], Mapping[UUID, UUID]]:
    """Return which row stands for which transaction, and the other way round."""
    claims: dict[UUID, UUID] = {}
    owners: dict[UUID, UUID] = {}
    for (transaction_id, row_id), _ in sorted(shared.items(), key=lambda item: -item[1]):
        if transaction_id not in claims and row_id not in owners:
            claims[transaction_id] = row_id
            owners[row_id] = transaction_id
    return claims, owners


def _changes(
    transaction: StandingRow, row: ShadowRow, old: Values, new: Values
) -> list[FieldChange]:
    changes = [
        FieldChange(name, old.get(name), value)
        for name, value in new.items()
        if old.get(name) != value
    ]
    if transaction.status is not row.status:
        changes.append(FieldChange("status", transaction.status, row.status))
    if transaction.is_missing is not (row.missing_since is not None):
        changes.append(
            FieldChange("missing", transaction.is_missing, row.missing_since is not None)
        )
    return changes


def _what(row: ShadowRow | None) -> str:
    if row is None:
        return ""
    currency = row.record.currency
    return f" ({row.day}, {format_amount(row.record.amount, currency)} {currency})"


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = str(value)
    short = text if len(text) <= _TEXT_LENGTH_MAX else f"{text[:_TEXT_LENGTH_MAX]}…"
    return f"“{short}”" if isinstance(value, str) else short
