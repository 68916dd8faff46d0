"""Successful answers of GoCardless about accounts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payymo.domain.enums import AccessScope
from payymo.postgres.gocardless.models import GcFetch


def record_fetch(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    sync_run_id: UUID,
    *,
    scope: AccessScope,
    since: date | None,
    row_count: int,
    last_updated: str | None,
    now: datetime,
) -> UUID:
    """Note that an answer came, and return the id of the note.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that was asked about.
    :param sync_run_id: Run in which it was.
    :param scope: What was asked.
    :param since: First day asked for; ``None`` when all was.
    :param row_count: Rows in the answer, whether new or known.
    :param last_updated: When GoCardless last asked the bank, as written.
    :param now: When the answer came (aware).
    """
    fetch = GcFetch(
        tenant_id=tenant_id,
        account_id=account_id,
        sync_run_id=sync_run_id,
        scope=scope,
        fetched_at=now,
        since=since,
        until=None,
        row_count=row_count,
        last_updated=last_updated,
    )
    session.add(fetch)
    session.flush()
    return fetch.id


def find_last_look_back(
    session: Session, tenant_id: UUID, account_id: UUID, *, days_min: int
) -> datetime | None:
    """Return when an account's transactions were last asked for from that many days back.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param days_min: From how many days back at least; asking for all counts.
    :returns: The time (aware); ``None`` where it never was.
    """
    asked_on = func.date(func.timezone("UTC", GcFetch.fetched_at))
    return session.scalar(
        select(func.max(GcFetch.fetched_at)).where(
            GcFetch.tenant_id == tenant_id,
            GcFetch.account_id == account_id,
            GcFetch.scope == AccessScope.TRANSACTIONS,
            or_(GcFetch.since.is_(None), GcFetch.since <= asked_on - days_min),
        )
    )
