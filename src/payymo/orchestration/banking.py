"""Bank data: consents looked after, connections synced, payments matched, all through the queue."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import dagster as dg
from pydantic import Field
from sqlalchemy.orm import Session

from payymo.domain.enums import JobStatus, RunStatus, SyncTrigger
from payymo.domain.errors import InvalidInputError
from payymo.domain.ledger.coverage import assess
from payymo.orchestration.failing import failing_in_a_sentence
from payymo.orchestration.following import Order, Outcome, follow, follow_task
from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.tables import list_tenants, materialised, table_key, table_spec
from payymo.postgres.common.models import Connection
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.connections import list_due_connections
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.jobs.operations.jobs import list_waiting_jobs
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.doctor import STALE_AFTER

#: What is kept by people and by the API, and of which there is more to say than the model does.
_KEPT_TABLES: Final = (
    table_spec("gc_institutions", note="Asked for when banks are looked up, once a day at most."),
    table_spec("institutions", deps=["gc_institutions"]),
    table_spec("customers", note="Kept by people and their imports."),
    table_spec(
        "invoices", deps=["customers"], note="Kept by people and their imports; matchings settle."
    ),
    table_spec("transaction_splits", deps=["transactions"], note="Kept by people."),
)

CONSENT_TABLES: Final = (
    table_spec("gc_agreements"),
    table_spec("gc_requisition_links"),
    table_spec("connections", deps=["gc_requisition_links", "institutions"]),
    table_spec("consents", deps=["gc_agreements", "gc_requisition_links"]),
)

SYNCED_TABLES: Final = (
    table_spec("gc_fetches", deps=["connections", "consents"]),
    table_spec("gc_bank_accounts", deps=["connections", "consents"]),
    table_spec("gc_balances", deps=["gc_fetches"]),
    table_spec("gc_transactions", deps=["gc_fetches"]),
    table_spec("accounts", deps=["gc_bank_accounts"]),
    table_spec("account_quotas", deps=["gc_fetches"]),
    table_spec("balances", deps=["gc_balances", "accounts"]),
    table_spec("transactions", deps=["gc_transactions", "accounts"]),
    table_spec("transaction_changes", deps=["transactions"]),
    table_spec("coverage_spans", deps=["gc_fetches", "accounts"]),
    table_spec("balance_proofs", deps=["balances", "transactions", "coverage_spans"]),
    table_spec("sync_runs", deps=["connections"]),
    table_spec("sync_run_accounts", deps=["sync_runs", "accounts"]),
)

_MATCHED_FROM: Final = ("transactions", "invoices", "customers")
MATCHED_TABLES: Final = (
    table_spec("match_runs", deps=_MATCHED_FROM),
    table_spec("matches", deps=[*_MATCHED_FROM, "match_runs"]),
    table_spec("match_lines", deps=["matches"]),
    table_spec("allocations", deps=["matches"]),
    table_spec("adjustments", deps=["matches"]),
    table_spec("customer_credits", deps=["matches"]),
    table_spec("credit_uses", deps=["customer_credits"]),
)

SYNCED_CHECK: Final = dg.AssetCheckSpec(
    "every_connection_was_synced",
    asset=table_key("sync_runs"),
    description="Each connection that was to be synced was, with all of its accounts.",
)

#: Where a failed step says which tenants' work it was.
CONCERNED: Final = "concerned_tenants"

_MINUTES_MAX: Final = 24 * 60


class Waiting(dg.Config):
    """How long a run watches what the queue does for it."""

    minutes_max: Annotated[
        int,
        Field(
            ge=1,
            le=_MINUTES_MAX,
            description="How long to watch the jobs; the queue goes on with them after that.",
        ),
    ] = 60


class SyncConfig(Waiting):
    """Which connections a run syncs."""

    connections: Annotated[
        list[str],
        Field(
            description="Ids of the connections to sync, as a person asks for it: the call of the "
            "day that is kept for people may be used. All that can be read where none is named."
        ),
    ] = []  # noqa: RUF012  # Dagster's configuration is a Pydantic model, which copies it
    only_with_holes: Annotated[
        bool, Field(description="Only those of which days are unknown: a backfill of the history.")
    ] = False


@dg.multi_asset(specs=CONSENT_TABLES, can_subset=False)
def bank_consents(
    context: dg.AssetExecutionContext,
    config: Waiting,
    services: dg.ResourceParam[OrchestrationServices],
) -> Iterator[dg.MaterializeResult[None]]:
    """Consents in line with the calendar and with the provider; warnings of their end are told."""
    with failing_in_a_sentence():
        with services.sessions.begin() as session:
            queue_id = services.queue.queue_consent_check(session, now=services.clock())
        is_done = follow_task(
            services, queue_id, log=context.log.info, seconds_max=config.minutes_max * 60
        )
    if not is_done:
        raise dg.Failure(
            "The check of the consents failed: the worker's log says where.",
            metadata={"queue_id": queue_id},
        )
    yield from materialised(services, CONSENT_TABLES, {})


@dg.multi_asset(specs=SYNCED_TABLES, check_specs=[SYNCED_CHECK], can_subset=False)
def bank_data(
    context: dg.AssetExecutionContext,
    config: SyncConfig,
    services: dg.ResourceParam[OrchestrationServices],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Every connection brought up to date with its bank, in both layers, one job of the queue each.

    The queue's own jobs do it, so that a sync from here, one by the clock and one that a member
    asked for take the same path. A connection that fails leaves the others alone: a check tells
    which, and the run fails only where nothing could be synced at all.
    """
    with failing_in_a_sentence():
        orders = queue_syncs(services, config)
        context.log.info("%s connections to sync.", len(orders))
        outcomes = follow(
            services, orders, log=context.log.info, seconds_max=config.minutes_max * 60
        )
    failed = [outcome for outcome in outcomes if _is_incomplete(outcome)]
    if outcomes and all(outcome.is_failure for outcome in outcomes):
        raise dg.Failure(
            "No connection could be synced; each says why.",
            metadata={"connections": _as_table(outcomes), **concerning(outcomes)},
        )
    totals = Counter[str]()
    for outcome in outcomes:
        for name in ("pulled_count", "added_count", "updated_count"):
            totals[name] += outcome.result.get(name, 0)
    yield from materialised(
        services, SYNCED_TABLES, {"connections": _as_table(outcomes), **dict(totals)}
    )
    yield dg.AssetCheckResult(
        asset_key=SYNCED_CHECK.asset_key,
        check_name=SYNCED_CHECK.name,
        passed=not failed,
        metadata={
            "synced": len(outcomes) - len(failed),
            "failed": len(failed),
            "connections": _as_table(failed),
        },
    )


