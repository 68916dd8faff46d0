"""What a payment may be for: single invoices, and sets of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from math import log2

from payymo.domain.enums import AmountClass
from payymo.domain.matching.amounts import CENT, classify, gross_amounts, units_of
from payymo.domain.matching.description import (
    CUSTOMER_INVOICES_MAX,
    Candidate,
    Describer,
)
from payymo.domain.matching.index import EARLY_DAYS, InvoiceIndex
from payymo.domain.matching.normalise import compact
from payymo.domain.matching.payers import Payers
from payymo.domain.matching.reading import PLAIN_QUOTES, Quote, Reading, is_slip_of, slips_to
from payymo.domain.matching.slips import find_slipped
from payymo.domain.matching.subsets import find_subsets

_PARTS_INVOICES_MAX = 6
_AMOUNT_CANDIDATES_MAX = 5
_SET_INVOICES_MAX = 16
_CREDITS_MAX = 8
_SET_SIZE_MAX = 12
_SET_PAYERS_MAX = 3
_SET_BITS_MIN = 4.0
_SEVERAL = 2
_END_LENGTH_MIN = 2
_SINGLE_END_LENGTH_MIN = 3
_LAST_DIGITS = 2
_RUN_CLASSES = frozenset(
    (
        AmountClass.ROUNDED,
        AmountClass.BANK_FEE,
        AmountClass.DISCOUNT,
        AmountClass.PROCESSOR_FEE,
        AmountClass.LATE_DISCOUNT,
    )
)
#: What is quoted together is meant together, though a fee takes more than the smallest of it.
_QUOTED_FORMS = frozenset(("list", "across"))
_UNUSUAL = frozenset((AmountClass.PART, AmountClass.FAR_OVER))
#: A processor passes on what was paid, or that less its fee.
_LIST_CLASSES_NOT = frozenset((AmountClass.PART, AmountClass.FAR_OVER, AmountClass.SHARE))


class Finder:
    """Finds the candidates of payments in one book.

    :param rates: Mid rates, units of a currency for one euro; without them, and without what the
        payer ordered, amounts are compared within one currency only.
    """

    def __init__(self, index: InvoiceIndex, rates: Mapping[str, float]) -> None:
        self.index = index
        self.rates = rates

    def find(
        self, reading: Reading, payers: Payers, refused: Collection[int] = ()
    ) -> list[Candidate]:
        """Return what a payment may be for, in no particular order.

        :param refused: Places of invoices that a person refused for it.
        """
        search = _Search(self, reading, payers, refused)
        search.look_for_singles()
        search.look_for_sets()
        return search.found


class _Search:
    """The candidates of one payment while they are looked for."""

    def __init__(
        self, finder: Finder, reading: Reading, payers: Payers, refused: Collection[int]
    ) -> None:
        self.index = finder.index
        self.reading = reading
        self.payers = payers
        self.refused = refused
        self.found: list[Candidate] = []
        self.describer = Describer(finder.index, finder.rates, reading, payers)
        self.quotes = self.describer.quotes
        self.has_exact = False
        #: Invoices that may have been meant, by place, with those that are quoted instead.
        self._slips: dict[int, int] = {}

    # ------------------------------------------------------------------- singles
    def look_for_singles(self) -> None:
        places: set[int] = set()
        for at in self.quotes:
            if self.describer.class_of(at) is not None:
                places.add(at)
        for customer in self.payers.by_customer:
            places.update(self._of_customer(customer))
        if self.reading.loose or self.reading.strange or self.reading.years:
            self._add_ends(places)
        if self.reading.cuts:
            self._add_beginnings(places)
        self._add_by_amount(places)
        self._add_slips(places)
        self._add_meant(places)
        if self.refused:
            places.difference_update(self.refused)
        index, booked = self.index, self.reading.booked
        groups: dict[tuple[object, ...], list[int]] = {}
        for at in places:
            level = self.quotes.get(at)
            key = (
                index.customer_of[at],
                index.balances[at],
                index.totals[at],
                index.invoices[at].currency,
                None
                if level is None
                else (level, self.reading.shared.get(at, 1), at)
                if level in {Quote.TYPO, Quote.CUT} or self.reading.shared.get(at, 1) == 1
                else (level, self.reading.shared.get(at, 1)),
                index.issued[at] - booked > EARLY_DAYS,
            )
            groups.setdefault(key, []).append(at)
        for group in groups.values():
            if len(group) > 1:
                group.sort(key=index.order.__getitem__)
            self._add_single(group[0], tuple(group[1:]))

    def _of_customer(self, customer: int) -> Iterator[int]:
        """Yield the customer's invoices that a payment of this amount may be for."""
        index, currency = self.index, self.reading.payment.currency
        exact = index.by_customer_amount.get((customer, currency, self.reading.amount))
        if exact:
            self.has_exact = True
            yield from exact[:CUSTOMER_INVOICES_MAX]
            return
        invoices = index.customers[customer].invoices
        few = len(invoices) <= _PARTS_INVOICES_MAX
        for at in invoices[:CUSTOMER_INVOICES_MAX]:
            found = self.describer.class_of(at)
            if found is not None and (few or found not in _UNUSUAL):
                yield at

    def _add_by_amount(self, places: set[int]) -> None:
        index, reading = self.index, self.reading
        currency = reading.payment.currency
        equal = index.by_amount.get((currency, reading.amount), ())
        if len(equal) <= _AMOUNT_CANDIDATES_MAX:
            places.update(equal)
        if reading.is_processor and not places:
            net: set[int] = set()
            for gross in gross_amounts(reading.amount):
                net.update(index.by_amount.get((currency, gross), ()))
            if len(net) <= _AMOUNT_CANDIDATES_MAX:
                places.update(net)

    def _add_ends(self, places: set[int]) -> None:
        """Note which of the invoices at hand are quoted by the ends of their numbers."""
        invoices = self.index.invoices
        for digits in (*self.reading.loose, *self.reading.strange, *self.reading.years):
            if len(digits) < _SINGLE_END_LENGTH_MIN or not digits.isdigit():
                continue
            ending = [
                at
                for at in places
                if at not in self.quotes
                and invoices[at].number.endswith(digits[-_LAST_DIGITS:])
                and _digits(invoices[at].number).endswith(digits)
            ]
            if len(ending) == 1:
                self.quotes[ending[0]] = Quote.END

    def _add_beginnings(self, places: set[int]) -> None:
        """Note which of the invoices at hand a text was cut off within the numbers of."""
        for cut in self.reading.cuts:
            beginning = [
                at
                for at in places
                if at not in self.quotes and compact(self.index.invoices[at].number).startswith(cut)
            ]
            if len(beginning) == 1:
                self.quotes[beginning[0]] = Quote.CUT

    def _add_slips(self, places: set[int]) -> None:
        """Add the invoices of just this amount whose number is one slip away from one quoted."""
        reading = self.reading
        if not reading.strange:
            return
        near = [
            at
            for at in places
            if at not in self.quotes and is_slip_of(reading.strange, self.index.slip_keys(at))
        ]
        if not near and PLAIN_QUOTES.isdisjoint(reading.hits.values()):
            near = [
                at
                for at in set(slips_to(self.index, reading.strange))
                if self.describer.class_of(at) is AmountClass.EXACT
                or self.index.customer_of[at] in self.payers.by_customer
            ]
        for at in near:
            self.quotes.setdefault(at, Quote.TYPO)
            found = self.describer.class_of(at)
            if found is not None and found not in _UNUSUAL:
                places.add(at)

    def _add_meant(self, places: set[int]) -> None:
        """Add the invoices that may have been meant where others are quoted."""
        for at, meant in find_slipped(self.index, self.reading, self.payers, self.quotes):
            self.describer.slipped.add(at)
            self._slips[meant] = at
            places.add(meant)

    def _add_single(self, at: int, siblings: tuple[int, ...]) -> None:
        candidate = self.describer.describe_single(at, siblings)
        if candidate is not None:
            self.found.append(candidate)

    # ----------------------------------------------------------------------- sets

    def look_for_sets(self) -> None:
        """Add the sets of invoices that were quoted together, or add up."""
        seen: set[frozenset[int]] = set()
        plain = [
            at
            for at, level in self.quotes.items()
            if (level in PLAIN_QUOTES or level in _LISTED) and at not in self.refused
        ]
        currency = self.reading.payment.currency
        foreign = [at for at in plain if self.index.invoices[at].currency != currency]
        if foreign:
            plain = [at for at in plain if at not in foreign]
            if len({self.index.invoices[at].currency for at in foreign}) == 1:
                self._add_set("list", foreign, seen, limit=_LIST_CLASSES_NOT)
        by_customer: dict[int, list[int]] = {}
        for at in plain:
            by_customer.setdefault(self.index.customer_of[at], []).append(at)
        if len(by_customer) > 1:
            self._add_across(plain, seen)
            self._add_meant_together(plain, seen)
        customers, ranked = self._customers_in_question(by_customer)
        for customer, quoted in customers.items():
            if len(self.index.customers[customer].invoices) > 1:
                self._add_sets_of(customer, quoted, seen)
            if self.index.credits and not self.has_exact:
                self._add_netted(customer, quoted, seen)
        if ranked > 1 and not self.has_exact and not by_customer:
            self._add_siblings_together(seen)

    def _customers_in_question(
        self, by_customer: Mapping[int, list[int]]
    ) -> tuple[dict[int, list[int]], int]:
        """Return whose invoices may be paid together, with those quoted, and how many payers."""
        customers = dict(by_customer)
        ranked = 0
        for customer, payer in self.payers.by_customer.items():
            if payer.bits >= _SET_BITS_MIN and ranked < _SET_PAYERS_MAX:
                customers.setdefault(customer, [])
                ranked += 1
        return customers, ranked

    def _add_netted(self, customer: int, quoted: list[int], seen: set[frozenset[int]]) -> None:
        """Add what adds up to the amount and the customer's credit: one of it alone, or all."""
        index, currency = self.index, self.reading.payment.currency
        known = index.credits_of.get((index.customers[customer].id, currency), ())
        if not known or len(known) > _CREDITS_MAX:
            return
        open_ = self._open_of(customer)
        strong = [at for at in quoted if self.quotes[at] in PLAIN_QUOTES]
        balances = [units_of(index.credits[each].balance) for each in known]
        ways: dict[tuple[int, ...], int] = {tuple(known): sum(balances)}
        ways |= {
            (each,): balance
            for each, balance in zip(known, balances, strict=True)
            if balances.count(balance) == 1
        }
        for credits_, deducted in ways.items():
            owed = self.reading.amount + deducted
            rest = owed - sum(index.balances[at] for at in strong)
            free = [at for at in open_ if at not in strong][:_SET_INVOICES_MAX]
            solutions = find_subsets([index.balances[at] for at in free], rest) if rest > 0 else ()
            chosen = [[free[place] for place in way] for way in solutions] if rest else [[]]
            for others in chosen:
                members = tuple(sorted([*strong, *others], key=index.order.__getitem__))
                if (
                    members
                    and (key := frozenset((*members, *(~each for each in credits_)))) not in seen
                ):
                    seen.add(key)
                    self.found.append(
                        self.describer.describe_set(
                            "netted",
                            members,
                            AmountClass.EXACT,
                            others=max(len(chosen) - 1, 0),
                            chance=_chance_of_sum(len(free), owed) if others else None,
                            open_=open_,
                            credits_=credits_,
                        )
                    )

    def _open_of(self, customer: int) -> list[int]:
        index, reading = self.index, self.reading
        currency = reading.payment.currency
        return [
            at
            for at in index.customers[customer].invoices[:CUSTOMER_INVOICES_MAX]
            if index.invoices[at].currency == currency
            and index.issued[at] - reading.booked <= EARLY_DAYS
            and at not in self.refused
        ]

    def _add_sets_of(self, customer: int, quoted: list[int], seen: set[frozenset[int]]) -> None:
        index, reading = self.index, self.reading
        open_ = self._open_of(customer)
        if len(open_) < _SEVERAL:
            return
        amount = reading.amount
        if quoted:
            self._add_lists(quoted, open_, seen)
        smallest = min(index.balances[at] for at in open_)
        if amount <= smallest:
            return
        strong = [at for at in quoted if self.quotes[at] in PLAIN_QUOTES]
        if (
            self.has_exact or any(self.describer.class_of(at) is AmountClass.EXACT for at in strong)
        ) and not (len(strong) > 1):
            return
        if any(
            candidate.amount_class is AmountClass.EXACT and len(candidate.members) > 1
            for candidate in self.found
        ):
            return
        self._add_sums(strong, open_, seen)
        if not strong:
            self._add_runs(open_, seen)

    def _add_lists(self, quoted: list[int], open_: list[int], seen: set[frozenset[int]]) -> None:
        """Add what exactly is quoted, with and without the ends of numbers and the vague ones."""
        strong = [at for at in quoted if self.quotes[at] in PLAIN_QUOTES]
        ends = self._quoted_by_end(open_, quoted)
        cuts = [at for at in quoted if self.quotes[at] is Quote.CUT]
        if len(cuts) > 1:
            # One piece of a number, which is one of these.
            quoted = [at for at in quoted if at not in cuts]
            for at in cuts:
                if 1 < len(quoted) + len(ends) + 1 <= _SET_SIZE_MAX:
                    self._add_set("list", [*quoted, *ends, at], seen, limit=_LIST_CLASSES_NOT)
        for chosen in (
            [*quoted, *ends, *self._quoted_by_slip(open_, quoted)],
            [*quoted, *ends],
            [*strong, *ends],
            quoted,
            strong,
        ):
            if 1 < len(chosen) <= _SET_SIZE_MAX:
                self._add_set("list", chosen, seen, limit=_LIST_CLASSES_NOT)

    def _quoted_by_slip(self, open_: Sequence[int], quoted: Sequence[int]) -> list[int]:
        """Return the invoices that strange numbers are a slip away from: one for each of those."""
        found: list[int] = []
        for number in self.reading.strange:
            near = [
                at
                for at in open_
                if at not in quoted
                and at not in found
                and self.quotes.get(at, Quote.TYPO) is Quote.TYPO
                and is_slip_of((number,), self.index.slip_keys(at))
            ]
            if len(near) == 1:
                found += near
        return found

    def _quoted_by_end(self, open_: Sequence[int], quoted: Sequence[int]) -> list[int]:
        """Return the invoices that are quoted by the ends of their numbers: ``22257 & 386``."""
        found: list[int] = []
        digits_of = {at: _digits(self.index.invoices[at].number) for at in open_}
        loose = [*self.reading.loose, *self.reading.strange]
        for digits in dict.fromkeys(loose):
            if len(digits) < _END_LENGTH_MIN or not digits.isdigit():
                continue
            ending = [
                at
                for at in open_
                if at not in quoted and at not in found and digits_of[at].endswith(digits)
            ]
            if len(ending) == 1:
                found += ending
        return found

    def _add_sums(self, strong: list[int], open_: list[int], seen: set[frozenset[int]]) -> None:
        """Add what adds up to the amount, whatever is quoted plainly included."""
        balances = self.index.balances
        rest = self.reading.amount - sum(balances[at] for at in strong)
        if rest <= 0:
            return
        free = [at for at in open_ if at not in strong][:_SET_INVOICES_MAX]
        solutions = find_subsets([balances[at] for at in free], rest)
        chance = _chance_of_sum(len(free), rest)
        for chosen in solutions:
            places = [*strong, *(free[position] for position in chosen)]
            if len(places) > 1:
                self._add_set(
                    "sum",
                    places,
                    seen,
                    others=len(solutions) - 1,
                    chance=chance,
                    open_=open_,
                )

    def _add_runs(self, open_: list[int], seen: set[frozenset[int]]) -> None:
        """Add the oldest debts, and the oldest equal ones, that come near the amount."""
        index, amount = self.index, self.reading.amount
        self._add_run("run", open_, amount, seen, open_)
        by_balance: dict[int, list[int]] = {}
        for at in open_:
            by_balance.setdefault(index.balances[at], []).append(at)
        if len(by_balance) > 1:
            for equal in by_balance.values():
                if len(equal) > 1:
                    self._add_run("equal", equal, amount, seen, open_)

    def _add_run(
        self, form: str, places: list[int], amount: int, seen: set[frozenset[int]], open_: list[int]
    ) -> None:
        balances = self.index.balances
        total = 0
        for count, at in enumerate(places[:_SET_SIZE_MAX], start=1):
            total += balances[at]
            if total < amount * 0.97 or count == 1:  # what may be missing
                continue
            self._add_set(form, places[:count], seen, only=_RUN_CLASSES, open_=open_)
            if total > amount * 1.1 and total > amount + 25 * 100 * CENT:
                break

    def _add_across(self, plain: list[int], seen: set[frozenset[int]]) -> None:
        """Add the invoices of several customers that are quoted together: an agent's list."""
        strong = [at for at in plain if self.quotes[at] in PLAIN_QUOTES]
        for chosen in (plain, strong):
            if 1 < len(chosen) <= _SET_SIZE_MAX:
                self._add_set("across", chosen, seen, limit=_LIST_CLASSES_NOT)

    def _add_meant_together(self, plain: list[int], seen: set[frozenset[int]]) -> None:
        """Add what is quoted with a slip put right, if then it is all of one customer."""
        meant = {at: instead for instead, at in self._slips.items()}
        chosen = [meant.get(at, at) for at in plain]
        if meant and len({self.index.customer_of[at] for at in chosen}) == 1:
            self._add_set("list", chosen, seen, limit=_LIST_CLASSES_NOT)

    def _add_siblings_together(self, seen: set[frozenset[int]]) -> None:
        """Add what adds up over customers who share a payer: siblings of one group."""
        index = self.index
        together: list[int] = []
        for customer, payer in list(self.payers.by_customer.items())[:_SET_PAYERS_MAX]:
            if payer.bits >= _SET_BITS_MIN:
                together += self._open_of(customer)
        together = sorted(together, key=index.order.__getitem__)
        if not 1 < len(together) <= _SET_INVOICES_MAX:
            return
        solutions = find_subsets([index.balances[at] for at in together], self.reading.amount)
        for chosen in solutions:
            places = [together[position] for position in chosen]
            if len({index.customer_of[at] for at in places}) > 1:
                self._add_set(
                    "across",
                    places,
                    seen,
                    others=len(solutions) - 1,
                    chance=_chance_of_sum(len(together), self.reading.amount),
                    open_=together,
                )

    def _add_set(
        self,
        form: str,
        chosen: Iterable[int],
        seen: set[frozenset[int]],
        *,
        others: int = 0,
        chance: float | None = None,
        limit: Collection[AmountClass] = (),
        only: Collection[AmountClass] | None = None,
        open_: Sequence[int] = (),
    ) -> None:
        index, reading = self.index, self.reading
        members = tuple(sorted(set(chosen), key=index.order.__getitem__))
        key = frozenset(members)
        if key in seen or len(members) < 2:  # noqa: PLR2004  # several are two
            return
        total = sum(index.balances[at] for at in members)
        newest = max(members, key=lambda at: (index.issued[at], index.order[at]))
        currency = index.invoices[newest].currency
        days = reading.booked - index.issued[newest]
        if currency != reading.payment.currency:
            abroad = self.describer.class_abroad(currency, total)
            if abroad is None:
                return
            found = abroad
        else:
            found = classify(reading.amount, total, total, days)
            is_short = form in _QUOTED_FORMS and found in _RUN_CLASSES
            if not is_short and reading.amount <= max(index.balances[at] for at in members):
                return
        if found in limit or (only is not None and found not in only) or found is AmountClass.PART:
            return
        seen.add(key)
        self.found.append(
            self.describer.describe_set(
                form, members, found, others=others, chance=chance, open_=open_
            )
        )


_LISTED = frozenset(
    (
        Quote.TAIL_LONG,
        Quote.TAIL_SHORT,
        Quote.JOINED,
        Quote.DATE_LIKE,
        Quote.CUSTOMER_LIKE,
        Quote.CUT,
    )
)


@lru_cache(maxsize=262_144)
def _digits(number: str) -> str:
    return "".join(sign for sign in number if sign.isdigit())


def _chance_of_sum(count: int, amount: int) -> float:
    """Return how likely some of ``count`` invoices add up to an amount by accident, as log2."""
    return min(count, _SET_INVOICES_MAX) - log2(max(amount / CENT, 1.0))
