"""The raw archive entered anew, connection by connection: what today's rules make of it."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Final
from uuid import UUID

import dagster as dg
from pydantic import Field

from payymo.domain.enums import ReplayVerdict
from payymo.domain.errors import NotFoundError
from payymo.orchestration.failing import failing_in_a_sentence
from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.tables import list_tenants, table_key
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.connections import get_connection, list_connections
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.replay import AccountReplay, replay

#: One partition for each connection, kept in step by a sensor: so that a replay of all of them is
#: a backfill, which shows for each whether it was done.
CONNECTIONS: Final = dg.DynamicPartitionsDefinition(name="bank_connections")

_CONNECTIONS_AT_A_TIME: Final = 100
_FINDINGS_SHOWN_MAX: Final = 50


class ReplayConfig(dg.Config):
    """What becomes of a replay's findings."""

    apply: Annotated[
        bool,
        Field(
            description="Bring the ledger in line with the archive; ids, edits and allocations "
            "stay. Without it nothing is written."
        ),
    ] = False


@dg.asset(
    key=["raw", "replay"],
    deps=[table_key("gc_transactions"), table_key("gc_fetches"), table_key("transactions")],
    partitions_def=CONNECTIONS,
    group_name="raw",
    kinds={"postgres"},
)
def raw_replay(
    context: dg.AssetExecutionContext,
    config: ReplayConfig,
    services: dg.ResourceParam[OrchestrationServices],
) -> dg.MaterializeResult[None]:
    """What a connection's raw archive comes to by today's rules, compared with its ledger."""
    connection_id = UUID(context.partition_key)
    with failing_in_a_sentence():
        tenant_id = find_owner(services, connection_id)
        with tenant_transaction(services.sessions, tenant_id) as session:
            accounts = [
                account.id
                for account in list_connection_accounts(session, tenant_id, connection_id)
            ]
        reports: list[AccountReplay] = []
        for done, account_id in enumerate(accounts, 1):
            reports += replay(
                services.sessions,
                tenant_id=tenant_id,
                account_id=account_id,
                apply=config.apply,
                clock=services.clock,
                progress=lambda _done, _total: None,
            )
            context.log.info("%s of %s accounts replayed.", done, len(accounts))
    return dg.MaterializeResult(metadata=_describe(reports, is_applied=config.apply))


def find_owner(services: OrchestrationServices, connection_id: UUID) -> UUID:
    """Return whose a connection is.

    :param services: What to work with.
    :param connection_id: The connection.
    :raises NotFoundError: If there is none of that id.
    """
    for tenant_id in list_tenants(services):
        try:
            with tenant_transaction(services.sessions, tenant_id) as session:
                get_connection(session, tenant_id, connection_id)
        except NotFoundError:
            continue
        return tenant_id
    raise NotFoundError("There is no such connection: it was ended with all its data.")


def list_partitions(services: OrchestrationServices) -> list[str]:
    """Return the ids of all tenants' connections, as partitions are named.

    :param services: What to work with.
    """
    found: list[str] = []
    for tenant_id in list_tenants(services):
        with tenant_transaction(services.sessions, tenant_id) as session:
            page = 1
            while rows := list_connections(
                session, tenant_id, page=page, per_page=_CONNECTIONS_AT_A_TIME
            ).rows:
                found += [str(connection.id) for connection in rows]
                page += 1
    return found


def _describe(
    reports: list[AccountReplay], *, is_applied: bool
) -> Mapping[str, int | bool | dg.TableMetadataValue]:
    counts = Counter[ReplayVerdict]()
    for report in reports:
        counts.update(report.counts)
    findings = (
        dg.TableRecord(
            {
                "account": str(report.account_id),
                "transaction": str(finding.transaction_id or ""),
                "verdict": finding.verdict.value,
            }
        )
        for report in reports
        for finding in report.findings
    )
    columns = [dg.TableColumn(name) for name in ("account", "transaction", "verdict")]
    return {
        "accounts": len(reports),
        "answers": sum(report.answer_count for report in reports),
        "raw_rows": sum(report.row_count for report in reports),
        **{verdict.value: counts[verdict] for verdict in ReplayVerdict},
        "is_applied": is_applied,
        "kept_back": sum(len(report.kept_back) for report in reports),
        "findings": dg.MetadataValue.table(
            list(islice(findings, _FINDINGS_SHOWN_MAX)), schema=dg.TableSchema(columns)
        ),
    }
