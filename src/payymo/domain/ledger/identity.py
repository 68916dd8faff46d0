"""Is this pulled row one that we have? A pure, versioned function.

No id that a bank or a provider sends is a key: ids are missing, reused, and change between pulls.
So the rows of one account's answer are paired with the rows that are known, by the strongest
evidence first, and what one tier has paired is out of reach of the next:

1. the payload, equal to the last bit: :func:`pair_payloads`;
2. the id that this bank is known to keep stable and unique, unless money, day and text all
   contradict it;
3. the provider's id, with amount and currency;
4. the bank's id, with amount, currency and a near day; or both ids, with a near day, so that a
   corrected amount is recognised too;
5. the content: amount, currency, day and text, as often as it occurs;
6. a booked row that the bank restates: one that the answer should hold and lacks, and a new one of
   the same money and text on a near day, where nothing else could be either;
7. for a booked row, the pending row that it was: by a shared id, or by amount, text and day.

An id that names several rows, on either side, is evidence only beside amount, day and text. Two
rows of one answer never become one, nor do two known rows, and the order of the rows does not
matter. Where the evidence leaves a choice, none is made: a wrong merge hides money, while a row too
many is seen, and goes when the bank confirms that it has it no more.

The cost is linear in the pulled and in the known rows, but for comparisons among rows of one amount
or one word, which have a limit. Earlier versions: :mod:`payymo.domain.ledger.identity_versions`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.pairing import NEW, Pairing
from payymo.domain.ledger.pairing_by_id import IdTiers
from payymo.domain.ledger.pairing_pending import PendingTiers
from payymo.domain.ledger.pairing_restated import RestatedTiers
from payymo.domain.ledger.sightings import KnownRow, PayloadKey, Sighting, Verdict

#: Raised with every change of a verdict, so that a replay of the raw rows can explain itself.
IDENTITY_VERSION: Final = 2


def pair_payloads(
    pulled: Sequence[PayloadKey], known: Iterable[tuple[PayloadKey, UUID]]
) -> list[UUID | None]:
    """Return the known row of each pulled row whose payload is the same to the last bit.

    Equal payloads are counted: three of them in an answer are never more than three known rows.

    :param pulled: The rows of one answer.
    :param known: The known rows of the account, each with the payload last seen.
    :returns: One entry for each pulled row: the known row's id, or ``None``.
    """
    waiting: dict[PayloadKey, list[UUID]] = defaultdict(list)
    for key, row_id in known:
        waiting[key].append(row_id)
    for row_ids in waiting.values():
        if len(row_ids) > 1:
            row_ids.sort(reverse=True)
    return [equals.pop() if (equals := waiting.get(key)) else None for key in pulled]


def pair_sightings(
    pulled: Sequence[Sighting],
    known: Sequence[KnownRow],
    *,
    seen: Collection[UUID],
    since: date | None = None,
    is_whole: bool = True,
) -> list[Verdict]:
    """Return which known row each pulled row is, for the rows whose payload was not known.

    :param pulled: The rows of one answer that :func:`pair_payloads` left over.
    :param known: All known rows that the answer may speak of, those seen included: their ids
        count as evidence for or against.
    :param seen: Known rows that the same answer repeats with the same payload: they are taken.
    :param since: First day asked for; ``None`` when all was, or when it is not known.
    :param is_whole: Whether every row of the answer could be understood: if not, nothing is
        concluded from what it seems to leave out.
    :returns: One verdict for each pulled row, in the same order.
    """
    pairing = Pairing(pulled, known, seen, since=since, is_whole=is_whole)
    ids, pending = IdTiers(pairing), PendingTiers(pairing)
    ids.pair_by_ids()
    ids.set_aside_bookings()
    ids.pair_by_shared_ids()
    _pair_contents(pairing)
    pending.pair_pending_again()
    restated = RestatedTiers(pairing)
    restated.pair_of_one_day()
    restated.pair_by_shared_ids()
    pending.pair_same_amounts()
    restated.pair_of_near_days()
    pending.pair_changed_amounts()
    return [verdict or NEW for verdict in pairing.verdicts]


def _pair_contents(pairing: Pairing) -> None:
    """Pair rows of one content, as many as there are on both sides."""
    for is_booked in (True, False):
        pairing.pair_equal_contents(
            pairing.open_pulled(is_booked), pairing.open_known(is_booked), IdentityTier.CONTENT
        )
