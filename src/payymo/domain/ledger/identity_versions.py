"""Every version of identity's verdicts that a book can have been written with."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final, Protocol
from uuid import UUID

from payymo.domain.ledger import identity, identity_v1
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.sightings import KnownRow, Sighting, Verdict


class PairSightings(Protocol):
    """Which known row is each pulled one; see :func:`payymo.domain.ledger.identity.pair_sightings`.

    A version that does not look at what an answer leaves out takes ``since`` and ``is_whole`` too.
    """

    def __call__(
        self,
        pulled: Sequence[Sighting],
        known: Sequence[KnownRow],
        *,
        seen: Collection[UUID],
        since: date | None = None,
        is_whole: bool = True,
    ) -> list[Verdict]:
        """Return one verdict for each pulled row, in the same order."""


#: By number; a number that is not here was never released.
IDENTITY_VERSIONS: Final[Mapping[int, PairSightings]] = {
    1: identity_v1.pair_sightings,
    IDENTITY_VERSION: identity.pair_sightings,
}
