"""What each answer of GoCardless means: expected values from its documentation, read by hand."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from testing.providers.gocardless.script import NOW

from payymo.domain.enums import FaultKind, FaultReach
from payymo.domain.faults import judge
from payymo.providers.gocardless.api.errors import ErrorAnswer, error_from

EXAMPLES = (
    Path(__file__).resolve().parents[4] / "../shared/gocardless/error_bodies.jsonl"
).resolve()

NEVER = None
MIDNIGHT = (NOW + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
BACK_OFF = NOW + timedelta(minutes=15)
A_WEEK = NOW + timedelta(days=7)

CALL, ACCOUNT, CONNECTION = FaultReach.CALL, FaultReach.ACCOUNT, FaultReach.CONNECTION

type Verdict = tuple[FaultKind, FaultReach, datetime | None]

OUR_MISTAKE: Verdict = (FaultKind.OURS, ACCOUNT, NEVER)
OPERATOR: Verdict = (FaultKind.OURS, CONNECTION, NEVER)
NO_ACCESS: Verdict = (FaultKind.CONSENT, ACCOUNT, A_WEEK)
OUT_OF_REACH: Verdict = (FaultKind.ACCOUNT, CALL, A_WEEK)
DOWN: Verdict = (FaultKind.BANK, ACCOUNT, BACK_OFF)

#: By the example's name; whatever is a 400 and not named here is a mistake of ours.
VERDICTS: dict[str, Verdict] = {
    # Three 401s, and what each asks for.
    "InvalidToken": OPERATOR,
    "AuthenticationFailed": OPERATOR,
    "EUAExpiredError": NO_ACCESS,
    "EUA expired with status 400": NO_ACCESS,
    "AccessExpiredError": NO_ACCESS,
    "AccountInactiveError": (FaultKind.ACCOUNT, ACCOUNT, NEVER),
    "PaymentRequired": OPERATOR,
    # 403: the operator, the consent's scope, the consent, or this account.
    "IPAccessDenied": OPERATOR,
    "InsufficientPermissions": OPERATOR,
    "YouDon'tHavePermissionsForReconfirmation": OPERATOR,
    "AccountEUAScopeError": OUT_OF_REACH,
    "AccountAccessForbidden": OUT_OF_REACH,
    "AccountResourceUnavailable": OUT_OF_REACH,
    "AccountValidEUAError": NO_ACCESS,
    "AccountNotFoundError": (FaultKind.ACCOUNT, ACCOUNT, A_WEEK),
    "NotFoundError": (FaultKind.ACCOUNT, ACCOUNT, A_WEEK),
    "AgreementNotFoundErrors": OUR_MISTAKE,
    "EUAAccepted": OUR_MISTAKE,
    "AccountStateError": (FaultKind.ACCOUNT, ACCOUNT, BACK_OFF),
    "AccountSuspendedError": (FaultKind.CONSENT, ACCOUNT, NEVER),
    # The bank's limit names no time, the platform's may: 85,092 seconds in the real one.
    "RateLimitError": (FaultKind.QUOTA, CALL, MIDNIGHT),
    "RateLimitExceeded": (FaultKind.QUOTA, CALL, MIDNIGHT),
    "platform daily limit, real numbers": (
        FaultKind.QUOTA,
        CALL,
        NOW + timedelta(seconds=85_092),
    ),
    "UnknownRequestError": DOWN,
    "ServiceError": DOWN,
    "ConnectionError": DOWN,
}


def verdict_on(status: int, body: object) -> Verdict:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fault = judge(error_from(ErrorAnswer(status, {}, content, NOW)), now=NOW)
    return fault.kind, fault.reach, fault.retry_at


def examples() -> list[dict[str, Any]]:
    if not EXAMPLES.exists():
        return []
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["status"] >= 300]


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the reference material is not there")
def test_every_example_has_the_verdict_that_the_documentation_gives_it() -> None:
    rows = examples()
    expected = [VERDICTS.get(row["name"], OUR_MISTAKE) for row in rows]

    assert [
        (row["name"], row["endpoints"][0], verdict_on(row["status"], row["body"])) for row in rows
    ] == [
        (row["name"], row["endpoints"][0], verdict)
        for row, verdict in zip(rows, expected, strict=True)
    ]
    assert VERDICTS.keys() <= {row["name"] for row in rows}
    unnamed = {row["status"] for row in rows if row["name"] not in VERDICTS}
    assert unnamed == {400}


def of_account(kind: str, detail: str = "-") -> dict[str, str]:
    return {"summary": "Couldn't update account transactions", "detail": detail, "type": kind}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"summary": "Incorrect date range", "detail": "-"}, OUR_MISTAKE),
        (400, {"date_from": {"summary": "Date can't be in future", "detail": "-"}}, OUR_MISTAKE),
        (401, of_account("AccessExpiredError"), NO_ACCESS),
        (401, {"summary": "End User Agreement (EUA) 1 has expired", "detail": "-"}, NO_ACCESS),
        (401, of_account("AccountInactiveError"), (FaultKind.ACCOUNT, ACCOUNT, NEVER)),
        (401, {"summary": "Invalid token", "detail": "-"}, OPERATOR),
        (402, {"summary": "Payment Required", "detail": "-"}, OPERATOR),
        (403, {"summary": "IP address access denied", "detail": "-"}, OPERATOR),
        (403, of_account("AccountAccessForbidden"), OUT_OF_REACH),
        (404, {"summary": "Not found.", "detail": "-"}, (FaultKind.ACCOUNT, ACCOUNT, A_WEEK)),
        (409, {"id": "1", "status": "PROCESSING"}, (FaultKind.ACCOUNT, ACCOUNT, BACK_OFF)),
        (409, {"id": "1", "status": "SUSPENDED"}, (FaultKind.CONSENT, ACCOUNT, NEVER)),
        (429, of_account("RateLimitError"), (FaultKind.QUOTA, CALL, MIDNIGHT)),
        (429, b"<html>slow down</html>", (FaultKind.QUOTA, CALL, MIDNIGHT)),
        (500, of_account("UnknownRequestError"), DOWN),
        (502, b"<html>bad gateway</html>", DOWN),
        (403, b"<html>blocked</html>", DOWN),
        (418, {"summary": "A word of tomorrow", "detail": "-"}, OUR_MISTAKE),
    ],
)
def test_our_own_examples(status: int, body: object, expected: Verdict) -> None:
    assert verdict_on(status, body) == expected


def test_the_clock_of_these_tests_is_in_utc() -> None:
    assert NOW.tzinfo is UTC
