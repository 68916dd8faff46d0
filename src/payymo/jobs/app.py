"""The queue: jobs are left in the transaction that made them necessary."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy.orm import Session

from payymo.domain.enums import JobKind, SyncTrigger
from payymo.domain.errors import ConflictError
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import create_job, find_job_by_queue_id, requeue_job
from payymo.postgres.jobs.operations.queue import bring_forward, change_argument, hold_waiting

#: Tasks of the schedule stand in a line of their own, apart from tenants' jobs.
SCHEDULE_QUEUE: Final = "schedule"
#: The task of the schedule that looks after consents.
CONSENT_CHECK: Final = "consent_check"

#: The task of the schedule that builds the warehouse where it shows less than it should.
WAREHOUSE_BUILD: Final = "warehouse_build"
#: So long after the first of some edits the warehouse is built: those that follow are in it.
REFRESH_AFTER: Final = timedelta(minutes=2)

#: How often a job is offered to the queue while an equal one comes and goes.
_OFFERS_MAX: Final = 3

#: Which triggers of a waiting job give way to one that asks for more: a person may use the call
#: that is kept for people, and a new consent reads all anew.
_GIVES_WAY_TO: Final = {
    SyncTrigger.REQUEST: (SyncTrigger.SCHEDULE.value,),
    SyncTrigger.FIRST: (SyncTrigger.SCHEDULE.value, SyncTrigger.REQUEST.value),
    SyncTrigger.RENEWAL: (SyncTrigger.SCHEDULE.value, SyncTrigger.REQUEST.value),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, for whom, and what must not be done at the same time.

    :ivar lock: Of the orders with one lock, one runs and one waits at most.
    :ivar arguments: What the task needs to know besides the tenant and the job.
    """

    kind: JobKind
    tenant_id: UUID
    lock: str
    arguments: Mapping[str, str]

    @classmethod
    def sync(cls, tenant_id: UUID, connection_id: UUID, trigger: SyncTrigger) -> "Order":
        """Return the order to sync a connection.

        :param tenant_id: Tenant that owns it.
        :param connection_id: Connection to sync.
        :param trigger: Why.
        """
        return cls(
            kind=JobKind.SYNC,
            tenant_id=tenant_id,
            lock=f"connection:{connection_id}",
            arguments={"connection_id": str(connection_id), "trigger": trigger.value},
        )

    @classmethod
    def match(cls, tenant_id: UUID) -> "Order":
        """Return the order to match a tenant's payments.

        :param tenant_id: Tenant whose payments are matched.
        """
        return cls(kind=JobKind.MATCH, tenant_id=tenant_id, lock=f"match:{tenant_id}", arguments={})

    @classmethod
    def categorise(cls, tenant_id: UUID) -> "Order":
        """Return the order to decide anew what a tenant's transactions are for.

        :param tenant_id: Tenant whose transactions are decided on.
        """
        lock = f"categorise:{tenant_id}"
        return cls(kind=JobKind.CATEGORISE, tenant_id=tenant_id, lock=lock, arguments={})

    @classmethod
    def build(cls, tenant_id: UUID) -> "Order":
        """Return the order to bring the warehouse up to date.

        :param tenant_id: Tenant that asked for it.
        """
        return cls(kind=JobKind.BUILD, tenant_id=tenant_id, lock=f"build:{tenant_id}", arguments={})

    @classmethod
    def read(cls, name: str, arguments: Mapping[str, Any]) -> "Order":
        """Return what a row of the queue asks for.

        :param name: Name of its task: a kind of job.
        :param arguments: What the task was told.
        """
        tenant_id = UUID(arguments["tenant_id"])
        if JobKind(name) is JobKind.MATCH:
            return cls.match(tenant_id)
        if JobKind(name) is JobKind.CATEGORISE:
            return cls.categorise(tenant_id)
        if JobKind(name) is JobKind.BUILD:
            return cls.build(tenant_id)
        connection_id = UUID(arguments["connection_id"])
        return cls.sync(tenant_id, connection_id, SyncTrigger(arguments["trigger"]))


