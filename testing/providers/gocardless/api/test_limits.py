from datetime import timedelta

import pytest
from testing.providers.gocardless.script import NOW

from payymo.domain.enums import AccessScope
from payymo.providers.gocardless.api.limits import read_quota, read_reset


@pytest.mark.parametrize(
    "prefix",
    [
        "http_x_ratelimit_account_success_",
        "HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_",
        "X-RateLimit-Account-Success-",
    ],
)
def test_headers_are_read_however_they_are_spelt(prefix: str) -> None:
    headers = {f"{prefix}limit": "4", f"{prefix}remaining": "0", f"{prefix}reset": "3600"}

    quota = read_quota(headers, AccessScope.BALANCES, now=NOW)

    assert quota is not None
    assert (quota.scope, quota.limit, quota.remaining) == (AccessScope.BALANCES, 4, 0)
    assert quota.resets_at == NOW + timedelta(hours=1)


def test_headers_that_are_absent_are_unknown_and_not_zero() -> None:
    quota = read_quota(
        {"http_x_ratelimit_account_success_limit": "4"}, AccessScope.DETAILS, now=NOW
    )

    assert quota is not None
    assert (quota.remaining, quota.resets_at) == (None, None)
    assert read_quota({}, AccessScope.DETAILS, now=NOW) is None


def test_the_companys_limit_is_not_taken_for_the_accounts() -> None:
    headers = {"http_x_ratelimit_remaining": "99", "http_x_ratelimit_reset": "59"}

    assert read_quota(headers, AccessScope.DETAILS, now=NOW) is None


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "٣", "9" * 30])
def test_a_header_that_is_no_number_counts_as_absent(value: str) -> None:
    headers = {"x-ratelimit-account-success-remaining": value}

    assert read_quota(headers, AccessScope.DETAILS, now=NOW) is None


def test_the_limit_with_nothing_left_says_when_to_return() -> None:
    headers = {
        "http_x_ratelimit_remaining": "98",
        "http_x_ratelimit_reset": "59",
        "http_x_ratelimit_account_success_remaining": "0",
        "http_x_ratelimit_account_success_reset": "80000",
    }

    assert read_reset(headers, now=NOW) == NOW + timedelta(seconds=80000)


def test_a_reset_years_away_is_not_believed() -> None:
    assert read_reset({"x-ratelimit-reset": "99999999"}, now=NOW) is None
    assert read_reset({}, now=NOW) is None
