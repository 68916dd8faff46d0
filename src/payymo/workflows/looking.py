"""One look at payments and open invoices: at all of them, or at what has changed."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import MatchScope
from payymo.domain.exchange import PIVOT
from payymo.domain.matching.competition import Claim
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.engine import (
    CONFIDENCE_MIN,
    REPEAT_DAYS,
    Matcher,
    find_repeats,
)
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.news import (
    find_concerned,
    find_rivals,
    fingerprint_of_invoice,
    fingerprints_of_payments,
)
from payymo.domain.matching.reading import Reading
from payymo.domain.matching.records import (
    CustomerCredit,
    OpenInvoice,
    Payment,
    Proposal,
    Rejection,
)
from payymo.postgres.fx.operations.overrides import list_day_rates
from payymo.postgres.reconciliation.operations.credits import list_open_credits
from payymo.postgres.reconciliation.operations.invoices import list_closed_invoices
from payymo.postgres.reconciliation.operations.looks import (
    Look,
    find_invoice_looks,
    find_payment_looks,
    find_suggested_ids,
    record_invoice_looks,
    record_payment_looks,
)
from payymo.postgres.reconciliation.operations.memory import list_confirmations, list_refusals
from payymo.postgres.reconciliation.operations.payments import list_explained_payments
from payymo.workflows.second_thoughts import standing_rejections

#: Told now and then how many payments have been looked at.
type Done = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look saw.

    :ivar proposals: What the engine proposes.
    :ivar considered: Payments that were thought over.
    :ivar fingerprints: As what each of them was looked at.
    :ivar invoice_fingerprints: As what each open invoice was looked at.
    """

    proposals: Sequence[Proposal]
    considered: Collection[UUID]
    fingerprints: Mapping[Hashable, int]
    invoice_fingerprints: Mapping[Hashable, int]


@dataclass(frozen=True, slots=True)
class _Desk:
    """All that the engine needs to think over some of the payments."""

    matcher: Matcher
    readings: Sequence[Reading]
    lessons: PayerMemory
    rejections: Sequence[Rejection]
    #: What each payment may be for, taken for itself: that stays when more are thought over.
    weighed: dict[Hashable, Sequence[Candidate]] = field(default_factory=dict)

    def think(self, due: Collection[Hashable], done: Done) -> list[Proposal]:
        """Return what the engine says of the payments that are due."""
        chosen = [reading for reading in self.readings if reading.payment.id in due]
        new = [reading for reading in chosen if reading.payment.id not in self.weighed]
        alone = self.matcher.weigh(new, self.lessons, self.rejections, done)
        for reading, claim in zip(new, alone, strict=True):
            self.weighed[reading.payment.id] = claim.candidates
        claims = [
            Claim(number, reading.amount, self.weighed[reading.payment.id])
            for number, reading in enumerate(chosen)
        ]
        grants = self.matcher.share_out(claims, CONFIDENCE_MIN)
        proposals = (
            self.matcher.explain(reading, claim, grants[claim.number], self.lessons)
            for reading, claim in zip(chosen, claims, strict=True)
            if claim.number in grants
        )
        return [each for each in proposals if each.confidence >= CONFIDENCE_MIN]

    def concerned(self, ids: Collection[Hashable]) -> set[Hashable]:
        """Return the payments that some invoices may have been paid with, or less some credits."""
        index = self.matcher.index
        customers = {each.customer_id for each in index.credits if each.id in ids}
        deductible = {each.id for each in index.invoices if each.customer_id in customers}
        return find_concerned(self.matcher, self.readings, self.lessons, {*ids, *deductible})


def look(
    session: Session,
    tenant_id: UUID,
    payments: Sequence[Payment],
    invoices: Sequence[OpenInvoice],
    *,
    scope: MatchScope,
    now: datetime,
    done: Done,
) -> Looked:
    """Return what the engine proposes for payments, with all that decisions taught.

    With :attr:`.MatchScope.NEWS` only those are thought over of which anything has changed since
    they were last looked at, those that want the same invoices, and so on until nobody else does;
    when that is more than half of them, all are.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param payments: Payments that are not wholly explained.
    :param invoices: All open invoices.
    :param scope: Which of the payments to think over.
    :param now: Present time.
    :param done: Told now and then how many payments have been looked at.
    """
    everybody: set[Hashable] = {payment.id for payment in payments}
    if not invoices:
        return Looked((), _uuids(everybody), dict.fromkeys(everybody, 0), {})
    explained = _earlier_payments(session, tenant_id, payments)
    matcher = Matcher(
        invoices,
        closed=list_closed_invoices(session, tenant_id),
        credits_open=_credits_open(session, tenant_id),
        confirmations=list_confirmations(session, tenant_id),
        refusals=list_refusals(session, tenant_id),
        rates=_rates(session, tenant_id, payments, invoices, now.date()),
    )
    rejections = standing_rejections(
        session, tenant_id, matcher, payments, explained=explained, now=now
    )
    readings = matcher.read(payments, find_repeats([*explained, *payments]))
    lessons = matcher.lessons(readings)
    desk = _Desk(matcher, readings, lessons, rejections)
    fingerprints = fingerprints_of_payments(readings, matcher.memory, lessons, rejections)
    present = _fingerprints_of_invoices(session, tenant_id, invoices)
    if scope is MatchScope.FULL:
        return Looked(desk.think(everybody, done), _uuids(everybody), fingerprints, present)

    wanted = find_suggested_ids(session, tenant_id)
    changed, gone = _changed_invoices(session, tenant_id, present)
    due = _changed_payments(session, tenant_id, fingerprints, wanted)
    due |= find_rivals(wanted, changed.keys() | gone) | desk.concerned(changed)
    proposals = desk.think(due, done)
    while more := (_drawn_in(desk, proposals, due, wanted) & everybody) - due:
        due |= more
        if len(due) > len(everybody) / 2:
            due = everybody
        proposals = desk.think(due, _tell_nobody)
    return Looked(proposals, _uuids(due), fingerprints, present)


