"""A transaction divided into parts by a person, and whether they come to its amount."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from payymo.domain.enums import SplitsState
from payymo.domain.errors import InvalidInputError, Problem, RuleError
from payymo.domain.money import exponent_of, format_amount

PART_COUNT_MIN: Final = 2
PART_COUNT_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class SplitPart:
    """A part of a transaction.

    :ivar amount: Signed as the transaction's, and not zero; a part of the other sign (cashback)
        takes from the rest.
    :ivar category_id: What it is for.
    :ivar note: Anything else.
    """

    amount: Decimal
    category_id: UUID | None = None
    note: str | None = None


def check_parts(parts: Sequence[SplitPart], amount: Decimal, currency: str) -> None:
    """Let parts pass that divide an amount.

    :param parts: The parts.
    :param amount: What the transaction comes to, signed.
    :param currency: Its currency, and therefore theirs.
    :raises InvalidInputError: If there are too few or too many, or an amount is zero or finer than
        the currency allows; each problem names the field (``splits.1.amount``).
    :raises RuleError: ``splits_unbalanced`` if they do not come to the amount exactly.
    """
    if not PART_COUNT_MIN <= len(parts) <= PART_COUNT_MAX:
        raise _invalid(
            [Problem("splits", f"There must be {PART_COUNT_MIN} to {PART_COUNT_MAX} parts.")]
        )
    decimals = max(exponent_of(currency), _decimals_of(amount))
    problems = [
        Problem(f"splits.{number}.amount", complaint)
        for number, part in enumerate(parts)
        if (complaint := _complain(part.amount, decimals, currency)) is not None
    ]
    if problems:
        raise _invalid(problems)
    total = sum((part.amount for part in parts), Decimal())
    if total != amount:
        sentence = (
            f"The parts come to {format_amount(total, currency)} and the transaction to "
            f"{format_amount(amount, currency)} {currency}: "
            f"{format_amount(amount - total, currency)} is left over."
        )
        raise RuleError(sentence, code="splits_unbalanced", problems=[Problem("splits", sentence)])


def judge_splits(
    amount: Decimal, currency: str, *, split_total: Decimal | None, split_currency: str | None
) -> tuple[SplitsState, Decimal | None]:
    """Return whether a transaction's parts come to its amount, and what is left over.

    :param amount: What the transaction comes to by now, signed.
    :param currency: Its currency by now.
    :param split_total: What its parts come to; ``None`` without any.
    :param split_currency: Their currency.
    :returns: The state, and the amount less the parts; ``None`` where nothing can be subtracted:
        without parts, and where the bank restated the currency.
    """
    if split_total is None:
        return SplitsState.NONE, None
    if split_currency != currency:
        return SplitsState.UNBALANCED, None
    left = amount - split_total
    return SplitsState.UNBALANCED if left else SplitsState.BALANCED, left


def _complain(amount: Decimal, decimals: int, currency: str) -> str | None:
    if not amount:
        return "A part must not be zero."
    if _decimals_of(amount) > decimals:
        return f"A part of it has at most {decimals} decimals ({currency})."
    return None


def _decimals_of(amount: Decimal) -> int:
    return len(f"{amount:f}".partition(".")[2].rstrip("0"))


def _invalid(problems: Sequence[Problem]) -> InvalidInputError:
    return InvalidInputError("The input is not valid.", problems=problems)
