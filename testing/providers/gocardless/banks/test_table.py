import pytest

from payymo.providers.gocardless.banks.quirks import ORDINARY
from payymo.providers.gocardless.banks.table import quirks_of


@pytest.mark.parametrize("bank", [None, "", "UNHEARD_OF_BANK", "XMBANK_"])
def test_a_bank_that_nobody_described_is_ordinary(bank: str | None) -> None:
    assert quirks_of(bank) is ORDINARY


def test_a_family_is_known_by_the_start_of_its_ids() -> None:
    assert quirks_of("MBANK_RETAIL_BREXPLPW") is quirks_of("MBANK_CORPORATE_BREXPLPW")


def test_the_brands_of_one_issuer_are_known_by_its_bic() -> None:
    assert quirks_of("SOME_CARD_SE_SKHSFI21").spending_is_positive
