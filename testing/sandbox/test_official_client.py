"""The provider's own client from the package index completes the whole journey."""

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from nordigen import NordigenClient
from requests import HTTPError

from payymo.sandbox.banks import SANDBOX_BANK
from payymo.sandbox.books.library import Library
from payymo.sandbox.server import create_sandbox, running_sandbox
from payymo.sandbox.service import Sandbox


def test_the_official_client_goes_from_secrets_to_transactions(
    library: Library,
) -> None:
    app = create_sandbox()
    known: Sandbox = app.state.sandbox
    known.library = library  # the same books, which other tests have written already
    with running_sandbox(app) as access:
        client = NordigenClient(
            secret_id=access.secret_id,
            secret_key=access.secret_key,
            base_url=access.base_url,
            timeout=60,
        )
        tokens = client.generate_token()
        assert client.institution.get_institution_id_by_name("NL", "havenkas")
        assert client.institution.get_institution_by_id(SANDBOX_BANK)["countries"] == ["XX"]
        assert len(client.institution.get_institutions()) > 10

        session = client.initialize_session(
            redirect_uri="https://payymo.invalid/back",
            institution_id=SANDBOX_BANK,
            reference_id=str(uuid4()),
            max_historical_days=730,
            access_valid_for_days=180,
            account_selection=True,
        )
        _consent(session.link)
        requisition = client.requisition.get_requisition_by_id(session.requisition_id)
        assert requisition["status"] == "LN"
        rows = 0
        for account_id in requisition["accounts"]:
            account = client.account_api(id=account_id)
            assert account.get_metadata()["status"] == "READY"
            assert account.get_details()["account"]["ownerName"]
            assert account.get_balances()["balances"]
            rows += len(account.get_transactions()["transactions"]["booked"])
            assert account.get_transactions(date_from="2026-01-01")["transactions"]["booked"]
        assert rows >= 20_000

        client.exchange_token(tokens["refresh"])
        agreement = client.agreement.get_agreement_by_id(requisition["agreement"])
        assert agreement["accepted"] is not None
        assert client.agreement.get_agreements()["count"] == 1
        assert client.requisition.get_requisitions()["count"] == 1
        client.requisition.delete_requisition(session.requisition_id)
        with pytest.raises(HTTPError) as refused:
            client.requisition.get_requisition_by_id(session.requisition_id)
        assert refused.value.response is not None
        assert refused.value.response.status_code == 404


def _consent(link: str) -> None:
    with httpx.Client() as browser:
        address = link
        while urlsplit(address).hostname == "127.0.0.1":
            assert browser.get(address).status_code == 200
            answer = browser.post(address, data={"decision": "confirm", "user_id": "anyone"})
            address = answer.headers["location"]
    assert "error" not in parse_qs(urlsplit(address).query)
