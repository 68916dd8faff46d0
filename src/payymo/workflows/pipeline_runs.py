"""Runs of the pipeline that failed, told to those whose figures they would have brought."""

from collections.abc import Collection, Sequence
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
    tenant_ids: Collection[UUID],
    job: str,
    steps: Sequence[str],
    clock: Clock,
) -> None:
    """Tell tenants, once, that a run of the pipeline failed which did their work.

    :param sessions: Opener of transactions.
    :param run_id: The run.
    :param tenant_ids: Whose work failed in it; who is gone by now is left out.
    :param job: What was run.
    :param steps: Which steps of it failed.
    :param clock: Tells the time (aware).
    """
    with sessions.begin() as session:
        present = list_tenant_ids(session)
    for tenant_id in sorted(set(tenant_ids).intersection(present)):
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
