"""Whom a text names: what is left when the bank's own words are taken away.

Banks write the other side of a payment into the text in a few fashions: after a word for the
kind of payment, before one, after a label, or in a fixed column. The words below are those of
the banks' languages; each pattern names the other side ``payee``, and where the text tells them
apart what the payer wrote ``note`` and the day of a purchase ``day``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from payymo.providers.gocardless.texts.cleaning import as_name, is_placeholder, trim_name
from payymo.providers.gocardless.texts.kinds import KIND

PAYEE_LENGTH_MAX: Final = 140
_NAME_LENGTH_MIN: Final = 2

_MONTHS: Final = (
    "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|MRT|MEI|OKT|MAI|DEZ|DES|DIC|ENE|AGO|ABR"
)
_DATE: Final = (
    r"(?:\d{4}[-.]\d\d[-.]\d\d|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)"
    r"|(?:0?[1-9]|[12]\d|3[01])[./](?:0?[1-9]|1[0-2])\.?"
    rf"|\d{{1,2}}[ -]?(?:{_MONTHS})[ -]?(?:\d{{4}}|\d\d)?)(?!\w)"
)
_TIME: Final = r"\d{1,2}[:.]\d\d(?::\d\d)?(?: ?(?:Uhr|uur|h))?(?!\w)"
_CURRENCY: Final = "(?:EUR|GBP|USD|CHF|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|LEI|KR)"
_AMOUNT: Final = rf"(?:{_CURRENCY} ?-?\d[\d.,]*|-?\d[\d.,]*[.,]\d\d(?: ?{_CURRENCY})?)(?!\w)"
_CARD: Final = (
    r"(?:[X*]\d{4}|[X*]{2,16} ?\d{2,4}|\d{4,6}[X*]{2,10}\d{3,4}|\d{4}(?: ?[\dX*]{4}){3}"
    r"|CB\*{1,4}\d{4}|\(\.\.\d{4}\))(?!\w)"
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


#: Texts of which the whole form is known.
_FORMS_AT_START: Final = (
    # Estonia, Latvia, Lithuania: card, day, amount, name.
    _pattern(
        r"\w+ \d{4,6}[*X]+\d{4} (?P<day>\d\d\.\d\d\.(?:\d{4}|\d\d)|\d{4}\.\d\d\.\d\d)"
        r"(?: \d\d:\d\d)? "
        r"[\d.,]+ [A-Z]{3} (?:\(\d+\) )?(?P<payee>.+)"
    ),
    _pattern(r"\(\.\.\d{4}\) (?P<day>\d{4}-\d\d-\d\d) \d\d:\d\d (?P<payee>[^\\]+)"),
    # United Kingdom: kind, name, note; card and day in columns before or after the name.
    _pattern(
        r"(?:FPS|MOB|FP|BP|BGC|BACS|CHAPS|TFR|SO|STO|DD|DEB|CPT|CR|(?:Card|WLT) \d{2,4}),"
        r" ?(?P<payee>[^,]+)(?:, ?(?P<note>.+))?$"
    ),
    _pattern(r"FASTER PAYMENTS? RECEIPT (?:REF\. ?(?P<note>.+) )?FROM (?P<payee>.+)"),
    _pattern(rf"Card transaction of {_AMOUNT} issued by (?P<payee>.+)"),
    re.compile(r"(?:To|From) (?P<payee>[^\W\d_a-z].{1,60})$"),
    _pattern(rf"\d{{4}} \d\d(?:{_MONTHS})\d\d (?:[CD] )?(?P<payee>[^\t]+)"),
    _pattern(rf"POSC? ?\d{{1,2}}(?:{_MONTHS})(?:\d\d)? (?P<payee>.+)"),
    _pattern(r"VD[ACP]-(?P<payee>.+)"),
    _pattern(rf"\d{{1,2}}(?:{_MONTHS}) (?P<payee>[^\W\d].+)"),
    # France: card, with the day at the end.
    _pattern(rf"CB (?P<payee>.+?) (?:FACT \d{{6}}|{_DATE})$"),
    # Germany, Austria: terminal and time, then the name, and the place after a backslash.
    _pattern(
        r"(?:Bezahlung Karte|Kartenzahlung|Kauf|POS|Zahlung)\b.{0,60}?\d\d\.\d\d\.(?:\d{2,4})? ?"
        r"(?:um )?\d\d[:.]\d\d(?: Uhr)?+[ \\|]*+(?P<payee>[^\\|]+)"
    ),
    # Italy.
    _pattern(r"(?:ADDEBITO|INCASSO) (?:DIRETTO )?SDD (?:CORE )?(?P<payee>.+?) (?:N|ID) ?:"),
    _pattern(
        r"(?:PAGAMENTO|PAG\.|ACQUISTO|OPERAZIONE)(?= ).{0,110}?\bPRESSO(?: UN ESERCENTE)?:? "
        r"(?P<payee>.+)"
    ),
    _pattern(r"PAGAMENTO .{0,70}?\bDI EUR [\d.,]+ (?P<payee>.+)"),
    _pattern(r"BONIFICO A VOSTRO FAVORE .{0,40}?\bDA (?P<payee>.{2,70}?) PER (?P<note>.+)"),
    _pattern(
        r"PAGAMENTO (?:SU CIRCUITO INTERNAZIONALE |CIRCUITO \w+ |POS |PRESSO )?"
        r"(?P<payee>.+?) Operazione carta .*$"
    ),
    _pattern(
        r"(?:HAI|DENARO) (?:INVIATO|RICEVUTO)(?: UN BONIFICO| DENARO)? (?:A|DA) "
        r"(?P<payee>.+?) - (?P<note>.+)"
    ),
    _pattern(
        r"[^*]{5,40}\b(?:favore|disposto|ricevuto|da|a) ?\*(?P<payee>.+?"
        r"(?: S\.?P\.?A\b\.?| S\.?R\.?L\b\.?| S\.?A\.?S\b\.?| S\.?N\.?C\b\.?"
        r"|(?= SALDO| FT | FATT|[ A-Z]REF\d| \d)|$))"
    ),
    # Spain: person to person.
    _pattern(
        r"Bizum (?:payment )?(?:enviado |recibido )?(?:from|to|de|a(?: favor de)?) ?:? ?"
        r"(?P<payee>.+?)(?: concepto:? (?P<note>.+))?$"
    ),
    # Portugal: direct debit, with a mandate's number at the end.
    re.compile(r"DD (?P<payee>.+ \d{4,})$"),
    # Romania.
    _pattern(r"(?P<payee>[^,:]+), ?.{0,60}\bcard (?:no|nr)\b"),
)
#: The same, where other words come before.
_FORMS_WITHIN: Final = (
    # Italy.
    _pattern(r"\b(?:o/c|ord(?:inante)?\.?):? ?(?P<payee>[^:]+?) (?:ABI-CAB|BIC|IBAN|CRO|TRN)\b"),
    _pattern(r"\bMITT\.?:? ?(?P<payee>.+?) (?:BENEF|BIC|IBAN|CAUS)\b"),
    _pattern(r"\bCREDITORE ?: ?(?P<payee>[^:]+)$"),
    # Romania.
    _pattern(
        r"\b(?:Beneficiar|Ordonator|Comerciant|Terminal) ?: ?(?P<payee>[^:;,]+?)"
        r"(?:[,;]| (?:Din contul|In contul|Detalii|Referinta|IBAN|Banca|Data|Autorizare)\b|$)"
    ),
)

#: What a kind that stands alone is followed by: then the whole text is its own name.
_NOT_A_NAME = _pattern(
    r"(?:received|for|of|fee|ref|reference|id|date|method|thank|invoice|no|nr|réf|merci|charge"
    r"|protection|interest)\b"
)
_BEFORE = _pattern(
    rf"(?:\d[\d.,]* ?{_CURRENCY}(?!\w)|{_DATE}|{_TIME}|{_CARD}|{_AMOUNT}"
    r"|(?:n°|nr|no)\.? ?\d+|[,:;*|/-]"
    r"|\d{6}(?= CB\*)|pasnr\.? ?\d+"
    r"|(?:nr\.? )?(?:karty|carta|carte|card|karte|tarjeta|kort|kaart)\b:?(?: n[°ro.]*:?)?"
    r" ?[\dX*]{4,19}(?: [\dX*]{4}){0,4}(?!\w))"
)
#: What may follow a kind and is no part of the name: a number, or the word for "from" or "to".
_AFTER_KIND = _pattern(
    r"(?:(?:du|del|am|vom|il|on|dne|den) )?(?:\d{4}|\d{6})(?= [^\W\d])"
    r"|(?:de|od|dne|en (?:votre )?faveur(?: de)?"
    r"|(?:a )?(?:vostro|vs) favore(?: disposto)?(?: da)?)\b:?"
)
_PROCESSOR = _pattern(
    r"(?:K|CCV|SumUp|Zettle_?|iZ|IZETTLE|SQ|PAYPAL|PP|CRV|LOOMISP|STRIPE|MOLLIE|PAY\.nl|BCK|ADYEN"
    r"|WORLDLINE|VIVA|NYX|LSP|DOJO|WWW|SPO|SP|TST|FS|EB|2CO|NETS|Nexi|myPOS|BAM|Takeaway) ?\* ?"
)
#: Where the bank's words begin again after the other side.
_AFTER = _pattern(
    rf"(?:,? ?\bPAS ?\d{{3}}\b|\s(?:{_CARD}|CB\*|Operazione carta|carte n|carta n|card (?:no|nr)"
    r"|kaartnr|kartennr|Betaling met|Betaling via|Betaald met|Domiciliëring|Domiciliation"
    r"|Paiement (?:avec|par|via|mobile)|Paiement|Debit Mastercard|Europese domiciliëring"
    r"|Ordre permanent|Doorlopende opdracht|sepa dd|viite \d|concepto|ABI-CAB|Num\. ?Bon"
    r"|VIA ONLINE|VIA MOBILE|contactless$|/?motif\b|/REF\b|pasvolgnr|kurs:|transactie:|betalt:"
    r"|CARTE [\dX*]|FACT \d{6}|ECH/|ID EMETTEUR|CD \d{4}|REF [^,]{1,40}, ?MANDATE NO|REF ?:"
    r"|DATA TRANSAKCJI|(?:ID )?MANDATO \w|OP\.\d|>[^\W\d_]"
    rf"|-ÉRINTŐ-|\)\)\)|{_DATE} CARTE\b|- \d\d-\d\d {_TIME}$"
    rf"|(?:Den|le|du|del|am|vom|op|on|il|dato) {_DATE}|/?\d\d-\d\d-\d\d$|{_DATE} ?(?:{_TIME})?$"
    rf"|{_AMOUNT}$|FP {_DATE})|, ?(?:MANDATE NO|RATE \d|\d[\d.]* [A-Z]{{3}},|tarj|dne \d|suma \d)"
    r"|//|\\)"
)
#: Where what the payer wrote begins, and where the bank's words go on after it.
_NOTE = _pattern(r",? (?:concepto:?|(?:with )?reference:?|motif:?) (?=\S)")
_AFTER_NOTE = _pattern(r" ?,? ?(?:MANDATE NO \w|COMM [\d.,]+ SPESE|TRN [A-Z\d]{10})")
#: A line that is a reference, not a name.
_REFERENCE = _pattern(r"(?:r[ée]f(?:erence|érence)?\.?|mandat\w*|id) ?:")
_WORD = re.compile(r"[^\W\d_]{2}")


@dataclass(frozen=True, slots=True)
class Named:
    """Whom a text names.

    :ivar payee: The other side.
    :ivar note: What the payer wrote, where the text tells it apart.
    :ivar day: The day of the purchase, as written.
    :ivar is_certain: Whether the text follows a form that says so, rather than being left over.
    """

    payee: str
    note: str | None
    day: str | None
    is_certain: bool


def name_in(lines: Sequence[str], patterns: Sequence[re.Pattern[str]] = ()) -> Named | None:
    """Return whom a text names; ``None`` where nothing in it could be a name.

    :param lines: The text, cleaned, of bounded length.
    :param patterns: Forms of this one bank, tried first.
    """
    text = " ".join(lines)
    if patterns:
        for candidate in dict.fromkeys((*lines, text)):
            if named := _by_form(candidate, patterns):
                return named
    for candidate in (lines[0],) if len(lines) == 1 else (lines[0], text):
        if named := _by_form(candidate, _FORMS_AT_START, _FORMS_WITHIN):
            return named
    return _left_over(lines, text)


def _by_form(
    text: str, at_start: Sequence[re.Pattern[str]], within: Sequence[re.Pattern[str]] = ()
) -> Named | None:
    for form in at_start:
        if (match := form.match(text)) and (named := _by_match(match)):
            return named
    for form in within:
        if (match := form.search(text)) and (named := _by_match(match)):
            return named
    return None


def _by_match(match: re.Match[str]) -> Named | None:
    name, note = _without_note(match["payee"])
    payee = _payee(name)
    if payee is None:
        return None
    groups = match.groupdict()
    return Named(payee, _note(groups.get("note")) or note, groups.get("day"), is_certain=True)


def _left_over(lines: Sequence[str], text: str) -> Named | None:
    """Return the first line that is more than the kind of a payment; else the text itself."""
    for line in lines:
        if _REFERENCE.match(line):
            continue
        rest, is_kind = _without_kind(line)
        name, note = _without_note(rest) if is_kind else (rest, None)
        if payee := _payee(name):
            return Named(payee, note, None, is_certain=is_kind)
    whole = as_name(trim_name(text))
    return None if whole is None else Named(whole[:PAYEE_LENGTH_MAX], None, None, is_certain=False)


def _without_kind(line: str) -> tuple[str, bool]:
    """Return a line without the words for its kind at the start, and whether it had any."""
    rest, is_kind = line, False
    for _ in range(6):
        kind = KIND.match(rest)
        if kind and not _NOT_A_NAME.match(rest[kind.end() :].lstrip(" ,:")):
            rest, is_kind = rest[kind.end() :].lstrip(" ,:.-"), True
            continue
        before = _BEFORE.match(rest) or (_AFTER_KIND.match(rest) if is_kind else None)
        if before is None or not (is_kind or before.end() > 1):
            break
        rest = rest[before.end() :].lstrip()
    if is_kind and line.upper().startswith(("BEA,", "GEA,")):
        return "", False
    return rest, is_kind


def _without_note(text: str) -> tuple[str, str | None]:
    """Return a text without what the payer wrote, and that."""
    note = _NOTE.search(text, _NAME_LENGTH_MIN)
    return (text[: note.start()], _note(text[note.end() :])) if note else (text, None)


def _note(text: str | None) -> str | None:
    """Return what the payer wrote without the bank's words after it."""
    if text is None:
        return None
    after = _AFTER_NOTE.search(text)
    return (text[: after.start()] if after else text).strip() or None


def _payee(text: str) -> str | None:
    name = _PROCESSOR.sub("", text.strip(), count=1) if "*" in text else text
    after = _AFTER.search(name, _NAME_LENGTH_MIN)
    if after:
        name = name[: after.start()]
    name = trim_name(name)
    if not _WORD.search(name) or is_placeholder(name):
        return None
    return name[:PAYEE_LENGTH_MAX].rstrip()
