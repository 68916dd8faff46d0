"""When a pair that a person refused may be proposed again: only on stronger evidence."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from math import fsum

from payymo.domain.matching.records import Proposal

#: Bits by which the evidence must be stronger on the day of the refusal; the same evidence never
#: suffices, however long ago that was.
BITS_MORE = 6.0
BITS_MORE_MIN = 1.0

#: After so many days half of what a refusal demands above the least is forgotten.
HALF_LIFE_DAYS = 90


@dataclass(frozen=True, slots=True)
class RefusedMatch:
    """A match that a person refused.

    :ivar bits: What its evidence added up to.
    :ivar was_quoted: Whether the payment quoted an invoice of it.
    """

    payment_id: Hashable
    invoice_ids: frozenset[Hashable]
    bits: float
    was_quoted: bool
    refused_on: date


def bits_more(refused_on: date, today: date) -> float:
    """Return by how many bits evidence must be stronger than what was refused.

    :param refused_on: Day of the refusal.
    :param today: Present day.
    """
    age = max((today - refused_on).days, 0)
    share = float(0.5 ** (age / HALF_LIFE_DAYS))
    return BITS_MORE_MIN + (BITS_MORE - BITS_MORE_MIN) * share


def is_stronger(proposal: Proposal, refused: RefusedMatch, today: date) -> bool:
    """Return whether a proposal may be made although a person refused it before.

    It may when the payment quotes each invoice whole and did not then, or when the evidence adds up
    to enough more.

    :param proposal: What the engine would say.
    :param refused: What was refused.
    :param today: Present day.
    """
    if proposal.is_quoted and not refused.was_quoted:
        return True
    bits = fsum(item.weight for item in proposal.evidence)
    return bits >= refused.bits + bits_more(refused.refused_on, today)
