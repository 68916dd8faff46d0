"""The whole graph, for real: PostgreSQL, a worker, a sandbox over HTTP, dbt and DuckDB."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal

import dagster as dg
import pytest
from sqlalchemy import create_engine, func, make_url, select, text
from testing.factories import add_invoice
from testing.sandbox_house import SandboxHouse

from payymo.analytics.warehouse import Warehouse
from payymo.jobs.services import WorkerServices
from payymo.jobs.worker import Timing, run_worker
from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.tables import table_key
from payymo.postgres.common.models import Transaction
from payymo.postgres.embedded import SUPERUSER_ROLE

REPLAY = dg.AssetKey(["raw", "replay"])
MART = dg.AssetKey(["mart", "fct_transactions"])
LAYERS = {"source", "staging", "intermediate", "mart", "warehouse"}
VIEW = dg.AssetKey(["staging", "stg_transactions"])


@pytest.fixture
def worker(database: str, house: SandboxHouse) -> Iterator[None]:
    """A worker that works meanwhile, in a thread."""
    services = WorkerServices(sessions=house.sessions, providers=house, clock=house.clock)
    stop = threading.Event()
    thread = threading.Thread(
        target=run_worker,
        args=(database, services),
        kwargs={"concurrency": 2, "stop": stop, "timing": Timing(polling=0.3)},
        daemon=True,
    )
    thread.start()
    yield
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()


@contextmanager
def falsified(url: str) -> Iterator[None]:
    """Let a payment claim within the block that some of it has a place, which it has not."""
    mighty = create_engine(make_url(url).set(username=SUPERUSER_ROLE))
    change = (
        "SET LOCAL session_replication_role = replica;"
        "UPDATE transactions SET allocated = allocated {} 0.01, updated_at = now() WHERE id = "
        "(SELECT min(id::text)::uuid FROM transactions WHERE status = 'booked' AND amount > 1)"
    )
    with mighty.begin() as connection:
        connection.execute(text(change.format("+")))
    try:
        yield
    finally:
        with mighty.begin() as connection:
            connection.execute(text(change.format("-")))
        mighty.dispose()


def row_counts(result: dg.ExecuteInProcessResult) -> Mapping[dg.AssetKey, object]:
    """Return how many rows each table and model has, as the run tells it."""
    told = [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    ] + [
        event.asset_observation_data.asset_observation
        for event in result.get_asset_observation_events()
    ]
    return {
        each.asset_key: each.metadata["dagster/row_count"].value
        for each in told
        if "dagster/row_count" in each.metadata
    }


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("worker")
def test_everything_is_brought_about_and_checked(
    database: str,
    house: SandboxHouse,
    conducted: dg.Definitions,
    instance: dg.DagsterInstance,
    services: OrchestrationServices,
) -> None:
    bond = house.connect("HAVENKAS_HAVKNL2X")
    with house.read() as session:
        # No payment comes near it, whenever the worker looks.
        add_invoice(session, house.tenant_id, total=Decimal("98765.43"))
    graph = conducted.resolve_asset_graph()
    everything = graph.materializable_asset_keys - {REPLAY}

    result = conducted.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=sorted(everything)
    )

    materialised = {event.asset_key for event in result.get_asset_materialization_events()}
    assert materialised == everything
    checks = {each.asset_check_key: each for each in result.get_asset_check_evaluations()}
    assert checks.keys() == graph.asset_check_keys
    assert [key for key, each in checks.items() if not each.passed] == []
    with house.read() as session:
        rows = session.scalar(select(func.count()).select_from(Transaction))
    counts = row_counts(result)
    assert counts[table_key("transactions")] == counts[MART] == rows
    assert counts[table_key("matches")] == 0
    assert counts[dg.AssetKey(["mart", "fct_receivables_ageing"])] == 1

    partition = str(bond.connection_id)
    instance.add_dynamic_partitions("bank_connections", [partition])
    replayed = conducted.resolve_job_def("replay").execute_in_process(
        instance=instance, partition_key=partition
    )
    (event,) = replayed.get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    assert metadata["kept"].value == rows
    assert metadata["added"].value == metadata["would_lose"].value == 0

    again = conducted.resolve_job_def("analytics_build").execute_in_process(instance=instance)
    told = {event.asset_key: event for event in again.get_asset_materialization_events()}
    assert told.keys() == {key for key in everything if key.path[0] in LAYERS}
    assert {each.asset_check_key for each in again.get_asset_check_evaluations()} == {
        key for key in graph.asset_check_keys if key.asset_key in told
    }
    untouched = told[VIEW].step_materialization_data.materialization.metadata
    assert str(untouched["what"].value).startswith("Nothing that it is made from has changed")

    published = Warehouse(services.warehouse_dir).current()
    with falsified(database):
        failing = conducted.resolve_job_def("analytics_build").execute_in_process(
            instance=instance, raise_on_error=False
        )
    assert not failing.success
    failed = [each.check_name for each in failing.get_asset_check_evaluations() if not each.passed]
    assert failed == ["payments_are_fully_placed"]
    assert Warehouse(services.warehouse_dir).current() == published
    assert Warehouse(services.warehouse_dir).latest_failure() is not None
