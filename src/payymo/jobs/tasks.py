"""The tasks behind jobs: each is glue around one workflow."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from procrastinate import App
from procrastinate.job_context import JobContext

from payymo.domain.enums import JobKind, RunStatus, SyncTrigger
from payymo.domain.errors import ConfigurationError
from payymo.jobs.app import Order
from payymo.jobs.attempts import UNNOTED, Attempt
from payymo.jobs.outcomes import Failure, Try
from payymo.jobs.services import WorkerServices
from payymo.postgres.jobs.operations.jobs import get_job
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.categorise import categorise_all
from payymo.workflows.reconcile import reconcile
from payymo.workflows.sync import sync_connection


def add_tasks(app: App, services: WorkerServices) -> None:
    """Let a worker do what jobs ask for.

    :param app: The worker's queue.
    :param services: What to work with.
    """

    @app.task(name=JobKind.SYNC.value, pass_context=True, retry=UNNOTED)
    def sync(context: JobContext, /, **_: str) -> None:
        _attempt(services, context).run(_sync)

    @app.task(name=JobKind.MATCH.value, pass_context=True, retry=UNNOTED)
    def match(context: JobContext, /, **_: str) -> None:
        _attempt(services, context).run(_match)

    @app.task(name=JobKind.CATEGORISE.value, pass_context=True, retry=UNNOTED)
    def categorise(context: JobContext, /, **_: str) -> None:
        _attempt(services, context).run(_categorise)

    @app.task(name=JobKind.BUILD.value, pass_context=True, retry=UNNOTED)
    def build_warehouse(context: JobContext, /, **_: str) -> None:
        _attempt(services, context).run(build)


def _attempt(services: WorkerServices, context: JobContext) -> Attempt:
    arguments = context.job.task_kwargs
    if context.job.id is None:
        raise TypeError("a job that was fetched has a number")
    this = Try(
        order=Order.read(context.job.task_name, arguments),
        job_id=UUID(str(arguments["job_id"])),
        queue_id=context.job.id,
    )
    return Attempt(services=services, this=this, is_stopping=context.should_abort)


def _sync(attempt: Attempt) -> Mapping[str, Any] | Failure:
    arguments = attempt.this.order.arguments
    report = sync_connection(
        attempt.services.sessions,
        attempt.services.providers,
        attempt.services.queue,
        tenant_id=attempt.this.tenant_id,
        connection_id=UUID(arguments["connection_id"]),
        trigger=SyncTrigger(arguments["trigger"]),
        clock=attempt.services.clock,
        job_id=attempt.this.job_id,
        progress=attempt.report,
    )
    result = {
        "sync_run_id": str(report.sync_run_id),
        "status": report.status.value,
        "account_count": len(report.accounts),
        "pulled_count": report.pulled_count,
        "added_count": report.added_count,
        "updated_count": report.updated_count,
    }
    if report.status is RunStatus.FAILED:
        return Failure(
            code=report.error_code or "sync_failed",
            message=report.error_message or "No account could be synced.",
            result=result,
        )
    return result


def _match(attempt: Attempt) -> Mapping[str, Any]:
    services = attempt.services
    report = reconcile(
        services.sessions,
        attempt.this.tenant_id,
        clock=services.clock,
        job_id=attempt.this.job_id,
        progress=attempt.report,
    )
    return {**asdict(report), "match_run_id": str(report.match_run_id)}


def _categorise(attempt: Attempt) -> Mapping[str, Any]:
    services = attempt.services
    return asdict(
        categorise_all(
            services.sessions,
            attempt.this.tenant_id,
            clock=services.clock,
            progress=attempt.report,
        )
    )


def build(attempt: Attempt) -> Mapping[str, Any]:
    """Bring the warehouse up to date, unless a build since the job was queued has done so.

    :param attempt: The try that this is.
    :raises ConfigurationError: If this worker builds no warehouse.
    """
    services, tenant_id = attempt.services, attempt.this.tenant_id
    if services.builder is None:
        raise ConfigurationError("This worker builds no warehouse: run `payymo analytics build`.")
    with tenant_transaction(services.sessions, tenant_id) as session:
        asked_at = get_job(session, tenant_id, attempt.this.job_id).created_at
    warehouse = services.builder.warehouse

    def is_wanted() -> bool:
        published = warehouse.current()
        return published is None or published.as_of <= asked_at

    record = warehouse.current()
    if record is None or is_wanted():
        record = services.builder.build(
            lambda done, total, _: attempt.report(done, total), is_wanted=is_wanted
        )
    return {
        "build_id": record.id,
        "kind": record.kind.value,
        "as_of": record.as_of.isoformat().replace("+00:00", "Z"),
        "model_count": record.model_count,
        "test_count": record.test_count,
    }
