"""How names are spelled, and how signs get lost on their way."""

import unicodedata

from benchmarks.matching.names import TONGUES, Name, coined, person
from benchmarks.matching.randomness import Choices, Source
from benchmarks.matching.rates import Rates

_SHORT = {
    "International": "Intl", "Services": "Svcs", "Holding": "Hldg", "Holdings": "Hldgs",
    "Building": "Bldg", "Electrical": "Elec", "Training": "Trng", "Logistics": "Log",
    "Logistik": "Log.", "Immobilien": "Immo", "Elektrotechnik": "Elektro",
    "Construcciones": "Const", "Transports": "Trans", "Transport": "Transp", "Installatie": "Inst",
    "Servizi": "Serv", "Costruzioni": "Costr", "Ejendomme": "Ejd", "Fastigheter": "Fast",
    "Kiinteistöt": "Kiint", "Group": "Grp", "und": "u.", "and": "&", "en": "&", "et": "&",
    "och": "&", "og": "&", "ja": "&", "Limited": "Ltd", "Stichting": "St.",
    "Gebäudereinigung": "Gebäuderein.", "Software": "SW",
}  # fmt: skip
_LONG_NAME = 3

_MARKS_TO_BLANKS = str.maketrans(dict.fromkeys("-,./&()'", " "))
_MARKS_AWAY = str.maketrans(dict.fromkeys("-,.&()'"))
_APART = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE", "å": "aa", "Å": "AA",
        "ø": "oe", "Ø": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "œ": "oe",
    }
)  # fmt: skip
_TOGETHER = {
    "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "œ": "oe", "°": "o", "ł": "l", "đ": "d",
}  # fmt: skip


def _without_marks(sign: str) -> str:
    plain = unicodedata.normalize("NFKD", sign)
    return "".join(part for part in plain if not unicodedata.combining(part))


_TOGETHER_TABLE = str.maketrans(
    {chr(code): _without_marks(chr(code)) for code in range(0xC0, 0x180)} | _TOGETHER
)


class Speller:
    """Writes names as payers' banks have them."""

    def __init__(self, source: Source, rates: Rates) -> None:
        self._source = source
        self._rates = rates
        self._forms = Choices(rates.person_forms)

    def spell(self, name: Name, country: str) -> str:
        """Return one spelling of a name, before the bank has touched it."""
        if name.is_person:
            return self._person(name, country)
        source, rates = self._source, self._rates
        words = name.words.split()
        legal = "" if source.chance(rates.legal_form_dropped) else name.legal
        if source.chance(rates.abbreviated):
            words = [_SHORT.get(word, word) for word in words]
        if len(words) >= _LONG_NAME and source.chance(rates.word_dropped):
            del words[source.between(1, len(words) - 1)]
        spelled = " ".join([*words, legal]) if legal else " ".join(words)
        if source.chance(rates.trading_as):
            spelled += f" T/A {coined(source)}"
        if source.chance(rates.name_typo):
            spelled = slip_in_word(source, spelled)
        return spelled

    def _person(self, name: Name, country: str) -> str:
        source = self._source
        first = name.given[0]
        match source.choose(self._forms):
            case "surname_initial":
                spelled = f"{name.surname} {first}"
            case "titled":
                spelled = f"{source.pick(TONGUES[country].titles)} {first} {name.surname}"
            case "last_first":
                spelled = f"{name.surname}, {name.given}"
            case "joint":
                other = person(source, country, family=name.surname)
                sign = source.pick(("&", TONGUES[country].joint, "/"))
                spelled = f"{name.given} {sign} {other.given} {name.surname}"
            case _:
                spelled = name.words
        if source.chance(self._rates.name_typo):
            spelled = slip_in_word(source, spelled)
        return spelled


def slip_in_word(source: Source, text: str) -> str:
    """Return a text in which one letter is lost, doubled, swapped or another."""
    if len(text) < _LONG_NAME:
        return text
    at = source.between(1, len(text) - 2)
    match source.between(0, 3):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at] + text[at:]
        case 2:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case _:
            return text[:at] + source.letters(1).lower() + text[at + 1 :]


def without_punctuation(source: Source, text: str) -> str:
    """Return a text whose marks became blanks, or nothing."""
    if source.chance(0.6):
        return " ".join(text.translate(_MARKS_TO_BLANKS).split())
    return " ".join(text.translate(_MARKS_AWAY).split())


def without_diacritics(source: Source, text: str) -> str:
    """Return a text in plain letters: ü as ue, or as u."""
    if text.isascii():
        return text
    if source.chance(0.5):
        text = text.translate(_APART)
    return text.translate(_TOGETHER_TABLE)
