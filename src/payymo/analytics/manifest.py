"""The dbt project as dbt reads it: its models, tests and sources, without any database."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from payymo.analytics.project import project_fingerprint
from payymo.domain.errors import BuildFailedError, Problem

_MANIFEST: Final = "manifest.json"
_SECONDS_MAX: Final = 300


def prepare_manifest(project: Path, folder: Path) -> Path:
    """Return the manifest of a dbt project, read by dbt unless that was done before.

    Several processes may ask at once: each sees a whole one.

    :param project: Folder of the dbt project.
    :param folder: Where manifests are kept, each below the project's fingerprint.
    :raises BuildFailedError: If dbt cannot read the project.
    """
    target = folder / project_fingerprint(project)
    if not (target / _MANIFEST).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder))
        try:
            _parse(project, draft)
            target.mkdir(exist_ok=True)
            (draft / _MANIFEST).replace(target / _MANIFEST)
        finally:
            shutil.rmtree(draft)
    return target / _MANIFEST


def _parse(project: Path, target: Path) -> None:
    command = [
        *(sys.executable, str(project / "run.py"), "--quiet", "--log-level-file", "none"),
        *("parse", "--target", "offline", "--target-path", str(target)),
    ]
    done = subprocess.run(  # noqa: S603  # our own interpreter and project
        command,
        env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        told = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines()]
        raise BuildFailedError(
            "The dbt project cannot be read.",
            problems=[Problem(None, line) for line in told if line],
        )