def remember(
    session: Session,
    tenant_id: UUID,
    looked: Looked,
    payments: Sequence[Payment],
    *,
    suggested: Collection[Hashable],
) -> None:
    """Keep as what payments and invoices were looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param looked: The look.
    :param payments: All payments that are not wholly explained.
    :param suggested: Payments for which a match is suggested now, or is about to be applied.
    """
    known = find_payment_looks(session, tenant_id)
    looks = {
        at: Look(looked.fingerprints[at], at in suggested)
        for at in looked.considered
        if at in looked.fingerprints
    }
    record_payment_looks(
        session,
        tenant_id,
        {at: each for at, each in looks.items() if known.get(at) != each},
        gone=known.keys() - {payment.id for payment in payments},
    )
    changed, gone = _changed_invoices(session, tenant_id, looked.invoice_fingerprints)
    record_invoice_looks(session, tenant_id, changed, gone=gone)


def _rates(
    session: Session,
    tenant_id: UUID,
    payments: Sequence[Payment],
    invoices: Sequence[OpenInvoice],
    today: date,
) -> Mapping[str, Decimal]:
    """Return what a euro is worth today in each currency that there is; nothing if it is one."""
    currencies = {each.currency for each in payments} | {each.currency for each in invoices}
    if len(currencies) == 1:
        return {}
    known = list_day_rates(session, tenant_id, currencies, [today])
    return {PIVOT: Decimal(1)} | {each.currency: each.rate for each in known}


def _tell_nobody(_done: int) -> None:
    """Take no notice of the progress."""


def _uuids(ids: Collection[Hashable]) -> set[UUID]:
    return {at for at in ids if isinstance(at, UUID)}


def _credits_open(session: Session, tenant_id: UUID) -> Sequence[CustomerCredit]:
    """Return what customers have good, as the matching engine reads it."""
    return [
        CustomerCredit(each.credit_id, each.customer_id, each.currency, each.balance, each.number)
        for each in list_open_credits(session, tenant_id)
    ]


def _fingerprints_of_invoices(
    session: Session, tenant_id: UUID, invoices: Sequence[OpenInvoice]
) -> dict[Hashable, int]:
    """Return as what open invoices are looked at: what they say, and what can be deducted of them.

    Credit that a customer got or used makes another payment the right one for what is owed.
    """
    open_credits: dict[tuple[Hashable, str], list[tuple[str, Decimal]]] = defaultdict(list)
    for each in list_open_credits(session, tenant_id):
        open_credits[each.customer_id, each.currency].append((str(each.credit_id), each.balance))
    return {
        invoice.id: fingerprint_of_invoice(
            invoice, sorted(open_credits.get((invoice.customer_id, invoice.currency), ()))
        )
        for invoice in invoices
    }


def _changed_invoices(
    session: Session, tenant_id: UUID, present: Mapping[Hashable, int]
) -> tuple[dict[Hashable, int], set[Hashable]]:
    """Return the open invoices that are not as they were, and those that are open no more."""
    known = find_invoice_looks(session, tenant_id)
    changed = {at: number for at, number in present.items() if known.get(at) != number}
    return changed, set(known.keys() - present.keys())


def _changed_payments(
    session: Session,
    tenant_id: UUID,
    fingerprints: Mapping[Hashable, int],
    wanted: Mapping[Hashable, Collection[Hashable]],
) -> set[Hashable]:
    """Return the payments that are not as they were, or whose suggestion was decided on."""
    known = find_payment_looks(session, tenant_id)
    return {
        at
        for at, number in fingerprints.items()
        if known.get(at) != Look(number, is_suggested=at in wanted)
    }


def _drawn_in(
    desk: _Desk,
    proposals: Sequence[Proposal],
    due: Collection[Hashable],
    wanted: Mapping[Hashable, Collection[Hashable]],
) -> set[Hashable]:
    """Return the payments that want what these get now, or what these wanted until now."""
    taken = {each.invoice_id for proposal in proposals for each in proposal.allocations}
    taken |= {each.credit_id for proposal in proposals for each in proposal.credits}
    before = {each for at in due for each in wanted.get(at, ())}
    return find_rivals(wanted, taken) | desk.concerned(before - taken)


def _earlier_payments(
    session: Session, tenant_id: UUID, payments: Sequence[Payment]
) -> Sequence[Payment]:
    """Return the explained payments that one of these may repeat."""
    if not payments:
        return ()
    first = min(payment.booking_date for payment in payments)
    # Whatever a bank says is a date: before the calendar's first day there is none to count to.
    reach = min(timedelta(days=REPEAT_DAYS), first - date.min)
    return list_explained_payments(session, tenant_id, since=first - reach)
