"""What the matching engine reads and says."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from payymo.domain.enums import AmountClass, DifferenceKind, EvidenceKind, Signal

type InvoiceId = Hashable
type PaymentId = Hashable


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice with something left to pay.

    :ivar balance: What is left, in ``currency``; greater than zero.
    :ivar structured_reference: The creditor reference that we issued with it, where we did.
    :ivar customer_number: The number that we gave the customer, where we did.
    :ivar payer_names: Names under which the customer's payments came before.
    """

    id: InvoiceId
    number: str
    customer_id: Hashable
    customer_name: str
    customer_ibans: tuple[str, ...]
    currency: str
    total: Decimal
    balance: Decimal
    issue_date: date
    due_date: date | None
    structured_reference: str | None
    customer_number: str | None = None
    payer_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClosedInvoice:
    """An invoice with nothing left to pay: whoever quotes it means no open one.

    :ivar customer_id: Whose it was, where that is known: who quotes the end of a number means one
        of their own.
    """

    number: str
    structured_reference: str | None
    customer_id: Hashable | None = None


@dataclass(frozen=True, slots=True)
class CustomerCredit:
    """What a customer has good, such as a credit note: who pays may deduct it.

    :ivar balance: What is left of it, in ``currency``; greater than zero.
    :ivar number: A credit note's own number.
    """

    id: Hashable
    customer_id: Hashable
    currency: str
    balance: Decimal
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in and is not wholly explained.

    :ivar amount: What is left to explain, in ``currency``; greater than zero.
    :ivar explained: What of it is explained already: a remainder is never a sure match.
    :ivar instructed_amount: What the payer ordered, in ``instructed_currency``, where the bank
        says so and it is another currency.
    """

    id: PaymentId
    amount: Decimal
    currency: str
    booking_date: date
    payer_name: str | None
    payer_iban: str | None
    remittance: str | None
    structured_reference: str | None
    end_to_end_id: str | None
    explained: Decimal = Decimal(0)
    instructed_amount: Decimal | None = None
    instructed_currency: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One signal for or against a proposal.

    :ivar invoice_id: The invoice that it speaks of; ``None`` for the proposal as a whole.
    :ivar weight: Bits: log2 of how much likelier the signal is for a true match (Fellegi-Sunter).
    :ivar text: The signal in a sentence for a person.
    """

    kind: EvidenceKind
    invoice_id: InvoiceId | None
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class ProposedAllocation:
    """How much of a payment goes to one invoice.

    :ivar amount: In the payment's currency.
    :ivar settled: What it settles of the balance where the invoice is in another currency, in the
        invoice's; ``None`` in a common one.
    """

    invoice_id: InvoiceId
    amount: Decimal
    settled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DeductedCredit:
    """Credit of the customer that a payment is short of: it settles the rest of the invoices.

    :ivar amount: What of it is used, in its currency; greater than zero.
    """

    credit_id: Hashable
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """What of a payment or of a balance is left, and where it belongs.

    :ivar invoice_id: The invoice whose balance is short of it; ``None`` for money that is too much.
    :ivar amount: In the invoice's currency; greater than zero where the balance is not reached,
        less where more came than was open.
    """

    kind: DifferenceKind
    invoice_id: InvoiceId | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """The next best explanation of the same payment."""

    allocations: tuple[ProposedAllocation, ...]
    confidence: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """The best explanation of one payment.

    :ivar confidence: Probability, 0 to 1, that these invoices were meant, or equal ones of the
        same customer that nothing in the payment tells from them.
    :ivar is_tie: Another explanation is as good: a question for a person, never applied alone.
    :ivar summary: The reasons in one sentence.
    :ivar margin: Bits between this explanation and the next best, belonging to none included.
    :ivar amount_class: How the amount relates to what is open.
    :ivar differences: What would be left, and where it belongs.
    :ivar credits: Credit of the customer that was deducted; with the payment it settles the
        invoices whole.
    :ivar signals: What speaks plainly for it, each by itself.
    :ivar is_quoted: Whether the payment quotes each invoice by its whole number or by the reference
        that was issued with it, and none of them is shared with another open invoice.
    """

    payment_id: PaymentId
    allocations: tuple[ProposedAllocation, ...]
    confidence: float
    evidence: tuple[Evidence, ...]
    runner_up: RunnerUp | None
    is_tie: bool
    summary: str = ""
    margin: float = 0.0
    amount_class: AmountClass | None = None
    differences: tuple[Difference, ...] = ()
    credits: tuple[DeductedCredit, ...] = ()
    signals: frozenset[Signal] = frozenset()
    is_quoted: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """A pair that a person refused: not proposed again."""

    payment_id: PaymentId
    invoice_id: InvoiceId


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A past payment that is known to have paid a customer's invoice: what is learnt from."""

    customer_id: Hashable
    payer_name: str | None
    payer_iban: str | None
    booking_date: date
    due_date: date | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A payer whom a person did not take for a customer: it counts less with time.

    :ivar refused_on: Day of the decision.
    """

    customer_id: Hashable
    payer_name: str | None
    payer_iban: str | None
    refused_on: date


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the engine says.

    :ivar proposals: At most one for each payment, in the order of booking dates and ids.
    """

    proposals: tuple[Proposal, ...]
