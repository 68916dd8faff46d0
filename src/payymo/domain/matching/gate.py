"""Which matches are applied by themselves, and why each of the others waits.

The engine says what is likely; the gate says what may happen without a person. It trusts no
probability that the tenant's own decisions have not borne out.
"""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from typing import Final

from payymo.domain.enums import AmountClass, GateDemand, WaitReason
from payymo.domain.matching.records import OpenInvoice, Payment, Proposal

#: Decisions without which nothing is proven, whatever they say.
DECISIONS_MIN: Final = 50

#: A threshold below this would promise nothing; one above it, more than four digits can say.
THRESHOLD_MIN: Final = Decimal("0.8")
THRESHOLD_MAX: Final = Decimal("0.9999")

#: Standard deviations of a one-sided confidence of 95 %.
_DEVIATIONS: Final = 1.6449

#: Signals that a match needs which is not quoted.
_SIGNALS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What a tenant lets happen without a person.

    :ivar is_open: Whether anything is applied at all.
    :ivar threshold: How sure (0 to 1) a match must be.
    :ivar demand: What it needs besides.
    :ivar decisions_min: Decisions without which no precision is proven.
    """

    is_open: bool
    threshold: Decimal
    demand: GateDemand = GateDemand.PROVEN_PRECISION
    decisions_min: int = DECISIONS_MIN


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How people decided on matches at or above the threshold.

    :ivar decided: Matches of the engine that somebody looked at.
    :ivar right: Those of them that stand.
    :ivar is_credible: Whether wrong ones were found about as often as the engine expected; where
        nearly everything is confirmed, nobody may have looked, and nothing is proven.
    """

    decided: int = 0
    right: int = 0
    is_credible: bool = True

    @property
    def precision_min(self) -> float:
        """The least precision that the decisions allow for: Wilson's bound, 95 % one-sided."""
        return self._bound(-1) if self.decided else 0.0

    @property
    def precision_max(self) -> float:
        """The most precision that the decisions allow for: Wilson's bound, 95 % one-sided."""
        return self._bound(1) if self.decided else 1.0

    def _bound(self, side: int) -> float:
        share, squared = self.right / self.decided, _DEVIATIONS**2 / self.decided
        spread = _DEVIATIONS * sqrt(
            share * (1 - share) / self.decided + squared / (4 * self.decided)
        )
        bound = (share + squared / 2 + side * spread) / (1 + squared)
        return min(max(bound, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Wait:
    """One reason why a match waits for a person.

    :ivar text: The reason in a sentence.
    """

    reason: WaitReason
    text: str


class Gate:
    """Judges the proposals of one run.

    :param policy: What the tenant allows.
    :param record: How people decided at or above the threshold.
    :param invoices: All open invoices that the engine knew of.
    """

    def __init__(
        self, policy: GatePolicy, record: TrackRecord, invoices: Iterable[OpenInvoice]
    ) -> None:
        self._policy = policy
        self._record = record
        self._invoices = {invoice.id: invoice for invoice in invoices}
        self._equals = Counter(map(_equality, self._invoices.values()))

    def waits(self, payment: Payment, proposal: Proposal) -> tuple[Wait, ...]:
        """Return why a match waits for a person; nothing when it may be applied.

        :param payment: The payment, with what is left to explain of it.
        :param proposal: What the engine says of it, with the calibrated confidence.
        """
        reasons = [
            self._wait_of_policy(),
            self._wait_of_tie(proposal),
            self._wait_of_confidence(proposal),
            self._wait_of_siblings(proposal),
            _wait_of_amount(payment, proposal),
            _wait_of_signals(proposal),
            self._wait_of_precision(payment, proposal),
        ]
        return tuple(reason for reason in reasons if reason is not None)

    def _wait_of_policy(self) -> Wait | None:
        if self._policy.is_open:
            return None
        return Wait(
            WaitReason.SWITCHED_OFF,
            "Waits because nothing is applied by itself here: see the settings.",
        )

    @staticmethod
    def _wait_of_tie(proposal: Proposal) -> Wait | None:
        if not proposal.is_tie:
            return None
        return Wait(WaitReason.TIE, "Waits because another explanation is as good.")

    def _wait_of_confidence(self, proposal: Proposal) -> Wait | None:
        confidence = Decimal(f"{proposal.confidence:.4f}")
        if confidence >= self._policy.threshold:
            return None
        return Wait(
            WaitReason.BELOW_THRESHOLD,
            f"Waits because its confidence, {confidence.normalize():f}, is below the threshold, "
            f"{self._policy.threshold.normalize():f}.",
        )

    def _wait_of_siblings(self, proposal: Proposal) -> Wait | None:
        """Ask whether an equal one of the same customer is left out that could as well be."""
        if proposal.is_quoted:
            return None
        chosen = [self._invoices[each.invoice_id] for each in proposal.allocations]
        taken = Counter(map(_equality, chosen))
        for invoice in chosen:
            left = self._equals[_equality(invoice)] - taken[_equality(invoice)]
            if left:
                return Wait(
                    WaitReason.EQUAL_SIBLING,
                    f"Waits because {invoice.number} is not quoted in full, and {left} more of the "
                    "customer's invoices have the same balance.",
                )
        return None

    def _wait_of_precision(self, payment: Payment, proposal: Proposal) -> Wait | None:
        record, policy = self._record, self._policy
        said = f"{record.right} of {record.decided} decided matches this sure were right"
        if record.decided >= policy.decisions_min and record.precision_max < policy.threshold:
            return Wait(
                WaitReason.PRECISION_REFUTED,
                f"Waits because only {said}: fewer than the threshold promises.",
            )
        if self._is_exact_by_reference(payment, proposal):
            return None
        if policy.demand is GateDemand.ISSUED_REFERENCE:
            return Wait(
                WaitReason.REFERENCE_DEMANDED,
                "Waits because the settings demand that each invoice is quoted by its number or "
                "structured reference, and the amount is exact.",
            )
        if not record.is_credible:
            return Wait(
                WaitReason.PRECISION_UNPROVEN,
                "Waits because hardly anything was rejected of much that seemed unsure, and that "
                "proves nothing: so far only exact amounts for quoted invoices are applied.",
            )
        if record.decided >= policy.decisions_min and record.precision_min >= policy.threshold:
            return None
        return Wait(
            WaitReason.PRECISION_UNPROVEN,
            f"Waits because {said}, which does not prove the threshold yet; until then only exact "
            "amounts for quoted invoices are applied.",
        )

    def _is_exact_by_reference(self, payment: Payment, proposal: Proposal) -> bool:
        """Return whether we issued what is quoted, and the amount leaves nothing on either side.

        Across currencies that is what the payer ordered, never what a rate makes of it.
        """
        is_abroad = proposal.amount_class is AmountClass.INSTRUCTED
        settled = [
            each.amount if each.settled is None else each.settled for each in proposal.allocations
        ]
        return (
            proposal.is_quoted
            and settled
            == [self._invoices[each.invoice_id].balance for each in proposal.allocations]
            and sum(settled) == (payment.instructed_amount if is_abroad else payment.amount)
        )


def _equality(invoice: OpenInvoice) -> tuple[Hashable, str, Decimal]:
    return invoice.customer_id, invoice.currency, invoice.balance


def _wait_of_amount(payment: Payment, proposal: Proposal) -> Wait | None:
    left = payment.amount - sum(each.amount for each in proposal.allocations)
    if not left:
        return None
    return Wait(
        WaitReason.AMOUNT_LEFT_OVER,
        f"Waits because {left.normalize():f} {payment.currency} of the payment would be left over.",
    )


def _wait_of_signals(proposal: Proposal) -> Wait | None:
    if proposal.is_quoted or len(proposal.signals) >= _SIGNALS_MIN:
        return None
    return Wait(
        WaitReason.ONE_SIGNAL_ONLY,
        "Waits because only one of reference, amount and payer speaks for it: two are needed.",
    )
