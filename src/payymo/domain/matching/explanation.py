"""Proposals with their reasons: what speaks for and against, in bits and in sentences."""

from collections.abc import Hashable, Iterator, Sequence
from decimal import Decimal

from payymo.domain.enums import AmountClass, DifferenceKind, EvidenceKind
from payymo.domain.matching import features as f
from payymo.domain.matching import sentences
from payymo.domain.matching.allocation import FOREIGN, TIE_BITS, Grant, share_out
from payymo.domain.matching.competition import Claim, competition_feature
from payymo.domain.matching.description import Candidate
from payymo.domain.matching.index import InvoiceIndex
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.model import Model
from payymo.domain.matching.reading import Reading
from payymo.domain.matching.records import (
    DeductedCredit,
    Difference,
    Evidence,
    Payment,
    Proposal,
    ProposedAllocation,
    RunnerUp,
)
from payymo.domain.matching.sureness import (
    is_asked,
    margin_asked,
    margin_of,
    may_be_sure,
    signals_of,
)
from payymo.domain.money import format_amount

#: With a small margin no explanation is surer than this: it stays below the threshold at which
#: tenants let matches be applied. How small depends on how it stands.
DOUBTFUL_MAX = 0.949

#: What is no more than a question stays below what is proposed.
QUESTION_MAX = 0.49

#: Bits of margin that are asked for in addition of what is not quoted, while nothing is known of
#: past payers.
_WITHOUT_MEMORY = 1.5
CONFIDENCE_MAX = 0.999

_VAGUE = 2
_SILENT = 3
_UNSAID = 3
_ODD = 5
_SHOWN_AGAINST_MAX = -1.0

#: Likenesses of a name to the customer's.
_OWN_NAMES = ("same", "like", "akin", "remote")

#: Quotes of a whole number, or of the reference that was issued; a slip that the check digit proves
#: leaves it whole.
_WHOLE = frozenset(("structured", "structured_text", "repaired", "number", "plain", "list_all"))

_DIFFERENCES = {
    AmountClass.ROUNDED: DifferenceKind.ROUNDING,
    AmountClass.DISCOUNT: DifferenceKind.DISCOUNT,
    AmountClass.BANK_FEE: DifferenceKind.BANK_FEE,
    AmountClass.PROCESSOR_FEE: DifferenceKind.PROCESSOR_FEE,
}
_EXCESS = frozenset(
    (
        AmountClass.ROUNDED_UP,
        AmountClass.TIP,
        AmountClass.DOUBLE,
        AmountClass.SURCHARGE,
        AmountClass.SLIGHTLY_OVER,
        AmountClass.FAR_OVER,
    )
)

#: Of each feature: which reasons it is told with, what is asked, and the answer.
_MEANING = [
    (sentences.PART_OF.get(group.name, "prior"), group.name, answer)
    for group in f.GROUPS
    for answer in group.answers
]


