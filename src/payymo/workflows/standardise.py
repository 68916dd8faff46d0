"""One account's answer, brought into both layers: as received, and in Payymo's words."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import batched
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.banking import PulledRow, Statement, TransactionRecord
from payymo.domain.enums import IdentityTier
from payymo.domain.errors import ProviderResponseError
from payymo.domain.ledger.absence import AbsentRow, judge_absence
from payymo.domain.ledger.identity import (
    BOOKED_AFTER_PENDING_DAYS_MAX,
    DAYS_APART_MAX,
    PayloadKey,
    Sighting,
    Verdict,
    observe,
    pair_payloads,
    pair_sightings,
)
from payymo.postgres.common.operations.transactions import (
    TransactionEntry,
    add_transactions,
    close_pending,
    list_known_rows,
    mark_found,
    mark_missing,
    rewrite_transactions,
)
from payymo.postgres.gocardless.operations.transactions import (
    KnownPayload,
    RawEntry,
    add_raw_transactions,
    has_raw_transactions,
    list_known_payloads,
    list_raw_keys,
)

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

    :ivar fetch_id: The note of the answer in the raw layer.
    :ivar since: First day asked for; ``None`` when all was.
    :ivar received_at: When it came (aware).
    """

    account_id: UUID
    fetch_id: UUID
    statement: Statement
    since: date | None
    received_at: datetime


@dataclass(slots=True)
class Changes:
    """What an answer changed.

    :ivar closed: Pending rows that the bank lists no more.
    :ivar missing: Booked rows that the answer should hold and does not.
    :ivar unreadable: Rows that could not be understood, and were left out.
    :ivar is_booked_changed: Whether there is anything new to match with invoices.
    """

    pulled: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    closed: int = 0
    missing: int = 0
    unreadable: int = 0
    is_booked_changed: bool = False


