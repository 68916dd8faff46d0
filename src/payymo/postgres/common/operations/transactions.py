"""Bank transactions: found, listed, annotated, and written by syncs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from payymo.domain.enums import (
    BalanceType,
    ChangeKind,
    Direction,
    IdentityTier,
    TransactionMatchStatus,
    TransactionSort,
    TransactionStatus,
)
from payymo.domain.errors import NotFoundError
from payymo.domain.ledger.book import TransactionEntry
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.replay import StandingRow
from payymo.domain.ledger.sightings import KnownRow, Sighting, join_text
from payymo.postgres.bulk import insert_rows, update_rows
from payymo.postgres.common.identifiable import (
    is_identifiable,
    is_over_allocated,
    is_touched,
    is_unbalanced,
)
from payymo.postgres.common.models import (
    Account,
    Connection,
    Institution,
    Transaction,
    TransactionChange,
)
from payymo.postgres.core import Base, Page

#: Rows that people see unless they ask for others.
_STANDING = (TransactionStatus.PENDING, TransactionStatus.BOOKED)
_ONCE_BOOKED = (TransactionStatus.BOOKED, TransactionStatus.REMOVED)

_TABLE: Final = Base.metadata.tables[Transaction.__tablename__]
_CHANGES: Final = Base.metadata.tables[TransactionChange.__tablename__]

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
_ESCAPE = "\\"

_NOTHING: Final = Decimal(0)

#: Rows that are read at a time where there can be a hundred thousand.
_FETCH_COUNT = 5000

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


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions are meant: those of which all that is given holds.

    :ivar status: Without it, pending and booked rows.
    :ivar start_date: First transaction date.
    :ivar end_date: Last transaction date.
    :ivar min_amount: Least signed amount.
    :ivar max_amount: Greatest signed amount.
    :ivar q: Part of a text, a name or an id, in any case; ``%`` and ``_`` mean themselves.
    :ivar needs_review: Whether what people did with it fits no more, since it was restated.
    :ivar is_deleted: Those that people deleted, instead of the others.
    """

    account_id: UUID | None = None
    connection_id: UUID | None = None
    institution_id: UUID | None = None
    status: TransactionStatus | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    currency: str | None = None
    direction: Direction | None = None
    match_status: TransactionMatchStatus | None = None
    q: str | None = None
    needs_review: bool | None = None
    is_deleted: bool = False


class TransactionLine(NamedTuple):
    """A transaction with its account and its bank, as lists and reports need it."""

    id: UUID
    account_id: UUID
    account_name: str
    connection_id: UUID
    institution_id: UUID
    institution_name: str
    status: TransactionStatus
    amount: Decimal
    currency: str
    transaction_date: date
    booking_date: date | None
    value_date: date | None
    provider_transaction_id: str | None
    internal_id: str | None
    entry_reference: str | None
    trusted_id: str | None
    end_to_end_id: str | None
    mandate_id: str | None
    creditor_id: str | None
    counterparty_name: str | None
    counterparty_iban: str | None
    counterparty_account: str | None
    payee: str | None
    description: str | None
    remittance: str | None
    structured_reference: str | None
    purpose_code: str | None
    bank_transaction_code: str | None
    proprietary_code: str | None
    merchant_category_code: str | None
    exchange_rate: Decimal | None
    instructed_amount: Decimal | None
    instructed_currency: str | None
    balance_after: Decimal | None
    balance_after_type: BalanceType | None
    fingerprint: bytes
    occurrence: int
    raw_id: UUID
    identity_version: int
    identity_tier: IdentityTier
    missing_since: datetime | None
    superseded_by: UUID | None
    category: str | None
    note: str | None
    allocated: Decimal
    match_status: TransactionMatchStatus
    deleted_at: datetime | None
    deleted_by: UUID | None
    split_total: Decimal | None
    split_currency: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TransactionCursor:
    """Where a list goes on: after the row of this key.

    :ivar value: The last row's transaction date or amount, whichever the list is sorted by.
    :ivar id: The last row.
    """

    value: date | Decimal
    id: UUID


@dataclass(frozen=True, slots=True)
class CurrencySummary:
    """What transactions of one currency come to.

    :ivar credit_total: Sum of money in.
    :ivar debit_total: Sum of money out; not positive.
    """

    currency: str
    count: int
    credit_total: Decimal
    debit_total: Decimal


