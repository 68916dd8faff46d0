import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from testing.providers.gocardless.script import NOW

from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConsentExpiredError,
    ConsentSuspendedError,
    Problem,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.providers.gocardless.api.errors import (
    AccessTokenRejectedError,
    ErrorAnswer,
    error_from,
    list_problems,
)

EXAMPLES = (
    Path(__file__).resolve().parents[4] / "../shared/gocardless/error_bodies.jsonl"
).resolve()


def error(status: int, body: object, headers: dict[str, str] | None = None) -> ProviderError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from(ErrorAnswer(status, headers or {}, content, NOW))


def from_bank(word: str) -> dict[str, str]:
    return {"summary": "Couldn't update account balances", "detail": "Sorry", "type": word}


EXPIRED = {"summary": "End User Agreement (EUA) 1234 has expired", "detail": "Connect again"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"summary": "Invalid Account ID", "detail": "no"}, ProviderRequestError),
        (400, EXPIRED, ConsentExpiredError),
        (401, EXPIRED, ConsentExpiredError),
        (401, {"summary": "Invalid token", "detail": "expired"}, AccessTokenRejectedError),
        (401, {"summary": "Authentication failed", "detail": "x"}, ProviderCredentialsError),
        (401, {"detail": "No account with the given credentials"}, ProviderCredentialsError),
        (401, from_bank("AccessExpiredError"), ConsentExpiredError),
        (401, from_bank("AccountInactiveError"), AccountInactiveError),
        (402, {"summary": "Payment Required", "detail": "Used up"}, ProviderPaymentRequiredError),
        (403, {"summary": "IP address access denied", "detail": "x"}, ProviderCredentialsError),
        (403, {"summary": "", "detail": "You do not have permission"}, ProviderCredentialsError),
        (403, {"summary": "End User Agreement (EUA) access scope error"}, AccountForbiddenError),
        (403, {"summary": "No valid End User Agreement"}, ConsentExpiredError),
        (403, {"summary": "Couldn't update account details"}, AccountForbiddenError),
        (403, from_bank("AccountAccessForbidden"), AccountForbiddenError),
        (403, from_bank("AccountResourceUnavailable"), AccountForbiddenError),
        (404, {"summary": "Not found.", "detail": "Not found."}, ProviderNotFoundError),
        (404, {"agreement": {"summary": "ID 1 not found"}}, ProviderRequestError),
        (405, {"summary": "EUA cannot be accepted more than once"}, ProviderRequestError),
        (409, {"summary": "Account suspended", "detail": "numerous errors"}, ConsentSuspendedError),
        (409, {"id": "1", "iban": "x", "status": "ERROR"}, AccountNotReadyError),
        (409, {"id": "1", "iban": "x", "status": "SUSPENDED"}, ConsentSuspendedError),
        (429, {"summary": "Rate limit exceeded", "detail": "4/day"}, ProviderQuotaError),
        (429, from_bank("RateLimitError"), ProviderQuotaError),
        (429, b"<html>slow down</html>", ProviderQuotaError),
        (500, from_bank("UnknownRequestError"), ProviderUnavailableError),
        (503, from_bank("ServiceError"), ProviderUnavailableError),
        (503, from_bank("ConnectionError"), ProviderUnavailableError),
        (500, {"detail": "oops"}, ProviderUnavailableError),
        (502, b"<html>bad gateway</html>", ProviderUnavailableError),
        (403, b"<html>blocked</html>", ProviderResponseError),
        (400, b'{"summary": "cut', ProviderResponseError),
        (400, b"[]", ProviderResponseError),
        (302, b"", ProviderResponseError),
    ],
)
def test_every_answer_becomes_the_error_that_says_what_to_do(
    status: int, body: object, expected: type[ProviderError]
) -> None:
    found = error(status, body)

    assert type(found) is expected
    assert found.http_status == status
    assert found.message.endswith(".")


def test_the_word_of_the_bank_is_kept_for_programs() -> None:
    assert error(503, from_bank("ServiceError")).provider_code == "ServiceError"
    assert error(503, {"detail": "x"}).provider_code is None


def test_the_seconds_until_a_reset_come_from_the_text() -> None:
    body = {"summary": "Rate limit exceeded", "detail": "Please try again in 90 seconds"}

    assert error(429, body).retry_at == NOW + timedelta(seconds=90)


