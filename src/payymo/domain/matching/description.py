"""What is known of an explanation of a payment: its features, one group after the other."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from payymo.domain.enums import AmountClass
from payymo.domain.matching import features as f
from payymo.domain.matching.amounts import CENT, classify, classify_foreign, units_of
from payymo.domain.matching.index import EARLY_DAYS, InvoiceIndex
from payymo.domain.matching.normalise import compact
from payymo.domain.matching.otherwise import other_meanings
from payymo.domain.matching.payers import InText, Payer, Payers, Rank
from payymo.domain.matching.reading import PLAIN_QUOTES, Quote, Reading

#: Of a customer with more open invoices only the oldest are looked at.
CUSTOMER_INVOICES_MAX = 60

_PARTS = frozenset((AmountClass.INSTALMENT, AmountClass.SHARE, AmountClass.PART))

#: A processor passes on what was paid, or that less its fee.
_NOT_OF_PROCESSORS = frozenset(AmountClass) - {
    AmountClass.EXACT,
    AmountClass.ROUNDED,
    AmountClass.PROCESSOR_FEE,
    AmountClass.INSTRUCTED,
    AmountClass.NEAR_MID_RATE,
}


class Candidate:
    """One explanation of a payment.

    :ivar members: Places of the invoices, the oldest debt first.
    :ivar features: What is known of it: see :mod:`.features`.
    :ivar bits: The sum of the features' weights.
    :ivar amount_class: How the amount relates to what is open of the members together.
    :ivar siblings: Equal invoices of the customer that fit as well, the oldest first: whichever
        is taken, it is the same explanation.
    :ivar credits: Places of the customer's credits that the amount is less by.
    :ivar others: How many other sets of the same customer's invoices fit as well.
    :ivar is_doubted: Whether something that the payment says speaks against it.
    :ivar is_contradicted: Whether the payment quotes another open invoice, and not this one, or
        this one by what looks like a slip: never sure, however likely.
    :ivar is_question: Whether a person has to be asked, however likely it is: the payment quotes
        what is paid already, or somebody else paid and what is quoted is a slip away.
    :ivar is_remainder: Whether part of the payment is explained already.
    :ivar fixed: Members of a set that are quoted.
    :ivar spares: Equal invoices that may stand in for the other members of a set, the oldest first.
    """

    __slots__ = (
        "amount_class",
        "bits",
        "credits",
        "features",
        "fit",
        "fixed",
        "is_contradicted",
        "is_doubted",
        "is_plain",
        "is_question",
        "is_remainder",
        "known",
        "members",
        "others",
        "quoted",
        "siblings",
        "spares",
    )

    def __init__(
        self,
        members: tuple[int, ...],
        amount_class: AmountClass,
        siblings: tuple[int, ...] = (),
        others: int = 0,
    ) -> None:
        self.fixed: tuple[int, ...] = ()
        self.spares: tuple[int, ...] = ()
        self.members = members
        self.amount_class = amount_class
        self.siblings = siblings
        self.others = others
        self.credits: tuple[int, ...] = ()
        self.features: list[int] = []
        self.bits = 0.0
        self.quoted = 3
        self.fit = f.FIT_OF[amount_class]
        self.known = 3
        self.is_plain = False
        self.is_contradicted = False
        self.is_doubted = False
        self.is_question = False
        self.is_remainder = False


class Describer:
    """Describes the explanations of one payment.

    :ivar quotes: How each open invoice is quoted that is, by its place; slips and ends of numbers
        are added when they are found.
    :ivar slipped: Quoted invoices whose number may as well be a slip of another's that was meant.
    """

    def __init__(
        self,
        index: InvoiceIndex,
        rates: Mapping[str, float],
        reading: Reading,
        payers: Payers,
    ) -> None:
        self.index = index
        self.rates = rates
        self.reading = reading
        self.payers = payers
        self.quotes = dict(reading.hits)
        self.slipped: set[int] = set()
        self._classes: dict[int, AmountClass | None] = {}
        self._of_payers: dict[int, tuple[list[int], int]] = {}

    def class_of(self, at: int) -> AmountClass | None:
        """Return how the amount relates to an invoice's balance; ``None`` across currencies."""
        known = self._classes.get(at, 0)
        if known != 0:
            return known  # type: ignore[return-value]  # mypy sees the default, too
        found = self._classes[at] = self._find_class(at)
        return found

    def _find_class(self, at: int) -> AmountClass | None:
        index, reading = self.index, self.reading
        payment, currency = reading.payment, index.invoices[at].currency
        balance = index.balances[at]
        if currency == payment.currency:
            return classify(
                reading.amount, balance, index.totals[at], reading.booked - index.issued[at]
            )
        return self.class_abroad(currency, balance)

    def class_abroad(self, currency: str, balance: int) -> AmountClass | None:
        """Return how the amount relates to a balance in another currency."""
        reading, payment = self.reading, self.reading.payment
        if payment.instructed_amount is not None and payment.instructed_currency == currency:
            ordered = units_of(payment.instructed_amount)
            if abs(ordered - balance) <= CENT:
                return AmountClass.INSTRUCTED
        there, here = self.rates.get(currency), self.rates.get(payment.currency)
        if not there or not here:
            return None
        return classify_foreign(reading.amount, balance * here / there)

    def describe_single(self, at: int, siblings: tuple[int, ...]) -> Candidate | None:
        """Return a payment of one invoice; ``None`` if it cannot be one.

        :param at: Place of the invoice.
        :param siblings: Equal invoices that would do as well, the oldest first.
        """
        found = self.class_of(at)
        level = self.quotes.get(at)
        if found is None or (
            self.reading.is_processor and found in _NOT_OF_PROCESSORS and level not in PLAIN_QUOTES
        ):
            return None
        candidate = Candidate((at,), found, siblings)
        out = candidate.features
        out.append(f.FORM.base)
        if level is None:
            quote = self._unquoted((at,))
            out.append(quote)
            candidate.is_doubted = quote in _DOUBTS
            candidate.is_question = quote in _STALE
            candidate.is_contradicted = quote in _OTHERS_QUOTED
            candidate.quoted = _quoted_place(quote)
        else:
            shared = self.reading.shared.get(at, 1) > 1
            out.append(f.QUOTE.base + level * 2 + shared)
            if level >= Quote.PLAIN:
                chance = self.reading.chance.get(at, 0.0)
                out.append(f.CHANCE.base + bisect_left(_CHANCE_STEPS, chance))
            candidate.quoted = f.QUOTED_OF[level] if not shared else 2
            candidate.is_plain = level in PLAIN_QUOTES and not shared
            besides = self._besides((at,))
            out.append(besides)
            candidate.is_doubted = besides in _BESIDES_DOUBTS
            candidate.is_contradicted = besides == _BESIDES_SLIP
        out.append(f.AMOUNT.base + f.AMOUNT_PLACE[found])
        if found is AmountClass.EXACT:
            currency = self.index.invoices[at].currency
            share = self.index.share_of_amount(currency, self.index.balances[at])
            rarity = bisect_left(_RARITY_STEPS, share)
            out.append(f.RARITY.base + rarity)
            candidate.fit = _USUAL if rarity >= _FREQUENT else _EXACT
        self._add_common(candidate, at, at, is_unquoted=level is None)
        if level is Quote.TYPO and candidate.known >= _STRANGER:
            candidate.is_question = True
        return candidate

    # ------------------------------------------------------------------- features

    def _unquoted(self, members: Sequence[int]) -> int:
        """Return what the payment quotes instead of invoices that it does not quote."""
        reading = self.reading
        others = {level for at, level in self.quotes.items() if at not in members}
        if reading.closed:
            found = _CLOSED
        elif (reading.loose or reading.numbers) and self.index.ends_closed_of(
            self.index.customer_of[members[0]], (*reading.loose, *reading.numbers)
        ):
            found = _CLOSED_END
        elif not others.isdisjoint(PLAIN_QUOTES):
            found = _OTHER_EXACT if self._is_another_exact(members) else _OTHER_PLAIN
        elif reading.strange:
            found = _STRANGE + self._seniority()
        elif reading.cuts:
            found = _CUT_FITS if self._are_cut_so(members) else _CUT_OTHER
        elif others:
            found = _OTHER_VAGUE if others.isdisjoint(_ENDING) else _OTHER_END
        elif any(len(digits) in self.index.end_lengths for digits in reading.loose):
            found = _STRAY_END
        else:
            found = _STRAY if reading.stray else _SILENT
        return found

    def _are_cut_so(self, members: Sequence[int]) -> bool:
        """Return whether each number begins as one does that the text was cut off in."""
        cuts = tuple(self.reading.cuts)
        return all(compact(self.index.invoices[at].number).startswith(cuts) for at in members)

    def _is_another_exact(self, members: Sequence[int]) -> bool:
        """Return whether another invoice is quoted by its very number, and open with this amount.

        That is what the payment is for, whatever past payments of the payer were for.
        """
        return any(
            at not in members
            and level in PLAIN_QUOTES
            and self.reading.shared.get(at, 1) == 1
            and self.class_of(at) is AmountClass.EXACT
            for at, level in self.quotes.items()
        )

    def _seniority(self) -> int:
        """Return when the strange number that looks oldest would have been issued."""
        return min(
            2 if (found := self.index.seniority(number)) is None else found
            for number in self.reading.strange
        )

    def _besides(self, members: Sequence[int]) -> int:
        """Return what the payment quotes beside invoices that it quotes."""
        reading = self.reading
        if not self.slipped.isdisjoint(members):
            return _BESIDES_SLIP
        others = [
            level
            for at, level in self.quotes.items()
            if at not in members and level is not Quote.TYPO
        ]
        if any(level in PLAIN_QUOTES for level in others):
            return f.BESIDES.base + 2
        if reading.closed:
            return f.BESIDES.base + 4
        if reading.strange and not any(self.quotes.get(at) in _EXPLAINING for at in members):
            return f.BESIDES.base + 3
        if others:
            return f.BESIDES.base + 1
        is_cut = reading.cuts or (
            reading.goes_on and all(self.quotes.get(at) in PLAIN_QUOTES for at in members)
        )
        return f.BESIDES["cut"] if is_cut else _BESIDES_NOTHING

    def _add_common(
        self, candidate: Candidate, oldest: int, newest: int, *, is_unquoted: bool
    ) -> None:
        """Add what does not depend on whether it is one invoice or several."""
        index, reading = self.index, self.reading
        out = candidate.features
        customer = index.customer_of[oldest]
        base, known = self._of_payer(customer)
        out += base
        candidate.known = known
        out.append(f.LAG.base + _lag_bin(reading.booked, index.issued[newest], index.due[newest]))
        if index.issued[newest] - reading.booked > EARLY_DAYS:
            candidate.is_doubted = True
        surprise = index.habit_surprise(newest, reading.payment.booking_date)
        out.append(f.HABIT.base + _habit_bin(surprise))
        payer = self.payers.of(customer)
        if is_unquoted:
            invoices = index.customers[customer].invoices
            count = len(invoices)
            age = invoices.index(oldest) if count <= CUSTOMER_INVOICES_MAX else 3
            out.append(f.AGE.base + min(age, 3))
            out.append(f.OPEN.base + bisect_left(_OPEN_STEPS, count))
            if payer.rank == Rank.NOBODY:
                equal = index.by_amount.get(
                    (index.invoices[oldest].currency, index.balances[oldest]), ()
                )
                out.append(f.CROWD.base + min(max(len(equal) - 1, 0), 2))
        self._add_words(candidate)
        self._add_sayings(candidate)
        self._add_other_meanings(candidate)
        quoted, fit = candidate.quoted, candidate.fit
        if (
            fit == _LOOSE
            and reading.is_processor
            and candidate.amount_class is AmountClass.PROCESSOR_FEE
        ):
            fit = candidate.fit = _TIGHT
        if reading.is_processor:
            is_named = payer.in_text not in {InText.NOTHING, InText.OTHERS}
            told = 0 if quoted <= _VAGUE else 1 if is_named else 2
            out.append(f.PROCESSOR.base + fit * 3 + told)
        if index.invoices[oldest].currency != reading.payment.currency:
            out.append(f.FOREIGN.base + quoted)
        out.append(f.agreement(quoted, fit, known))

    def _add_sayings(self, candidate: Candidate) -> None:
        """Add whether it is as many invoices, and as much of them, as the text says."""
        reading, out = self.reading, candidate.features
        if reading.further and candidate.quoted <= _VAGUE:
            differs = len(candidate.members) != reading.further + 1
            out.append(f.FURTHER.base + differs)
        if reading.is_part:
            is_part = candidate.amount_class in _PARTS or any(
                self.index.balances[at] < self.index.totals[at] for at in candidate.members
            )
            out.append(f.PART_SAID.base + (not is_part))

    def _add_other_meanings(self, candidate: Candidate) -> None:
        """Add what else the amount may mean."""
        index, reading, out = self.index, self.reading, candidate.features
        found, members = candidate.amount_class, candidate.members
        if candidate.credits or (found is AmountClass.EXACT and len(members) == 1):
            return
        is_unquoted = candidate.quoted > _NUMBER
        is_listed = any(each in _BESIDES_ANYTHING for each in out)
        if found is not AmountClass.EXACT or not candidate.is_plain:
            out += other_meanings(
                index,
                reading,
                members,
                found,
                self.class_abroad,
                is_plain=not is_unquoted and not is_listed,
            )
        if found is AmountClass.EXACT:
            return
        if is_listed:
            out.append(f.OTHERWISE["listed"])
        if is_unquoted and index.invoices[members[0]].currency == reading.payment.currency:
            share = index.share_of_price(reading.payment.currency, reading.amount)
            if share is not None:
                out.append(f.PRICE["usual" if share > _USUAL_PRICE_MIN else "some"])

    def _of_payer(self, customer: int) -> tuple[list[int], int]:
        known = self._of_payers.get(customer)
        if known is None:
            known = self._of_payers[customer] = self._payer_features(customer)
        return known

    def _payer_features(self, customer: int) -> tuple[list[int], int]:
        reading = self.reading
        payer: Payer = self.payers.of(customer)
        numbered = 1 if payer.is_numbered else 2 if reading.customers else 0
        found = [
            f.ACCOUNT.base + payer.account,
            f.ALIAS.base + payer.alias,
            f.NAME.base + payer.name,
            f.IN_TEXT.base + payer.in_text,
            f.CUSTOMER_NUMBER.base + numbered,
            f.RANK.base + payer.rank,
        ]
        memory = self.index.memory
        if memory.refusals:
            weight = memory.refusal_weight(
                self.index.customers[customer].id,
                reading.iban,
                reading.name,
                reading.payment.booking_date,
            )
            if weight > _REFUSED_MIN:
                found.append(f.REFUSED.base + (weight < _LATELY_MIN))
        return found, f.known_place(
            payer.account, payer.alias, payer.name, payer.in_text, payer.is_numbered
        )

    def _add_words(self, candidate: Candidate) -> None:
        reading, out = self.reading, candidate.features
        quoted = min(candidate.quoted, 3)
        is_otherwise = reading.is_prepayment or reading.is_own or reading.is_misc
        says_otherwise = is_otherwise and quoted > _NUMBER
        if reading.is_repeat or reading.payment.explained or says_otherwise:
            candidate.is_doubted = True
        if reading.is_prepayment:
            out.append(f.WORDS.base + quoted)
        if reading.is_own:
            out.append(f.WORDS.base + 4 + quoted)
        if reading.is_misc:
            out.append(f.WORDS.base + 8 + quoted)
        if reading.is_order:
            out.append(f.WORDS.base + 12 + quoted)
        if reading.is_repeat:
            out.append(f.REPEAT.base + (quoted > _VAGUE))
        if reading.payment.explained:
            candidate.is_remainder = True
            out.append(f.REMAINDER.base + (quoted > _VAGUE))

    def describe_set(
        self,
        form: str,
        members: tuple[int, ...],
        found: AmountClass,
        *,
        others: int = 0,
        chance: float | None = None,
        open_: Sequence[int] = (),
        credits_: tuple[int, ...] = (),
    ) -> Candidate:
        """Return a payment of several invoices, or of some less credit.

        :param form: What makes them a set: a word of the group ``form`` without its size.
        :param members: Places of the invoices, the oldest debt first.
        :param found: How the amount relates to their sum.
        :param others: How many other sets fit as well.
        :param chance: How likely some would add up to it by accident, as log2.
        :param open_: All open invoices that they were chosen from.
        :param credits_: Places of the customer's credits that were deducted.
        """
        index = self.index
        key = frozenset(members)
        newest = max(members, key=lambda at: (index.issued[at], index.order[at]))
        candidate = Candidate(members, found, others=others)
        candidate.fixed = tuple(
            at for at in members if self.quotes.get(at, Quote.TYPO) not in _PERHAPS_QUOTED
        )
        balances = {index.balances[at] for at in members if at not in candidate.fixed}
        candidate.spares = tuple(
            at for at in open_ if at not in key and index.balances[at] in balances
        )
        candidate.credits = credits_
        out = candidate.features
        if credits_:
            is_told = not set(credits_).isdisjoint(self.reading.credits)
            out.append(f.DEDUCTED.base + (not is_told))
        is_all = form in {"run", "sum"} and len(members) == len(open_)
        out.append(_form(form, len(members), is_all=is_all))
        levels = [self.quotes[at] for at in members if at in self.quotes]
        strong = [level for level in levels if level in PLAIN_QUOTES]
        is_unquoted = not levels
        if is_unquoted and form != "list":
            quote = self._unquoted(members)
            candidate.is_doubted = quote in _DOUBTS
            candidate.is_question = quote in _STALE
            candidate.is_contradicted = quote in _OTHERS_QUOTED
            candidate.quoted = _quoted_place(quote)
        else:
            quote = (
                f.QUOTE.base
                + _LIST_BASE
                + (
                    0
                    if len(strong) == len(members)
                    else (1 if form == "list" else 2)
                    if strong
                    else 3
                )
            )
            candidate.quoted = (1, 2, 2, 2)[quote - f.QUOTE.base - _LIST_BASE]
            unquoted = [at for at in members if at not in self.quotes]
            if strong and unquoted and self.reading.cuts and self._are_cut_so(unquoted):
                quote = _LIST_CUT
            candidate.is_plain = len(strong) == len(members)
            besides = self._besides(members)
            out.append(besides)
            candidate.is_doubted = besides in _BESIDES_DOUBTS
            candidate.is_contradicted = besides == _BESIDES_SLIP
        out.append(quote)
        out.append(f.AMOUNT.base + f.AMOUNT_PLACE[found] + 1)
        if chance is not None:
            likely = bisect_left(_SUM_STEPS, chance)
            out.append(f.SUM_CHANCE.base + likely)
            if found is AmountClass.EXACT and likely > 1:
                candidate.fit = _USUAL
        if form in {"sum", "across"} and is_unquoted:
            out.append(f.SOLUTIONS.base + min(others, 2))
        self._add_common(candidate, members[0], newest, is_unquoted=is_unquoted)
        if form == "across":
            candidate.is_doubted = True
        return candidate


