"""Builds the warehouse: one moment of PostgreSQL, as marts, published when all tests pass."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Final

from payymo.analytics.continuing import Continuer
from payymo.analytics.planning import Project, Work, count_known_rows
from payymo.analytics.project import place_extensions, project_fingerprint, project_folder
from payymo.analytics.steps import Listener, Progress, Source, Teller
from payymo.analytics.transforming import Transformer
from payymo.analytics.warehouse import BuildFailure, BuildRecord, Warehouse
from payymo.domain.banking import Clock
from payymo.domain.enums import BuildKind
from payymo.domain.errors import BuildFailedError
from payymo.postgres.snapshots import TRANSACTION_NUMBERS, Snapshot, exported_snapshot

#: Numbers of transactions are compared within half of those that rows can carry.
_COMPARABLE: Final = TRANSACTION_NUMBERS // 2


@dataclass(frozen=True, slots=True)
class WarehouseBuilder:
    """Builds one database's warehouse, for whoever does it in the background.

    :ivar url: Address of the database, whose login may act as the warehouse's role.
    :ivar warehouse: Where the warehouse lies.
    :ivar clock: Tells the time (aware).
    """

    url: str = field(repr=False)
    warehouse: Warehouse
    clock: Clock

    def build(
        self, progress: Progress, *, is_wanted: Callable[[], bool] | None = None
    ) -> BuildRecord:
        """Bring the warehouse up to date; another builder is waited for.

        :param progress: Told of each step.
        :param is_wanted: As for :func:`build_warehouse`.
        :raises BuildFailedError: If a model cannot be built, or a test fails.
        :raises ConfigurationError: If the database cannot be read.
        """
        return build_warehouse(
            self.url,
            self.warehouse.folder,
            full=False,
            clock=self.clock,
            progress=progress,
            on_wait=lambda: None,
            is_wanted=is_wanted,
        )


def build_warehouse(
    url: str,
    folder: Path,
    *,
    full: bool,
    clock: Clock,
    progress: Progress,
    on_wait: Callable[[], None],
    project: Path | None = None,
    on_step: Listener | None = None,
    is_wanted: Callable[[], bool] | None = None,
    dbt: Transformer | None = None,
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
    :param on_step: Told of each step, with what came of it.
    :param is_wanted: Asked when nobody else builds any more: where it is not, since another one
        has built what there is, the build that is published is the answer.
    :param dbt: Loaded for that project already; it can be used once.
    :raises BuildFailedError: If a model cannot be built, or a test fails.
    :raises ConfigurationError: If the database cannot be read.
    """
    project = project or project_folder()
    warehouse = Warehouse(folder)
    with warehouse.building(on_wait), ExitStack() as stack:
        published = warehouse.current()
        if published is not None and is_wanted is not None and not is_wanted():
            return published
        started_at = clock()
        place_extensions(warehouse.extensions)
        fingerprint = project_fingerprint(project)
        with exported_snapshot(url) as snapshot:
            base = None if full else _base(warehouse, snapshot, fingerprint)
            draft = warehouse.draft(base)
            # It takes a tenth of the time that there is anyway while models are made.
            stack.enter_context(_meanwhile(lambda: warehouse.tidy(draft)))
            teller = Teller(progress, on_step)
            source = Source(
                snapshot.environment, snapshot.name, snapshot.taken_at, warehouse.extensions
            )
            try:
                if base is None:
                    transformer = stack.enter_context(dbt or Transformer(project))
                    counts = transformer.transform(draft, source, teller)
                else:
                    continuer = stack.enter_context(Continuer())
                    counts = continuer.go_on(
                        draft,
                        _plan(warehouse, base, snapshot),
                        source,
                        teller,
                        changed_since=base.horizon % TRANSACTION_NUMBERS,
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


@contextmanager
def _meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something beside the block, which ends when both have."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        done = pool.submit(work)
        yield
        done.result()


def _base(warehouse: Warehouse, snapshot: Snapshot, fingerprint: str) -> BuildRecord | None:
    """Return the build to go on from; ``None`` where only a full one is sure to be right."""
    latest = warehouse.current()
    if latest is None or (latest.source, latest.fingerprint) != (snapshot.source, fingerprint):
        return None
    if not warehouse.can_go_on_from(latest):
        return None
    is_comparable = 0 <= snapshot.horizon - latest.horizon < _COMPARABLE
    return latest if is_comparable else None


def _plan(warehouse: Warehouse, base: BuildRecord, snapshot: Snapshot) -> Sequence[Work]:
    """Return what has to be done again, of what a build did."""
    project = Project.read(warehouse.manifest(base))
    return project.plan(
        count_known_rows(warehouse.file(base), project.tables),
        snapshot.count_rows(
            {table.name: table.tenant_column for table in project.tables}, since=base.horizon
        ),
        is_another_day=base.as_of.astimezone(UTC).date() != snapshot.taken_at.date(),
    )
