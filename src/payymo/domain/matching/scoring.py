"""How likely each explanation of one payment is.

An explanation is a set of invoices. Its score is the sum of its evidence in bits, against the
explanation that the payment belongs to no open invoice, which scores zero. Probabilities follow
from comparing all explanations of the payment with each other.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from math import log2

from payymo.domain.enums import EvidenceKind
from payymo.domain.matching.evidence import (
    PayerSignal,
    Reading,
    ReferenceHit,
    is_typo_of,
)
from payymo.domain.matching.index import InvoiceIndex, ReferenceStrength
from payymo.domain.matching.records import Evidence, OpenInvoice, Payment
from payymo.domain.matching.subsets import find_subsets
from payymo.domain.money import format_amount

#: Odds that a payment belongs to some open invoice at all.
_PAYABLE_BITS = 1.0
_SET_BITS = -3.0
_NEXT_HIT_BITS = 4.0

_AMOUNT_ONLY_BITS = -4.0
_OTHER_PAYER_BITS = -2.5
_OTHER_NAME_KNOWN_ACCOUNT_BITS = -0.5
_SECOND_SIGNAL_SHARE = 0.5

_TYPO_BITS = 4.0
_STRANGE_NUMBER_BITS = -5.0
_CLOSED_NUMBER_BITS = -15.0
_OTHER_INVOICE_BITS = -5.0
_OTHER_INVOICE_WEAK_BITS = -1.0
_REPEAT = Evidence(
    EvidenceKind.COMPETITION,
    None,
    -14.0,
    "An equal payment with the same text came shortly before.",
)
_PREPAYMENT = Evidence(
    EvidenceKind.CONTRADICTION,
    None,
    -4.0,
    "The text says that it is paid in advance.",
)
_REMAINDER = Evidence(
    EvidenceKind.COMPETITION,
    None,
    -4.0,
    "Part of the payment is explained already: this is what was left of it.",
)

_CUSTOMER_INVOICES_MAX = 40
_AMOUNT_CANDIDATES_MAX = 5
_MISTYPED_CANDIDATES_MAX = 300
_SUBSET_PAYER_BITS_MIN = 4.0
_SUBSET_INVOICES_MAX = 16
_SUBSET_SHARE_MIN = 2.0**-8
_EXPLANATIONS_MAX = 12
_END_LENGTH_MIN = 2
_RELEVANT_BITS = -6.0

_CENT = Decimal("0.05")
_UNIT = Decimal(1)
_SMALL_SHARE = Decimal("0.035")
_BANK_FEE_MAX = Decimal(25)
_BANK_FEE_SHARE_MAX = Decimal("0.10")
_FRACTIONS = tuple(
    Decimal(part) / Decimal(whole) for part, whole in ((1, 2), (1, 3), (2, 3), (1, 4), (3, 4))
)
_OVER_SHARE_MAX = Decimal("0.10")

_EARLY = timedelta(days=3)
_USUAL_AFTER_DUE = timedelta(days=45)
_LATE_AFTER_DUE = timedelta(days=90)

#: Kinds that count as independent reasons, in families.
_FAMILIES = {
    EvidenceKind.STRUCTURED_REFERENCE: "reference",
    EvidenceKind.INVOICE_NUMBER: "reference",
    EvidenceKind.INVOICE_NUMBER_DIGITS: "reference",
    EvidenceKind.END_TO_END_ID: "reference",
    EvidenceKind.AMOUNT_EXACT: "amount",
    EvidenceKind.AMOUNT_SUM: "amount",
    EvidenceKind.PAYER_IBAN: "payer",
    EvidenceKind.PAYER_NAME: "payer",
    EvidenceKind.NAME_IN_TEXT: "payer",
    EvidenceKind.CUSTOMER_NUMBER: "payer",
}
_REFERENCES = {kind for kind, family in _FAMILIES.items() if family == "reference"}
#: Kinds that tell one invoice or customer from others, which an amount alone does not.
_TELLING = {kind for kind, family in _FAMILIES.items() if family in {"reference", "payer"}}

#: With fewer independent reasons than two, no explanation is surer than this.
_SINGLE_REASON_MAX = 0.9
_REASONS_MIN = 2

#: With a contradiction that weighs as much as this, neither.
_DOUBTS = {
    EvidenceKind.CONTRADICTION,
    EvidenceKind.AMOUNT_OVER,
    EvidenceKind.COMPETITION,
    EvidenceKind.DATE,
}
_DOUBT_BITS = -4.0
_DOUBTFUL_MAX = 0.9

CONFIDENCE_MAX = 0.999


@dataclass(frozen=True, slots=True)
class Explanation:
    """Invoices that one payment may be for.

    :ivar members: Places in the index, with what each would get of the payment.
    :ivar bits: Score against belonging to none.
    :ivar siblings: Equal invoices of the customer that fit as well, in the order in which debts
        are paid; with the member they are one explanation, and ``bits`` is their common score.
    :ivar other_solutions: How many other sets of the customer's invoices fit as well.
    """

    members: tuple[tuple[int, Decimal], ...]
    bits: float
    evidence: tuple[Evidence, ...]
    siblings: "tuple[Explanation, ...]" = ()
    other_solutions: int = 0

    @property
    def invoices(self) -> frozenset[int]:
        """Places of the invoices in the index."""
        return frozenset(at for at, _amount in self.members)

    @property
    def confidence_max(self) -> float:
        """The surest that this explanation can be, whatever its rivals."""
        families = {_FAMILIES[item.kind] for item in self.evidence if item.kind in _FAMILIES}
        if len(families) < _REASONS_MIN:
            return _SINGLE_REASON_MAX
        if any(item.kind in _DOUBTS and item.weight <= _DOUBT_BITS for item in self.evidence):
            return _DOUBTFUL_MAX
        return CONFIDENCE_MAX


@dataclass(slots=True)
class _Case:
    """One payment while its explanations are weighed, with what many of them have in common.

    :ivar of_customer: Evidence that one customer paid, for each that was asked about.
    :ivar of_unquoted: Evidence against any invoice that is not quoted, where it is the same.
    :ivar of_exact_amount: What it is worth that just this amount is open, and a sentence for it.
    """

    payment: Payment
    reading: Reading
    of_customer: dict[int, tuple[Evidence, ...]] = field(default_factory=dict)
    of_unquoted: tuple[Evidence, ...] | None = None
    of_exact_amount: tuple[float, str] | None = None


@dataclass(slots=True)
class Scorer:
    """Scores the explanations of payments against one book of open invoices.

    :ivar rejected: Places of the invoices that a person refused, by payment.
    """

    index: InvoiceIndex
    rejected: Mapping[object, Collection[int]] = field(default_factory=dict)

    def explanations(
        self, payment: Payment, reading: Reading, *, is_repeat: bool
    ) -> list[Explanation]:
        """Return what a payment may be for, likeliest first.

        :param is_repeat: An equal payment came shortly before: this one may be booked twice.
        """
        refused = self.rejected.get(payment.id, ())
        candidates = [at for at in self._candidates(payment, reading) if at not in refused]
        case = _Case(payment, reading)
        singles = [self._single(case, at) for at in candidates]
        singles = _pool_siblings(self.index, payment, reading, singles)
        found = singles + list(self._sets(payment, reading, singles, refused))
        if is_repeat:
            found = [_with_doubt(explanation, _REPEAT) for explanation in found]
        if reading.is_prepayment and not reading.hits:
            found = [_with_doubt(explanation, _PREPAYMENT) for explanation in found]
        if payment.explained:
            found = [_with_doubt(explanation, _REMAINDER) for explanation in found]
        found = [explanation for explanation in found if explanation.bits > _RELEVANT_BITS]
        found.sort(key=lambda explanation: (-explanation.bits, explanation.members))
        return found[:_EXPLANATIONS_MAX]

    def _candidates(self, payment: Payment, reading: Reading) -> list[int]:
        index = self.index
        places = set(reading.hits)
        for customer in reading.payers:
            places.update(self._candidates_of(customer, payment, reading))
        equal = index.by_amount.get((payment.currency, payment.amount), ())
        if len(equal) <= _AMOUNT_CANDIDATES_MAX:
            places.update(equal)
        elif reading.strange_numbers and not reading.hits:
            near = equal[:_MISTYPED_CANDIDATES_MAX]
            places.update(at for at in near if self._is_mistyped(reading, at))
        return sorted(at for at in places if index.invoices[at].currency == payment.currency)

    def _candidates_of(self, customer: int, payment: Payment, reading: Reading) -> Iterator[int]:
        """Yield the customer's invoices whose balances a payment of this amount may be for."""
        index = self.index
        key = (customer, payment.currency, payment.amount)
        exact = index.by_customer_amount.get(key, ())
        yield from exact[:_CUSTOMER_INVOICES_MAX]
        if exact:
            return
        for at in index.customers[customer].invoices[:_CUSTOMER_INVOICES_MAX]:
            if _relation(payment.amount, index.invoices[at], reading)[0] > _ODD_AMOUNT_BITS:
                yield at

    def _single(self, case: _Case, at: int) -> Explanation:
        payment, invoice = case.payment, self.index.invoices[at]
        about = (*self._evidence_of_quotes(case, at), *self._evidence_of_payer(case, at))
        evidence = (
            *about,
            self._evidence_of_amount(case, invoice),
            _date_evidence(payment, invoice),
        )
        if _TELLING.isdisjoint([item.kind for item in about]):
            amount_only = Evidence(
                EvidenceKind.COMPETITION,
                invoice.id,
                _AMOUNT_ONLY_BITS,
                "Nothing but the amount speaks for this invoice.",
            )
            evidence = (*evidence, amount_only)
        return Explanation(
            members=((at, min(payment.amount, invoice.balance)),),
            bits=self._prior() + sum([item.weight for item in evidence]),
            evidence=evidence,
        )

    def _evidence_of_quotes(self, case: _Case, at: int) -> tuple[Evidence, ...]:
        reading = case.reading
        if at in reading.hits or reading.strange_numbers:
            return tuple(self._reference_evidence(reading, (at,)))
        if case.of_unquoted is None:
            case.of_unquoted = tuple(self._reference_evidence(reading, (at,)))
        return case.of_unquoted

    def _evidence_of_payer(self, case: _Case, at: int) -> tuple[Evidence, ...]:
        customer = self.index.customer_of[at]
        known = case.of_customer.get(customer)
        if known is None:
            known = tuple(_payer_evidence(self.index, case.reading, customer))
            case.of_customer[customer] = known
        return known

    def _evidence_of_amount(self, case: _Case, invoice: OpenInvoice) -> Evidence:
        amount, balance = case.payment.amount, invoice.balance
        if amount == balance:
            if case.of_exact_amount is None:
                share = self.index.share_of_amount(invoice.currency, amount)
                text = f"The amount is exactly what is open: {_shown(balance, invoice)}."
                case.of_exact_amount = log2(0.8 / share), text
            weight, text = case.of_exact_amount
            return Evidence(EvidenceKind.AMOUNT_EXACT, invoice.id, weight, text)
        weight, sentence = _relation(amount, invoice, case.reading)
        kind = EvidenceKind.AMOUNT_PART if amount < balance else EvidenceKind.AMOUNT_OVER
        text = sentence.format(_shown(abs(amount - balance), invoice))
        return Evidence(kind, invoice.id, weight, text)

    def _prior(self) -> float:
        return _PAYABLE_BITS - log2(max(len(self.index.invoices), 1))

    def _reference_evidence(self, reading: Reading, members: Sequence[int]) -> Iterator[Evidence]:
        """Yield what the quoted numbers say of a set of invoices."""
        quoted = sorted((reading.hits[at].bits, at) for at in members if at in reading.hits)[::-1]
        for rank, (bits, at) in enumerate(quoted):
            hit, invoice = reading.hits[at], self.index.invoices[at]
            weight = bits if rank == 0 else min(bits, _NEXT_HIT_BITS)
            yield Evidence(hit.kind, invoice.id, weight, _sentence_of_hit(hit, invoice))
        typo = next((at for at in members if self._is_mistyped(reading, at)), None)
        if typo is not None:
            yield Evidence(
                EvidenceKind.INVOICE_NUMBER_DIGITS,
                self.index.invoices[typo].id,
                _TYPO_BITS,
                f"The text quotes a number that is one slip away from "
                f"{self.index.invoices[typo].number}.",
            )
        elif not quoted and reading.closed_numbers:
            yield Evidence(
                EvidenceKind.CONTRADICTION,
                None,
                _CLOSED_NUMBER_BITS,
                f"The payment quotes {reading.closed_numbers[0]}, which is paid or void.",
            )
        elif not quoted and (strange := self._strange_to(reading, members)):
            yield Evidence(
                EvidenceKind.CONTRADICTION,
                None,
                _STRANGE_NUMBER_BITS,
                f"The payment quotes {strange}, which is not an open invoice.",
            )
        yield from self._other_invoices(reading, members, quoted)

    def _strange_to(self, reading: Reading, members: Sequence[int]) -> str | None:
        """Return a quoted number that is not the beginning of any of the invoices'."""
        keys = [key for at in members for key in self.index.keys_of(at)]
        return next(
            (
                number
                for number in reading.strange_numbers
                if not any(key.startswith(number) for key in keys)
            ),
            None,
        )

    def _is_mistyped(self, reading: Reading, at: int) -> bool:
        if at in reading.hits or not reading.strange_numbers:
            return False
        return any(is_typo_of(number, self.index.keys_of(at)) for number in reading.strange_numbers)

    def _other_invoices(
        self, reading: Reading, members: Sequence[int], quoted: Sequence[tuple[float, int]]
    ) -> Iterator[Evidence]:
        own = {reading.hits[at].quoted for _bits, at in quoted}
        others = {
            hit.quoted: hit
            for at, hit in reading.hits.items()
            if at not in members and hit.quoted not in own
        }
        strong = [hit for hit in others.values() if hit.strength >= ReferenceStrength.DIGITS]
        weight = _OTHER_INVOICE_BITS if strong else _OTHER_INVOICE_WEAK_BITS
        if others:
            number = max(others.values(), key=lambda hit: (hit.bits, hit.quoted)).quoted
            yield Evidence(
                EvidenceKind.CONTRADICTION,
                None,
                weight,
                f"The payment quotes another open invoice too: {number}.",
            )

    # ------------------------------------------------------------------ sets

    def _sets(
        self,
        payment: Payment,
        reading: Reading,
        singles: Sequence[Explanation],
        refused: Collection[int],
    ) -> Iterator[Explanation]:
        exact = any(
            explanation.bits > 0
            and any(item.kind is EvidenceKind.AMOUNT_EXACT for item in explanation.evidence)
            for explanation in singles
        )
        seen: set[frozenset[int]] = set()
        for customer, required in self._set_customers(reading, refused):
            open_ = self._open_invoices(payment, customer, required, refused)
            quoted = list(self._quoted_sets(payment, reading, open_, required))
            settled = exact or any(_is_exact_sum(explanation) for explanation in quoted)
            sums = () if settled else self._subset_sums(payment, reading, open_, required)
            for explanation in (*quoted, *sums):
                if explanation.invoices not in seen:
                    seen.add(explanation.invoices)
                    yield explanation

    def _set_customers(
        self, reading: Reading, refused: Collection[int]
    ) -> Iterator[tuple[int, list[int]]]:
        """Yield the customers whose invoices may be paid together, with those quoted."""
        quoted: dict[int, list[int]] = {}
        for at, hit in sorted(reading.hits.items()):
            if at not in refused and hit.strength >= ReferenceStrength.DIGITS:
                quoted.setdefault(self.index.customer_of[at], []).append(at)
        named = {
            customer
            for customer, signals in reading.payers.items()
            if _payer_bits(signals) >= _SUBSET_PAYER_BITS_MIN
        }
        for customer in sorted(named | set(quoted)):
            yield customer, quoted.get(customer, [])

    def _open_invoices(
        self, payment: Payment, customer: int, required: Sequence[int], refused: Collection[int]
    ) -> list[int]:
        places = [
            at
            for at in self.index.customers[customer].invoices
            if self.index.invoices[at].currency == payment.currency
            and self.index.invoices[at].issue_date - payment.booking_date <= _EARLY
            and at not in refused
            and at not in required
        ]
        return places[:_SUBSET_INVOICES_MAX]

    def _quoted_sets(
        self, payment: Payment, reading: Reading, open_: Sequence[int], required: Sequence[int]
    ) -> Iterator[Explanation]:
        """Yield the explanation that exactly the quoted invoices were meant, if several."""
        members = self._in_currency(payment, required)
        with_ends = [*members, *self._quoted_by_end(reading, open_)] if members else []
        for chosen in (with_ends, members):
            if len(chosen) > 1:
                yield self._set(payment, reading, chosen, others=0, chance=_SUBSET_SHARE_MIN)

    def _in_currency(self, payment: Payment, places: Sequence[int]) -> list[int]:
        return [at for at in places if self.index.invoices[at].currency == payment.currency]

    def _quoted_by_end(self, reading: Reading, open_: Sequence[int]) -> list[int]:
        """Return the invoices that are quoted by the ends of their numbers: ``22257 & 386``."""
        found = []
        for digits in reading.loose_digits:
            ending = [at for at in open_ if self.index.keys_of(at)[1].endswith(digits)]
            if len(digits) >= _END_LENGTH_MIN and len(ending) == 1:
                found += [at for at in ending if at not in found]
        return found

    def _subset_sums(
        self, payment: Payment, reading: Reading, open_: Sequence[int], required: Sequence[int]
    ) -> Iterator[Explanation]:
        invoices = self.index.invoices
        members = self._in_currency(payment, required)
        rest = payment.amount - sum((invoices[at].balance for at in members), Decimal(0))
        if rest <= 0:
            return
        solutions = find_subsets([invoices[at].balance for at in open_], rest)
        chance = _chance_of_sum(len(open_), rest)
        for chosen in solutions:
            places = [*members, *(open_[position] for position in chosen)]
            if len(places) > 1:
                others = len(solutions) - 1 + self._spare_equals(open_, chosen)
                yield self._set(payment, reading, places, others=others, chance=chance)

    def _spare_equals(self, open_: Sequence[int], chosen: Collection[int]) -> int:
        """Return how many invoices could stand in for one of those chosen."""
        invoices = self.index.invoices
        balances = {invoices[open_[position]].balance for position in chosen}
        return sum(
            invoices[at].balance in balances and position not in chosen
            for position, at in enumerate(open_)
        )

    def _set(
        self,
        payment: Payment,
        reading: Reading,
        members: Sequence[int],
        *,
        others: int,
        chance: float,
    ) -> Explanation:
        invoices = [self.index.invoices[at] for at in members]
        amount = _sum_evidence(payment, invoices, chance)
        evidence = [
            *self._reference_evidence(reading, members),
            *_payer_evidence(self.index, reading, self.index.customer_of[members[0]]),
            amount,
            min((_date_evidence(payment, invoice) for invoice in invoices), key=_weight_of),
        ]
        return Explanation(
            members=_share_out(payment.amount, members, invoices),
            bits=self._prior() + _SET_BITS + sum(item.weight for item in evidence),
            evidence=tuple(evidence),
            other_solutions=others,
        )


