"""Whether an account adds up, as the API tells it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.api.accounts.test_endpoints import PATH, a_balance
from testing.factories import add_account, add_transaction

from payymo.domain.enums import Completeness, SyncTrigger
from payymo.domain.ledger.coverage import Claim, DayRange
from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.common.operations.balances import record_balances
from payymo.postgres.common.operations.coverage import record_coverage
from payymo.postgres.common.operations.sync_runs import lock_account, record_own_run
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.proof import prove_account

NOW = datetime(2026, 2, 7, 9, tzinfo=UTC)


@pytest.fixture
def account(sessions: sessionmaker[Session], tenant_id: UUID) -> Account:
    """An account of which all days of February are read."""
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        run = record_own_run(
            session, tenant_id, account.connection_id, trigger=SyncTrigger.FIRST, now=NOW
        )
        record_coverage(
            session,
            tenant_id,
            account.id,
            Claim(
                DayRange(date(2026, 2, 1), date(2026, 2, 7)), Completeness.COMPLETE, is_firm=True
            ),
            consent_id=account.consent_id,
            sync_run_id=run.id,
            asked_from=date(2026, 2, 1),
            now=NOW,
        )
        return account


def say(session: Session, account: Account, day: int, closing: str) -> None:
    """Let the bank say on a morning what the balance was at the end of the day before."""
    balance = replace(a_balance(closing), reference_date=date(2026, 2, day - 1))
    moment = datetime(2026, 2, day, 9, tzinfo=UTC)
    record_balances(session, account.tenant_id, account.id, [balance], now=moment)


def book(session: Session, account: Account, day: int, amount: str) -> Transaction:
    return add_transaction(
        session,
        account.tenant_id,
        account,
        amount=Decimal(amount),
        booking_date=date(2026, 2, day),
        transaction_date=date(2026, 2, day),
    )


def test_the_first_day_that_fails_is_told_with_what_would_explain_it(
    viewer: TestClient, account: Account, sessions: sessionmaker[Session]
) -> None:
    with tenant_transaction(sessions, account.tenant_id) as session:
        for day, closing in ((3, "100.00"), (4, "120.00"), (6, "150.00")):
            say(session, account, day, closing)
        right = book(session, account, 3, "20.00")
        wrong = book(session, account, 5, "60.00")
        twin = book(session, account, 4, "-30.00")
        again = book(session, account, 5, "30.00")
        prove_account(session, lock_account(session, account.tenant_id, account.id), now=NOW)

    shown = viewer.get(f"{PATH}/{account.id}/proof").json()["data"]

    assert (shown["status"], shown["reason"]) == ("failed", None)
    assert shown["proved_through"] == "2026-02-03"
    failure = shown["first_failure"]
    assert failure["proof"] == {
        "day": "2026-02-05",
        "currency": "EUR",
        "status": "failed",
        "reason": None,
        "row_count": 2,
        "opening": "90.00",
        "booked": "90.00",
        "closing": "150.00",
        "difference": "-30.00",
        "agreed_on": "2026-02-03",
    }
    assert [row["transaction_id"] for row in failure["rows"]] == [
        *sorted((str(wrong.id), str(again.id))), str(twin.id), str(right.id),
    ]  # fmt: skip
    assert [(each["kind"], each["transaction_id"]) for each in failure["suspects"]] == [
        ("doubled", str(again.id)), ("twin_missing", str(twin.id)),
    ]  # fmt: skip
    assert "which may be here once too often" in failure["suspects"][0]["message"]
    assert [(day["day"][-2:], day["status"], day["reason"]) for day in shown["days"]] == [
        ("07", "unknown", "day_not_over"),
        ("06", "unknown", "no_balance"),
        ("05", "failed", None),
        ("04", "unknown", "no_balance"),
        ("03", "proved", None),
        ("02", "unknown", "no_balance"),
    ]


def test_days_are_chosen_by_date_and_page(
    viewer: TestClient, account: Account, sessions: sessionmaker[Session]
) -> None:
    with tenant_transaction(sessions, account.tenant_id) as session:
        for day in range(3, 8):
            say(session, account, day, "100.00")
        prove_account(session, lock_account(session, account.tenant_id, account.id), now=NOW)

    address = f"{PATH}/{account.id}/proof"
    shown = viewer.get(f"{address}?start_date=2026-02-03&end_date=2026-02-05&per_page=2&page=2")

    data = shown.json()["data"]
    assert [day["day"] for day in data["days"]] == ["2026-02-03"]
    assert (data["day_count"], data["status"], data["first_failure"]) == (3, "proved", None)
    assert viewer.get(f"{address}?per_page=501").status_code == 400
    refused = viewer.get(f"{address}?start_date=2026-02-03&end_date=2026-02-01")
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "end_date must not be before start_date."


def test_an_account_that_nobody_looked_at_is_not_known_to_add_up(
    viewer: TestClient, account: Account
) -> None:
    shown = viewer.get(f"{PATH}/{account.id}/proof").json()["data"]

    assert (shown["status"], shown["reason"], shown["days"]) == ("unknown", "no_balance", [])
