"""Runs of the pipeline that failed, told to those whose figures they would have brought."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.domain.enums import EventKind, EventSubject
from payymo.postgres.common.operations.events import record_event
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.tenancy import tenant_transaction


def tell_of_failed_run(
    sessions: sessionmaker[Session],
    run_id: UUID,
    *,
    job: str,
    steps: Sequence[str],
    clock: Clock,
) -> None:
    """Tell every tenant, once, that a run of the pipeline failed.

    :param sessions: Opener of transactions.
    :param run_id: The run.
    :param job: What was run.
    :param steps: Which steps of it failed.
    :param clock: Tells the time (aware).
    """
    with sessions.begin() as session:
        tenant_ids = list_tenant_ids(session)
    for tenant_id in tenant_ids:
        with tenant_transaction(sessions, tenant_id) as session:
            record_event(
                session,
                tenant_id,
                EventKind.PIPELINE_RUN_FAILED,
                subject=(EventSubject.PIPELINE_RUN, run_id),
                key="failed",
                payload={"job": job, "failed_steps": list(steps)},
                now=clock(),
            )
