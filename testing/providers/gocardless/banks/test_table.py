import pytest

from payymo.providers.gocardless.banks.quirks import ORDINARY
from payymo.providers.gocardless.banks.table import quirks_of


@pytest.mark.parametrize("bank", [None, "", "UNHEARD_OF_BANK", "XMBANK_"])
def test_a_bank_that_nobody_described_is_ordinary(bank: str | None) -> None:
    assert quirks_of(bank) is ORDINARY


def test_a_bank_is_known_by_its_bic_whatever_its_name_and_branch() -> None:
    assert quirks_of("SOME_CARD_SE_SKHSFI21").spending_is_positive
    assert quirks_of("MBANK_RETAIL_BREXPLPW") is quirks_of("ANOTHER_NAME_BREXPLPWXXX")


def test_a_bank_is_known_by_its_name_whatever_its_bic() -> None:
    assert quirks_of("LHV_SOMEBIC1").purchase_day_in_text
