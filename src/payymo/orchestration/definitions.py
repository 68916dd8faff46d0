"""Everything that Dagster is to know, put together."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg

from payymo.orchestration.automation import JOBS, SCHEDULES, SENSORS
from payymo.orchestration.banking import (
    bank_consents,
    bank_data,
    list_external_tables,
    matching,
)
from payymo.orchestration.checks import examination, identity_laws, warehouse_freshness
from payymo.orchestration.replaying import raw_replay
from payymo.orchestration.services import OpenServices, OrchestrationServices
from payymo.orchestration.warehouse import make_warehouse_assets, read_manifest


def make_definitions(manifest: Path, open_services: OpenServices) -> dg.Definitions:
    """Return assets, checks, jobs, schedules and sensors.

    :param manifest: dbt's manifest of the warehouse's models.
    :param open_services: Opens what they work with, for one run or one look at a time.
    """
    told = read_manifest(manifest)
    sources = [source["name"] for source in told["sources"].values()]

    @dg.resource(description="The installation: its database, its queue and its warehouse.")
    def services(_: dg.InitResourceContext) -> Iterator[OrchestrationServices]:
        with open_services() as opened:
            yield opened

    return dg.Definitions(
        assets=[
            *list_external_tables(sources),
            bank_consents,
            bank_data,
            matching,
            raw_replay,
            *make_warehouse_assets(told),
        ],
        asset_checks=[identity_laws, examination, warehouse_freshness],
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={"services": services},
        # Steps wait for the queue and for dbt, which are processes of their own.
        executor=dg.in_process_executor,
    )


def define_lazily(find_manifest: Callable[[], Path], open_services: OpenServices) -> object:
    """Return what Dagster looks for in a module; it is made when Dagster looks.

    :param find_manifest: Finds dbt's manifest, or has it made.
    :param open_services: As for :func:`make_definitions`.
    """

    @dg.definitions
    def definitions() -> dg.Definitions:
        return make_definitions(find_manifest(), open_services)

    return definitions
