"""References that the generator builds are what the national guides and python-stdnum say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

from benchmarks.matching import references

DIGITS = st.integers(min_value=100, max_value=999_999_999).map(str)


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=21))
def test_rf_references_are_valid(body: str) -> None:
    assert iso11649.is_valid(references.rf(body))


@given(DIGITS)
def test_national_references_are_valid(body: str) -> None:
    assert ogm_vcs.is_valid(references.ogm(body))
    assert esr.is_valid(references.qrr(body))
    assert luhn.is_valid(references.luhn(body))
    assert luhn.is_valid(references.fik(body))
    assert len(references.fik(body)) == 15
    with_length = references.ocr_with_length(body)
    assert luhn.is_valid(with_length)
    assert int(with_length[-2]) == len(with_length) % 10


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        ("1234", "12344"),  # 4·7 + 3·3 + 2·1 + 1·7 = 46, and 4 more make fifty
        ("100", "1009"),  # 0·7 + 0·3 + 1·1 = 1, and 9 more make ten
        ("55510", "555102"),  # 0·7 + 1·3 + 5·1 + 5·7 + 5·3 = 58, and 2 more make sixty
    ],
)
def test_finnish_references_weigh_seven_three_one(body: str, reference: str) -> None:
    assert references.viitenumero(body) == reference


@pytest.mark.parametrize(
    ("body", "reference"),
    [
        ("12345", "123455"),  # 5·2 + 4·3 + 3·4 + 2·5 + 1·6 = 50 = 4·11 + 6, and 5
        ("11111", "111112"),  # 2 + 3 + 4 + 5 + 6 = 20 = 11 + 9, and 2
    ],
)
def test_norwegian_references_may_end_by_modulo_eleven(body: str, reference: str) -> None:
    assert references.kid_mod_11(body) == reference


def test_a_norwegian_body_that_would_need_a_dash_gets_another_digit() -> None:
    # 6·2 = 12 = 11 + 1: the check would be ten. With a 1 before it: 12 + 1·3 = 15 = 11 + 4, and 7.
    assert references.kid_mod_11("6") == "167"
