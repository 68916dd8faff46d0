"""Coming in, staying in and leaving, over HTTP."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from http.cookies import SimpleCookie
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import TOKEN_KEY, HandClock

from payymo.api.app import create_app
from payymo.api.services import ApiServices
from payymo.postgres.auth.models import RefreshToken, Tenant, User
from payymo.postgres.tenancy import tenant_transaction

PASSWORD = "correct horse battery"
REGISTRATION = {
    "tenant_name": "Example Ltd",
    "email": "Ada@Example.com",
    "password": PASSWORD,
    "currency": "eur",
}


@pytest.fixture
def browser(anonymous: TestClient) -> TestClient:
    """Keeps cookies, as the test client does by itself."""
    return anonymous


@pytest.fixture
def registered(browser: TestClient) -> dict[str, Any]:
    answer = browser.post("/api/v1/auth/register", json=REGISTRATION)
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    browser.cookies.clear()
    return data


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def log_in(client: TestClient, password: str = PASSWORD, email: str = "ada@example.com") -> Any:
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": password})
    client.cookies.clear()
    return answer


def refresh(client: TestClient, token: str) -> Any:
    return client.post("/api/v1/auth/refresh", json={"refresh_token": token})


class TestRegister:
    def test_a_tenant_gets_its_owner_and_a_way_in(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        assert registered["user"]["email"] == "ada@example.com"
        assert registered["tenant"]["name"] == "Example Ltd"
        assert registered["tenant"]["currency"] == "EUR"
        assert registered["tenant"]["created_at"].endswith("Z")
        assert registered["role"] == "owner"
        assert registered["token_type"] == "Bearer"
        assert registered["expires_in"] == 900

        me = browser.get("/api/v1/auth/me", headers=bearer(registered["access_token"]))

        assert me.status_code == 200
        assert me.json()["data"] == {
            "user": registered["user"],
            "tenant": registered["tenant"],
            "role": "owner",
        }

    def test_an_address_registers_once_whatever_its_case(
        self, browser: TestClient, registered: dict[str, Any], sessions: sessionmaker[Session]
    ) -> None:
        answer = browser.post(
            "/api/v1/auth/register", json={**REGISTRATION, "email": "ADA@example.COM"}
        )

        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "duplicate"
        with sessions.begin() as session:
            assert session.scalar(select(func.count()).select_from(Tenant)) == 1

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"email": "ada"}, "email"),
            ({"email": "ada@" + "a" * 300}, "email"),
            ({"password": "eleven char"}, "password"),
            ({"password": "a" * 257}, "password"),
            ({"password": None}, "password"),
            ({"currency": "XXX"}, "currency"),
            ({"tenant_name": ""}, "tenant_name"),
            ({"role": "owner"}, "role"),
        ],
    )
    def test_bad_input_is_refused(
        self, browser: TestClient, change: dict[str, Any], field: str
    ) -> None:
        answer = browser.post("/api/v1/auth/register", json={**REGISTRATION, **change})

        assert answer.status_code == 400
        assert [detail["field"] for detail in answer.json()["error"]["details"]] == [field]
        assert PASSWORD not in answer.text

    def test_the_database_holds_neither_the_password_nor_the_token(
        self, registered: dict[str, Any], sessions: sessionmaker[Session]
    ) -> None:
        with sessions.begin() as session:
            user = session.scalars(select(User)).one()
        assert user.password_hash.startswith("$argon2id$")

        tenant_id = registered["tenant"]["id"]
        with tenant_transaction(sessions, tenant_id) as session:
            token = session.scalars(select(RefreshToken)).one()
        assert len(token.token_hash) == 32
        assert registered["refresh_token"].encode() not in token.token_hash


class TestLogin:
    def test_the_right_password_opens(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        answer = log_in(browser, email=" ADA@example.com ")

        assert answer.status_code == 200
        token = answer.json()["data"]["access_token"]
        assert browser.get("/api/v1/auth/me", headers=bearer(token)).status_code == 200

    @pytest.mark.parametrize(
        ("email", "password"),
        [("ada@example.com", "wrong horse battery"), ("eve@example.com", PASSWORD)],
    )
    def test_a_wrong_password_and_an_unknown_address_look_alike(
        self, browser: TestClient, registered: dict[str, Any], email: str, password: str
    ) -> None:
        answer = log_in(browser, password, email)

        assert answer.status_code == 401
        assert answer.json()["error"] == {
            "code": "invalid_credentials",
            "message": "The e-mail address or the password is wrong.",
            "details": [],
        }

    def test_a_tenant_that_one_does_not_belong_to_stays_closed(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        answer = browser.post(
            "/api/v1/auth/login",
            json={
                "email": "ada@example.com",
                "password": PASSWORD,
                "tenant_id": registered["user"]["id"],
            },
        )

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_credentials"

    def test_failures_lock_for_a_growing_time(
        self, browser: TestClient, registered: dict[str, Any], clock: HandClock
    ) -> None:
        for _ in range(5):
            assert log_in(browser, "wrong horse battery").status_code == 401

        locked = log_in(browser)
        assert locked.status_code == 429
        assert locked.json()["error"]["code"] == "rate_limit_exceeded"
        assert locked.headers["Retry-After"] == "60"

        clock.advance(seconds=60)
        assert log_in(browser, "wrong horse battery").status_code == 401
        assert log_in(browser).headers["Retry-After"] == "120"

        clock.advance(seconds=120)
        assert log_in(browser).status_code == 200
        assert log_in(browser, "wrong horse battery").status_code == 401
        assert log_in(browser).status_code == 200


class TestRefresh:
    def test_a_token_buys_the_next_pair(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        first = registered["refresh_token"]

        answer = refresh(browser, first)

        assert answer.status_code == 200
        second = answer.json()["data"]["refresh_token"]
        assert second != first
        assert refresh(browser, second).status_code == 200

    def test_a_token_that_comes_twice_ends_its_family(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        first = registered["refresh_token"]
        second = refresh(browser, first).json()["data"]["refresh_token"]
        elsewhere = log_in(browser).json()["data"]["refresh_token"]

        again = refresh(browser, first)

        assert again.status_code == 401
        assert again.json()["error"]["code"] == "invalid_token"
        assert refresh(browser, second).status_code == 401
        assert refresh(browser, elsewhere).status_code == 200

    def test_an_old_token_has_expired(
        self, browser: TestClient, registered: dict[str, Any], clock: HandClock
    ) -> None:
        clock.advance(days=30)

        answer = refresh(browser, registered["refresh_token"])

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "token_expired"

    def test_a_token_of_another_tenant_or_of_nobody_opens_nothing(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        secret = registered["refresh_token"].partition(".")[2]
        forged = ["", "x", f"{'0' * 32}.{secret}", secret, f"{{{'0' * 32}}}.{secret}"]

        answers = [refresh(browser, token) for token in forged]

        assert [answer.json()["error"]["code"] for answer in answers[1:]] == ["invalid_token"] * 4
        assert {answer.status_code for answer in answers} == {401}

    def test_without_a_token_one_is_asked_for(self, browser: TestClient) -> None:
        answer = browser.post("/api/v1/auth/refresh")

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "auth_required"

    def test_a_cookie_stays_a_cookie(self, browser: TestClient) -> None:
        first = browser.post("/api/v1/auth/register", json=REGISTRATION)
        cookie = next(iter(SimpleCookie(first.headers["Set-Cookie"]).values()))
        assert cookie["httponly"]
        assert not cookie["secure"]
        assert cookie["samesite"].lower() == "strict"
        assert cookie["path"] == "/api/v1/auth"

        answer = browser.post("/api/v1/auth/refresh")

        assert answer.status_code == 200
        assert answer.json()["data"]["refresh_token"] is None
        renewed = next(iter(SimpleCookie(answer.headers["Set-Cookie"]).values()))
        assert renewed.value != cookie.value

    def test_over_https_the_cookie_is_secure(self, services: ApiServices) -> None:
        app = create_app(replace(services, public_url="https://payymo.example"))
        with TestClient(app) as browser:
            answer = browser.post("/api/v1/auth/register", json=REGISTRATION)

        assert "; Secure" in answer.headers["Set-Cookie"]

    def test_tokens_are_not_kept_for_a_repeated_request(self, browser: TestClient) -> None:
        headers = {"Idempotency-Key": "register-1"}

        first = browser.post("/api/v1/auth/register", json=REGISTRATION, headers=headers)
        second = browser.post("/api/v1/auth/register", json=REGISTRATION, headers=headers)

        assert (first.status_code, second.status_code) == (201, 409)


class TestLogout:
    @pytest.mark.parametrize("body", ["0.9", "7", '"token"', "[]", "true"])
    def test_what_is_no_object_ends_nothing(self, client: TestClient, body: str) -> None:
        answer = client.post(
            "/api/v1/auth/logout", content=body, headers={"Content-Type": "application/json"}
        )

        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["field"] == "body"

    def test_the_family_ends(self, browser: TestClient, registered: dict[str, Any]) -> None:
        token = registered["refresh_token"]

        answer = browser.post("/api/v1/auth/logout", json={"refresh_token": token})

        assert answer.status_code == 204
        assert refresh(browser, token).status_code == 401

    def test_leaving_twice_or_with_nonsense_is_no_error(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        body = {"refresh_token": registered["refresh_token"]}

        answers = [
            browser.post("/api/v1/auth/logout", json=json)
            for json in (body, body, {"refresh_token": "nonsense"})
        ]

        assert [answer.status_code for answer in answers] == [204, 204, 204]

    def test_the_cookie_goes(self, browser: TestClient) -> None:
        browser.post("/api/v1/auth/register", json=REGISTRATION)

        assert browser.post("/api/v1/auth/logout").status_code == 204
        assert browser.post("/api/v1/auth/refresh").status_code == 401

    def test_an_access_token_alone_ends_all_families(
        self, browser: TestClient, registered: dict[str, Any]
    ) -> None:
        tokens = registered
        elsewhere = log_in(browser).json()["data"]["refresh_token"]

        answer = browser.post("/api/v1/auth/logout", headers=bearer(tokens["access_token"]))

        assert answer.status_code == 204
        assert refresh(browser, tokens["refresh_token"]).status_code == 401
        assert refresh(browser, elsewhere).status_code == 401

    def test_nobody_cannot_leave(self, browser: TestClient) -> None:
        assert browser.post("/api/v1/auth/logout").status_code == 401


def encode(part: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def forged_tokens(token: str) -> Iterator[tuple[str, str]]:
    claims = jwt.decode(token, TOKEN_KEY, algorithms=["HS256"], options={"verify_exp": False})
    header, payload, signature = token.split(".")
    yield "not a token", "nonsense"
    yield "empty", ""
    yield "no signature", f"{header}.{payload}."
    yield "algorithm none", f"{encode({'alg': 'none', 'typ': 'JWT'})}.{payload}."
    yield "other key", jwt.encode(claims, b"another key that is long enough, yes", "HS256")
    yield "other algorithm", jwt.encode(claims, TOKEN_KEY * 2, "HS512")
    yield "changed claims", f"{header}.{encode({**claims, 'role': 'admin'})}.{signature}"
    for claim in ("sub", "tenant_id", "role", "jti", "iat", "exp"):
        rest = {name: value for name, value in claims.items() if name != claim}
        yield f"no {claim}", jwt.encode(rest, TOKEN_KEY, "HS256")
    for claim, value in (("tenant_id", "x"), ("tenant_id", None), ("role", "king"), ("exp", "x")):
        yield f"bad {claim}", jwt.encode({**claims, claim: value}, TOKEN_KEY, "HS256")


class TestAccessToken:
    def test_it_says_what_the_contract_says(self, registered: dict[str, Any]) -> None:
        claims = jwt.decode(
            registered["access_token"],
            TOKEN_KEY,
            algorithms=["HS256"],
            options={"verify_exp": False},
        )

        assert set(claims) == {"sub", "tenant_id", "role", "jti", "iat", "exp"}
        assert claims["exp"] - claims["iat"] == 15 * 60
        assert claims["sub"] == registered["user"]["id"]

    def test_no_forged_one_opens(self, browser: TestClient, registered: dict[str, Any]) -> None:
        for name, token in forged_tokens(registered["access_token"]):
            answer = browser.get("/api/v1/auth/me", headers=bearer(token))

            assert answer.status_code == 401, name
            assert answer.json()["error"]["code"] == "invalid_token", name

    def test_another_scheme_opens_nothing(self, browser: TestClient) -> None:
        answer = browser.get("/api/v1/auth/me", headers={"Authorization": "Basic YTpi"})

        assert answer.json()["error"]["code"] == "invalid_token"

    def test_who_is_no_member_any_more_is_told(self, client: TestClient) -> None:
        answer = client.get("/api/v1/auth/me")

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_token"

    def test_an_old_one_has_expired(
        self, browser: TestClient, registered: dict[str, Any], clock: HandClock
    ) -> None:
        headers = bearer(registered["access_token"])
        clock.advance(seconds=15 * 60 - 1)
        assert browser.get("/api/v1/auth/me", headers=headers).status_code == 200

        clock.advance(seconds=1)
        answer = browser.get("/api/v1/auth/me", headers=headers)

        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "token_expired"