def probabilities(explanations: Sequence[Explanation]) -> list[float]:
    """Return the probability of each of a payment's explanations, none of them included."""
    total = 1.0 + sum(2.0**explanation.bits for explanation in explanations)
    return [
        min(2.0**explanation.bits / total, explanation.confidence_max)
        for explanation in explanations
    ]


def _is_exact_sum(explanation: Explanation) -> bool:
    return any(item.kind is EvidenceKind.AMOUNT_SUM for item in explanation.evidence)


def _weight_of(evidence: Evidence) -> float:
    return evidence.weight


def _with_doubt(explanation: Explanation, doubt: Evidence) -> Explanation:
    return replace(
        explanation,
        bits=explanation.bits + doubt.weight,
        evidence=(*explanation.evidence, doubt),
        siblings=tuple(_with_doubt(sibling, doubt) for sibling in explanation.siblings),
    )


def _pool_siblings(
    index: InvoiceIndex, payment: Payment, reading: Reading, singles: Sequence[Explanation]
) -> list[Explanation]:
    """Join the equal open invoices of one customer that nothing tells apart, oldest first."""
    groups: dict[object, list[Explanation]] = {}
    for explanation in singles:
        at = explanation.members[0][0]
        invoice = index.invoices[at]
        hit = reading.hits.get(at)
        early = invoice.issue_date - payment.booking_date > _EARLY
        quoted = (hit.strength, hit.quoted) if hit else None
        key = (index.customer_of[at], invoice.balance, quoted, early)
        typo = any(item.kind in _REFERENCES for item in explanation.evidence) and not hit
        groups.setdefault((key, at) if typo else key, []).append(explanation)
    return [_pooled(group) for group in groups.values()]


