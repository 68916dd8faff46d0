from typing import Any
from uuid import uuid4

import pytest
from testing.sandbox.conftest import Visitor

from payymo.sandbox.banks import SANDBOX_BANK

BRITISH = "BALFOURHALL_BALHGB21"


def refused(visitor: Visitor, **fields: Any) -> dict[str, Any]:
    answer = visitor.post("/agreements/enduser/", fields)
    assert answer.status_code == 400, answer.text
    assert answer.json()["status_code"] == 400
    return dict(answer.json())


class TestMakingOne:
    def test_it_has_the_usual_terms_unless_told_otherwise(self, visitor: Visitor) -> None:
        agreement = visitor.agreement()

        assert agreement["max_historical_days"] == 90
        assert agreement["access_valid_for_days"] == 90
        assert agreement["access_scope"] == ["balances", "details", "transactions"]
        assert agreement["accepted"] is None
        assert agreement["created"] == "2026-11-20T12:00:00.000000Z"

    def test_the_sandbox_bank_gives_two_years_for_half_a_year(self, visitor: Visitor) -> None:
        agreement = visitor.agreement(max_historical_days=730, access_valid_for_days=180)

        assert agreement["max_historical_days"] == 730

    def test_too_many_days_are_refused_in_the_shape_of_one_object(self, visitor: Visitor) -> None:
        body = refused(
            visitor,
            institution_id="HARZTALER_HARZDE81",
            max_historical_days=91,
            access_valid_for_days=181,
        )

        assert body["max_historical_days"] == {
            "summary": "Incorrect max_historical_days",
            "detail": "max_historical_days must be > 0 and <= HARZTALER_HARZDE81 "
            "transaction_total_days (90)",
        }
        assert body["access_valid_for_days"]["detail"] == (
            "access_valid_for_days must be > 0 and <= 180"
        )

    def test_missing_and_wrong_fields_are_mixed_in_one_body(self, visitor: Visitor) -> None:
        body = refused(visitor, access_valid_for_days=999)

        assert body["institution_id"] == ["This field is required."]
        assert body["access_valid_for_days"]["summary"] == "Incorrect access_valid_for_days"

    @pytest.mark.parametrize("value", ["many", True, None, [1]])
    def test_a_number_must_be_one(self, visitor: Visitor, value: object) -> None:
        body = refused(visitor, institution_id=SANDBOX_BANK, max_historical_days=value)

        assert body["max_historical_days"] == ["A valid integer is required."]

    def test_unknown_scopes_are_refused_in_the_shape_of_a_list(self, visitor: Visitor) -> None:
        body = refused(visitor, institution_id=SANDBOX_BANK, access_scope=["balances", "love"])

        assert body["access_scope"] == [
            {
                "summary": "Unknown value 'love' in access_scope",
                "detail": "Choose one or several from ['balances', 'details', 'transactions']",
            }
        ]

    def test_no_scope_at_all_is_refused(self, visitor: Visitor) -> None:
        body = refused(visitor, institution_id=SANDBOX_BANK, access_scope=[])
        assert body["access_scope"][0]["summary"].endswith("may not be an empty list.")

        body = refused(visitor, institution_id=SANDBOX_BANK, access_scope=5)
        assert isinstance(body["access_scope"][0], str)

    def test_scopes_that_belong_together_are_refused_as_two_lists(self, visitor: Visitor) -> None:
        body = refused(
            visitor, institution_id="WISLANY_WISLPLPW", access_scope=["details", "transactions"]
        )

        assert body == {
            "summary": ["Institution access scope dependencies error"],
            "detail": [
                "For this institution the following scopes are required together: "
                "['details', 'balances']"
            ],
            "status_code": 400,
        }

    def test_a_bank_may_insist_on_a_scope(self, visitor: Visitor) -> None:
        body = refused(visitor, institution_id="FJORDHEIM_FJOHNOKK", access_scope=["details"])

        assert "mandatory" in body["detail"][0]

    def test_a_bank_may_lack_a_scope(self, visitor: Visitor) -> None:
        body = refused(visitor, institution_id="DONAUHAUS_DONAATWW")

        assert body["access_scope"] == [
            {
                "summary": "Unsupported access scope selected.",
                "detail": "The access scopes supported by the institution are ['transactions']. "
                "The following scopes are not supported: ['balances', 'details']",
            }
        ]

    def test_an_unknown_institution_is_refused(self, visitor: Visitor) -> None:
        body = refused(visitor, institution_id="NOBODY")

        assert body["institution_id"]["summary"] == "Unknown Institution ID NOBODY"

    def test_unknown_fields_are_refused(self, visitor: Visitor) -> None:
        body = refused(visitor, institution_id=SANDBOX_BANK, hope=1)

        assert (body["summary"], body["detail"]) == (
            "Unknown fields",
            "Unknown fields hope in body",
        )

    @pytest.mark.parametrize("content", [b"{", b"[]", b"7"])
    def test_a_body_that_is_no_object_is_refused(self, visitor: Visitor, content: bytes) -> None:
        answer = visitor.call("POST", "/agreements/enduser/", content=content)

        assert answer.status_code == 400

    def test_it_may_be_sent_as_a_form(self, visitor: Visitor) -> None:
        answer = visitor.call(
            "POST",
            "/agreements/enduser/",
            data={
                "institution_id": SANDBOX_BANK,
                "max_historical_days": "30",
                "access_scope": ["details", "balances"],
            },
        )

        assert answer.status_code == 201
        assert answer.json()["max_historical_days"] == 30
        assert answer.json()["access_scope"] == ["details", "balances"]


