"""Account numbers and structured references with valid check digits, at banks that do not exist."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from random import Random
from string import ascii_uppercase

#: Length of the part after the check digits, and how many letters it begins with.
_BBAN = {
    "AT": (16, 0), "BE": (12, 0), "CH": (17, 0), "CZ": (20, 0), "DE": (18, 0), "DK": (14, 0),
    "EE": (16, 0), "ES": (20, 0), "FI": (14, 0), "FR": (23, 0), "GB": (18, 4), "GL": (14, 0),
    "IE": (18, 4), "IT": (23, 1), "LT": (16, 0), "LU": (16, 0), "LV": (17, 4), "NL": (14, 4),
    "NO": (11, 0), "PL": (24, 0), "PT": (21, 0), "SE": (20, 0),
}  # fmt: skip

#: Invented bank codes; none of them is assigned.
_LETTERS = ("XQVB", "ZQKF", "QWXB", "XZQN")
_LETTER_VALUES = {ord(letter): str(ord(letter) - 55) for letter in ascii_uppercase}
_QR_TABLE = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)


def iban(country: str, chance: Random) -> str:
    """Return an account number whose check digits are right, at an invented bank.

    :param country: ISO code; the sandbox's own ``XX`` gets Greenland's form, as the service does.
    :param chance: Where the digits come from.
    """
    country = "GL" if country == "XX" else country
    length, letters = _BBAN.get(country, (18, 0))
    bban = chance.choice(_LETTERS)[:letters]
    bban += ("0" if letters else "99") + digits(chance, length - len(bban) - (1 if letters else 2))
    bban = _NATIONAL.get(country, lambda text: text)(bban)
    return f"{country}{_mod97(bban + country + '00'):02d}{bban}"


def digits(chance: Random, count: int) -> str:
    """Return so many random digits."""
    return f"{chance.randrange(10**count):0{count}d}" if count else ""


def rf(reference: str) -> str:
    """Return an ISO 11649 creditor reference."""
    body = "".join(filter(str.isalnum, reference.upper()))[-21:]
    return f"RF{_mod97(body + 'RF00'):02d}{body}"


def ogm(number: int) -> str:
    """Return a Belgian structured communication: ten digits and two check digits."""
    return f"{number:010d}{number % 97 or 97:02d}"


def format_ogm(reference: str) -> str:
    """Return a Belgian reference as people write it: ``+++010/8068/17183+++``."""
    return f"+++{reference[:3]}/{reference[3:7]}/{reference[7:]}+++"


def qrr(number: int) -> str:
    """Return a Swiss QR reference: 26 digits and one check digit."""
    text = f"{number:026d}"
    carry = 0
    for character in text:
        carry = _QR_TABLE[(carry + int(character)) % 10]
    return f"{text}{(10 - carry) % 10}"


def viite(number: int) -> str:
    """Return a Finnish reference number with its check digit."""
    total = sum(
        int(digit) * (7, 3, 1)[place % 3] for place, digit in enumerate(reversed(str(number)))
    )
    return f"{number}{-total % 10}"


def luhn(number: str) -> str:
    """Return a number with its Luhn check digit: Norwegian KID, Swedish OCR, Danish FIK."""
    total = 0
    for place, character in enumerate(reversed(number)):
        digit = int(character) * (1 if place % 2 else 2)
        total += digit - 9 if digit > 9 else digit
    return f"{number}{-total % 10}"


def structured_reference(country: str, sequence: int, number: str) -> str:
    """Return the reference that a bill to a country bears.

    :param country: Country of the customer.
    :param sequence: Running number of the invoice.
    :param number: The invoice's number.
    """
    if country == "BE":
        return ogm(2_400_000_000 + sequence)
    if country == "CH":
        return qrr(210_000_000_000_000_000_000 + sequence)
    if country == "FI":
        return viite(70_000_000 + sequence)
    if country in ("NO", "SE"):
        return luhn(f"{880_000_000 + sequence}")
    if country == "DK":
        return luhn(f"{71_000_000_000_000 + sequence}")
    return rf(number)


def _mod97(text: str) -> int:
    return 98 - int(text.translate(_LETTER_VALUES)) % 97


def _belgian(bban: str) -> str:
    return f"{bban[:10]}{int(bban[:10]) % 97 or 97:02d}"


def _spanish(bban: str) -> str:
    def check(number: str) -> str:
        weights = (1, 2, 4, 8, 5, 10, 9, 7, 3, 6)
        rest = 11 - sum(w * int(d) for w, d in zip(weights, number, strict=True)) % 11
        return str({10: 1, 11: 0}.get(rest, rest))

    bank, account = bban[:8], bban[10:]
    return f"{bank}{check('00' + bank)}{check(account)}{account}"


def _norwegian(bban: str) -> str:
    body = bban[:10]
    weights = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    while True:
        rest = -sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11
        if rest != 10:
            return f"{body}{rest}"
        body = f"{int(body) + 1:010d}"


_NATIONAL = {"BE": _belgian, "ES": _spanish, "NO": _norwegian}