def _pooled(group: Sequence[Explanation]) -> Explanation:
    if len(group) == 1:
        return group[0]
    first, *others = sorted(group, key=lambda explanation: explanation.members)
    bits = log2(sum(2.0**explanation.bits for explanation in group))
    return replace(first, bits=bits, siblings=tuple(others))


def _share_out(
    amount: Decimal, members: Sequence[int], invoices: Sequence[OpenInvoice]
) -> tuple[tuple[int, Decimal], ...]:
    """Return what each invoice gets of an amount, the oldest first."""
    shares = []
    for at, invoice in sorted(zip(members, invoices, strict=True), key=lambda pair: pair[0]):
        share = min(amount, invoice.balance)
        amount -= share
        if share > 0:
            shares.append((at, share))
    return tuple(shares)


def _chance_of_sum(count: int, amount: Decimal) -> float:
    """Return how likely some of ``count`` invoices add up to an amount by accident."""
    cents = max(float(amount) * 100, 1.0)
    return min(1.0, max(2.0 ** min(count, _SUBSET_INVOICES_MAX) / cents, _SUBSET_SHARE_MIN))


# -------------------------------------------------------------------- sentences


def _sentence_of_hit(hit: ReferenceHit, invoice: OpenInvoice) -> str:
    if hit.kind is EvidenceKind.STRUCTURED_REFERENCE:
        return f"The payment carries the reference {hit.quoted} issued with {invoice.number}."
    if hit.kind is EvidenceKind.END_TO_END_ID:
        return f"The end-to-end id is the invoice number {invoice.number}."
    if hit.strength is ReferenceStrength.NUMBER:
        return f"The payment quotes the invoice number {invoice.number}."
    return f"The payment quotes {hit.quoted}, part of the invoice number {invoice.number}."


