"""Errors of ours as Dagster shows them: a sentence instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from payymo.domain.errors import PayymoError


@contextmanager
def failing_in_a_sentence() -> Iterator[None]:
    """Turn an error of ours, within the block, into a failed step that says what to do.

    :raises dagster.Failure: In its place.
    """
    try:
        yield
    except PayymoError as error:
        problems = "\n".join(f"* {problem.message}" for problem in error.problems)
        metadata = {"problems": dg.MetadataValue.md(problems)} if problems else {}
        raise dg.Failure(error.message, metadata=metadata, allow_retries=False) from None
