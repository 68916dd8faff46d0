"""Rules that a tenant writes: of which transactions all conditions hold that are given."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final
from uuid import UUID

from payymo.domain.enums import Direction
from payymo.domain.errors import InvalidInputError, Problem
from payymo.domain.matching.normalise import fold

#: Parts of texts and codes that one condition may name.
CHOICES_MAX: Final = 200

#: Rules that a tenant may have: each transaction is held against each.
RULES_MAX: Final = 2_000

_MERCHANT_CODES: Final = re.compile(r"(\d{4})(?:-(\d{4}))?", re.ASCII)
_BANK_CODES: Final = re.compile(r"[A-Z]{4}(?:-[A-Z]{4}){0,2}", re.ASCII)
#: Texts that are remembered: each rule asks for those of the same transaction.
_SIMPLIFIED_MAX: Final = 4_096
_WORD: Final = re.compile(r"[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Subject:
    """A transaction, as it is judged.

    :ivar amount: Signed: positive is money in.
    :ivar payee: What a person would call the other side.
    :ivar text: Everything else that was written: counterparty, description, remittance.
    :ivar is_own_counterparty: The other side is an account of the same tenant.
    """

    account_id: UUID
    amount: Decimal
    currency: str
    payee: str | None = None
    counterparty_name: str | None = None
    description: str | None = None
    remittance: str | None = None
    merchant_category_code: str | None = None
    bank_transaction_code: str | None = None
    purpose_code: str | None = None
    is_own_counterparty: bool = False

    @property
    def direction(self) -> Direction:
        """Which way the money went."""
        return Direction.CREDIT if self.amount > 0 else Direction.DEBIT


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold of a transaction; what is left out is no matter.

    :ivar payees: Parts of the payee or the counterparty; any of them suffices.
    :ivar texts: Parts of the description or the remittance; any of them suffices.
    :ivar merchant_category_codes: ISO 18245 codes, or ranges of them (``3000-3350``).
    :ivar bank_transaction_codes: ISO 20022 codes, or their beginnings (``PMNT-CCRD``).
    :ivar currency: Needed for amounts: a hundred yen are not a hundred euro.
    :ivar min_amount: Least amount, whatever its sign.
    :ivar max_amount: Greatest amount, whatever its sign.
    """

    payees: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    merchant_category_codes: tuple[str, ...] = ()
    bank_transaction_codes: tuple[str, ...] = ()
    direction: Direction | None = None
    currency: str | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    account_id: UUID | None = None


class Matcher:
    """Conditions, made ready to be held against many transactions.

    :param conditions: The conditions.
    """

    __slots__ = ("_payees", "_ranges", "_texts", "conditions")

    def __init__(self, conditions: Conditions) -> None:
        self.conditions = conditions
        self._payees = tuple(map(simplify, conditions.payees))
        self._texts = tuple(map(simplify, conditions.texts))
        self._ranges = tuple(map(_range_of, conditions.merchant_category_codes))

    def matches(self, subject: Subject) -> bool:
        """Return whether all conditions hold of a transaction.

        :param subject: The transaction.
        """
        return (
            self._matches_facts(subject)
            and self._matches_codes(subject)
            and (
                not self._payees
                or _holds_any((subject.payee, subject.counterparty_name), self._payees)
            )
            and (
                not self._texts
                or _holds_any((subject.description, subject.remittance), self._texts)
            )
        )

    def _matches_facts(self, subject: Subject) -> bool:
        given = self.conditions
        size = abs(subject.amount)
        return (
            given.account_id in {None, subject.account_id}
            and given.direction in {None, subject.direction}
            and given.currency in {None, subject.currency}
            and (given.min_amount is None or size >= given.min_amount)
            and (given.max_amount is None or size <= given.max_amount)
        )

    def _matches_codes(self, subject: Subject) -> bool:
        merchant, bank = subject.merchant_category_code, subject.bank_transaction_code
        wanted = self.conditions.bank_transaction_codes
        if self._ranges and not (
            merchant and any(first <= merchant <= last for first, last in self._ranges)
        ):
            return False
        return not wanted or (
            bank is not None and any(bank == code or bank.startswith(f"{code}-") for code in wanted)
        )


@lru_cache(maxsize=_SIMPLIFIED_MAX)
def simplify(text: str) -> str:
    """Return the words of a text, in upper case without marks and punctuation, as one line.

    :param text: Any text.
    """
    return " ".join(_WORD.findall(fold(text)))


def check_conditions(conditions: Conditions) -> None:
    """Let conditions pass that can hold of some transactions, and not of all.

    :param conditions: The conditions.
    :raises InvalidInputError: If they cannot; each problem names the field.
    """
    problems = [*_complain_of_texts(conditions), *_complain_of_codes(conditions)]
    if conditions == Conditions():
        problems.append(Problem(None, "A rule needs a condition: without one it matches all."))
    least, most = conditions.min_amount, conditions.max_amount
    if (least is not None or most is not None) and conditions.currency is None:
        problems.append(Problem("currency", "Amounts need the currency that they are in."))
    if least is not None and least < 0:
        problems.append(Problem("min_amount", "Give the amount without its sign: see direction."))
    if most is not None and most < 0:
        problems.append(Problem("max_amount", "Give the amount without its sign: see direction."))
    if least is not None and most is not None and most < least:
        problems.append(Problem("max_amount", "This must not be less than min_amount."))
    if problems:
        raise InvalidInputError("The rule's conditions are not valid.", problems=problems)


def _complain_of_texts(conditions: Conditions) -> list[Problem]:
    return [
        Problem(f"{name}.{number}", "This needs a letter or a digit.")
        for name, texts in (("payees", conditions.payees), ("texts", conditions.texts))
        for number, text in enumerate(texts)
        if not simplify(text)
    ]


def _complain_of_codes(conditions: Conditions) -> list[Problem]:
    problems = []
    for number, code in enumerate(conditions.merchant_category_codes):
        parts = _MERCHANT_CODES.fullmatch(code)
        if parts is None or (parts[2] is not None and parts[2] < parts[1]):
            problems.append(
                Problem(
                    f"merchant_category_codes.{number}",
                    "This must be four digits (ISO 18245), or a range such as 3000-3350.",
                )
            )
    problems.extend(
        Problem(
            f"bank_transaction_codes.{number}",
            "This must be an ISO 20022 code such as PMNT-CCRD-POSD, or its beginning.",
        )
        for number, code in enumerate(conditions.bank_transaction_codes)
        if not _BANK_CODES.fullmatch(code)
    )
    return problems


def _range_of(code: str) -> tuple[str, str]:
    first, _, last = code.partition("-")
    return first, last or first


def _holds_any(texts: Sequence[str | None], parts: Sequence[str]) -> bool:
    return any(
        part in simple for text in texts if text for simple in (simplify(text),) for part in parts
    )
