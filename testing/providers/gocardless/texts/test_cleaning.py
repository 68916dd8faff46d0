import pytest

from payymo.providers.gocardless.texts.cleaning import (
    as_name,
    as_reference,
    as_text,
    clean,
    trim_name,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        ("", None),
        ("\x00\x07", None),
        (None, None),
        (True, None),
        (12, "12"),
        (1.5, None),
        (["a"], None),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\\U0001F600!", "😀!"),
        ("\\u00e9t\\u00e9", "été"),
        ("\\UFFFFFFFF", "\\UFFFFFFFF"),
        ("\\u0000", "\\u0000"),
        ("\\ud800", "\\ud800"),
        ("C:\\Users", "C:\\Users"),
    ],
)
def test_a_field_is_text_or_nothing(value: object, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("value", ["NOTPROVIDED", "not provided", "NONREF", "---", "n/a", "Null"])
def test_a_placeholder_is_no_reference(value: str) -> None:
    assert as_reference(value) is None


@pytest.mark.parametrize("value", ["NOTE-1", "Nuno", "none of these things at all", "0"])
def test_a_reference_is_kept(value: str) -> None:
    assert as_reference(value) == value


def test_a_name_may_have_its_parts_parted_by_a_semicolon() -> None:
    assert as_name("EJEMPLO;ANA ") == "EJEMPLO ANA"


def test_empty_references_leave_a_text_with_their_labels() -> None:
    assert clean("Rent End-to-End-Ref.: NOTPROVIDED  May") == "Rent May"


@pytest.mark.parametrize(
    ("text", "name"),
    [(" *Shop, ", "Shop"), ("Utility S.P.A.", "Utility S.P.A."), ("Shop.", "Shop"), ("--", "")],
)
def test_the_punctuation_around_a_name_is_dropped(text: str, name: str) -> None:
    assert trim_name(text) == name