def _payer_bits(signals: Sequence[PayerSignal]) -> float:
    bits = sorted((signal.bits for signal in signals), reverse=True)
    return bits[0] + _SECOND_SIGNAL_SHARE * sum(bits[1:2]) if bits else 0.0


def _payer_evidence(index: InvoiceIndex, reading: Reading, customer: int) -> Iterator[Evidence]:
    signals = sorted(
        reading.payers.get(customer, ()), key=lambda signal: (-signal.bits, signal.kind)
    )
    for rank, signal in enumerate(signals[:2]):
        weight = signal.bits if rank == 0 else signal.bits * _SECOND_SIGNAL_SHARE
        yield Evidence(signal.kind, None, weight, signal.text)
    kinds = {signal.kind for signal in signals}
    if reading.names_payer and EvidenceKind.PAYER_NAME not in kinds:
        yield Evidence(
            EvidenceKind.CONTRADICTION,
            None,
            _OTHER_NAME_KNOWN_ACCOUNT_BITS if kinds else _OTHER_PAYER_BITS,
            f"The payer is called otherwise than {index.name_of_customer(customer)}.",
        )


def _date_evidence(payment: Payment, invoice: OpenInvoice) -> Evidence:
    # Spans between days, never days plus spans: a date at the calendar's edge has no days beyond.
    before_issue = invoice.issue_date - payment.booking_date
    after_due = payment.booking_date - (invoice.due_date or invoice.issue_date)
    if before_issue > _EARLY:
        weight, text = -5.0, "The payment came before the invoice was issued."
    elif before_issue > timedelta(0):
        weight, text = -1.0, "The payment came just before the invoice was issued."
    elif after_due <= _USUAL_AFTER_DUE:
        weight, text = 0.5, "The payment came when one would expect it."
    elif after_due <= _LATE_AFTER_DUE:
        weight, text = -1.0, "The payment came late."
    else:
        weight, text = -2.5, "The payment came very late."
    return Evidence(EvidenceKind.DATE, invoice.id, weight, text)


