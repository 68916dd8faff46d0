import json
from pathlib import Path
from typing import Any

import pytest

from payymo.domain.banking import AccountRecord
from payymo.domain.enums import AccountStatus, AccountType
from payymo.providers.gocardless.accounts import account_record
from payymo.providers.gocardless.api.models import Account, Details
from payymo.providers.gocardless.ibans import as_iban

CASES = (Path(__file__).resolve().parents[3] / "../shared/gocardless/account_cases.jsonl").resolve()


def described(account: dict[str, Any], details: dict[str, Any] | None = None) -> AccountRecord:
    return account_record(
        "acc",
        Account.model_validate(account),
        None if details is None else Details.model_validate(details),
        quota=None,
        payload={},
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("READY", AccountStatus.ACTIVE),
        ("PROCESSING", AccountStatus.UNAVAILABLE),
        ("DISCOVERED", AccountStatus.UNAVAILABLE),
        ("EXPIRED", AccountStatus.UNAVAILABLE),
        ("SUSPENDED", AccountStatus.SUSPENDED),
        ("ERROR", AccountStatus.ERROR),
        ("", AccountStatus.UNAVAILABLE),
        ("NEW_WORD", AccountStatus.UNAVAILABLE),
    ],
)
def test_every_status_has_its_meaning(word: str, status: AccountStatus) -> None:
    assert described({"status": word}).status is status


def test_an_account_that_the_bank_deleted_is_inactive() -> None:
    assert described({"status": "READY"}, {"status": "deleted"}).status is AccountStatus.INACTIVE
    assert described({"status": "READY"}, {"status": "enabled"}).status is AccountStatus.ACTIVE


def test_a_number_that_is_no_iban_is_a_masked_number() -> None:
    found = described({"iban": "3133"}, {"currency": "XXX"})

    assert (found.iban, found.masked_number, found.currency) == (None, "3133", None)


def test_the_bank_knows_better_than_the_provider() -> None:
    found = described(
        {"iban": "", "name": "Other", "owner_name": "O"},
        {
            "iban": "gb33 bukb 2020 1555 5555 55",
            "name": " Everyday  account ",
            "ownerName": "Ann Example",
            "maskedPan": "****1234",
            "scan": "20201555555555",
            "cashAccountType": "CARD",
            "product": "Gold",
            "bic": "BUKBGB22",
        },
    )

    assert found.iban == "GB33BUKB20201555555555"
    assert (found.name, found.owner_name) == ("Everyday account", "Ann Example")
    assert (found.masked_number, found.bban, found.bic) == (
        "****1234", "20201555555555", "BUKBGB22",
    )  # fmt: skip
    assert (found.account_type, found.product) == (AccountType.CARD, "Gold")


def test_an_empty_account_is_described_by_nothing() -> None:
    found = described({}, {})

    assert (found.iban, found.name, found.currency, found.masked_number) == (None,) * 4


@pytest.mark.parametrize("value", [None, "", "0", 7, "DE00370400440532013000", "x" * 100])
def test_what_is_no_iban_is_none(value: object) -> None:
    assert as_iban(value) is None


@pytest.mark.skipif(not CASES.exists(), reason="the collected cases are not here")
def test_names_of_collected_accounts_are_those_that_peers_expect() -> None:
    wrong = []
    for line in CASES.read_text().splitlines():
        case = json.loads(line)
        account = case["account"]
        found = described(account, account.get("details", account))
        names = {case["expected"].get(key) for key in ("name", "official_name")} - {None}
        # One peer appends the end of the number and the currency, and one prefers another field.
        if names and not any(name.startswith(found.name or "?") for name in names):
            wrong.append((found.name, names))

    assert len(wrong) <= 1
