"""Checks pass over sound tables, and say what is wrong with others."""

from datetime import timedelta
from uuid import UUID

import dagster as dg
from testing.factories import add_account, add_transaction
from testing.orchestration.builds import add_build

from payymo.analytics.warehouse import BuildFailure
from payymo.orchestration.checks import (
    EXAMINED,
    IDENTITY_CHECKS,
    WAREHOUSE_AGE_MAX,
    examination,
    identity_laws,
    warehouse_freshness,
)
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.tenancy import tenant_transaction

NAMES = {spec.name for spec in (*IDENTITY_CHECKS, *EXAMINED.values())}


def evaluate(
    services: OrchestrationServices, *checks: dg.AssetChecksDefinition
) -> dict[str, dg.AssetCheckEvaluation]:
    """Run checks alone, and return how each came out."""
    job = dg.Definitions(
        asset_checks=checks,
        jobs=[dg.define_asset_job("checks", dg.AssetSelection.all_asset_checks())],
        resources={"services": services},
    ).resolve_job_def("checks")
    result = job.execute_in_process()
    return {each.check_name: each for each in result.get_asset_check_evaluations()}


class TestTables:
    def test_empty_tables_pass(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        found = evaluate(light_services, identity_laws, examination)

        assert found.keys() == NAMES
        assert all(each.passed for each in found.values())

    def test_a_row_without_a_payload_is_an_error_of_any_tenant(
        self, light_services: OrchestrationServices, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        rows = []
        for each in (tenant_id, other_tenant_id):
            with tenant_transaction(light_services.sessions, each) as session:
                rows.append(add_transaction(session, each, add_account(session, each)).id)

        found = evaluate(light_services, identity_laws)

        failed = {name: each for name, each in found.items() if not each.passed}
        assert failed.keys() == {"every_row_has_a_payload_that_speaks_of_it"}
        (broken,) = failed.values()
        assert broken.severity is dg.AssetCheckSeverity.ERROR
        assert broken.metadata["transactions"].value == 2
        assert set(broken.metadata["examples"].value) == {str(row) for row in rows}  # type: ignore[arg-type]  # a list

    def test_an_account_that_was_never_read_is_a_warning(
        self, light_services: OrchestrationServices, tenant_id: UUID
    ) -> None:
        with tenant_transaction(light_services.sessions, tenant_id) as session:
            account = add_account(session, tenant_id)

        found = evaluate(light_services, examination)

        assert {name for name, each in found.items() if not each.passed} == {
            # It has no balance, no known day, and no sync: the doctor's words for a new account.
            "balances_add_up",
            "no_days_are_unknown",
            "accounts_are_fresh",
        }
        fresh = found["accounts_are_fresh"]
        assert fresh.severity is dg.AssetCheckSeverity.WARN
        assert fresh.metadata["examples"].value == [str(account.id)]


class TestWarehouse:
    def test_nothing_is_not_fresh(self, light_services: OrchestrationServices) -> None:
        check = evaluate(light_services, warehouse_freshness)["warehouse_freshness"]

        assert (check.passed, check.description) == (False, "Nothing was built yet.")

    def test_a_build_is_fresh_for_a_day_and_two_hours(
        self, light_services: OrchestrationServices
    ) -> None:
        add_build(light_services, age=WAREHOUSE_AGE_MAX - timedelta(minutes=5))
        fresh = evaluate(light_services, warehouse_freshness)["warehouse_freshness"]

        assert fresh.passed

    def test_an_older_one_is_not(self, light_services: OrchestrationServices) -> None:
        add_build(light_services, age=WAREHOUSE_AGE_MAX + timedelta(minutes=5))

        check = evaluate(light_services, warehouse_freshness)["warehouse_freshness"]

        assert not check.passed

    def test_neither_is_one_after_which_a_build_failed(
        self, light_services: OrchestrationServices
    ) -> None:
        failure = BuildFailure(light_services.clock(), "It was not built.", ["a test: 1 row"])
        add_build(light_services, age=timedelta(), failure=failure)

        check = evaluate(light_services, warehouse_freshness)["warehouse_freshness"]

        assert (check.passed, check.description) == (False, "It was not built.")
        assert check.metadata["problems"].value == ["a test: 1 row"]
