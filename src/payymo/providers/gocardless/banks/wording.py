"""Texts of banks that need more than a pattern."""

import re
from collections.abc import Sequence
from typing import Final

from payymo.providers.gocardless.texts.cleaning import clean

_KEYWORDS: Final = (
    "End-to-End-Ref.:", "Mandatsref:", "Gläubiger-ID:", "SEPA-BASISLASTSCHRIFT",
    "SEPA-FIRMENLASTSCHRIFT", "Kartenzahlung", "Dauerauftrag", "Kundenreferenz:",
)  # fmt: skip
_KEYWORD = re.compile("|".join(" ?".join(map(re.escape, word)) for word in _KEYWORDS))
_INSTRUCTION = re.compile(r"/Txt/(?:\w\|)?", re.IGNORECASE)


def join_with_commas(lines: Sequence[str]) -> str:
    """Return the lines as one, where each line is a thing of its own."""
    return clean(", ".join(lines))


def join_wrapped(lines: Sequence[str]) -> str:
    """Return text that was wrapped at a fixed width, with its keywords made whole again."""
    joined = " ".join(lines)
    repaired = _KEYWORD.sub(lambda match: f", {match[0].replace(' ', '')}", joined)
    parts = (clean(part) for part in repaired.split(", "))
    return ", ".join(part for part in parts if part.strip(" ,"))


def without_instructions(line: str) -> str:
    """Return a line without ``/Txt/D|`` and with blanks for its semicolons."""
    return " ".join(_INSTRUCTION.sub(" ", line).replace(";", " ").split())
