"""Which open invoices each payment is for, how surely, and why."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from payymo.domain.matching.allocation import Grant, allocate
from payymo.domain.matching.candidates import Finder
from payymo.domain.matching.competition import Claim, compete
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.explanation import Explainer
from payymo.domain.matching.features import COMPETITION
from payymo.domain.matching.index import InvoiceIndex
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.model import Model, shipped_model
from payymo.domain.matching.payers import find_payers
from payymo.domain.matching.reading import Reading, read
from payymo.domain.matching.records import (
    ClosedInvoice,
    Confirmation,
    CustomerCredit,
    OpenInvoice,
    Outcome,
    Payment,
    Proposal,
    Refusal,
    Rejection,
)

#: Goes up whenever the same input may give another outcome.
ENGINE_VERSION = "5"

#: A proposal below this is no help to a person.
CONFIDENCE_MIN = 0.25

#: Within how many days an equal payment with the same text is taken for the same one.
REPEAT_DAYS = 10

#: Payments between two reports on how far it is.
PROGRESS_EVERY = 500

#: Explanations so far behind the best, or so much less likely than none, are forgotten.
_BITS_BEHIND_MAX = 14.0
_BITS_MIN = -9.0
_CANDIDATES_MAX = 8


def _tell_nobody(_done: int) -> None:
    """Take no notice of the progress."""


class Matcher:
    """One book of open invoices, held ready for payments.

    It keeps what it is told; a payment is matched without looking at all invoices. Tell
    :attr:`index` of invoices that are issued, paid or changed, :attr:`memory` of what people
    decide.

    :param invoices: Open invoices with what is left to pay of each.
    :param closed: Invoices that are paid or void: a payment that quotes one means no open one.
    :param credits_open: What customers have good: a payment may be less by it.
    :param confirmations: Matches of the past that are right: they teach payers and habits.
    :param refusals: Payers whom a person did not take for a customer.
    :param rates: Mid rates, units of a currency for one euro. Without them payments are matched
        within one currency.
    :param model: Weights; those that come with this version unless said otherwise.
    """

    def __init__(
        self,
        invoices: Iterable[OpenInvoice],
        *,
        closed: Iterable[ClosedInvoice] = (),
        credits_open: Iterable[CustomerCredit] = (),
        confirmations: Iterable[Confirmation] = (),
        refusals: Iterable[Refusal] = (),
        rates: Mapping[str, Decimal] | None = None,
        model: Model | None = None,
    ) -> None:
        self.memory = PayerMemory.of(confirmations, refusals)
        self.index = InvoiceIndex(invoices, closed, self.memory, credits_open)
        self.model = model or shipped_model()
        self._finder = Finder(
            self.index, {currency: float(rate) for currency, rate in (rates or {}).items()}
        )
        self._explainer = Explainer(self.index, self.model)

    def propose(
        self,
        payments: Sequence[Payment],
        *,
        rejections: Collection[Rejection] = (),
        explained: Collection[Payment] = (),
        confidence_min: float = CONFIDENCE_MIN,
        progress: Callable[[int], None] = _tell_nobody,
    ) -> Outcome:
        """Return the best explanation of each payment, where there is a likely one.

        The order of the arguments does not matter. No invoice is given more than its balance, over
        all proposals together, and no payment more than its amount.

        :param payments: Incoming payments with what is left to explain of each.
        :param rejections: Pairs that a person refused; never proposed again.
        :param explained: Payments that are explained already, with their whole amounts: an equal
            one that comes shortly afterwards is likely the same, booked twice.
        :param confidence_min: Proposals below this probability are left out.
        :param progress: Told now and then how many payments have been looked at; what it raises
            ends the run.
        """
        repeats = find_repeats([*explained, *payments])
        readings = self.read(payments, repeats)
        lessons = self.lessons(readings)
        claims = self.weigh(readings, lessons, rejections, progress)
        grants = self.share_out(claims, confidence_min)
        proposals = (
            self.explain(reading, claim, grants[claim.number], lessons)
            for reading, claim in zip(readings, claims, strict=True)
            if claim.number in grants
        )
        return Outcome(
            tuple(proposal for proposal in proposals if proposal.confidence >= confidence_min)
        )

    def share_out(self, claims: Sequence[Claim], confidence_min: float) -> dict[int, Grant]:
        """Return what each payment gets, by its number, once all know of each other.

        :param claims: Each payment's claim, taken for itself; each then knows of the others.
        :param confidence_min: Less likely explanations get nothing.
        """
        settle(self.index, self.model, claims)
        return allocate(self.index, claims, probability_min=confidence_min)

    def explain(
        self, reading: Reading, claim: Claim, grant: Grant, lessons: PayerMemory
    ) -> Proposal:
        """Return the proposal that a grant amounts to, with its reasons."""
        return self._explainer.proposal(reading, claim, grant, lessons)

    def read(self, payments: Iterable[Payment], repeats: Collection[Hashable]) -> list[Reading]:
        """Return what payments say, in the order of booking dates and ids.

        :param payments: Incoming payments.
        :param repeats: Ids of those that look like one that came shortly before.
        """
        readings = []
        for payment in sorted(payments, key=earliest_first):
            if payment.amount > 0:
                reading = read(self.index, payment)
                reading.is_repeat = payment.id in repeats
                readings.append(reading)
        return readings

    def lessons(self, readings: Iterable[Reading]) -> PayerMemory:
        """Return what the payments that leave no doubt teach of their payers."""
        memory = PayerMemory()
        for reading in readings:
            if reading.teaches is not None and not reading.is_processor:
                customer = self.index.invoices[reading.teaches].customer_id
                memory.learn_payer(customer, reading.iban, reading.name)
        return memory

    def weigh(
        self,
        readings: Sequence[Reading],
        lessons: PayerMemory,
        rejections: Collection[Rejection] = (),
        progress: Callable[[int], None] = _tell_nobody,
        *,
        first: int = 0,
        step: int = 1,
    ) -> list[Claim]:
        """Return everything that each payment may be for, each taken for itself.

        :param readings: What the payments say.
        :param lessons: What all payments of the batch teach.
        :param rejections: Pairs that a person refused.
        :param progress: Told now and then how many payments have been looked at.
        :param first: Number of the first of them, where they are a part of a batch.
        :param step: Difference between their numbers.
        """
        refused = self._refused(rejections)
        claims = []
        for number, reading in enumerate(readings):
            if number % PROGRESS_EVERY == 0:
                progress(number)
            found = self.candidates(reading, lessons, refused.get(reading.payment.id, ()))
            claims.append(Claim(number * step + first, reading.amount, self.strongest(found)))
        return claims

    def candidates(
        self, reading: Reading, lessons: PayerMemory, refused: Collection[int] = ()
    ) -> list[Candidate]:
        """Return everything that one payment may be for, unweighed."""
        payers = find_payers(self.index, lessons, reading)
        return self._finder.find(reading, payers, refused)

    def strongest(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Weigh candidates, and return the strongest, best first."""
        if not candidates:
            return []
        weights, order = self.model.weights, self.index.order
        free = weights[COMPETITION.base : COMPETITION.base + 2]
        for candidate in candidates:
            candidate.bits = sum([weights[each] for each in candidate.features])
        best = max(candidate.bits + free[candidate.quoted > 1] for candidate in candidates)
        floor = max(best - _BITS_BEHIND_MAX, _BITS_MIN)
        kept = [candidate for candidate in candidates if candidate.bits > floor]
        kept.sort(
            key=lambda each: (-round(each.bits, 6), len(each.members), order[each.members[0]])
        )
        return kept[:_CANDIDATES_MAX]

    def _refused(self, rejections: Collection[Rejection]) -> dict[Hashable, set[int]]:
        refused: dict[Hashable, set[int]] = defaultdict(set)
        for rejection in rejections:
            at = self.index.places.get(rejection.invoice_id)
            if at is not None:
                refused[rejection.payment_id].add(at)
        return refused