# --------------------------------------------------------------------- amounts


#: What an amount is worth that is part of what is open, and no usual part.
_ODD_AMOUNT_BITS = -4.0

#: Sentences with a gap for the difference: most are never read.
_SHORT = "The amount is {} less than what is open"
_OVER = "The amount is {} more than what is open"


def _relation(amount: Decimal, invoice: OpenInvoice, reading: Reading) -> tuple[float, str]:
    """Return what an amount other than the balance is worth, and a sentence for it."""
    if amount < invoice.balance:
        return _short_amount(amount, invoice, reading)
    return _over_amount(amount, invoice)


def _shown(amount: Decimal, invoice: OpenInvoice) -> str:
    return f"{format_amount(amount, invoice.currency)} {invoice.currency}"


def _short_amount(amount: Decimal, invoice: OpenInvoice, reading: Reading) -> tuple[float, str]:
    short = invoice.balance - amount
    if short <= _CENT or (short < _UNIT and amount == amount.to_integral_value()):
        return 1.0, f"{_SHORT}: rounded."
    if short <= invoice.balance * _SMALL_SHARE:
        bits = 2.0 if reading.is_processor else 0.5
        return bits, f"{_SHORT}: a discount or a fee."
    if short <= min(_BANK_FEE_MAX, invoice.balance * _BANK_FEE_SHARE_MAX) and _is_round(short):
        return 0.0, f"{_SHORT}: a bank's fee."
    if any(abs(amount - invoice.total * part) <= _CENT for part in _FRACTIONS):
        return 0.0, "The amount is a round part of the invoice: an instalment."
    return _ODD_AMOUNT_BITS, "The amount is part of what is open."


