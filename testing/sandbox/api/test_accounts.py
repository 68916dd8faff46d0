from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from testing.sandbox.conftest import NOON, Visitor

from payymo.sandbox.banks import SANDBOX_BANK, VOLUME_BANK

TODAY = NOON.date()
SCOPES = ("details", "balances", "transactions")
LONG = {"max_historical_days": 730, "access_valid_for_days": 180}


class TestReading:
    def test_metadata_is_what_the_service_knows(self, visitor: Visitor) -> None:
        account = visitor.household()

        body = visitor.get(f"/accounts/{account}/").json()

        assert body["id"] == account
        assert body["status"] == "READY"
        assert body["institution_id"] == SANDBOX_BANK
        assert body["iban"].startswith("GL")

    def test_details_are_what_the_bank_says(self, visitor: Visitor) -> None:
        linked = visitor.link(scenario="household")

        details = [
            visitor.get(f"/accounts/{account}/details/").json()["account"]
            for account in linked["accounts"]
        ]

        assert [item["cashAccountType"] for item in details] == ["CACC", "CARD", "SVGS"]
        assert details[1]["maskedPan"].startswith("535522XXXXXX")
        assert "maskedPan" not in details[0]
        metadata = visitor.get(f"/accounts/{linked['accounts'][1]}/").json()
        assert metadata["iban"] == details[1]["maskedPan"]

    def test_balances_include_the_pending_rows_only_where_they_say_so(
        self, visitor: Visitor
    ) -> None:
        account = visitor.account("MEUSEDAL_MEUDBEB9")

        balances = {
            item["balanceType"]: Decimal(item["balanceAmount"]["amount"])
            for item in visitor.get(f"/accounts/{account}/balances/").json()["balances"]
        }
        pending = visitor.pending(account)

        announced = sum(Decimal(row["transactionAmount"]["amount"]) for row in pending)
        assert announced != 0
        assert balances["interimAvailable"] == balances["interimBooked"] + announced
        assert balances["expected"] == balances["interimAvailable"]
        assert balances["openingBooked"] == balances["closingBooked"]

    def test_a_card_counts_its_credit_limit_as_available(self, visitor: Visitor) -> None:
        card = visitor.link(scenario="household")["accounts"][1]

        balances = visitor.get(f"/accounts/{card}/balances/").json()["balances"]

        assert Decimal(balances[0]["balanceAmount"]["amount"]) < 0
        assert balances[1]["creditLimitIncluded"] is True

    def test_the_volume_bank_has_as_many_rows_as_asked_for(self, visitor: Visitor) -> None:
        account = visitor.account(VOLUME_BANK, terms=LONG)

        rows = visitor.booked(account)

        assert len(rows) == 2000
        assert len({row["internalTransactionId"] for row in rows}) == 2000
        [balance] = visitor.get(f"/accounts/{account}/balances/").json()["balances"]
        total = sum(Decimal(row["transactionAmount"]["amount"]) for row in rows)
        assert Decimal(balance["balanceAmount"]["amount"]) == total

    def test_the_answer_says_when_it_was_made(self, visitor: Visitor) -> None:
        account = visitor.household()

        body = visitor.get(f"/accounts/{account}/transactions/").json()

        assert body["last_updated"] == "2026-11-20T12:00:00.000000Z"


