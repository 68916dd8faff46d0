"""Background jobs as tenants see them; the queue's own tables are Procrastinate's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from payymo.domain.enums import JobKind, JobStatus
from payymo.postgres.core import Stamped, TenantRow, tenant_reference


class Job(Stamped, TenantRow):
    """A background job.

    :ivar queue_id: The queue's own number for it.
    :ivar progress_done: Units done, of ``progress_total``.
    :ivar result: What it did, for people.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        tenant_reference("connection_id", "connections", ondelete="CASCADE"),
        Index(None, "tenant_id", "status"),
        Index(None, "tenant_id", "connection_id"),
    )

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    kind: Mapped[JobKind]
    status: Mapped[JobStatus]
    connection_id: Mapped[UUID | None]
    queue_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    attempt_count: Mapped[int] = mapped_column(default=0)
    progress_done: Mapped[int] = mapped_column(default=0)
    progress_total: Mapped[int | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    result: Mapped[Mapping[str, Any] | None]
    requested_by: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
