"""Labelled texts: one field that holds many, as in MT940 and its relatives."""

import re
from dataclasses import dataclass
from typing import Final

from payymo.providers.gocardless.texts.cleaning import as_name, as_reference, clean

#: Part of a payment by the label that stands before it, in the spelling without punctuation.
_MEANINGS: Final = {
    **dict.fromkeys(
        """
        SVWZ REMI REMITTANCEINFORMATION OMSCHRIJVING DESCRIPTION VERWENDUNGSZWECK COMMUNICATION
        MEDEDELING BETREFF NARRATIVE BUCHUNGSTEXT MOTIF INFOCLI
        """.split(),
        "text",
    ),
    **dict.fromkeys("EREF ENDTOENDREF ENDTOENDID KENMERK".split(), "end_to_end_id"),
    **dict.fromkeys(
        "MREF MARF MANDATSREF MANDATEREFERENCE MACHTIGING MACHTIGINGID".split(), "mandate_id"
    ),
    **dict.fromkeys(
        "CRED CSID GLÄUBIGERID CREDITORID INCASSANT INCASSANTID".split(), "creditor_id"
    ),
    **dict.fromkeys("ABWA ABWE ULTD ULTC".split(), "other_name"),
    **dict.fromkeys("NAME NAAM ATMPOSNAME DE ADRES MÍSTO".split(), "name"),
    **dict.fromkeys("AUFTRAGGEBER ORD NAZWANADAWCY".split(), "payer"),
    **dict.fromkeys("EMPFÄNGER BEN NAZWAODBIORCY".split(), "receiver"),
    "IBAN": "iban",
}

_PLUS = re.compile(
    r"(?:(?<=\s)|^)(SVWZ|EREF|KREF|MREF|CRED|DEBT|ABWA|ABWE|IBAN|BIC|COAM|OAMT|PURP|BREF)\+"
)
_SLASH = re.compile(
    r"/(TRTP|IBAN|BIC|NAME|REMI|EREF|MARF|CSID|ORDP|BENM|RTRN|TRCD|PREF|ISDT|ULTD|ULTC|SVCL|PURP"
    r"|CNTP|ADDR|CDTRREFTP|CDTRREF)(?=/)"
)
_COLON = re.compile(
    r"(?:(?<=[\s,])|^)"
    r"(mandatereference|creditorid|remittanceinformation|naam|name|omschrijving|description"
    r"|iban|bic|kenmerk|machtiging(?: id)?|incassant(?: id)?|reference|date/time|datum/tijd"
    r"|valutadatum|value date|pasvolgnr|card sequence no\.|transactie|transaction|term|narrative"
    r"|atmposname|end-?to-?end-?ref\.|end-?to-?end-?id|mandatsref|gläubiger-id"
    r"|verwendungszweck|svwz|eref|mref|kref|cred|betreff|auftraggeber|empfänger|buchungstext|kto/iban|blz/bic"
    r"|communication|mededeling|de|id|motif|ref|ord|ben|dt-reg|banca ord|info-cli"
    r"|nazwa nadawcy|nazwa odbiorcy|rachunek nadawcy|rachunek odbiorcy|tytuł|lokalizacja|adres"
    r"|miasto|kraj|data i czas operacji|oryginalna kwota operacji|numer karty|místo)"
    r" ?:",
    re.IGNORECASE,
)
#: France: labels after a slash and before a blank.
_FRENCH = re.compile(r"(?<=\s)/(DE|MOTIF|BEN|REFDO|REFBEN|REF)(?=\s)")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the labels of a text say.

    :ivar head: What stands before the first label.
    :ivar text: What the payer wrote; ``None`` where no label marks it.
    :ivar name: The other side.
    :ivar other_name: On whose behalf the other side acts.
    :ivar payer: Whom the text calls the one who pays.
    :ivar receiver: Whom the text calls the one who is paid.
    """

    head: str = ""
    text: str | None = None
    name: str | None = None
    other_name: str | None = None
    payer: str | None = None
    receiver: str | None = None
    iban: str | None = None
    end_to_end_id: str | None = None
    mandate_id: str | None = None
    creditor_id: str | None = None


_NOTHING: Final = Parts()


def read_parts(text: str) -> Parts:
    """Return what the labels of a text say, whichever of four fashions it follows.

    :param text: Text in one line.
    """
    if "+" in text and (matches := list(_PLUS.finditer(text))):
        return _parts(text, matches)
    if text.startswith("/") and len(matches := list(_SLASH.finditer(text))) > 1:
        return _parts(text, matches)
    if " /" in text and len(matches := list(_FRENCH.finditer(text))) > 1:
        return _parts(text, matches)
    if ":" in text and (matches := list(_COLON.finditer(text))):
        return _parts(text, matches)
    return _NOTHING


def _parts(text: str, matches: list[re.Match[str]]) -> Parts:
    found: dict[str, str] = {}
    ends = [match.start() for match in matches[1:]] + [len(text)]
    for match, end in zip(matches, ends, strict=True):
        label = _NOT_ALPHANUMERIC.sub("", match[1]).upper()
        meaning = _MEANINGS.get(label)
        value = text[match.end() : end].strip(" ,/")
        if meaning is not None and value and meaning not in found:
            found[meaning] = value
    return Parts(
        head=text[: matches[0].start()].strip(),
        text=clean(_text_of(found["text"])) if "text" in found else None,
        name=as_name(found.get("name")),
        other_name=as_name(found.get("other_name")),
        payer=as_name(found.get("payer")),
        receiver=as_name(found.get("receiver")),
        iban=found.get("iban"),
        end_to_end_id=as_reference(found.get("end_to_end_id")),
        mandate_id=as_reference(found.get("mandate_id")),
        creditor_id=as_reference(found.get("creditor_id")),
    )


def _text_of(value: str) -> str:
    """Return a remittance without the marks that SEPA puts inside it (``USTD//``, brackets)."""
    return value.removeprefix("USTD//").removeprefix("STRD/").strip("[] ")