class Explainer:
    """Says why a payment got what it got."""

    def __init__(self, index: InvoiceIndex, model: Model) -> None:
        self.index = index
        self.model = model

    def proposal(
        self, reading: Reading, claim: Claim, grant: Grant, lessons: PayerMemory
    ) -> Proposal:
        """Return the proposal that a grant amounts to.

        :param reading: What the payment says.
        :param claim: Everything that it may be for.
        :param grant: What it got.
        :param lessons: What the other payments of the batch teach of payers.
        """
        candidate, payment = claim.candidates[grant.place], reading.payment
        margin = margin_of(claim, grant.place)
        telling = _Telling(self, reading, candidate, grant, lessons)
        evidence = tuple(telling.evidence(claim.competition[grant.place]))
        return Proposal(
            payment_id=payment.id,
            allocations=self._allocations(payment, candidate, grant.members),
            confidence=self.confidence(claim, grant.place),
            evidence=evidence,
            runner_up=self._runner_up(payment, claim, grant),
            is_tie=_is_tie(claim, grant),
            summary=telling.summary(evidence),
            margin=round(margin, 2),
            amount_class=candidate.amount_class,
            differences=self._differences(reading, candidate, grant),
            credits=self._credits(candidate),
            signals=signals_of(candidate),
            is_quoted=telling.is_quoted,
        )

    def confidence(self, claim: Claim, place: int) -> float:
        """Return how often such an explanation is right."""
        confidence = min(self.model.calibration(claim.probabilities[place]), CONFIDENCE_MAX)
        candidate = claim.candidates[place]
        margin_min = margin_asked(self.model, candidate)
        is_payer_unknown = not self.index.memory.by_name and not self.index.memory.by_iban
        if is_payer_unknown and candidate.quoted > _VAGUE:
            margin_min += _WITHOUT_MEMORY
        if margin_of(claim, place) < margin_min or not may_be_sure(candidate):
            confidence = min(confidence, DOUBTFUL_MAX)
        if is_asked(candidate):
            confidence = min(confidence, QUESTION_MAX)
        return round(confidence, 4)

    def _allocations(
        self, payment: Payment, candidate: Candidate, members: Sequence[tuple[int, int]]
    ) -> tuple[ProposedAllocation, ...]:
        invoices, balances = self.index.invoices, self.index.balances
        if candidate.amount_class in FOREIGN:
            return tuple(
                ProposedAllocation(
                    invoices[at].id, as_decimal(amount), settled=invoices[at].balance
                )
                for at, amount in members
            )
        if len(members) == 1 and candidate.amount_class not in _EXCESS:
            at, amount = members[0]
            exact = invoices[at].balance if amount == balances[at] else payment.amount
            return (ProposedAllocation(invoices[at].id, exact),)
        return tuple(
            ProposedAllocation(
                invoices[at].id,
                invoices[at].balance if amount == balances[at] else as_decimal(amount),
            )
            for at, amount in members
        )

    def _runner_up(self, payment: Payment, claim: Claim, grant: Grant) -> RunnerUp | None:
        """Return the next best explanation; an equal sibling is as sure as the one chosen."""
        if grant.left:
            place, candidate = grant.place, claim.candidates[grant.place]
            members = share_out(self.index, claim.amount, grant.left[:1], candidate)
        else:
            places = [place for place in range(len(claim.candidates)) if place != grant.place]
            if not places:
                return None
            place = max(places, key=lambda each: (claim.bits[each], -each))
            candidate = claim.candidates[place]
            members = share_out(self.index, claim.amount, candidate.members, candidate)
        return RunnerUp(
            self._allocations(payment, candidate, members), self.confidence(claim, place)
        )

    def _credits(self, candidate: Candidate) -> tuple[DeductedCredit, ...]:
        credits_ = (self.index.credits[each] for each in candidate.credits)
        return tuple(DeductedCredit(each.id, each.balance) for each in credits_)

    def _differences(
        self, reading: Reading, candidate: Candidate, grant: Grant
    ) -> tuple[Difference, ...]:
        if candidate.amount_class in FOREIGN:
            return ()
        short = sum(self.index.balances[at] for at, _amount in grant.members) - reading.amount
        if candidate.amount_class in _EXCESS:
            return (Difference(DifferenceKind.CREDIT, None, as_decimal(short)),)
        kind = _DIFFERENCES.get(candidate.amount_class)
        if kind is None or not short:
            return ()
        last = self.index.invoices[grant.members[-1][0]].id
        return (Difference(kind, last, as_decimal(short)),)


