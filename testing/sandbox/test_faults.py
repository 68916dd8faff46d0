import time

import pytest
from testing.sandbox.conftest import Visitor

from payymo.sandbox.errors import BANK_ERRORS
from payymo.sandbox.faults import ACCOUNT_FAULTS, BROKEN_BODIES, FAULT_KINDS

BANK_SIDE = {
    "bank_rate_limit": (429, "RateLimitError"),
    "service_error": (503, "ServiceError"),
    "connection_error": (503, "ConnectionError"),
    "unknown_error": (500, "UnknownRequestError"),
    "access_expired": (401, "AccessExpiredError"),
    "account_inactive": (401, "AccountInactiveError"),
    "account_forbidden": (403, "AccountAccessForbidden"),
    "resource_unavailable": (403, "AccountResourceUnavailable"),
}
GENERAL = {
    "rate_limit": (429, "Rate limit exceeded"),
    "invalid_token": (401, "Invalid token"),
    "ip_denied": (403, "IP address access denied"),
    "payment_required": (402, "Payment Required"),
}
ACCOUNT_SIDE = {
    "scope_error": (403, "End User Agreement (EUA) access scope error"),
    "no_valid_eua": (403, "No valid End User Agreement"),
    "account_suspended": (409, "Account suspended"),
}


@pytest.mark.parametrize("scope", ["details", "balances", "transactions"])
@pytest.mark.parametrize("kind", BANK_SIDE)
def test_the_banks_errors_name_what_was_read(visitor: Visitor, kind: str, scope: str) -> None:
    account = visitor.household()
    visitor.fault(kind, endpoint=scope)

    answer = visitor.get(f"/accounts/{account}/{scope}/")

    status, type_ = BANK_SIDE[kind]
    assert answer.status_code == status
    assert answer.json() == {
        "summary": f"Couldn't update account {scope}",
        "detail": BANK_ERRORS[type_][1],
        "type": type_,
        "status_code": status,
    }


@pytest.mark.parametrize("kind", ACCOUNT_SIDE)
def test_the_services_own_errors_have_no_type(visitor: Visitor, kind: str) -> None:
    account = visitor.household()
    visitor.fault(kind)

    answer = visitor.get(f"/accounts/{account}/balances/")

    assert (answer.status_code, answer.json()["summary"]) == ACCOUNT_SIDE[kind]
    assert "type" not in answer.json()


@pytest.mark.parametrize("status", [400, 401])
def test_an_expired_agreement_comes_with_either_status(visitor: Visitor, status: int) -> None:
    account = visitor.household()
    visitor.fault("eua_expired", status=status)

    answer = visitor.get(f"/accounts/{account}/balances/")

    assert (answer.status_code, answer.json()["status_code"]) == (status, status)
    assert answer.json()["summary"].startswith("End User Agreement (EUA) ")
    assert answer.json()["summary"].endswith(" has expired")


def test_a_wrong_state_answers_the_account_itself(visitor: Visitor) -> None:
    account = visitor.household()
    visitor.fault("account_state", times=1)

    answer = visitor.get(f"/accounts/{account}/balances/")

    assert answer.status_code == 409
    assert (answer.json()["id"], answer.json()["status"]) == (account, "ERROR")
    assert "summary" not in answer.json()


@pytest.mark.parametrize("kind", GENERAL)
def test_some_errors_come_from_any_endpoint(visitor: Visitor, kind: str) -> None:
    visitor.fault(kind, endpoint="institutions")

    answer = visitor.get("/institutions/")

    assert (answer.status_code, answer.json()["summary"]) == GENERAL[kind]
    assert visitor.get("/requisitions/").status_code == 200


def test_a_rate_limit_says_when_it_ends(visitor: Visitor) -> None:
    visitor.fault("rate_limit", seconds=17)

    answer = visitor.get("/institutions/")

    assert answer.headers["http_x_ratelimit_reset"] == "17"
    assert answer.headers["http_x_ratelimit_remaining"] == "0"
    assert answer.json()["detail"].endswith("Please try again in 17 seconds")


@pytest.mark.parametrize("kind", BROKEN_BODIES)
def test_a_broken_body_is_no_json(visitor: Visitor, kind: str) -> None:
    account = visitor.household()
    visitor.fault(kind)

    answer = visitor.get(f"/accounts/{account}/transactions/")

    assert answer.status_code == BROKEN_BODIES[kind][0]
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_a_timeout_is_an_answer_that_comes_late(visitor: Visitor) -> None:
    visitor.fault("timeout", seconds=0.2, times=1)
    began = time.monotonic()

    assert visitor.get("/institutions/").status_code == 200
    assert time.monotonic() - began >= 0.2


def test_a_fault_hits_its_target_alone(visitor: Visitor) -> None:
    linked = visitor.link(scenario="household")
    one, other = linked["accounts"][:2]
    visitor.fault("service_error", account=one)

    assert visitor.get(f"/accounts/{one}/balances/").status_code == 503
    assert visitor.get(f"/accounts/{one}/details/").status_code == 503
    assert visitor.get(f"/accounts/{other}/balances/").status_code == 200


def test_a_fault_can_aim_at_a_bank(visitor: Visitor) -> None:
    here, there = visitor.household(), visitor.account("HAVENKAS_HAVKNL2X")
    visitor.fault("html_body", institution="HAVENKAS_HAVKNL2X")

    assert visitor.get(f"/accounts/{here}/details/").status_code == 200
    assert visitor.get(f"/accounts/{there}/details/").status_code == 502


def test_a_fault_is_gone_after_its_times_or_once_cleared(visitor: Visitor) -> None:
    visitor.fault("rate_limit", times=2)
    statuses = [visitor.get("/institutions/").status_code for _ in range(3)]
    assert statuses == [429, 429, 200]

    visitor.fault("rate_limit")
    assert visitor.get("/institutions/").status_code == 429
    assert visitor.control("DELETE", "faults").json() == {"cleared": 1}
    assert visitor.get("/institutions/").status_code == 200


def test_every_kind_of_fault_is_proven_here() -> None:
    proven = {*BANK_SIDE, *GENERAL, *ACCOUNT_SIDE, *BROKEN_BODIES}
    proven |= {"eua_expired", "account_state", "timeout"}

    assert set(FAULT_KINDS) == proven
    assert proven - {*GENERAL, *BROKEN_BODIES, "timeout"} == ACCOUNT_FAULTS
