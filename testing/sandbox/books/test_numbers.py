from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iban as standard_iban
from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

from payymo.sandbox.banks import COUNTRIES
from payymo.sandbox.books import numbers

SEEDS = st.integers(0, 2**32)


@given(SEEDS, st.sampled_from([*COUNTRIES, "XX", "CH"]))
def test_account_numbers_pass_the_international_check(seed: int, country: str) -> None:
    text = numbers.iban(country, Random(seed))

    rearranged = text[4:] + text[:4]
    assert int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


@given(
    SEEDS,
    st.sampled_from(["AT", "BE", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IT", "NL", "NO", "SE"]),
)
def test_account_numbers_pass_their_countrys_own_check(seed: int, country: str) -> None:
    assert standard_iban.is_valid(numbers.iban(country, Random(seed)))


def test_the_sandboxes_own_numbers_are_of_the_form_of_greenland() -> None:
    text = numbers.iban("XX", Random(1))

    assert text[:2] == "GL"
    assert len(text) == 18


@given(st.integers(0, 10**10 - 1))
def test_belgian_references_pass_their_check(number: int) -> None:
    assert ogm_vcs.is_valid(numbers.ogm(number))


def test_a_belgian_reference_is_written_with_plus_signs() -> None:
    # 1234567 % 97 = 48 (97 * 12727 = 1234519)
    assert numbers.format_ogm(numbers.ogm(1234567)) == "+++000/1234/56748+++"


@given(st.integers(1, 10**26 - 1))
def test_swiss_references_pass_their_check(number: int) -> None:
    assert esr.is_valid(numbers.qrr(number))


@given(st.integers(1, 10**14))
def test_nordic_references_pass_their_check(number: int) -> None:
    assert luhn.is_valid(numbers.luhn(str(number)))


@given(st.integers(1, 99999))
def test_creditor_references_pass_their_check(number: int) -> None:
    assert iso11649.is_valid(numbers.rf(f"INV-2026-{number:05d}"))


@pytest.mark.parametrize(
    ("number", "expected"),
    # 7*1 = 7 → 3;  weights from the right 7 3 1: 5*7 + 4*3 + 3*1 + 2*7 + 1*3 = 67 → 3
    [(1, "13"), (12345, "123453")],
)
def test_finnish_references_are_weighted_seven_three_one(number: int, expected: str) -> None:
    assert numbers.viite(number) == expected


@pytest.mark.parametrize(
    ("country", "length"), [("BE", 12), ("CH", 27), ("FI", 9), ("NO", 10), ("SE", 10), ("DK", 15)]
)
def test_a_bill_bears_the_reference_of_its_country(country: str, length: int) -> None:
    assert len(numbers.structured_reference(country, 42, "INV-2026-00042")) == length


def test_other_countries_get_a_creditor_reference() -> None:
    assert numbers.structured_reference("DE", 42, "INV-2026-00042").endswith("INV202600042")
