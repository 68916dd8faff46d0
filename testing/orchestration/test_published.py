"""A run that was asked for by itself ends at once where what is published shows all there is."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import dagster as dg
from testing.orchestration.builds import add_build

from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.warehouse import make_warehouse_assets, read_manifest
from payymo.postgres.auth.operations.tenants import update_tenant
from payymo.postgres.tenancy import tenant_transaction


def build(manifest: Path, services: OrchestrationServices) -> dg.ExecuteInProcessResult:
    models, _ = make_warehouse_assets(read_manifest(manifest))
    return dg.materialize(
        [models],
        resources={"services": services},
        run_config={"ops": {"warehouse_models": {"config": {"unless_shown": True}}}},
        raise_on_error=False,
    )


def test_what_is_shown_is_not_built_again(
    manifest: Path, light_services: OrchestrationServices, tenant_id: UUID
) -> None:
    add_build(light_services, age=timedelta(minutes=5))

    result = build(manifest, light_services)

    assert result.success
    built = result.asset_materializations_for_node("warehouse_models")
    assert {each.metadata["build"].value for each in built} == {"build"}
    checks = result.get_asset_check_evaluations()
    assert checks
    assert all(check.passed for check in checks)


def test_what_is_not_shown_is_built(
    manifest: Path, light_services: OrchestrationServices, tenant_id: UUID
) -> None:
    """There is no database to build from here: that it is tried is what fails."""
    add_build(light_services, age=timedelta(minutes=5))
    with tenant_transaction(light_services.sessions, tenant_id) as session:
        update_tenant(session, tenant_id, actor_id=None, name="Renamed Ltd")

    result = build(manifest, light_services)

    assert not result.success
    assert not result.asset_materializations_for_node("warehouse_models")
