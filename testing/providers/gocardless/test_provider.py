from datetime import date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from testing.providers.gocardless.script import NOW, MemoryTokenStore, Script, Time, reply

from payymo.domain.banking import InstitutionRecord, ProviderCredentials, PulledRow
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    AccountType,
    BalanceType,
    ConsentStatus,
    Provider,
)
from payymo.domain.errors import ProviderRequestError, ProviderResponseError
from payymo.providers.base import BankDataProvider
from payymo.providers.gocardless.provider import GoCardlessProvider
from payymo.providers.registry import make_provider

SANDBOX = {
    "id": "SANDBOXFINANCE_SFIN0000",
    "name": "Sandbox Finance",
    "countries": ["XX"],
    "transaction_total_days": "90",
}
NORDIC = {
    "id": "NORDIC_EXAMSESS",
    "name": "Nordic Example",
    "bic": "EXAMSESS",
    "countries": ["se", "SE", "FI"],
    "transaction_total_days": "730",
    "max_access_valid_for_days": "180",
    "supported_features": ["pending_transactions"],
}
SANDBOX_PATH = "institutions/SANDBOXFINANCE_SFIN0000/"
NOT_FOUND = reply(404, {"summary": "Not found.", "detail": "Not found."})
RAY = "912d33138a2171ec-LHR"
QUOTA = {
    "http_x_ratelimit_account_success_limit": "4",
    "http_x_ratelimit_account_success_remaining": "3",
}
TOLD = QUOTA | {"CF-RAY": RAY}


def bank(*, history: int = 730, access: int = 180) -> InstitutionRecord:
    return InstitutionRecord(
        reference="NORDIC_EXAMSESS",
        name="Nordic Example",
        bic=None,
        logo_url=None,
        countries=("SE",),
        history_days_max=history,
        consent_days_max=access,
        features=(),
        payload={},
    )


