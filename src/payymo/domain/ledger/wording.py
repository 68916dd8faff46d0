"""What a row's text says, and how alike two texts are."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import Final

#: Likeness of two texts that share all their words and are not equal, which is 1.
ALL_WORDS_LIKENESS: Final = 0.9

#: Words that a bank adds later: a date, a city.
ADDED_WORDS_MAX: Final = 4

#: Shorter words say nothing about whether two texts are of the same thing.
WORD_LENGTH_MIN: Final = 3

#: Words of a text that are compared; the longest that a bank sends is some forty.
LIKENESS_WORDS_MAX: Final = 200

#: Lines of a text that may begin with a date each; all that follows counts as one line.
LINE_COUNT_MAX: Final = 64

_NO_WORD = re.compile(r"[\W_]+")
#: A day, a year, a date without signs, or one like 06JAN25 or POSC12JAN.
_DATE_WORD = re.compile(
    r"\d{1,2}|\d{4}|\d{6}|\d{8}|[a-z]{0,4}\d{1,2}[a-z]{3}(?:\d{2}|\d{4})?", re.ASCII
)
#: What banks write while the other side's name is yet to come, in their customers' languages.
_HOLD_WORDS = frozenset(
    "reserved reservation reserveret reservasjon reservering reservert varaus katevaraus "
    "pending hold authorisation authorization autorisation autorizzazione autorizacion "
    "prenotazione vormerkung vorgemerkt vorgemerkter umsatz retenida retencion pendiente card "
    "payment purchase kartenzahlung".split()
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a text says.

    :ivar whole: All its words, in an order of their own: banks send lines in no fixed one.
    :ivar bare: The same without the dates with which lines begin.
    :ivar dates: Those dates.
    :ivar telling: Words by which texts are alike: longer than two signs, not digits alone, and
        not words for money being held.
    """

    whole: str
    bare: str
    dates: str
    telling: frozenset[str]


def normalise_text(text: str) -> str:
    """Return a text's words, so that case, width, accents' encoding and signs do not count.

    :param text: Any text.
    :returns: Letters and digits in words, parted by single blanks; may be empty.
    """
    composed = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _NO_WORD.sub(" ", composed.casefold()).strip()


def read_words(text: str) -> Words:
    """Return what a text says; the cost is linear, whatever the text."""
    whole: list[str] = []
    bare: list[str] = []
    dates: list[str] = []
    for line in text.split("\n", LINE_COUNT_MAX):
        words = normalise_text(line).split()
        count = 0
        for word in words[:ADDED_WORDS_MAX]:
            if _DATE_WORD.fullmatch(word) is None:
                break
            count += 1
        whole += words
        dates += words[:count]
        bare += words[count:]
    return Words(
        whole=" ".join(sorted(whole)),
        bare=" ".join(sorted(bare)),
        dates=" ".join(dates),
        telling=frozenset(
            word
            for word in whole[:LIKENESS_WORDS_MAX]
            if len(word) >= WORD_LENGTH_MIN and not word.isdigit() and word not in _HOLD_WORDS
        ),
    )


def likeness_of(words: Words, others: Words) -> float:
    """Return how alike two texts are, from 0 to 1: equal, or the shorter one's common words."""
    if words.whole == others.whole:
        return 1.0
    one, other = words.telling, others.telling
    if not one or not other:
        return 0.0
    return ALL_WORDS_LIKENESS * len(one & other) / min(len(one), len(other))


def have_other_numbers(words: Words, others: Words) -> bool:
    """Return whether each text has a number that the other lacks, as two invoices do."""
    here, there = set(words.bare.split()), set(others.bare.split())
    return all(
        any(len(word) >= WORD_LENGTH_MIN and not word.isalpha() for word in more)
        for more in (here - there, there - here)
    )


def extends(words: Words, others: Words) -> bool:
    """Return whether one text is the other with a few words more."""
    if not words.telling & others.telling:
        return False
    here, there = Counter(words.bare.split()), Counter(others.bare.split())
    more, less = (here - there).total(), (there - here).total()
    return min(more, less) == 0 and max(more, less) <= ADDED_WORDS_MAX
