"""Two suggestions that name the same credit: one can be accepted, and the other says why not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import HandClock
from testing.factories import (
    add_account,
    add_customer,
    add_invoice,
    add_tenant,
    add_transaction,
)

from payymo.api.access_tokens import AccessTokens, Member
from payymo.api.app import create_app
from payymo.api.services import ApiServices
from payymo.domain.enums import MatchOrigin, MatchStatus, Role
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.reconciliation.models import (
    CustomerCredit,
    Match,
    MatchDifference,
    MatchLine,
)
from payymo.postgres.reconciliation.operations.credits import (
    CreditNoteValues,
    create_credit_note,
)
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/matches"
WAIT_SECONDS = 20


@dataclass
class Rivals:
    """Two suggestions: each pays 80.00 of an invoice of 100.00, and the rest with one credit."""

    client: TestClient
    tenant_id: UUID
    sessions: sessionmaker[Session]
    credit_id: UUID
    match_ids: list[UUID]

    def accept(self, match_id: UUID) -> Any:
        return self.client.patch(f"{URL}/{match_id}", json={"status": "confirmed"})

    def statuses(self) -> list[str]:
        return sorted(
            self.client.get(f"{URL}/{match_id}").json()["data"]["status"]
            for match_id in self.match_ids
        )

    def balance(self) -> Decimal:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return session.scalars(select(CustomerCredit.balance)).one()


def suggest(session: Session, tenant_id: UUID) -> tuple[UUID, list[UUID]]:
    customer, account = add_customer(session, tenant_id), add_account(session, tenant_id)
    note = CreditNoteValues(customer.id, "CN-1", "EUR", Decimal("20.00"), date(2026, 1, 20))
    credit = create_credit_note(session, tenant_id, note, actor_id=None, now=HandClock().now)
    match_ids = []
    for _ in range(2):
        invoice = add_invoice(session, tenant_id, customer)
        payment = add_transaction(session, tenant_id, account, amount=Decimal("80.00"))
        match = Match(
            tenant_id=tenant_id,
            transaction_id=payment.id,
            status=MatchStatus.SUGGESTED,
            origin=MatchOrigin.ENGINE,
            confidence=Decimal("0.9"),
            evidence={"items": []},
            engine_version="1",
        )
        session.add(match)
        session.flush()
        owner = {"tenant_id": tenant_id, "match_id": match.id, "invoice_id": invoice.id}
        session.add(MatchLine(**owner, amount=Decimal("80.00")))
        session.add(MatchDifference(**owner, credit_id=credit.id, amount=Decimal("20.00")))
        session.flush()
        match_ids.append(match.id)
    return credit.id, match_ids


@pytest.fixture
def rivals(database: str, services: ApiServices) -> Iterator[Rivals]:
    engine = create_app_engine(database)
    sessions = create_sessions(engine)
    with sessions.begin() as session:
        tenant_id = add_tenant(session)
    with tenant_transaction(sessions, tenant_id) as session:
        credit_id, match_ids = suggest(session, tenant_id)
    tokens = AccessTokens(services.token_key, services.clock)
    token = tokens.issue(Member(tenant_id=tenant_id, user_id=uuid4(), role=Role.MEMBER))
    app = create_app(replace(services, sessions=sessions))
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as client:
        yield Rivals(client, tenant_id, sessions, credit_id, match_ids)
    engine.dispose()


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def waiting(sessions: sessionmaker[Session]) -> int:
    """Return how many wait for a row that another transaction holds."""
    statement = text(
        "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database()"
    )
    with sessions.begin() as session:
        return session.scalar(statement) or 0


def test_the_second_to_be_accepted_says_that_the_credit_is_used_up(rivals: Rivals) -> None:
    first, second = map(rivals.accept, rivals.match_ids)

    assert first.status_code == 200
    error = second.json()["error"]
    assert (second.status_code, error["code"]) == (422, "credit_exhausted")
    assert error["message"] == "Only 0.00 EUR are left of credit note CN-1: 20.00 EUR are needed."
    assert rivals.statuses() == ["confirmed", "suggested"]
    assert rivals.balance() == 0


def test_of_two_that_are_accepted_at_once_one_is_refused(rivals: Rivals) -> None:
    held = select(CustomerCredit).where(CustomerCredit.id == rivals.credit_id).with_for_update()
    with ThreadPoolExecutor(2) as pool:
        with tenant_transaction(rivals.sessions, rivals.tenant_id) as session:
            session.scalars(held).one()
            # Both have seen the credit unused when they come to the row that is held here.
            answers = [pool.submit(rivals.accept, match_id) for match_id in rivals.match_ids]
            until(lambda: waiting(rivals.sessions) == 2)
        found = sorted((answer.result() for answer in answers), key=lambda each: each.status_code)

    assert [answer.status_code for answer in found] == [200, 422]
    assert found[1].json()["error"]["code"] == "credit_exhausted"
    assert rivals.statuses() == ["confirmed", "suggested"]
    assert rivals.balance() == 0
