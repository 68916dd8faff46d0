"""Asking for a sync: refused where it could bring nothing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.consents import READABLE
from payymo.domain.enums import AccessScope, SyncTrigger
from payymo.domain.errors import ProviderQuotaError, RuleError
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.common.operations.quotas import list_exhausted_scopes
from payymo.postgres.jobs.models import Job
from payymo.workflows.queue import JobQueue


def request_sync(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    queue: JobQueue,
    requested_by: UUID,
    now: datetime,
) -> Job:
    """Queue a sync that a member asks for, and return its job.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own the connection.
    :param connection_id: Connection to sync.
    :param queue: Takes the job.
    :param requested_by: User who asks.
    :param now: Present moment.
    :raises NotFoundError: If the tenant has no such connection.
    :raises RuleError: If no consent opens the connection now.
    :raises ProviderQuotaError: If no account of it may be read before some time.
    """
    connection = get_connection(session, tenant_id, connection_id)
    has_ended = connection.expires_at is not None and connection.expires_at <= now
    if connection.status not in READABLE or has_ended:
        raise RuleError(
            "The connection is not active: finish or renew its consent first.",
            code="connection_not_active",
        )
    _check_quota(session, tenant_id, connection_id, now)
    return queue.queue_sync(
        session, tenant_id, connection_id, trigger=SyncTrigger.REQUEST, requested_by=requested_by
    )


def _check_quota(session: Session, tenant_id: UUID, connection_id: UUID, now: datetime) -> None:
    accounts = list_connection_accounts(session, tenant_id, connection_id)
    resets = [
        list_exhausted_scopes(
            session, tenant_id, account.id, trigger=SyncTrigger.REQUEST, now=now
        ).get(AccessScope.TRANSACTIONS)
        for account in accounts
        if account.is_sync_enabled
    ]
    waits = [reset for reset in resets if reset is not None]
    if waits and len(waits) == len(resets):
        raise ProviderQuotaError(
            "The bank allows no more calls for any account of this connection for now: wait as "
            "long as Retry-After says.",
            retry_at=min(waits),
        )