class TestReadingAndDeleting:
    def test_a_list_comes_in_pages_that_name_their_neighbours(self, visitor: Visitor) -> None:
        made = [visitor.agreement()["id"] for _ in range(5)]

        first = visitor.get("/agreements/enduser/", params={"limit": 2}).json()
        second = visitor.web.get(
            first["next"], headers={"Authorization": f"Bearer {visitor.tokens['access']}"}
        ).json()
        last = visitor.get("/agreements/enduser/", params={"limit": 2, "offset": 4}).json()

        assert first["count"] == 5
        assert first["previous"] is None
        assert second["previous"].endswith("?limit=2&offset=0")
        assert last["next"] is None
        found = [item["id"] for page in (first, second, last) for item in page["results"]]
        assert sorted(found) == sorted(made)

    def test_nonsense_in_the_page_means_the_default(self, visitor: Visitor) -> None:
        visitor.agreement()

        page = visitor.get("/agreements/enduser/", params={"limit": "0", "offset": "-3"}).json()

        assert len(page["results"]) == 1

    def test_ids_are_checked_and_looked_up(self, visitor: Visitor) -> None:
        agreement = visitor.agreement()

        assert visitor.get(f"/agreements/enduser/{agreement['id']}/").json() == agreement
        assert visitor.get("/agreements/enduser/nonsense/").json()["summary"] == "Invalid  ID"
        assert visitor.get(f"/agreements/enduser/{uuid4()}/").status_code == 404

    def test_only_an_accepted_one_can_be_deleted(self, visitor: Visitor) -> None:
        agreement = visitor.agreement()
        path = f"/agreements/enduser/{agreement['id']}/"
        answer = visitor.call("DELETE", path)
        assert answer.status_code == 400
        assert answer.json()["summary"] == "End user agreement needs to be accepted."

        visitor.state.company.can_accept_agreements = True
        visitor.call("PUT", f"{path}accept/", json={"user_agent": "x", "ip_address": "::1"})
        answer = visitor.call("DELETE", path)

        assert answer.json()["summary"] == "End User Agreement deleted"
        assert visitor.get(path).status_code == 404


class TestAccepting:
    def test_it_needs_a_permission_that_few_have(self, visitor: Visitor) -> None:
        agreement = visitor.agreement()

        answer = visitor.call("PUT", f"/agreements/enduser/{agreement['id']}/accept/", json={})

        assert (answer.status_code, answer.json()["summary"]) == (403, "Insufficient permissions")

    def test_it_works_once(self, visitor: Visitor) -> None:
        visitor.control("POST", "company", {"can_accept_agreements": True})
        path = f"/agreements/enduser/{visitor.agreement()['id']}/accept/"
        who = {"user_agent": "Firefox", "ip_address": "192.0.2.1"}

        assert visitor.call("PUT", path, json={}).status_code == 400
        assert visitor.call("PUT", path, json=who).json()["accepted"] is not None
        answer = visitor.call("PUT", path, json=who)

        assert answer.status_code == 405
        assert answer.json()["summary"] == "EUA cannot be accepted more than once"