class TestDates:
    def test_either_date_within_the_period_is_enough(self, visitor: Visitor) -> None:
        account = visitor.household()
        everything = visitor.booked(account)
        day = (TODAY - timedelta(days=20)).isoformat()

        found = visitor.booked(account, date_from=day, date_to=day)

        assert found == [row for row in everything if day in (row["bookingDate"], row["valueDate"])]
        assert {row["bookingDate"] == row["valueDate"] for row in everything} == {True, False}

    def test_a_row_without_a_booking_date_is_judged_by_its_value_date(
        self, visitor: Visitor
    ) -> None:
        account = visitor.account("ISARKREDIT_ISARDEM2")
        oldest = (TODAY - timedelta(days=90)).isoformat()

        undated = [row for row in visitor.booked(account) if "bookingDate" not in row]
        some = visitor.booked(account, date_from="2026-11-01", date_to="2026-11-10")

        assert min(row["valueDate"] for row in undated) >= oldest
        assert any("bookingDate" not in row for row in some)
        assert all(
            "2026-11-01" <= row["valueDate"] <= "2026-11-10"
            for row in some
            if "bookingDate" not in row
        )

    def test_nothing_is_older_than_the_agreement_allows(self, visitor: Visitor) -> None:
        account = visitor.household(terms={"max_historical_days": 30})
        oldest = (TODAY - timedelta(days=30)).isoformat()

        without_dates = visitor.booked(account)
        asked_for_more = visitor.booked(account, date_from="2025-01-01")

        assert min(row["bookingDate"] for row in without_dates) >= oldest
        assert len(asked_for_more) == len(without_dates)

    def test_two_years_are_there_where_the_agreement_has_them(self, visitor: Visitor) -> None:
        account = visitor.household(terms=LONG)

        oldest = min(row["bookingDate"] for row in visitor.booked(account))

        assert oldest <= (TODAY - timedelta(days=725)).isoformat()

    def test_the_future_is_refused_under_each_parameter(self, visitor: Visitor) -> None:
        account = visitor.household()

        answer = visitor.get(
            f"/accounts/{account}/transactions/",
            params={"date_from": "2026-11-21", "date_to": "2026-12-21"},
        )

        assert answer.status_code == 400
        assert answer.json() == {
            "date_from": {
                "summary": "Date can't be in future",
                "detail": "'2026-11-21' can't be greater than 2026-11-20. "
                "Specify correct date range",
            },
            "date_to": {
                "summary": "Date can't be in future",
                "detail": "'2026-12-21' can't be greater than 2026-11-20. "
                "Specify correct date range",
            },
            "status_code": 400,
        }

    def test_a_period_must_not_end_before_it_begins(self, visitor: Visitor) -> None:
        account = visitor.household()

        answer = visitor.get(
            f"/accounts/{account}/transactions/",
            params={"date_from": "2026-11-10", "date_to": "2026-10-31"},
        )

        assert (answer.status_code, answer.json()["summary"]) == (400, "Incorrect date range")

    @pytest.mark.parametrize("query", [{"date_from": "10.11.2026"}, {"since": "2026-11-01"}])
    def test_odd_queries_are_refused(self, visitor: Visitor, query: dict[str, str]) -> None:
        account = visitor.household()

        answer = visitor.get(f"/accounts/{account}/transactions/", params=query)

        assert answer.status_code == 400

    def test_a_refused_period_costs_nothing(self, visitor: Visitor) -> None:
        account = visitor.household()
        path = f"/accounts/{account}/transactions/"
        for _ in range(6):
            visitor.get(path, params={"date_from": "2030-01-01"})

        answer = visitor.get(path)

        assert answer.headers["http_x_ratelimit_account_success_remaining"] == "3"


