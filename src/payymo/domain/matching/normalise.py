"""Texts, numbers and names in the form in which they are compared."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

#: Words that say what kind of firm it is, or what a person is called, and not who it is.
_LEGAL_FORMS = frozenset(
    """
    AB AG AKTIEBOLAG AKTIESELSKAB ANS APS AS ASA ASOY AY BMBH BV BVBA CIA CO COMMV COMPANY COOP CORP
    CORPORATION CV DA EG EIRL EK ENK EURL EV EWIV FIGLI FILS FMBA GBR GESMBH GMBH HB IK INC
    INCORPORATED INHABER IS IVS KB KEY KG KGAA KOM KS LDA LIMITED LLC LLP LP LTD LTDA MBH NV OG OHG
    OY OYJ PLC PUBL PVT RY SA SAPA SARL SAS SASU SC SCA SCOP SCRL SE SENC SL SLL SLNE SLU SNC SPA
    SPRL SRL SRLS SRO STIFTELSE SZ TBK TMI UG UNLTD VOF VZW
    """.split()
)
_TITLES = frozenset(
    "MR MRS MS MISS SIR DR PROF HERR FRAU SIG SRA DHR MEVR MME MLLE FRU HR".split(),
)
_JOINING_WORDS = frozenset("AND UND ET EN OG OCH E Y I THE OF DE DU LA LE DI DA".split())
_NOISE_WORDS = _LEGAL_FORMS | _TITLES | _JOINING_WORDS

_ABBREVIATIONS = {
    "INTL": "INTERNATIONAL",
    "SVCS": "SERVICES",
    "HLDGS": "HOLDINGS",
    "HLDG": "HOLDING",
    "GRP": "GROUP",
    "MGMT": "MANAGEMENT",
    "TECH": "TECHNOLOGY",
    "BROS": "BROTHERS",
    "ASSOC": "ASSOCIATES",
}

_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ð": "d", "ł": "l"}
    | {"Ł": "L", "þ": "th", "Þ": "TH", "đ": "d", "Đ": "D"}
)
_WORD = re.compile(r"[A-Z0-9]+")
_SLASHED_LETTERS = re.compile(r"\b([A-Z])/([A-Z])\b")
_LOOSE_NEWLINE = re.compile(r"[ \t\r]+\n\s*|\n[ \t\r\n]+|\r\n?")
_NAME_WORD = re.compile(r"[A-Z]+")
_SPACED_FORM = re.compile(r"(?<![A-Z.&])(?:[A-Z]\s){1,5}[A-Z]\s*$")
_DOTTED_INITIALS = re.compile(r"\b(?:[A-Z]\.){2,}[A-Z]?")
_SLASHED_FORM = re.compile(r"\b([AKI])/S\b")
_TRADING_AS = re.compile(r"\bT/A\b.*$", re.DOTALL)
_WRITTEN_UMLAUT = re.compile(r"(?<=[AOU])E")
_DIGITS = re.compile(r"\d+")
_WRITTEN_DATE = re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})?(?!\d)")

#: Statements in MT940 hold texts in cells of so many signs; what fetches them puts blanks between.
_CELL_LENGTH = 27

#: Payment processors pass on what others paid: their name and account tell no payer.
PROCESSORS = frozenset(
    """
    ADYEN BILLPAY CHECKOUT GOCARDLESS IZETTLE KLARNA MOLLIE NEXI PAYONE PAYPAL PAYSAFE SHOPIFY
    SQUAREUP STRIPE SUMUP TRUSTLY WISE WORLDLINE WORLDPAY WPAY ZETTLE
    """.split()
)

#: Words in the names of those who pay for many others: bookkeepers, trustees, factors.
AGENTS = frozenset(
    """
    ACCOUNTANCY ACCOUNTANT ACCOUNTANTS ACCOUNTING BOEKHOUDING BOOKKEEPERS BOOKKEEPING BUCHHALTUNG
    COLLECTIONS COMMERCIALISTA COMPTABILITE COMPTABLES FACTORING FACTORS FIDUCIAIRE GESTORIA INKASSO
    LEDGER PAYROLL RAAMATUPIDAMINE REDOVISNING REGNSKAB REGNSKAP STEUERBERATER STEUERBERATUNG
    TILITOIMISTO TREUHAND
    """.split()
)

#: Banks carry 140 characters, or a few times that: what is beyond is not read.
_TEXT_LENGTH_MAX = 1_000

#: Labels that banks put around what the payer wrote, with what they label.
_BANK_NOISE = re.compile(
    r"""
    END-TO-EN\s?D-REF\.?:\s*[A-Z0-9-]*(?:\s[A-Z0-9]+$)?
    | \b(?:EREF|KREF|MREF|CRED)\+[^+]*?(?=\b[A-Z]{4}\+|$)
    | \bSVWZ\+
    | /TRTP/[^/]*(?=/) | /IBAN/[^/]*(?=/) | /BIC/[^/]*(?=/) | /EREF/.*$ | /REMI/ | /NAME/
    | ABI-CAB:\s*[\d-]+ | NUM\.\s*BON\.\s*SEPA\s*\d+ | BONIFICO\sO/C: | A\sFAVORE\sDI
    | \bNOT\s?PROVIDED\b
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Return a text in upper case, its letters without marks."""
    if text.isascii():
        return text.upper()
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).upper()


@lru_cache(maxsize=65_536)
def compact(text: str) -> str:
    """Return the letters and digits of a text, folded."""
    return "".join(_WORD.findall(fold(text)))


def core(reference: str) -> str:
    """Return a compacted reference without leading zeros."""
    return reference.lstrip("0")


def clean_text(text: str | None) -> str:
    """Return what the payer wrote, folded, without the bank's labels and without dates."""
    if not text:
        return ""
    folded = fold(_with_breaks(text[:_TEXT_LENGTH_MAX]))
    clean = _WRITTEN_DATE.sub(" ", _BANK_NOISE.sub(" ", folded))
    return _SLASHED_LETTERS.sub(r"\1\2", clean) if "/" in clean else clean


