"""How work is left for later, in the transaction that made it necessary."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import SyncTrigger
from payymo.postgres.jobs.models import Job


class JobQueue(Protocol):
    """Takes jobs for the workers.

    A job exists if and only if the caller's transaction is committed. When an equal one waits
    already, that one is returned and nothing is added: it cannot start before the caller's
    transaction ends, so it sees what the transaction wrote.
    """

    def queue_sync(
        self,
        session: Session,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        trigger: SyncTrigger,
        requested_by: UUID | None,
        not_before: datetime | None = None,
    ) -> Job:
        """Queue a sync of one connection.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant that owns the connection.
        :param connection_id: Connection to sync.
        :param trigger: Why.
        :param requested_by: User who asked for it; absent when Payymo did.
        :param not_before: When it may start (aware); ``None`` is at once.
        """

    def queue_match(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        """Queue a matching of the tenant's payments with its invoices.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant whose payments are matched.
        :param requested_by: User who asked for it; absent when Payymo did.
        """

    def queue_categorise(
        self, session: Session, tenant_id: UUID, *, requested_by: UUID | None
    ) -> Job:
        """Queue a decision on what all of a tenant's transactions are for.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant whose transactions are decided on.
        :param requested_by: User who asked for it; absent when Payymo did.
        """

    def queue_build(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        """Queue a build of the warehouse, which is one for all tenants.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant that asks for it.
        :param requested_by: User who asked for it; absent when Payymo did.
        """

    def queue_refresh(self, session: Session, *, now: datetime) -> None:
        """Have somebody look soon whether the warehouse shows what was written here.

        One such look waits at most, for all tenants together.

        :param session: Open session; the caller manages the transaction.
        :param now: The time (aware).
        """
