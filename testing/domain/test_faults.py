from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.enums import AccountStatus, ConsentStatus, FaultKind, FaultReach
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConfigurationError,
    ConsentExpiredError,
    ConsentSuspendedError,
    NotFoundError,
    PayymoError,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.domain.faults import (
    Fault,
    Refusal,
    consent_fault,
    interruption,
    is_passing,
    is_stopped,
    judge,
    kind_of,
    kind_of_end,
    reach_of,
)

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)
IN_A_QUARTER = NOW + timedelta(minutes=15)
IN_A_WEEK = NOW + timedelta(days=7)

OURS, CONSENT, QUOTA = FaultKind.OURS, FaultKind.CONSENT, FaultKind.QUOTA
BANK, ACCOUNT = FaultKind.BANK, FaultKind.ACCOUNT
CALL, WHOLE, ALL = FaultReach.CALL, FaultReach.ACCOUNT, FaultReach.CONNECTION

#: Each family, whose matter it is, what it stops, how the account stands after it, whether it
#: counts as a failure, and when the call is worth making again.
FAMILIES: list[
    tuple[Refusal, FaultKind, FaultReach, AccountStatus | None, int, datetime | None]
] = [
    (ConfigurationError("-"), OURS, ALL, None, 0, None),
    (ProviderCredentialsError("-"), OURS, ALL, None, 0, None),
    (ProviderPaymentRequiredError("-"), OURS, ALL, None, 0, None),
    (ProviderRequestError("-"), OURS, WHOLE, AccountStatus.ERROR, 0, None),
    (ConsentExpiredError("-"), CONSENT, WHOLE, AccountStatus.UNAVAILABLE, 1, IN_A_WEEK),
    (ConsentSuspendedError("-"), CONSENT, WHOLE, AccountStatus.SUSPENDED, 1, None),
    (ProviderQuotaError("-"), QUOTA, CALL, None, 0, MIDNIGHT),
    (ProviderQuotaError("-", retry_at=SOON), QUOTA, CALL, None, 0, SOON),
    (AccountForbiddenError("-"), ACCOUNT, CALL, AccountStatus.UNAVAILABLE, 1, IN_A_WEEK),
    (AccountInactiveError("-"), ACCOUNT, WHOLE, AccountStatus.INACTIVE, 1, None),
    (AccountNotReadyError("-"), ACCOUNT, WHOLE, AccountStatus.ERROR, 1, IN_A_QUARTER),
    (ProviderNotFoundError("-"), ACCOUNT, WHOLE, AccountStatus.UNAVAILABLE, 1, IN_A_WEEK),
    (ProviderUnavailableError("-"), BANK, WHOLE, AccountStatus.ERROR, 1, IN_A_QUARTER),
    (ProviderUnavailableError("-", retry_at=SOON), BANK, WHOLE, AccountStatus.ERROR, 1, SOON),
    (ProviderResponseError("-"), BANK, WHOLE, AccountStatus.ERROR, 1, IN_A_QUARTER),
    (ProviderError("-"), BANK, WHOLE, AccountStatus.ERROR, 1, IN_A_QUARTER),
]


