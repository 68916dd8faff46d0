"""Where builds of the warehouse lie, which of them is read, and who may make the next.

Each build is a folder of its own with a new DuckDB file. A finished one is published by moving the
link ``current``, in one step: a reader resolves the link, opens that file and keeps it for as long
as it likes, so that neither ever waits for the other. A build that fails is never linked to. One
builder works at a time; the kernel gives its lock back whatever it dies of.

.. code-block:: text

    analytics/
    ├── lock            held by the one who builds
    ├── current         → builds/<id>
    ├── failure.json    why the latest build failed, where it did
    ├── extensions/     DuckDB's reader of PostgreSQL
    └── builds/<id>/    warehouse.duckdb, build.json, target/ (dbt's manifest)
"""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb
from uuid_utils.compat import uuid7

from payymo.domain.enums import BuildKind
from payymo.domain.errors import WarehouseNotBuiltError

WAREHOUSE_FILE: Final = "warehouse.duckdb"
#: What dbt parsed, by which the next full build starts sooner; dbt sees what has changed since.
_PARSED: Final = Path("target") / "partial_parse.msgpack"
_MANIFEST: Final = Path("target") / "manifest.json"
#: With the latest: a reader may have resolved the link just before it moved, and open the file
#: just after.
_BUILDS_KEPT: Final = 3
_OPEN_ATTEMPTS_MAX: Final = 5
#: A query reaches the file that was opened, and no other.
READING: Final[dict[str, str | bool | int | float | list[str]]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": "1GB",
    "threads": 2,
    "lock_configuration": True,
}


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """What a finished build is, and what the next one goes on from.

    :ivar as_of: The moment of the database that it shows (aware): how fresh it is.
    :ivar source: Which database it was made from.
    :ivar horizon: Every transaction below this number is in it, where it ever will be.
    :ivar fingerprint: Of the dbt project that made it.
    :ivar model_count: Models that were built.
    :ivar test_count: Tests that they passed.
    """

    id: str
    kind: BuildKind
    started_at: datetime
    finished_at: datetime
    as_of: datetime
    source: str
    horizon: int
    fingerprint: str
    model_count: int
    test_count: int


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """Why the latest build failed.

    :ivar problems: What did not come out right, each in a sentence.
    """

    failed_at: datetime
    message: str
    problems: Sequence[str]


class Warehouse:
    """The builds below one folder.

    :param folder: Where they lie; made when the first build is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._builds = folder / "builds"
        self._link = folder / "current"
        self._failure = folder / "failure.json"
        self._lock = folder / "lock"
        self.extensions = folder / "extensions"

    @contextmanager
    def building(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Be the only builder within the block; wait for another one to end.

        :param on_wait: Called once where somebody else is building.
        """
        self._builds.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def draft(self, base: BuildRecord | None) -> Path:
        """Return the folder of a new build, for its builder alone.

        :param base: The build that it goes on from; without one it begins empty.
        """
        draft = self._builds / uuid7().hex
        (draft / _PARSED).parent.mkdir(parents=True)
        if base is not None:
            shutil.copyfile(self.file(base), draft / WAREHOUSE_FILE)
        for name in (_PARSED,) if base is None else (_PARSED, _MANIFEST):
            if (self._link / name).is_file():
                shutil.copyfile(self._link / name, draft / name)
        return draft

    def discard(self, draft: Path) -> None:
        """Remove what a build left that failed.

        :param draft: Its folder.
        """
        shutil.rmtree(draft, ignore_errors=True)

    def publish(self, draft: Path, record: BuildRecord) -> None:
        """Let readers see a finished build from now on.

        :param draft: Its folder.
        :param record: What it is.
        """
        _write_json(draft / "build.json", asdict(record))
        link = draft / "link"
        link.symlink_to(Path("builds") / draft.name)
        link.replace(self._link)
        self._failure.unlink(missing_ok=True)

    def tidy(self, draft: Path) -> None:
        """Remove the oldest builds, and what those left that were cut off.

        :param draft: Folder of the build that is being made.
        """
        finished = sorted(path.parent for path in self._builds.glob("*/build.json"))
        kept = {draft, *finished[1 - _BUILDS_KEPT :]}
        for folder in self._builds.iterdir():
            if folder not in kept:
                self.discard(folder)

    def note_failure(self, failure: BuildFailure) -> None:
        """Remember why the latest build failed, until one succeeds.

        :param failure: What happened.
        """
        self._builds.mkdir(parents=True, exist_ok=True)
        _write_json(self._failure, asdict(failure))

    def current(self) -> BuildRecord | None:
        """Return what readers see; ``None`` before the first build."""
        return self._read(self._link / "build.json")

    @staticmethod
    def _read(path: Path) -> BuildRecord | None:
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        moments = {
            name: datetime.fromisoformat(told[name])
            for name in ("started_at", "finished_at", "as_of")
        }
        return BuildRecord(**told | moments | {"kind": BuildKind(told["kind"])})

    def finished(self) -> Sequence[BuildRecord]:
        """Return the builds that are kept, the latest first."""
        found = [self._read(path) for path in sorted(self._builds.glob("*/build.json"))]
        return [record for record in reversed(found) if record is not None]

    def latest_failure(self) -> BuildFailure | None:
        """Return why the latest build failed; ``None`` if it did not."""
        try:
            told = json.loads(self._failure.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return BuildFailure(**told | {"failed_at": datetime.fromisoformat(told["failed_at"])})

    def manifest(self, record: BuildRecord) -> Path:
        """Return where dbt's description of a build is, with the SQL that it compiled.

        :param record: A finished build.
        """
        return self._builds / record.id / _MANIFEST

    def can_go_on_from(self, record: BuildRecord) -> bool:
        """Return whether all is there of a build that the next one goes on from.

        :param record: A finished build.
        """
        return self.manifest(record).is_file() and self.file(record).is_file()

    def file(self, record: BuildRecord) -> Path:
        """Return where a build's tables are.

        :param record: A finished build.
        """
        return self._builds / record.id / WAREHOUSE_FILE

    @contextmanager
    def reading(self) -> Iterator[tuple[BuildRecord, duckdb.DuckDBPyConnection]]:
        """Open what is published now, for reading alone, whoever builds meanwhile.

        :returns: Which build it is, and a connection that is closed with the block.
        :raises WarehouseNotBuiltError: If nothing was built yet.
        """
        record, connection = self._open()
        with connection:
            yield record, connection

    def _open(self) -> tuple[BuildRecord, duckdb.DuckDBPyConnection]:
        """Open the published file; look again where it went between the looks."""
        for _ in range(_OPEN_ATTEMPTS_MAX):
            record = self.current()
            if record is None:
                break
            file = self.file(record)
            if file.is_file():
                return record, duckdb.connect(str(file), read_only=True, config=READING)
        raise WarehouseNotBuiltError


def _write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a file that is whole or absent."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value, default=str, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
