"""Which days of an account add up: what that is judged by, and what was told of each day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import and_, case, delete, func, insert, or_, select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import ProofReason, ProofStatus, TransactionStatus
from payymo.domain.ledger.balances import RUNNING_TYPES
from payymo.domain.ledger.proof import DayProof, ProofRow
from payymo.domain.ledger.suspects import NearbyRow
from payymo.postgres.common.models import (
    Account,
    Balance,
    BalanceProof,
    SyncRun,
    Transaction,
    TransactionChange,
)
from payymo.postgres.core import Page

#: Rows are found by the day that people go by; their booking date is at most so far from it.
_DAYS_APART: Final = timedelta(days=45)

_FETCH_COUNT: Final = 5000

_ONCE_BOOKED: Final = (TransactionStatus.BOOKED, TransactionStatus.REMOVED)
_BEFORE_BOOKED: Final = (TransactionStatus.PENDING, TransactionStatus.SUPERSEDED)

#: The day on which the bank booked a row; where it does not say, the one that people go by.
_BOOKED_ON: Final = func.coalesce(Transaction.booking_date, Transaction.transaction_date)

_STATES_BALANCE: Final = and_(
    Transaction.balance_after.is_not(None),
    Transaction.balance_after_currency == Transaction.currency,
    or_(
        Transaction.balance_after_type.is_(None),
        Transaction.balance_after_type.in_([each for each in RUNNING_TYPES if each is not None]),
    ),
)


class StatedProof(NamedTuple):
    """What was told of a day, as far as a proof goes on from it."""

    currency: str
    day: date
    status: ProofStatus
    reason: ProofReason | None
    closing: Decimal | None


class ProofTotals(NamedTuple):
    """How the accounts of a tenant stand: how many, and the account longest without a proved day.

    :ivar oldest_proved: Last proved day of the account of which that is longest ago.
    """

    status: ProofStatus | None
    account_count: int
    oldest_proved: date | None


def list_proof_rows(
    session: Session, tenant_id: UUID, account_id: UUID, *, since: date
) -> Sequence[tuple[str, ProofRow]]:
    """Return the rows of an account that are or were booked, each with its currency.

    What people did with them is of no account: to the bank they are as they were.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param since: First day to judge; some days before are included, for rows that came late.
    """
    booked_at = _list_bookings(session, tenant_id, account_id)
    rows: Iterable[Any] = session.execute(
        select(
            Transaction.currency,
            Transaction.id,
            _BOOKED_ON,
            Transaction.amount,
            case((_STATES_BALANCE, Transaction.balance_after)),
            SyncRun.started_at,
            Transaction.missing_since,
        )
        .outerjoin(
            SyncRun,
            (SyncRun.tenant_id == Transaction.tenant_id) & (SyncRun.id == Transaction.added_by),
        )
        .where(
            Transaction.tenant_id == tenant_id,
            Transaction.account_id == account_id,
            Transaction.status.in_(_ONCE_BOOKED),
            Transaction.transaction_date >= _before(since),
        )
        .execution_options(yield_per=_FETCH_COUNT)
    )
    return [
        (
            currency,
            ProofRow(
                row_id,
                day,
                amount,
                balance_after,
                booked_at.get(row_id, added_at),
                missing_since,
            ),
        )
        for currency, row_id, day, amount, balance_after, added_at, missing_since in rows
    ]


def _list_bookings(session: Session, tenant_id: UUID, account_id: UUID) -> Mapping[UUID, datetime]:
    """Return when rows of an account were last changed that were not booked before."""
    rows = session.execute(
        # A subquery for each row would be asked a hundred thousand times, mostly for nothing.
        select(TransactionChange.transaction_id, func.max(TransactionChange.changed_at))
        .join(
            Transaction,
            (Transaction.tenant_id == TransactionChange.tenant_id)
            & (Transaction.id == TransactionChange.transaction_id),
        )
        .where(
            TransactionChange.tenant_id == tenant_id,
            TransactionChange.status.in_(_BEFORE_BOOKED),
            Transaction.account_id == account_id,
        )
        .group_by(TransactionChange.transaction_id)
    )
    return {row[0]: row[1] for row in rows}


def find_running_since(session: Session, tenant_id: UUID, account_id: UUID) -> date | None:
    """Return the first day of a booked row that states the balance after it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    found: date | None = session.scalar(
        select(func.min(_BOOKED_ON)).where(
            Transaction.tenant_id == tenant_id,
            Transaction.account_id == account_id,
            Transaction.status == TransactionStatus.BOOKED,
            _STATES_BALANCE,
        )
    )
    return found


