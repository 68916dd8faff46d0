from datetime import UTC, datetime, timedelta

import pytest

from payymo.domain.enums import AccountStatus, RunStatus
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    ConsentSuspendedError,
    ProviderError,
    ProviderNotFoundError,
    ProviderQuotaError,
    ProviderUnavailableError,
)
from payymo.domain.syncing import Consequence, judge_failure, summarise

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)


class TestFailures:
    @pytest.mark.parametrize(
        ("error", "count", "expected"),
        [
            (ProviderQuotaError("-", retry_at=SOON), 2, Consequence(None, 2, SOON, True)),
            (ProviderQuotaError("-"), 0, Consequence(None, 0, MIDNIGHT, True)),
            (AccountInactiveError("-"), 0, Consequence(AccountStatus.INACTIVE, 1, None)),
            (ConsentSuspendedError("-"), 0, Consequence(AccountStatus.SUSPENDED, 1, None)),
            (
                AccountForbiddenError("-"),
                0,
                Consequence(AccountStatus.UNAVAILABLE, 1, NOW + timedelta(days=7)),
            ),
            (
                ProviderNotFoundError("-"),
                0,
                Consequence(AccountStatus.UNAVAILABLE, 1, NOW + timedelta(days=7)),
            ),
            (
                ProviderUnavailableError("-"),
                0,
                Consequence(AccountStatus.ERROR, 1, NOW + timedelta(minutes=15)),
            ),
            (
                ProviderUnavailableError("-"),
                1,
                Consequence(AccountStatus.ERROR, 2, NOW + timedelta(minutes=60)),
            ),
            (
                ProviderUnavailableError("-", retry_at=SOON),
                1,
                Consequence(AccountStatus.ERROR, 2, SOON),
            ),
            (
                ProviderUnavailableError("-", retry_at=SOON),
                2,
                Consequence(AccountStatus.ERROR, 3, MIDNIGHT),
            ),
        ],
    )
    def test_each_has_its_consequence(
        self, error: ProviderError, count: int, expected: Consequence
    ) -> None:
        assert judge_failure(error, failure_count=count, failure_count_max=3, now=NOW) == expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], RunStatus.SUCCEEDED),
        ([RunStatus.SUCCEEDED, RunStatus.SUCCEEDED], RunStatus.SUCCEEDED),
        ([RunStatus.FAILED, RunStatus.FAILED], RunStatus.FAILED),
        ([RunStatus.FAILED, RunStatus.SUCCEEDED], RunStatus.PARTIAL),
        ([RunStatus.PARTIAL], RunStatus.PARTIAL),
    ],
)
def test_a_run_goes_as_its_accounts_go(statuses: list[RunStatus], expected: RunStatus) -> None:
    assert summarise(statuses) is expected
