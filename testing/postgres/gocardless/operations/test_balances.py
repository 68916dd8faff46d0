from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account

from payymo.domain.banking import BalanceRecord
from payymo.domain.enums import AccessScope, BalanceType, RunStatus, SyncTrigger
from payymo.postgres.common.models import SyncRun
from payymo.postgres.gocardless.models import GcBalance
from payymo.postgres.gocardless.operations.balances import record_raw_balances
from payymo.postgres.gocardless.operations.fetches import record_fetch


def test_a_balance_is_kept_each_time_that_it_says_something_new(
    session: Session, tenant_id: UUID
) -> None:
    account = add_account(session, tenant_id)
    run = SyncRun(
        tenant_id=tenant_id,
        connection_id=account.connection_id,
        trigger=SyncTrigger.SCHEDULE,
        status=RunStatus.RUNNING,
        started_at=NOW,
    )
    session.add(run)
    session.flush()

    for amount in ("10.00", "10.00", "12.00", None):
        fetch_id = record_fetch(
            session,
            tenant_id,
            account.id,
            run.id,
            scope=AccessScope.BALANCES,
            since=None,
            row_count=1,
            last_updated=None,
            request_id=None,
            now=NOW,
        )
        records = [] if amount is None else [a_record(amount)]
        record_raw_balances(session, tenant_id, account.id, fetch_id, records)

    rows = session.execute(select(GcBalance.payload).order_by(GcBalance.id))
    assert [payload for (payload,) in rows] == [{"amount": "10.00"}, {"amount": "12.00"}]


def a_record(amount: str) -> BalanceRecord:
    return BalanceRecord(
        balance_type=BalanceType.CLOSING_BOOKED,
        amount=Decimal(amount),
        currency="EUR",
        credit_limit_included=None,
        reference_date=None,
        changed_at=None,
        payload={"amount": amount},
    )