@dg.multi_asset(specs=MATCHED_TABLES, can_subset=False)
def matching(
    context: dg.AssetExecutionContext,
    config: Waiting,
    services: dg.ResourceParam[OrchestrationServices],
) -> Iterator[dg.MaterializeResult[None]]:
    """Payments and invoices put together, for each tenant: the proven applied, the rest asked."""
    with failing_in_a_sentence():
        outcomes = follow(
            services,
            queue_matches(services),
            log=context.log.info,
            seconds_max=config.minutes_max * 60,
        )
    failed = [outcome for outcome in outcomes if outcome.is_failure]
    if failed:
        raise dg.Failure(
            "A matching failed; each tenant's says why.",
            metadata={"tenants": _as_table(failed), **concerning(failed)},
        )
    totals = Counter[str]()
    for outcome in outcomes:
        for name in ("payment_count", "invoice_count", "applied_count", "suggested_count"):
            totals[name] += outcome.result.get(name, 0)
    yield from materialised(services, MATCHED_TABLES, dict(totals))


def list_external_tables(read: Iterable[str]) -> Sequence[dg.AssetSpec]:
    """Return the tables that no run brings about, so that the lineage is whole.

    :param read: Names of the tables that the warehouse reads.
    """
    known = {
        spec.key.path[-1]
        for spec in (*_KEPT_TABLES, *CONSENT_TABLES, *SYNCED_TABLES, *MATCHED_TABLES)
    }
    return [*_KEPT_TABLES, *(table_spec(name) for name in sorted(set(read) - known))]


