"""In what two rows agree: ids, money, days and words."""

from datetime import date
from decimal import Decimal
from typing import Final

from payymo.domain.ledger.sightings import KnownRow, Sighting
from payymo.domain.ledger.wording import ALL_WORDS_LIKENESS, likeness_of, read_words

#: How far apart the days of one transaction can be in two answers.
DAYS_APART_MAX: Final = 10

#: How far apart they can be where the provider's id says that it is one: a bank dates rows on the
#: first of the next month, and corrects itself in the month after.
ID_DAYS_APART_MAX: Final = 45

#: How many days a booking can come before (the bank's own dates differ) and after its pending row.
BOOKED_BEFORE_PENDING_DAYS_MAX: Final = 2
BOOKED_AFTER_PENDING_DAYS_MAX: Final = 10

#: From here on two texts speak of the same thing: three in five of the shorter one's words are
#: common. Half would do for two purchases that went through one payment service.
SIMILAR_TEXT_MIN: Final = ALL_WORDS_LIKENESS * 0.6

#: Share of the larger amount by which a pending row may change as it books: a tip, a rate.
AMOUNT_CHANGE_MAX: Final = Decimal("0.20")

#: A number of so few digits is given again and again, so it is no id on its own.
COUNTER_LENGTH_MAX: Final = 5

_PLACEHOLDER_IDS = frozenset({"", "NOTPROVIDED", "NOTAVAILABLE", "UNKNOWN", "NONE", "NULL", "N/A"})


def usable(identifier: str | None) -> str | None:
    """Return an id that is one, and no placeholder."""
    if identifier is None:
        return None
    bare = identifier.strip()
    return None if bare.upper() in _PLACEHOLDER_IDS else bare


def is_counter(identifier: str) -> bool:
    """Return whether an id is a short number, which a bank gives again and again."""
    return len(identifier) <= COUNTER_LENGTH_MAX and identifier.isdigit()


def trusted_id_of(row: Sighting) -> str | None:
    """Return the id that the bank is known to keep; ``None`` where it gives none."""
    return usable(row.trusted_id)


def internal_id_of(row: Sighting) -> str | None:
    """Return the provider's id; ``None`` where it gives none."""
    return usable(row.internal_id)


def transaction_id_of(row: Sighting) -> str | None:
    """Return the bank's id; ``None`` where it gives none."""
    return usable(row.transaction_id)


def both_ids_of(row: Sighting) -> str | None:
    """Return the provider's and the bank's id as one; ``None`` where one lacks or says little."""
    internal_id, transaction_id = internal_id_of(row), transaction_id_of(row)
    if internal_id is None or transaction_id is None:
        return None
    if is_counter(internal_id) or is_counter(transaction_id):
        return None
    return f"{internal_id}\x1f{transaction_id}"


def first_day_of(row: Sighting) -> date | None:
    """Return the first of a row's dates; ``None`` where it has none."""
    return row.first_day or row.day


def last_day_of(row: Sighting) -> date | None:
    """Return the last of a row's dates; ``None`` where it has none."""
    return row.last_day or row.day


def is_not_contradicted(row: Sighting, known: KnownRow) -> bool:
    """Return whether money, day or text agrees; a text of no words contradicts nothing."""
    if has_same_money(row, known) or abs(days_since(row, known)) <= DAYS_APART_MAX:
        return True
    words, others = read_words(row.text), read_words(known.sighting.text)
    if not words.telling or not others.telling:
        return True
    return likeness_of(words, others) >= SIMILAR_TEXT_MIN


def has_same_money(row: Sighting, known: KnownRow) -> bool:
    """Return whether amount and currency are the same."""
    return (row.amount, row.currency) == (known.sighting.amount, known.sighting.currency)


def has_same_money_within_reach(row: Sighting, known: KnownRow) -> bool:
    """Return whether money is the same, on days as near as the provider's id lets them be."""
    return has_same_money(row, known) and abs(days_since(row, known)) <= ID_DAYS_APART_MAX


def has_same_money_near(row: Sighting, known: KnownRow) -> bool:
    """Return whether money is the same, on a near day."""
    return has_same_money(row, known) and abs(days_since(row, known)) <= DAYS_APART_MAX


def has_same_transaction_id_near(row: Sighting, known: KnownRow) -> bool:
    """Return whether the bank's id and the currency are the same, on a near day."""
    transaction_id = transaction_id_of(row)
    return (
        transaction_id is not None
        and transaction_id == transaction_id_of(known.sighting)
        and row.currency == known.sighting.currency
        and abs(days_since(row, known)) <= DAYS_APART_MAX
    )


def have_other_transaction_ids(row: Sighting, known: Sighting) -> bool:
    """Return whether each row has an id of the bank's, and another one."""
    ids = (transaction_id_of(row), transaction_id_of(known))
    return None not in ids and ids[0] != ids[1]


def has_same_day_and_words(row: Sighting, known: KnownRow) -> bool:
    """Return whether currency, day and all words are the same."""
    return (
        row.currency == known.sighting.currency
        and row.day == known.sighting.day
        and likeness_of(read_words(row.text), read_words(known.sighting.text)) == 1
    )


def may_have_booked(row: Sighting, pending: KnownRow) -> bool:
    """Return whether a booked row came when a pending one would book."""
    days = days_since(row, pending)
    return -BOOKED_BEFORE_PENDING_DAYS_MAX <= days <= BOOKED_AFTER_PENDING_DAYS_MAX


def has_same_sign(one: Decimal, other: Decimal) -> bool:
    """Return whether two amounts go the same way."""
    return (one > 0) == (other > 0) and (one < 0) == (other < 0)


def is_change_small(one: Decimal, other: Decimal) -> bool:
    """Return whether two amounts of one sign differ by no more than a tip or an exchange rate."""
    larger = max(abs(one), abs(other))
    return has_same_sign(one, other) and abs(one - other) <= larger * AMOUNT_CHANGE_MAX


def days_since(row: Sighting, known: KnownRow) -> int:
    """Return the days from a known row to a pulled one; one without a day is near to all."""
    if row.day is None or known.sighting.day is None:
        return 0
    return (row.day - known.sighting.day).days


def days_between(one: date | None, other: date | None) -> int:
    """Return how far apart two days are; none is near to all."""
    return 0 if one is None or other is None else abs((one - other).days)
