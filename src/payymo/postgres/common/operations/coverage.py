"""Which days of an account are known, and by which answers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import TransactionStatus
from payymo.domain.ledger.coverage import Claim, CoverageSpan, DayRange, merge
from payymo.postgres.common.models import CoverageRow, Transaction
from payymo.postgres.common.operations.consents import list_first_days


def list_coverage(session: Session, tenant_id: UUID, account_id: UUID) -> Sequence[CoverageSpan]:
    """Return what each answer made known of an account, the oldest answer first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    rows = session.scalars(
        select(CoverageRow)
        .where(
            CoverageRow.tenant_id == tenant_id,
            CoverageRow.account_id == account_id,
            CoverageRow.retracted_at.is_(None),
        )
        .order_by(CoverageRow.learnt_at, CoverageRow.id)
    ).all()
    first_days = list_first_days(session, tenant_id, {row.consent_id for row in rows})
    return [
        CoverageSpan(
            days=DayRange(row.first_day, row.last_day),
            asked_from=row.asked_from,
            due_from=max(row.asked_from or date.min, first_days[row.consent_id]),
            learnt_at=row.learnt_at,
            consent_id=row.consent_id,
            completeness=row.completeness,
            is_firm=row.is_firm,
        )
        for row in rows
    ]


def record_coverage(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    learnt: Claim,
    *,
    consent_id: UUID,
    sync_run_id: UUID,
    asked_from: date | None,
    now: datetime,
) -> None:
    """Note which days an answer made known.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that it is of.
    :param learnt: The days.
    :param consent_id: Under which consent it was given.
    :param sync_run_id: Run that asked.
    :param asked_from: First day asked for; ``None`` when all was.
    :param now: When the answer came (aware).
    """
    session.add(
        CoverageRow(
            tenant_id=tenant_id,
            account_id=account_id,
            consent_id=consent_id,
            sync_run_id=sync_run_id,
            asked_from=asked_from,
            first_day=learnt.days.first_day,
            last_day=learnt.days.last_day,
            completeness=learnt.completeness,
            is_firm=learnt.is_firm,
            learnt_at=now,
        )
    )
    session.flush()


def retract_coverage(
    session: Session, tenant_id: UUID, sync_run_id: UUID, *, now: datetime | None
) -> None:
    """Let what a run learnt count no more, or count again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: Run that is taken back.
    :param now: The time (aware); ``None`` lets it count again.
    """
    session.execute(
        update(CoverageRow)
        .where(CoverageRow.tenant_id == tenant_id, CoverageRow.sync_run_id == sync_run_id)
        .values(retracted_at=now)
        .execution_options(synchronize_session=False)
    )


def find_known_through(session: Session, tenant_id: UUID, account_id: UUID) -> date | None:
    """Return the last day of an account that is known; ``None`` without one.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    known = merge(span.days for span in list_coverage(session, tenant_id, account_id))
    return known[-1].last_day if known else None


def has_booked_rows(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    since: date | None,
    before: date | None = None,
) -> bool:
    """Return whether booked rows of some days are known.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param since: First day; ``None`` is any.
    :param before: The day after the last; ``None`` is any.
    """
    condition = (
        (Transaction.tenant_id == tenant_id)
        & (Transaction.account_id == account_id)
        & (Transaction.status == TransactionStatus.BOOKED)
    )
    if since is not None:
        condition &= Transaction.transaction_date >= since
    if before is not None:
        condition &= Transaction.transaction_date < before
    return bool(session.scalar(select(exists().where(condition))))


def has_rows_lost(
    session: Session, tenant_id: UUID, account_id: UUID, *, after: date, until: datetime
) -> bool:
    """Return whether booked rows are known of some days, and were not missing before.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param after: The day before the first.
    :param until: A time (aware) of the last day, before which they were not missing.
    """
    condition = (
        (Transaction.tenant_id == tenant_id)
        & (Transaction.account_id == account_id)
        & (Transaction.status == TransactionStatus.BOOKED)
        & Transaction.transaction_date.between(after + timedelta(days=1), until.date())
        & (Transaction.missing_since.is_(None) | (Transaction.missing_since >= until))
    )
    return bool(session.scalar(select(exists().where(condition))))


def find_last_row_day(
    session: Session, tenant_id: UUID, account_id: UUID, *, before: date
) -> date | None:
    """Return the day of the last booked row before some day that the bank still has.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param before: The day.
    """
    return session.scalar(
        select(func.max(Transaction.transaction_date)).where(
            Transaction.tenant_id == tenant_id,
            Transaction.account_id == account_id,
            Transaction.status == TransactionStatus.BOOKED,
            Transaction.missing_since.is_(None),
            Transaction.transaction_date < before,
        )
    )