class TestReconfirming:
    def linked(self, visitor: Visitor) -> tuple[dict[str, Any], str]:
        requisition = visitor.link(
            BRITISH, terms={"access_valid_for_days": 180, "reconfirmation": True}
        )
        return requisition, f"/agreements/enduser/{requisition['agreement']}/reconfirm/"

    def test_it_is_for_british_banks_and_long_access(self, visitor: Visitor) -> None:
        body = refused(
            visitor, institution_id=SANDBOX_BANK, reconfirmation=True, access_valid_for_days=180
        )
        assert body["reconfirmation"]["summary"] == "Reconfirmation not supported"
        body = refused(visitor, institution_id=BRITISH, reconfirmation=True)
        assert body["reconfirmation"]["summary"] == "Reconfirmation is not allowed"
        body = refused(visitor, institution_id=BRITISH, reconfirmation="maybe")
        assert body["reconfirmation"] == ["Must be a valid boolean."]

    def test_a_company_may_lack_the_permission(self, visitor: Visitor) -> None:
        _, path = self.linked(visitor)
        visitor.control("POST", "company", {"can_reconfirm": False})

        answer = visitor.post(path, {})
        assert (answer.status_code, answer.json()["summary"]) == (403, "")
        terms = {"institution_id": BRITISH, "reconfirmation": True, "access_valid_for_days": 180}
        assert visitor.post("/agreements/enduser/", terms).status_code == 403

    def test_it_must_have_been_agreed_and_accepted_and_linked(self, visitor: Visitor) -> None:
        plain = visitor.agreement(BRITISH)["id"]
        answer = visitor.post(f"/agreements/enduser/{plain}/reconfirm/", {})
        assert answer.json()["summary"] == "Reconfirmation is not enabled."

        terms = {"access_valid_for_days": 180, "reconfirmation": True}
        path = f"/agreements/enduser/{visitor.agreement(BRITISH, **terms)['id']}/"
        answer = visitor.post(f"{path}reconfirm/", {})
        assert answer.json()["summary"] == "End user agreement needs to be accepted."

        visitor.state.company.can_accept_agreements = True
        visitor.call("PUT", f"{path}accept/", json={"user_agent": "x", "ip_address": "::1"})
        answer = visitor.post(f"{path}reconfirm/", {})
        assert answer.json()["summary"] == "No accounts linked."

    def test_an_account_holder_extends_the_access_at_its_address(self, visitor: Visitor) -> None:
        requisition, path = self.linked(visitor)
        account = requisition["accounts"][0]
        assert visitor.get(path).status_code == 404
        assert visitor.post(path, {"redirect": "no address"}).status_code == 400

        made = visitor.post(path, {"redirect": "https://payymo.invalid/again"})
        assert made.status_code == 201
        assert made.json()["accounts"][account] == {"reconfirmed": "", "rejected": ""}
        address = made.json()["reconfirmation_url"]
        assert visitor.web.get(address).status_code == 400  # the window opens later

        visitor.pass_days(80)
        assert visitor.web.get(address).status_code == 200
        answer = visitor.web.post(address, data={"decision": "confirm"})
        assert answer.headers["location"].startswith("https://payymo.invalid/again?ref=")
        assert visitor.get(path).json()["accounts"][account]["reconfirmed"] != ""
        assert visitor.post(path, {}).json()["summary"] == "No accounts left to reconfirm."

        visitor.pass_days(40)
        assert visitor.get(f"/accounts/{account}/balances/").status_code == 200

    def test_without_it_the_access_ends_after_the_window(self, visitor: Visitor) -> None:
        requisition, path = self.linked(visitor)
        visitor.pass_days(105)

        answer = visitor.get(f"/accounts/{requisition['accounts'][0]}/balances/")
        assert answer.status_code == 401
        answer = visitor.post(path, {})
        assert answer.json()["summary"] == "Reconfirmation requested after acceptance period."

    def test_an_account_holder_may_refuse_to_extend(self, visitor: Visitor) -> None:
        _, path = self.linked(visitor)
        address = visitor.post(path, {}).json()["reconfirmation_url"]
        visitor.pass_days(80)

        answer = visitor.web.post(address, data={"decision": "refuse"})

        assert "error=UserCancelledSession" in answer.headers["location"]
        [account] = {tuple(item.items()) for item in visitor.get(path).json()["accounts"].values()}
        assert dict(account)["rejected"] != ""
