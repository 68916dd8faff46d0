"""What a benchmark found, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from payymo.cli.terminal import print_table


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure against its limit.

    :ivar name: What was measured.
    :ivar detail: The figures behind the ratio, in words.
    :ivar value: The figure that the limit is for.
    :ivar limit: What it must reach, or must not pass.
    :ivar is_maximum: Whether the limit must not be passed rather than reached.
    """

    name: str
    detail: str
    value: float
    limit: float
    is_maximum: bool = False

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        return self.value <= self.limit if self.is_maximum else self.value >= self.limit


def print_measurements(title: str, found: Sequence[Measurement]) -> None:
    """Print figures against their limits, as a table for people.

    :param title: What they are of.
    """
    print_table(
        title,
        ("what", "measured #", "limit #", "holds", "figures"),
        [
            (
                entry.name,
                f"{entry.value:.4g}",
                f"{'≤' if entry.is_maximum else '≥'} {entry.limit:.4g}",
                "yes" if entry.holds else "NO",
                entry.detail,
            )
            for entry in found
        ],
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all values does not pass (nearest rank).

    :param values: At least one value, in any order.
    :param share: Between 0 and 1.
    """
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