class TestListInstitutions:
    def test_days_that_come_as_text_are_numbers_and_countries_occur_once(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", "institutions/", reply(200, [NORDIC]))

        (found,) = provider.list_institutions("SE")

        assert (found.reference, found.name, found.bic) == (
            "NORDIC_EXAMSESS", "Nordic Example", "EXAMSESS",
        )  # fmt: skip
        assert (found.history_days_max, found.consent_days_max) == (730, 180)
        assert found.countries == ("SE", "FI")
        assert found.features == ("pending_transactions",)
        assert found.payload == NORDIC
        assert script.requests[-1].url.params["country"] == "se"

    def test_the_test_bank_is_added_where_no_country_is_asked_for(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", "institutions/", reply(200, [NORDIC]))
        script.on("GET", SANDBOX_PATH, reply(200, SANDBOX))

        found = [record.reference for record in provider.list_institutions(None)]

        assert found == ["NORDIC_EXAMSESS", "SANDBOXFINANCE_SFIN0000"]

    def test_the_test_bank_is_not_listed_twice(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", "institutions/", reply(200, [SANDBOX]))

        assert len(list(provider.list_institutions(None))) == 1

    def test_the_test_banks_country_holds_it_alone(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", SANDBOX_PATH, reply(200, SANDBOX))

        (found,) = provider.list_institutions("xx")

        assert (found.history_days_max, found.consent_days_max) == (90, 90)

    def test_a_service_without_the_test_bank_is_no_error(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", SANDBOX_PATH, NOT_FOUND)

        assert list(provider.list_institutions("XX")) == []

    def test_a_bank_without_a_name_is_an_error_that_names_the_field(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", "institutions/", reply(200, [{"id": "BANK"}]))

        with pytest.raises(ProviderResponseError, match=r"institution.*: name"):
            list(provider.list_institutions("SE"))


class TestAuthorise:
    @pytest.fixture(autouse=True)
    def answers(self, script: Script) -> None:
        script.on("POST", "agreements/enduser/", reply(201, {"id": "agr"}))
        script.on(
            "POST",
            "requisitions/",
            reply(201, {"id": "req", "status": "CR", "link": "https://consent.test/req"}),
        )

    def test_as_much_as_the_bank_gives_is_asked_for(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        found = provider.authorise(bank(), reference="ours", return_url="https://me.test/back")

        assert script.body("POST", "agreements/enduser/") == {
            "institution_id": "NORDIC_EXAMSESS",
            "max_historical_days": 730,
            "access_valid_for_days": 180,
            "access_scope": ["balances", "details", "transactions"],
        }
        assert script.body("POST", "requisitions/")["reference"] == "ours"
        assert (found.consent_reference, found.url) == ("req", "https://consent.test/req")
        assert (found.history_days, found.access_days) == (730, 180)
        assert [(each.kind, each.reference) for each in found.documents] == [
            ("agreement", "agr"),
            ("requisition", "req"),
        ]

    def test_no_more_than_the_bank_gives_is_asked_for(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        provider.authorise(
            bank(history=60),
            reference="ours",
            return_url="https://me.test/back",
            history_days=365,
            access_days=30,
        )

        body = script.body("POST", "agreements/enduser/")
        assert (body["max_historical_days"], body["access_valid_for_days"]) == (60, 30)

    @pytest.mark.parametrize("field", ["max_historical_days", "access_valid_for_days"])
    def test_days_that_are_refused_are_replaced_by_what_every_bank_accepts(
        self, provider: GoCardlessProvider, script: Script, field: str
    ) -> None:
        refusal = reply(400, {field: [{"summary": "Incorrect", "detail": "too many"}]})
        script.on("POST", "agreements/enduser/", refusal, reply(201, {"id": "agr"}))

        found = provider.authorise(bank(), reference="ours", return_url="https://me.test/back")

        body = script.body("POST", "agreements/enduser/", 1)
        assert (body["max_historical_days"], body["access_valid_for_days"]) == (90, 90)
        assert (found.history_days, found.access_days) == (90, 90)

    def test_scopes_that_the_bank_does_not_have_are_left_out(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        unsupported = {
            "summary": "Unsupported access scope selected.",
            "detail": "The access scopes supported by the institution are ['transactions']. "
            "The following scopes are not supported: ['balances', 'details']",
        }
        days = {"summary": "Incorrect", "detail": "too many"}
        script.on(
            "POST",
            "agreements/enduser/",
            reply(400, {"access_scope": [unsupported]}),
            reply(400, {"max_historical_days": [days]}),
            reply(201, {"id": "agr"}),
        )

        found = provider.authorise(bank(), reference="ours", return_url="https://me.test/back")

        body = script.body("POST", "agreements/enduser/", 2)
        assert body["access_scope"] == ["transactions"]
        assert (found.history_days, found.access_days) == (90, 90)

    def test_a_bank_without_transactions_is_refused(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        unsupported = {
            "summary": "Unsupported access scope selected.",
            "detail": "The access scopes supported by the institution are ['balances'].",
        }
        script.on("POST", "agreements/enduser/", reply(400, {"access_scope": [unsupported]}))

        with pytest.raises(ProviderRequestError):
            provider.authorise(bank(), reference="ours", return_url="https://me.test/back")

        assert len(script.sent("POST", "agreements/enduser/")) == 1

    def test_another_refusal_is_not_tried_again(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        refusal = {"institution_id": {"summary": "Unknown Institution ID", "detail": "x"}}
        script.on("POST", "agreements/enduser/", reply(400, refusal))

        with pytest.raises(ProviderRequestError):
            provider.authorise(bank(), reference="ours", return_url="https://me.test/back")

        assert len(script.sent("POST", "agreements/enduser/")) == 1

    def test_the_usual_days_are_not_asked_for_twice(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        refusal = {"max_historical_days": [{"summary": "Incorrect", "detail": "x"}]}
        script.on("POST", "agreements/enduser/", reply(400, refusal))

        with pytest.raises(ProviderRequestError):
            provider.authorise(
                bank(history=90, access=90), reference="ours", return_url="https://me.test/back"
            )

        assert len(script.sent("POST", "agreements/enduser/")) == 1

    @pytest.mark.parametrize("link", [None, "", "javascript:alert(1)"])
    def test_an_answer_without_a_page_is_an_error(
        self, provider: GoCardlessProvider, script: Script, link: str | None
    ) -> None:
        script.on("POST", "requisitions/", reply(201, {"id": "req", "status": "CR", "link": link}))

        with pytest.raises(ProviderResponseError):
            provider.authorise(bank(), reference="ours", return_url="https://me.test/back")


class TestReadConsent:
    def answers(self, script: Script, status: str, accepted: object = None) -> None:
        script.on(
            "GET",
            "requisitions/req/",
            reply(
                200,
                {"id": "req", "status": status, "agreement": "agr", "accounts": ["a", "b", "a"]},
            ),
        )
        script.on(
            "GET",
            "agreements/enduser/agr/",
            reply(200, {"id": "agr", "access_valid_for_days": "90", "accepted": accepted}),
        )

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("CR", ConsentStatus.PENDING),
            ("GC", ConsentStatus.PENDING),
            ("UA", ConsentStatus.PENDING),
            ("SA", ConsentStatus.PENDING),
            ("GA", ConsentStatus.PENDING),
            ("ID", ConsentStatus.PENDING),
            ("LN", ConsentStatus.GRANTED),
            ("RJ", ConsentStatus.REJECTED),
            ("EX", ConsentStatus.EXPIRED),
            ("SU", ConsentStatus.SUSPENDED),
            ("ER", ConsentStatus.ERROR),
        ],
    )
    def test_every_status_has_its_meaning(
        self, provider: GoCardlessProvider, script: Script, word: str, status: ConsentStatus
    ) -> None:
        self.answers(script, word)

        found = provider.read_consent("req")

        assert (found.status, found.detail) == (status, word)
        assert (found.granted_at, found.expires_at) == (None, None)
        assert found.account_references == ("a", "b")
        assert [each.kind for each in found.documents] == ["requisition", "agreement"]

    def test_the_end_is_reckoned_from_the_acceptance(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        self.answers(script, "LN", "2026-03-01T10:00:00.5Z")

        found = provider.read_consent("req")

        assert found.granted_at == datetime.fromisoformat("2026-03-01T10:00:00.5+00:00")
        assert found.expires_at == found.granted_at + timedelta(days=90)
        assert found.status is ConsentStatus.GRANTED

    def test_a_consent_whose_time_is_over_has_expired_whatever_its_status_says(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        self.answers(script, "LN", "2025-12-01T10:00:00")

        found = provider.read_consent("req")

        assert found.status is ConsentStatus.EXPIRED
        assert found.granted_at is not None
        assert found.granted_at.tzinfo is not None

    def test_a_consent_that_is_gone_was_revoked(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", "requisitions/req/", NOT_FOUND)

        found = provider.read_consent("req")

        assert (found.status, found.account_references) == (ConsentStatus.REVOKED, ())

    def test_an_agreement_that_is_gone_leaves_the_end_unknown(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        self.answers(script, "LN")
        script.on("GET", "agreements/enduser/agr/", NOT_FOUND)

        found = provider.read_consent("req")

        assert (found.status, found.expires_at) == (ConsentStatus.GRANTED, None)

    def test_a_consent_without_an_agreement_is_read(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", "requisitions/req/", reply(200, {"id": "req", "status": "CR"}))

        assert provider.read_consent("req").status is ConsentStatus.PENDING

    def test_revoking_twice_is_no_error(self, provider: GoCardlessProvider, script: Script) -> None:
        script.on("DELETE", "requisitions/req/", reply(200, {}), NOT_FOUND)

        provider.revoke_consent("req")
        provider.revoke_consent("req")

        assert len(script.sent("DELETE", "requisitions/req/")) == 2


class TestReadAccount:
    def test_the_bank_is_only_asked_for_details_when_they_are_wanted(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on(
            "GET",
            "accounts/acc/",
            reply(200, {"id": "acc", "iban": "de89 3704 0044 0532 0130 00", "status": "READY"}),
        )

        found = provider.read_account("acc", with_details=False)

        assert found.iban == "DE89370400440532013000"
        assert (found.status, found.account_type) == (AccountStatus.ACTIVE, AccountType.OTHER)
        assert (found.quota, found.currency) == (None, None)
        assert script.sent("GET", "accounts/acc/details/") == []

    def test_details_come_with_what_is_left_of_their_quota(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        details = {"account": {"resourceId": "r1", "currency": "EUR", "cashAccountType": "SVGS"}}
        script.on("GET", "accounts/acc/", reply(200, {"id": "acc", "status": "READY"}))
        script.on("GET", "accounts/acc/details/", reply(200, details, QUOTA))

        found = provider.read_account("acc", with_details=True)

        assert (found.resource_id, found.currency) == ("r1", "EUR")
        assert found.account_type is AccountType.SAVINGS
        assert found.quota is not None
        assert (found.quota.scope, found.quota.remaining) == (AccessScope.DETAILS, 3)
        assert found.payload == {
            "account": {"id": "acc", "status": "READY"},
            "details": details["account"],
        }


class TestReadBalances:
    def test_balances_are_reported_as_they_are(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        row = {
            "balanceAmount": {"amount": "-12.5", "currency": "EUR"},
            "balanceType": "InterimBooked",
            "referenceDate": "2026-03-09",
            "creditLimitIncluded": False,
            "lastChangeDateTime": "2026-03-09T23:59:59+01:00",
        }
        script.on("GET", "accounts/acc/balances/", reply(200, {"balances": [row]}, TOLD))

        answer = provider.read_balances("acc")

        (found,) = answer.balances
        assert (found.balance_type, found.amount) == (BalanceType.INTERIM_BOOKED, Decimal("-12.5"))
        assert (found.reference_date, found.credit_limit_included) == (date(2026, 3, 9), False)
        assert found.changed_at == "2026-03-09T23:59:59+01:00"
        assert answer.quota is not None
        assert (answer.quota.scope, answer.request_id) == (AccessScope.BALANCES, RAY)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"balances": None},
            {"balances": [{"balanceType": "expected"}]},
            {"balances": [{"balanceAmount": {"amount": "much", "currency": "EUR"}}]},
        ],
    )
    def test_an_answer_that_cannot_be_read_is_an_error_and_never_no_balance(
        self, provider: GoCardlessProvider, script: Script, body: object
    ) -> None:
        script.on("GET", "accounts/acc/balances/", reply(200, body, {"CF-RAY": RAY}))

        with pytest.raises(ProviderResponseError) as caught:
            provider.read_balances("acc")
        assert caught.value.request_id == RAY


class TestReadTransactions:
    PATH = "accounts/acc/transactions/"

    @pytest.mark.parametrize(
        ("since", "until", "sent"),
        [
            (None, None, {}),
            (date(2026, 3, 1), None, {"date_from": "2026-03-01"}),
            (date(2026, 3, 1), date(2026, 3, 10), {"date_from": "2026-03-01"}),
            (date(2026, 3, 1), date(2027, 1, 1), {"date_from": "2026-03-01"}),
            (date(2026, 4, 1), None, {"date_from": "2026-03-10"}),
            (
                date(2026, 3, 1),
                date(2026, 3, 9),
                {"date_from": "2026-03-01", "date_to": "2026-03-09"},
            ),
        ],
    )
    def test_no_day_in_the_future_is_asked_for(
        self,
        provider: GoCardlessProvider,
        script: Script,
        since: date | None,
        until: date | None,
        sent: dict[str, str],
    ) -> None:
        script.on("GET", self.PATH, reply(200, {"transactions": {"booked": [], "pending": []}}))

        provider.read_transactions("acc", since=since, until=until)

        assert dict(script.requests[-1].url.params) == sent

    def test_rows_come_with_what_is_left_of_their_quota(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on(
            "GET",
            self.PATH,
            reply(200, {"transactions": {"booked": [{"a": 1}]}, "last_updated": "now"}, TOLD),
        )

        statement = provider.read_transactions("acc", since=None)

        assert (len(statement.rows), statement.last_updated) == (1, "now")
        assert statement.quota is not None
        assert statement.quota.scope is AccessScope.TRANSACTIONS
        assert statement.request_id == RAY

    def test_a_refusal_names_the_request_that_was_refused(
        self, provider: GoCardlessProvider, script: Script
    ) -> None:
        script.on("GET", self.PATH, reply(400, {"summary": "Unknown fields"}, {"CF-RAY": RAY}))

        with pytest.raises(ProviderRequestError) as caught:
            provider.read_transactions("acc", since=None)
        assert caught.value.request_id == RAY

    def test_a_pending_row_is_not_dated_after_today(self, provider: GoCardlessProvider) -> None:
        row = PulledRow(
            b'{"bookingDate":"2026-03-17","transactionAmount":{"amount":"-1","currency":"EUR"}}',
            b"",
            is_booked=False,
        )

        found = provider.translate(row, institution_reference=None)

        assert found.booking_date == date(2026, 3, 17)
        assert found.transaction_date == date(2026, 3, 10)


def test_a_provider_is_made_by_its_name(script: Script, credentials: ProviderCredentials) -> None:
    script.on("GET", "institutions/", reply(200, [NORDIC]))
    with httpx.Client(transport=httpx.MockTransport(script.handle)) as http:
        provider: BankDataProvider = make_provider(
            Provider.GOCARDLESS,
            base_url="https://bank.test/api/v2",
            credentials=credentials,
            store=MemoryTokenStore(),
            clock=Time(NOW),
            http=http,
        )

        assert [each.name for each in provider.list_institutions("SE")] == ["Nordic Example"]
