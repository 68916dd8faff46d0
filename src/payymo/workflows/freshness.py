"""Whether the warehouse shows what there is, and when it is to be built again."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session, sessionmaker

from payymo.analytics.warehouse import BuildRecord, Warehouse
from payymo.postgres.auth.operations.audit import find_last_edit
from payymo.postgres.common.operations.sync_runs import find_last_news
from payymo.postgres.fx.operations.rates import find_last_rates
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.reconciliation.operations.match_runs import find_last_finding
from payymo.postgres.tenancy import tenant_transaction

#: What fails once fails again until somebody has looked at it.
_PAUSE_AFTER_FAILURE: Final = timedelta(hours=1)
#: What was noted so shortly before the moment that the warehouse shows may have been committed
#: after it.
_COMMIT_MAX: Final = timedelta(minutes=1)


def is_build_due(
    sessions: sessionmaker[Session], warehouse: Warehouse, *, pause: timedelta, now: datetime
) -> bool:
    """Return whether the warehouse is to be built by itself now.

    :param sessions: Opener of transactions.
    :param warehouse: Where the warehouse lies.
    :param pause: Between the moments that two builds show.
    :param now: The time (aware).
    """
    due_at = find_due(sessions, warehouse, pause=pause, now=now)
    return due_at is not None and due_at <= now


def find_due(
    sessions: sessionmaker[Session], warehouse: Warehouse, *, pause: timedelta, now: datetime
) -> datetime | None:
    """Return when the warehouse is to be built (aware); ``None`` where it shows all that it should.

    It does not where anything was brought, found or edited since, and where the day is another.
    Between two builds lies a pause, and after one that failed a longer one.

    :param sessions: Opener of transactions.
    :param warehouse: Where the warehouse lies.
    :param pause: Between the moments that two builds show.
    :param now: The time (aware).
    """
    failure, record = warehouse.latest_failure(), warehouse.current()
    due_at = now
    if failure is not None:
        due_at = max(due_at, failure.failed_at + max(pause, _PAUSE_AFTER_FAILURE))
    if record is None:
        return due_at
    is_another_day = record.as_of.astimezone(UTC).date() < now.astimezone(UTC).date()
    if not is_another_day and is_shown(find_last_change(sessions), record):
        return None
    return max(due_at, record.as_of + pause)


def is_shown(changed_at: datetime | None, record: BuildRecord | None) -> bool:
    """Return whether a build shows what was noted as changed at some moment.

    :param changed_at: When (aware); ``None`` if nothing ever changed.
    :param record: The build; ``None`` before the first.
    """
    return changed_at is None or (record is not None and changed_at <= record.as_of - _COMMIT_MAX)


def find_last_change(sessions: sessionmaker[Session]) -> datetime | None:
    """Return when anything last changed that the warehouse shows (aware); ``None`` if never.

    That is: a sync brought something or failed, a matching found something, somebody edited
    something of a tenant, or exchange rates came.

    :param sessions: Opener of transactions.
    """
    with sessions.begin() as session:
        tenant_ids = list_tenant_ids(session)
        moments = [find_last_rates(session)]
    for tenant_id in tenant_ids:
        with tenant_transaction(sessions, tenant_id) as session:
            moments += [
                find_last_news(session, tenant_id),
                find_last_finding(session, tenant_id),
                find_last_edit(session, tenant_id),
            ]
    return max((moment for moment in moments if moment is not None), default=None)
