import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from testing.sandbox.conftest import Visitor

from payymo.sandbox.banks import SANDBOX_BANK


def status(visitor: Visitor, requisition: dict[str, Any]) -> str:
    return str(visitor.get(f"/requisitions/{requisition['id']}/").json()["status"])


def query(location: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def test_a_program_that_fills_in_nothing_gets_the_first_book(visitor: Visitor) -> None:
    requisition = visitor.requisition(reference="secret-reference")

    answer = visitor.walk(requisition["link"])

    location = answer.headers["location"]
    assert urlsplit(location).netloc == "payymo.invalid"
    assert query(location) == {"tenant": "7", "ref": "secret-reference"}
    linked = visitor.get(f"/requisitions/{requisition['id']}/").json()
    assert linked["status"] == "LN"
    assert len(linked["accounts"]) == 2
    owner = visitor.get(f"/accounts/{linked['accounts'][0]}/").json()["owner_name"]
    assert owner.endswith("Hosting B.V.")


def test_the_status_follows_the_person_from_page_to_page(visitor: Visitor) -> None:
    requisition = visitor.requisition(account_selection=True)
    seen = [status(visitor, requisition)]
    address = requisition["link"]
    while address.startswith(str(visitor.web.base_url)):
        visitor.web.get(address)
        seen.append(status(visitor, requisition))
        answer = visitor.web.post(address, data={"scenario": "household"})
        seen.append(status(visitor, requisition))
        address = answer.headers["location"]

    assert seen == ["CR", "GC", "UA", "UA", "SA", "SA", "GA", "GA", "LN"]


def test_the_agreement_is_accepted_with_the_consent(visitor: Visitor) -> None:
    requisition = visitor.requisition()
    path = f"/agreements/enduser/{requisition['agreement']}/"
    assert visitor.get(path).json()["accepted"] is None

    visitor.walk(requisition["link"])

    assert visitor.get(path).json()["accepted"] == "2026-11-20T12:00:00.000000Z"


def test_only_chosen_accounts_are_linked(visitor: Visitor) -> None:
    requisition = visitor.requisition(account_selection=True)

    visitor.walk(requisition["link"], scenario="household", accounts=["savings"])

    [account] = visitor.get(f"/requisitions/{requisition['id']}/").json()["accounts"]
    assert visitor.get(f"/accounts/{account}/").json()["name"] == "Rainy days"


@pytest.mark.parametrize("page", ["start", "bank", "accounts", "grant"])
def test_a_person_can_refuse_on_every_page(visitor: Visitor, page: str) -> None:
    requisition = visitor.requisition(account_selection=True, reference="r")

    answer = visitor.walk(requisition["link"], refuse_at=page)

    assert query(answer.headers["location"]) == {
        "tenant": "7",
        "ref": "r",
        "error": "UserCancelledSession",
        "details": "User cancelled the session.",
    }
    assert status(visitor, requisition) == "RJ"
    assert visitor.get(f"/requisitions/{requisition['id']}/").json()["accounts"] == []


def test_a_link_works_once(visitor: Visitor) -> None:
    requisition = visitor.requisition()
    visitor.walk(requisition["link"])

    again = visitor.walk(requisition["link"])
    posted = visitor.web.post(requisition["link"])

    assert query(again.headers["location"])["error"] == "RequisitionLinkReused"
    assert query(posted.headers["location"])["error"] == "RequisitionLinkReused"
    assert status(visitor, requisition) == "LN"


def test_a_wrong_social_security_number_is_rejected(visitor: Visitor) -> None:
    requisition = visitor.requisition(ssn="010190-0000")

    answer = visitor.walk(requisition["link"])

    assert query(answer.headers["location"])["error"] == "SSNVerificationFailed"
    assert status(visitor, requisition) == "RJ"


def test_pages_are_forms_that_a_person_can_read(visitor: Visitor) -> None:
    requisition = visitor.requisition(terms={"max_historical_days": 60})

    page = visitor.web.get(requisition["link"])

    assert "Sandbox Finance" in page.text
    assert "transactions of the last 60 days" in page.text
    visitor.web.post(requisition["link"])
    page = visitor.web.get(f"/psd2/bank/{requisition['id']}")
    assert re.findall(r'<option value="(\w+)"', page.text) == ["business", "household"]
    assert re.findall(r'name="(user_id|password|decision)"', page.text) == [
        "user_id",
        "password",
        "decision",
        "decision",
    ]


def test_a_page_out_of_turn_is_not_found(visitor: Visitor) -> None:
    requisition = visitor.requisition()

    assert visitor.web.get(f"/psd2/grant/{requisition['id']}").status_code == 404
    assert visitor.web.get(f"/psd2/start/{requisition['id']}/OTHER").status_code == 404
    assert visitor.web.get(f"/psd2/start/nobody/{SANDBOX_BANK}").status_code == 404
    assert visitor.web.get("/psd2/reconfirm/nobody").status_code == 404


def test_a_book_that_the_bank_does_not_have_is_refused(visitor: Visitor) -> None:
    requisition = visitor.requisition()

    answer = visitor.walk(requisition["link"], scenario="volume")

    assert answer.status_code == 400
    assert status(visitor, requisition) == "UA"
