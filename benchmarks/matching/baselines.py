"""Two matchers to compare with, written from descriptions of how others do it.

*Additive* adds up points for each pair of payment and invoice, and the first best pair wins: there
is no index, no capacity and no tie. *Rules* goes through a cascade of conditions, as accounting
software does: who paid, which numbers are quoted, what fits.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

type Row = Mapping[str, Any]
type Prediction = dict[str, Any]

_NOT_WORD = re.compile(r"[\W_]+")
_NOT_DIGIT = re.compile(r"\D+")


# ------------------------------------------------------------------------------------- additive

_SUGGESTED = 0.5
_CENT = 1
_WORD_LENGTH_MIN = 3
_DATE_STEPS = ((1, 0.2), (3, 0.15), (7, 0.1), (14, 0.05))
_NEAR = 0.02


def additive(invoices: Sequence[Row], transactions: Sequence[Row]) -> Iterator[Prediction]:
    """Yield the first best invoice of each line, by points for amount, number, name and date.

    0.7 for an equal amount, 0.6 up to 5 % above, 0.3 to 0.5 below; 0.8 for an id or number inside
    the reference; 0.3 and 0.1 for each word of the customer's name inside the description, up to
    0.6; up to 0.2 for nearness in time; 1 at the most. Every line is compared with every invoice.
    """
    balances = np.array([_cents(row["balance"]) for row in invoices], dtype=np.float64)
    issued = np.array([_ordinal(row["issue_date"]) for row in invoices])
    ids = [str(row["id"]) for row in invoices]
    numbers = [row["number"] for row in invoices]
    places_of = _places_of_words(invoices)
    date_points = _date_points()
    keys: dict[str, list[int]] = defaultdict(list)
    for at, names in enumerate(zip(ids, numbers, strict=True)):
        for key in set(names):
            keys[key].append(at)
    lengths = sorted({len(key) for key in keys})
    for row in transactions:
        amount = _cents(row["amount"])
        points = _amount_points(amount, balances)
        written = f"{row['structured_ref'] or ''}{row['remittance'] or ''}"
        reference = _NOT_WORD.sub("", written.lower())
        quoted = {
            at
            for length in lengths
            for start in range(len(reference) - length + 1)
            for at in keys.get(reference[start : start + length], ())
        }
        points[list(quoted)] += 0.8
        points += _name_points(row, places_of, len(invoices))
        away = np.abs(issued - _ordinal(row["booking_date"]))
        points += date_points[np.minimum(away, len(date_points) - 1)]
        best = int(np.argmax(np.minimum(points, 1.0)))
        score = min(float(points[best]), 1.0)
        if score >= _SUGGESTED:
            allocated = min(abs(amount), int(balances[best]))
            yield _prediction(row, score, [(invoices[best]["id"], allocated)])


def _amount_points(amount: int, balances: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
    share = amount / balances
    near_half = (np.abs(share - 0.5) <= _NEAR) | (np.abs(share - 0.75) <= _NEAR)
    below = np.where(near_half, 0.5, np.where(np.abs(share - 0.25) <= _NEAR, 0.4, 0.3))
    above = np.where(amount <= balances * 1.05, 0.6, 0.0)
    points = np.where(amount < balances, below, above)
    points[np.abs(balances - amount) <= _CENT] = 0.7
    return points


def _places_of_words(invoices: Sequence[Row]) -> dict[str, np.ndarray[Any, np.dtype[np.int64]]]:
    places: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(invoices):
        for word in set(row["customer_name"].lower().split()):
            if len(word) >= _WORD_LENGTH_MIN:
                places[word].append(at)
    return {word: np.array(where) for word, where in places.items()}


def _name_points(
    row: Row, places_of: Mapping[str, np.ndarray[Any, np.dtype[np.int64]]], count: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    description = f"{row['remittance'] or ''} {row['debtor_name'] or ''}".lower()
    words = np.zeros(count)
    for word, places in places_of.items():
        if word in description:
            words[places] += 1
    return np.where(words > 0, np.minimum(0.3 + 0.1 * words, 0.6), 0.0)


def _date_points() -> np.ndarray[Any, np.dtype[np.float64]]:
    limits = [limit for limit, _points in _DATE_STEPS]
    points = [points for _limit, points in _DATE_STEPS] + [0.0]
    return np.array([points[bisect_right(limits, days - 1)] for days in range(limits[-1] + 2)])


# ---------------------------------------------------------------------------------------- rules

_DIGITS_MIN = 4
_DAYS_MAX = 548

#: What the cascade's outcomes are worth: only the first is carried out without asking.
_BY_NUMBER = 0.97
_BY_NUMBER_AND_MORE = 0.70
_BY_PARTNER = 0.70
_BY_PARTNER_IN_PART = 0.55


@dataclass(slots=True)
class _Item:
    """An open invoice as the cascade sees it."""

    row: Row
    residual: int
    order: tuple[str, str, str]


@dataclass(slots=True)
class _Ledger:
    """What the cascade looks things up in."""

    items: dict[object, _Item] = field(default_factory=dict)
    by_customer: dict[str, list[_Item]] = field(default_factory=lambda: defaultdict(list))
    by_token: dict[str, list[_Item]] = field(default_factory=lambda: defaultdict(list))
    by_iban: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_name_part: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_word: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    words: dict[str, set[str]] = field(default_factory=dict)


def rules(
    invoices: Sequence[Row], transactions: Sequence[Row], history: Iterable[Row] = ()
) -> Iterator[Prediction]:
    """Yield what the first rule that fits says of each line, in the order of the bookings.

    The partner comes from the account (on file, or confirmed before), then from the name, then from
    words in the text. Numbers are runs of at least four digits that are equal to those of an
    invoice's number or reference. An invoice that fits exactly wins; otherwise the oldest are added
    up while there is room. Too little is refused, too much is accepted. Only what was found by a
    number and fits exactly is sure.
    """
    ledger = _ledger(invoices, history)
    for row in sorted(transactions, key=lambda each: (each["booking_date"], each["id"])):
        amount = _cents(row["amount"])
        if amount <= 0:
            continue
        partner = _partner(ledger, row)
        items = _by_tokens(ledger, row, partner)
        if items:
            chosen, is_perfect = _fit(items, amount)
            confidence = _BY_NUMBER if is_perfect else _BY_NUMBER_AND_MORE
        elif partner is not None:
            chosen, is_perfect = _fit(_open_items(ledger, row, partner), amount)
            confidence = _BY_PARTNER if is_perfect else _BY_PARTNER_IN_PART
        else:
            continue
        if not chosen or sum(item.residual for item in chosen) > amount:
            continue
        yield _prediction(row, confidence, [(item.row["id"], item.residual) for item in chosen])
        if confidence == _BY_NUMBER:
            for item in chosen:
                item.residual = 0


def _ledger(invoices: Sequence[Row], history: Iterable[Row]) -> _Ledger:
    ledger = _Ledger()
    for row in invoices:
        residual = _cents(row["balance"])
        if residual <= 0:
            continue
        item = _Item(row, residual, (row["due_date"], row["issue_date"], str(row["id"])))
        customer = row["customer_id"]
        ledger.items[row["id"]] = item
        ledger.by_customer[customer].append(item)
        written = (row["number"], row["structured_ref"] or "")
        for token in {_NOT_DIGIT.sub("", each) for each in written}:
            if len(token) >= _DIGITS_MIN:
                ledger.by_token[token].append(item)
        for iban in row["customer_ibans"]:
            ledger.by_iban[iban].add(customer)
        if customer not in ledger.words:
            _name(ledger, customer, row["customer_name"].lower())
    for past in history:
        if iban := past["transaction"]["debtor_iban"]:
            ledger.by_iban[iban].add(past["invoice"]["customer_id"])
    return ledger


def _name(ledger: _Ledger, customer: str, name: str) -> None:
    words = name.split()
    for start in range(len(words)):
        for end in range(start + 1, len(words) + 1):
            ledger.by_name_part[" ".join(words[start:end])].add(customer)
    long = {word for word in _NOT_WORD.split(name) if len(word) >= _WORD_LENGTH_MIN}
    ledger.words[customer] = long
    if long:
        ledger.by_word[max(long, key=lambda word: (len(word), word))].add(customer)


def _partner(ledger: _Ledger, row: Row) -> str | None:
    """Return the customer that paid, if one rule names exactly one."""
    for found in (
        ledger.by_iban.get(row["debtor_iban"] or "", ()),
        ledger.by_name_part.get(" ".join((row["debtor_name"] or "").lower().split()), ()),
        _named_in_text(ledger, row),
    ):
        if len(found) == 1:
            return next(iter(found))
    return None


def _named_in_text(ledger: _Ledger, row: Row) -> set[str]:
    text = f"{row['remittance'] or ''} {row['debtor_name'] or ''}".lower()
    words = set(_NOT_WORD.split(text))
    candidates = {customer for word in words for customer in ledger.by_word.get(word, ())}
    return {customer for customer in candidates if ledger.words[customer] <= words}


def _by_tokens(ledger: _Ledger, row: Row, partner: str | None) -> list[_Item]:
    text = f"{row['remittance'] or ''} {row['structured_ref'] or ''}"
    tokens = {_NOT_DIGIT.sub("", word) for word in text.split()}
    found: Counter[object] = Counter()
    for token in tokens:
        if len(token) >= _DIGITS_MIN:
            found.update(item.row["id"] for item in ledger.by_token.get(token, ()))
    items = [ledger.items[key] for key in found]
    fitting = [
        item for item in items if _may_pay(item, row) and partner in {None, item.row["customer_id"]}
    ]
    return sorted(fitting, key=lambda item: (-found[item.row["id"]], item.order))


def _open_items(ledger: _Ledger, row: Row, partner: str) -> list[_Item]:
    fitting = [item for item in ledger.by_customer[partner] if _may_pay(item, row)]
    return sorted(fitting, key=lambda item: item.order)


def _may_pay(item: _Item, row: Row) -> bool:
    age = _ordinal(row["booking_date"]) - _ordinal(item.row["issue_date"])
    return item.residual > 0 and item.row["currency"] == row["currency"] and 0 <= age <= _DAYS_MAX


def _fit(items: Sequence[_Item], amount: int) -> tuple[list[_Item], bool]:
    """Return the items that an amount pays, and whether it pays them exactly."""
    for item in items:
        if item.residual == amount:
            return [item], True
    chosen: list[_Item] = []
    room = amount
    for item in items:
        if room > 0:
            chosen.append(item)
            room -= item.residual
    return chosen, room == 0


# --------------------------------------------------------------------------------------- common


def _cents(amount: str) -> int:
    return int(Decimal(amount).scaleb(2))


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _prediction(
    row: Row, confidence: float, allocations: Sequence[tuple[object, int]]
) -> Prediction:
    return {
        "tx_id": row["id"],
        "confidence": round(confidence, 4),
        "allocations": [
            {"invoice_id": invoice, "amount": str(Decimal(cents).scaleb(-2))}
            for invoice, cents in allocations
        ],
    }
