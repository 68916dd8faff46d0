"""Creditor references, by the national schemes that have a check digit."""

import re
from collections.abc import Iterator
from typing import Final

from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

_LENGTH_MAX: Final = 35

_RF = re.compile(r"\bRF ?\d\d[0-9A-Z ]{1,30}", re.IGNORECASE)
_OGM = re.compile(r"(?:\+{3}|\*{3}) ?(\d{3})[ /]?(\d{4})[ /]?(\d{5}) ?(?:\+{3}|\*{3})")
_QRR = re.compile(r"(?<!\d)(?:\d{27}|\d{2}(?: \d{5}){5})(?!\d)")
_LABELS: Final = ("KID", "OCR", "VIITE")
_LABELLED = re.compile(
    r"\b(?:KID|OCR|VIITE(?:NUMERO)?|VIITENUMBER)(?:[ .:]|NR|NUMMER|REF)*(\d[\d ]{2,30}\d)(?!\d)",
    re.IGNORECASE,
)
#: Every reference has two digits side by side, perhaps with a blank.
_LONG_NUMBER = re.compile(r"\d ?\d")
_DIGIT_COUNT_MIN: Final = 2
_SEVEN_THREE_ONE: Final = (7, 3, 1)


def find_reference(structured: str | None, text: str | None) -> str | None:
    """Return the creditor reference that a payment quotes, without blanks and decoration.

    :param structured: Field for structured remittance, where the bank filled one.
    :param text: Free text of the payment.
    """
    if structured is not None and len(structured) <= _LENGTH_MAX * 2:
        found = _find_in(structured) or _as_whole(structured)
        if found:
            return found
    return _find_in(text) if text is not None else None


def _find_in(text: str) -> str | None:
    return next(_candidates(text), None)


def _candidates(text: str) -> Iterator[str]:
    """Yield the references of which the check digit is right, the surest scheme first.

    Few texts hold any, so what each scheme needs is looked for before its pattern is.
    """
    if not _LONG_NUMBER.search(text):
        return
    for match in _OGM.finditer(text) if "+++" in text or "***" in text else ():
        number = "".join(match.groups())
        if ogm_vcs.is_valid(number):
            yield number
    upper = text.upper()
    for match in _RF.finditer(text) if "RF" in upper else ():
        reference = _longest_rf(match[0])
        if reference is not None:
            yield reference
    for match in _QRR.finditer(text):
        number = match[0].replace(" ", "")
        if esr.is_valid(number):
            yield number
    for match in _LABELLED.finditer(text) if any(map(upper.__contains__, _LABELS)) else ():
        number = match[1].replace(" ", "")
        if _has_check_digit(number):
            yield number


def _longest_rf(text: str) -> str | None:
    """Return the reference at the start: words after it may look like a part of it."""
    groups = text.upper().split()
    for count in range(len(groups), 0, -1):
        candidate = "".join(groups[:count])
        if iso11649.is_valid(candidate):
            return candidate
    return None


def _as_whole(structured: str) -> str | None:
    """Return the whole field where it is one number rather than prose."""
    compact = "".join(structured.split()).strip("+*/")
    digits = sum(map(str.isdigit, compact))
    if len(compact) > _LENGTH_MAX or digits < _DIGIT_COUNT_MIN:
        return None
    is_number = compact.replace("-", "").replace("/", "").isdigit()
    is_one_word = len(structured.split()) == 1 and compact.isascii() and digits * 2 >= len(compact)
    return compact if is_number or is_one_word else None


def _has_check_digit(number: str) -> bool:
    return bool(luhn.is_valid(number)) or _is_seven_three_one(number) or _is_mod_11(number)


def _is_seven_three_one(number: str) -> bool:
    """Finland, Estonia: weights 7, 3, 1 from the right; the sum is a multiple of ten."""
    total = sum(
        int(digit) * _SEVEN_THREE_ONE[place % 3] for place, digit in enumerate(number[-2::-1])
    )
    return (total + int(number[-1])) % 10 == 0


def _is_mod_11(number: str) -> bool:
    """Norway: weights 2 to 7 from the right, check digit last; the sum is a multiple of 11."""
    total = sum(int(digit) * (place % 6 + 2) for place, digit in enumerate(number[-2::-1]))
    return (total + int(number[-1])) % 11 == 0
