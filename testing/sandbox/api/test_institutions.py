from urllib.parse import urlsplit

from testing.sandbox.conftest import Visitor

from payymo.sandbox.banks import BANKS, SANDBOX_BANK


def ids(visitor: Visitor, **query: str) -> set[str]:
    answer = visitor.get("/institutions/", params=query)
    assert answer.status_code == 200, answer.text
    return {institution["id"] for institution in answer.json()}


def test_a_country_lists_its_own_banks_in_either_case(visitor: Visitor) -> None:
    assert ids(visitor, country="de") == {"HARZTALER_HARZDE81", "ISARKREDIT_ISARDEM2"}
    assert ids(visitor, country="DE") == ids(visitor, country="de")


def test_a_country_without_banks_is_an_empty_list(visitor: Visitor) -> None:
    assert ids(visitor, country="MT") == set()


def test_the_sandbox_bank_is_in_no_country_but_in_the_whole_list(visitor: Visitor) -> None:
    assert SANDBOX_BANK in ids(visitor)
    assert visitor.get("/institutions/", params={"country": "XX"}).status_code == 400
    sandbox = visitor.get(f"/institutions/{SANDBOX_BANK}/").json()
    assert sandbox["countries"] == ["XX"]
    assert sandbox["max_access_valid_for_days"] == "180"


def test_numbers_of_days_are_texts_and_may_be_absent(visitor: Visitor) -> None:
    institutions = visitor.get("/institutions/").json()

    assert all(isinstance(item["transaction_total_days"], str) for item in institutions)
    assert any("max_access_valid_for_days" not in item for item in institutions)
    [british] = visitor.get("/institutions/", params={"country": "GB"}).json()
    assert british["max_access_valid_for_days"] == "90"
    assert british["max_access_valid_for_days_reconfirmation"] == "180"


def test_features_filter_the_list_both_ways(visitor: Visitor) -> None:
    history = "separate_continuous_history_consent"
    with_it = ids(visitor, **{f"{history}_supported": "true"})
    without = ids(visitor, **{f"{history}_supported": "false"})

    assert with_it == {bank.id for bank in BANKS.values() if history in bank.features}
    assert with_it.isdisjoint(without)
    assert with_it | without == set(BANKS)


def test_an_unknown_country_is_refused_under_its_parameter(visitor: Visitor) -> None:
    answer = visitor.get("/institutions/", params={"country": "US"})

    assert answer.status_code == 400
    assert answer.json() == {
        "country": {"summary": "Invalid country choice.", "detail": "US is not a valid choice."},
        "status_code": 400,
    }


def test_unknown_parameters_and_odd_values_are_refused(visitor: Visitor) -> None:
    answer = visitor.get("/institutions/", params={"colour": "red"})
    assert (answer.status_code, answer.json()["summary"]) == (400, "Unknown fields")

    answer = visitor.get("/institutions/", params={"card_accounts_supported": "perhaps"})
    assert answer.status_code == 400


def test_an_unknown_institution_is_not_found(visitor: Visitor) -> None:
    answer = visitor.get("/institutions/NOBODY/")

    assert answer.status_code == 404
    assert answer.json() == {"summary": "Not found.", "detail": "Not found.", "status_code": 404}


def test_a_path_without_its_final_slash_is_redirected_to_the_one_with_it(visitor: Visitor) -> None:
    answer = visitor.get("/institutions", params={"country": "DE"})

    assert answer.status_code == 301
    assert urlsplit(answer.headers["location"]).path == "/api/v2/institutions/"
    assert urlsplit(answer.headers["location"]).query == "country=DE"