class PostgresJobQueue:
    """Takes jobs, in the caller's own transaction; see :class:`payymo.workflows.queue.JobQueue`."""

    def __init__(self) -> None:
        # Never opened: it only ever speaks through its callers' connections.
        self._app = App(connector=SyncPsycopgConnector())

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
        """Queue a sync of one connection, and return its job.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant that owns the connection.
        :param connection_id: Connection to sync.
        :param trigger: Why.
        :param requested_by: User who asked for it; absent when Payymo did.
        :param not_before: When it may start (aware); ``None`` is at once.
        """
        order = Order.sync(tenant_id, connection_id, trigger)
        waiting = self._find_waiting(session, order)
        if waiting is not None and waiting.queue_id is not None:
            bring_forward(session, waiting.queue_id, not_before=not_before)
            change_argument(
                session,
                waiting.queue_id,
                "trigger",
                trigger.value,
                instead_of=_GIVES_WAY_TO.get(trigger, ()),
            )
        return waiting or self._add(
            session,
            order,
            connection_id=connection_id,
            requested_by=requested_by,
            not_before=not_before,
        )

    def queue_match(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        """Queue a matching of the tenant's payments with its invoices, and return its job.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant whose payments are matched.
        :param requested_by: User who asked for it; absent when Payymo did.
        """
        order = Order.match(tenant_id)
        waiting = self._find_waiting(session, order)
        if waiting is not None and waiting.requested_by is None:
            # What a person asks for is done in full.
            waiting.requested_by = requested_by
        return waiting or self._add(
            session, order, connection_id=None, requested_by=requested_by, not_before=None
        )

    def queue_consent_check(self, session: Session, *, now: datetime) -> int:
        """Queue what the schedule does hourly with consents, and return its number in the queue.

        :param session: Open session; the caller manages the transaction.
        :param now: The time (aware).
        """
        return self._app.configure_task(
            CONSENT_CHECK,
            queue=SCHEDULE_QUEUE,
            connection=session.connection().connection.driver_connection,
        ).defer(timestamp=int(now.timestamp()))

    def queue_categorise(
        self, session: Session, tenant_id: UUID, *, requested_by: UUID | None
    ) -> Job:
        """Queue a decision on what all of a tenant's transactions are for, and return its job.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant whose transactions are decided on.
        :param requested_by: User who asked for it; absent when Payymo did.
        """
        order = Order.categorise(tenant_id)
        return self._find_waiting(session, order) or self._add(
            session, order, connection_id=None, requested_by=requested_by, not_before=None
        )

    def queue_build(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        """Queue a build of the warehouse, and return its job.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant that asks for it.
        :param requested_by: User who asked for it; absent when Payymo did.
        """
        order = Order.build(tenant_id)
        return self._find_waiting(session, order) or self._add(
            session, order, connection_id=None, requested_by=requested_by, not_before=None
        )

    def queue_refresh(
        self, session: Session, *, now: datetime, not_before: datetime | None = None
    ) -> None:
        """Have it looked soon whether the warehouse shows what was written.

        One such look waits at most; the one that waits comes no earlier and no later. It does not
        start before the caller's transaction ends.

        :param session: Open session; the caller manages the transaction.
        :param now: The time (aware).
        :param not_before: When it may start (aware); a little after now where absent.
        """
        for _ in range(_OFFERS_MAX):
            if hold_waiting(session, WAREHOUSE_BUILD) is not None:
                return
            try:
                with session.begin_nested():
                    self._app.configure_task(
                        WAREHOUSE_BUILD,
                        queue=SCHEDULE_QUEUE,
                        lock=WAREHOUSE_BUILD,
                        queueing_lock=WAREHOUSE_BUILD,
                        schedule_at=not_before or now + REFRESH_AFTER,
                        connection=session.connection().connection.driver_connection,
                    ).defer(timestamp=int(now.timestamp()))
            except AlreadyEnqueued:
                continue  # somebody else did so meanwhile, and it may have begun
            return

    def requeue(
        self,
        session: Session,
        order: Order,
        job_id: UUID,
        *,
        not_before: datetime | None,
        error_code: str,
        error_message: str,
    ) -> bool:
        """Queue another try of a job, and return whether it waits now.

        It does not when an equal job waits already, which then does the work, and no later.

        :param session: Open session; the caller manages the transaction.
        :param order: What the job does.
        :param job_id: The job.
        :param not_before: When it may start (aware); ``None`` is at once.
        :param error_code: Why the last try did not succeed, for programs.
        :param error_message: Why the last try did not succeed, in a sentence.
        """
        try:
            with session.begin_nested():
                queue_id = self._defer(session, order, job_id, not_before=not_before)
        except AlreadyEnqueued:
            waiting = hold_waiting(session, order.lock)
            if waiting is not None and not_before is None:
                bring_forward(session, waiting)
            return False
        requeue_job(
            session,
            order.tenant_id,
            job_id,
            queue_id=queue_id,
            error_code=error_code,
            error_message=error_message,
        )
        return True

    def _find_waiting(self, session: Session, order: Order) -> Job | None:
        queue_id = hold_waiting(session, order.lock)
        if queue_id is None:
            return None
        return find_job_by_queue_id(session, order.tenant_id, queue_id)

    def _add(
        self,
        session: Session,
        order: Order,
        *,
        connection_id: UUID | None,
        requested_by: UUID | None,
        not_before: datetime | None,
    ) -> Job:
        for _ in range(_OFFERS_MAX):
            try:
                with session.begin_nested():
                    job = create_job(
                        session,
                        order.tenant_id,
                        kind=order.kind,
                        connection_id=connection_id,
                        requested_by=requested_by,
                    )
                    job.queue_id = self._defer(session, order, job.id, not_before=not_before)
                    return job
            except AlreadyEnqueued:
                # Somebody else queued an equal one and committed meanwhile.
                waiting = self._find_waiting(session, order)
                if waiting is not None:
                    return waiting
        raise ConflictError("Equal jobs are being queued and started: try again.")

    def _defer(
        self, session: Session, order: Order, job_id: UUID, *, not_before: datetime | None
    ) -> int:
        """Add a row to the queue, and return its number.

        :raises AlreadyEnqueued: If a row with the same lock waits: the transaction is then broken
            back to the last savepoint.
        """
        return self._app.configure_task(
            order.kind.value,
            connection=session.connection().connection.driver_connection,
            lock=order.lock,
            queueing_lock=order.lock,
            schedule_at=not_before,
        ).defer(tenant_id=str(order.tenant_id), job_id=str(job_id), **order.arguments)
