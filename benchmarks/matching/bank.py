"""What banks do to a payment's text on its way into a statement."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from benchmarks.matching.randomness import Choices, Source
from benchmarks.matching.rates import Rates
from benchmarks.matching.spelling import without_diacritics, without_punctuation

_DUTCH = (
    "/TRTP/SEPA OVERBOEKING/IBAN/{iban}/BIC/{bic}/NAME/{name}/REMI/{text}/EREF/{e2e}",
    "SEPA Overboeking IBAN: {iban} BIC: {bic} Naam: {name} Omschrijving: {text} Kenmerk: {e2e}",
    "Naam: {name} Omschrijving: {text} IBAN: {iban}",
    "/TRTP/IDEAL/IBAN/{iban}/NAME/{name}/REMI/{n16} {text}/EREF/{e2e}",
)
_GERMAN = (
    "SVWZ+{text}",
    "SVWZ+{text} EREF+{e2e}",
    "EREF+{e2e} SVWZ+{text}",
    "{text} End-to-End-Ref.: {e2e}",
    "EREF: {e2e} SVWZ: {text} IBAN: {iban} BIC: {bic}",
    "SVWZ+{text} ABWA+{name}",
    "GUTSCHRIFT {text}",
)
_BRITISH = (
    "FPS CREDIT {name} {text}",
    "FP {name} {text}",
    "BGC {name} {text}",
    "FASTER PAYMENTS RECEIPT REF.{text} FROM {name}",
    "{name} {text} BACS",
    "{text} VIA MOBILE {n10}",
)
_FINNISH = (
    "TILISIIRTO {name} VIESTI {text}",
    "SEPA-MAKSU {text} ARKISTOINTITUNNUS {n16}",
    "{text} MAKSAJA {name}",
)

#: What banks of a country put around a text.
_LAYOUTS = {
    "DE": _GERMAN,
    "AT": _GERMAN,
    "CH": (
        *_GERMAN[:4],
        "GUTSCHRIFT VON {name} MITTEILUNGEN: {text}",
        "E-BANKING GUTSCHRIFT {text} REF. {n10}",
    ),
    "NL": _DUTCH,
    "BE": (
        _DUTCH[0],
        "OVERSCHRIJVING IN EURO VAN REKENING {iban} {name} MEDEDELING: {text} REF. {n10}",
        "INSTANTOVERSCHRIJVING VAN {name} {text}",
        "VIREMENT EN EUROS DE {name} COMMUNICATION: {text} DATE VALEUR {day}",
    ),
    "FR": (
        "VIR INST {name} {text}",
        "VIR SEPA RECU /DE {name} /MOTIF {text} /REF {e2e}",
        "VIREMENT DE {name} {text}",
        "VIR {name} {text} ID {n10}",
    ),
    "IT": (
        "BONIFICO o/c: {name} ABI-CAB: 0{n4}-0{n4} Num. Bon.Sepa {n16} Note: {text}",
        "BONIFICO A VOSTRO FAVORE DISPOSTO DA {name} CAUSALE {text} TRN {n16}",
        "ACCREDITO BONIFICO {name} {text}",
    ),
    "ES": (
        "TRANSFERENCIA DE {name} CONCEPTO {text}",
        "TRANSF. A SU FAVOR {name} {text} REF {n10}",
        "ABONO {text} ORDENANTE {name}",
    ),
    "GB": _BRITISH,
    "IE": _BRITISH,
    "SE": ("BG-BET {n10} {text}", "INSATTNING {name} {text}", "Inbetalning {text}"),
    "NO": (
        "Fra: {name} Betalt: {day} {text}",
        "GIRO {text} ARK.REF {n10}",
        "Overføring innland {name} {text}",
    ),
    "DK": ("Overførsel {text}", "IB-OVERFØRSEL FRA {name} {text}", "INDBETALING {n10} {text}"),
    "FI": _FINNISH,
    "EE": _FINNISH[1:],
    "PT": ("TRF DE {name} {text}", "TRF.IMED. {name} {text}", "CRED. {text} {n10}"),
}
_NAMED = {
    country: tuple(layout for layout in layouts if "{name}" in layout)
    for country, layouts in _LAYOUTS.items()
}
_IN_CELLS = frozenset({"DE", "AT", "CH"})
_BRITISH_COUNTRIES = frozenset({"GB", "IE"})
_CELL = 27
_BREAKABLE = 4
_BANKS = ("NWBK", "INGB", "COBA", "BNPA", "UNCR", "NDEA", "DNBA", "HAND", "KRED", "ABNA")


@dataclass(slots=True)
class Sender:
    """Who sends money, and through which bank.

    :ivar name: As spelled, whole.
    :ivar iban: If the bank shows it.
    """

    name: str
    iban: str | None
    country: str
    layout: int
    is_upper: bool
    keeps_marks: bool
    keeps_diacritics: bool


@dataclass(slots=True)
class Message:
    """What somebody sends along with money.

    :ivar text: What the payer wrote.
    :ivar bare: What they would write if there were room for 18 signs only.
    :ivar number: What may stand in the end-to-end id.
    """

    text: str
    structured: str | None = None
    bare: str | None = None
    number: str | None = None


@dataclass(slots=True)
class Entry:
    """The texts of a statement's line."""

    name: str | None
    iban: str | None
    remittance: str | None
    structured: str | None
    end_to_end: str | None


