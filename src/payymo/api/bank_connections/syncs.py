"""Asking for a sync: refused where it could bring nothing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import SyncTrigger
from payymo.postgres.jobs.models import Job
from payymo.workflows.permits import Waiting, check_refresh
from payymo.workflows.queue import JobQueue


def request_sync(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    queue: JobQueue,
    requested_by: UUID,
    now: datetime,
) -> tuple[Job, Sequence[Waiting]]:
    """Queue a sync that a member asks for; return its job, and the accounts that it leaves out.

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
    waiting = check_refresh(session, tenant_id, connection_id, now=now)
    job = queue.queue_sync(
        session, tenant_id, connection_id, trigger=SyncTrigger.REQUEST, requested_by=requested_by
    )
    return job, waiting
