"""The published files are read whole, or refused with the place of each fault."""

import io
import zipfile
from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from testing.providers.ecb.files import DAILY_CSV, DAILY_XML, HISTORY, HISTORY_XML, zipped

from payymo.domain.errors import InvalidInputError
from payymo.domain.exchange import ReferenceRate
from payymo.providers.ecb import formats
from payymo.providers.ecb.formats import read_rates

FRIDAY = date(2026, 2, 27)
OF_FRIDAY = [
    ReferenceRate(FRIDAY, "USD", Decimal("1.0842")),
    ReferenceRate(FRIDAY, "JPY", Decimal("160.25")),
    ReferenceRate(FRIDAY, "GBP", Decimal("0.8450")),
]


def faults(content: bytes) -> list[tuple[str | None, str]]:
    with pytest.raises(InvalidInputError) as raised:
        read_rates(content)
    return [(problem.field, problem.message) for problem in raised.value.problems]


def test_the_history_is_read_without_what_is_not_available() -> None:
    rates = read_rates(HISTORY.encode())

    assert rates[:3] == OF_FRIDAY
    assert len(rates) == 3 + 3 + 4
    assert ReferenceRate(date(2007, 12, 31), "CYP", Decimal("0.585274")) in rates


@pytest.mark.parametrize(
    "content",
    [
        DAILY_CSV.encode(),
        DAILY_XML.encode(),
        zipped(DAILY_CSV, name="eurofxref.csv"),
        b"\xef\xbb\xbf" + DAILY_CSV.replace("\n", "\r\n").encode(),
        DAILY_CSV.encode() + b"\n",
    ],
)
def test_each_form_of_a_day_says_the_same(content: bytes) -> None:
    assert read_rates(content) == OF_FRIDAY


def test_a_zipped_history_is_the_history() -> None:
    assert read_rates(zipped(HISTORY)) == read_rates(HISTORY.encode())


def test_the_history_in_xml_has_many_days() -> None:
    assert read_rates(HISTORY_XML.encode()) == [
        OF_FRIDAY[0],
        OF_FRIDAY[2],
        ReferenceRate(date(2026, 2, 26), "USD", Decimal("1.0831")),
    ]


@pytest.mark.parametrize(
    ("written", "instead", "line", "sentence"),
    [
        ("2026-02-26", "2026-02-30", 3, "'2026-02-30' is not a day"),
        ("2026-02-26", "26/02/2026", 3, "is not a day"),
        ("2026-02-26", "1998-12-31", 3, "before the first reference rates"),
        ("2026-02-26", "2026-02-27", 3, "USD has a second rate for 2026-02-27"),
        ("159.9", "159,9", 3, "There are 6 columns, where the first line has 5"),
        ("159.9", "0", 3, "The rate of JPY is '0'"),
        ("159.9", "-159.9", 3, "The rate of JPY is '-159.9'"),
        ("159.9", "n/a", 3, "The rate of JPY is 'n/a'"),
        ("159.9", "1e3", 3, "The rate of JPY is '1e3'"),
        ("159.9", "0.00000000001", 3, "The rate of JPY"),
        ("USD", "US", 1, "'US' is not a currency"),
        ("USD", "EUR", 1, "'EUR' is not a currency"),
        ("USD", "GBP", 1, "GBP has more than one column"),
    ],
)
def test_a_fault_in_the_csv_is_named_with_its_line(
    written: str, instead: str, line: int, sentence: str
) -> None:
    found = faults(HISTORY.replace(written, instead, 1).encode())

    assert found[0][0] == f"line {line}"
    assert sentence in found[0][1]


def test_a_line_that_is_no_csv_is_named() -> None:
    ((place, sentence),) = faults(b'Date,USD,\n"2026-02-27,1.1,\n')

    assert place is not None
    assert place.startswith("line ")
    assert "not CSV" in sentence


@pytest.mark.parametrize(
    ("written", "instead", "sentence"),
    [
        ("2026-02-27", "yesterday", "'yesterday' is not a day"),
        ("currency='JPY'", "currency='yen'", "'yen' is not a currency"),
        ("currency='JPY' ", "", "'' is not a currency"),
        ("rate='160.25'", "", "The rate of JPY is ''"),
        ("'JPY'", "'USD'", "USD has a second rate"),
    ],
)
def test_a_fault_in_the_xml_is_named_with_its_line(
    written: str, instead: str, sentence: str
) -> None:
    ((place, found),) = faults(DAILY_XML.replace(written, instead, 1).encode())

    assert place in {"line 8", "line 10"}
    assert sentence in found


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not one of the European Central Bank's"),
        (b"%PDF-1.7", "not one of the European Central Bank's"),
        (b"Date,USD,\n", "holds no rate at all"),
        (b"<html><body>Sign in</body></html>", "holds no rate at all"),
        (DAILY_XML[:-40].encode(), "cut short or damaged at line"),
        (b"Date,USD,\n2026-02-27,1.\xff1,\n", "not text in UTF-8"),
        (zipped(HISTORY)[:-60], "cut short or damaged"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "declares a document type"),
    ],
)
def test_what_is_no_such_file_is_refused_in_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        read_rates(content)


def test_a_zip_of_several_files_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", HISTORY)
        archive.writestr("b.csv", HISTORY)

    with pytest.raises(InvalidInputError, match="one CSV file"):
        read_rates(buffer.getvalue())


def test_a_file_that_grows_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FILE_BYTES_MAX", 1000)

    for content in (b"Date" + bytes(2000), zipped("Date" + " " * 100_000)):
        assert len(content) < 3000
        with pytest.raises(InvalidInputError, match="larger than"):
            read_rates(content)


def test_no_more_faults_are_named_than_anybody_reads() -> None:
    lines = "".join(f"2026-02-{day:02},zero,zero,\n" for day in range(1, 29)) * 4

    assert len(faults(f"Date,USD,GBP,\n{lines}".encode())) == 100


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_is_given_is_read_or_refused(noise: bytes, place: int) -> None:
    for whole in (HISTORY.encode(), DAILY_XML.encode(), zipped(HISTORY)):
        with suppress(InvalidInputError):
            rates = read_rates(whole[:place] + noise + whole[place:])
            assert rates
            assert all(rate.rate > 0 for rate in rates)
