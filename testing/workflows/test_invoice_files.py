"""Files of invoices, as office software and programs write them."""

import json
import time
from datetime import date
from decimal import Decimal

import pytest

from payymo.domain.enums import InvoiceFileFormat
from payymo.domain.errors import InvalidInputError
from payymo.workflows.invoice_files import (
    PROBLEMS_MAX,
    InvoiceRow,
    limit_problems,
    read_invoice_file,
)

HEADER = "number,customer_name,currency,total,issue_date"
LINE = "INV-1,Example Ltd,EUR,119.00,2026-02-01"


def problems_of(content: bytes, **options: object) -> list[tuple[str | None, str]]:
    with pytest.raises(InvalidInputError) as refusal:
        read_invoice_file(content, **options)  # type: ignore[arg-type]  # of any type
    if not refusal.value.problems:
        return [(None, refusal.value.message)]
    return [(problem.field, problem.message) for problem in refusal.value.problems]


def csv_of(*lines: str, header: str = HEADER) -> bytes:
    return "\n".join((header, *lines)).encode()


def one(content: bytes) -> InvoiceRow:
    (row,) = read_invoice_file(content)
    return row


class TestCsv:
    def test_all_fields_are_read(self) -> None:
        header = (
            "number,customer_number,customer_name,customer_email,customer_country,customer_iban,"
            "currency,total,issue_date,due_date,structured_reference,note"
        )
        line = (
            'INV-1,C-7,"Example, Ltd",pay@example.com,gb,DE89 3704 0044 0532 0130 00;'
            'GB82WEST12345698765432,eur,1190.5,2026-02-01,2026-03-03,RF18539007547034,"two\nlines"'
        )

        row = one(csv_of(line, header=header))

        assert row == InvoiceRow(
            line=2,
            number="INV-1",
            customer_number="C-7",
            customer_name="Example, Ltd",
            customer_email="pay@example.com",
            customer_country="GB",
            customer_ibans=("DE89370400440532013000", "GB82WEST12345698765432"),
            currency="EUR",
            total=Decimal("1190.50"),
            issue_date=date(2026, 2, 1),
            due_date=date(2026, 3, 3),
            structured_reference="RF18539007547034",
            note="two\nlines",
        )

    def test_without_a_customer_number_the_name_serves(self) -> None:
        row = one(csv_of(LINE))

        assert row.customer_number == "Example Ltd"
        assert (row.customer_ibans, row.due_date, row.note) == ((), None, None)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_usual_encodings_are_read(self, encoding: str, newline: str) -> None:
        text = newline.join((HEADER, "RE-1,Müller & Söhne GmbH,EUR,119.00,2026-02-01", ""))

        assert one(text.encode(encoding)).customer_name == "Müller & Söhne GmbH"

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
    def test_utf_16_needs_no_mark(self, encoding: str) -> None:
        assert one(csv_of(LINE).decode().encode(encoding)).number == "INV-1"

    def test_the_sign_for_euro_is_read_in_the_windows_encoding(self) -> None:
        content = csv_of("INV-1,Café 10 €,EUR,119.00,2026-02-01").decode().encode("cp1252")

        assert one(content).customer_name == "Café 10 €"

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    def test_the_delimiter_is_told_from_the_header(self, delimiter: str) -> None:
        content = csv_of(LINE).replace(b",", delimiter.encode())

        assert one(content).total == Decimal("119.00")

    def test_the_hint_of_spreadsheets_is_understood(self) -> None:
        content = b"sep=;\r\n" + csv_of(LINE).replace(b",", b";")

        assert one(content).line == 3

    @pytest.mark.parametrize(
        "header",
        [
            "Number,Customer Name,Currency,Total,Issue Date",
            "INVOICE_NUMBER,customer,CURRENCY_CODE,Amount,Invoice Date",
            "invoice no.,client,currency,Total Amount,date",
        ],
    )
    def test_columns_go_by_several_names(self, header: str) -> None:
        assert one(csv_of(LINE, header=header)).number == "INV-1"

    def test_other_columns_and_empty_lines_are_passed_over(self) -> None:
        content = csv_of("", LINE + ",x", ",,,,,", header=HEADER + ",colour")

        assert one(content).line == 3

    @pytest.mark.parametrize(
        ("written", "currency", "total"),
        [
            ("1190", "EUR", "1190.00"),
            ("1190.5", "EUR", "1190.50"),
            ('"1190,50"', "EUR", "1190.50"),
            ('"1.190,50"', "EUR", "1190.50"),
            ('"1,190.50"', "EUR", "1190.50"),
            ("1 190.50", "EUR", "1190.50"),
            ("1'190.50", "CHF", "1190.50"),
            ('"1,234,567"', "EUR", "1234567.00"),
            ("1.234.567", "EUR", "1234567.00"),
            ("1190.000", "EUR", "1190.00"),
            ("1190", "JPY", "1190"),
            ("1.125", "BHD", "1.125"),
        ],
    )
    def test_totals_are_read_where_they_mean_one_thing(
        self, written: str, currency: str, total: str
    ) -> None:
        row = one(csv_of(f"INV-1,Example Ltd,{currency},{written},2026-02-01"))

        assert str(row.total) == total

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            (",Example Ltd,EUR,119.00,2026-02-01", "number is missing"),
            ("INV-1,,EUR,119.00,2026-02-01", "customer name is missing"),
            ("INV-1,Example Ltd,EUR,,2026-02-01", "total is missing"),
            ('INV-1,Example Ltd,EUR,"1,234",2026-02-01', "two ways"),
            ("INV-1,Example Ltd,EUR,12.345,2026-02-01", "at most 2 decimals"),
            ("INV-1,Example Ltd,JPY,12.5,2026-02-01", "has no decimals"),
            ("INV-1,Example Ltd,EUR,0,2026-02-01", "greater than zero"),
            ("INV-1,Example Ltd,EUR,-5,2026-02-01", "greater than zero"),
            ("INV-1,Example Ltd,EUR,1e3,2026-02-01", "plain decimal number"),
            ("INV-1,Example Ltd,EUR,much,2026-02-01", "plain decimal number"),
            (f"INV-1,Example Ltd,EUR,{'9' * 17},2026-02-01", "too large"),
            (f"INV-1,Example Ltd,EUR,{'9' * 41},2026-02-01", "too many digits"),
            ("INV-1,Example Ltd,XXX,119.00,2026-02-01", "ISO 4217"),
            ("INV-1,Example Ltd,EUR,119.00,2026-02-30", "no such day"),
            ("INV-1,Example Ltd,EUR,119.00,01/02/2026", "year-month-day"),
            (f"{'x' * 201},Example Ltd,EUR,119.00,2026-02-01", "longer than 200"),
            ("INV\x01,Example Ltd,EUR,119.00,2026-02-01", "control characters"),
            ("INV-1,Example Ltd,EUR,119.00", "4 cells"),
            ("INV-1,Example Ltd,EUR,119.00,2026-02-01,more", "6 cells"),
            ('INV-1,"Example Ltd,EUR,119.00,2026-02-01', "quotes"),
        ],
    )
    def test_each_fault_is_named_with_its_line(self, line: str, said: str) -> None:
        ((field, message),) = problems_of(csv_of("INV-0,Other Ltd,EUR,1.00,2026-02-01", line))

        assert field == "line 3"
        assert said in message

    @pytest.mark.parametrize(
        ("column", "value", "said"),
        [
            ("due_date", "2026-01-31", "before it is issued"),
            ("customer_iban", "DE89370400440532013001", "IBAN is not valid"),
            ("customer_email", "nobody", "e-mail"),
            ("customer_country", "England", "two letters"),
        ],
    )
    def test_optional_fields_are_checked_too(self, column: str, value: str, said: str) -> None:
        ((field, message),) = problems_of(csv_of(f"{LINE},{value}", header=f"{HEADER},{column}"))

        assert field == "line 2"
        assert said in message

    def test_a_dotted_day_is_read(self) -> None:
        row = one(csv_of("INV-1,Example Ltd,EUR,119.00,1.2.2026"))

        assert row.issue_date == date(2026, 2, 1)

    def test_a_number_twice_names_both_lines(self) -> None:
        ((field, message),) = problems_of(csv_of(LINE, "INV-2,B,EUR,1.00,2026-02-01", LINE))

        assert (field, message) == ("line 4", "The number INV-1 is in line 2 already.")

    def test_lines_are_counted_through_cells_of_several_lines(self) -> None:
        content = csv_of(
            'INV-1,"Example\nLtd",EUR,119.00,2026-02-01', "INV-2,B,EUR,none,2026-02-01"
        )

        assert [field for field, _message in problems_of(content)] == ["line 4"]

    def test_missing_and_double_columns_are_named(self) -> None:
        content = csv_of("x", header="number,total,amount,issue_date")

        assert [message for _field, message in problems_of(content)] == [
            "The column customer_name is missing.",
            "The column currency is missing.",
            "The column total is there 2 times.",
        ]

    @pytest.mark.parametrize("content", [b"", b"  \n ", b"\xef\xbb\xbf"])
    def test_an_empty_file_is_refused(self, content: bytes) -> None:
        assert problems_of(content) == [(None, "The file is empty.")]

    def test_a_header_alone_is_no_invoice(self) -> None:
        assert problems_of(csv_of()) == [(None, "The file holds no invoices.")]

    def test_a_nul_character_is_found(self) -> None:
        ((field, message),) = problems_of(csv_of(LINE, "INV-2,a\0b,EUR,1.00,2026-02-01"))

        assert field == "line 3"
        assert "NUL" in message

    def test_broken_utf_16_is_refused(self) -> None:
        ((_field, message),) = problems_of(csv_of(LINE).decode().encode("utf-16") + b"\x00")

        assert "UTF-8" in message

    def test_after_a_hundred_problems_the_rest_is_counted(self) -> None:
        lines = [f"INV-{n},A,EUR,none,2026-02-01" for n in range(PROBLEMS_MAX + 7)]

        problems = problems_of(csv_of(*lines))

        assert len(problems) == PROBLEMS_MAX + 1
        assert problems[-1] == (None, "There are 7 more problems.")
        assert limit_problems([]) == []

    def test_a_hundred_thousand_lines_take_seconds(self) -> None:
        lines = [f"INV-{n},Customer {n % 900},EUR,{n + 1}.50,2026-02-01" for n in range(100_000)]
        content = csv_of(*lines)

        start = time.process_time()
        rows = read_invoice_file(content)

        assert len(rows) == 100_000
        assert time.process_time() - start < 20


