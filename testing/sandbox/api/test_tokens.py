from testing.sandbox.conftest import API, Visitor

INVALID = {"summary": "Invalid token", "detail": "Token is invalid or expired", "status_code": 401}


def test_the_secrets_give_a_token_for_a_day_and_one_to_refresh_it_for_a_month(
    visitor: Visitor,
) -> None:
    assert visitor.tokens["access_expires"] == 86400
    assert visitor.tokens["refresh_expires"] == 2592000
    assert visitor.tokens["access"].count(".") == 2
    assert visitor.tokens["access"] != visitor.tokens["refresh"]


def test_a_refresh_gives_an_access_token_and_nothing_else(visitor: Visitor) -> None:
    answer = visitor.web.post(f"{API}/token/refresh/", json={"refresh": visitor.tokens["refresh"]})

    assert set(answer.json()) == {"access", "access_expires"}
    visitor.tokens["access"] = answer.json()["access"]
    assert visitor.get("/institutions/").status_code == 200


def test_wrong_secrets_are_told_so(visitor: Visitor) -> None:
    answer = visitor.web.post(
        f"{API}/token/new/", json={"secret_id": visitor.state.secret_id, "secret_key": "wrong"}
    )

    assert answer.status_code == 401
    assert answer.json() == {
        "summary": "Authentication failed",
        "detail": "No active account found with the given credentials",
        "status_code": 401,
    }


def test_missing_secrets_are_named(visitor: Visitor) -> None:
    answer = visitor.web.post(f"{API}/token/new/", json={})

    assert answer.status_code == 400
    assert answer.json()["secret_key"] == ["This field is required."]


def test_an_access_token_is_good_until_a_day_has_passed(visitor: Visitor) -> None:
    visitor.control("POST", "clock", {"seconds": 86399})
    assert visitor.get("/institutions/").status_code == 200

    visitor.control("POST", "clock", {"seconds": 1})
    answer = visitor.get("/institutions/")
    assert (answer.status_code, answer.json()) == (401, INVALID)


def test_a_refresh_token_is_good_until_a_month_has_passed(visitor: Visitor) -> None:
    visitor.control("POST", "clock", {"days": 30})

    answer = visitor.web.post(f"{API}/token/refresh/", json={"refresh": visitor.tokens["refresh"]})

    assert (answer.status_code, answer.json()) == (401, INVALID)


def test_neither_kind_of_token_does_the_work_of_the_other(visitor: Visitor) -> None:
    answer = visitor.web.post(f"{API}/token/refresh/", json={"refresh": visitor.tokens["access"]})
    assert (answer.status_code, answer.json()) == (401, INVALID)

    visitor.tokens["access"] = visitor.tokens["refresh"]
    assert visitor.get("/institutions/").status_code == 401


def test_without_a_token_nobody_gets_in(visitor: Visitor) -> None:
    assert visitor.web.get(f"{API}/institutions/").json() == INVALID
    assert visitor.web.get(f"{API}/accounts/nonsense/").status_code == 401


def test_secrets_may_be_sent_as_a_form(visitor: Visitor) -> None:
    answer = visitor.web.post(
        f"{API}/token/new/",
        data={"secret_id": visitor.state.secret_id, "secret_key": visitor.state.secret_key},
    )

    assert answer.status_code == 200