def _is_round(amount: Decimal) -> bool:
    return amount % Decimal("0.5") == 0


def _over_amount(amount: Decimal, invoice: OpenInvoice) -> tuple[float, str]:
    balance = invoice.balance
    over = amount - balance
    if over <= _CENT or (over < _UNIT and amount == amount.to_integral_value()):
        return 1.0, f"{_OVER}: rounded."
    if over <= balance * _OVER_SHARE_MAX or over in _USUAL_EXCESS or amount == 2 * balance:
        return _OVERPAID_BITS, f"{_OVER}."
    return -8.0, "The amount is far more than what is open."


#: Weighs as much as a doubt: whatever is too much may be for an invoice that we do not know.
_OVERPAID_BITS = -4.0
_USUAL_EXCESS = {Decimal(1), Decimal(5), Decimal(10), Decimal(20)}


def _sum_evidence(payment: Payment, invoices: Sequence[OpenInvoice], chance: float) -> Evidence:
    total = sum((invoice.balance for invoice in invoices), Decimal(0))
    count = len(invoices)
    if payment.amount == total:
        weight = log2(0.9 / chance)
        text = f"The amount is exactly the sum of {count} open invoices."
        return Evidence(EvidenceKind.AMOUNT_SUM, None, weight, text)
    if payment.amount > total:
        text = f"The amount is more than the sum of {count} open invoices."
        return Evidence(EvidenceKind.AMOUNT_OVER, None, -5.0, text)
    if total - payment.amount <= max(total * _SMALL_SHARE, _CENT):
        text = f"The amount is a little less than the sum of {count} open invoices."
        return Evidence(EvidenceKind.AMOUNT_PART, None, 0.5, text)
    text = f"The amount is part of the sum of {count} open invoices."
    return Evidence(EvidenceKind.AMOUNT_PART, None, -5.0, text)