class TestJsonLines:
    def record(self, **fields: object) -> dict[str, object]:
        return {
            "number": "INV-1",
            "customer_name": "Example Ltd",
            "currency": "EUR",
            "total": "119.00",
            "issue_date": "2026-02-01",
        } | fields

    def content(self, *records: dict[str, object]) -> bytes:
        return "\n".join(json.dumps(record) for record in records).encode()

    def test_all_kinds_of_values_are_read(self) -> None:
        record = self.record(
            total=119.5, customer_iban=["DE89370400440532013000"], note=None, due_date="2026-03-03"
        )

        row = one(self.content(record))

        assert row.total == Decimal("119.50")
        assert row.customer_ibans == ("DE89370400440532013000",)
        assert (row.note, row.due_date) == (None, date(2026, 3, 3))

    @pytest.mark.parametrize("total", ["119", "119.0", "119.00", '"119.00"'])
    def test_exact_numbers_are_totals(self, total: str) -> None:
        line = json.dumps(self.record(total=0)).replace('"total": 0', f'"total": {total}')

        assert one(line.encode()).total == Decimal("119.00")

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"total": 0.1 + 0.2}, "at most 2 decimals"),
            ({"total": 1e30}, "plain decimal number"),
            ({"total": True}, "a number or a text"),
            ({"total": [1]}, "a number or a text"),
            ({"number": 7}, "write a text"),
            ({"customer_iban": [7]}, "list of texts"),
            ({"colour": "red"}, "no field 'colour'"),
            ({"number": ""}, "number is missing"),
            ({"issue_date": "2026-02-30"}, "no such day"),
        ],
    )
    def test_each_fault_is_named_with_its_line(self, fields: dict[str, object], said: str) -> None:
        content = self.content(self.record(number="INV-0"), self.record(**fields))

        ((field, message),) = problems_of(content)

        assert field == "line 2"
        assert said in message

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ('{"number": ', "not valid JSON"),
            ("[1, 2]", "JSON object"),
            ('{"number": "a", "number": "b"}', "number is there 2 times"),
            ('{"total": NaN}', "NaN is not a number"),
        ],
    )
    def test_a_malformed_line_is_named(self, line: str, said: str) -> None:
        content = self.content(self.record()) + b"\n\n" + line.encode()

        ((field, message),) = problems_of(content, file_format=InvoiceFileFormat.JSON_LINES)

        assert field == "line 3"
        assert said in message

    def test_the_format_is_told_from_name_or_content(self) -> None:
        content = self.content(self.record())

        assert read_invoice_file(content, filename="invoices.ndjson")
        assert read_invoice_file(content, filename="invoices")
        assert "missing" in problems_of(content, filename="invoices.csv")[0][1]
