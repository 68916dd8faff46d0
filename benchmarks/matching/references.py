"""Structured creditor references, built with their check digits."""

from collections.abc import Callable

_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_QRR_CARRY = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)


def rf(body: str) -> str:
    """Return an ISO 11649 reference: ``RF``, two digits (mod 97-10), and up to 21 signs."""
    return f"RF{98 - _mod_97(body + 'RF00'):02d}{body}"


def ogm(body: str) -> str:
    """Return a Belgian OGM/VCS: ten digits, and two that are their rest by 97 (97 for none)."""
    padded = body.zfill(10)
    return f"{padded}{int(padded) % 97 or 97:02d}"


def qrr(body: str) -> str:
    """Return a Swiss QR reference: 26 digits, and one by the recursive modulo 10."""
    padded = body.zfill(26)
    carry = 0
    for digit in padded:
        carry = _QRR_CARRY[(carry + int(digit)) % 10]
    return f"{padded}{(10 - carry) % 10}"


def viitenumero(body: str) -> str:
    """Return a Finnish or Estonian reference: 3 to 19 digits, and one by the weights 7, 3, 1."""
    total = sum(int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(body)))
    return f"{body}{-total % 10}"


def luhn(body: str) -> str:
    """Return digits with their Luhn digit: a Swedish OCR, a Norwegian KID."""
    total = sum(
        _LUHN_DOUBLED[int(digit)] if place % 2 == 0 else int(digit)
        for place, digit in enumerate(reversed(body))
    )
    return f"{body}{-total % 10}"


def ocr_with_length(body: str) -> str:
    """Return a Swedish OCR whose last digit but one is the last digit of its length."""
    return luhn(f"{body}{(len(body) + 2) % 10}")


def kid_mod_11(body: str) -> str:
    """Return a Norwegian KID by modulo 11; a body that would need a dash gets a leading one."""
    while True:
        total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
        if (check := -total % 11) != 10:  # noqa: PLR2004 - modulo 11 has no digit for ten
            return f"{body}{check}"
        body = f"1{body}"


def fik(body: str) -> str:
    """Return a Danish FIK 71 reference: 14 digits and their Luhn digit."""
    return luhn(body.zfill(14))


def iban(country: str, account: str) -> str:
    """Return an IBAN with its check digits; national digits inside the account are not checked."""
    return f"{country}{98 - _mod_97(f'{account}{country}00'):02d}{account}"


def _mod_97(signs: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in signs)) % 97


#: How references of each scheme are written: by the name of the scheme, one or more ways.
BUILDERS: dict[str, tuple[Callable[[str], str], ...]] = {
    "ISO11649": (rf,),
    "BE_OGM": (ogm,),
    "CH_QRR": (qrr,),
    "FI_VIITE": (viitenumero,),
    "EE_VIITE": (viitenumero,),
    "NO_KID": (luhn, kid_mod_11),
    "SE_OCR": (luhn, ocr_with_length),
    "DK_FIK": (fik,),
}
