"""The project's fingerprint, and the extension's place."""

import os
import shutil
from pathlib import Path

import duckdb
import pytest

from payymo.analytics.project import place_extensions, project_fingerprint, project_folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(project_folder(), tmp_path / "project"))


def test_a_project_that_was_only_run_is_the_same(project: Path) -> None:
    before = project_fingerprint(project)

    for name in ("target", "logs", "__pycache__"):
        (project / name).mkdir(exist_ok=True)
        (project / name / "anything").write_text("anything")
    for path in project.rglob("*.sql"):
        os.utime(path, (0, 0))

    assert project_fingerprint(project) == before


def test_any_change_of_a_model_is_another_project(project: Path) -> None:
    before = project_fingerprint(project)
    model = next(iter((project / "models").rglob("*.sql")))
    text = model.read_text()

    model.write_text(text + "\n")
    changed = project_fingerprint(project)
    model.write_text(text)
    model.rename(model.with_stem(f"{model.stem}_renamed"))
    renamed = project_fingerprint(project)

    assert len({before, changed, renamed}) == 3


def test_duckdb_finds_the_extension_without_a_network(tmp_path: Path) -> None:
    place_extensions(tmp_path)
    place_extensions(tmp_path)

    config: dict[str, str | bool | int | float | list[str]] = {
        "extension_directory": str(tmp_path),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        connection.load_extension("postgres_scanner")
        loaded = connection.execute(
            "select loaded from duckdb_extensions() where extension_name = 'postgres_scanner'"
        ).fetchall()
    assert loaded == [(True,)]
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
