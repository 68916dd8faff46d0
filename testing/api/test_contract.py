"""The OpenAPI document holds: whatever a client sends, the answer is one that it describes.

What the document forbids is refused, and nothing is ever a fault of ours.

Schemathesis writes the requests, those that the document allows and those that it forbids, always
the same ones. Each operation meets a tenant's book with one of everything in it, so that ids in
addresses lead somewhere as often as they do not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import TOKEN_KEY, HandClock, NoProviders, RowQueue
from testing.conftest import undone
from testing.factories import (
    add_account,
    add_category,
    add_customer,
    add_invoice,
    add_tenant,
    add_transaction,
)
from testing.marts import publish

from payymo.analytics.warehouse import Warehouse
from payymo.api.access_tokens import AccessTokens, Member
from payymo.api.app import create_app
from payymo.api.limits import Limit
from payymo.api.services import ApiServices
from payymo.domain.categories.rules import Conditions
from payymo.domain.enums import Role, SyncTrigger
from payymo.postgres.categories.operations.rules import create_rule
from payymo.postgres.common.operations.sync_runs import record_own_run
from payymo.postgres.encryption import KEY_BYTES, KeyRing
from payymo.postgres.reconciliation.models import Invoice
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.reconcile import match_payments

EXAMPLES: Final = 10

CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
]

#: No worker runs beside these tests, and so one answer says.
NOT_READY: Final = ("/readyz", 503)

#: Nobody is told to wait here.
UNLIMITED: Final = Limit(burst=1_000_000, per_second=1_000)


def make_services(sessions: sessionmaker[Session], warehouse: Warehouse) -> ApiServices:
    """Return what the API works with."""
    return ApiServices(
        sessions=sessions,
        providers=NoProviders(),
        queue=RowQueue(),
        token_key=TOKEN_KEY,
        key_ring=KeyRing([bytes(KEY_BYTES)]),
        clock=HandClock(),
        public_url="http://testserver",
        warehouse=warehouse,
        member_limit=UNLIMITED,
        address_limit=UNLIMITED,
        auth_limit=UNLIMITED,
    )


def describe() -> dict[str, Any]:
    """Return the document, for which no database is needed."""
    return create_app(make_services(sessionmaker(), Warehouse(Path("no warehouse")))).openapi()


DOCUMENT: Final = describe()
SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS: Final = [
    (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
]


@dataclass(frozen=True)
class Book:
    """A tenant's book with one of everything in it, and the API before it.

    :ivar headers: What says that the tenant's owner asks.
    :ivar ids: What every parameter of an address may be, to lead somewhere.
    """

    connection: Connection
    headers: Mapping[str, str]
    ids: Mapping[str, UUID | str]


@pytest.fixture(scope="module")
def written(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """The book, which is written once; Schemathesis reads the API's code once as well."""
    warehouse = publish(tmp_path_factory.mktemp("contract") / "analytics", {})
    with engine.connect() as connection, undone(connection) as sessions:
        with sessions.begin() as session:
            tenant_id = add_tenant(session)
        services = make_services(sessions, warehouse)
        owner = Member(tenant_id=tenant_id, user_id=uuid4(), role=Role.OWNER)
        token = AccessTokens(services.token_key, services.clock).issue(owner)
        headers = {"Authorization": f"Bearer {token}"}
        SCHEMA.app = create_app(services)
        with TestClient(SCHEMA.app, headers=headers) as client:
            ids = _fill(sessions, tenant_id, client)
        yield Book(connection, headers, ids)


@pytest.fixture
def book(written: Book) -> Iterator[Book]:
    """The book, for one test: whatever is written in it is forgotten then."""
    with undone(written.connection):
        yield written


def _fill(
    sessions: sessionmaker[Session], tenant_id: UUID, client: TestClient
) -> Mapping[str, UUID | str]:
    """Write one of everything into a book, and return the ids."""
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        customer = add_customer(session, tenant_id)
        invoice = add_invoice(session, tenant_id, customer)
        payment = add_transaction(session, tenant_id, account, remittance=invoice.number)
        sync_run = record_own_run(
            session,
            tenant_id,
            account.connection_id,
            trigger=SyncTrigger.REPLAY,
            now=datetime(2026, 3, 1, tzinfo=UTC),
        )
        category = add_category(session, tenant_id)
        rule = create_rule(
            session,
            tenant_id,
            name="Office",
            category_id=category.id,
            conditions=Conditions(payees=("Office",)),
            actor_id=None,
        )
        run = match_payments(session, tenant_id, now=datetime(2026, 3, 1, tzinfo=UTC))
        match = list_matches(session, tenant_id, where=MatchFilter()).rows[0]
        known: dict[str, UUID | str] = {
            "account_id": account.id,
            "category_id": category.id,
            "connection_id": account.connection_id,
            "currency": "USD",
            "customer_id": customer.id,
            "date": "2026-02-27",
            "institution_id": account.connection.institution_id,
            "invoice_id": invoice.id,
            "match_id": match.id,
            "match_run_id": run.match_run_id,
            "provider": "gocardless",
            "rule_id": rule.id,
            "set_name": "household",
            "sync_run_id": sync_run.id,
            "transaction_id": payment.id,
        }
    known["name"] = "fct_transactions"
    job = client.post("/api/v1/match_runs").json()["data"]
    file = "number,customer_number,customer_name,currency,total,issue_date\nA,B,C,EUR,1,2026-02-01"
    report = client.post(
        "/api/v1/invoices/imports", content=file, headers={"Content-Type": "text/csv"}
    ).json()["data"]
    known.update(_settle(client, invoice))
    client.put("/api/v1/fx_rates/USD/2026-02-27", json={"rate": "1.0842"})
    return known | {"job_id": job["id"], "import_id": report["import_id"]}


def _settle(client: TestClient, invoice: Invoice) -> Mapping[str, str]:
    """Settle some of an invoice with credit and by an adjustment, and return their ids."""
    note = {
        "customer_id": str(invoice.customer_id),
        "number": "CN-1",
        "currency": invoice.currency,
        "total": "2.00",
        "issue_date": "2026-02-01",
    }
    credit = client.post("/api/v1/credit_notes", json=note).json()["data"]
    written_off = {"kind": "written_off", "amount": "1.00"}
    use = client.post(f"/api/v1/credits/{credit['id']}/uses", json=written_off).json()["data"]
    other = client.post(
        "/api/v1/invoices",
        json={name: note[name] for name in ("customer_id", "currency", "total", "issue_date")}
        | {"number": "INV-OTHER"},
    ).json()["data"]
    adjustments = f"/api/v1/invoices/{other['id']}/adjustments"
    adjustment = client.post(adjustments, json={"amount": "1.00"}).json()["data"]
    return {
        "credit_id": credit["id"],
        "use_id": use["id"],
        "adjustment_id": adjustment["id"],
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_answer_is_one_that_the_document_describes(
    book: Book, method: str, path: str
) -> None:
    operation = SCHEMA[path][method]
    named = {
        parameter.name: str(book.ids[parameter.name]) for parameter in operation.path_parameters
    }
    cases = st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE, path_parameters=named or None),
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=named or None),
    )

    @seed(20260228)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def answer_well(case: Case[Any]) -> None:
        answer = case.call(headers=dict(book.headers))
        assert answer.status_code < 500 or (path, answer.status_code) == NOT_READY
        case.validate_response(answer, checks=CHECKS)

    answer_well()