_LIST_BASE = 2 * len(Quote)
#: Quotes that may be of another invoice as well.
_PERHAPS_QUOTED = frozenset((Quote.TYPO, Quote.CUT))
#: Quotes by which a strange number is none.
_EXPLAINING = frozenset((Quote.TYPO, Quote.END))
_ENDING = frozenset((Quote.TAIL_LONG, Quote.TAIL_SHORT, Quote.END))
_SILENT = f.QUOTE["silent"]
_STRAY = f.QUOTE["stray"]
_STRAY_END = f.QUOTE["stray_end"]
_OTHER_END = f.QUOTE["other_end"]
_OTHER_VAGUE = f.QUOTE["other_vague"]
_OTHER_PLAIN = f.QUOTE["other_plain"]
_OTHER_EXACT = f.QUOTE["other_exact"]
_STRANGE = f.QUOTE["strange_old"]
_CLOSED = f.QUOTE["closed"]
_CLOSED_END = f.QUOTE["closed_end"]
_CUT_FITS = f.QUOTE["cut_fits"]
_CUT_OTHER = f.QUOTE["cut_other"]
_LIST_CUT = f.QUOTE["list_cut"]
_BESIDES_NOTHING = f.BESIDES["nothing"]
_BESIDES_SLIP = f.BESIDES["slip"]
_BESIDES_DOUBTS = frozenset(f.BESIDES[each] for each in ("plain", "strange", "closed", "slip"))
#: What speaks against invoices that the payment does not quote. A number beyond all that we have
#: issued is somebody else's: an order's, say.
_DOUBTS = frozenset(
    (
        *(_STRAY_END, _OTHER_END, _OTHER_PLAIN, _OTHER_EXACT, _STRANGE, _STRANGE + 1),
        *(_CLOSED, _CLOSED_END, _CUT_FITS, _CUT_OTHER),
    )
)
_OTHERS_QUOTED = frozenset((_OTHER_PLAIN, _OTHER_EXACT))
_STALE = frozenset((_STRANGE, _CLOSED, _CUT_OTHER))
_BESIDES_ANYTHING = frozenset(f.BESIDES[each] for each in f.BESIDES.answers[1:])
_USUAL_PRICE_MIN = -9.0
_STRANGER = 4
_REFUSED_MIN = 0.1
_LATELY_MIN = 0.5

