"""Texts, numbers and names in the form in which they are compared."""

from datetime import date

import pytest

from payymo.domain.matching.normalise import (
    broken_words,
    clean_text,
    compact,
    fold,
    keys_of_number,
    letters_before_digits,
    shape,
    words_for_names,
    words_of_name,
    words_of_text,
)


@pytest.mark.parametrize(
    ("text", "folded"), [("Größe", "GROSSE"), ("Søren", "SOREN"), ("Łódź", "LODZ"), ("née", "NEE")]
)
def test_letters_lose_their_marks(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_only_letters_and_digits_are_compared() -> None:
    assert compact(" inv-2026/00 42. ") == "INV20260042"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SVWZ+Rechnung 42 EREF+0595504846022445", ("RECHNUNG", "42")),
        ("EREF+ABC-1 SVWZ+Rechnung 42", ("RECHNUNG", "42")),
        ("Danke 42 End-to-End-Ref.: NOTPROVIDED", ("DANKE", "42")),
        (
            "/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/INGBNL2A/NAME/J Jansen"
            "/REMI/factuur 42/EREF/NOTPROVIDED",
            ("J", "JANSEN", "FACTUUR", "42"),
        ),
        ("Note: SALDO FATT. 837 DEL 15.05.", ("NOTE", "SALDO", "FATT", "837", "DEL")),
        ("vom 01-03-2025 und 2025/0378", ("VOM", "UND", "2025", "0378")),
        (None, ()),
    ],
)
def test_what_the_payer_wrote_is_freed_of_labels_and_dates(
    text: str | None, words: tuple[str, ...]
) -> None:
    assert words_of_text(clean_text(text)) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Müller & Söhne GmbH & Co. KG", ("MULLER", "SOHNE")),
        ("MUELLER SOEHNE", ("MULLER", "SOHNE")),
        ("Mr. John Smith", ("JOHN", "SMITH")),
        ("Barbe Jean S.A.R.L.", ("BARBE", "JEAN")),
        ("Carlsen & Søn A/S", ("CARLSEN", "SON")),
        ("Acme Ltd T/A Blue Whale", ("ACME",)),
        ("Blue Whale Intl", ("BLU", "WHALE", "INTERNATIONAL")),
        ("Company Ltd", ("COMPANY", "LTD")),
    ],
)
def test_a_name_is_the_words_that_tell_who_it_is(name: str, words: tuple[str, ...]) -> None:
    assert words_of_name(name) == words


def test_words_of_a_text_compare_with_names() -> None:
    assert words_for_names(("MUELLER", "GMBH", "42", "INTL")) == ("MULLER", "INTERNATIONAL")


@pytest.mark.parametrize(
    ("number", "full", "digits", "tails"),
    [
        (
            "INV-2025-00837",
            "INV202500837",
            "202500837",
            {"00837", "837", "INV00837", "INV837"},
        ),
        ("RE2500863", "RE2500863", "2500863", {"00863", "863", "RE00863", "RE863"}),
        ("2025/0378", "20250378", None, {"0378", "378"}),
        ("24480", "24480", None, set()),
        ("F-7", "F7", None, set()),
    ],
)
def test_a_number_is_written_in_several_ways(
    number: str, full: str, digits: str | None, tails: set[str]
) -> None:
    keys = keys_of_number(number, date(2025, 3, 1))

    assert (keys.full, keys.digits, set(keys.tails)) == (full, digits, tails)


def test_a_number_looks_like_its_letters_and_its_length() -> None:
    assert shape("INV202500837") == ("INV", 12)
    assert shape("20250378") == ("", 8)
    assert letters_before_digits("INV2025X") == "INV"
    assert letters_before_digits("2025") == ""


@pytest.mark.parametrize(
    ("text", "words", "places"),
    [
        ("31\n28", ("31", "28"), {0}),
        ("did I\nmention", ("DID", "I", "MENTION"), {1}),
        ("VIR INST Jean \n Avance", ("VIR", "INST", "JEAN", "AVANCE"), set()),
        # A cell of 27 signs ends within the number; the text is the bank's, "SVWZ+" its label.
        (
            "SVWZ+IHRE RECHNUNG RE260074 3 DANKE",
            ("IHRE", "RECHNUNG", "RE260074", "3", "DANKE"),
            {2},
        ),
        ("nothing is broken here 42", ("NOTHING", "IS", "BROKEN", "HERE", "42"), set()),
    ],
)
def test_where_a_bank_may_have_broken_a_word_is_known(
    text: str, words: tuple[str, ...], places: set[int]
) -> None:
    clean = clean_text(text)

    assert words_of_text(clean) == words
    assert broken_words(clean) == places


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("LARRALLO Y S L U", ("LARRALLO",)),
        ("Zandkamp Horeca B V", ("ZANDKAMP", "HORECA")),
        ("SMITH J", ("SMITH", "J")),
        ("A B Foo", ("A", "B", "FOO")),
    ],
)
def test_a_legal_form_is_none_of_the_name_however_its_letters_stand(
    name: str, words: tuple[str, ...]
) -> None:
    assert words_of_name(name) == words
