"""The rows of a ledger, as syncs, replays and their undoing see and write them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, case, func, insert, literal, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import ChangeKind, TransactionMatchStatus, TransactionStatus
from payymo.domain.ledger.book import TransactionEntry
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.replay import StandingRow
from payymo.domain.ledger.sightings import KnownRow, Sighting, join_text
from payymo.postgres.bulk import insert_rows, update_rows
from payymo.postgres.common.identifiable import is_identifiable, is_touched
from payymo.postgres.common.models import Transaction, TransactionChange
from payymo.postgres.core import Base

_TABLE: Final = Base.metadata.tables[Transaction.__tablename__]
_CHANGES: Final = Base.metadata.tables[TransactionChange.__tablename__]

_ONCE_BOOKED = (TransactionStatus.BOOKED, TransactionStatus.REMOVED)
_DATES: Final = (Transaction.transaction_date, Transaction.booking_date, Transaction.value_date)
_NOTHING: Final = Decimal(0)

#: Rows that are read at a time where there can be a hundred thousand.
_FETCH_COUNT = 5000

_CHANGE_COLUMNS: Final = (
    "tenant_id", "id", "sync_run_id", "transaction_id", "kind", "changed_at",
)  # fmt: skip

#: What a change keeps of the row as it was.
_KEPT_COLUMNS: Final = (
    "raw_id",
    "status",
    "transaction_date",
    "occurrence",
    "identity_version",
    "identity_tier",
    "missing_since",
    "superseded_by",
)

#: What a sync writes; what people and allocations write is not among it.
_WRITTEN_COLUMNS: Final = (
    "id",
    "status",
    "amount",
    "currency",
    "transaction_date",
    "booking_date",
    "value_date",
    "provider_transaction_id",
    "internal_id",
    "entry_reference",
    "trusted_id",
    "end_to_end_id",
    "mandate_id",
    "creditor_id",
    "counterparty_name",
    "counterparty_iban",
    "counterparty_account",
    "payee",
    "description",
    "remittance",
    "structured_reference",
    "purpose_code",
    "bank_transaction_code",
    "proprietary_code",
    "merchant_category_code",
    "exchange_rate",
    "instructed_amount",
    "instructed_currency",
    "balance_after",
    "balance_after_type",
    "balance_after_currency",
    "fingerprint",
    "occurrence",
    "raw_id",
    "identity_version",
    "identity_tier",
)

#: What a replay compares: all that is understood of a payload, and not by which row or rule.
_COMPARED_COLUMNS: Final = tuple(
    name
    for name in _WRITTEN_COLUMNS
    if name
    not in {
        "id",
        "status",
        "raw_id",
        "fingerprint",
        "occurrence",
        "identity_version",
        "identity_tier",
    }
)


def list_known_rows(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    since: date | None,
    closed_after: datetime,
) -> Sequence[KnownRow]:
    """Return the rows of an account that an answer may speak of, as identity looks at them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account whose rows are meant.
    :param since: First day of booked rows; ``None`` is all. Pending rows have no limit.
    :param closed_after: Pending rows closed without a successor after this (aware) are included.
    """
    rows = session.execute(
        select(
            Transaction.id,
            Transaction.status,
            Transaction.amount,
            Transaction.currency,
            Transaction.transaction_date,
            Transaction.trusted_id,
            Transaction.internal_id,
            Transaction.provider_transaction_id,
            Transaction.counterparty_name,
            Transaction.remittance,
            Transaction.fingerprint,
            Transaction.missing_since,
            func.least(*_DATES).label("first_day"),
            func.greatest(*_DATES).label("last_day"),
        )
        .where(is_identifiable(tenant_id, account_id, since=since, closed_after=closed_after))
        .execution_options(yield_per=_FETCH_COUNT)
    )
    return [
        KnownRow(
            id=row.id,
            sighting=Sighting(
                is_booked=row.status in _ONCE_BOOKED,
                amount=row.amount,
                currency=row.currency,
                day=row.transaction_date,
                trusted_id=row.trusted_id,
                internal_id=row.internal_id,
                transaction_id=row.provider_transaction_id,
                text=join_text(row.counterparty_name, row.remittance),
                fingerprint=row.fingerprint,
                content_hash=b"",
                first_day=row.first_day,
                last_day=row.last_day,
            ),
            is_closed=row.status in {TransactionStatus.SUPERSEDED, TransactionStatus.REMOVED},
            is_missing=row.missing_since is not None,
        )
        for row in rows
    ]


def list_standing_rows(
    session: Session, tenant_id: UUID, account_id: UUID
) -> Mapping[UUID, StandingRow]:
    """Return all transactions of an account, whatever their status, as a replay looks at them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    rows = session.execute(
        select(
            Transaction.id,
            Transaction.status,
            Transaction.missing_since.is_not(None),
            is_touched(),
            Transaction.deleted_at.is_not(None),
            Transaction.allocated,
        )
        .where(Transaction.tenant_id == tenant_id, Transaction.account_id == account_id)
        .execution_options(yield_per=_FETCH_COUNT)
    )
    return {row[0]: StandingRow(*row[:5], allocated=row[5] or _NOTHING) for row in rows}


