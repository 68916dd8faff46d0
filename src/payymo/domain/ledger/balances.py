"""Which of the balances that a bank reports is the booked one.

Banks report up to a dozen balances of one account, and do not agree which of them is the sum of
the booked rows. Everything here is pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from payymo.domain.enums import BalanceType

_NO_CURRENCY: Final = "XXX"

#: One way to reckon a booked balance: reported balances, each with its sign, to be added up.
type BalanceSum = tuple[tuple[BalanceType, int], ...]


class ReportedBalance(Protocol):
    """A balance as the bank reports it: a record of a provider, or a row of the database."""

    @property
    def balance_type(self) -> BalanceType:
        """Which balance it is."""

    @property
    def amount(self) -> Decimal:
        """How much, as reported."""

    @property
    def currency(self) -> str:
        """ISO 4217 code; ``XXX`` where the bank did not say."""

    @property
    def credit_limit_included(self) -> bool | None:
        """Whether money that the bank would lend is counted in, where told."""

    @property
    def reference_date(self) -> date | None:
        """The day that it is true for, where given."""


@dataclass(frozen=True, slots=True)
class BalanceRule:
    """How one bank's booked balance is found.

    :ivar sums: Ways to reckon it, the best first; the first of which everything is reported
        counts.
    """

    sums: tuple[BalanceSum, ...]


@dataclass(frozen=True, slots=True)
class BookedBalance:
    """What the booked rows of an account should add up to.

    :ivar amount: Signed: negative is debt.
    :ivar currency: ISO 4217 code; rows in other currencies do not count towards it.
    :ivar reference_date: The day at whose end it is true, where the bank gives one.
    :ivar balance_types: The reported balances that it comes from.
    """

    amount: Decimal
    currency: str
    reference_date: date | None
    balance_types: tuple[BalanceType, ...]

    @property
    def may_include_pending(self) -> bool:
        """Whether pending rows may be counted in: banks differ in what they expect."""
        return BalanceType.EXPECTED in self.balance_types


def first_of(*balance_types: BalanceType) -> BalanceRule:
    """Return the rule to take the first of some balances that is reported."""
    return BalanceRule(tuple(((balance_type, 1),) for balance_type in balance_types))


#: Types by which rows state the booked balance after them; most banks name none.
RUNNING_TYPES: Final = frozenset(
    {None, BalanceType.OTHER, BalanceType.INTERIM_BOOKED, BalanceType.CLOSING_BOOKED}
)

#: How it is with a bank that is not known to differ. What can be spent is never what is booked:
#: on a card it is the credit that is left, on an account it may hold the overdraft.
USUAL_BALANCE_RULE: Final = first_of(
    BalanceType.CLOSING_BOOKED, BalanceType.INTERIM_BOOKED, BalanceType.EXPECTED
)


def reckon_balances(
    balances: Iterable[ReportedBalance], *, rule: BalanceRule, currency: str | None
) -> Mapping[str, Sequence[BookedBalance]]:
    """Return every booked balance that an answer allows to be reckoned, the best way first.

    :param balances: All balances of one answer.
    :param rule: How this bank's booked balance is found.
    :param currency: The account's, as its bank says; it is that of balances that name none.
    :returns: By currency; a currency without one is among them, with none.
    """
    return {
        code: [booked for sums in rule.sums if (booked := _booked(reported, [sums], code))]
        for code, reported in _by_currency(balances, currency).items()
    }


def booked_balances(
    balances: Iterable[ReportedBalance], *, rule: BalanceRule, currency: str | None
) -> Mapping[str, BookedBalance]:
    """Return an account's booked balance in each currency that has one.

    A balance that includes a credit limit is never booked. Of several of one type and currency
    the one for the latest day counts; where days do not tell them apart, the first.

    :param balances: All balances of one answer.
    :param rule: How this bank's booked balance is found.
    :param currency: The account's, as its bank says; it is that of balances that name none.
    :returns: By currency.
    """
    found = (
        (code, _booked(of_currency, rule.sums, code))
        for code, of_currency in _by_currency(balances, currency).items()
    )
    return {code: booked for code, booked in found if booked is not None}


def find_booked_balance(
    balances: Iterable[ReportedBalance], *, rule: BalanceRule, currency: str | None
) -> BookedBalance | None:
    """Return an account's booked balance, where it has one.

    In the account's currency before all others; without one, the largest debt or credit.

    :param balances: All balances of one answer.
    :param rule: How this bank's booked balance is found.
    :param currency: The account's, as its bank says; ``None`` and ``XXX`` are unknown.
    """
    found = booked_balances(balances, rule=rule, currency=currency)
    if currency is not None and currency in found:
        return found[currency]
    return max(
        found.values(), key=lambda booked: (abs(booked.amount), booked.currency), default=None
    )


def _by_currency(
    balances: Iterable[ReportedBalance], currency: str | None
) -> Mapping[str, Mapping[BalanceType, ReportedBalance]]:
    """Return the balances without a credit limit, of each type the one for the latest day."""
    reported: defaultdict[str, dict[BalanceType, ReportedBalance]] = defaultdict(dict)
    for balance in balances:
        if balance.credit_limit_included:
            continue
        of_currency = reported[_currency_of(balance, currency)]
        known = of_currency.get(balance.balance_type)
        if known is None or _day(known) < _day(balance):
            of_currency[balance.balance_type] = balance
    return reported


def _currency_of(balance: ReportedBalance, of_account: str | None) -> str:
    return of_account or balance.currency if balance.currency == _NO_CURRENCY else balance.currency


def _day(balance: ReportedBalance) -> date:
    return balance.reference_date or date.min


def _booked(
    reported: Mapping[BalanceType, ReportedBalance], sums: Sequence[BalanceSum], currency: str
) -> BookedBalance | None:
    for terms in sums:
        parts = [(reported[kind], sign) for kind, sign in terms if kind in reported]
        if len(parts) != len(terms):
            continue
        days = {part.reference_date for part, _ in parts}
        return BookedBalance(
            amount=sum((part.amount * sign for part, sign in parts), Decimal(0)),
            currency=currency,
            reference_date=days.pop() if len(days) == 1 else None,
            balance_types=tuple(part.balance_type for part, _ in parts),
        )
    return None
