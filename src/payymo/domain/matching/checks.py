"""Check digits of the references that creditors issue, to tell a slip from another reference."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

_DIGITS = "0123456789"
_RF_LENGTH_MIN = 5
_MOD_97 = 97
_RECURSIVE = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)
_WEIGHTS_731 = (7, 3, 1)
_OGM_LENGTH = 12
_ESR_LENGTH = 27
_DIGITS_MIN = 4
_MOD_11 = 11


def schemes_of(reference: str) -> AbstractSet[str]:
    """Return the schemes by whose check digits a compacted reference is right.

    Mod 97 (RF, ISO 11649), Belgian OGM, recursive mod 10 (QRR), weights 7-3-1 (Finland, Estonia),
    Luhn (OCR, KID, FIK) and mod 11 (KID). By chance a tenth of all numbers pass one of mod 10.
    """
    if reference.startswith("RF"):
        return {"RF"} if _is_rf(reference) else frozenset()
    if not reference.isdigit() or len(reference) < _DIGITS_MIN:
        return frozenset()
    found = set()
    if len(reference) == _OGM_LENGTH and _is_ogm(reference):
        found.add("OGM")
    if len(reference) == _ESR_LENGTH and _is_recursive(reference):
        found.add("QRR")
    if _is_luhn(reference):
        found.add("LUHN")
    if _is_731(reference):
        found.add("731")
    if _is_mod_11(reference):
        found.add("MOD11")
    return found


def _is_rf(reference: str) -> bool:
    if len(reference) < _RF_LENGTH_MIN or not reference.isascii() or not reference.isalnum():
        return False
    moved = reference[4:] + reference[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % _MOD_97 == 1


def _is_ogm(reference: str) -> bool:
    return (int(reference[:10]) % _MOD_97 or _MOD_97) == int(reference[10:])


def _is_recursive(reference: str) -> bool:
    carry = 0
    for sign in reference[:-1]:
        carry = _RECURSIVE[(carry + int(sign)) % 10]
    return (10 - carry) % 10 == int(reference[-1])


def _is_luhn(reference: str) -> bool:
    total = 0
    for place, sign in enumerate(reversed(reference)):
        digit = int(sign) << (place & 1)
        total += digit - 9 if digit > 9 else digit  # noqa: PLR2004  # the sum of two digits
    return total % 10 == 0


def _is_731(reference: str) -> bool:
    total = sum(
        int(sign) * _WEIGHTS_731[place % 3] for place, sign in enumerate(reversed(reference[:-1]))
    )
    return (10 - total % 10) % 10 == int(reference[-1])


def _is_mod_11(reference: str) -> bool:
    total = sum(int(sign) * (2 + place % 6) for place, sign in enumerate(reversed(reference[:-1])))
    rest = (_MOD_11 - total % _MOD_11) % _MOD_11
    return rest == int(reference[-1])


def slips_of(number: str) -> Iterator[str]:
    """Yield what a number may have been before one slip of the hand in its digits.

    A digit for another, two neighbours swapped, one left out, one too many. Some come twice.
    """
    for place, sign in enumerate(number):
        if not sign.isdigit():
            continue
        before, after = number[:place], number[place + 1 :]
        yield before + after
        for digit in _DIGITS:
            if digit != sign:
                yield before + digit + after
            yield before + digit + number[place:]
        if after[:1].isdigit() and after[0] != sign:
            yield before + after[0] + sign + after[1:]
    for digit in _DIGITS:
        yield number + digit