def list_transactions(
    session: Session,
    tenant_id: UUID,
    criteria: TransactionFilter,
    *,
    sort: TransactionSort,
    page: int,
    per_page: int,
) -> Page[TransactionLine]:
    """Return one page of the tenant's transactions.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param criteria: Which ones.
    :param sort: In which order.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    values = _values(tenant_id, criteria)
    statements = _statements(frozenset(values), sort)
    window = {"row_limit": per_page, "row_offset": (page - 1) * per_page}
    # The connection's own rows: the session would wrap each of them once more.
    connection = session.connection()
    total = connection.execute(statements.total, values).scalar_one()
    rows = connection.execute(statements.page, values | window)
    return Page(rows=list(map(TransactionLine._make, rows)), total=total)


def list_transactions_after(
    session: Session,
    tenant_id: UUID,
    criteria: TransactionFilter,
    *,
    sort: TransactionSort,
    cursor: TransactionCursor | None,
    limit: int,
) -> Sequence[TransactionLine]:
    """Return the tenant's transactions that follow a row, at the same cost however far down.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param criteria: Which ones.
    :param sort: In which order.
    :param cursor: The last row that was seen; ``None`` begins the list.
    :param limit: Rows to return at most.
    """
    values = _values(tenant_id, criteria)
    statements = _statements(frozenset(values), sort)
    window: dict[str, Any] = {"row_limit": limit, "row_offset": 0}
    if cursor is None:
        rows = session.execute(statements.page, values | window)
    else:
        window |= {"cursor_value": cursor.value, "cursor_id": cursor.id}
        rows = session.execute(statements.after, values | window)
    return list(map(TransactionLine._make, rows))


def get_transaction(session: Session, tenant_id: UUID, transaction_id: UUID) -> TransactionLine:
    """Return one of the tenant's transactions, whatever its status.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to return.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    row = session.execute(
        _LINES.where(Transaction.tenant_id == tenant_id, Transaction.id == transaction_id)
    ).one_or_none()
    if row is None:
        raise NotFoundError("There is no such transaction.")
    return TransactionLine._make(row)