def _with_breaks(text: str) -> str:
    """Return a text in which a line break is left where a bank may have broken a word.

    That is a line break without blanks beside it, and a blank where a cell of a statement ends.
    """
    if "\n" in text or "\r" in text:
        return _LOOSE_NEWLINE.sub(" ", text)
    size = len(text)
    breaks: list[int] = []
    at = 0
    while size - at > _CELL_LENGTH:
        # A cell is shorter by the blanks at its ends.
        end = next(
            (
                at + length
                for length in range(_CELL_LENGTH, _CELL_LENGTH - 3, -1)
                if text[at + length] == " "
            ),
            None,
        )
        if end is None:
            return text
        if end - at == _CELL_LENGTH:
            breaks.append(end)
        at = end + 1
    if not breaks:
        return text
    signs = list(text)
    for end in breaks:
        signs[end] = "\n"
    return "".join(signs)


def words_of_text(clean: str) -> tuple[str, ...]:
    """Return the words and numbers of a cleaned text."""
    return tuple(_WORD.findall(clean))


#: One for all texts: none is broken but by a bank.
_NO_PLACES: frozenset[int] = frozenset()


def broken_words(clean: str) -> frozenset[int]:
    """Return the places of words after which nothing but a line break stands before the next."""
    if "\n" not in clean:
        return _NO_PLACES
    found = list(_WORD.finditer(clean))
    return frozenset(
        place
        for place, (word, following) in enumerate(pairwise(found))
        if following.start() - word.end() == 1 and clean[word.end()] == "\n"
    )


@lru_cache(maxsize=65_536)
def words_of_name(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell who it is.

    Legal forms, titles and joining words are left out, unless nothing else is there. Umlauts
    count alike however they are written (``Müller``, ``MUELLER``, ``MULLER``).
    """
    folded = _SLASHED_FORM.sub(r"\1S", _TRADING_AS.sub("", fold(name)))
    folded = _DOTTED_INITIALS.sub(lambda found: found.group().replace(".", "") + " ", folded)
    folded = _SPACED_FORM.sub(_form_in_one, folded)
    words = _NAME_WORD.findall(folded)
    telling = [word for word in words if word not in _NOISE_WORDS]
    return tuple(
        _WRITTEN_UMLAUT.sub("", _ABBREVIATIONS.get(word, word)) for word in telling or words
    )


def _form_in_one(letters: re.Match[str]) -> str:
    """Return the letters at the end of a name as one word if they are a legal form (``S L U``)."""
    signs = letters.group().split()
    for first in range(len(signs) - 1):
        if "".join(signs[first:]) in _LEGAL_FORMS:
            return " ".join((*signs[:first], "".join(signs[first:])))
    return letters.group()


def words_for_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a text as :func:`words_of_name` would write them."""
    return tuple(
        _WRITTEN_UMLAUT.sub("", _ABBREVIATIONS.get(word, word))
        for word in words
        if word.isalpha() and word not in _NOISE_WORDS
    )


@dataclass(frozen=True, slots=True)
class NumberKeys:
    """The ways in which people write one invoice number, compacted.

    :ivar full: All of it: ``INV202500837``.
    :ivar digits: Its digits: ``202500837``; ``None`` where that is all of it.
    :ivar tails: Its running part, with and without leading zeros: ``00837``, ``837``.
    """

    full: str
    digits: str | None
    tails: tuple[str, ...]


#: A running part below this length says nothing.
_TAIL_LENGTH_MIN = 3


@lru_cache(maxsize=65_536)
def keys_of_number(number: str, issued: date) -> NumberKeys:
    """Return the ways in which people write an invoice number.

    :param number: The number as we issued it.
    :param issued: Its date: the year is often part of the number, and left out by payers.
    """
    full = compact(number)
    groups = _DIGITS.findall(number)
    digits = "".join(groups)
    running = groups[-1] if groups else ""
    if len(groups) == 1:
        for year in (f"{issued:%Y}", f"{issued:%y}"):
            if running.startswith(year) and len(running) - len(year) >= _TAIL_LENGTH_MIN:
                running = running.removeprefix(year)
                break
    tails = {running, running.lstrip("0")}
    letters = "".join(sign for sign in full if sign.isalpha())
    if letters:
        tails |= {letters + tail for tail in tuple(tails)}
    return NumberKeys(
        full=full,
        digits=digits if digits != full and len(digits) >= _TAIL_LENGTH_MIN else None,
        tails=tuple(
            sorted(
                tail
                for tail in tails
                if len(tail) >= _TAIL_LENGTH_MIN and tail not in {full, digits}
            )
        ),
    )


def shape(token: str) -> tuple[str, int]:
    """Return what a compacted number looks like: the letters before it, and how long it is."""
    return letters_before_digits(token), len(token)


def letters_before_digits(token: str) -> str:
    """Return the letters with which a number begins (``INV``)."""
    return token[: len(token) - len(token.lstrip(_LETTERS_ASCII))]


_LETTERS_ASCII = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
