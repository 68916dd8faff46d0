"""What is left of a payment's text and names once people and banks are done with them."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

import re
import unicodedata
from dataclasses import dataclass
from random import Random

from payymo.sandbox.books import names
from payymo.sandbox.books.billing import Bill
from payymo.sandbox.books.customers import Customer, Quoting
from payymo.sandbox.books.numbers import digits, format_ogm
from payymo.sandbox.books.payments import Payment
from payymo.sandbox.books.records import Fields

PROCESSORS = ("PAGORRA PAYMENTS", "ZAHLWERK", "MOLDPAY EUROPE")

_HABIT_LEFT = 0.12
_TYPO = 0.028
_CELL = 27
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_SEPARATORS = (", ", " / ", "+", " & ", " ")
_NOTHING_SAID = (
    "", "", "Hosting", "thank you", "webhosting", "Services", "online transfer", "Domain",
    "as agreed", "monthly fee",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quote:
    """What the payer wrote: free text, and a structured reference where the field was used."""

    text: str
    structured: str | None = None


def quote_payment(payment: Payment, chance: Random) -> Quote:
    """Return what a customer writes on a payment, after the customer's habit.

    :param payment: What is paid.
    :param chance: Of this payment alone.
    """
    bills = [bill for bill, _ in payment.allocations]
    customer = payment.customer
    if len(bills) == 1 and customer.structured and chance.random() > _HABIT_LEFT:
        return _quote_structured(bills[0], chance)
    habit = customer.quoting
    if chance.random() < _HABIT_LEFT:
        habit = chance.choice(("exact", "exact", "exact", "cosmetic", "none"))
    if payment.case.startswith("processor"):
        return Quote(_processor_text(bills[0], customer, chance))
    if len(bills) > 1:
        return Quote(_several(bills, customer, habit, chance))
    return Quote(_labelled(customer, _number(bills[0], habit, chance), habit))


def quote_number(customer: Customer, bill: Bill, chance: Random) -> Quote:
    """Return the text of a payment that names a bill, whatever the payment is for."""
    return Quote(_labelled(customer, _number(bill, "exact", chance), "exact"))


def say_nothing(chance: Random) -> Quote:
    """Return the text of a payment that names no bill."""
    return Quote(chance.choice(_NOTHING_SAID))


def quoted(fields: Fields, bills: list[Bill]) -> str:
    """Return how a finished row names its bills, judged by what can still be read.

    :param fields: The row.
    :param bills: What it pays.
    :returns: ``structured``, ``exact``, ``cosmetic``, ``partial`` or ``none``; of several bills,
        ``some`` if not all can be read.
    """
    found = [_readable(fields, bill) for bill in bills]
    if len(set(found)) == 1 or not found:
        return found[0] if found else "none"
    readable = [kind for kind in found if kind != "none"]
    return "some" if len(readable) < len(found) else "partial"


def row_fields(
    customer: Customer, quote: Quote, chance: Random, *, payer: str | None = None
) -> Fields:
    """Return the names, texts and codes of an incoming row, as the payer's bank leaves them.

    :param customer: Who pays, which decides the country and with it the channel.
    :param quote: What was written.
    :param chance: Of this payment alone.
    :param payer: Name on the payment, if it is not the usual one.
    """
    payer = payer or customer.payer.name
    name = _bank_name(payer, customer, chance)
    end_to_end = _end_to_end(chance)
    text, hidden = _channel(customer, name, quote.text, end_to_end, chance)
    fields: Fields = {"bankTransactionCode": "PMNT-RCDT-ESCT"}
    if name and not hidden:
        fields["debtorName"] = name
    if customer.payer.shows_iban:
        fields["debtorAccount"] = {"iban": customer.payer.iban}
    if text:
        fields["remittanceInformationUnstructured"] = text
    if quote.structured is not None:
        fields["remittanceInformationStructured"] = quote.structured
    if end_to_end is not None:
        fields["endToEndId"] = end_to_end
    return fields


def _readable(fields: Fields, bill: Bill) -> str:
    text = str(fields.get("remittanceInformationUnstructured", ""))
    number, reference = bill.invoice.number, bill.invoice.structured_reference
    packed = _pack(text)
    if reference is not None and reference in (
        fields.get("remittanceInformationStructured"),
        packed,
    ):
        return "structured"
    if number in text.upper():
        return "exact"
    if _pack(number) in packed:
        return "cosmetic"
    if reference is not None and reference in packed:
        return "structured"
    tokens = {token.lstrip("0") for token in re.findall(r"\d+", text)}
    return "partial" if bill.counter in tokens else "none"


def _pack(text: str) -> str:
    return "".join(filter(str.isalnum, text.upper()))


def _quote_structured(bill: Bill, chance: Random) -> Quote:
    reference = bill.invoice.structured_reference or ""
    way = chance.random()
    if way < 0.86:
        return Quote("", reference)
    if way < 0.94:
        if len(reference) == 12 and bill.customer.country == "BE":
            return Quote(format_ogm(reference))
        return Quote(" ".join(re.findall(r".{1,4}", reference)))
    if way < 0.96:
        return Quote("", _typo(reference, chance))
    return Quote("")


def _number(bill: Bill, habit: Quoting, chance: Random) -> str:
    number = bill.invoice.number
    prefix, year, counter = number.split("-")
    if habit == "cosmetic":
        shapes = (
            number.lower(),
            number.replace("-", ""),
            number.replace("-", " "),
            number.replace("-", "/"),
            f"{number[:-1]} {number[-1]}",
            f"{prefix.lower()}{year}{counter}",
        )
        number = chance.choice(shapes)
    elif habit == "partial":
        number = chance.choice((f"{year}-{counter}", counter, bill.counter, f"{year}{counter}"))
    elif habit == "other":
        return chance.choice(
            (f"Kd.Nr. {bill.customer.number}", bill.customer.number, f"PO {digits(chance, 5)}")
        )
    elif habit == "none":
        return chance.choice(_NOTHING_SAID)
    return _typo(number, chance) if chance.random() < _TYPO else number


def _labelled(customer: Customer, number: str, habit: Quoting) -> str:
    words = customer.words if habit in ("exact", "cosmetic", "partial") else ""
    return f"{words} {number}".strip()


def _several(bills: list[Bill], customer: Customer, habit: Quoting, chance: Random) -> str:
    way = chance.random()
    if way < 0.22 or habit == "none":
        return chance.choice(_NOTHING_SAID)
    if way < 0.27:
        return f"{customer.words} {bills[0].invoice.number} +{len(bills) - 1}".strip()
    separator = chance.choice(_SEPARATORS)
    if way < 0.43:
        tails = [bills[0].invoice.number, *(bill.counter for bill in bills[1:])]
        return f"{customer.words} {separator.join(tails)}".strip()
    usual: Quoting = "exact" if habit == "other" else habit
    numbers = [_number(bill, usual, chance) for bill in bills]
    return f"{customer.words} {separator.join(numbers)}".strip()


def _processor_text(bill: Bill, customer: Customer, chance: Random) -> str:
    processor_id = f"py_{digits(chance, 14)}"
    way = chance.random()
    if way < 0.25:
        return processor_id
    if way < 0.62:
        return f"{processor_id} {customer.name}"
    return f"{processor_id} {bill.invoice.number}"


def _typo(text: str, chance: Random) -> str:
    """Return the text with one slip among its last five characters."""
    place = chance.randrange(max(0, len(text) - 5), len(text))
    way = chance.random()
    if way < 0.5:
        return f"{text[:place]}{chance.randrange(10)}{text[place + 1 :]}"
    if way < 0.75:
        place = min(place, len(text) - 2)
        return f"{text[:place]}{text[place + 1]}{text[place]}{text[place + 2 :]}"
    if way < 0.9:
        return f"{text[:place]}{text[place + 1 :]}"
    return f"{text[:place]}{text[place]}{text[place:]}"


def _bank_name(payer: str, customer: Customer, chance: Random) -> str:
    name = payer
    if chance.random() < 0.30:
        name = names.without_form(name)
    if chance.random() < 0.85:
        name = _fold(name, chance)
    if chance.random() < 0.55:
        name = re.sub(r"[^\w\s]", "", name)
    if chance.random() < 0.66:
        name = name.upper()
    if chance.random() < 0.03:
        name = _typo(name, chance)
    if customer.country == "GB":
        return name[:18].strip()
    return name[: 35 if chance.random() < 0.35 else 70].strip()


def _fold(text: str, chance: Random) -> str:
    spelt_out = chance.random() < 0.5
    if text.isascii():
        return text
    if spelt_out:
        text = text.translate(_UMLAUTS)
    plain = unicodedata.normalize("NFKD", text.translate(str.maketrans("øØ", "oO")))
    return "".join(character for character in plain if not unicodedata.combining(character))


def _end_to_end(chance: Random) -> str | None:
    way = chance.random()
    if way < 0.52:
        return "NOTPROVIDED"
    if way < 0.70:
        return None
    return digits(chance, 16)


def _channel(
    customer: Customer, name: str, text: str, end_to_end: str | None, chance: Random
) -> tuple[str, bool]:
    """Return the text as the bank passes it on, and whether the name is only inside it."""
    country = customer.country
    if chance.random() < 0.3:
        text = text.upper()
    if country == "GB":
        return _british(name, text, chance)
    if country in ("DE", "AT", "CH") and text and chance.random() < 0.4:
        text = f"SVWZ+{text} EREF+{end_to_end or 'NOTPROVIDED'}"
        if chance.random() < 0.5:
            text = " ".join(text[at : at + _CELL] for at in range(0, len(text), _CELL))
        return text, False
    if country in ("NL", "BE") and chance.random() < 0.35:
        account = customer.payer.iban
        return (
            f"/TRTP/SEPA OVERBOEKING/IBAN/{account}/NAME/{name}/REMI/{text}"
            f"/EREF/{end_to_end or 'NOTPROVIDED'}"
        )[:140], False
    if country == "FR" and chance.random() < 0.2:
        return f"VIR INST DE {name} MOTIF {text}".strip(), True
    if country == "IT":
        return f"BONIFICO o/c: {name} {text} Num. Bon.Sepa 2525{digits(chance, 9)}", False
    if chance.random() < 0.05 and len(text) > 12:
        cut = chance.randrange(6, len(text) - 2)
        text = f"{text[:cut]}\n{text[cut:]}"
    return text[: 35 if chance.random() < 0.06 else 140], chance.random() < 0.06


def _british(name: str, text: str, chance: Random) -> tuple[str, bool]:
    """Return 18 characters, as the faster payments leave them; most payers write to fit."""
    number = re.search(r"INV\S*", text, re.IGNORECASE)
    if number and len(text) > 18 and chance.random() < 0.85:
        text = number.group()
    if chance.random() < 0.75:
        text = text[:18].strip()
    if chance.random() < 0.24:
        return f"FP {name} {text}".strip(), True
    return text, False
