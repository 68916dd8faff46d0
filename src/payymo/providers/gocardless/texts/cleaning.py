"""Texts and names without escapes, padding and placeholders."""

import re
from contextlib import suppress
from typing import Final

#: Longer texts are cut before they are cleaned or searched; the text as sent stays whole.
CLEANED_LENGTH_MAX: Final = 1000

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028\u2029\ufeff\ufffe]")
_ESCAPE = re.compile(r"\\[Uu]([0-9a-fA-F]{4,8})")
_HTML = re.compile(r"&(amp|lt|gt|quot|apos|nbsp|#39);")
_HTML_CHARACTERS: Final = {
    "amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " ", "#39": "'",
}  # fmt: skip

#: A reference that says only that there is none, with or without its label.
_NO_REFERENCE = re.compile(
    r"(?:\b(?:End[- ]?to[- ]?End[- ]?(?:Ref|ID)?\.?|E2E(?:ID)?|[EK]REF|Kundenreferenz)\s?[:+]?\s?)?"
    r"\bNOT\s?PROVIDED\b",
    re.IGNORECASE,
)
_EMPTY_WORDS: Final = frozenset(
    """
    NOTPROVIDED NOTAVAILABLE NOTAPPLICABLE NOTSPECIFIED NOREF NONREF NONE NULL UNKNOWN UNDEFINED
    N/A NA KEINEREFERENZ NICHTANGEGEBEN NOID
    """.split()
)
_EMPTY_LENGTH_MAX: Final = 20
_NAME_EDGES: Final = " \t,;:|/\\-_*.'\""


def as_text(value: object) -> str | None:
    """Return a field as text without characters that nobody wrote; blank is none.

    :param value: Value of a JSON field, of any type.
    """
    if not isinstance(value, str):
        return str(value) if type(value) is int else None
    text = value
    if not text.isprintable() or "\ufeff" in text:
        text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = text.encode("utf-8", "ignore").decode()
    if "\\" in text:
        text = _ESCAPE.sub(_character, text)
    return text.strip() or None


def as_reference(value: object) -> str | None:
    """Return a field as an identifier; a placeholder such as ``NOTPROVIDED`` is none."""
    if value is None:
        return None
    text = as_text(value)
    return None if text is None or is_placeholder(text) else text


def is_placeholder(text: str) -> bool:
    """Return whether a text only says that there is nothing to say."""
    if not (text[0].isalnum() or any(map(str.isalnum, text))):
        return True
    if len(text) > _EMPTY_LENGTH_MAX or text[0] not in "NnUuKk":
        return False
    return "".join(text.split()).upper().replace("_", "") in _EMPTY_WORDS


def as_name(value: object) -> str | None:
    """Return a field as a name: blanks collapsed, and none where it names nobody."""
    text = as_text(value)
    if text is None:
        return None
    name = unescape(" ".join(text[:CLEANED_LENGTH_MAX].split()))
    name = " ".join(name.replace(";", " ").split()) if ";" in name else name
    if not any(map(str.isalpha, name)) or is_placeholder(name):
        return None
    return name


def clean(text: str) -> str:
    """Return a text as a person would write it: one line, without empty references.

    :param text: Text of at most :data:`CLEANED_LENGTH_MAX` characters.
    """
    if "PROVIDED" in text.upper():
        text = _NO_REFERENCE.sub(" ", text)
    return unescape(" ".join(text.split()))


def trim_name(text: str) -> str:
    """Return a name without the punctuation that surrounded it in a text."""
    name = " ".join(text.split()).lstrip(_NAME_EDGES)
    stripped = name.rstrip(_NAME_EDGES)
    return stripped + "." if name[len(stripped) :].startswith(".") and "." in stripped else stripped


def unescape(text: str) -> str:
    """Return a text with its HTML entities written out."""
    return _HTML.sub(lambda match: _HTML_CHARACTERS[match[1]], text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    """Return the character that an escape of eight or four digits stands for."""
    digits = match[1]
    for length in (8, 4):
        if len(digits) < length:
            continue
        with suppress(ValueError, OverflowError):
            character = chr(int(digits[:length], 16))
            if character.isprintable():
                return character + digits[length:]
    return match[0]
