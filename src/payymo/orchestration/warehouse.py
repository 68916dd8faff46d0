"""The warehouse: dbt's models and tests as assets and checks, and what readers see of them."""

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from pydantic import Field

from payymo.analytics.contents import count_rows
from payymo.analytics.steps import Step
from payymo.analytics.warehouse import BuildRecord, Warehouse
from payymo.orchestration.failing import failing_in_a_sentence
from payymo.orchestration.services import OrchestrationServices
from payymo.orchestration.streaming import stream
from payymo.orchestration.tables import table_key
from payymo.workflows.freshness import find_last_change, is_shown
from payymo.workflows.warehouse import build_warehouse

#: Where an asset or a check says which node of dbt it is.
_DBT_ID: Final = "dagster_dbt/unique_id"

#: Of what a build had no need to do again.
_THE_SAME: Final = "Nothing that it is made from has changed since the build before."

PUBLISHED: Final = dg.AssetKey(["warehouse", "published_warehouse"])

type _Node = Mapping[str, Any]
type _Manifest = dict[str, Any]
type _Metadata = Mapping[str, str | float | dg.TimestampMetadataValue]


class BuildConfig(dg.Config):
    """How much a build reads."""

    full: Annotated[bool, Field(description="Read every row anew, not only what has changed.")] = (
        False
    )
    unless_shown: Annotated[
        bool, Field(description="Build only where what is published shows less than there is.")
    ] = False


class Translator(DagsterDbtTranslator):
    """Joins dbt's lineage to the tables: what dbt calls a source is an asset of ours."""

    def get_asset_key(self, dbt_resource_props: _Node) -> dg.AssetKey:
        """Return the key of a table, or of a model below its layer.

        :param dbt_resource_props: What the manifest says of it.
        """
        name = dbt_resource_props["name"]
        if dbt_resource_props["resource_type"] == "source":
            return table_key(name)
        return dg.AssetKey([_layer(dbt_resource_props), name])

    def get_group_name(self, dbt_resource_props: _Node) -> str | None:
        """Return the layer.

        :param dbt_resource_props: What the manifest says of it.
        """
        return self.get_asset_key(dbt_resource_props).path[0]


def read_manifest(path: Path) -> _Manifest:
    """Return dbt's manifest, in which every test of several models belongs to one of them.

    A test that is a query of its own may read several: it is a check of the first that it reads.

    :param path: The manifest.
    """
    manifest: _Manifest = json.loads(path.read_text(encoding="utf-8"))
    for node in manifest["nodes"].values():
        read = node["depends_on"]["nodes"]
        if node["resource_type"] == "test" and not node.get("attached_node") and len(read) > 1:
            first = manifest["nodes"][read[0]]
            node["config"].setdefault("meta", {})["dagster"] = {"ref": {"name": first["name"]}}
    return manifest


