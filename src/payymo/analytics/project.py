"""The dbt project, and what of it has to lie where DuckDB and dbt look for it."""

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import duckdb
import duckdb_extension_postgres_scanner

#: What a project's folder holds besides its text.
_NOT_SOURCE: Final = {"target", "logs", "__pycache__"}
_EXTENSION: Final = "postgres_scanner.duckdb_extension"


def project_folder() -> Path:
    """Return where the dbt project is: inside an installed package, else beside the source."""
    inside = Path(__file__).parent / "dbt"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "dbt"


def project_fingerprint(folder: Path) -> str:
    """Return a hash of everything that decides what a build makes of the same rows.

    :param folder: Folder of a dbt project.
    """
    digest = hashlib.sha256()
    for tool in ("dbt-core", "dbt-duckdb", "duckdb"):
        digest.update(f"{tool} {version(tool)}\n".encode())
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and not _NOT_SOURCE & set(place.parts):
            digest.update(f"{place}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def place_extensions(folder: Path) -> None:
    """Put DuckDB's reader of PostgreSQL, which came as a package, where DuckDB looks for it.

    :param folder: DuckDB's ``extension_directory``; made if need be.
    """
    packaged = Path(duckdb_extension_postgres_scanner.__file__).parent / "extensions"
    with duckdb.connect() as connection:
        ((platform,),) = connection.execute("PRAGMA platform").fetchall()
    release = f"v{duckdb.__version__}"
    source, target = packaged / release / _EXTENSION, folder / release / platform / _EXTENSION
    if target.is_file() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Another process may look for it at this moment: it is whole or absent.
    descriptor, draft = tempfile.mkstemp(dir=target.parent)
    os.close(descriptor)
    shutil.copyfile(source, draft)
    Path(draft).replace(target)
