"""What Dagster is told: all of it loads, and its lineage is written down for people to read."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from payymo.analytics.manifest import prepare_manifest
from payymo.analytics.project import project_folder
from payymo.domain.errors import BuildFailedError
from payymo.orchestration.tables import table_key

WRITTEN = Path(__file__).with_name("lineage.txt")


def describe(definitions: dg.Definitions) -> str:
    """Return each asset with its group, kinds, dependencies and checks, one on each line."""
    graph = definitions.resolve_asset_graph()
    checks: dict[dg.AssetKey, list[str]] = {}
    for check in graph.asset_check_keys:
        checks.setdefault(check.asset_key, []).append(check.name)
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        kinds = ", ".join(sorted(tag.removeprefix("dagster/kind/") for tag in node.kinds))
        how = "" if node.is_materializable else ", external"
        how += ", partitioned" if node.partitions_def else ""
        lines.append(f"{key.to_user_string()}  [{node.group_name}: {kinds}{how}]")
        lines += [f"    from  {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        lines += [f"    check {name}" for name in sorted(checks.get(key, []))]
    return "\n".join(lines) + "\n"


def test_everything_loads(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_the_lineage_is_as_written(definitions: dg.Definitions) -> None:
    """After a change that is meant: PAYYMO_WRITE_LINEAGE=1 writes it anew, to be read."""
    if os.environ.get("PAYYMO_WRITE_LINEAGE"):
        WRITTEN.write_text(describe(definitions), encoding="utf-8")

    assert describe(definitions) == WRITTEN.read_text(encoding="utf-8")


def test_every_source_of_a_model_is_a_table_of_ours(definitions: dg.Definitions) -> None:
    """Otherwise the lineage would begin in the middle."""
    graph = definitions.resolve_asset_graph()
    sources = {key for key in graph.get_all_asset_keys() if key.path[0] == "source"}

    parents = set().union(*(graph.get(key).parent_keys for key in sources))

    assert sources
    assert all(graph.get(parent).description for parent in parents)


def test_every_mart_is_published(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    marts = {key for key in graph.get_all_asset_keys() if key.path[0] == "mart"}

    published = graph.get(dg.AssetKey(["warehouse", "published_warehouse"]))

    assert marts
    assert set(published.parent_keys) == marts


def test_a_raw_table_leads_to_a_mart(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    below = dg.AssetSelection.assets(dg.AssetKey(["mart", "fct_transactions"])).upstream()

    assert table_key("gc_transactions") in below.resolve(graph)


def test_dagster_finds_them_in_the_module_that_it_is_told_of(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "list", "-m", "payymo.definitions"],
        env=os.environ | {"PAYYMO_DATA_DIR": str(tmp_path), "DAGSTER_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "Job: daily_transaction_sync" in done.stdout
    # Nothing was opened for it: neither a database nor the keys.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["analytics"]


class TestManifest:
    def test_it_is_made_once(self, manifest: Path) -> None:
        made_at = manifest.stat().st_mtime_ns

        again = prepare_manifest(project_folder(), manifest.parents[1])

        assert (again, again.stat().st_mtime_ns) == (manifest, made_at)

    def test_a_project_that_cannot_be_read_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "project").mkdir()
        (tmp_path / "project" / "run.py").write_text("raise SystemExit('No project here.')")

        with pytest.raises(BuildFailedError) as raised:
            prepare_manifest(tmp_path / "project", tmp_path / "manifests")

        assert [problem.message for problem in raised.value.problems] == ["No project here."]
        assert list((tmp_path / "manifests").iterdir()) == []
