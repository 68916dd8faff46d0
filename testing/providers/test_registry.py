import pytest

from payymo.domain.enums import Provider
from payymo.domain.ledger.balances import USUAL_BALANCE_RULE
from payymo.providers.registry import balance_rule_of


@pytest.mark.parametrize("bank", [None, "SOME_BANK_X"])
def test_a_bank_that_nobody_described_has_the_usual_rule(bank: str | None) -> None:
    assert balance_rule_of(Provider.GOCARDLESS, bank) == USUAL_BALANCE_RULE
