"""Successful answers of GoCardless about accounts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import Range
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
    request_id: str | None,
    now: datetime,
    is_overtaken: bool = False,
    balance_ids: Sequence[UUID] | None = None,
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
    :param request_id: By what name GoCardless can find the request again, where told.
    :param now: When the answer came (aware).
    :param is_overtaken: Whether a later answer was entered before this one.
    :param balance_ids: The balances that it said.
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
        request_id=request_id,
        is_overtaken=is_overtaken,
        balance_ids=None if balance_ids is None else list(balance_ids),
    )
    session.add(fetch)
    session.flush()
    return fetch.id


def list_request_ids(
    session: Session, tenant_id: UUID, sync_run_ids: Collection[UUID]
) -> Mapping[tuple[UUID, UUID], Mapping[AccessScope, str]]:
    """Return by what names GoCardless can find the requests again that some runs had answered.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param sync_run_ids: The runs.
    :returns: The names that are known, for each run and account by scope.
    """
    rows = session.execute(
        select(GcFetch.sync_run_id, GcFetch.account_id, GcFetch.scope, GcFetch.request_id)
        .where(
            GcFetch.tenant_id == tenant_id,
            GcFetch.sync_run_id.in_(sync_run_ids),
        )
        .order_by(GcFetch.fetched_at, GcFetch.id)
    )
    found: defaultdict[tuple[UUID, UUID], dict[AccessScope, str]] = defaultdict(dict)
    for sync_run_id, account_id, scope, request_id in rows:
        if request_id is not None:
            found[sync_run_id, account_id][scope] = request_id
    return found


class BalanceSightings(NamedTuple):
    """When answers that count said a balance."""

    balance_id: UUID
    first_at: datetime | None
    last_at: datetime | None


def list_balance_sightings(
    session: Session, tenant_id: UUID, sync_run_id: UUID, *, reverted: Collection[UUID]
) -> Sequence[BalanceSightings]:
    """Return when each balance that a run brought was said, by the answers that count.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the run.
    :param sync_run_id: The run.
    :param reverted: Runs whose answers count no more.
    """
    brought = (
        select(GcFetch.account_id, func.unnest(GcFetch.balance_ids).label("id"))
        .where(GcFetch.tenant_id == tenant_id, GcFetch.sync_run_id == sync_run_id)
        .distinct()
        .subquery()
    )
    counted = GcFetch.sync_run_id.not_in(reverted)
    rows = session.execute(
        select(
            brought.c.id,
            func.min(GcFetch.fetched_at).filter(counted),
            func.max(GcFetch.fetched_at).filter(counted),
        )
        .join(
            GcFetch,
            (GcFetch.tenant_id == tenant_id)
            & (GcFetch.account_id == brought.c.account_id)
            & (brought.c.id == GcFetch.balance_ids.any_()),
        )
        .group_by(brought.c.id)
    )
    return list(map(BalanceSightings._make, rows))


def record_positions(
    session: Session,
    tenant_id: UUID,
    fetch_id: UUID,
    positions: Iterable[int],
    *,
    position_max: int,
) -> None:
    """Note which raw rows an answer consists of, so that it can be read once more.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the answer.
    :param fetch_id: The answer.
    :param positions: Positions of its raw rows within their account.
    :param position_max: Position of the account's last raw row, the answer's own included.
    """
    session.execute(
        update(GcFetch)
        .where(GcFetch.tenant_id == tenant_id, GcFetch.id == fetch_id)
        .values(positions=_ranges(positions), position_max=position_max)
    )


def _ranges(positions: Iterable[int]) -> list[Range[int]]:
    """Return numbers as runs: an answer is mostly one stretch of an account's rows."""
    ranges: list[Range[int]] = []
    first = last = None
    for position in sorted(set(positions)):
        if last is not None and position == last + 1:
            last = position
            continue
        if first is not None and last is not None:
            ranges.append(Range(first, last + 1))
        first = last = position
    if first is not None and last is not None:
        ranges.append(Range(first, last + 1))
    return ranges