def as_decimal(units: int) -> Decimal:
    """Return whole ten-thousandths as an amount, with two decimals if they are enough."""
    if units % 100 == 0:
        return Decimal(units // 100).scaleb(-2)
    return Decimal(units).scaleb(-4)


def _is_tie(claim: Claim, grant: Grant) -> bool:
    candidate = claim.candidates[grant.place]
    return (
        bool(grant.left or candidate.spares)
        or candidate.others > 0
        or any(
            bits > claim.bits[grant.place] - TIE_BITS
            for place, bits in enumerate(claim.bits)
            if place != grant.place
        )
    )


class _Telling:
    """The reasons for one proposal, put into words."""

    def __init__(
        self,
        explainer: Explainer,
        reading: Reading,
        candidate: Candidate,
        grant: Grant,
        lessons: PayerMemory,
    ) -> None:
        self.index = explainer.index
        self.weights = explainer.model.weights
        self.reading = reading
        self.candidate = candidate
        self.grant = grant
        self.lessons = lessons
        self.places = [at for at, _amount in grant.members]
        self.invoice = self.index.invoices[self.places[0]]
        self.answers: dict[str, str] = {}
        self.bits: dict[str, float] = {}

    def evidence(self, competition: int) -> Iterator[Evidence]:
        """Yield what speaks for and against; the weights add up to the score."""
        answers, bits, rest = self.answers, self.bits, 0.0
        numbers = (*self.candidate.features, competition_feature(self.candidate, competition))
        for number in numbers:
            part, group, answer = _MEANING[number]
            bits[part] = bits.get(part, 0.0) + self.weights[number]
            answers[group] = answer
        self._tell_of_agreement(bits)
        one = self.invoice.id if len(self.places) == 1 else None
        for part, kind, text in self._parts():
            weight = bits.pop(part, 0.0)
            if text:
                about = one if kind in sentences.OF_ONE_INVOICE else None
                yield Evidence(kind, about, round(weight, 2), text)
            else:
                rest += weight
        rest += sum(bits.values())
        yield Evidence(EvidenceKind.PRIOR, None, round(rest, 2), sentences.PRIOR)

    def _tell_of_agreement(self, bits: dict[str, float]) -> None:
        """Give what agreement is worth to what agrees: what each adds to those before it.

        First the quote alone, then the amount, then the payer.
        """
        total = bits.pop("agreement", 0.0)
        candidate, unsaid = self.candidate, _UNSAID
        silent = self._worth(_SILENT, _ODD, unsaid)
        quoted = self._worth(candidate.quoted, _ODD, unsaid)
        fitting = self._worth(candidate.quoted, candidate.fit, unsaid)
        payer = total - fitting
        for part, worth in (
            ("quote", quoted - silent),
            ("amount", fitting - quoted),
            (self._payer_part(worth=payer), payer),
            ("prior", silent),
        ):
            bits[part] = bits.get(part, 0.0) + worth

    def _worth(self, quoted: int, fit: int, known: int) -> float:
        """Return what it is worth that reference, amount and payer agree so far."""
        return self.weights[f.agreement(quoted, fit, known)]

    def _payer_part(self, *, worth: float) -> str:
        """Return which of the reasons tells who paid, or that somebody else did."""
        answers = self.answers
        told = (
            ("account", answers.get("account") in sentences.SURE_ACCOUNTS),
            ("name", answers.get("name", "").startswith(_OWN_NAMES)),
            ("alias", answers.get("alias", "new").startswith("seen")),
            ("customer_number", answers.get("customer_number") == "this"),
            ("in_text", answers.get("in_text") not in {None, "nothing", "others"}),
            ("account", answers.get("account") in {"shared_mostly", "shared"}),
            ("alias", answers.get("alias") == "shared"),
        )
        against = (
            ("name", answers.get("name") in {"stranger", "others"}),
            ("account", answers.get("account") == "others"),
            ("alias", answers.get("alias") == "others"),
            ("in_text", answers.get("in_text") == "others"),
        )
        chosen = told if worth >= 0 else against
        return next((part for part, is_told in chosen if is_told), "prior")

    @property
    def is_quoted(self) -> bool:
        """Whether each invoice is quoted whole; known once the evidence is."""
        level, _, shared = self.answers.get("quote", "").partition("+")
        return level in _WHOLE and shared != "shared"

    def summary(self, evidence: Sequence[Evidence]) -> str:
        """Return the reasons in one sentence."""
        words = [
            self._quote_in_short(),
            self._amount_in_short(),
            self._payer_in_short(),
        ]
        told = "; ".join(word for word in words if word)
        against = min(
            (item for item in evidence if item.kind in sentences.AGAINST),
            key=lambda item: item.weight,
            default=None,
        )
        sentence = f"{told[:1].upper()}{told[1:]}." if told else ""
        if against is not None and against.weight <= _SHOWN_AGAINST_MAX:
            sentence = f"{sentence} But: {against.text}".strip()
        return sentence or "Nothing but a likeness speaks for it."

    # ---------------------------------------------------------------------- parts

    def _parts(self) -> Iterator[tuple[str, EvidenceKind, str]]:
        quote = self.answers.get("quote", "silent")
        yield "quote", *sentences.quote(quote, self._number(), self._strange())
        yield (
            "besides",
            EvidenceKind.CONTRADICTION,
            sentences.BESIDES.get(self.answers.get("besides", ""), ""),
        )
        yield "amount", self._amount_kind(), self._amount()
        yield (
            "otherwise",
            EvidenceKind.CONTRADICTION,
            sentences.OTHERWISE.get(self.answers.get("otherwise", ""), ""),
        )
        yield "account", EvidenceKind.PAYER_IBAN, self._account()
        yield "alias", EvidenceKind.PAYER_NAME, self._alias()
        yield "name", *sentences.name(self.answers.get("name", ""), self._customer())
        yield "in_text", *sentences.in_text(self.answers.get("in_text", ""), self._customer())
        yield (
            "rank",
            EvidenceKind.CONTRADICTION,
            sentences.RANK.get(self.answers.get("rank", ""), ""),
        )
        yield "customer_number", *sentences.customer_number(self.answers.get("customer_number", ""))
        yield (
            "date",
            EvidenceKind.DATE,
            sentences.date(self.answers.get("lag", ""), self.answers.get("habit", "")),
        )
        yield "open", EvidenceKind.OPEN_ITEMS, self._open()
        yield "words", EvidenceKind.CONTRADICTION, sentences.words(self.answers.get("words", ""))
        yield (
            "processor",
            EvidenceKind.CONTRADICTION,
            (
                "A payment processor paid, as it does for many."
                if "processor" in self.answers
                else ""
            ),
        )
        yield (
            "repeat",
            EvidenceKind.COMPETITION,
            (
                "An equal payment with the same text came shortly before."
                if "repeat" in self.answers
                else ""
            ),
        )
        yield (
            "remainder",
            EvidenceKind.COMPETITION,
            (
                "Part of the payment is explained already: this is what was left of it."
                if "remainder" in self.answers
                else ""
            ),
        )
        yield (
            "refused",
            EvidenceKind.CONTRADICTION,
            (
                "A person said before that this payer did not pay for this customer."
                if "refused" in self.answers
                else ""
            ),
        )
        yield (
            "competition",
            EvidenceKind.COMPETITION,
            sentences.COMPETITION.get(self.answers.get("competition", "").partition("+")[0], ""),
        )

    def _number(self) -> str:
        return self.invoice.number

    def _customer(self) -> str:
        return self.index.customers[self.index.customer_of[self.places[0]]].name

    def _strange(self) -> str:
        reading = self.reading
        return next(iter((*reading.closed, *reading.strange)), "")

    def _amount_kind(self) -> EvidenceKind:
        amount_class = self.candidate.amount_class
        if amount_class is AmountClass.EXACT:
            several = len(self.places) > 1
            return EvidenceKind.AMOUNT_SUM if several else EvidenceKind.AMOUNT_EXACT
        is_over = amount_class not in FOREIGN and self.reading.amount > self._balance()
        return EvidenceKind.AMOUNT_OVER if is_over else EvidenceKind.AMOUNT_PART

    def _balance(self) -> int:
        return sum(self.index.balances[at] for at in self.places)

    def _amount(self) -> str:
        balance = self._balance()
        if self.candidate.credits:
            credits_ = [self.index.credits[each].balance for each in self.candidate.credits]
            deducted = format_amount(sum(credits_, Decimal(0)), self.invoice.currency)
            return sentences.netted(len(self.places), f"{deducted} {self.invoice.currency}")
        currency = self.invoice.currency
        shown = format_amount(as_decimal(balance), currency)
        difference = format_amount(as_decimal(abs(balance - self.reading.amount)), currency)
        return sentences.amount(
            self.candidate.amount_class,
            count=len(self.places),
            balance=f"{shown} {currency}",
            difference=f"{difference} {currency}",
            is_less=self.reading.amount < balance,
        )

    def _times(self, known: object, learnt: object) -> int:
        customer = self.invoice.customer_id
        return sum(table.get(customer, 0) for table in (known, learnt) if isinstance(table, dict))

    def _account(self) -> str:
        answer = self.answers.get("account", "")
        iban = self.reading.iban
        times = (
            self._times(self.index.memory.by_iban.get(iban), self.lessons.by_iban.get(iban))
            - self._is_own_lesson()
        )
        return sentences.account(answer, times)

    def _alias(self) -> str:
        name = self.reading.name
        times = (
            self._times(self.index.memory.by_name.get(name), self.lessons.by_name.get(name))
            - self._is_own_lesson()
        )
        return sentences.alias(self.answers.get("alias", ""), times)

    def _is_own_lesson(self) -> int:
        teaches = self.reading.teaches
        customer: Hashable = self.invoice.customer_id
        return teaches is not None and self.index.invoices[teaches].customer_id == customer

    def _open(self) -> str:
        count = len(self.index.customers[self.index.customer_of[self.places[0]]].invoices)
        return sentences.open_items(
            self.answers.get("form", "single"),
            count=count,
            members=len(self.places),
            is_asked="open" in self.answers,
            equal=len(self.grant.left),
        )

    # -------------------------------------------------------------------- in short

    def _quote_in_short(self) -> str:
        quote = self.answers.get("quote", "silent")
        return sentences.quote_in_short(quote, self._number(), len(self.places))

    def _amount_in_short(self) -> str:
        if self.candidate.credits:
            return "amount equals what is open less the customer's credit"
        return sentences.amount_in_short(self.candidate.amount_class, len(self.places))

    def _payer_in_short(self) -> str:
        account = self._account()
        if account and self.answers.get("account") in sentences.SURE_ACCOUNTS:
            return sentences.in_short(account)
        if self.answers.get("name", "").startswith(("same", "like", "akin")):
            return f"paid by {self._customer()}"
        alias = self._alias()
        if alias and self.answers.get("alias", "").startswith("seen"):
            return sentences.in_short(alias)
        if self.answers.get("in_text", "nothing") not in {"nothing", "others"}:
            return f"names {self._customer()}"
        return ""
