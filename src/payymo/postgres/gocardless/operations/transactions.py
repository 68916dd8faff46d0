"""Transactions as GoCardless sent them: every payload that was ever received, once."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, any_, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import IdentityTier, TransactionStatus
from payymo.domain.ledger.book import KnownPayload, RawEntry, RawKey
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.postgres.bulk import insert_rows
from payymo.postgres.common.identifiable import is_identifiable, is_touched
from payymo.postgres.common.models import Transaction
from payymo.postgres.core import Base
from payymo.postgres.gocardless.models import GcFetch, GcTransaction

#: Rows that are read at a time where there can be a hundred thousand.
_FETCH_COUNT = 5000

#: The escape itself, and not a backslash (escaped) before the letters.
_NUL_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")

_TABLE = Base.metadata.tables[GcTransaction.__tablename__]
_COLUMNS = (
    "tenant_id",
    "account_id",
    "fetch_id",
    "id",
    "transaction_id",
    "is_booked",
    "content_hash",
    "occurrence",
    "position",
    "identity_version",
    "identity_tier",
    "payload",
)


@dataclass(frozen=True, slots=True)
class RawVersion:
    """A payload from which a transaction was written.

    :ivar fetched_at: When it was first received so (aware).
    :ivar identity_tier: By which evidence it was recognised as this transaction.
    """

    payload: Mapping[str, Any]
    is_booked: bool
    fetched_at: datetime
    identity_tier: IdentityTier
    identity_version: int
    content_hash: bytes


def list_raw_versions(
    session: Session, tenant_id: UUID, transaction_id: UUID
) -> Sequence[RawVersion]:
    """Return every payload that was received for a transaction, the oldest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param transaction_id: Transaction that they speak of.
    """
    rows: Iterable[Any] = session.execute(
        select(
            GcTransaction.payload,
            GcTransaction.is_booked,
            GcFetch.fetched_at,
            GcTransaction.identity_tier,
            GcTransaction.identity_version,
            GcTransaction.content_hash,
        )
        .join(
            GcFetch,
            (GcFetch.tenant_id == GcTransaction.tenant_id) & (GcFetch.id == GcTransaction.fetch_id),
        )
        .where(GcTransaction.tenant_id == tenant_id, GcTransaction.transaction_id == transaction_id)
        .order_by(GcFetch.fetched_at, GcTransaction.id)
    )
    return [RawVersion(*row) for row in rows]


_DATES: Final = (Transaction.transaction_date, Transaction.booking_date, Transaction.value_date)


def list_known_payloads(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    since: date | None,
    closed_after: datetime,
) -> list[KnownPayload]:
    """Return the payloads of the rows that an answer may speak of.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account whose rows are meant.
    :param since: First day of booked rows; ``None`` is all. Pending rows have no limit.
    :param closed_after: Pending rows closed without a successor after this (aware) are included.
    """
    rows = session.execute(
        select(
            Transaction.id,
            GcTransaction.content_hash,
            Transaction.status.in_((TransactionStatus.BOOKED, TransactionStatus.REMOVED)),
            GcTransaction.position,
            Transaction.transaction_date,
            func.least(*_DATES),
            func.greatest(*_DATES),
            func.coalesce(Transaction.booking_date, Transaction.value_date).is_not(None),
            Transaction.missing_since,
            Transaction.status == TransactionStatus.REMOVED,
            is_touched(),
        )
        .join(
            GcTransaction,
            (GcTransaction.tenant_id == Transaction.tenant_id)
            & (GcTransaction.id == Transaction.raw_id),
        )
        .where(is_identifiable(tenant_id, account_id, since=since, closed_after=closed_after))
        .execution_options(yield_per=_FETCH_COUNT)
    )
    return list(map(KnownPayload._make, rows))


def has_raw_transactions(session: Session, tenant_id: UUID, account_id: UUID) -> bool:
    """Return whether anything was ever received for an account.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    condition = (GcTransaction.tenant_id == tenant_id) & (GcTransaction.account_id == account_id)
    return bool(session.scalar(select(exists().where(condition))))


def list_raw_keys(
    session: Session, tenant_id: UUID, account_id: UUID, content_hashes: Collection[bytes]
) -> Sequence[RawKey]:
    """Return the raw rows of an account that have one of these contents.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param content_hashes: Contents that are meant.
    """
    hashes = bindparam("hashes", list(content_hashes), ARRAY(LargeBinary()))
    rows = session.execute(
        select(
            GcTransaction.id,
            GcTransaction.content_hash,
            GcTransaction.is_booked,
            GcTransaction.occurrence,
            GcTransaction.position,
            GcTransaction.transaction_id,
        ).where(
            GcTransaction.tenant_id == tenant_id,
            GcTransaction.account_id == account_id,
            GcTransaction.content_hash == any_(hashes),
        )
    )
    return list(map(RawKey._make, rows))


def add_raw_transactions(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    fetch_id: UUID,
    entries: Iterable[RawEntry],
) -> int:
    """Keep payloads as received, and return how many there were.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param fetch_id: Answer that brought them.
    :param entries: The payloads.
    """
    rows = [
        (
            tenant_id,
            account_id,
            fetch_id,
            entry.id,
            entry.transaction_id,
            entry.row.is_booked,
            entry.row.content_hash,
            entry.occurrence,
            entry.position,
            None if entry.tier is None else IDENTITY_VERSION,
            entry.tier,
            _storable(entry.row.payload),
        )
        for entry in entries
    ]
    return insert_rows(session, _TABLE, _COLUMNS, rows)


def assign_raw_transaction(
    session: Session, tenant_id: UUID, raw_id: UUID, transaction_id: UUID, tier: IdentityTier
) -> None:
    """Say which transaction a payload speaks of that could not be understood before.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the payload.
    :param raw_id: The payload.
    :param transaction_id: Transaction that it speaks of.
    :param tier: By which evidence.
    """
    session.execute(
        update(GcTransaction)
        .where(GcTransaction.tenant_id == tenant_id, GcTransaction.id == raw_id)
        .values(
            transaction_id=transaction_id, identity_version=IDENTITY_VERSION, identity_tier=tier
        )
    )


def find_last_position(session: Session, tenant_id: UUID, account_id: UUID) -> int:
    """Return the position of the payload of an account that came last; 0 without one.

    :param session: Open session; the caller manages the transaction, and has locked the account.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    noted = session.scalar(
        select(func.max(GcFetch.position_max)).where(
            GcFetch.tenant_id == tenant_id, GcFetch.account_id == account_id
        )
    )
    if noted is not None:
        return noted
    last = session.scalar(
        select(func.max(GcTransaction.position)).where(
            GcTransaction.tenant_id == tenant_id, GcTransaction.account_id == account_id
        )
    )
    return last or 0


def _storable(payload: bytes) -> str:
    """Return a payload as JSONB takes it: it has no place for U+0000, which becomes U+FFFD."""
    if b"u0000" in payload:
        payload = _NUL_ESCAPE.sub(rb"\1\\ufffd", payload)
    return payload.decode()
