"""Checks of what the tables hold: identity, proof, coverage, freshness."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import dagster as dg

from payymo.analytics.warehouse import Warehouse
from payymo.domain.enums import CheckStatus
from payymo.orchestration.failing import failing_in_a_sentence
from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.tables import list_tenants, table_key
from payymo.orchestration.warehouse import PUBLISHED
from payymo.postgres.common.operations.laws import IDENTITY_LAWS, Breach, find_breaches
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.doctor import Check, examine_tenant

#: A build each night, and some time for it.
WAREHOUSE_AGE_MAX: Final = timedelta(hours=26)

_EXAMPLES_MAX: Final = 10

IDENTITY_CHECKS: Final = tuple(
    dg.AssetCheckSpec(
        law,
        asset=table_key("transactions"),
        description=f"{law.replace('_', ' ').capitalize()}.",
    )
    for law in IDENTITY_LAWS
)

#: What `payymo doctor` looks at, and the table that each of its checks is about.
EXAMINED: Final[Mapping[str, dg.AssetCheckSpec]] = {
    "proof": dg.AssetCheckSpec(
        "balances_add_up",
        asset=table_key("balance_proofs"),
        description="Opening balances and booked rows come to the closing ones, on every day.",
    ),
    "coverage": dg.AssetCheckSpec(
        "no_days_are_unknown",
        asset=table_key("coverage_spans"),
        description="No account has days between known ones of which nothing is known.",
    ),
    "rows": dg.AssetCheckSpec(
        "every_payload_was_understood",
        asset=table_key("gc_transactions"),
        description="Every row that a bank sent has become a transaction.",
    ),
    "freshness": dg.AssetCheckSpec(
        "accounts_are_fresh",
        asset=table_key("accounts"),
        description="Every account was read within the last two days, whoever asked for it.",
    ),
    "runs": dg.AssetCheckSpec(
        "every_sync_ended",
        asset=table_key("sync_runs"),
        description="No sync was left behind by a worker that is gone.",
    ),
    "matching": dg.AssetCheckSpec(
        "the_last_matching_succeeded",
        asset=table_key("match_runs"),
        description="No tenant's last matching failed.",
    ),
}


@dg.multi_asset_check(specs=IDENTITY_CHECKS)
def identity_laws(
    services: dg.ResourceParam[OrchestrationServices],
) -> Iterator[dg.AssetCheckResult]:
    """No transaction stands twice, and each has a payload that speaks of it."""
    breaches: dict[str, list[Breach]] = defaultdict(list)
    with failing_in_a_sentence():
        for tenant_id in list_tenants(services):
            with tenant_transaction(services.sessions, tenant_id) as session:
                found = find_breaches(session, tenant_id, examples_max=_EXAMPLES_MAX)
            for law, breach in found.items():
                breaches[law].append(breach)
    for spec in IDENTITY_CHECKS:
        count = sum(breach.count for breach in breaches[spec.name])
        examples = [str(each) for breach in breaches[spec.name] for each in breach.examples]
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=not count,
            metadata={"transactions": count, "examples": examples[:_EXAMPLES_MAX]},
        )


@dg.multi_asset_check(specs=[*EXAMINED.values()])
def examination(
    services: dg.ResourceParam[OrchestrationServices],
) -> Iterator[dg.AssetCheckResult]:
    """What `payymo doctor` finds: it tells of each account what to do, by its name."""
    found: dict[str, list[Check]] = defaultdict(list)
    with failing_in_a_sentence():
        for tenant_id in list_tenants(services):
            for check in examine_tenant(
                services.sessions,
                tenant_id=tenant_id,
                key_ring=services.key_ring,
                clock=services.clock,
            ):
                found[check.name].append(check)
    for name, spec in EXAMINED.items():
        yield _judge(spec, found[name])


def _judge(spec: dg.AssetCheckSpec, checks: list[Check]) -> dg.AssetCheckResult:
    """Return one verdict of several: an error where any failed, else a warning where any should."""
    troubled = [check for check in checks if check.status is not CheckStatus.OK]
    has_failed = any(check.status is CheckStatus.FAILED for check in troubled)
    return dg.AssetCheckResult(
        asset_key=spec.asset_key,
        check_name=spec.name,
        passed=not troubled,
        severity=dg.AssetCheckSeverity.ERROR if has_failed else dg.AssetCheckSeverity.WARN,
        description=None if not troubled else "`payymo doctor` says what to do.",
        metadata={
            "looked_at": len(checks),
            "troubled": len(troubled),
            "examples": [
                str(check.account_id or check.tenant_id) for check in troubled[:_EXAMPLES_MAX]
            ],
        },
    )


@dg.asset_check(
    asset=PUBLISHED,
    description="The latest build succeeded, and shows no moment from before yesterday.",
)
def warehouse_freshness(
    services: dg.ResourceParam[OrchestrationServices],
) -> dg.AssetCheckResult:
    """What is published is the latest build, and no older than a day and two hours."""
    warehouse = Warehouse(services.warehouse_dir)
    record, failure = warehouse.current(), warehouse.latest_failure()
    if record is None:
        return dg.AssetCheckResult(passed=False, description="Nothing was built yet.")
    age = services.clock() - record.as_of
    return dg.AssetCheckResult(
        passed=failure is None and age <= WAREHOUSE_AGE_MAX,
        description=None if failure is None else failure.message,
        metadata={
            "as_of": dg.MetadataValue.timestamp(record.as_of),
            "hours": age.total_seconds() / 3600,
            "problems": list(failure.problems) if failure else [],
        },
    )