class Bank:
    """Delivers payments, and damages their texts on the way."""

    def __init__(self, source: Source, rates: Rates) -> None:
        self._source = source
        self._rates = rates
        self._end_to_end = Choices(rates.end_to_end)
        self._name_in_text = {"GB": rates.name_in_text_gb, "FR": rates.name_in_text_fr}

    def deliver(self, sender: Sender, message: Message, booked: int) -> Entry:
        """Return what the statement says of a payment that is booked on a day."""
        source, rates, country = self._source, self._rates, sender.country
        name, text = sender.name, self._fitted(message, country)
        if not sender.keeps_marks:
            name = without_punctuation(source, name)
            if source.chance(0.08):
                text = without_punctuation(source, text)
        if not sender.keeps_diacritics:
            name, text = without_diacritics(source, name), without_diacritics(source, text)
        if sender.is_upper:
            name, text = name.upper(), text.upper()
        british = country in _BRITISH_COUNTRIES
        limit = 18 if british else 35 if source.chance(rates.name_cut_at_35) else 70
        name = name[:limit].strip()
        shown_name: str | None = name
        end_to_end = self._end_to_end_id(message)
        layout = (
            _LAYOUTS[country][sender.layout % len(_LAYOUTS[country])]
            if sender.layout >= 0
            else None
        )
        if source.chance(rates.name_missing):
            shown_name, name = None, ""
        elif source.chance(self._name_in_text.get(country, 0.0)):
            shown_name, layout = None, source.pick(_NAMED[country])
        remittance: str | None = text
        if layout is not None and (text or "{name}" in layout):
            remittance = self._laid_out(
                layout, sender, name, text=text, end_to_end=end_to_end, booked=booked
            )
        remittance = self._wrapped(remittance or "", country, is_labelled=layout is not None)
        if not remittance and source.chance(0.3):
            remittance = None
        return Entry(shown_name, sender.iban, remittance, message.structured, end_to_end)

    def _fitted(self, message: Message, country: str) -> str:
        """Return a message's text, cut where the scheme ends."""
        source, rates, text = self._source, self._rates, message.text
        if country in _BRITISH_COUNTRIES:
            if source.chance(rates.cut_at_18):
                if message.bare and source.chance(rates.shortened_to_fit):
                    text = message.bare
                return text[:18].rstrip()
            return text[:140]
        return text[: 35 if source.chance(rates.cut_at_35) else 140].rstrip()

    def _end_to_end_id(self, message: Message) -> str | None:
        match self._source.choose(self._end_to_end):
            case "notprovided":
                return "NOTPROVIDED"
            case "absent":
                return None
            case "number" if message.number:
                return message.number
            case _ if self._source.chance(0.5):
                return f"0{self._source.digits(15)}"
            case _:
                return self._source.hexadecimal(self._source.between(12, 32))

    def _laid_out(
        self,
        layout: str,
        sender: Sender,
        name: str,
        *,
        text: str,
        end_to_end: str | None,
        booked: int,
    ) -> str:
        source = self._source
        laid_out = layout.format(
            name=name,
            text=text,
            iban=sender.iban or "",
            bic=f"{source.pick(_BANKS)}{sender.country}2A",
            e2e=end_to_end or "NOTPROVIDED",
            n4=source.digits(4),
            n10=source.digits(10),
            n16=source.digits(16),
            day=written_day(booked, "."),
        )
        return laid_out.replace("  ", " ").strip()

    def _wrapped(self, text: str, country: str, *, is_labelled: bool) -> str:
        source, rates = self._source, self._rates
        if country in _IN_CELLS and is_labelled and source.chance(rates.wrapped_in_cells):
            cells = [text[at : at + _CELL] for at in range(0, len(text), _CELL)]
            return " ".join(cell.strip() for cell in cells)
        if len(text) >= _BREAKABLE and source.chance(rates.wrapped_anywhere):
            at = source.between(2, len(text) - 2)
            return f"{text[:at]}\n{text[at:]}"
        return text


@lru_cache(maxsize=8192)
def written_day(day: int, sign: str) -> str:
    """Return a day as people write it: with a sign between, or compact for none."""
    when = date.fromordinal(day)
    if not sign:
        return f"{when:%Y%m%d}"
    return f"{when.day:02d}{sign}{when.month:02d}{sign}{when.year}"