def update_transaction(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    *,
    category: str | None,
    note: str | None,
) -> None:
    """Change what a person says of a transaction; ``None`` clears it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to change.
    :param category: What it is for.
    :param note: Anything else.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    changed = session.scalars(
        update(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == transaction_id)
        .values(category=category, note=note)
        .returning(Transaction.id)
    ).one_or_none()
    if changed is None:
        raise NotFoundError("There is no such transaction.")


def summarise_transactions(
    session: Session, tenant_id: UUID, criteria: TransactionFilter
) -> Sequence[CurrencySummary]:
    """Return what the tenant's transactions come to, for each currency in alphabetical order.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param criteria: Which ones.
    """
    values = _values(tenant_id, criteria)
    amount = Transaction.amount
    rows = session.execute(
        select(
            Transaction.currency,
            func.count(),
            func.coalesce(func.sum(case((amount > 0, amount))), Decimal(0)),
            func.coalesce(func.sum(case((amount <= 0, amount))), Decimal(0)),
        )
        .where(_condition(frozenset(values)))
        .group_by(Transaction.currency)
        .order_by(Transaction.currency),
        values,
    )
    return [CurrencySummary(*row) for row in rows]


_DATES: Final = (Transaction.transaction_date, Transaction.booking_date, Transaction.value_date)


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
    rows = session.execute(
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
            "transaction_date": "COALESCE(new.transaction_date, old.transaction_date)",
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


class _Statements(NamedTuple):
    """The statements of one shape of filter and one order."""

    page: Select[Any]
    after: Select[Any]
    total: Select[Any]


def _values(tenant_id: UUID, criteria: TransactionFilter) -> dict[str, Any]:
    """Return what is asked for, as parameters of the statements."""
    given: dict[str, Any] = {
        name: value
        for name in TransactionFilter.__slots__
        if (value := getattr(criteria, name)) is not None
    }
    if "q" in given:
        given["q"] = f"%{_escape(given['q'])}%"
    if "direction" in given:
        given["direction"] = given["direction"] is Direction.CREDIT
    if not given["is_deleted"]:
        del given["is_deleted"]
    return given | {"tenant_id": tenant_id}


def _escape(text: str) -> str:
    for sign in (_ESCAPE, "%", "_"):
        text = text.replace(sign, _ESCAPE + sign)
    return text


@lru_cache(maxsize=1024)
def _statements(given: frozenset[str], sort: TransactionSort) -> _Statements:
    """Return the statements for a filter that names these things.

    Made once for each shape of request: making them takes longer than running them.
    """
    key, is_descending = _ORDERS[sort]
    order = (key.desc(), Transaction.id.desc()) if is_descending else (key, Transaction.id)
    lines = (
        _LINES.where(_condition(given))
        .order_by(*order)
        .limit(bindparam("row_limit"))
        .offset(bindparam("row_offset"))
    )
    here = tuple_(key, Transaction.id)
    last = tuple_(bindparam("cursor_value", type_=key.type), bindparam("cursor_id", type_=Uuid()))
    return _Statements(
        page=lines,
        after=lines.where(here < last if is_descending else here > last),
        total=select(func.count()).select_from(Transaction).where(_condition(given)),
    )


def _condition(given: frozenset[str]) -> ColumnElement[bool]:
    """Return the condition of a filter that names these things."""
    conditions = [_CONDITIONS[name] for name in sorted(given)]
    if "status" not in given:
        conditions.append(Transaction.status.in_(_STANDING))
    if "is_deleted" not in given:
        conditions.append(Transaction.deleted_at.is_(None))
    return and_(*conditions)


def _accounts_where(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return Transaction.account_id.in_(
        select(Account.id)
        .join(Connection, _is_of_connection)
        .where(Account.tenant_id == bindparam("tenant_id", type_=Uuid()), condition)
    )


_is_of_connection = and_(
    Connection.tenant_id == Account.tenant_id, Connection.id == Account.connection_id
)

_SEARCHED = (
    Transaction.payee,
    Transaction.counterparty_name,
    Transaction.description,
    Transaction.remittance,
    Transaction.note,
    Transaction.structured_reference,
    Transaction.end_to_end_id,
    Transaction.provider_transaction_id,
    Transaction.entry_reference,
    Transaction.internal_id,
)

_CONDITIONS: Final[Mapping[str, ColumnElement[bool]]] = {
    "tenant_id": Transaction.tenant_id == bindparam("tenant_id", type_=Uuid()),
    "account_id": Transaction.account_id == bindparam("account_id", type_=Uuid()),
    "connection_id": _accounts_where(
        Account.connection_id == bindparam("connection_id", type_=Uuid())
    ),
    "institution_id": _accounts_where(
        Connection.institution_id == bindparam("institution_id", type_=Uuid())
    ),
    "status": Transaction.status == bindparam("status", type_=_TABLE.c.status.type),
    "start_date": Transaction.transaction_date >= bindparam("start_date", type_=Date()),
    "end_date": Transaction.transaction_date <= bindparam("end_date", type_=Date()),
    "min_amount": Transaction.amount >= bindparam("min_amount", type_=_TABLE.c.amount.type),
    "max_amount": Transaction.amount <= bindparam("max_amount", type_=_TABLE.c.amount.type),
    "currency": Transaction.currency == bindparam("currency", type_=Text()),
    "direction": Transaction.is_credit == bindparam("direction", type_=Boolean()),
    "match_status": Transaction.match_status
    == bindparam("match_status", type_=_TABLE.c.match_status.type),
    "needs_review": or_(is_over_allocated(), is_unbalanced())
    == bindparam("needs_review", type_=Boolean()),
    # Not compared with a parameter: as it stands, it is the condition of an index.
    "is_deleted": Transaction.deleted_at.is_not(None),
    "q": or_(*(column.ilike(bindparam("q", type_=Text()), escape=_ESCAPE) for column in _SEARCHED)),
}

_ORDERS: Final = {
    TransactionSort.NEWEST_FIRST: (_TABLE.c.transaction_date, True),
    TransactionSort.OLDEST_FIRST: (_TABLE.c.transaction_date, False),
    TransactionSort.LARGEST_FIRST: (_TABLE.c.amount, True),
    TransactionSort.SMALLEST_FIRST: (_TABLE.c.amount, False),
}

_FROM_ELSEWHERE: Final[Mapping[str, ColumnElement[Any]]] = {
    "account_name": Account.__table__.c.name,
    "connection_id": Account.__table__.c.connection_id,
    "institution_id": Connection.__table__.c.institution_id,
    "institution_name": Institution.__table__.c.name,
}

_LINES: Final = (
    select(
        *(
            _FROM_ELSEWHERE[name] if name in _FROM_ELSEWHERE else _TABLE.c[name]
            for name in TransactionLine._fields
        )
    )
    .select_from(Transaction)
    .join(
        Account,
        and_(
            Account.tenant_id == Transaction.tenant_id,
            Account.id == Transaction.account_id,
        ),
    )
    .join(Connection, _is_of_connection)
    .join(Institution, Institution.id == Connection.institution_id)
)
