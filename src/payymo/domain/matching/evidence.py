"""What a payment says: which references it quotes, and who seems to have paid.

Weights are bits: log2 of how much likelier a signal is if the invoice was meant than if it was
not. Rare things weigh more than common ones.
"""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio

from payymo.domain.enums import EvidenceKind
from payymo.domain.matching.index import Customer, InvoiceIndex, ReferenceStrength
from payymo.domain.matching.normalise import (
    clean_text,
    compact,
    core,
    letters_before_digits,
    numbers_as_written,
    shape,
    words_for_names,
    words_of_name,
    words_of_text,
)
from payymo.domain.matching.records import Payment

#: Into how many pieces a bank may have broken one number.
_PIECES_MAX = 8

#: A number of plain digits that was put together from pieces must be this long to count.
_JOINED_DIGITS_MIN = 5

#: What is part of more invoices' numbers than this says nothing.
_AMBIGUOUS_MAX = 20

#: Bits beyond rarity, for how well a kind of reference tells an invoice from other numbers.
_REFERENCE_BONUS = {
    ReferenceStrength.STRUCTURED: 8.0,
    ReferenceStrength.NUMBER: 6.0,
    ReferenceStrength.DIGITS: 3.0,
    ReferenceStrength.TAIL: 0.5,
}
_SHORT_NUMBER_LENGTH = 6
_SHORT_NUMBER_COST = 2.5
_SHORT_TAIL_LENGTH = 4
_SHORT_TAIL_COST = 2.5
_JOINED_COST = 1.5

_NAME_QUALITY_MIN = 0.55
_NAME_TYPO_MIN = 85
_NAME_TYPO_LENGTH_MIN = 5
_INITIAL_SHARE = 0.4
_COMMON_WORD_CUSTOMERS = 60
_CANDIDATE_CUSTOMERS_MAX = 12
_GLUED_NAME_LENGTH_MIN = 7
_PAYERS_MAX = 10
_PAYER_BITS_BEHIND_MAX = 6.0
_TEXT_WORD_LENGTH_MIN = 4
_TEXT_NAME_QUALITY_MIN = 0.75
_TEXT_NAME_BITS_MIN = 4.0

_PROCESSORS = frozenset(
    """
    ADYEN BILLPAY CHECKOUT GOCARDLESS IZETTLE KLARNA MOLLIE NEXI PAYONE PAYPAL PAYSAFE SHOPIFY
    SQUAREUP STRIPE SUMUP TRUSTLY WISE WORLDLINE WORLDPAY ZETTLE
    """.split()
)

