"""The European Central Bank's published files, read: CSV, CSV in ZIP, and XML.

https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/ offers
``eurofxref-hist.zip`` and ``eurofxref.zip`` (one CSV file each) and ``eurofxref-daily.xml``,
``eurofxref-hist-90d.xml`` and ``eurofxref-hist.xml``. A file is read whole or not at all, and each
fault is named with its place.
"""

import csv
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.parsers import expat

from payymo.domain.errors import InvalidInputError, Problem
from payymo.domain.exchange import FIRST_DAY, PIVOT, ReferenceRate, check_rate

#: All history is less than a megabyte; whatever is much more is something else.
FILE_BYTES_MAX: Final = 32 * 2**20

_PROBLEMS_MAX: Final = 100
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        "january february march april may june july august september october november"
        " december".split(),
        1,
    )
}
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WRITTEN_DAY: Final = re.compile(r"(\d{1,2}) ([A-Za-z]+) (\d{4})", re.ASCII)
_RATE: Final = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)

#: What stands where a currency has no rate on a day.
_NO_RATE: Final = frozenset({"N/A", ""})


def read_rates(content: bytes) -> Sequence[ReferenceRate]:
    """Return the rates of a published file, in the file's order.

    :param content: The file: CSV, one CSV in a ZIP, or XML.
    :raises InvalidInputError: If the file is none of these, or anything in it cannot be right; its
        problems name each fault by its line, one hundred at most.
    """
    if len(content) > FILE_BYTES_MAX:
        raise InvalidInputError(_TOO_LARGE)
    if content.startswith(b"PK\x03\x04"):
        content = _unzip(content)
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    book = _Book()
    if start.startswith(b"<"):
        _read_xml(content, book)
    elif start[:4].lower() == b"date":
        _read_csv(content, book)
    else:
        raise InvalidInputError(
            "The file is not one of the European Central Bank's: it must be eurofxref-hist.csv, a "
            "ZIP that holds it, or one of the XML files such as eurofxref-daily.xml."
        )
    return book.finish()


class _Book:
    """Rates as they are read, and what is wrong with them."""

    def __init__(self) -> None:
        self._rates: dict[tuple[date, str], ReferenceRate] = {}
        self._problems: list[Problem] = []

    def complain(self, line: int, sentence: str) -> None:
        if len(self._problems) < _PROBLEMS_MAX:
            self._problems.append(Problem(f"line {line}", sentence))

    def read_day(self, line: int, written: str) -> date | None:
        day = _parse_day(written.strip())
        if day is None:
            self.complain(line, f"{written.strip()[:40]!r} is not a day such as 2026-02-27.")
        elif day < FIRST_DAY:
            self.complain(line, f"{day} is before the first reference rates, of {FIRST_DAY}.")
            return None
        return day

    def read_currency(self, line: int, written: str) -> str | None:
        code = written.strip()
        if _CURRENCY.fullmatch(code) and code != PIVOT:
            return code
        self.complain(line, f"{code[:40]!r} is not a currency that has a rate, such as USD.")
        return None

    def add(self, line: int, day: date, currency: str, written: str) -> None:
        rate = _parse_rate(written.strip())
        if rate is None:
            self.complain(
                line, f"The rate of {currency} is {written.strip()[:40]!r}, not one such as 1.0842."
            )
        elif (day, currency) in self._rates:
            self.complain(line, f"{currency} has a second rate for {day}.")
        else:
            self._rates[day, currency] = ReferenceRate(day, currency, rate)

    def finish(self) -> Sequence[ReferenceRate]:
        if self._problems:
            raise InvalidInputError(
                "The file is not as the European Central Bank publishes it, and nothing of it was "
                "taken in: download it again.",
                problems=self._problems,
            )
        if not self._rates:
            raise InvalidInputError("The file holds no rate at all: download it again.")
        return list(self._rates.values())


def _read_csv(content: bytes, book: _Book) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError("The CSV file is not text in UTF-8: download it again.") from error
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _read_rows(rows, book)
    except csv.Error as error:
        book.complain(rows.line_num, f"This line is not CSV: {error}.")


def _read_rows(rows: Iterator[list[str]], book: _Book) -> None:
    heads = _without_last_comma(next(rows))
    currencies = [book.read_currency(1, head) for head in heads[1:]]
    for twice in sorted({code for code in currencies if code and currencies.count(code) > 1}):
        book.complain(1, f"{twice} has more than one column.")
    for line, row in enumerate(rows, 2):
        cells = _without_last_comma(row)
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heads):
            book.complain(
                line, f"There are {len(cells)} columns, where the first line has {len(heads)}."
            )
            continue
        day = book.read_day(line, cells[0])
        for currency, cell in zip(currencies, cells[1:], strict=True):
            if day is not None and currency is not None and cell.strip() not in _NO_RATE:
                book.add(line, day, currency, cell)


def _without_last_comma(row: list[str]) -> list[str]:
    """Return a row without the empty column after the comma with which each line ends."""
    return row[:-1] if len(row) > 1 and not row[-1].strip() else row


def _read_xml(content: bytes, book: _Book) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    day: date | None = None

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal day
        if name.rpartition(" ")[2] != "Cube":
            return
        line = parser.CurrentLineNumber
        if "time" in attributes:
            day = book.read_day(line, attributes["time"])
        if "currency" in attributes or "rate" in attributes:
            currency = book.read_currency(line, attributes.get("currency", ""))
            if day is not None and currency is not None:
                book.add(line, day, currency, attributes.get("rate", ""))

    parser.StartElementHandler = start
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise InvalidInputError(
            f"The XML file is cut short or damaged at line {error.lineno}: download it again."
        ) from error
    except LookupError as error:
        raise InvalidInputError(
            "The XML file names an encoding that nobody knows: download it again."
        ) from error


def _refuse_doctype(*_: object) -> None:
    raise InvalidInputError(
        "The XML file declares a document type, which the European Central Bank's never do."
    )


def _unzip(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [info for info in archive.infolist() if not info.is_dir()]
            if len(names) != 1:
                raise InvalidInputError("The ZIP file must hold one CSV file, and nothing else.")
            with archive.open(names[0]) as member:
                inner = member.read(FILE_BYTES_MAX + 1)
    except _ZIP_ERRORS as error:
        raise InvalidInputError(
            "The ZIP file is cut short or damaged: download it again."
        ) from error
    if len(inner) > FILE_BYTES_MAX:
        raise InvalidInputError(_TOO_LARGE)
    return inner


#: What reading a damaged ZIP raises, besides its own error.
_ZIP_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)

_TOO_LARGE: Final = (
    f"The file is larger than {FILE_BYTES_MAX // 2**20} MiB: all reference rates are less than one."
)


def _parse_day(written: str) -> date | None:
    """Return a day as the long files write it (2026-02-27) or the daily one (27 February 2026)."""
    try:
        if _ISO_DAY.fullmatch(written):
            return date.fromisoformat(written)
        parts = _WRITTEN_DAY.fullmatch(written)
        if parts is not None and parts[2].lower() in _MONTHS:
            return date(int(parts[3]), _MONTHS[parts[2].lower()], int(parts[1]))
    except ValueError:
        return None
    return None


def _parse_rate(written: str) -> Decimal | None:
    if not _RATE.fullmatch(written):
        return None
    try:
        return check_rate(Decimal(written))
    except (InvalidInputError, InvalidOperation):
        return None