class TestAccess:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_ids_are_checked_and_looked_up(self, visitor: Visitor, scope: str) -> None:
        assert visitor.get(f"/accounts/nonsense/{scope}/").json() == {
            "summary": "Invalid Account ID",
            "detail": "nonsense is not a valid Account UUID. ",
            "status_code": 400,
        }
        unknown = uuid4()
        answer = visitor.get(f"/accounts/{unknown}/{scope}/")
        assert (answer.status_code, answer.json()["summary"]) == (
            404,
            f"Account ID {unknown} not found",
        )

    @pytest.mark.parametrize("scope", SCOPES)
    def test_what_the_agreement_leaves_out_is_refused(self, visitor: Visitor, scope: str) -> None:
        others = [other for other in SCOPES if other != scope]
        account = visitor.household(terms={"access_scope": others})

        answer = visitor.get(f"/accounts/{account}/{scope}/")

        assert answer.status_code == 403
        assert answer.json() == {
            "summary": "End User Agreement (EUA) access scope error",
            "detail": f"EUA doesn't allow access to account {scope}. Check EUA access scope. "
            "Or create new EUA with correct access scope",
            "status_code": 403,
        }
        assert visitor.get(f"/accounts/{account}/{others[0]}/").status_code == 200

    def test_an_expired_agreement_is_noticed_by_the_first_call(self, visitor: Visitor) -> None:
        linked = visitor.link(scenario="household", terms={"access_valid_for_days": 90})
        account = linked["accounts"][0]
        visitor.pass_days(90, seconds=1)
        assert visitor.get(f"/requisitions/{linked['id']}/").json()["status"] == "LN"

        answer = visitor.get(f"/accounts/{account}/balances/")

        assert answer.status_code == 401
        assert answer.json()["summary"] == (
            f"End User Agreement (EUA) {linked['agreement']} has expired"
        )
        assert "type" not in answer.json()
        assert visitor.get(f"/requisitions/{linked['id']}/").json()["status"] == "EX"
        assert visitor.get(f"/accounts/{account}/").json()["status"] == "EXPIRED"

    def test_a_consent_can_be_made_to_expire(self, visitor: Visitor) -> None:
        linked = visitor.link(scenario="household")
        visitor.control("POST", f"requisitions/{linked['id']}/expire")

        answer = visitor.get(f"/accounts/{linked['accounts'][0]}/transactions/")

        assert answer.status_code == 401
        assert "valid for 90 days" in answer.json()["detail"]

    def test_a_revoked_access_is_the_banks_word(self, visitor: Visitor) -> None:
        linked = visitor.link(scenario="household")
        visitor.control("POST", f"requisitions/{linked['id']}", {"revoked": True})
        path = f"/accounts/{linked['accounts'][0]}/transactions/"

        for _ in range(2):
            answer = visitor.get(path)
            assert answer.status_code == 401
            assert answer.json()["type"] == "AccessExpiredError"

    def test_more_than_ten_failures_in_a_row_suspend_the_account(self, visitor: Visitor) -> None:
        linked = visitor.link(scenario="household")
        account = linked["accounts"][0]
        visitor.fault("unknown_error", times=11)

        for _ in range(11):
            assert visitor.get(f"/accounts/{account}/balances/").status_code == 500

        answer = visitor.get(f"/accounts/{account}/balances/")
        assert (answer.status_code, answer.json()["summary"]) == (409, "Account suspended")
        assert visitor.get(f"/accounts/{account}/").json()["status"] == "SUSPENDED"
        assert visitor.get(f"/requisitions/{linked['id']}/").json()["status"] == "SU"

    def test_a_success_forgives_failures(self, visitor: Visitor) -> None:
        account = visitor.household()
        visitor.fault("unknown_error", times=10)
        for _ in range(10):
            visitor.get(f"/accounts/{account}/balances/")
        assert visitor.get(f"/accounts/{account}/").json()["status"] == "ERROR"

        assert visitor.get(f"/accounts/{account}/balances/").status_code == 200
        assert visitor.get(f"/accounts/{account}/").json()["status"] == "READY"

    def test_an_account_that_is_still_processed_is_not_ready(self, visitor: Visitor) -> None:
        linked = visitor.link(scenario="household", redirect_immediate=True)
        account = linked["accounts"][0]

        answer = visitor.get(f"/accounts/{account}/details/")
        assert answer.status_code == 409
        assert set(answer.json()) == {
            "id",
            "created",
            "last_accessed",
            "iban",
            "aspsp_identifier",
            "status",
        }
        assert answer.json()["status"] == "PROCESSING"

        visitor.pass_days(seconds=5)
        assert visitor.get(f"/accounts/{account}/").json()["status"] == "READY"
        assert visitor.get(f"/accounts/{account}/details/").status_code == 200


class TestAccountIds:
    def test_most_banks_give_new_ids_for_a_new_consent(self, visitor: Visitor) -> None:
        first, second = visitor.link(scenario="household"), visitor.link(scenario="household")

        assert set(first["accounts"]).isdisjoint(second["accounts"])
        ibans = [
            visitor.get(f"/accounts/{item['accounts'][0]}/").json()["iban"]
            for item in (first, second)
        ]
        assert ibans[0] == ibans[1]

    def test_one_bank_keeps_its_ids(self, visitor: Visitor) -> None:
        first = visitor.link("BRUGSEHANDEL_BRUHBEB1")
        second = visitor.link("BRUGSEHANDEL_BRUHBEB1")

        assert first["accounts"] == second["accounts"]