@pytest.mark.parametrize(
    ("error", "expected"),
    [(error, expected) for error, *expected in FAMILIES],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_family_has_one_verdict(error: Refusal, expected: list[object]) -> None:
    fault = judge(error, now=NOW)

    assert [
        fault.kind,
        fault.reach,
        fault.account_status,
        fault.failure_count,
        fault.retry_at,
    ] == expected
    assert [kind_of(error), reach_of(error)] == expected[:2]
    assert is_passing(error) is (expected[0] in {BANK, QUOTA})
    assert fault.message.startswith("- ")
    assert fault.message.endswith(".")


def test_every_family_of_refusals_is_judged_by_a_rule_of_its_own() -> None:
    def families(base: type[PayymoError]) -> set[type[PayymoError]]:
        found = {base}
        for family in base.__subclasses__():
            if family.__module__ == "payymo.domain.errors":
                found |= families(family)
        return found

    assert {type(row[0]) for row in FAMILIES} == families(ProviderError) | {ConfigurationError}


def test_what_the_provider_said_is_kept() -> None:
    fault = judge(
        ProviderUnavailableError("Down.", http_status=503, provider_code="ServiceError"), now=NOW
    )

    assert (fault.http_status, fault.provider_code) == (503, "ServiceError")
    assert fault.message == "Down. Payymo tries again by itself."


def test_what_is_ours_is_left_alone_for_the_day_and_not_scheduled() -> None:
    fault = judge(ProviderRequestError("Wrong."), now=NOW)

    assert (fault.retry_at, fault.rest_until) == (None, MIDNIGHT)


def test_failures_in_a_row_are_spaced_ever_wider_and_end() -> None:
    """A quarter of an hour, an hour, four days one by one, two weeks, and no more."""
    waits: list[timedelta | None] = []
    for count in range(9):
        fault = judge(ProviderUnavailableError("Down."), failure_count=count, now=NOW)
        waits.append(None if fault.retry_at is None else fault.retry_at - NOW)

    half_an_hour = timedelta(minutes=30)  # until midnight
    assert waits == [
        timedelta(minutes=15),
        timedelta(hours=1),
        half_an_hour,
        half_an_hour,
        half_an_hour,
        half_an_hour,
        timedelta(days=7),
        timedelta(days=7),
        None,
    ]
    assert (fault.code, fault.failure_count) == ("too_many_failures", 9)
    assert "until the connection is renewed" in fault.message
    assert is_stopped(9)
    assert not is_stopped(8)


@given(
    st.lists(
        st.sampled_from([row[0] for row in FAMILIES if isinstance(row[0], ProviderError)]),
        max_size=400,
    )
)
def test_no_run_of_failures_is_longer_than_a_provider_bears(errors: list[ProviderError]) -> None:
    """Whatever comes, however long: a tenth counted call in a row is never made."""
    count, now, made = 0, NOW, 0
    for error in errors:
        if is_stopped(count):
            break
        fault: Fault = judge(error, failure_count=count, now=now)
        made += fault.failure_count > count
        count = fault.failure_count
        if fault.account_status in {AccountStatus.INACTIVE, AccountStatus.SUSPENDED}:
            break
        now = max(now, fault.rest_until or now)

    assert made <= 9


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (ConsentStatus.EXPIRED, "consent_expired"),
        (ConsentStatus.REVOKED, "consent_revoked"),
        (ConsentStatus.SUSPENDED, "consent_suspended"),
        (ConsentStatus.ERROR, "consent_expired"),
    ],
)
def test_the_end_of_a_consent_concerns_the_connection(status: ConsentStatus, code: str) -> None:
    cause = ConsentExpiredError("-", http_status=401, provider_code="AccessExpiredError")
    fault = consent_fault(status, cause=cause)

    assert (fault.kind, fault.reach, fault.code) == (CONSENT, ALL, code)
    assert (fault.http_status, fault.provider_code) == (401, "AccessExpiredError")
    assert "renew the connection" in fault.message


def test_what_no_bank_did_does_not_pass() -> None:
    assert not is_passing(ValueError())
    assert not is_passing(ConfigurationError("-"))


def test_work_that_was_cut_short_is_nobodys_mistake() -> None:
    fault = interruption()

    assert (fault.kind, fault.reach, fault.code) == (FaultKind.INTERRUPTED, ALL, "interrupted")
    assert "goes on from what it stored" in fault.message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFoundError("-"), OURS),
        (ConfigurationError("-"), OURS),
        (ProviderUnavailableError("-"), BANK),
        (ProviderQuotaError("-"), QUOTA),
    ],
)
def test_whatever_ends_work_has_a_kind(error: PayymoError, kind: FaultKind) -> None:
    assert kind_of_end(error) is kind
