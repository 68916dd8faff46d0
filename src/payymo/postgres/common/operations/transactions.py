"""Bank transactions, as people read them and say something of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from payymo.domain.enums import (
    BalanceType,
    CategorySource,
    Direction,
    IdentityTier,
    TransactionMatchStatus,
    TransactionSort,
    TransactionStatus,
)
from payymo.domain.errors import NotFoundError
from payymo.postgres.categories.models import Category
from payymo.postgres.common.identifiable import is_over_allocated, is_unbalanced
from payymo.postgres.common.models import Account, Connection, Institution, Transaction
from payymo.postgres.core import Base, Page

#: Rows that people see unless they ask for others.
_STANDING = (TransactionStatus.PENDING, TransactionStatus.BOOKED)

_TABLE: Final = Base.metadata.tables[Transaction.__tablename__]
_ESCAPE = "\\"


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions are meant: those of which all that is given holds.

    :ivar status: Without it, pending and booked rows.
    :ivar start_date: First transaction date.
    :ivar end_date: Last transaction date.
    :ivar min_amount: Least signed amount.
    :ivar max_amount: Greatest signed amount.
    :ivar is_categorised: Whether it has a category, whoever said so.
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
    category_id: UUID | None = None
    category_source: CategorySource | None = None
    is_categorised: bool | None = None
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
    category_id: UUID | None
    category_source: CategorySource
    category_rule_id: UUID | None
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
    total: int = connection.execute(statements.total, values).scalar_one()
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


def annotate_transaction(
    session: Session, tenant_id: UUID, transaction_id: UUID, *, note: str | None
) -> None:
    """Change a person's note on a transaction; ``None`` clears it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to change.
    :param note: What the person says.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    changed = session.scalars(
        update(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == transaction_id)
        .values(note=note)
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
    rows: Iterable[Any] = session.execute(
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
    "category_id": Transaction.category_id == bindparam("category_id", type_=Uuid()),
    "category_source": Transaction.category_source
    == bindparam("category_source", type_=_TABLE.c.category_source.type),
    "is_categorised": Transaction.category_id.is_not(None)
    == bindparam("is_categorised", type_=Boolean()),
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
    "category": Category.__table__.c.name,
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
    .outerjoin(
        Category,
        and_(
            Category.tenant_id == Transaction.tenant_id,
            Category.id == Transaction.category_id,
        ),
    )
)
