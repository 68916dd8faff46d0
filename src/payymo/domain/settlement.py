"""Where every unit of a payment goes, and what settles an invoice besides money.

A payment pays invoices; what is too much becomes the customer's credit or stays unallocated. What
is too little is a fee, a discount or the like, as far as the tenant's policy goes, or stays to be
paid. Nothing here is negative, no invoice is settled with more than its balance, and what a payment
brought is the sum of where it goes.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_DOWN, Decimal

from payymo.domain.enums import AdjustmentKind, CreditKind
from payymo.domain.money import exponent_of

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class SettlementPolicy:
    """How far a tenant lets differences be booked; the defaults are cautious.

    Amounts are counted in each invoice's own currency: where its unit is small, so is the limit.

    :ivar rounding_max: Largest rounding difference.
    :ivar bank_fee_max: Largest bank fee.
    :ivar bank_fee_share_max: Largest share (0 to 1) of what is owed that is taken for a bank fee.
    :ivar processor_fee_share_max: Largest share that is taken for a payment processor's fee.
    :ivar discount_share_max: Largest share that may be deducted as a discount for early payment.
    :ivar discount_days_max: Days from the issue date within which that is allowed.
    :ivar exchange_share_max: Largest share that is taken for an exchange difference.
    :ivar credit_overpayments: Whether what is too much becomes the customer's credit; it stays
        unallocated otherwise.
    :ivar apply_differences: Whether a sure match that books a difference is applied without asking.
    :ivar apply_credits: Whether a customer's credit settles the customer's next invoices without
        asking.
    """

    rounding_max: Decimal = Decimal("0.05")
    bank_fee_max: Decimal = Decimal(25)
    bank_fee_share_max: Decimal = Decimal("0.10")
    processor_fee_share_max: Decimal = Decimal("0.05")
    discount_share_max: Decimal = Decimal("0.03")
    discount_days_max: int = 14
    exchange_share_max: Decimal = Decimal("0.02")
    credit_overpayments: bool = True
    apply_differences: bool = False
    apply_credits: bool = False

    def permits(self, kind: AdjustmentKind, amount: Decimal, owed: Decimal, *, days: int) -> bool:
        """Return whether a difference may be booked as what it is taken for.

        What only a person can know (a withholding, a write-off) is never permitted.

        :param kind: What it is taken for.
        :param amount: The difference; greater than zero.
        :param owed: What the payment is short of it.
        :param days: From the issue of the oldest of the invoices to the payment.
        """
        match kind:
            case AdjustmentKind.ROUNDING:
                return amount <= self.rounding_max
            case AdjustmentKind.BANK_FEE:
                return amount <= min(self.bank_fee_max, owed * self.bank_fee_share_max)
            case AdjustmentKind.PROCESSOR_FEE:
                return amount <= owed * self.processor_fee_share_max
            case AdjustmentKind.DISCOUNT:
                return (
                    amount <= owed * self.discount_share_max and 0 <= days <= self.discount_days_max
                )
            case AdjustmentKind.EXCHANGE_DIFFERENCE:
                return amount <= owed * self.exchange_share_max
            case AdjustmentKind.WITHHOLDING | AdjustmentKind.WRITE_OFF:
                return False


@dataclass(frozen=True, slots=True)
class Owed:
    """An invoice with something left to pay.

    :ivar balance: What is left, in ``currency``; greater than zero.
    """

    invoice_id: Hashable
    customer_id: Hashable
    currency: str
    balance: Decimal
    issue_date: date
    due_date: date | None = None


@dataclass(frozen=True, slots=True)
class OpenCredit:
    """Credit of a customer that is not used up.

    :ivar balance: What is left, in ``currency``; greater than zero.
    :ivar number: A credit note's own number.
    """

    credit_id: Hashable
    customer_id: Hashable
    kind: CreditKind
    currency: str
    balance: Decimal
    credited_on: date
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """Money of a payment that goes to an invoice.

    :ivar amount: In the payment's currency.
    :ivar settled: What it settles of an invoice in another currency; ``None`` in a common one.
    """

    invoice_id: Hashable
    amount: Decimal
    settled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What settles an invoice without money."""

    invoice_id: Hashable
    kind: AdjustmentKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Applied:
    """Credit of a customer that settles an invoice."""

    credit_id: Hashable
    invoice_id: Hashable
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Credited:
    """Money of a payment that becomes a customer's credit."""

    customer_id: Hashable
    kind: CreditKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where the money of a payment goes, and what settles its invoices besides.

    :ivar unallocated: What of the payment goes nowhere yet.
    """

    paid: tuple[Paid, ...]
    adjusted: tuple[Adjusted, ...] = ()
    applied: tuple[Applied, ...] = ()
    credited: Credited | None = None
    unallocated: Decimal = _NOTHING

    @property
    def has_differences(self) -> bool:
        """Whether it books anything but money on invoices."""
        return bool(self.adjusted or self.applied or self.credited)


def settle(
    amount: Decimal,
    owed: Sequence[Owed],
    *,
    paid_on: date,
    policy: SettlementPolicy,
    adjustment: AdjustmentKind | None = None,
    credits_open: Sequence[OpenCredit] = (),
) -> Settlement:
    """Return where a payment goes that is meant for some invoices.

    :param amount: What is left of the payment, in the invoices' common currency; not negative.
    :param owed: The invoices, each once, in the order in which they are paid when money is short.
    :param paid_on: Day of the payment.
    :param policy: How far differences may be booked.
    :param adjustment: What a missing amount is taken for; ``None`` when it was simply not paid.
    :param credits_open: Open credit of their customers: where it comes to exactly what is missing,
        the payer deducted it.
    """
    total = sum((each.balance for each in owed), _NOTHING)
    if amount >= total:
        over = amount - total
        customers = {each.customer_id for each in owed}
        full = tuple(Paid(each.invoice_id, each.balance) for each in owed)
        if over and policy.credit_overpayments and len(customers) == 1:
            credited = Credited(customers.pop(), CreditKind.OVERPAYMENT, over)
            return Settlement(full, credited=credited)
        return Settlement(full, unallocated=over)
    short = total - amount
    netted = _find_netted(short, owed, credits_open)
    if netted:
        applied, left = _apply(netted, owed)
        return Settlement(_pay(amount, left), applied=tuple(applied))
    if adjustment is not None and policy.permits(
        adjustment, short, total, days=max((paid_on - each.issue_date).days for each in owed)
    ):
        adjusted = _adjust(short, owed, adjustment)
        less = {each.invoice_id: each.amount for each in adjusted}
        left = [_less(each, less.get(each.invoice_id, _NOTHING)) for each in owed]
        return Settlement(_pay(amount, left), adjusted=adjusted)
    return Settlement(_pay(amount, owed))


def propose_uses(
    credits_open: Iterable[OpenCredit],
    owed: Iterable[Owed],
    *,
    refused: Collection[tuple[Hashable, Hashable]] = (),
) -> Sequence[tuple[OpenCredit, Applied]]:
    """Return how customers' credit could settle their own invoices: the oldest of each first.

    :param credits_open: Credit that is not used up.
    :param owed: Invoices with something left to pay.
    :param refused: Pairs of credit and invoice that are left out.
    """
    invoices: dict[tuple[Hashable, str], list[Owed]] = defaultdict(list)
    for each in sorted(owed, key=_by_due_date):
        invoices[each.customer_id, each.currency].append(each)
    proposed: list[tuple[OpenCredit, Applied]] = []
    for credit in sorted(credits_open, key=lambda each: (each.credited_on, str(each.credit_id))):
        key = (credit.customer_id, credit.currency)
        barred = [each for each in invoices[key] if (credit.credit_id, each.invoice_id) in refused]
        allowed = [each for each in invoices[key] if each not in barred]
        applied, left = _apply([credit], allowed)
        invoices[key] = sorted([*left, *barred], key=_by_due_date)
        proposed += [(credit, each) for each in applied]
    return proposed


def _by_due_date(owed: Owed) -> tuple[date, date, str]:
    return owed.due_date or owed.issue_date, owed.issue_date, str(owed.invoice_id)


def _find_netted(
    short: Decimal, owed: Sequence[Owed], credits_open: Sequence[OpenCredit]
) -> Sequence[OpenCredit]:
    """Return the credit that a payer must have deducted: one alone, or all that there is."""
    customers = {(each.customer_id, each.currency) for each in owed}
    if len(customers) != 1:
        return ()
    usable = [each for each in credits_open if (each.customer_id, each.currency) in customers]
    alone = [each for each in usable if each.balance == short]
    if len(alone) == 1:
        return alone
    return usable if sum((each.balance for each in usable), _NOTHING) == short else ()


def _apply(
    credits_open: Sequence[OpenCredit], owed: Sequence[Owed]
) -> tuple[list[Applied], list[Owed]]:
    """Return what credit settles, invoice after invoice, and what is left to pay then."""
    applied: list[Applied] = []
    left = list(owed)
    for credit in credits_open:
        rest = credit.balance
        after = []
        for each in left:
            part = min(rest, each.balance)
            if part:
                applied.append(Applied(credit.credit_id, each.invoice_id, part))
                rest -= part
            after.append(_less(each, part))
        left = [each for each in after if each.balance]
    return applied, left


def _adjust(short: Decimal, owed: Sequence[Owed], kind: AdjustmentKind) -> tuple[Adjusted, ...]:
    """Return a missing amount on its invoices: a discount on each, anything else on the largest."""
    if kind is AdjustmentKind.DISCOUNT:
        parts = _in_proportion(short, owed)
    else:
        largest_first = sorted(owed, key=lambda each: -each.balance)
        parts = [(each.invoice_id, each.amount) for each in _pay(short, largest_first)]
    return tuple(Adjusted(invoice_id, kind, part) for invoice_id, part in parts if part)


def _in_proportion(amount: Decimal, owed: Sequence[Owed]) -> list[tuple[Hashable, Decimal]]:
    """Divide an amount by the balances, exactly: cents that are left go to the first invoices."""
    total = sum((each.balance for each in owed), _NOTHING)
    unit = Decimal(1).scaleb(-exponent_of(owed[0].currency))
    parts = [(amount * each.balance / total).quantize(unit, ROUND_DOWN) for each in owed]
    rest = amount - sum(parts, _NOTHING)
    for step in (unit, rest):
        for at, each in enumerate(owed):
            more = min(rest, step, each.balance - parts[at])
            parts[at] += more
            rest -= more
    return [(each.invoice_id, part) for each, part in zip(owed, parts, strict=True)]


def _pay(amount: Decimal, owed: Sequence[Owed]) -> tuple[Paid, ...]:
    """Return money on invoices, one after the other, as far as it goes."""
    paid = []
    for each in owed:
        part = min(amount, each.balance)
        if part:
            paid.append(Paid(each.invoice_id, part))
            amount -= part
    return tuple(paid)


def _less(owed: Owed, amount: Decimal) -> Owed:
    return replace(owed, balance=owed.balance - amount) if amount else owed
