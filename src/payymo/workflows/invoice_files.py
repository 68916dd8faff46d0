"""Reading a file of invoices: CSV or JSON Lines, from bytes to rows or to what is wrong."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import PurePath
from typing import Any, NoReturn

from charset_normalizer import from_bytes

from payymo.domain.enums import DocumentKind, InvoiceFileFormat
from payymo.domain.errors import InvalidInputError, Problem
from payymo.workflows.invoice_fields import (
    NOTE_LENGTH_MAX,
    read_country,
    read_currency,
    read_date,
    read_email,
    read_ibans,
    read_kind,
    read_text,
    read_total,
)

#: Problems that are told one by one; the rest is counted.
PROBLEMS_MAX = 100

#: One file holds no more invoices than this.
ROWS_MAX = 200_000

_CELL_LENGTH_MAX = 131_072
_SAMPLE_BYTES = 64_000

_REQUIRED = ("number", "customer_name", "currency", "total", "issue_date")
_OPTIONAL = (
    "customer_number",
    "customer_email",
    "customer_country",
    "customer_iban",
    "due_date",
    "structured_reference",
    "note",
    "kind",
    "corrects",
)
FIELDS = (*_REQUIRED, *_OPTIONAL)

#: Other names under which fields are known, without blanks, underscores and case.
_ALIASES = {
    "number": "invoicenumber invoiceno invoicenr invoice documentnumber",
    "customer_name": "customer client clientname",
    "customer_number": "customerid customerno customernr clientnumber clientid clientno",
    "customer_email": "email clientemail",
    "customer_country": "country countrycode",
    "customer_iban": "iban ibans customeribans",
    "currency": "currencycode",
    "total": "amount totalamount invoicetotal invoiceamount grosstotal grossamount",
    "issue_date": "date invoicedate issued issuedon",
    "due_date": "due dueon payby",
    "structured_reference": "structuredref creditorreference paymentreference",
    "note": "notes comment comments memo",
    "kind": "documentkind documenttype",
    "corrects": "correctedinvoice originalinvoice",
}
_FIELD_BY_NAME = {
    name: field
    for field in FIELDS
    for name in (field.replace("_", ""), *_ALIASES.get(field, "").split())
}

_DELIMITERS = (",", ";", "\t")
_EXCEL_HINT = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[^a-z0-9]")
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
#: Encodings of one byte per sign that office software writes in Europe; the first wins a draw.
_LOCAL_ENCODINGS = ["cp1252", "latin_1", "iso8859_15", "cp1250"]


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One invoice or credit note of a file.

    :ivar line: Where it stands, from 1.
    :ivar customer_number: The customer's number; its name where the file gives none.
    :ivar total: What was invoiced, with exactly its currency's decimals; greater than zero, for a
        credit note as well.
    :ivar corrects: Number of the invoice that a credit note names.
    """

    line: int
    number: str
    customer_number: str
    customer_name: str
    customer_email: str | None
    customer_country: str | None
    customer_ibans: tuple[str, ...]
    currency: str
    total: Decimal
    issue_date: date
    due_date: date | None
    structured_reference: str | None
    note: str | None
    kind: DocumentKind = DocumentKind.INVOICE
    corrects: str | None = None


def read_invoice_file(
    content: bytes,
    *,
    filename: str | None = None,
    file_format: InvoiceFileFormat | None = None,
) -> Sequence[InvoiceRow]:
    """Return the invoices of a file, in its order.

    :param content: The file.
    :param filename: Its name, from which its format may be told.
    :param file_format: How it is written; ``None`` to tell from name and content.
    :raises InvalidInputError: If anything in it is wrong, with a problem for each fault.
    """
    text = _decode(content)
    _refuse_nul(text)
    if not text.strip():
        raise InvalidInputError("The file is empty.")
    read = _READERS[file_format or _tell_format(filename, text)]
    collector = _Collector()
    for line, record in read(text, collector):
        collector.take(line, record)
        if len(collector.rows) > ROWS_MAX:
            raise InvalidInputError(f"The file holds more than {ROWS_MAX:,} invoices: split it.")
    if collector.problems:
        raise InvalidInputError(
            "The file is not valid: nothing was imported.",
            problems=limit_problems(collector.problems),
        )
    if not collector.rows:
        raise InvalidInputError("The file holds no invoices.")
    return collector.rows


def limit_problems(problems: Sequence[Problem]) -> Sequence[Problem]:
    """Return the first problems, and how many more there are.

    :param problems: All of them.
    """
    more = len(problems) - PROBLEMS_MAX
    if more <= 0:
        return problems
    return [*problems[:PROBLEMS_MAX], Problem(None, f"There are {more:,} more problems.")]


# ------------------------------------------------------------------------ text


