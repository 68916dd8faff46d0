"""What must be thought over again, and what would come out as before.

A payment is due again when anything that speaks of it has changed: what it says itself, what is
remembered of its payer, what was refused for it, or an invoice that it may be for. What a payment
or an invoice was when it was last looked at is kept as a number (a fingerprint).
"""

from bisect import bisect_left
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final

from payymo.domain.matching.engine import Matcher
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.payers import find_payers
from payymo.domain.matching.reading import Reading
from payymo.domain.matching.records import OpenInvoice, Rejection

_BYTES: Final = 8

#: Amounts so near each other may be about the same invoice: no fee or discount takes more.
_NEAR_SHARE: Final = 0.06


def fingerprint_of_invoice(invoice: OpenInvoice, deductible: Sequence[object] = ()) -> int:
    """Return a number that changes with anything that an open invoice says.

    :param invoice: The invoice.
    :param deductible: What its customer may deduct from it, such as credit notes.
    """
    return _number(invoice, *deductible)


def fingerprints_of_payments(
    readings: Iterable[Reading],
    memory: PayerMemory,
    lessons: PayerMemory,
    rejections: Iterable[Rejection],
) -> dict[Hashable, int]:
    """Return for each payment a number that changes with anything that speaks of it alone.

    :param readings: What the payments say.
    :param memory: What decisions taught of payers.
    :param lessons: What the payments of the same batch teach.
    :param rejections: Pairs that are not proposed.
    """
    refused: dict[Hashable, list[str]] = {}
    for rejection in rejections:
        refused.setdefault(rejection.payment_id, []).append(str(rejection.invoice_id))
    return {
        reading.payment.id: _number(
            reading.payment,
            reading.is_repeat,
            sorted(refused.get(reading.payment.id, ())),
            *(_known(each, reading) for each in (memory, lessons)),
        )
        for reading in readings
    }


def find_concerned(
    matcher: Matcher,
    readings: Sequence[Reading],
    lessons: PayerMemory,
    changed: Collection[Hashable],
) -> set[Hashable]:
    """Return the payments that some invoices may have been paid with.

    These are at least those that quote one of them, whose payer may be the customer, or whose
    amount is near.

    :param matcher: The book, as it is now.
    :param readings: What the payments say.
    :param lessons: What the payments of the batch teach.
    :param changed: Ids of open invoices that are new or otherwise than before.
    """
    index = matcher.index
    places = {index.places[each] for each in changed if each in index.places}
    if not places:
        return set()
    customers = {index.customer_of[at] for at in places}
    balances: dict[str, list[int]] = {}
    for at in sorted(places, key=index.balances.__getitem__):
        balances.setdefault(index.invoices[at].currency, []).append(index.balances[at])
    return {
        reading.payment.id
        for reading in readings
        if not places.isdisjoint(reading.hits)
        or _is_near(reading, balances)
        or not customers.isdisjoint(find_payers(index, lessons, reading).by_customer)
    }


def find_rivals(
    wanted: Mapping[Hashable, Collection[Hashable]], invoices: Collection[Hashable]
) -> set[Hashable]:
    """Return the payments for which some invoices are suggested, or come next.

    :param wanted: Invoices of each payment's open suggestion and of its runner-up.
    :param invoices: Invoices that others want as well.
    """
    return {
        payment_id for payment_id, named in wanted.items() if not set(named).isdisjoint(invoices)
    }


def _known(memory: PayerMemory, reading: Reading) -> tuple[object, ...]:
    """Return what is remembered of a payment's payer."""
    return (
        sorted((str(each), count) for each, count in memory.by_iban.get(reading.iban, {}).items()),
        sorted((str(each), count) for each, count in memory.by_name.get(reading.name, {}).items()),
        sorted((str(each), day) for each, day in memory.refusals.get(reading.iban, ())),
        sorted((str(each), day) for each, day in memory.refusals.get(reading.name, ())),
    )


def _is_near(reading: Reading, balances: Mapping[str, Sequence[int]]) -> bool:
    """Return whether a payment's amount is near one of the rising balances in its currency."""
    rising = balances.get(reading.payment.currency, ())
    place = bisect_left(rising, reading.amount * (1 - _NEAR_SHARE))
    return place < len(rising) and rising[place] <= reading.amount * (1 + _NEAR_SHARE)


def _number(*parts: object) -> int:
    digest = blake2b(repr(parts).encode(), digest_size=_BYTES).digest()
    return int.from_bytes(digest, signed=True)
