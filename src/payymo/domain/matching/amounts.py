"""How the amount of a payment relates to what is open: a class, not a distance.

Amounts are whole ten-thousandths of their currency's unit.
"""

from decimal import Decimal

from payymo.domain.enums import AmountClass

#: One unit of a currency, in the whole numbers that are reckoned with.
UNIT = 10_000
CENT = UNIT // 100

_ROUNDING = 5 * CENT
_HALF = UNIT // 2
_BANK_FEE_MAX = 25 * UNIT
_BANK_FEE_SHARE_MAX = 0.4
_ODD_FEES = frozenset(cents * CENT for cents in (15, 20, 25, 30, 35, 40, 45, 75))

#: Discounts for early payment, in thousandths of the balance, and how long they are allowed.
_DISCOUNTS = (10, 15, 20, 25, 30, 40, 50)
DISCOUNT_DAYS_MAX = 15

#: What processors keep: thousandths of a percent, and a fixed part in cents.
_TARIFFS = (
    (1_400, 20),
    (1_500, 25),
    (2_900, 25),
    (2_900, 30),
    (1_690, 0),
    (1_400, 25),
    (1_500, 20),
    (2_500, 25),
    (2_900, 35),
    (2_490, 35),
    (1_750, 0),
    (1_950, 0),
    (2_750, 0),
    (1_200, 10),
    (1_200, 20),
    (1_800, 25),
    (2_500, 0),
)

_LEAST_KEPT = min(share for share, _fixed in _TARIFFS)
_MOST_KEPT = max(share for share, _fixed in _TARIFFS)
_MOST_FIXED = max(fixed for _share, fixed in _TARIFFS) * CENT

_FRACTIONS = tuple(
    part / whole for part, whole in ((1, 2), (1, 3), (2, 3), (1, 4), (3, 4), (1, 5), (1, 6))
)
_SHARE_STEP = 20
_TIPS = frozenset(units * UNIT for units in (1, 2, 5, 10, 20, 50, 100))
_SURCHARGES = (1.1, 1.2, 1.19, 1.21, 1.25, 1.05)
_SLIGHTLY = 0.1
_NEAR_RATE = 0.025
_FAR_RATE = 0.07


def units_of(amount: Decimal) -> int:
    """Return an amount in whole ten-thousandths."""
    return int(amount.scaleb(4))


def classify(amount: int, balance: int, total: int, days: int) -> AmountClass:
    """Return how an amount relates to what is open of an invoice in the same currency.

    :param amount: What was paid.
    :param balance: What is open; greater than zero.
    :param total: What the invoice was issued for.
    :param days: Days from its issue to the payment.
    """
    difference = amount - balance
    if difference == 0:
        return AmountClass.EXACT
    if -_ROUNDING <= difference <= _ROUNDING or (
        -UNIT < difference < UNIT and amount % UNIT == 0 and 20 * abs(difference) <= balance
    ):
        return AmountClass.ROUNDED
    return (
        _classify_less(amount, balance, total, days)
        if difference < 0
        else _classify_more(amount, balance)
    )


def _classify_less(amount: int, balance: int, total: int, days: int) -> AmountClass:
    short = balance - amount
    if short * 18 <= balance:
        for rate in _DISCOUNTS:
            if abs(short * 1000 - balance * rate) <= CENT * 1000:
                early = days <= DISCOUNT_DAYS_MAX
                return AmountClass.DISCOUNT if early else AmountClass.LATE_DISCOUNT
    if short * 4 <= balance and is_processor_fee(short, balance):
        return AmountClass.PROCESSOR_FEE
    if is_round_fee(balance, amount) or (
        short in _ODD_FEES and short <= balance * _BANK_FEE_SHARE_MAX
    ):
        return AmountClass.BANK_FEE
    for fraction in _FRACTIONS:
        if abs(amount - total * fraction) <= 2 * CENT:
            return AmountClass.INSTALMENT
    steps = amount * _SHARE_STEP / total
    if abs(steps - round(steps)) * total <= CENT * _SHARE_STEP:
        return AmountClass.SHARE
    return AmountClass.PART


def is_round_fee(balance: int, amount: int, *, share_max: float = _BANK_FEE_SHARE_MAX) -> bool:
    """Return whether what is missing is a round sum, as banks keep of a payment.

    :param share_max: What a fee is at most, as a share of the balance.
    """
    short = balance - amount
    return 0 < short <= _BANK_FEE_MAX and short % _HALF == 0 and short <= balance * share_max


def is_processor_fee(short: int, balance: int) -> bool:
    """Return whether what is missing is, to the cent, what a processor keeps of a payment."""
    if _LEAST_KEPT * balance > 100_000 * (short + 2 * CENT):
        return False
    if 100_000 * (short - 2 * CENT - _MOST_FIXED) > _MOST_KEPT * balance:
        return False
    return any(
        abs(short - fixed * CENT - balance * share // 100_000) <= CENT for share, fixed in _TARIFFS
    )


def _classify_more(amount: int, balance: int) -> AmountClass:
    over = amount - balance
    if over in _TIPS:
        return AmountClass.TIP
    if amount == 2 * balance:
        return AmountClass.DOUBLE
    if amount % (10 * UNIT) == 0 and over < 10 * UNIT:
        return AmountClass.ROUNDED_UP
    if any(abs(amount - balance * share) <= CENT for share in _SURCHARGES):
        return AmountClass.SURCHARGE
    return AmountClass.SLIGHTLY_OVER if over <= balance * _SLIGHTLY else AmountClass.FAR_OVER


def classify_foreign(amount: int, expected: float) -> AmountClass | None:
    """Return how an amount relates to what is open in another currency; ``None`` if not at all.

    :param amount: What was paid.
    :param expected: What is open at the mid rate, in the currency that was paid in.
    """
    off = abs(amount - expected) / expected
    if off <= _NEAR_RATE:
        return AmountClass.NEAR_MID_RATE
    return AmountClass.FAR_FROM_MID_RATE if off <= _FAR_RATE else None


def gross_amounts(net: int) -> set[int]:
    """Return what may have been paid to a processor that passes this amount on."""
    found: set[int] = set()
    for share, fixed in _TARIFFS:
        gross = (net + fixed * CENT) * 100_000 // (100_000 - share) // CENT * CENT
        found.update((gross - CENT, gross, gross + CENT))
    return {gross for gross in found if is_processor_fee(gross - net, gross)}
