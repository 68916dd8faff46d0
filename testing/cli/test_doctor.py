"""``payymo doctor``, as the operator sees it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from testing.cli.running import payymo
from testing.factories import add_account, add_tenant
from testing.fakes import FakeClock, a_balance, a_payload
from testing.marts import publish
from testing.workflows.test_standardise import Book

from payymo.analytics.warehouse import BuildFailure, Warehouse
from payymo.domain.enums import CheckStatus, Completeness, MatchScope, SyncTrigger
from payymo.domain.errors import InvalidInputError
from payymo.domain.ledger.coverage import Claim, DayRange
from payymo.postgres.common.models import SyncRun, Transaction
from payymo.postgres.common.operations.coverage import record_coverage
from payymo.postgres.common.operations.sync_runs import record_own_run
from payymo.postgres.reconciliation.operations.match_runs import record_failed_run
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.doctor import examine_warehouse
from payymo.workflows.rates import import_rates
from payymo.workflows.reconcile import reconcile


def checks(*arguments: str) -> dict[str, dict[str, Any]]:
    """Return what was checked, by name."""
    return {
        check["name"]: check for check in json.loads(payymo("doctor", "--json", *arguments).stdout)
    }


@pytest.fixture
def proved(book: Book) -> Book:
    """An account whose days of purchases lie between balances that agree."""
    rows = [
        a_payload("-10.00", f"2026-02-2{n}", f"Shop {n}", internalTransactionId=str(n))
        for n in range(1, 5)
    ]
    book.clock.now -= timedelta(days=8)
    for number in range(1, 5):
        closing = {**a_balance(f"{100 - 10 * number}.00"), "referenceDate": f"2026-02-2{number}"}
        book.clock.now += timedelta(days=1)
        book.pull("a", rows[:number], [], balances=[closing])
    return book


class TestDoctor:
    def test_says_of_an_account_that_it_adds_up(self, proved: Book) -> None:
        told = checks()

        assert told["proof"]["status"] == "ok"
        assert told["proof"]["message"] == "Main account adds up through 2026-02-24."
        assert told["migrations"]["status"] == "ok"
        assert {told[name]["status"] for name in ("keys", "runs", "rows")} == {"ok"}
        assert told["worker"]["status"] == "attention"
        assert told["freshness"]["status"] == "attention"

    @pytest.mark.parametrize(
        ("lacking", "status", "told"),
        [
            (1, "ok", "has no unknown days after its history begins, at {0} to {0}:"),
            (8, "attention", "has 1 stretches of unknown days, the first {7} to {0}:"),
        ],
    )
    def test_the_day_on_which_a_history_begins_is_no_hole_to_be_warned_of(
        self, proved: Book, lacking: int, status: str, told: str
    ) -> None:
        today = datetime.now(UTC).date()
        begins = today - timedelta(days=60)
        with tenant_transaction(proved.sessions, proved.tenant_id) as session:
            account = add_account(session, proved.tenant_id, name="Second account")
            run = record_own_run(
                session,
                proved.tenant_id,
                account.connection_id,
                trigger=SyncTrigger.REPLAY,
                now=proved.clock.now,
            )
            record_coverage(
                session,
                proved.tenant_id,
                account.id,
                Claim(DayRange(begins, today), Completeness.CUT, is_firm=True),
                consent_id=account.consent_id,
                sync_run_id=run.id,
                asked_from=begins - timedelta(days=lacking),
                now=proved.clock.now,
            )
        days = [begins - timedelta(days=each) for each in range(1, 9)]

        (check,) = (
            each
            for each in json.loads(payymo("doctor", "--json").stdout)
            if each["name"] == "coverage" and each["account_id"] == str(account.id)
        )

        assert check["status"] == status
        assert told.format(*days) in check["message"]

    def test_names_the_day_that_fails_and_exits_with_1(self, proved: Book) -> None:
        with tenant_transaction(proved.sessions, proved.tenant_id) as session:
            session.execute(
                update(Transaction)
                .where(Transaction.internal_id == "3")
                .values(status="superseded")
            )

        result = payymo("doctor")

        assert result.exit_code == 1
        assert "failed    proof: Main account does not add up on 2026-02-23" in result.stdout
        assert "the bank has 10.00 EUR less than the rows come to" in result.stdout
        assert "which is not counted here" in result.stdout

    def test_says_how_far_exchange_rates_are_known(self, proved: Book) -> None:
        clock = FakeClock(datetime.now(UTC))
        assert checks()["rates"] == {
            "name": "rates",
            "status": "ok",
            "message": "No exchange rates were taken in: amounts are told in their own currencies"
            " only.",
            "tenant_id": None,
            "account_id": None,
        }

        import_rates(proved.sessions, b"Date,USD,\n2026-01-02,1.1,\n", clock=clock)
        stale = checks()["rates"]
        today = f"{clock.now.date()}"
        import_rates(proved.sessions, f"Date,USD,\n{today},1.1,\n".encode(), clock=clock)
        fresh = checks()["rates"]
        clock.now += timedelta(seconds=1)
        with pytest.raises(InvalidInputError):
            import_rates(proved.sessions, b"<html></html>", clock=clock)
        failed = checks()["rates"]

        assert stale["status"] == "attention"
        assert "known up to 2026-01-02. Run `payymo rates update`" in stale["message"]
        assert (fresh["status"], fresh["message"]) == (
            "ok",
            f"Exchange rates are known up to {today}.",
        )
        assert failed["status"] == "attention"
        assert "failed. The file holds no rate at all" in failed["message"]

    def test_says_that_a_build_failed_and_what_is_shown(self, tmp_path: Path) -> None:
        warehouse = Warehouse(tmp_path)
        at_first = examine_warehouse(warehouse)
        publish(tmp_path, {}, as_of=datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
        built = examine_warehouse(warehouse)
        failed_at = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
        warehouse.note_failure(BuildFailure(failed_at, "A test failed.", ["a row of somebody's"]))
        failed = examine_warehouse(warehouse)

        assert (at_first.status, built.status) == (CheckStatus.OK, CheckStatus.OK)
        assert "Nothing was built yet" in at_first.message
        assert built.message == "It shows the ledger as of 2026-03-01 12:00 UTC."
        assert failed.status is CheckStatus.ATTENTION
        assert failed.message == (
            "Its latest build failed at 2026-03-01 13:00 UTC. A test failed."
            " It shows the ledger as of 2026-03-01 12:00 UTC."
        )

    def test_says_what_never_ended(self, proved: Book) -> None:
        with tenant_transaction(proved.sessions, proved.tenant_id) as session:
            session.execute(update(SyncRun).values(status="running"))

        assert "4 syncs never ended" in checks()["runs"]["message"]

    def test_says_that_the_last_matching_failed_until_one_succeeds(self, proved: Book) -> None:
        assert checks()["matching"]["message"] == "Nothing was matched yet."
        with tenant_transaction(proved.sessions, proved.tenant_id) as session:
            record_failed_run(
                session,
                proved.tenant_id,
                job_id=None,
                engine_version="1",
                scope=MatchScope.FULL,
                error_message="The database could not be reached.",
                started_at=proved.clock.now,
                now=proved.clock.now,
            )
        failed = checks()["matching"]
        reconcile(
            proved.sessions,
            proved.tenant_id,
            clock=lambda: proved.clock.now + timedelta(seconds=1),
        )
        mended = checks()["matching"]

        assert failed["status"] == "attention"
        assert "failed, and nothing of it was kept. The database could not" in failed["message"]
        assert mended["status"] == "ok"
        assert "came to its end" in mended["message"]

    @pytest.mark.usefixtures("committed")
    def test_an_installation_that_cannot_be_opened_has_failed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://payymo@127.0.0.1:1/payymo")

        result = payymo("doctor", "--json")

        assert result.exit_code == 1
        (check,) = json.loads(result.stdout)
        assert (check["name"], check["status"]) == ("installation", "failed")


def test_one_tenant_can_be_looked_at_alone(proved: Book) -> None:
    with proved.sessions.begin() as session:
        other_id = add_tenant(session, "Other Ltd")

    everybody = json.loads(payymo("doctor", "--json").stdout)
    told = json.loads(payymo("doctor", "--json", "--tenant", str(proved.tenant_id)).stdout)

    assert str(other_id) in {check["tenant_id"] for check in everybody}
    assert {check["tenant_id"] for check in told} == {None, str(proved.tenant_id)}