def make_warehouse_assets(manifest: _Manifest) -> list[dg.AssetsDefinition]:
    """Return the models of the warehouse, and what is published of them, as assets.

    :param manifest: As :func:`read_manifest` gives it.
    """
    translator = Translator()
    specs = [
        translator.get_asset_spec(manifest, unique_id, None)
        for unique_id, node in manifest["nodes"].items()
        if node["resource_type"] == "model"
    ]
    spec_of = {spec.metadata[_DBT_ID]: spec for spec in specs}
    check_specs = [
        check
        for model_id, spec in spec_of.items()
        for test_id in manifest["child_map"][model_id]
        if test_id.startswith("test.")
        if (check := translator.get_asset_check_spec(spec, manifest, test_id, None))
    ]

    @dg.multi_asset(specs=specs, check_specs=check_specs, can_subset=False)
    def warehouse_models(
        context: dg.AssetExecutionContext,
        config: BuildConfig,
        services: dg.ResourceParam[OrchestrationServices],
    ) -> Iterator[Any]:
        """One build of the warehouse, as `payymo analytics build` makes it.

        It is a new file, which is published where all tests hold; else what was published before
        stays in use. What would come to the same as in the build before is told of as well. Where
        it was asked for by itself, and somebody else has built meanwhile what there is, nothing is
        built: the tests of what is published held.
        """
        published: list[BuildRecord] = []

        def is_wanted() -> bool:
            record = Warehouse(services.warehouse_dir).current()
            if record is None or not is_shown(find_last_change(services.sessions), record):
                return True
            published.append(record)
            return False

        def build(tell: Callable[[Step], None]) -> None:
            build_warehouse(
                services.database_url,
                services.warehouse_dir,
                full=config.full,
                clock=services.clock,
                progress=lambda _done, _total, _name: None,
                on_wait=lambda: context.log.info("Another build is under way: waiting for it."),
                on_step=tell,
                is_wanted=is_wanted if config.unless_shown else None,
            )

        told: set[str] = set()
        with failing_in_a_sentence():
            for step in stream(build):
                context.log.info("%s: %s (%.2f s)", step.name, step.problem or "OK", step.seconds)
                # A build goes upwards: what a step reads and was not told of will not be made.
                below = _untold_below(manifest["parent_map"][step.unique_id], manifest, told)
                yield from _the_same(below, spec_of, {"what": _THE_SAME})
                told.add(step.unique_id)
                yield from _told(step, spec_of, check_specs)
        metadata: _Metadata = {"what": _THE_SAME}
        for record in published:
            context.log.info("The build %s shows all that has changed: nothing to do.", record.id)
            metadata = {"build": record.id, "as_of": dg.MetadataValue.timestamp(record.as_of)}
        untold = _untold_below(manifest["nodes"], manifest, told)
        yield from _the_same(untold, spec_of, metadata)
        yield from _still_hold(check_specs, told, metadata)

    @dg.asset(
        key=PUBLISHED,
        deps=[spec.key for spec in specs if spec.group_name == "mart"],
        group_name="warehouse",
        kinds={"duckdb"},
    )
    def published_warehouse(
        services: dg.ResourceParam[OrchestrationServices],
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetObservation]:
        """The file that reports are read from: the latest build of which every test held."""
        with (
            failing_in_a_sentence(),
            Warehouse(services.warehouse_dir).reading() as (record, connection),
        ):
            counts = count_rows(connection, [spec.key.path for spec in specs])
        for spec, rows in zip(specs, counts, strict=True):
            yield dg.AssetObservation(asset_key=spec.key, metadata={"dagster/row_count": rows})
        yield dg.MaterializeResult(
            metadata={
                "build": record.id,
                "kind": record.kind.value,
                "as_of": dg.MetadataValue.timestamp(record.as_of),
                "seconds": (record.finished_at - record.started_at).total_seconds(),
                "models": record.model_count,
                "tests": record.test_count,
            }
        )

    return [warehouse_models, published_warehouse]


def _told(
    step: Step, spec_of: Mapping[str, dg.AssetSpec], checks: Iterable[dg.AssetCheckSpec]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Yield what a step of a build comes to: a model that was made, or what a test found."""
    metadata: _Metadata = {"seconds": step.seconds, "problem": step.problem or ""}
    if not step.is_test:
        if step.problem is None:
            yield dg.MaterializeResult(asset_key=spec_of[step.unique_id].key, metadata=metadata)
        return
    for check in checks:
        if check.metadata[_DBT_ID] == step.unique_id:
            yield dg.AssetCheckResult(
                passed=step.problem is None,
                asset_key=check.asset_key,
                check_name=check.name,
                metadata=metadata,
            )


def _untold_below(nodes: Iterable[str], manifest: _Manifest, told: set[str]) -> Iterator[str]:
    """Yield the models among nodes, and those that they read, which were not told of.

    The lowest come first, and are told of with that.
    """
    for node in nodes:
        if node.startswith("model.") and node not in told:
            yield from _untold_below(manifest["parent_map"][node], manifest, told)
            told.add(node)
            yield node


def _the_same(
    model_ids: Iterable[str], spec_of: Mapping[str, dg.AssetSpec], metadata: _Metadata
) -> Iterator[dg.MaterializeResult[None]]:
    """Yield that a build left models as they were: it shows the new moment as well."""
    for model_id in model_ids:
        yield dg.MaterializeResult(asset_key=spec_of[model_id].key, metadata=metadata)


def _still_hold(
    checks: Iterable[dg.AssetCheckSpec], told: Container[str], metadata: _Metadata
) -> Iterator[dg.AssetCheckResult]:
    for check in checks:
        if check.metadata[_DBT_ID] not in told:
            yield dg.AssetCheckResult(
                passed=True,
                asset_key=check.asset_key,
                check_name=check.name,
                metadata=metadata,
            )


def _layer(node: _Node) -> str:
    """Return the schema in which a model stands."""
    return str(node["config"].get("schema") or node["schema"])