def test_the_seconds_until_a_reset_come_from_the_headers() -> None:
    headers = {"HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_RESET": "120"}

    assert error(429, from_bank("RateLimitError"), headers).retry_at == NOW + timedelta(minutes=2)
    assert error(429, b"", headers).retry_at == NOW + timedelta(minutes=2)
    assert error(429, {}).retry_at is None


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"summary": "Bad range.", "detail": "From is after to.", "status_code": 400},
            [Problem(None, "Bad range: From is after to")],
        ),
        (
            {"days": {"summary": "Wrong days", "detail": "1 to 90"}, "status_code": 400},
            [Problem("days", "Wrong days: 1 to 90")],
        ),
        (
            {
                "days": [{"summary": "Wrong", "detail": "a"}, {"summary": "Too long"}],
                "url": ["Lost"],
            },
            [Problem("days", "Wrong: a"), Problem("days", "Too long"), Problem("url", "Lost")],
        ),
        (
            {"summary": ["Scopes depend"], "detail": ["Take both", "or none"]},
            [Problem(None, "Scopes depend: Take both; or none")],
        ),
        ({"status_code": 400, "days": 7, "more": [None, 3]}, []),
    ],
)
def test_all_four_shapes_of_validation_become_problems(
    document: dict[str, Any], expected: list[Problem]
) -> None:
    assert list(list_problems(document)) == expected


def test_a_validation_answer_carries_its_problems_without_private_data() -> None:
    found = error(
        400,
        {
            "reference": {
                "summary": "Must be unique",
                "detail": "ab9f6c1e-0f6e-4d3a-8a55-0123456789ab of me@example.org, "
                "DE89370400440532013000 at 10.0.0.1 exists",
            }
        },
    )

    assert found.problems == (Problem("reference", "Must be unique: … of … … at … exists"),)
    assert "me@example.org" not in str(found)


def test_problems_without_end_are_cut() -> None:
    many = {f"field{number}": ["x" * 10_000] for number in range(1000)}

    found = error(400, many)

    assert len(found.problems) == 20
    assert all(len(problem.message) <= 300 for problem in found.problems)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["summary", "detail", "type", "status", "status_code", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(
    status=st.sampled_from([302, 400, 401, 402, 403, 404, 409, 418, 429, 500, 503, 599]),
    body=st.binary(max_size=50) | json_values.map(lambda value: json.dumps(value).encode()),
    headers=st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3),
)
def test_whatever_the_body_is_there_is_an_error_for_it(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    found = error_from(ErrorAnswer(status, headers, body, NOW))

    assert isinstance(found, ProviderError)
    assert found.http_status == status


#: What each published example must become, by its name, where the status does not say it.
BY_NAME: dict[str, type[ProviderError]] = {
    "AgreementNotFoundErrors": ProviderRequestError,
    "AccessExpiredError": ConsentExpiredError,
    "AccountInactiveError": AccountInactiveError,
    "AuthenticationFailed": ProviderCredentialsError,
    "EUAExpiredError": ConsentExpiredError,
    "EUA expired with status 400": ConsentExpiredError,
    "InvalidToken": AccessTokenRejectedError,
    "AccountAccessForbidden": AccountForbiddenError,
    "AccountEUAScopeError": AccountForbiddenError,
    "AccountResourceUnavailable": AccountForbiddenError,
    "AccountValidEUAError": ConsentExpiredError,
    "AccountSuspendedError": ConsentSuspendedError,
    "AccountStateError": AccountNotReadyError,
}
BY_STATUS: dict[int, type[ProviderError]] = {
    400: ProviderRequestError,
    402: ProviderPaymentRequiredError,
    403: ProviderCredentialsError,
    404: ProviderNotFoundError,
    405: ProviderRequestError,
    429: ProviderQuotaError,
    500: ProviderUnavailableError,
    503: ProviderUnavailableError,
}


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the published examples are not here")
def test_every_published_example_becomes_the_right_error() -> None:
    rows = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]
    failures = [row for row in rows if row["status"] >= 400]

    wrong = [
        (row["name"], type(found).__name__)
        for row in failures
        if type(found := error(row["status"], row["body"]))
        is not (BY_NAME.get(row["name"]) or BY_STATUS[row["status"]])
    ]

    assert len(failures) > 60
    assert wrong == []


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the published examples are not here")
def test_every_published_validation_example_names_its_faults() -> None:
    rows = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]

    silent = [
        row["name"] for row in rows if row["status"] == 400 if not list(list_problems(row["body"]))
    ]

    assert silent == []