def queue_syncs(services: OrchestrationServices, config: SyncConfig) -> Sequence[Order]:
    """Queue a sync of each connection that is meant; one that runs is only watched.

    :param services: What to work with.
    :param config: Which are meant.
    :raises InvalidInputError: If a connection is named that is not there, or cannot be read.
    """
    named = {_read_id(text) for text in config.connections}
    found: set[UUID] = set()
    orders: list[Order] = []
    for tenant_id in list_tenants(services):
        with tenant_transaction(services.sessions, tenant_id) as session:
            for connection in list_due_connections(session, tenant_id, now=services.clock()):
                if named and connection.id not in named:
                    continue
                found.add(connection.id)
                if config.only_with_holes and not _has_holes(session, connection, services):
                    continue
                orders.append(_queue_sync(session, connection, services, is_asked=bool(named)))
    if missing := named - found:
        raise InvalidInputError(
            f"These connections are not there or cannot be read: {', '.join(map(str, missing))}. "
            "`payymo connections list` shows which are."
        )
    return orders


def queue_matches(services: OrchestrationServices) -> Sequence[Order]:
    """Queue a matching for each tenant; one that waits already is the same.

    :param services: What to work with.
    """
    orders: list[Order] = []
    for tenant_id in list_tenants(services):
        with tenant_transaction(services.sessions, tenant_id) as session:
            job = services.queue.queue_match(session, tenant_id, requested_by=None)
        orders.append(Order(tenant_id, job.id, f"matching of tenant {tenant_id}"))
    return orders


def _queue_sync(
    session: Session, connection: Connection, services: OrchestrationServices, *, is_asked: bool
) -> Order:
    tenant_id = connection.tenant_id
    subject = f"connection {connection.id} ({connection.institution.name})"
    for job in list_waiting_jobs(session, tenant_id, connection.id):
        if job.status is JobStatus.RUNNING:
            return Order(tenant_id, job.id, subject)
    job = services.queue.queue_sync(
        session,
        tenant_id,
        connection.id,
        trigger=SyncTrigger.REQUEST if is_asked else SyncTrigger.SCHEDULE,
        requested_by=None,
    )
    return Order(tenant_id, job.id, subject)


def _has_holes(session: Session, connection: Connection, services: OrchestrationServices) -> bool:
    """Return whether days are unknown that the next daily sync is not there for."""
    today = services.clock().date()
    return any(
        hole.first_day < today - STALE_AFTER
        for account in list_connection_accounts(session, connection.tenant_id, connection.id)
        for hole in assess(list_coverage(session, account.tenant_id, account.id), today=today).holes
    )


def _read_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError(f"{text!r} is not the id of a connection.") from None


def concerning(outcomes: Iterable[Outcome]) -> Mapping[str, dg.JsonMetadataValue]:
    """Return what a failed step says of whose it is.

    :param outcomes: What came to nothing.
    """
    tenant_ids = sorted({str(outcome.order.tenant_id) for outcome in outcomes})
    return {CONCERNED: dg.MetadataValue.json(tenant_ids)}


def _is_incomplete(outcome: Outcome) -> bool:
    """Return whether a sync left anything of its connection out."""
    return outcome.is_failure or outcome.result.get("status") == RunStatus.PARTIAL.value


def _as_table(outcomes: Sequence[Outcome]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [dg.TableRecord(_describe(outcome)) for outcome in outcomes],
        schema=dg.TableSchema(
            [
                dg.TableColumn("subject"),
                dg.TableColumn("status"),
                dg.TableColumn("added", "int"),
                dg.TableColumn("updated", "int"),
                dg.TableColumn("message"),
            ]
        ),
    )


def _describe(outcome: Outcome) -> dict[str, Any]:
    result = outcome.result
    return {
        "subject": outcome.order.subject,
        "status": str(result.get("status", outcome.status.value)),
        "added": int(result.get("added_count", 0)),
        "updated": int(result.get("updated_count", 0)),
        "message": outcome.message or "",
    }
