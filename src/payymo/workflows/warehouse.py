"""Builds the warehouse: one moment of PostgreSQL, as marts, published when all tests pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from payymo.analytics.project import place_extensions, project_fingerprint, project_folder
from payymo.analytics.transforming import Listener, Progress, transform
from payymo.analytics.warehouse import BuildFailure, BuildRecord, Warehouse
from payymo.domain.banking import Clock
from payymo.domain.enums import BuildKind
from payymo.domain.errors import BuildFailedError
from payymo.postgres.snapshots import Snapshot, exported_snapshot

#: Rows carry 32 bits of their transaction's number, compared within half of them.
_NUMBERS: Final = 2**32
_COMPARABLE: Final = 2**31


def build_warehouse(
    url: str,
    folder: Path,
    *,
    full: bool,
    clock: Clock,
    progress: Progress,
    on_wait: Callable[[], None],
    project: Path | None = None,
    on_event: Listener | None = None,
) -> BuildRecord:
    """Bring the warehouse up to the present moment of the database, and publish it.

    Only rows that changed since the last build are read, unless the models or the database are
    others than then. A build that fails leaves the last good one in use, and is remembered.

    :param url: Address of the database, whose login may act as the warehouse's role.
    :param folder: Where the warehouse lies.
    :param full: Read everything anew.
    :param clock: Tells the time (aware).
    :param progress: Told of each step.
    :param on_wait: Called once where somebody else is building, and is waited for.
    :param project: The dbt project; Payymo's own unless another is given.
    :param on_event: Told of each event of dbt's log.
    :raises BuildFailedError: If a model cannot be built, or a test fails.
    :raises ConfigurationError: If the database cannot be read.
    """
    project = project or project_folder()
    warehouse = Warehouse(folder)
    with warehouse.building(on_wait):
        started_at = clock()
        place_extensions(warehouse.extensions)
        fingerprint = project_fingerprint(project)
        with exported_snapshot(url) as snapshot:
            latest = warehouse.current()
            base = None if full else _base(latest, snapshot, fingerprint)
            draft = warehouse.draft(base)
            try:
                counts = transform(
                    project,
                    draft,
                    extensions=warehouse.extensions,
                    environment=snapshot.environment,
                    snapshot=snapshot.name,
                    as_of=snapshot.taken_at,
                    changed_since=None if base is None else base.horizon % _NUMBERS,
                    progress=progress,
                    on_event=on_event,
                )
            except BaseException as error:
                warehouse.discard(draft)
                if isinstance(error, BuildFailedError):
                    problems = [each.message for each in error.problems]
                    warehouse.note_failure(BuildFailure(clock(), error.message, problems))
                raise
        record = BuildRecord(
            id=draft.name,
            kind=BuildKind.FULL if base is None else BuildKind.INCREMENTAL,
            started_at=started_at,
            finished_at=clock(),
            as_of=snapshot.taken_at,
            source=snapshot.source,
            horizon=snapshot.horizon,
            fingerprint=fingerprint,
            model_count=counts.model_count,
            test_count=counts.test_count,
        )
        warehouse.publish(draft, record)
    return record


def _base(latest: BuildRecord | None, snapshot: Snapshot, fingerprint: str) -> BuildRecord | None:
    """Return the build to go on from; ``None`` where only a full one is sure to be right."""
    if latest is None or (latest.source, latest.fingerprint) != (snapshot.source, fingerprint):
        return None
    is_comparable = 0 <= snapshot.horizon - latest.horizon < _COMPARABLE
    return latest if is_comparable else None
