"""Which single row would explain that a day does not add up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from payymo.domain.enums import SuspectKind

_NAMED_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class NearbyRow:
    """A row near a day that does not add up.

    :ivar is_counted: It is among the booked rows; else it is pending, was closed or removed, or
        the bank leaves it out.
    """

    id: UUID
    day: date
    amount: Decimal
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that alone would explain a difference."""

    kind: SuspectKind
    row: NearbyRow

    def explain(self) -> str:
        """Return the explanation in a sentence."""
        name = f"the amount of transaction {self.row.id} of {self.row.day}"
        match self.kind:
            case SuspectKind.DOUBLED:
                return f"The difference equals {name}, which may be here once too often."
            case SuspectKind.TWIN_MISSING:
                return f"The difference equals {name}: the bank may have two such rows."
            case SuspectKind.LEFT_OUT:
                return f"The difference equals {name}, which is not counted here."
            case SuspectKind.SIGN_REVERSED:
                return f"The difference is twice {name}, whose sign may be the other way round."


def find_suspects(
    difference: Decimal, rows: Iterable[NearbyRow], *, day: date
) -> Sequence[Suspect]:
    """Return the rows of which a single one would explain a difference, the likeliest first.

    A row that is known and not counted comes first, then one that has an equal twin and may be
    doubled; then what is nearest to the day.

    :param difference: What the bank has more than the booked rows.
    :param rows: Rows near the day.
    :param day: The day that does not add up.
    """
    near = list(rows)
    seen: dict[tuple[date, Decimal], int] = {}
    for row in near:
        if row.is_counted:
            seen[row.day, row.amount] = seen.get((row.day, row.amount), 0) + 1
    found: list[tuple[int, int, Suspect]] = []
    for row in near:
        kind = _judge(difference, row)
        if kind is None:
            continue
        has_twin = kind is SuspectKind.DOUBLED and seen[row.day, row.amount] > 1
        rank = 0 if kind is SuspectKind.LEFT_OUT else 1 if has_twin else 2
        found.append((rank, abs((row.day - day).days), Suspect(kind, row)))
    found.sort(key=lambda each: (*each[:2], each[2].row.id))
    return [suspect for *_, suspect in found[:_NAMED_MAX]]


def _judge(difference: Decimal, row: NearbyRow) -> SuspectKind | None:
    if not row.amount:
        return None
    if not row.is_counted:
        return SuspectKind.LEFT_OUT if row.amount == difference else None
    if row.amount == -difference:
        return SuspectKind.DOUBLED
    if row.amount == difference:
        return SuspectKind.TWIN_MISSING
    return SuspectKind.SIGN_REVERSED if -2 * row.amount == difference else None
