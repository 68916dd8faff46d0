"""Builds of the warehouse that nobody built."""

from datetime import timedelta

from payymo.analytics.warehouse import BuildFailure, BuildRecord, Warehouse
from payymo.domain.enums import BuildKind
from payymo.orchestration.services import OrchestrationServices


def add_build(
    services: OrchestrationServices, *, age: timedelta, failure: BuildFailure | None = None
) -> None:
    moment = services.clock() - age
    record = BuildRecord(
        id="build",
        kind=BuildKind.FULL,
        started_at=moment,
        finished_at=moment,
        as_of=moment,
        source="test",
        horizon=1,
        fingerprint="test",
        model_count=1,
        test_count=1,
    )
    warehouse = Warehouse(services.warehouse_dir)
    with warehouse.building(lambda: None):
        warehouse.publish(warehouse.draft(None), record)
    if failure is not None:
        warehouse.note_failure(failure)