def _decode(content: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if content.startswith(mark):
            return _decode_as(content.removeprefix(mark), encoding)
    if _is_every_other_nul(content[0::2]):
        return _decode_as(content, "utf-16-be")
    if _is_every_other_nul(content[1::2]):
        return _decode_as(content, "utf-16-le")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_as(content, _guess_encoding(content))


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise InvalidInputError(
            "The file's characters cannot be read: save it as UTF-8 and send it again."
        ) from None


def _is_every_other_nul(half: bytes) -> bool:
    """Return whether half of the bytes are mostly NUL, as Latin text in UTF-16 has it."""
    return len(half) > 1 and half[:_SAMPLE_BYTES].count(0) > len(half[:_SAMPLE_BYTES]) * 0.8


def _guess_encoding(content: bytes) -> str:
    first = next(at for at, byte in enumerate(content) if byte > 0x7F)  # noqa: PLR2004 # ASCII
    start = max(first - _SAMPLE_BYTES // 2, 0)
    best = from_bytes(content[start : start + _SAMPLE_BYTES], cp_isolation=_LOCAL_ENCODINGS).best()
    return best.encoding if best is not None else _LOCAL_ENCODINGS[0]


def _refuse_nul(text: str) -> None:
    at = text.find("\0")
    if at >= 0:
        line = text.count("\n", 0, at) + 1
        problem = Problem(f"line {line}", "The line holds a NUL character: the file is damaged.")
        raise InvalidInputError("The file is not valid: nothing was imported.", problems=[problem])


def _tell_format(filename: str | None, text: str) -> InvoiceFileFormat:
    suffix = PurePath(filename or "").suffix.lower()
    if suffix in {".jsonl", ".ndjson"} or (suffix != ".csv" and text.lstrip().startswith("{")):
        return InvoiceFileFormat.JSON_LINES
    return InvoiceFileFormat.CSV


# --------------------------------------------------------------------- records


class _Collector:
    """Gathers the rows of a file, and everything that is wrong with it."""

    def __init__(self) -> None:
        self.rows: list[InvoiceRow] = []
        self.problems: list[Problem] = []
        self._line_of_number: dict[str, int] = {}

    def complain(self, line: int, message: str) -> None:
        """Note a fault of a line."""
        self.problems.append(Problem(f"line {line}", message))

    def take(self, line: int, record: Mapping[str, str]) -> None:
        """Read one record: a row if all is well, else a problem for each fault."""
        faults: list[str] = []
        row = _read_record(line, record, faults)
        before = self._line_of_number.setdefault(record.get("number", "").strip(), line)
        if row is not None and before != line:
            faults.append(f"The number {row.number} is in line {before} already.")
        for fault in faults:
            self.complain(line, fault)
        if row is not None and not faults:
            self.rows.append(row)


def _read_record(line: int, record: Mapping[str, str], faults: list[str]) -> InvoiceRow | None:
    def read[Value](field: str, parse: Callable[[str], Value]) -> Value | None:
        given = record.get(field, "")
        if not given.strip():
            if field in _REQUIRED:
                faults.append(f"The {_words(field)} is missing.")
            return None
        try:
            return parse(given)
        except InvalidInputError as error:
            faults.append(f"{_words(field).capitalize()}: {error.message}")
            return None

    number = read("number", read_text)
    name = read("customer_name", read_text)
    currency = read("currency", read_currency)
    total = read("total", lambda text: read_total(text, currency or _ANY_CURRENCY))
    issue_date = read("issue_date", read_date)
    due_date = read("due_date", read_date)
    customer_number = read("customer_number", read_text)
    email = read("customer_email", read_email)
    country = read("customer_country", read_country)
    ibans = read("customer_iban", read_ibans)
    reference = read("structured_reference", read_text)
    note = read("note", lambda text: read_text(text, length_max=NOTE_LENGTH_MAX))
    known_faults = len(faults)
    kind = read("kind", read_kind) or DocumentKind.INVOICE
    is_kind_told = len(faults) == known_faults
    corrects = read("corrects", read_text)
    if corrects is not None and kind is DocumentKind.INVOICE and is_kind_told:
        faults.append("Only a credit note corrects an invoice: say so with the kind credit_note.")
    if due_date is not None and issue_date is not None and due_date < issue_date:
        faults.append(f"The invoice is due on {due_date}, before it is issued on {issue_date}.")
    if number is None or name is None or currency is None or total is None or issue_date is None:
        return None
    return InvoiceRow(
        line=line,
        number=number,
        customer_number=customer_number or name,
        customer_name=name,
        customer_email=email,
        customer_country=country,
        customer_ibans=ibans or (),
        currency=currency,
        total=total,
        issue_date=issue_date,
        due_date=due_date,
        structured_reference=reference,
        note=note,
        kind=kind,
        corrects=corrects,
    )


#: With four decimals, so that a total is not refused because its currency is wrong.
_ANY_CURRENCY = "CLF"


def _words(field: str) -> str:
    return field.replace("_", " ").replace("iban", "IBAN")


# ------------------------------------------------------------------------- CSV


def _read_csv(text: str, collector: _Collector) -> Iterator[tuple[int, Mapping[str, str]]]:
    skipped, delimiter = _delimiter_of(text)
    csv.field_size_limit(_CELL_LENGTH_MAX)
    lines = islice(io.StringIO(text, newline=""), skipped, None)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    columns: list[str | None] | None = None
    line = skipped + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if columns is None:
                    columns = _columns(cells)
                elif len(cells) != len(columns):
                    collector.complain(line, _wrong_count(len(cells), len(columns)))
                else:
                    yield line, _record(columns, cells)
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        collector.complain(line, f"The line cannot be read as CSV ({error}): check its quotes.")


def _record(columns: Sequence[str | None], cells: Sequence[str]) -> Mapping[str, str]:
    return {column: cell for column, cell in zip(columns, cells, strict=True) if column is not None}


def _wrong_count(count: int, expected: int) -> str:
    return f"The line has {count} cells, and the header {expected}: check delimiters and quotes."


def _delimiter_of(text: str) -> tuple[int, str]:
    """Return how many lines stand before the header, and what separates its cells."""
    hint = _EXCEL_HINT.match(text)
    if hint:
        return 1, hint.group(1)
    header = next(line for line in text.splitlines() if line.strip())
    known = {
        delimiter: sum(_field_of(cell) is not None for cell in header.split(delimiter))
        for delimiter in _DELIMITERS
    }
    return 0, max(_DELIMITERS, key=known.__getitem__)


def _field_of(name: str) -> str | None:
    return _FIELD_BY_NAME.get(_NOT_LETTERS.sub("", name.lower()))


def _columns(header: Sequence[str]) -> list[str | None]:
    """Return the field of each column; ``None`` where it is none of ours."""
    columns = [_field_of(cell) for cell in header]
    counts = Counter(column for column in columns if column is not None)
    problems = [
        Problem("line 1", f"The column {column} is missing.")
        for column in _REQUIRED
        if column not in counts
    ] + [
        Problem("line 1", f"The column {column} is there {count} times.")
        for column, count in counts.items()
        if count > 1
    ]
    if problems:
        raise InvalidInputError(
            "The file's header is not valid. Its columns may be: " + ", ".join(FIELDS) + ".",
            problems=problems,
        )
    return columns


# ------------------------------------------------------------------ JSON Lines


def _read_json_lines(text: str, collector: _Collector) -> Iterator[tuple[int, Mapping[str, str]]]:
    for line, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            yield line, _json_record(_parse_json(written))
        except InvalidInputError as error:
            for problem in error.problems or [Problem(None, error.message)]:
                collector.complain(line, problem.message)


def _parse_json(written: str) -> Mapping[str, Any]:
    try:
        value = json.loads(
            written,
            parse_float=Decimal,
            parse_int=_parse_int,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_double_fields,
        )
    except (ValueError, RecursionError):
        raise InvalidInputError("The line is not valid JSON.") from None
    if not isinstance(value, dict):
        raise InvalidInputError("The line must be a JSON object.")
    return value


def _parse_int(digits: str) -> Decimal:
    return Decimal(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInputError(f"{name} is not a number that an invoice can have.")


def _refuse_double_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, count in Counter(name for name, _value in pairs).items():
        if count > 1:
            raise InvalidInputError(f"The field {name} is there {count} times.")
    return dict(pairs)


def _json_record(fields: Mapping[str, Any]) -> Mapping[str, str]:
    problems = [
        Problem(None, f"There is no field {name!r}: remove it or correct its name.")
        for name in fields
        if name not in FIELDS
    ]
    record = {}
    for name, value in fields.items():
        if name in FIELDS and value is not None:
            try:
                record[name] = _json_text(name, value)
            except InvalidInputError as error:
                problems.append(Problem(None, error.message))
    if problems:
        raise InvalidInputError("The line is not valid.", problems=problems)
    return record


def _json_text(name: str, value: object) -> str:
    """Return a JSON value as the text that a CSV file would hold."""
    if isinstance(value, str):
        return value
    if name == "total" and isinstance(value, Decimal):
        return str(value)
    if name == "customer_iban" and isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return ";".join(value)
        raise InvalidInputError("Customer IBAN: write a list of texts.")
    expected = "a number or a text" if name == "total" else "a text"
    raise InvalidInputError(f"{_words(name).capitalize()}: write {expected}.")


_READERS: Mapping[
    InvoiceFileFormat,
    Callable[[str, _Collector], Iterator[tuple[int, Mapping[str, str]]]],
] = {
    InvoiceFileFormat.CSV: _read_csv,
    InvoiceFileFormat.JSON_LINES: _read_json_lines,
}
