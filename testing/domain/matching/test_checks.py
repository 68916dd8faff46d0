"""Check digits, and what one slip of the hand may do to a number."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

from payymo.domain.matching.checks import schemes_of, slips_of

numbers = st.text("0123456789", min_size=4, max_size=20)


@pytest.mark.parametrize(
    ("reference", "scheme"),
    [
        ("RF18539007547034", "RF"),
        ("184052539862", "OGM"),
        ("210000000003139471430009017", "QRR"),
        ("4539148803436467", "LUHN"),
        # 1234 weighs 4·7 + 3·3 + 2·1 + 1·7 = 46, and 4 are missing to the next ten.
        ("12344", "731"),
        # 1234 weighs 4·2 + 3·3 + 2·4 + 1·5 = 30; 30 mod 11 = 8, and 3 are missing to eleven.
        ("12343", "MOD11"),
    ],
)
def test_a_reference_passes_its_own_check(reference: str, scheme: str) -> None:
    assert scheme in schemes_of(reference)


@pytest.mark.parametrize("reference", ["RF19539007547034", "RF1", "RFÄÖ123", "INV-1", "", "123"])
def test_what_has_no_right_check_digit_passes_none(reference: str) -> None:
    assert not schemes_of(reference)


@given(numbers)
def test_the_schemes_are_those_of_a_library(number: str) -> None:
    assume(number.strip("0"))
    found = schemes_of(number)

    assert ("LUHN" in found) == luhn.is_valid(number)
    assert ("OGM" in found) == (len(number) == 12 and ogm_vcs.is_valid(number))
    long = number.zfill(27)
    assert ("QRR" in schemes_of(long)) == esr.is_valid(long)
    assert ("RF" in schemes_of(f"RF{number}")) == iso11649.is_valid(f"RF{number}")


@given(numbers, st.data())
def test_every_slip_can_be_undone(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    slipped = [
        number[:place] + digit + number[place + 1 :],
        number[:place] + number[place + 1 :],
        number[:place] + digit + number[place:],
    ]
    if place:
        before, after = number[place - 1], number[place]
        slipped.append(number[: place - 1] + after + before + number[place + 1 :])

    for each in slipped:
        assert each == number or number in set(slips_of(each))