def standardise(
    session: Session, tenant_id: UUID, answer: Answer, *, translate: Translate
) -> Changes:
    """Write an account's answer into both layers, and return what it changed.

    Repeating it changes nothing. A row whose payload is known to the last bit is neither
    translated nor written; of the others, each becomes a new transaction or a new version of a
    known one. Known rows that are absent are closed (pending) or marked (booked), never removed.

    :param session: Open session; the caller manages the transaction, and has locked the account.
    :param tenant_id: Tenant that owns the account.
    :param answer: The answer.
    :param translate: Puts a row in Payymo's words; raises ProviderResponseError if it cannot.
    """
    known_since = None if answer.since is None else answer.since - KNOWN_MARGIN
    comparison = _compare(session, tenant_id, answer, translate, known_since=known_since)
    if comparison is None:
        # The bank answered with older rows than it was asked for: so all known ones count.
        comparison = _compare(session, tenant_id, answer, translate, known_since=None)
    assert comparison is not None  # noqa: S101  # nothing is from before all known rows
    changes = Changes(
        pulled=len(answer.statement.rows),
        unchanged=len(comparison.seen),
        unreadable=comparison.unreadable_count,
    )
    for chunk in batched(comparison.rest, ROW_COUNT_MAX):
        _write(session, tenant_id, answer, comparison, chunk, translate=translate, changes=changes)
    _judge_absent(session, tenant_id, answer, comparison, changes)
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
    :ivar oldest_booked: First day that a booked row of the answer has; ``None`` without one.
    """

    is_first: bool
    payloads: Sequence[KnownPayload]
    seen: AbstractSet[UUID]
    rest: Sequence[tuple[PulledRow, Verdict]]
    fingerprints: Mapping[UUID, bytes] = field(default_factory=dict)
    contents: Counter[bytes] = field(default_factory=Counter)
    raw_counts: Counter[PayloadKey] = field(default_factory=Counter)
    oldest_booked: date | None = None
    unreadable_count: int = 0


def _compare(
    session: Session,
    tenant_id: UUID,
    answer: Answer,
    translate: Translate,
    *,
    known_since: date | None,
) -> _Comparison | None:
    """Return the answer beside the rows that are known from some day on.

    :returns: ``None`` if the answer may speak of rows from before that day.
    """
    rows = answer.statement.rows
    account_id = answer.account_id
    if not has_raw_transactions(session, tenant_id, account_id):
        return _Comparison(True, (), frozenset(), [(row, _NEW) for row in rows])
    closed_after = answer.received_at - CLOSED_MARGIN
    payloads = list_known_payloads(
        session, tenant_id, account_id, since=known_since, closed_after=closed_after
    )
    paired = pair_payloads(
        [(row.content_hash, row.is_booked) for row in rows],
        (((known.content_hash, known.is_booked), known.transaction_id) for known in payloads),
    )
    seen = {transaction_id for transaction_id in paired if transaction_id is not None}
    unknown = [
        row for row, transaction_id in zip(rows, paired, strict=True) if transaction_id is None
    ]
    comparison = _Comparison(False, payloads, seen, ())
    comparison.oldest_booked = min(
        (known.day for known in payloads if known.is_booked and known.transaction_id in seen),
        default=None,
    )
    if not unknown:
        return comparison
    if known_since is not None and _were_received(session, tenant_id, answer, unknown, payloads):
        return None
    readable, sightings = _observe(unknown, translate)
    days = [sighting.day for sighting in sightings if sighting.day is not None]
    if known_since is not None and min(days, default=date.max) < known_since + DAYS_APART:
        return None
    known = list_known_rows(
        session, tenant_id, account_id, since=known_since, closed_after=closed_after
    )
    verdicts = pair_sightings(sightings, known, seen=seen)
    comparison.rest = list(zip(readable, verdicts, strict=True))
    comparison.unreadable_count = len(unknown) - len(readable)
    comparison.fingerprints = {row.id: row.sighting.fingerprint for row in known}
    comparison.contents.update(comparison.fingerprints.values())
    booked = [row.day for row in sightings if row.is_booked and row.day is not None]
    if comparison.oldest_booked is not None:
        booked.append(comparison.oldest_booked)
    comparison.oldest_booked = min(booked, default=None)
    return comparison


def _were_received(
    session: Session,
    tenant_id: UUID,
    answer: Answer,
    rows: Sequence[PulledRow],
    payloads: Sequence[KnownPayload],
) -> bool:
    """Return whether any of the rows was received as one that is not among the known."""
    hashes = {row.content_hash for row in rows}
    known = {payload.transaction_id for payload in payloads}
    found = list_raw_keys(session, tenant_id, answer.account_id, hashes)
    return any(raw.transaction_id not in known for raw in found)


def _observe(
    rows: Sequence[PulledRow], translate: Translate
) -> tuple[list[PulledRow], list[Sighting]]:
    """Return the rows that can be understood, and what identity looks at in each."""
    readable, sightings = [], []
    for row in rows:
        record = _read(row, translate)
        if record is not None:
            readable.append(row)
            sightings.append(observe(record, row.content_hash))
    return readable, sightings


def _write(
    session: Session,
    tenant_id: UUID,
    answer: Answer,
    comparison: _Comparison,
    chunk: Sequence[tuple[PulledRow, Verdict]],
    *,
    translate: Translate,
    changes: Changes,
) -> None:
    """Write some rows of an answer into both layers."""
    raw_rows = _find_raw_rows(session, tenant_id, answer, comparison, chunk)
    raw_entries: list[RawEntry] = []
    added: list[TransactionEntry] = []
    rewritten: list[TransactionEntry] = []
    for row, verdict in chunk:
        record = _read(row, translate)
        if record is None:
            changes.unreadable += 1
            continue
        transaction_id = verdict.known_id or uuid7()
        raw_id = raw_rows.get((row.content_hash, row.is_booked, transaction_id))
        if raw_id is None:
            raw_id = uuid7()
            key = (row.content_hash, row.is_booked)
            comparison.raw_counts[key] += 1
            raw_entries.append(
                RawEntry(
                    id=raw_id,
                    transaction_id=transaction_id,
                    row=row,
                    occurrence=comparison.raw_counts[key],
                    tier=verdict.tier,
                )
            )
        sighting = observe(record, row.content_hash)
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
        changes.is_booked_changed |= row.is_booked
    add_raw_transactions(session, tenant_id, answer.account_id, answer.fetch_id, raw_entries)
    add_transactions(session, tenant_id, answer.account_id, added)
    rewrite_transactions(session, tenant_id, rewritten)
    changes.added += len(added)
    changes.updated += len(rewritten)


def _find_raw_rows(
    session: Session,
    tenant_id: UUID,
    answer: Answer,
    comparison: _Comparison,
    chunk: Sequence[tuple[PulledRow, Verdict]],
) -> Mapping[tuple[bytes, bool, UUID], UUID]:
    """Return the raw rows that hold these payloads already, by payload and transaction.

    A bank that restates a row and takes it back sends a payload that was received before.
    """
    if comparison.is_first:
        return {}
    hashes = {row.content_hash for row, _ in chunk}
    found = list_raw_keys(session, tenant_id, answer.account_id, hashes)
    for raw in found:
        key = (raw.content_hash, raw.is_booked)
        comparison.raw_counts[key] = max(comparison.raw_counts[key], raw.occurrence)
    return {(raw.content_hash, raw.is_booked, raw.transaction_id): raw.id for raw in found}


def _judge_absent(
    session: Session,
    tenant_id: UUID,
    answer: Answer,
    comparison: _Comparison,
    changes: Changes,
) -> None:
    """Close or mark the known rows that the answer leaves out, and take back what it has again."""
    is_away = {known.transaction_id for known in comparison.payloads if known.is_away}
    found = comparison.seen & is_away
    mark_found(session, tenant_id, found)
    changes.is_booked_changed |= any(
        known.is_booked and known.transaction_id in found for known in comparison.payloads
    )
    if changes.unreadable:
        return  # what could not be understood may be one of them
    present = comparison.seen | {verdict.known_id for _, verdict in comparison.rest}
    absence = judge_absence(
        (
            AbsentRow(known.transaction_id, known.is_booked, known.day, known.is_dated)
            for known in comparison.payloads
            if known.transaction_id not in present
        ),
        since=answer.since,
        today=answer.received_at.date(),
        oldest_booked=comparison.oldest_booked,
        is_empty=not answer.statement.rows,
    )
    closed = set(absence.closed) - is_away
    missing = set(absence.missing) - is_away
    close_pending(session, tenant_id, closed, now=answer.received_at)
    mark_missing(session, tenant_id, missing, now=answer.received_at)
    changes.closed, changes.missing = len(closed), len(missing)


def _read(row: PulledRow, translate: Translate) -> TransactionRecord | None:
    """Return a row in Payymo's words; ``None`` if it cannot be understood."""
    try:
        return translate(row)
    except ProviderResponseError:
        return None
