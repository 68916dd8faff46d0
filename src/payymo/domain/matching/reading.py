"""What a payment says: which references it quotes, what else is written there, who seems to pay."""

import re
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum

from rapidfuzz.distance import OSA

from payymo.domain.matching.amounts import units_of
from payymo.domain.matching.checks import schemes_of, slips_of
from payymo.domain.matching.index import (
    Code,
    InvoiceIndex,
    ReferenceStrength,
    place_of,
    strength_of,
)
from payymo.domain.matching.normalise import (
    PROCESSORS,
    broken_words,
    clean_text,
    compact,
    core,
    letters_before_digits,
    words_of_name,
    words_of_text,
)
from payymo.domain.matching.records import Payment
from payymo.domain.matching.vocabulary import (
    MISC_WORDS,
    ORDER_WORDS,
    OWN_WORDS,
    WHOLE_WORDS,
    is_of_customer,
    is_of_order,
    says_part,
    says_prepaid,
)


class Quote(IntEnum):
    """How a payment quotes an invoice, from the plainest to the vaguest."""

    STRUCTURED = 0
    STRUCTURED_TEXT = 1
    REPAIRED = 2
    END_TO_END = 3
    NUMBER = 4
    PLAIN = 5
    DIGITS = 6
    TAIL_LONG = 7
    JOINED = 8
    TAIL_SHORT = 9
    DATE_LIKE = 10
    CUSTOMER_LIKE = 11
    CUT = 12
    TYPO = 13
    END = 14


#: Quotes that name an invoice, and no number that happens to look like one.
PLAIN_QUOTES = frozenset(
    (
        Quote.STRUCTURED,
        Quote.STRUCTURED_TEXT,
        Quote.REPAIRED,
        Quote.END_TO_END,
        Quote.NUMBER,
        Quote.PLAIN,
        Quote.DIGITS,
    )
)

#: Into how many pieces a bank may have broken one number, and how long numbers are.
_PIECES_MAX = 8
_KEY_LENGTH_MAX = 28

#: A number of plain digits that was put together from pieces must be this long to count.
_JOINED_DIGITS_MIN = 5

#: What is part of more invoices' numbers than this says nothing.
_AMBIGUOUS_MAX = 20
_TAIL_LONG = 4
_REPAIRED_LENGTH_MIN = 8
_CUT_LENGTH_MIN = 5
_CUT_INVOICES_MAX = 6
_STRAY_LENGTH_MIN = 4

_CUT_DIGITS_MIN = 1
_CUT_DIGITS_BARE_MIN = 3
_DIGITS_MORE_MAX = 2

#: Shorter numbers are put together by accident.
_CLOSED_LENGTH_MIN = 7
_SLIP_LENGTH_MIN = 4

