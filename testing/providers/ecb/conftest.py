"""The European Central Bank on this machine."""

from collections.abc import Iterator

import pytest
from testing.providers.ecb.publishing import Publisher, publishing


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    """A web server with the bank's files."""
    with publishing() as publisher:
        yield publisher