_COMPACT_DATE = re.compile(r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")


_PREPAYMENT_WORDS = frozenset(
    """
    AANBETALING ACCONTO ACOMPTE AKONTO ANTICIPO ANZAHLUNG DEPOSIT FORSKOTT FORSKUD FORSKUDD
    PREPAYMENT VOORUITBETALING VORAUSZAHLUNG VORKASSE
    """.split()
)
_ON_ACCOUNT = ("ON", "ACCOUNT")


@dataclass(frozen=True, slots=True)
class ReferenceHit:
    """One open invoice that a payment quotes.

    :ivar quoted: What the payment says, compacted.
    :ivar bits: What it is worth.
    """

    kind: EvidenceKind
    strength: ReferenceStrength
    quoted: str
    bits: float


@dataclass(frozen=True, slots=True)
class PayerSignal:
    """One reason to think that a customer paid."""

    kind: EvidenceKind
    bits: float
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one payment says.

    :ivar hits: The open invoices that it quotes, by their place in the index.
    :ivar payers: Who may have paid, by their place in the index, with reasons.
    :ivar strange_numbers: Numbers of the kind that we issue, and that are not open.
    :ivar closed_numbers: Numbers of invoices that are paid or void.
    :ivar loose_digits: Other digits: perhaps the ends of invoice numbers.
    :ivar is_prepayment: Whether the text says that it is paid before an invoice is there.
    :ivar names_payer: Whether it names who paid, other than a payment processor.
    """

    hits: Mapping[int, ReferenceHit]
    payers: Mapping[int, Sequence[PayerSignal]]
    strange_numbers: tuple[str, ...]
    closed_numbers: tuple[str, ...]
    loose_digits: tuple[str, ...]
    is_prepayment: bool
    names_payer: bool
    is_processor: bool


def read_payment(index: InvoiceIndex, payment: Payment) -> Reading:
    """Return what a payment says of the open invoices and their customers."""
    clean = clean_text(payment.remittance)
    words = words_of_text(clean)
    field = compact(payment.structured_reference or "")
    hits: dict[int, ReferenceHit] = {}
    strange: list[str] = []
    taken = _read_field(index, field, hits)
    if field and not taken:
        strange.append(field)
    runs = tuple(_runs(words))
    strange += _read_runs(index, runs, hits)
    strange += _strange_as_written(index, clean)
    _read_end_to_end_id(index, payment.end_to_end_id, hits)
    name_words = words_of_name(payment.payer_name) if payment.payer_name else ()
    is_processor = not _PROCESSORS.isdisjoint(name_words)
    payers = _read_payers(index, payment, () if is_processor else name_words, words, runs)
    numbers = tuple(dict.fromkeys(strange))
    return Reading(
        hits=hits,
        payers=payers,
        strange_numbers=tuple(number for number in numbers if number not in index.closed),
        closed_numbers=tuple(number for number in numbers if number in index.closed),
        loose_digits=tuple(dict.fromkeys(word for word in words if word.isdigit())),
        is_prepayment=_says_prepayment(words),
        names_payer=bool(name_words) and not is_processor,
        is_processor=is_processor,
    )


def _says_prepayment(words: Sequence[str]) -> bool:
    return not _PREPAYMENT_WORDS.isdisjoint(words) or _ON_ACCOUNT in pairwise(words)


def is_typo_of(number: str, keys: Sequence[str]) -> bool:
    """Return whether a number is one slip of the hand away from one of an invoice's."""
    return any(OSA.distance(number, key, score_cutoff=1) == 1 for key in keys)


# ------------------------------------------------------------------ references


def _read_field(index: InvoiceIndex, field: str, hits: dict[int, ReferenceHit]) -> bool:
    found = index.references.get(field) or index.references.get(core(field))
    if not field or not found:
        return False
    _note(index, hits, field, found, pieces=1)
    return True


def _read_end_to_end_id(
    index: InvoiceIndex, end_to_end_id: str | None, hits: dict[int, ReferenceHit]
) -> None:
    key = compact(end_to_end_id or "")
    found = {
        at: strength
        for at, strength in index.references.get(key, {}).items()
        if strength >= ReferenceStrength.NUMBER
    }
    if found:
        _note(index, hits, key, found, pieces=1, kind=EvidenceKind.END_TO_END_ID)


#: Neighbouring words of a text: where they begin and end, and what they are as one.
type _Run = tuple[int, int, str]


def _read_runs(
    index: InvoiceIndex, runs: Sequence[_Run], hits: dict[int, ReferenceHit]
) -> list[str]:
    """Note every quoted reference, the longest first; return the numbers that are strange."""
    taken: set[int] = set()
    strange: list[str] = []
    for start, end, joined in runs:
        if not taken.isdisjoint(range(start, end)):
            continue
        pieces = end - start
        found = index.references.get(joined) or _structured_without_zeros(index, joined)
        if found and _may_be_joined(joined, pieces, max(found.values())):
            _note(index, hits, joined, found, pieces=pieces)
            taken.update(range(start, end))
        elif _is_strange(index, joined, pieces):
            strange.append(joined)
            taken.update(range(start, end))
    return strange


def _runs(words: Sequence[str]) -> Iterator[_Run]:
    """Yield every run of neighbouring words that holds a digit, the longest first."""
    has_digit = [any(sign.isdigit() for sign in word) for word in words]
    for pieces in range(min(_PIECES_MAX, len(words)), 0, -1):
        for start in range(len(words) - pieces + 1):
            end = start + pieces
            if has_digit[end - 1]:
                yield start, end, "".join(words[start:end])


def _structured_without_zeros(
    index: InvoiceIndex, joined: str
) -> Mapping[int, ReferenceStrength] | None:
    found = index.references.get(core(joined)) if joined.startswith("0") else None
    if found and max(found.values()) is ReferenceStrength.STRUCTURED:
        return found
    return None


def _may_be_joined(joined: str, pieces: int, strength: ReferenceStrength) -> bool:
    if pieces == 1 or not joined.isdigit():
        return True
    return len(joined) >= _JOINED_DIGITS_MIN and strength is not ReferenceStrength.TAIL


def _is_strange(index: InvoiceIndex, joined: str, pieces: int) -> bool:
    if joined in index.closed:
        return True
    if joined in index.by_customer_number or _COMPACT_DATE.fullmatch(joined):
        return False
    if pieces > 1 and joined.isdigit():
        return False
    return shape(joined) in index.shapes


def _strange_as_written(index: InvoiceIndex, clean: str) -> Iterator[str]:
    """Yield the numbers, written as ours are, that are not open; the last may be cut short."""
    for written in numbers_as_written(clean):
        number = compact(written)
        if number in index.references or number in index.by_customer_number:
            continue
        prefix = letters_before_digits(number)
        is_cut = clean.endswith(written) and prefix and prefix in index.number_prefixes
        if shape(written) in index.shapes or is_cut:
            yield number


def _note(
    index: InvoiceIndex,
    hits: dict[int, ReferenceHit],
    quoted: str,
    found: Mapping[int, ReferenceStrength],
    *,
    pieces: int,
    kind: EvidenceKind | None = None,
) -> None:
    strongest = max(found.values())
    best = [at for at, strength in found.items() if strength is strongest]
    if len(best) > _AMBIGUOUS_MAX:
        return
    bits = _bits_of_reference(index, quoted, strongest, len(best), pieces)
    hit = ReferenceHit(kind or _KIND_OF[strongest], strongest, quoted, bits)
    for at in best:
        known = hits.get(at)
        if known is None or known.bits < bits:
            hits[at] = hit


_KIND_OF = {
    ReferenceStrength.STRUCTURED: EvidenceKind.STRUCTURED_REFERENCE,
    ReferenceStrength.NUMBER: EvidenceKind.INVOICE_NUMBER,
    ReferenceStrength.DIGITS: EvidenceKind.INVOICE_NUMBER_DIGITS,
    ReferenceStrength.TAIL: EvidenceKind.INVOICE_NUMBER_DIGITS,
}


def _bits_of_reference(
    index: InvoiceIndex, quoted: str, strength: ReferenceStrength, count: int, pieces: int
) -> float:
    bits = index.rarity_among_invoices(count) + _REFERENCE_BONUS[strength]
    if strength is ReferenceStrength.NUMBER and len(quoted) <= _SHORT_NUMBER_LENGTH:
        bits -= _SHORT_NUMBER_COST
    if strength is ReferenceStrength.TAIL and len(quoted) <= _SHORT_TAIL_LENGTH:
        bits -= _SHORT_TAIL_COST
    if pieces > 1 and quoted.isdigit() and strength is not ReferenceStrength.STRUCTURED:
        bits -= _JOINED_COST
    return bits


# ----------------------------------------------------------------------- payer


def _read_payers(
    index: InvoiceIndex,
    payment: Payment,
    name: tuple[str, ...],
    words: tuple[str, ...],
    runs: Sequence[_Run],
) -> Mapping[int, Sequence[PayerSignal]]:
    payers: dict[int, list[PayerSignal]] = defaultdict(list)
    iban = compact(payment.payer_iban or "")
    sharing = index.by_iban.get(iban, ())
    for at in sharing:
        bits = index.rarity_among_customers(len(sharing)) + 1
        text = "The payer's account is one that we know of this customer."
        payers[at].append(PayerSignal(EvidenceKind.PAYER_IBAN, bits, text))
    for at, bits in _customers_named(index, name):
        text = f"The payer's name is like {index.name_of_customer(at)}."
        payers[at].append(PayerSignal(EvidenceKind.PAYER_NAME, bits, text))
    for at, bits in _customers_in_text(index, words_for_names(words)):
        text = f"The text names {index.name_of_customer(at)}."
        payers[at].append(PayerSignal(EvidenceKind.NAME_IN_TEXT, bits, text))
    for at, number in _customer_numbers(index, runs):
        bits = index.rarity_among_customers(len(index.by_customer_number[number])) - 1
        text = f"The text quotes the customer number {number}."
        payers[at].append(PayerSignal(EvidenceKind.CUSTOMER_NUMBER, bits, text))
    return _likely(payers)


def _likely(
    payers: Mapping[int, Sequence[PayerSignal]],
) -> Mapping[int, Sequence[PayerSignal]]:
    """Return the few customers that the signals point to most strongly."""
    best = {at: max(signal.bits for signal in signals) for at, signals in payers.items()}
    ranked = sorted(best, key=lambda at: (-best[at], at))[:_PAYERS_MAX]
    return {at: payers[at] for at in ranked if best[at] > best[ranked[0]] - _PAYER_BITS_BEHIND_MAX}


def _customer_numbers(index: InvoiceIndex, runs: Sequence[_Run]) -> Iterator[tuple[int, str]]:
    for number in dict.fromkeys(joined for _start, _end, joined in runs):
        for at in index.by_customer_number.get(number, ()):
            yield at, number


def _customers_named(index: InvoiceIndex, name: tuple[str, ...]) -> Sequence[tuple[int, float]]:
    """Return the customers whose names are like a payer's, with bits; most payers come again."""
    known = index.customers_by_payer.get(name)
    if known is None:
        known = tuple(_find_customers_named(index, name)) if name else ()
        index.customers_by_payer[name] = known
    return known


def _find_customers_named(
    index: InvoiceIndex, name: tuple[str, ...]
) -> Iterator[tuple[int, float]]:
    glued = "".join(name)
    candidates = set(_customers_sharing_words(index, name))
    if len(glued) >= _GLUED_NAME_LENGTH_MIN:
        candidates.update(index.customers_by_compact_name(glued))
    limit = index.rarity_among_customers(1) + 1
    for at in sorted(candidates):
        bits = max(_bits_of_name(index, name, glued, known) for known in index.customers[at].names)
        if bits > 1:
            yield at, min(bits, limit)


def _customers_sharing_words(index: InvoiceIndex, name: Sequence[str]) -> Sequence[int]:
    """Return the few customers whose names share the rarest words with a name."""
    shared: dict[int, float] = defaultdict(float)
    for word in sorted(set(name)):
        sharing = index.by_name_word.get(word, ())
        if len(word) > 1 and len(sharing) <= _COMMON_WORD_CUSTOMERS:
            rarity = index.rarity_of_word(word)
            for at in sharing:
                shared[at] += rarity
    return heapq.nsmallest(_CANDIDATE_CUSTOMERS_MAX, shared, key=lambda at: (-shared[at], at))


def _bits_of_name(
    index: InvoiceIndex, payer: tuple[str, ...], glued: str, known: tuple[str, ...]
) -> float:
    """Return what the likeness of two names is worth: the rarity of what they share."""
    known_glued = "".join(known)
    whole = sum(index.rarity_of_word(word) for word in known)
    if glued == known_glued:
        return whole
    short = min(len(glued), len(known_glued))
    if short >= _GLUED_NAME_LENGTH_MIN and (
        known_glued.startswith(glued) or glued.startswith(known_glued)
    ):
        return whole * short / max(len(glued), len(known_glued)) - 0.5
    shared = sum(
        index.rarity_of_word(word) * max(_likeness(word, other) for other in payer)
        for word in known
    )
    paid = sum(
        index.rarity_of_word(word) * max(_likeness(word, other) for other in known)
        for word in payer
    )
    total = sum(index.rarity_of_word(word) for word in payer)
    if not whole or not total:
        return 0.0
    quality = 2 * shared * paid / (shared * total + paid * whole) if shared and paid else 0.0
    return shared * quality - 0.5 if quality >= _NAME_QUALITY_MIN else 0.0


def _likeness(word: str, other: str) -> float:
    """Return how surely two words of names are the same, from 0 to 1."""
    if word == other:
        return 1.0
    if len(word) == 1 or len(other) == 1:
        return _INITIAL_SHARE if word[0] == other[0] else 0.0
    short = min(len(word), len(other))
    if short < _NAME_TYPO_LENGTH_MIN:
        return 0.0
    if word.startswith(other) or other.startswith(word):
        return 0.9
    return 0.8 if ratio(word, other, score_cutoff=_NAME_TYPO_MIN) else 0.0


def _customers_in_text(index: InvoiceIndex, words: tuple[str, ...]) -> Iterator[tuple[int, float]]:
    """Yield the customers whose names stand in a text, with bits."""
    present = set(words)
    telling = [word for word in words if len(word) >= _TEXT_WORD_LENGTH_MIN]
    candidates = set(_customers_sharing_words(index, telling))
    for start in range(len(words)):
        glued = "".join(words[start:])
        if len(glued) >= _GLUED_NAME_LENGTH_MIN:
            candidates.update(index.customers_by_compact_name(glued))
    text = "".join(words)
    for at in sorted(candidates):
        bits = _bits_in_text(index, index.customers[at], present, text)
        if bits >= _TEXT_NAME_BITS_MIN:
            yield at, bits


def _bits_in_text(index: InvoiceIndex, customer: Customer, present: set[str], text: str) -> float:
    best = 0.0
    for name in customer.names:
        whole = sum(index.rarity_of_word(word) for word in name)
        shared = sum(index.rarity_of_word(word) for word in name if word in present)
        if len(glued := "".join(name)) >= _GLUED_NAME_LENGTH_MIN and glued in text:
            shared = whole
        if whole and shared / whole >= _TEXT_NAME_QUALITY_MIN:
            best = max(best, shared * shared / whole - 1)
    return min(best, index.rarity_among_customers(1))