def list_reported_balances(
    session: Session, tenant_id: UUID, account_id: UUID, *, since: date | None
) -> Sequence[Balance]:
    """Return the balances that a bank reported of an account, the first said first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param since: First day on which they were reported; ``None`` is any.
    """
    statement = select(Balance).where(
        Balance.tenant_id == tenant_id,
        Balance.account_id == account_id,
        Balance.retracted_at.is_(None),
    )
    if since is not None:
        statement = statement.where(func.date(Balance.last_observed_at) >= since)
    return session.scalars(statement.order_by(Balance.observed_at, Balance.id)).all()


def find_first_changed_day(
    session: Session, tenant_id: UUID, account_id: UUID, sync_run_id: UUID
) -> date | None:
    """Return the first day, as it was or as it is, of the known rows that a run changed.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param sync_run_id: The run.
    """
    found: date | None = session.scalar(
        select(func.min(func.least(TransactionChange.transaction_date, _BOOKED_ON)))
        .join(
            Transaction,
            (Transaction.tenant_id == TransactionChange.tenant_id)
            & (Transaction.id == TransactionChange.transaction_id),
        )
        .where(
            TransactionChange.tenant_id == tenant_id,
            TransactionChange.sync_run_id == sync_run_id,
            Transaction.account_id == account_id,
        )
    )
    return found


def list_stated_proofs(
    session: Session, tenant_id: UUID, account_id: UUID, *, since: date
) -> Sequence[StatedProof]:
    """Return what was told of an account's days, in the order of the calendar.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param since: First day.
    """
    rows = session.execute(
        select(
            BalanceProof.currency,
            BalanceProof.day,
            BalanceProof.status,
            BalanceProof.reason,
            BalanceProof.closing,
        )
        .where(
            BalanceProof.tenant_id == tenant_id,
            BalanceProof.account_id == account_id,
            BalanceProof.day >= since,
        )
        .order_by(BalanceProof.day, BalanceProof.currency)
    )
    return list(map(StatedProof._make, rows))


def list_failed_days(session: Session, tenant_id: UUID, account_id: UUID) -> Sequence[BalanceProof]:
    """Return the days of an account that do not add up, the first one first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    return session.scalars(
        select(BalanceProof)
        .where(
            BalanceProof.tenant_id == tenant_id,
            BalanceProof.account_id == account_id,
            BalanceProof.status == ProofStatus.FAILED,
        )
        .order_by(BalanceProof.day, BalanceProof.currency)
    ).all()


def list_not_running(session: Session, tenant_id: UUID, account_id: UUID) -> Collection[str]:
    """Return the currencies in which an account's rows state what is no running balance.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    return session.scalars(
        select(BalanceProof.currency)
        .where(
            BalanceProof.tenant_id == tenant_id,
            BalanceProof.account_id == account_id,
            BalanceProof.reason == ProofReason.NOT_RUNNING,
        )
        .distinct()
    ).all()


def record_proofs(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    currency: str,
    proofs: Sequence[DayProof],
    *,
    since: date | None,
    now: datetime,
) -> None:
    """Keep what is told of an account's days in one currency, in place of what was told before.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they are of.
    :param currency: Currency that was proved.
    :param proofs: What is told of each day.
    :param since: What was told of the days before stays; ``None`` keeps none.
    :param now: The time (aware).
    """
    stale = delete(BalanceProof).where(
        BalanceProof.tenant_id == tenant_id,
        BalanceProof.account_id == account_id,
        BalanceProof.currency == currency,
    )
    if since is not None:
        stale = stale.where(BalanceProof.day >= since)
    session.execute(stale.execution_options(synchronize_session=False))
    if not proofs:
        return
    session.execute(
        insert(BalanceProof),
        [
            {
                "tenant_id": tenant_id,
                "id": uuid7(),
                "account_id": account_id,
                "currency": currency,
                "day": proof.day,
                "status": proof.status,
                "reason": proof.reason,
                "row_count": proof.row_count,
                "booked": proof.booked,
                "opening": proof.opening,
                "closing": proof.closing,
                "difference": proof.difference,
                "agreed_on": proof.agreed_on,
                "told_at": now,
            }
            for proof in proofs
        ],
    )