_COMPACT_DATE = re.compile(r"20[12]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_YEAR = re.compile(r"20[1-4]\d")
_HAS_DIGIT = re.compile(r"\d")
#: A label or another number before a number: ``NR61323``, ``RE2303353RE2303354``.
_GROWN = re.compile(r"^(?:[A-Z]{2,}\d{4,}|[A-Z]+\d{4,}[A-Z]+\d+)$")
_GROUPS = re.compile(r"([A-Z]*)(\d+)")
_GROWN_DIGITS_MIN = 4
#: How many more invoices a text says it pays: ``INV-17 +2``.
_FURTHER = re.compile(r"\d\s*\+\s?([1-9])(?!\s?[\d/-])\b")

#: A list that a bank has cut off: ``22257 & 23``, ``A.2026.3084 / A.20``.
_GOES_ON = re.compile(r"\d(?:\s?[+&,]\s?| / ?)[A-Z]{0,4}[.\-]?\d{0,3}\s*$")

_BEFORE_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-/._ "


class Reading:
    """What one payment says.

    :ivar hits: How each open invoice is quoted that is, by its place, and the words for it.
    :ivar shared: How many open invoices the same words quote.
    :ivar chance: How likely such words quote an open invoice by accident, as log2.
    :ivar strange: Numbers of the kind that we issue, and that are not open.
    :ivar closed: Numbers of invoices that are paid or void.
    :ivar credits: Credit notes that are quoted, by their places.
    :ivar stray: Whether there are other numbers.
    :ivar loose: Digits that lead to nothing: perhaps the ends of invoice numbers.
    :ivar years: Digits that are a year, or the end of a number.
    :ivar cuts: Beginnings of our numbers, where a text was cut off.
    :ivar further: How many more invoices a text says it pays (``+2``); 0 if it does not say.
    :ivar goes_on: Whether a list of numbers breaks off: next to nothing follows the last comma.
    :ivar customers: Customers whose number is quoted.
    :ivar numbers: Those of these numbers that nothing says are customers', and may be other ones.
    :ivar teaches: The one invoice that is quoted beyond doubt.
    """

    __slots__ = (
        "amount",
        "booked",
        "broken",
        "chance",
        "closed",
        "credits",
        "customers",
        "cuts",
        "further",
        "goes_on",
        "hits",
        "iban",
        "is_misc",
        "is_order",
        "is_own",
        "is_part",
        "is_prepayment",
        "is_processor",
        "is_repeat",
        "loose",
        "name",
        "numbers",
        "payment",
        "shared",
        "strange",
        "stray",
        "teaches",
        "words",
        "years",
    )

    def __init__(self, payment: Payment) -> None:
        self.payment = payment
        self.amount = units_of(payment.amount)
        self.booked = payment.booking_date.toordinal()
        self.hits: dict[int, Quote] = {}
        self.shared: dict[int, int] = {}
        self.chance: dict[int, float] = {}
        self.strange: list[str] = []
        self.closed: list[str] = []
        self.credits: list[int] = []
        self.loose: list[str] = []
        self.years: list[str] = []
        self.customers: list[int] = []
        self.numbers: list[str] = []
        self.stray = False
        self.cuts: list[str] = []
        self.further = 0
        self.goes_on = False
        self.teaches: int | None = None
        self.is_repeat = False
        self.iban = compact(payment.payer_iban) if payment.payer_iban else ""
        name = words_of_name(payment.payer_name) if payment.payer_name else ()
        clean = clean_text(payment.remittance)
        self.words, self.broken = _whole_words(words_of_text(clean), broken_words(clean))
        present = frozenset(self.words)
        self.is_processor = not PROCESSORS.isdisjoint(name) or not PROCESSORS.isdisjoint(present)
        self.name = name
        self.is_prepayment = says_prepaid(self.words)
        self.is_part = says_part(self.words)
        self.is_own = not OWN_WORDS.isdisjoint(present)
        self.is_misc = not MISC_WORDS.isdisjoint(present) or not MISC_WORDS.isdisjoint(name)
        self.is_order = not ORDER_WORDS.isdisjoint(present)
        more = _FURTHER.search(clean) if "+" in clean else None
        if more is not None:
            self.further = int(more.group(1))
        self.goes_on = not self.further and _GOES_ON.search(clean) is not None


def _whole_words(
    words: tuple[str, ...], broken: frozenset[int]
) -> tuple[tuple[str, ...], frozenset[int]]:
    """Return words of which those are whole again that are known, and what is broken still."""
    if not broken:
        return words, broken
    return _joined(words, broken, lambda left, right: left + right in WHOLE_WORDS)


def _joined(
    words: Sequence[str], broken: frozenset[int], is_one: Callable[[str, str], bool]
) -> tuple[tuple[str, ...], frozenset[int]]:
    """Return words with those joined that a break has parted, and the breaks that are left.

    :param broken: Places of the words that a break follows.
    :param is_one: Whether two pieces are one word.
    """
    found: list[str] = []
    left: set[int] = set()
    is_after_break = False
    for place, word in enumerate(words):
        if is_after_break and is_one(found[-1], word):
            found[-1] += word
        else:
            if is_after_break:
                left.add(len(found) - 1)
            found.append(word)
        is_after_break = place in broken
    return tuple(found), frozenset(left)


def read(index: InvoiceIndex, payment: Payment) -> Reading:
    """Return what a payment says of the open invoices."""
    reading = Reading(payment)
    _Reader(index, reading).read()
    return reading


class _Reader:
    """Finds what one payment quotes."""

    __slots__ = ("index", "reading")

    def __init__(self, index: InvoiceIndex, reading: Reading) -> None:
        self.index = index
        self.reading = reading

    def read(self) -> None:
        payment = self.reading.payment
        if payment.structured_reference:
            self._read_field(compact(payment.structured_reference))
        words = self.reading.words
        if self.reading.broken:
            words, _left = _joined(words, self.reading.broken, self._is_one_number)
            self.reading.words = words
        if payment.end_to_end_id:
            end_to_end_id = compact(payment.end_to_end_id)
            if not self._read_end_to_end_id(end_to_end_id) and words:
                words = self.reading.words = _without(words, end_to_end_id)
        if words and self.reading.iban[:_REPEATED_LENGTH_MIN] in "".join(words):
            words = self.reading.words = _without(words, self.reading.iban)
        if words:
            self._read_words(self._apart(words))
        self._look_for_the_lesson()

    def _is_one_number(self, left: str, right: str) -> bool:
        """Return whether two pieces of a text are a number that a bank has broken."""
        index, whole = self.index, left + right
        if whole in index.references or whole in index.closed or whole in index.by_customer_number:
            return _HAS_DIGIT.search(whole) is not None
        if not (left[-1].isdigit() and right[0].isdigit()):
            return False
        return not any(
            strength_of(code) >= ReferenceStrength.DIGITS
            for piece in (left, right)
            for code in index.references.get(piece, ())
        )

    def _read_field(self, field: str) -> None:
        index = self.index
        if not field:
            return
        codes = index.references.get(field) or index.references.get(core(field))
        if codes:
            strongest = max(map(strength_of, codes))
            level = Quote.STRUCTURED if strongest >= ReferenceStrength.PLAIN else Quote.TAIL_LONG
            self._note(field, codes, level)
        elif field in index.closed or core(field) in index.closed:
            self.reading.closed.append(field)
        elif not self._repair(field):
            self.reading.strange.append(field)

    def _read_end_to_end_id(self, key: str) -> bool:
        codes = [
            code
            for code in self.index.references.get(key, ())
            if strength_of(code) >= ReferenceStrength.PLAIN
        ]
        if codes:
            self._note(key, codes, Quote.END_TO_END)
        return bool(codes)

    def _apart(self, words: tuple[str, ...]) -> Sequence[str]:
        """Return words with numbers taken apart from a label, or a number, that they grew onto."""
        if not any(map(_GROWN.search, words)):
            return words
        prefixes = self.index.number_prefixes
        apart: list[str] = []
        for word in words:
            if word in self.index.references or not _GROWN.search(word):
                apart.append(word)
                continue
            for letters, rest in _GROUPS.findall(word):
                ours = next((each for each in prefixes if each and letters.endswith(each)), None)
                if letters in prefixes or not letters:
                    apart.append(letters + rest)
                elif ours is not None:
                    apart += [letters.removesuffix(ours), ours + rest]
                elif len(rest) >= _GROWN_DIGITS_MIN and len(letters) > 1:
                    apart += [letters, rest]
                else:
                    apart.append(letters + rest)
        return apart

    def _read_words(self, words: Sequence[str]) -> None:
        index = self.index
        count = len(words)
        has_digit = [_HAS_DIGIT.search(word) is not None for word in words]
        if True not in has_digit:
            return
        starts = index.number_prefixes
        at = 0
        while at < count:
            word = words[at]
            if not has_digit[at] and not (word in starts and any(has_digit[at + 1 : at + 3])):
                at += 1
                continue
            taken = self._read_run(words, has_digit, at)
            if taken:
                at += taken
                continue
            if has_digit[at]:
                self._read_rest(words, at)
            at += 1

    def _read_run(self, words: Sequence[str], has_digit: Sequence[bool], at: int) -> int:
        """Note what the words from here quote, the longest run first; return how many words."""
        runs = _runs(words, has_digit, at)
        if has_digit[at] and (is_of_order(words, at) or is_of_customer(words, at)):
            return self._read_labelled(words, at)
        taken = self._read_known(words, at, runs)
        if taken:
            return taken
        for pieces, run in runs:
            if self._is_strange(run, pieces):
                if not has_digit[at] and self._is_whole("".join(words[at + 1 : at + pieces])):
                    return 0
                if not self._repair(run):
                    self.reading.strange.append(run)
                return pieces
        for pieces, run in runs:
            if self._is_cut(run):
                self.reading.cuts.append(run)
                return pieces if at + pieces < len(words) else 0
        return 0

    def _is_whole(self, number: str) -> bool:
        """Return whether a number is one of ours by itself, and the word before it a label."""
        return any(
            strength_of(code) >= ReferenceStrength.PLAIN
            for code in self.index.references.get(number, ())
        )

    def _read_labelled(self, words: Sequence[str], at: int) -> int:
        """Note a number that is said to be an order's or a customer's, unless it is an invoice's.

        :returns: How many words it is.
        """
        index, word = self.index, words[at]
        codes = index.references.get(word, ())
        customers = index.by_customer_number.get(word)
        if customers and is_of_customer(words, at):
            self.reading.customers.extend(customers)
        elif any(strength_of(code) >= ReferenceStrength.DIGITS for code in codes):
            if word.isdigit() and is_of_customer(words, at):
                self._note(word, codes, Quote.CUSTOMER_LIKE)
            else:
                self._note_run(words, at, 1, word, list(codes))
        else:
            self.reading.stray = True
        return 1

    def _read_known(self, words: Sequence[str], at: int, runs: Sequence[tuple[int, str]]) -> int:
        """Note the longest run that is a reference of ours; return how many words it is."""
        references, closed = self.index.references, self.index.closed
        credit_numbers = self.index.credit_numbers
        is_longer_strange = False
        for pieces, run in runs:
            codes = references.get(run)
            if codes is None and run[0] == "0":
                codes = self._structured_without_zeros(run)
            if codes:
                if is_longer_strange and max(map(strength_of, codes)) == ReferenceStrength.TAIL:
                    return 0
                if self._note_run(words, at, pieces, run, codes):
                    return pieces
            elif run in credit_numbers:
                self.reading.credits.append(credit_numbers[run])
                return pieces
            elif run in closed and (pieces == 1 or len(run) >= _CLOSED_LENGTH_MIN):
                self.reading.closed.append(run)
                return pieces
            elif self._is_strange(run, pieces) and (not run.isdigit() or _YEAR.match(run)):
                is_longer_strange = True
        return 0

    def _structured_without_zeros(self, run: str) -> list[Code] | None:
        codes = self.index.references.get(core(run))
        if codes and max(map(strength_of, codes)) == ReferenceStrength.STRUCTURED:
            return codes
        return None

    def _note_run(
        self, words: Sequence[str], at: int, pieces: int, run: str, codes: list[Code]
    ) -> bool:
        """Note what a run of words quotes; ``False`` if it is too little to quote anything."""
        is_in_pieces = pieces > 1 and run.isdigit()
        if is_in_pieces and len(codes) > 1:
            codes = self._as_written(codes)
        level = self._level_of(run, pieces, codes)
        if level is None:
            return False
        is_plain_reference = level in {Quote.STRUCTURED_TEXT, Quote.PLAIN} and (
            max(map(strength_of, codes)) == ReferenceStrength.STRUCTURED
        )
        if run in self.index.by_customer_number and run.isdigit() and not is_plain_reference:
            if is_of_customer(words, at):
                self.reading.customers.extend(self.index.by_customer_number[run])
                return True
            level = Quote.CUSTOMER_LIKE
        self._note(run, codes, level, is_any=is_in_pieces)
        if level in _ENDS and run.isdigit():
            self.reading.loose.append(run)
        return True

    def _as_written(self, codes: list[Code]) -> list[Code]:
        """Return which of several invoices have the number that digits in pieces are, as written.

        ``2025-104`` is F2025-104 rather than 2025104; where blanks part it, it may be either.
        """
        text = (self.reading.payment.remittance or "").replace("\n", "")
        invoices = self.index.invoices
        written = [
            code
            for code in codes
            if strength_of(code) >= ReferenceStrength.DIGITS
            and (digits := invoices[place_of(code)].number.lstrip(_BEFORE_DIGITS)) in text
            and not digits.isdigit()
        ]
        return written or codes

    def _level_of(self, run: str, pieces: int, codes: list[Code]) -> Quote | None:
        """Return how plainly a run of words quotes what it leads to; ``None`` if not at all."""
        strongest = max(map(strength_of, codes))
        level: Quote | None = _LEVELS[ReferenceStrength(strongest)]
        if not run.isdigit():
            return level
        is_tail = strongest == ReferenceStrength.TAIL
        if strongest == ReferenceStrength.STRUCTURED:
            level = Quote.PLAIN if len(run) < _REPAIRED_LENGTH_MIN else level
        elif pieces > 1:
            number = self.index.invoices[place_of(codes[0])].number
            is_enough = len(run) >= _JOINED_DIGITS_MIN and not is_tail
            level = self._level_of_pieces(number) if is_enough else None
        elif _YEAR.fullmatch(run):
            level = None if is_tail else Quote.DATE_LIKE
        elif _COMPACT_DATE.fullmatch(run):
            level = Quote.DATE_LIKE
        elif is_tail:
            level = Quote.TAIL_LONG if len(run) >= _TAIL_LONG else Quote.TAIL_SHORT
        return level

    def _level_of_pieces(self, number: str) -> Quote:
        """Return how plainly digits in pieces quote a number: as it is written, or broken up."""
        text = (self.reading.payment.remittance or "").replace("\n", "")
        if not number.isdigit() and number in text:
            return Quote.NUMBER
        digits = number.lstrip(_BEFORE_DIGITS)
        return Quote.DIGITS if not digits.isdigit() and digits in text else Quote.JOINED

    def _read_rest(self, words: Sequence[str], at: int) -> None:
        """Note what a word with digits may be that quotes no invoice by itself."""
        index, word = self.index, words[at]
        customers = index.by_customer_number.get(word)
        if customers and len(word) >= _STRAY_LENGTH_MIN:
            self.reading.customers.extend(customers)
            self.reading.numbers.append(word)
            if index.seniority(word) is not None:
                self.reading.strange.append(word)
            return
        if _YEAR.fullmatch(word):
            self.reading.years.append(word)
            return
        if _COMPACT_DATE.fullmatch(word):
            return
        if word.isdigit():
            self.reading.loose.append(word)
            if len(word) >= _REPAIRED_LENGTH_MIN and self._repair(word):
                return
        elif (prefix := letters_before_digits(word)) in index.number_prefixes:
            # One of our numbers, cut off.
            self.reading.loose.append(word.removeprefix(prefix))
        if len(word) >= _STRAY_LENGTH_MIN:
            self.reading.stray = True
        if at == len(words) - 1:
            self._read_cut(words)

    def _read_cut(self, words: Sequence[str]) -> None:
        """Note what the end of the text may be the beginning of: banks cut texts off."""
        is_cut = False
        for pieces in (3, 2, 1):
            end = "".join(words[-pieces:])
            if len(end) < _CUT_LENGTH_MIN or pieces > len(words):
                continue
            found = self.index.numbers_beginning(end, _CUT_INVOICES_MAX)
            for at in found:
                if at not in self.reading.hits:
                    self.reading.hits[at] = Quote.CUT
                    self.reading.shared[at] = 1
                    self.reading.chance[at] = 0.0
                    is_cut = True
            if is_cut:
                return
            if not found and self.index.begins_number(end):
                self.reading.cuts.append(end)
                return

    def _is_strange(self, run: str, pieces: int) -> bool:
        if run.isdigit():
            if run in self.index.by_customer_number or _COMPACT_DATE.fullmatch(run):
                return False
            if pieces > 1 and (pieces > 2 or len(run) < _JOINED_DIGITS_MIN):  # noqa: PLR2004  # a blank fell into it
                return False
            if _YEAR.fullmatch(run):
                return False
        if self.index.seniority(run) is not None:
            return True
        # One of our numbers with a digit too many.
        prefix = letters_before_digits(run)
        if not prefix or prefix not in self.index.number_prefixes:
            return False
        most = self.index.number_prefixes[prefix][1]
        return most < len(run) <= most + _DIGITS_MORE_MAX and run[len(prefix) :].isdigit()

    def _is_cut(self, run: str) -> bool:
        """Return whether a run of words is the beginning of one of our numbers."""
        prefix = letters_before_digits(run)
        if not prefix or prefix not in self.index.number_prefixes:
            return False
        digits = run[len(prefix) :]
        least = self.index.number_prefixes[prefix][0]
        return (
            digits.isdigit()
            and len(digits) >= (_CUT_DIGITS_MIN if len(prefix) > 1 else _CUT_DIGITS_BARE_MIN)
            and len(run) < least
        )

    def _repair(self, reference: str) -> bool:
        """Note the one issued reference that a slip turned into this one, if a check proves it."""
        if (
            len(reference) < _REPAIRED_LENGTH_MIN
            or not self.index.is_length_of(ReferenceStrength.STRUCTURED, len(reference))
            or not PLAIN_QUOTES.isdisjoint(self.reading.hits.values())
        ):
            return False
        references = self.index.references
        found: set[Code] = set()
        for key in slips_of(reference):
            for code in references.get(key, ()):
                if strength_of(code) == ReferenceStrength.STRUCTURED:
                    found.add(code)
        if len(found) != 1:
            return False
        (code,) = found
        issued = compact(self.index.invoices[place_of(code)].structured_reference or "")
        if not schemes_of(issued) - schemes_of(reference):
            return False
        self._note(reference, [code], Quote.REPAIRED)
        return True

    def _note(
        self, quoted: str, codes: Sequence[Code], level: Quote, *, is_any: bool = False
    ) -> None:
        """Note what is quoted: what has it as its strongest reference, or any that has it whole."""
        strongest = max(map(strength_of, codes))
        least = min(strongest, ReferenceStrength.DIGITS) if is_any else strongest
        best = [place_of(code) for code in codes if strength_of(code) >= least]
        if len(best) > _AMBIGUOUS_MAX:
            return
        reading = self.reading
        chance = self.index.chance_of_number(strongest, len(quoted))
        if level is not Quote.STRUCTURED and not quoted.isdigit():
            chance -= 6
        for at in best:
            known = reading.hits.get(at)
            if known is None or level < known:
                reading.hits[at] = level
                reading.shared[at] = len(best)
                reading.chance[at] = chance

    def _look_for_the_lesson(self) -> None:
        reading = self.reading
        plain = [
            at
            for at, level in reading.hits.items()
            if level in PLAIN_QUOTES and reading.shared[at] == 1
        ]
        if len(plain) == 1 and len(reading.hits) == 1 and not reading.strange:
            at = plain[0]
            if (
                self.index.balances[at] == reading.amount
                and self.index.invoices[at].currency == reading.payment.currency
                and reading.chance[at] < _LESSON_CHANCE_MAX
            ):
                reading.teaches = at


def _runs(words: Sequence[str], has_digit: Sequence[bool], at: int) -> Sequence[tuple[int, str]]:
    """Return the runs of words from here that end with a number, joined, the longest first."""
    joined = ""
    runs: list[tuple[int, str]] = []
    for end in range(at, min(at + _PIECES_MAX, len(words))):
        joined += words[end]
        if len(joined) > _KEY_LENGTH_MAX:
            break
        if has_digit[end]:
            runs.append((end + 1 - at, joined))
    runs.reverse()
    return runs


#: A number that is as likely to be right by accident teaches nothing.
_LESSON_CHANCE_MAX = -4.0

#: What may as well be the end of another number.
_ENDS = frozenset((Quote.TAIL_LONG, Quote.TAIL_SHORT, Quote.CUSTOMER_LIKE))

_LEVELS = {
    ReferenceStrength.STRUCTURED: Quote.STRUCTURED_TEXT,
    ReferenceStrength.NUMBER: Quote.NUMBER,
    ReferenceStrength.PLAIN: Quote.PLAIN,
    ReferenceStrength.DIGITS: Quote.DIGITS,
    ReferenceStrength.TAIL: Quote.TAIL_LONG,
}


def _without(words: tuple[str, ...], end_to_end_id: str) -> tuple[str, ...]:
    """Return the words of a text without an end-to-end id that the bank repeats in it."""
    if len(end_to_end_id) < _REPEATED_LENGTH_MIN:
        return words
    return tuple(
        word
        for word in words
        if not (
            len(word) >= _STRAY_LENGTH_MIN and word in end_to_end_id and _HAS_DIGIT.search(word)
        )
    )


#: Shorter end-to-end ids may stand in a text by accident.
_REPEATED_LENGTH_MIN = 10


def is_slip_of(strange: Sequence[str], keys: Sequence[str]) -> bool:
    """Return whether a strange number is one slip of the hand away from one of an invoice's."""
    return any(
        len(number) >= _SLIP_LENGTH_MIN and OSA.distance(number, key, score_cutoff=1) == 1
        for number in strange
        for key in keys
    )


def slips_to(index: InvoiceIndex, strange: Sequence[str]) -> Iterator[int]:
    """Yield the open invoices whose number one slip of the hand may have turned into another."""
    references = index.references
    for number in strange:
        if len(number) < _SLIP_LENGTH_MIN:
            continue
        for key in slips_of(number):
            for code in references.get(key, ()):
                if strength_of(code) >= ReferenceStrength.DIGITS:
                    yield place_of(code)