def stream_standing_values(
    session: Session, tenant_id: UUID, account_id: UUID
) -> Iterator[tuple[UUID, Mapping[str, object]]]:
    """Return what is written of each transaction of an account, some at a time, by their dates.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    rows: Iterable[Any] = session.execute(
        select(Transaction.id, *(_TABLE.c[name] for name in _COMPARED_COLUMNS))
        .where(Transaction.tenant_id == tenant_id, Transaction.account_id == account_id)
        .order_by(Transaction.transaction_date, Transaction.id)
        .execution_options(yield_per=_FETCH_COUNT)
    )
    for transaction_id, *values in rows:
        yield transaction_id, dict(zip(_COMPARED_COLUMNS, values, strict=True))


def preview_values(entry: TransactionEntry) -> Mapping[str, object]:
    """Return what would be written of a row, as :func:`stream_standing_values` gives it.

    :param entry: The row.
    """
    values = dict(zip(_WRITTEN_COLUMNS, _columns_of(entry, entry.day_seen), strict=True))
    return {
        name: _as_stored(name, value) for name, value in values.items() if name in _COMPARED_COLUMNS
    }


def supersede_transaction(
    session: Session, tenant_id: UUID, transaction_id: UUID, *, by: UUID, now: datetime
) -> None:
    """Close a transaction that proved to be one with another; nothing is deleted.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns both.
    :param transaction_id: Transaction to close.
    :param by: The other one.
    :param now: The time (aware).
    """
    _mark(
        session,
        tenant_id,
        [transaction_id],
        status=TransactionStatus.SUPERSEDED,
        superseded_by=by,
        missing_since=now,
    )


def mark_state(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    *,
    status: TransactionStatus,
    missing_since: datetime | None,
) -> None:
    """Say where a transaction stands in its life.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param transaction_id: The transaction.
    :param status: Its status.
    :param missing_since: When the bank first left it out (aware).
    """
    _mark(session, tenant_id, [transaction_id], status=status, missing_since=missing_since)


def add_transactions(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    entries: Iterable[TransactionEntry],
    *,
    sync_run_id: UUID | None,
) -> int:
    """Add new transactions to an account, and return how many there were.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param entries: The transactions.
    :param sync_run_id: Run that adds them.
    """
    rows = [
        (
            tenant_id,
            account_id,
            sync_run_id,
            *_columns_of(entry, entry.record.transaction_date or entry.day_seen),
        )
        for entry in entries
    ]
    return insert_rows(
        session, _TABLE, ("tenant_id", "account_id", "added_by", *_WRITTEN_COLUMNS), rows
    )


def rewrite_transactions(
    session: Session, tenant_id: UUID, entries: Iterable[TransactionEntry]
) -> int:
    """Write known transactions anew from what the bank says now, and return how many.

    What people said of them (category, note, parts, deletion) and what was allocated stays; how
    much of the payment that explains is said anew, since its amount may be another.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param entries: The transactions.
    """
    rows = [(tenant_id, *_columns_of(entry, entry.record.transaction_date)) for entry in entries]
    return update_rows(
        session,
        _TABLE,
        ("tenant_id", *_WRITTEN_COLUMNS),
        rows,
        also={
            "occurrence": "CASE WHEN old.fingerprint = new.fingerprint"
            " THEN old.occurrence ELSE new.occurrence END",
            # What is pending keeps the day on which it was first seen while the bank's own days of
            # it lie ahead, and when they have come. LEAST passes over NULL.
            "transaction_date": f"CASE WHEN new.status = '{TransactionStatus.PENDING}'"
            " AND (new.transaction_date < LEAST(new.booking_date, new.value_date)"
            " OR (new.booking_date, new.value_date) IS NOT DISTINCT FROM"
            " (old.booking_date, old.value_date))"
            " THEN LEAST(new.transaction_date, old.transaction_date)"
            " ELSE COALESCE(new.transaction_date, old.transaction_date) END",
            "match_status": "CASE WHEN old.allocated = 0 THEN old.match_status"
            " WHEN abs(old.allocated) >= abs(new.amount)"
            f" THEN '{TransactionMatchStatus.MATCHED}'"
            f" ELSE '{TransactionMatchStatus.PARTIALLY_MATCHED}' END",
            "missing_since": "NULL",
            "updated_at": "now()",
        },
    )


def mark_found(session: Session, tenant_id: UUID, transaction_ids: Collection[UUID]) -> None:
    """Take back that rows were missing or closed: the bank has them again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The rows.
    """
    _mark(
        session,
        tenant_id,
        transaction_ids,
        missing_since=None,
        status=case(
            (Transaction.status == TransactionStatus.SUPERSEDED, TransactionStatus.PENDING),
            (Transaction.status == TransactionStatus.REMOVED, TransactionStatus.BOOKED),
            else_=Transaction.status,
        ),
    )


def record_changes(
    session: Session,
    tenant_id: UUID,
    transaction_ids: Collection[UUID],
    *,
    kind: ChangeKind,
    sync_run_id: UUID,
    now: datetime,
) -> None:
    """Keep what transactions are before a sync run changes them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The rows that are about to change.
    :param kind: What the run does to them.
    :param sync_run_id: The run.
    :param now: The time (aware).
    """
    if not transaction_ids:
        return
    kept = [_TABLE.c[name] for name in _KEPT_COLUMNS]
    ids = bindparam("ids", list(transaction_ids), type_=ARRAY(Uuid()))
    changes = _CHANGES.c
    session.execute(
        insert(TransactionChange).from_select(
            [*_CHANGE_COLUMNS, *_KEPT_COLUMNS],
            select(
                Transaction.tenant_id,
                func.gen_random_uuid(),
                literal(sync_run_id, changes.sync_run_id.type),
                Transaction.id,
                literal(kind, changes.kind.type),
                literal(now, changes.changed_at.type),
                *kept,
            ).where(Transaction.tenant_id == tenant_id, Transaction.id == any_(ids)),
            include_defaults=False,
        )
    )


def remove_transactions(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID]
) -> None:
    """Take booked rows out of every list that the bank has withdrawn; nothing is deleted.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The rows.
    """
    _mark(session, tenant_id, transaction_ids, status=TransactionStatus.REMOVED)


def mark_missing(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID], *, now: datetime
) -> None:
    """Note since when the bank leaves booked rows out.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The rows; those that are marked already keep their date.
    :param now: The time (aware).
    """
    _mark(
        session,
        tenant_id,
        transaction_ids,
        missing_since=func.coalesce(Transaction.missing_since, now),
    )


def close_pending(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID], *, now: datetime
) -> None:
    """Close pending rows that the bank lists no more.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The rows.
    :param now: The time (aware).
    """
    _mark(
        session,
        tenant_id,
        transaction_ids,
        status=TransactionStatus.SUPERSEDED,
        missing_since=now,
    )


def _columns_of(entry: TransactionEntry, day: date | None) -> tuple[Any, ...]:
    """Return a row in the order of the columns that a sync writes."""
    record = entry.record
    exchange = record.exchange
    return (
        entry.id,
        TransactionStatus.BOOKED if record.is_booked else TransactionStatus.PENDING,
        record.amount,
        record.currency,
        day,
        record.booking_date,
        record.value_date,
        record.transaction_id,
        record.internal_id,
        record.entry_reference,
        record.trusted_id,
        record.end_to_end_id,
        record.mandate_id,
        record.creditor_id,
        record.counterparty_name,
        record.counterparty_iban,
        record.counterparty_account,
        record.payee,
        record.description,
        record.remittance,
        record.structured_reference,
        record.purpose_code,
        record.bank_transaction_code,
        record.proprietary_code,
        record.merchant_category_code,
        exchange.rate if exchange else None,
        exchange.instructed_amount if exchange else None,
        exchange.instructed_currency if exchange else None,
        record.balance_after,
        record.balance_after_type,
        record.balance_after_currency,
        entry.fingerprint,
        entry.occurrence,
        entry.raw_id,
        IDENTITY_VERSION,
        entry.tier,
    )


def _mark(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID], **values: object
) -> None:
    if not transaction_ids:
        return
    ids = bindparam("ids", list(transaction_ids), type_=ARRAY(Uuid()))
    session.execute(
        update(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == any_(ids))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _as_stored(name: str, value: object) -> object:
    """Return a value as it comes back from its column: numbers keep so many decimals."""
    if isinstance(value, Decimal):
        scale = _TABLE.c[name].type.scale  # type: ignore[attr-defined]  # a number has one
        return value.quantize(Decimal(1).scaleb(-scale))
    return value
