"""What a build is told of what it reads, and tells of its steps, whoever does them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from payymo.domain.errors import BuildFailedError, Problem

#: What a build is doing: how many of its steps are done, of how many, and the latest one.
type Progress = Callable[[int, int, str], None]

#: Told of each step when it is done.
type Listener = Callable[["Step"], None]


@dataclass(frozen=True, slots=True)
class Source:
    """The moment of PostgreSQL that a build shows, and how it is reached.

    :ivar environment: Variables by which libpq reaches PostgreSQL; they may hold a password.
    :ivar snapshot: Name of the exported snapshot that everything is read in.
    :ivar as_of: When it was (aware, UTC).
    :ivar extensions: Folder of DuckDB's extensions.
    """

    environment: Mapping[str, str] = field(repr=False)
    snapshot: str
    as_of: datetime
    extensions: Path


@dataclass(frozen=True, slots=True)
class Step:
    """A model that was made, or a test that was run.

    :ivar unique_id: What dbt's manifest calls it.
    :ivar name: What people call it.
    :ivar seconds: How long it took.
    :ivar problem: What is wrong, in one line; ``None`` if nothing is.
    """

    unique_id: str
    name: str
    seconds: float
    problem: str | None

    @property
    def is_test(self) -> bool:
        """Whether it tried something, and made nothing."""
        return is_test(self.unique_id)


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a build made and tried."""

    model_count: int
    test_count: int

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Self:
        """Return how many models and tests there are among steps.

        :param steps: Those of a build.
        """
        are_tests = [step.is_test for step in steps]
        return cls(are_tests.count(False), are_tests.count(True))


class Teller:
    """Tells of the steps of a build as they are done, and keeps what else is said.

    :param progress: Told of each step.
    :param on_step: Told of each step, with what came of it.
    """

    def __init__(self, progress: Progress, on_step: Listener | None = None) -> None:
        self.steps: list[Step] = []
        self.complaints: list[str] = []
        self._progress = progress
        self._on_step = on_step

    def tell(self, step: Step, step_count: int) -> None:
        """Tell of a step that is done.

        :param step: The step.
        :param step_count: How many there are in all.
        """
        self.steps.append(step)
        self._progress(len(self.steps), step_count, step.name)
        if self._on_step is not None:
            self._on_step(step)


def is_test(unique_id: str) -> bool:
    """Return whether a node of dbt's is a test.

    :param unique_id: What its manifest calls it.
    """
    return unique_id.startswith("test.")


def build_failure(problems: Iterable[str]) -> BuildFailedError:
    """Return what to raise where a build does not come out right.

    :param problems: What is wrong, each in a sentence.
    """
    return BuildFailedError(
        "The warehouse was not built; what was built before stays in use.",
        problems=[Problem(None, problem) for problem in problems],
    )
