from concurrent.futures import ThreadPoolExecutor

import pytest
from testing.sandbox.conftest import API, Visitor


def test_every_answer_says_what_is_left_of_the_companys_minute(visitor: Visitor) -> None:
    first = visitor.get("/institutions/")
    second = visitor.get("/institutions/")

    assert first.headers["http_x_ratelimit_limit"] == "300"
    assert first.headers["http_x_ratelimit_remaining"] == "299"
    assert second.headers["http_x_ratelimit_remaining"] == "298"
    assert 0 < int(first.headers["http_x_ratelimit_reset"]) <= 60


def test_headers_are_lower_case_with_underscores_on_the_wire(visitor: Visitor) -> None:
    account = visitor.household()

    names = [name for name, _ in visitor.get(f"/accounts/{account}/details/").headers.raw]

    for layer in (b"http_x_ratelimit", b"http_x_ratelimit_account_success"):
        for part in (b"limit", b"remaining", b"reset"):
            assert layer + b"_" + part in names


def test_the_fifth_success_of_a_day_is_refused_for_that_scope_alone(visitor: Visitor) -> None:
    account = visitor.household()
    path = f"/accounts/{account}/balances/"
    for left in ("3", "2", "1", "0"):
        answer = visitor.get(path)
        assert answer.headers["http_x_ratelimit_account_success_remaining"] == left

    answer = visitor.get(path)

    assert answer.status_code == 429
    assert answer.json() == {
        "summary": "Rate limit exceeded",
        "detail": "The rate limit for this resource is 4/day. Please try again in 86400 seconds",
        "status_code": 429,
    }
    assert answer.headers["http_x_ratelimit_account_success_limit"] == "4"
    assert answer.headers["http_x_ratelimit_account_success_reset"] == "86400"
    assert visitor.get(f"/accounts/{account}/details/").status_code == 200
    assert visitor.get(f"/accounts/{account}/").status_code == 200


def test_after_a_day_the_account_can_be_read_again(visitor: Visitor) -> None:
    account = visitor.household()
    for _ in range(4):
        visitor.get(f"/accounts/{account}/balances/")

    visitor.pass_days(seconds=86399)
    assert visitor.get(f"/accounts/{account}/balances/").status_code == 429
    visitor.pass_days(seconds=1)
    assert visitor.get(f"/accounts/{account}/balances/").status_code == 200


def test_failures_do_not_count_against_the_account(visitor: Visitor) -> None:
    account = visitor.household()
    visitor.fault("service_error", times=6)
    for _ in range(6):
        assert visitor.get(f"/accounts/{account}/balances/").status_code == 503

    answer = visitor.get(f"/accounts/{account}/balances/")

    assert answer.headers["http_x_ratelimit_account_success_remaining"] == "3"


def test_calls_at_the_same_time_do_not_exceed_the_account(visitor: Visitor) -> None:
    account = visitor.account("HAVENKAS_HAVKNL2X")
    path = f"/accounts/{account}/transactions/"

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(answer.status_code for answer in threads.map(visitor.get, [path] * 8))

    assert statuses == [200] * 4 + [429] * 4


def test_the_company_shares_a_hundred_account_calls_a_minute(visitor: Visitor) -> None:
    account = visitor.household()
    for _ in range(100):
        assert visitor.get(f"/accounts/{account}/").status_code == 200

    answer = visitor.get(f"/accounts/{account}/details/")

    assert answer.status_code == 429
    assert "100/minute" in answer.json()["detail"]
    assert "http_x_ratelimit_account_success_limit" not in answer.headers
    visitor.pass_days(seconds=60)
    assert visitor.get(f"/accounts/{account}/details/").status_code == 200


def test_tokens_are_limited_by_the_hour(visitor: Visitor) -> None:
    visitor.control("POST", "limits", {"token_new": 2})
    secrets = {"secret_id": visitor.state.secret_id, "secret_key": visitor.state.secret_key}
    for _ in range(2):
        assert visitor.web.post(f"{API}/token/new/", json=secrets).status_code == 200

    answer = visitor.web.post(f"{API}/token/new/", json=secrets)

    assert answer.status_code == 429
    assert answer.headers["http_x_ratelimit_reset"] == "3600"


@pytest.mark.parametrize(("limit", "expected"), [(1, 429), (None, 200)])
def test_limits_can_be_overridden_and_restored(
    visitor: Visitor, limit: int | None, expected: int
) -> None:
    account = visitor.household()
    visitor.control("POST", "limits", {"account_success": 1})
    visitor.control("POST", "limits", {"account_success": limit})
    visitor.get(f"/accounts/{account}/balances/")

    assert visitor.get(f"/accounts/{account}/balances/").status_code == expected


def test_an_unknown_limit_is_refused(visitor: Visitor) -> None:
    answer = visitor.control("POST", "limits", {"patience": 1})

    assert answer.status_code == 400
    assert "account_success" in answer.json()["detail"]
