from typing import Any
from uuid import uuid4

import pytest
from testing.sandbox.conftest import REDIRECT, Visitor

from payymo.sandbox.banks import SANDBOX_BANK


def refused(visitor: Visitor, **fields: Any) -> dict[str, Any]:
    body = {"institution_id": SANDBOX_BANK, "redirect": REDIRECT, **fields}
    answer = visitor.post(
        "/requisitions/", {name: value for name, value in body.items() if value is not ...}
    )
    assert answer.status_code == 400, answer.text
    return dict(answer.json())


def test_a_new_one_waits_at_its_link(visitor: Visitor) -> None:
    requisition = visitor.requisition(reference="r-1", user_language="EN")

    assert requisition["status"] == "CR"
    assert requisition["accounts"] == []
    assert requisition["link"] == (
        f"{visitor.web.base_url}/psd2/start/{requisition['id']}/{SANDBOX_BANK}"
    )
    assert visitor.get(f"/requisitions/{requisition['id']}/").json() == requisition


def test_without_an_agreement_it_gets_one_of_ninety_days(visitor: Visitor) -> None:
    requisition = visitor.requisition()

    agreement = visitor.get(f"/agreements/enduser/{requisition['agreement']}/").json()

    assert (agreement["max_historical_days"], agreement["access_valid_for_days"]) == (90, 90)
    assert requisition["reference"] == requisition["id"]


def test_a_reference_is_used_once(visitor: Visitor) -> None:
    visitor.requisition(reference="r-1")

    assert refused(visitor, reference="r-1")["reference"] == {
        "summary": "Client reference must be unique",
        "detail": "Client reference: r-1 already exists",
    }


def test_an_agreement_is_used_once_and_for_its_own_bank(visitor: Visitor) -> None:
    used = visitor.requisition(terms={})
    body = refused(visitor, agreement=used["agreement"])
    assert body["agreement"][0]["summary"].endswith("is already associated")

    other = visitor.agreement("HARZTALER_HARZDE81")["id"]
    body = refused(visitor, agreement=other)
    assert body["agreement"]["summary"] == f"Incorrect Institution ID {SANDBOX_BANK}"


def test_an_agreement_must_be_a_known_uuid(visitor: Visitor) -> None:
    body = refused(visitor, agreement="nonsense")
    assert body["agreement"][0]["summary"] == "Invalid EndUserAgreement ID"

    unknown = str(uuid4())
    answer = visitor.post(
        "/requisitions/",
        {"institution_id": SANDBOX_BANK, "redirect": REDIRECT, "agreement": unknown},
    )
    assert answer.status_code == 404
    assert answer.json()["agreement"]["summary"] == f"ID {unknown} not found"


def test_missing_fields_are_named(visitor: Visitor) -> None:
    body = refused(visitor, redirect=..., institution_id=...)

    assert body["redirect"] == ["This field is required."]
    assert body["institution_id"] == ["This field is required."]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("redirect", "nowhere", "Invalid redirect URI"),
        ("redirect", "http://[", "Invalid redirect URI"),
        ("redirect", None, "This field may not be null."),
        ("redirect", "https://x.invalid/" + "x" * 1010, "Ensure this field has no more than 1024"),
        ("institution_id", "NOBODY", "Unknown Institution ID NOBODY"),
        ("institution_id", " ", "This field may not be blank."),
        ("institution_id", ["a"], "Not a valid string."),
        ("reference", "x" * 257, "Ensure this field has no more than 256"),
        ("user_language", "AB", "Provided user_language is invalid or not supported"),
        ("account_selection", "perhaps", "Must be a valid boolean."),
        ("ssn", "verified by us", "verified not allowed"),
        ("hope", "x", "Unknown fields"),
    ],
)
def test_a_wrong_field_is_told_why(
    visitor: Visitor, field: str, value: object, expected: str
) -> None:
    assert expected in str(refused(visitor, **{field: value}))


def test_what_a_bank_does_not_support_is_refused(visitor: Visitor) -> None:
    body = refused(
        visitor, institution_id="BRUGSEHANDEL_BRUHBEB1", ssn="123", account_selection=True
    )

    assert body["ssn"][0]["summary"] == "SSN verification not supported"
    assert body["account_selection"]["summary"] == "Account selection not supported"


def test_deleting_takes_the_agreement_too(visitor: Visitor) -> None:
    linked = visitor.link(scenario="household")

    answer = visitor.call("DELETE", f"/requisitions/{linked['id']}/")

    assert answer.json() == {
        "summary": "Requisition deleted",
        "detail": f"Requisition {linked['id']} deleted with all its End User Agreements",
    }
    assert visitor.get(f"/requisitions/{linked['id']}/").status_code == 404
    assert visitor.get(f"/agreements/enduser/{linked['agreement']}/").status_code == 404
    answer = visitor.get(f"/accounts/{linked['accounts'][0]}/balances/")
    assert (answer.status_code, answer.json()["summary"]) == (403, "No valid End User Agreement")


def test_a_list_comes_in_pages(visitor: Visitor) -> None:
    made = {visitor.requisition()["id"] for _ in range(3)}

    page = visitor.get("/requisitions/", params={"limit": 2}).json()

    assert (page["count"], len(page["results"])) == (3, 2)
    assert {item["id"] for item in page["results"]} < made


def test_nonsense_is_no_id(visitor: Visitor) -> None:
    assert visitor.get("/requisitions/nonsense/").json() == {
        "summary": "Invalid  ID",
        "detail": "nonsense is not a valid  UUID. ",
        "status_code": 400,
    }


def test_once_the_free_connections_are_used_up_payment_is_required(visitor: Visitor) -> None:
    visitor.control("POST", "company", {"connections_max": 1})
    visitor.link(scenario="household")

    answer = visitor.post("/requisitions/", {"institution_id": SANDBOX_BANK, "redirect": REDIRECT})

    assert (answer.status_code, answer.json()["summary"]) == (402, "Payment Required")
