"""How payers quote what they pay."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.matching.bank import Message, written_day
from benchmarks.matching.phrases import PHRASES
from benchmarks.matching.randomness import Choices, Source
from benchmarks.matching.rates import Rates
from benchmarks.matching.world import Customer, Invoice

_TAIL = 5
_SEPARATORS = (", ", ",", "/", " + ", " & ", " ", "; ", "+", " / ")
_SENT_DAYS = ("", ".", "/", "-")

#: What stands in a text that quotes nothing.
_FILLERS = Choices(
    {"nothing": 0.28, "words": 0.25, "period": 0.27, "name": 0.10, "date": 0.05, "bare": 0.05}
)


@dataclass(slots=True)
class Quote:
    """What one payment says of its invoices.

    :ivar style: The habit that it followed, and whether a slip came in.
    :ivar forms: For each invoice that is quoted, how: as the bank may or may not have kept it.
    :ivar is_damaged: Whether a slip came in.
    """

    message: Message
    style: str
    forms: list[tuple[Invoice, str]] = field(default_factory=list)
    is_damaged: bool = False


class Writer:
    """Writes the messages of payers."""

    def __init__(self, source: Source, rates: Rates) -> None:
        self._source = source
        self._rates = rates
        self._quoting = Choices(rates.quoting)
        self._places = Choices(rates.structured_place)
        self._lists = Choices(rates.lists)
        self._typos = Choices(rates.typo_kinds)

    def write(self, customer: Customer, invoices: Sequence[Invoice], booked: int) -> Quote:
        """Return what a customer writes about the invoices that it pays."""
        source = self._source
        departs = source.chance(self._rates.departs)
        if len(invoices) > 1:
            return self._list(customer, invoices, booked, source.choose(self._lists))
        invoice = invoices[0]
        if invoice.reference and customer.uses_structured and not departs:
            place = source.choose(self._places)
            if place != "absent":
                return self._structured(customer, invoice, place, booked)
        habit = source.choose(self._quoting) if departs else customer.quoting
        if habit == "none":
            return Quote(Message(self.filler(customer, booked)), habit)
        if habit == "other":
            return Quote(Message(self.other_number(customer)), habit)
        form, is_damaged = self.number(invoice, habit)
        text = self._sentence(customer, form, invoice)
        style = "typo" if is_damaged else habit
        message = Message(text, bare=form, number=invoice.number)
        return Quote(message, style, [(invoice, form)], is_damaged)

    def number(self, invoice: Invoice, habit: str) -> tuple[str, bool]:
        """Return an invoice's number as a habit has it, and whether there is a slip in it."""
        form = invoice.number
        if habit == "cosmetic":
            form = self._cosmetic(form)
        elif habit == "partial":
            form = self._partial(form)
        if self._source.chance(self._rates.typo):
            slipped = self._slip(form)
            return slipped, slipped != form
        return form, False

    def filler(self, customer: Customer, booked: int) -> str:
        """Return a text that quotes nothing."""
        source, phrases = self._source, PHRASES[customer.country]
        match source.choose(_FILLERS):
            case "nothing":
                return ""
            case "words":
                return source.pick(phrases.filler)
            case "period":
                month = source.pick(phrases.months)
                day = written_day(booked, "")
                year = source.pick(("", "", f" {day[:4]}", f" {day[2:4]}"))
                return f"{source.pick(phrases.recurring)} {month}{year}"
            case "name":
                return customer.name.words
            case "date":
                day = written_day(booked - source.between(5, 40), source.pick(_SENT_DAYS))
                return f"{source.pick(phrases.invoice)} {day}"
            case _:
                return source.pick(phrases.invoice).strip(" .:")

    def other_number(self, customer: Customer) -> str:
        """Return a text that quotes a number, but not an invoice's."""
        source, phrases = self._source, PHRASES[customer.country]
        if source.chance(0.55):
            return f"{source.pick(phrases.customer)} {customer.number}"
        digits = source.digits(source.pick((4, 5, 6, 6, 8, 10)))
        return f"{source.pick(phrases.order)} {digits}"

    def list_all(self, customer: Customer, invoices: Sequence[Invoice], booked: int) -> Quote:
        """Return what somebody writes who names every invoice that is paid."""
        return self._list(customer, invoices, booked, "all")

    def _list(
        self, customer: Customer, invoices: Sequence[Invoice], booked: int, way: str
    ) -> Quote:
        source = self._source
        if way == "none":
            return Quote(Message(self.filler(customer, booked)), "none")
        habit = (
            customer.quoting if customer.quoting in {"exact", "cosmetic", "partial"} else "exact"
        )
        separator = source.pick(_SEPARATORS)
        forms: list[tuple[Invoice, str]] = []
        is_damaged = False
        for at, invoice in enumerate(invoices):
            form, slipped = self.number(invoice, habit)
            is_damaged |= slipped
            if at and way == "tails":
                form = form[-source.between(3, 4) :].lstrip("-/. ")
            if at and way == "count":
                break
            forms.append((invoice, form))
        body = separator.join(form for _invoice, form in forms)
        if way == "count":
            body += f" +{len(invoices) - 1}"
        word = f"{source.pick(PHRASES[customer.country].invoice)} " if source.chance(0.5) else ""
        style = "typo" if is_damaged else habit
        message = Message(word + body, bare=body, number=invoices[0].number)
        return Quote(message, style, forms, is_damaged)

    def _structured(self, customer: Customer, invoice: Invoice, place: str, booked: int) -> Quote:
        source = self._source
        reference = invoice.reference or ""
        if place == "field":
            text = "" if source.chance(0.85) else self.filler(customer, booked)
            message = Message(text, structured=reference, number=invoice.number)
            return Quote(message, "structured", [(invoice, reference)])
        form = self._chunked_reference(reference, invoice.scheme or "")
        is_damaged = place == "damaged"
        if is_damaged:
            form = self._slip(form)
        word = source.pick(
            ("", "", "Ref ", "Ref. ", f"{source.pick(PHRASES[customer.country].invoice)} ")
        )
        message = Message(word + form, bare=form, number=invoice.number)
        style = "structured_damaged" if is_damaged else "structured_text"
        return Quote(message, style, [(invoice, form)], is_damaged)

    def _chunked_reference(self, reference: str, scheme: str) -> str:
        source = self._source
        if scheme == "BE_OGM" and source.chance(0.7):
            mark = source.pick(("+++", "***", ""))
            return f"{mark}{reference[:3]}/{reference[3:7]}/{reference[7:]}{mark}"
        if source.chance(0.4):
            return reference
        size = 5 if scheme in {"CH_QRR", "FI_VIITE"} else 4
        if scheme == "ISO11649":
            return " ".join(reference[at : at + size] for at in range(0, len(reference), size))
        first = len(reference) % size or size
        rest = [reference[at : at + size] for at in range(first, len(reference), size)]
        return " ".join([reference[:first], *rest])

    def _cosmetic(self, number: str) -> str:
        source = self._source
        match source.between(0, 5):
            case 0:
                return number.lower()
            case 1:
                return "".join(sign for sign in number if sign.isalnum())
            case 2:
                return "".join(sign if sign.isalnum() else " " for sign in number)
            case 3:
                mark = source.pick("/._-")
                return "".join(sign if sign.isalnum() else mark for sign in number)
            case 4:
                at = source.between(len(number) // 2, max(len(number) - 2, 1))
                return f"{number[:at]} {number[at:]}"
            case _:
                return source.pick(("#", "No ", "Nr", "nr. ", "N° ")) + number

    def _partial(self, number: str) -> str:
        """Return a number without its prefix, its year, or its leading zeros."""
        digits = number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ-/. ")
        match self._source.between(0, 2):
            case 0:
                return digits
            case 1:
                return digits[-_TAIL:].lstrip("-/.")
            case _:
                tail = digits.replace("/", "-").replace(".", "-").rpartition("-")[2]
                return tail[-6:].lstrip("0") or digits

    def _slip(self, form: str) -> str:
        """Return a form with one slip of the hand among its last digits."""
        source = self._source
        places = [at for at, sign in enumerate(form) if sign.isdigit()][-_TAIL:]
        if not places:
            return form
        at = source.pick(places)
        match source.choose(self._typos):
            case "dropped":
                return form[:at] + form[at + 1 :]
            case "doubled":
                return form[:at] + form[at] + form[at:]
            case "swapped" if at and form[at - 1].isdigit():
                return form[: at - 1] + form[at] + form[at - 1] + form[at + 1 :]
            case _:
                return form[:at] + str((int(form[at]) + source.between(1, 9)) % 10) + form[at + 1 :]

    def _sentence(self, customer: Customer, form: str, invoice: Invoice) -> str:
        """Return a number in the words that a customer always takes for it."""
        source, phrases = self._source, PHRASES[customer.country]
        word = phrases.invoice[customer.wording % len(phrases.invoice)]
        match customer.wording % 10:
            case 0 | 1 | 2:
                return form
            case 3 | 4 | 5:
                return f"{word} {form}"
            case 6:
                issued = written_day(invoice.issued, source.pick(_SENT_DAYS))
                return f"{word} {form} {source.pick(phrases.dated)} {issued}"
            case 7:
                return f"{word} {form} {source.pick(phrases.customer)} {customer.number}"
            case 8:
                return f"{customer.name.words} {form}"
            case _:
                return f"{source.pick(phrases.filler)} {word} {form}"
