"""Which open invoices each payment is for, how surely, and why."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import date

from payymo.domain.matching.allocation import Claim, allocate
from payymo.domain.matching.evidence import read_payment
from payymo.domain.matching.index import InvoiceIndex
from payymo.domain.matching.normalise import compact
from payymo.domain.matching.records import ClosedInvoice, OpenInvoice, Outcome, Payment, Rejection
from payymo.domain.matching.scoring import Scorer

#: Goes up whenever the same input may give another outcome.
ENGINE_VERSION = "1"

#: A proposal below this is no help to a person.
CONFIDENCE_MIN = 0.25

#: Within how many days an equal payment with the same text is taken for the same one.
REPEAT_DAYS = 10

#: Payments between two reports on how far it is.
PROGRESS_EVERY = 500


def _tell_nobody(_done: int) -> None:
    """Take no notice of the progress."""


def propose(
    payments: Sequence[Payment],
    invoices: Sequence[OpenInvoice],
    *,
    rejections: Collection[Rejection] = (),
    closed: Collection[ClosedInvoice] = (),
    explained: Collection[Payment] = (),
    confidence_min: float = CONFIDENCE_MIN,
    progress: Callable[[int], None] = _tell_nobody,
) -> Outcome:
    """Return the best explanation of each payment, where there is a likely one.

    The order of the arguments does not matter. No invoice is given more than its balance, over
    all proposals together, and no payment more than its amount; currencies are never mixed.

    :param payments: Incoming payments with what is left to explain of each.
    :param invoices: Open invoices with what is left to pay of each.
    :param rejections: Pairs that a person refused; never proposed again.
    :param closed: Invoices that are paid or void: a payment that quotes one means no open one.
    :param explained: Payments that are explained already, with their whole amounts: an equal one
        that comes shortly afterwards is likely the same, booked twice.
    :param confidence_min: Proposals below this probability are left out.
    :param progress: Told now and then how many payments have been looked at; what it raises ends
        the run.
    """
    if not invoices:
        return Outcome(proposals=())
    index = InvoiceIndex(invoices, closed)
    scorer = Scorer(index, _rejected_places(index, rejections))
    in_order = sorted(payments, key=_earliest_first)
    repeats = _repeats([*explained, *payments])
    claims = []
    for done, payment in enumerate(in_order):
        if done % PROGRESS_EVERY == 0:
            progress(done)
        if payment.amount > 0:
            reading = read_payment(index, payment)
            explanations = scorer.explanations(payment, reading, is_repeat=payment.id in repeats)
            claims.append(Claim.of(payment, explanations))
    return Outcome(proposals=allocate(index, claims, confidence_min=confidence_min))


def _rejected_places(
    index: InvoiceIndex, rejections: Collection[Rejection]
) -> dict[Hashable, set[int]]:
    places = {invoice.id: at for at, invoice in enumerate(index.invoices)}
    rejected: dict[Hashable, set[int]] = defaultdict(set)
    for rejection in rejections:
        if rejection.invoice_id in places:
            rejected[rejection.payment_id].add(places[rejection.invoice_id])
    return rejected


def _earliest_first(payment: Payment) -> tuple[date, str]:
    return payment.booking_date, str(payment.id)


def _repeats(payments: Collection[Payment]) -> set[Hashable]:
    """Return the payments that look like one that came shortly before."""
    last_seen: dict[tuple[object, ...], date] = {}
    repeats: set[Hashable] = set()
    for payment in sorted(payments, key=_earliest_first):
        key = (
            payment.amount,
            payment.currency,
            payment.payer_name,
            payment.payer_iban,
            compact(payment.remittance or ""),
            payment.structured_reference,
        )
        before = last_seen.get(key)
        if before is not None and (payment.booking_date - before).days <= REPEAT_DAYS:
            repeats.add(payment.id)
        last_seen[key] = payment.booking_date
    return repeats