#: Places in ``features.QUOTED`` and ``features.FITS``.
_NUMBER, _VAGUE = 1, 2
_EXACT, _USUAL, _TIGHT, _LOOSE = 0, 1, 2, 3

#: A place in the answers on how rare an amount is.
_FREQUENT = 3


def _quoted_place(quote: int) -> int:
    """Return the place in ``features.QUOTED`` of what is quoted instead of an invoice."""
    return 3 if quote <= _OTHER_END or quote == _CUT_FITS else 4


def _form(form: str, size: int, *, is_all: bool) -> int:
    if form == "list":
        return f.FORM["list2"] + min(size, 4) - 2
    if is_all:
        return f.FORM["all2"] + (size > 2)  # noqa: PLR2004  # two, or more
    return f.FORM[f"{form}2"] + (size > 2)  # noqa: PLR2004  # two, or more


_CHANCE_STEPS = (-9, -5, -2)
_RARITY_STEPS = (-9, -7, -5, -3)
_SUM_STEPS = (-8, -5, -2)
_LAG_STEPS = (-15, 3, 15, 40, 90)
_HABIT_STEPS = (5, 12, 25)
_OPEN_STEPS = (1, 2, 5, 12)


def _lag_bin(booked: int, issued: int, due: int) -> int:
    before = issued - booked
    if before > 0:
        return 0 if before > EARLY_DAYS else 1
    return 2 + bisect_left(_LAG_STEPS, booked - due)


def _habit_bin(surprise: float | None) -> int:
    return 0 if surprise is None else 1 + bisect_left(_HABIT_STEPS, surprise)
