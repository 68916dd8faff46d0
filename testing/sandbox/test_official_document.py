"""Every answer of the sandbox agrees with the provider's own OpenAPI document.

The document, as published, contradicts recorded answers in a few places, where the sandbox follows
the records: its only error schema (``summary`` and ``detail`` as texts) fits neither field errors
(objects or lists under the field's name), nor the lists of the scope dependency, nor the 409 whose
body is the account; and its ``currencyExchange`` knows no ``instructedAmount``, which passes since
further properties are allowed. Those shapes are proven word for word in the tests of each resource.
"""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import schemathesis
from testing.sandbox.conftest import API, Visitor

from payymo.sandbox.banks import BANKS

DOCUMENT = Path(__file__).resolve().parents[2] / "../shared/gocardless/swagger.json"
ERRORS = DOCUMENT.with_name("error_bodies.jsonl")

pytestmark = pytest.mark.skipif(
    not DOCUMENT.exists(), reason="the official document is not beside this checkout"
)


@pytest.fixture(scope="session")
def document() -> Any:
    return schemathesis.openapi.from_dict(json.loads(DOCUMENT.read_text()))


def agree(document: Any, path: str, answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    document[f"{API}{path}"][answer.request.method].validate_response(answer)


def test_tokens_agree(visitor: Visitor, document: Any) -> None:
    secrets = {"secret_id": visitor.state.secret_id, "secret_key": visitor.state.secret_key}
    made = visitor.web.post(f"{API}/token/new/", json=secrets)
    agree(document, "/token/new/", made, 200)
    refreshed = visitor.web.post(f"{API}/token/refresh/", json={"refresh": made.json()["refresh"]})
    agree(document, "/token/refresh/", refreshed, 200)
    refused = visitor.web.post(f"{API}/token/new/", json=secrets | {"secret_key": "x"})
    agree(document, "/token/new/", refused, 401)


def test_institutions_agree(visitor: Visitor, document: Any) -> None:
    agree(document, "/institutions/", visitor.get("/institutions/"), 200)
    for bank in BANKS:
        agree(document, "/institutions/{id}/", visitor.get(f"/institutions/{bank}/"), 200)
    agree(document, "/institutions/{id}/", visitor.get("/institutions/x/"), 404)
    agree(document, "/institutions/", visitor.get("/institutions/", params={"x": "1"}), 400)


def test_agreements_agree(visitor: Visitor, document: Any) -> None:
    terms = {
        "institution_id": "BALFOURHALL_BALHGB21",
        "access_valid_for_days": 180,
        "reconfirmation": True,
    }
    agree(document, "/agreements/enduser/", visitor.post("/agreements/enduser/", terms), 201)
    visitor.agreement()
    page = visitor.get("/agreements/enduser/", params={"limit": 1})
    agree(document, "/agreements/enduser/", page, 200)
    linked = visitor.link(
        "BALFOURHALL_BALHGB21", terms={"access_valid_for_days": 180, "reconfirmation": True}
    )
    one = f"/agreements/enduser/{linked['agreement']}/"
    agree(document, "/agreements/enduser/{id}/", visitor.get(one), 200)
    reconfirm = "/agreements/enduser/{id}/reconfirm/"
    agree(document, reconfirm, visitor.post(f"{one}reconfirm/", {}), 201)
    agree(document, reconfirm, visitor.get(f"{one}reconfirm/"), 200)
    accept = "/agreements/enduser/{id}/accept/"
    agree(document, accept, visitor.call("PUT", f"{one}accept/", json={}), 403)
    visitor.control("POST", "company", {"can_accept_agreements": True})
    who = {"user_agent": "x", "ip_address": "::1"}
    agree(document, accept, visitor.call("PUT", f"{one}accept/", json=who), 405)
    fresh = f"/agreements/enduser/{visitor.agreement()['id']}/"
    agree(document, accept, visitor.call("PUT", f"{fresh}accept/", json=who), 200)
    agree(document, "/agreements/enduser/{id}/", visitor.call("DELETE", fresh), 200)
    agree(document, "/agreements/enduser/{id}/", visitor.get(fresh), 404)
    agree(document, "/agreements/enduser/{id}/", visitor.get("/agreements/enduser/x/"), 400)


def test_requisitions_agree(visitor: Visitor, document: Any) -> None:
    body = {
        "institution_id": "SANDBOXFINANCE_SFIN0000",
        "redirect": "https://payymo.invalid/",
        "user_language": "EN",
        "ssn": "1",
    }
    agree(document, "/requisitions/", visitor.post("/requisitions/", body), 201)
    visitor.requisition()
    page = visitor.get("/requisitions/", params={"limit": 1})
    agree(document, "/requisitions/", page, 200)
    linked = visitor.link(scenario="household")
    one = f"/requisitions/{linked['id']}/"
    agree(document, "/requisitions/{id}/", visitor.get(one), 200)
    agree(document, "/requisitions/{id}/", visitor.call("DELETE", one), 200)
    agree(document, "/requisitions/{id}/", visitor.get(one), 404)
    agree(document, "/requisitions/{id}/", visitor.get("/requisitions/x/"), 400)


@pytest.mark.parametrize(
    ("bank", "scenario"), [(bank.id, name) for bank in BANKS.values() for name in bank.scenarios]
)
def test_accounts_of_every_book_agree(
    visitor: Visitor, document: Any, bank: str, scenario: str
) -> None:
    for account in visitor.link(bank, scenario=scenario)["accounts"]:
        agree(document, "/accounts/{id}/", visitor.get(f"/accounts/{account}/"), 200)
        for scope in ("details", "balances", "transactions"):
            answer = visitor.get(f"/accounts/{account}/{scope}/")
            agree(document, f"/accounts/{{id}}/{scope}/", answer, 200)


def test_errors_of_accounts_agree(visitor: Visitor, document: Any) -> None:
    account = visitor.household()
    path = "/accounts/{id}/balances/"
    agree(document, "/accounts/{id}/", visitor.get(f"/accounts/{uuid4()}/"), 404)
    agree(document, path, visitor.get("/accounts/x/balances/"), 400)
    for kind, status in (
        ("rate_limit", 429),
        ("invalid_token", 401),
        ("ip_denied", 403),
        ("eua_expired", 401),
        ("unknown_error", 500),
        ("service_error", 503),
        ("account_suspended", 409),
    ):
        visitor.fault(kind, times=1)
        agree(document, path, visitor.get(f"/accounts/{account}/balances/"), status)


def test_the_banks_errors_are_word_for_word_those_of_the_document(visitor: Visitor) -> None:
    bodies = [json.loads(line)["body"] for line in ERRORS.read_text().splitlines()]
    typed = {body["type"]: body for body in bodies if "type" in body}
    account = visitor.household()
    kinds = (
        "bank_rate_limit service_error connection_error unknown_error access_expired "
        "account_inactive account_forbidden resource_unavailable"
    )
    seen = set()
    for kind in kinds.split():
        visitor.fault(kind, times=1)
        body = visitor.get(f"/accounts/{account}/transactions/").json()
        seen.add(body["type"])
        assert body in bodies

    assert seen == set(typed)
