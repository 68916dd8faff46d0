"""Exchange rates, conversions and imports over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import FakeClock
from testing.providers.ecb.files import HISTORY

from payymo.domain.errors import InvalidInputError
from payymo.workflows.rates import import_rates

URL = "/api/v1/fx_rates"
CONVERSIONS = "/api/v1/fx_conversions"
IMPORTS = "/api/v1/fx_imports"
CLOCK = FakeClock(datetime(2026, 3, 2, 16, 15, tzinfo=UTC))


@pytest.fixture(autouse=True)
def published(sessions: sessionmaker[Session]) -> None:
    import_rates(sessions, HISTORY.encode(), clock=CLOCK)


def data(client: TestClient, url: str, **params: Any) -> Any:
    answer = client.get(url, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


class TestRates:
    def test_the_latest_day_comes_first(self, viewer: TestClient) -> None:
        answer = viewer.get(URL, params={"per_page": 2}).json()

        assert answer["meta"]["total"] == 10
        assert answer["data"] == [
            {
                "currency": code,
                "date": "2026-02-27",
                "rate": rate,
                "source": "ecb",
                "reference_rate": rate,
                "note": None,
            }
            for code, rate in (("GBP", "0.845"), ("JPY", "160.25"))
        ]

    def test_filters_narrow_the_list(self, viewer: TestClient) -> None:
        found = data(viewer, URL, currency="usd", start_date="2026-02-01", end_date="2026-02-26")

        assert [(rate["date"], rate["rate"]) for rate in found] == [("2026-02-26", "1.0831")]
        assert data(viewer, URL, currency="CYP")[0]["date"] == "2007-12-31"
        assert data(viewer, URL, source="override") == []

    def test_a_weekend_takes_fridays(self, viewer: TestClient) -> None:
        assert data(viewer, f"{URL}/USD/2026-03-01") == {
            "currency": "USD",
            "date": "2026-03-01",
            "rate": "1.0842",
            "source": "ecb",
            "rate_date": "2026-02-27",
            "is_carried": True,
        }

    def test_a_week_later_there_is_none(self, viewer: TestClient) -> None:
        answer = viewer.get(f"{URL}/USD/2026-03-07")

        assert answer.status_code == 404
        assert "no rate of USD for 2026-03-07" in answer.json()["error"]["message"]

    def test_ones_own_wins_until_it_is_removed(
        self, member: TestClient, stranger: TestClient
    ) -> None:
        url = f"{URL}/USD/2026-02-27"

        written = member.put(url, json={"rate": "1.0500", "note": "Our bank's"})
        again = member.put(url, json={"rate": "1.0500", "note": "Our bank's"})

        assert written.status_code == again.status_code == 200
        assert written.json() == again.json()
        assert written.json()["data"] | {"rate": "1.05", "source": "override"} == data(member, url)
        (own,) = data(member, URL, source="override")
        assert (own["rate"], own["reference_rate"]) == ("1.05", "1.0842")
        assert data(stranger, url)["source"] == "ecb"
        assert stranger.delete(url).status_code == 404

        assert member.delete(url).status_code == 204
        assert data(member, url)["rate"] == "1.0842"
        assert member.delete(url).status_code == 404

    def test_a_currency_that_nobody_publishes_can_have_ones_own(self, client: TestClient) -> None:
        answer = client.put(f"{URL}/AED/2026-02-28", json={"rate": "3.98"})

        assert answer.json()["data"]["source"] == "override"
        assert data(client, f"{URL}/AED/2026-03-02")["is_carried"] is True

    @pytest.mark.parametrize(
        ("place", "body"),
        [
            ("EUR/2026-02-27", {"rate": "1"}),
            ("XYZ/2026-02-27", {"rate": "1"}),
            ("USD/2026-02-30", {"rate": "1"}),
            ("USD/1998-12-31", {"rate": "1"}),
            ("USD/2026-02-27", {"rate": "0"}),
            ("USD/2026-02-27", {"rate": "-1"}),
            ("USD/2026-02-27", {"rate": "1.00000000001"}),
            ("USD/2026-02-27", {"rate": "10000000000"}),
            ("USD/2026-02-27", {}),
            ("USD/2026-02-27", {"rate": "1", "currency": "GBP"}),
        ],
    )
    def test_what_is_no_rate_is_refused(
        self, client: TestClient, place: str, body: dict[str, Any]
    ) -> None:
        answer = client.put(f"{URL}/{place}", json=body)

        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")
        assert data(client, URL, source="override") == []

    def test_who_only_looks_changes_nothing(self, viewer: TestClient) -> None:
        assert viewer.put(f"{URL}/USD/2026-02-27", json={"rate": "1"}).status_code == 403
        assert viewer.delete(f"{URL}/USD/2026-02-27").status_code == 403


class TestConversions:
    def test_both_amounts_are_told_with_the_rates_between_them(self, viewer: TestClient) -> None:
        # -216.84 / 1.0842 = -200; -200 * 0.8450 = -169
        params = {"amount": "-216.84", "currency": "USD", "to": "GBP", "date": "2026-02-28"}

        found = data(viewer, CONVERSIONS, **params)

        assert found["original_amount"] == "-216.84"
        assert found["original_currency"] == "USD"
        assert (found["amount"], found["currency"]) == ("-169.00", "GBP")
        assert (found["date"], found["rate_date"]) == ("2026-02-28", "2026-02-27")
        assert found["is_carried"] is True
        assert [(rate["currency"], rate["rate"]) for rate in found["rates"]] == [
            ("USD", "1.0842"),
            ("GBP", "0.845"),
        ]

    def test_what_the_tenant_reports_in_is_what_it_becomes(self, client: TestClient) -> None:
        params = {"amount": "108.42", "currency": "USD", "date": "2026-02-27"}

        assert data(client, CONVERSIONS, **params)["amount"] == "100.00"
        assert client.patch("/api/v1/tenant", json={"currency": "JPY"}).status_code == 200
        # 100 * 160.25 = 16025
        assert data(client, CONVERSIONS, **params)["amount"] == "16025"

    def test_another_tenants_own_rate_is_no_matter(
        self, client: TestClient, stranger: TestClient
    ) -> None:
        client.put(f"{URL}/USD/2026-02-27", json={"rate": "2"})
        params = {"amount": "108.42", "currency": "USD", "date": "2026-02-27"}

        assert data(client, CONVERSIONS, **params)["amount"] == "54.21"
        assert data(stranger, CONVERSIONS, **params)["amount"] == "100.00"

    def test_without_a_rate_there_is_no_amount(self, viewer: TestClient) -> None:
        params = {"amount": "1", "currency": "AED", "date": "2026-02-27"}

        answer = viewer.get(CONVERSIONS, params=params)

        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "rate_missing")

    @pytest.mark.parametrize(
        "change", [{"amount": "x"}, {"currency": "XYZ"}, {"to": "XYZ"}, {"date": "today"}]
    )
    def test_what_cannot_be_converted_is_refused(
        self, viewer: TestClient, change: dict[str, str]
    ) -> None:
        params = {"amount": "1", "currency": "USD", "to": "GBP", "date": "2026-02-27"} | change

        assert viewer.get(CONVERSIONS, params=params).status_code == 400


def test_how_rates_came_in_is_told_to_every_tenant(
    viewer: TestClient, stranger: TestClient, sessions: sessionmaker[Session]
) -> None:
    CLOCK.now = CLOCK.now.replace(hour=17)
    with pytest.raises(InvalidInputError):
        import_rates(sessions, b"<html></html>", clock=CLOCK)

    failed, succeeded = data(viewer, IMPORTS)

    assert data(stranger, IMPORTS) == [failed, succeeded]
    assert (failed["status"], failed["error_code"]) == ("failed", "validation_error")
    assert "holds no rate" in failed["error_message"]
    assert succeeded | {"id": None} == {
        "id": None,
        "origin": "file",
        "status": "succeeded",
        "started_at": "2026-03-02T16:15:00Z",
        "finished_at": "2026-03-02T16:15:00Z",
        "read_count": 10,
        "added_count": 10,
        "changed_count": 0,
        "first_date": "2007-12-31",
        "last_date": "2026-02-27",
        "error_code": None,
        "error_message": None,
    }