def settle(index: InvoiceIndex, model: Model, claims: Sequence[Claim]) -> None:
    """Let payments that want the same invoices know of each other.

    :param index: The open invoices.
    :param model: Weights of the competition.
    :param claims: Each payment's claim, taken for itself.
    """
    for claim in claims:
        claim.weigh(model.weights)
    compete(index, claims)
    for claim in claims:
        if any(claim.competition):
            claim.weigh(model.weights)


def propose(
    payments: Sequence[Payment],
    invoices: Sequence[OpenInvoice],
    *,
    rejections: Collection[Rejection] = (),
    closed: Collection[ClosedInvoice] = (),
    credits_open: Collection[CustomerCredit] = (),
    explained: Collection[Payment] = (),
    confirmations: Collection[Confirmation] = (),
    refusals: Collection[Refusal] = (),
    rates: Mapping[str, Decimal] | None = None,
    confidence_min: float = CONFIDENCE_MIN,
    progress: Callable[[int], None] = _tell_nobody,
) -> Outcome:
    """Return the best explanation of each payment: see :class:`Matcher` for the arguments."""
    if not invoices:
        return Outcome(proposals=())
    matcher = Matcher(
        invoices,
        closed=closed,
        credits_open=credits_open,
        confirmations=confirmations,
        refusals=refusals,
        rates=rates,
    )
    return matcher.propose(
        payments,
        rejections=rejections,
        explained=explained,
        confidence_min=confidence_min,
        progress=progress,
    )


def earliest_first(payment: Payment) -> tuple[date, str]:
    """Return the order in which payments are looked at."""
    return payment.booking_date, str(payment.id)


def find_repeats(payments: Iterable[Payment]) -> set[Hashable]:
    """Return the payments that look like one that came shortly before."""
    last_seen: dict[tuple[object, ...], date] = {}
    repeats: set[Hashable] = set()
    for payment in sorted(payments, key=earliest_first):
        key = (
            payment.amount,
            payment.currency,
            payment.payer_name,
            payment.payer_iban,
            "".join((payment.remittance or "").split()).upper(),
            payment.structured_reference,
        )
        before = last_seen.get(key)
        if before is not None and (payment.booking_date - before).days <= REPEAT_DAYS:
            repeats.add(payment.id)
        last_seen[key] = payment.booking_date
    return repeats