def forget_other_currencies(
    session: Session, tenant_id: UUID, account_id: UUID, currencies: Collection[str]
) -> None:
    """Tell nothing of an account's days in currencies in which nothing can be told any more.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param currencies: Those in which something is told.
    """
    session.execute(
        delete(BalanceProof)
        .where(
            BalanceProof.tenant_id == tenant_id,
            BalanceProof.account_id == account_id,
            BalanceProof.currency.not_in(currencies),
        )
        .execution_options(synchronize_session=False)
    )


def note_proof_status(session: Session, account: Account, *, is_pending_balance: bool) -> None:
    """Write down of an account how its days stand altogether.

    :param session: Open session; the caller manages the transaction.
    :param account: The account.
    :param is_pending_balance: The bank reports only balances that may hold pending rows.
    """
    condition = (BalanceProof.tenant_id == account.tenant_id) & (
        BalanceProof.account_id == account.id
    )
    last_days = select(BalanceProof.status, func.max(BalanceProof.day)).where(condition)
    rows = session.execute(last_days.group_by(BalanceProof.status))
    proved: dict[ProofStatus, date] = {status: day for status, day in rows}  # noqa: C416  # typed rows
    account.proved_through = proved.get(ProofStatus.PROVED)
    account.proof_reason = None
    if ProofStatus.FAILED in proved:
        account.proof_status = ProofStatus.FAILED
    elif ProofStatus.PROVED in proved:
        account.proof_status = ProofStatus.PROVED
    else:
        latest = session.scalars(
            select(BalanceProof.reason)
            .where(condition, BalanceProof.reason != ProofReason.DAY_NOT_OVER)
            .order_by(BalanceProof.day.desc())
            .limit(1)
        ).one_or_none()
        nothing = ProofReason.PENDING_BALANCE if is_pending_balance else ProofReason.NO_BALANCE
        account.proof_status = ProofStatus.UNKNOWN
        account.proof_reason = latest or nothing
    session.flush()


def list_proofs(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    start_date: date | None,
    end_date: date | None,
    page: int,
    per_page: int,
) -> Page[BalanceProof]:
    """Return what is told of an account's days, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param start_date: First day; ``None`` is any.
    :param end_date: Last day; ``None`` is any.
    :param page: Page, from 1.
    :param per_page: Days of a page.
    """
    condition = (BalanceProof.tenant_id == tenant_id) & (BalanceProof.account_id == account_id)
    if start_date is not None:
        condition &= BalanceProof.day >= start_date
    if end_date is not None:
        condition &= BalanceProof.day <= end_date
    total = session.execute(select(func.count()).select_from(BalanceProof).where(condition))
    rows = session.scalars(
        select(BalanceProof)
        .where(condition)
        .order_by(BalanceProof.day.desc(), BalanceProof.currency)
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total.scalar_one())


def list_nearby_rows(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    currency: str,
    *,
    first_day: date,
    last_day: date,
    limit: int,
) -> Sequence[NearbyRow]:
    """Return the rows of some days, whatever their status, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param currency: Currency of the rows.
    :param first_day: First day, by the booking date.
    :param last_day: Last day.
    :param limit: Rows to return at most.
    """
    rows = session.execute(
        select(
            Transaction.id,
            _BOOKED_ON,
            Transaction.amount,
            and_(
                Transaction.status == TransactionStatus.BOOKED,
                Transaction.missing_since.is_(None),
            ),
        )
        .where(
            Transaction.tenant_id == tenant_id,
            Transaction.account_id == account_id,
            Transaction.currency == currency,
            Transaction.transaction_date >= _before(first_day),
            _BOOKED_ON.between(first_day, last_day),
        )
        .order_by(_BOOKED_ON.desc(), Transaction.id)
        .limit(limit)
    )
    return [NearbyRow(*row) for row in rows]


def summarise_proofs(session: Session, tenant_id: UUID) -> Sequence[ProofTotals]:
    """Return how many of the tenant's accounts add up, and how long ago that was last known.

    Accounts that are not read, or were only offered, do not count.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the accounts.
    """
    rows = session.execute(
        select(Account.proof_status, func.count(), func.min(Account.proved_through))
        .where(
            Account.tenant_id == tenant_id,
            Account.is_sync_enabled.is_(True),
            Account.is_offered.is_(False),
        )
        .group_by(Account.proof_status)
    )
    return list(map(ProofTotals._make, rows))


def _before(day: date) -> date:
    """Return the first day to look at for rows that were booked on a day or later."""
    return day - _DAYS_APART if day - date.min > _DAYS_APART else date.min
