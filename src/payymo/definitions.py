"""What Dagster loads: ``dagster dev -m payymo.definitions``, as ``payymo dagster`` does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from payymo.analytics.manifest import prepare_manifest
from payymo.analytics.project import project_folder
from payymo.assembly import open_installation
from payymo.orchestration.definitions import define_lazily
from payymo.orchestration.services import OrchestrationServices
from payymo.settings import load_settings


def find_manifest() -> Path:
    """Return dbt's manifest of the warehouse, made without a database where it is not there yet.

    :raises BuildFailedError: If dbt cannot read its project.
    """
    return prepare_manifest(project_folder(), load_settings().warehouse_dir / "manifests")


@contextmanager
def open_services() -> Iterator[OrchestrationServices]:
    """Keep the installation that the environment describes open within the block.

    :raises ConfigurationError: If something is not set up.
    """
    with open_installation(load_settings()) as installation:
        yield installation.orchestration_services()


definitions = define_lazily(find_manifest, open_services)
