"""Whether accounts add up, at banks that are reached over HTTP, and when somebody meddles."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, make_url, select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_tenant
from testing.fakes import FakeQueue
from testing.sandbox_house import SandboxHouse
from testing.workflows.conftest import Settle

from payymo.domain.enums import EventKind, ProofReason, ProofStatus, SuspectKind, SyncTrigger
from payymo.domain.ledger.splits import SplitPart
from payymo.postgres.common.models import Account, BalanceProof, Transaction
from payymo.postgres.common.operations.events import list_events
from payymo.postgres.common.operations.splits import replace_splits
from payymo.postgres.common.operations.sync_runs import lock_account
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.embedded import SUPERUSER_ROLE
from payymo.workflows.deletions import delete_transaction
from payymo.workflows.proof import explain_failures, prove_account

PROVED, FAILED, UNKNOWN = ProofStatus.PROVED, ProofStatus.FAILED, ProofStatus.UNKNOWN


@pytest.fixture
def house(settle: Settle, sessions: sessionmaker[Session], tenant_id: UUID) -> SandboxHouse:
    """A tenant and a sandbox."""
    return settle(sessions, tenant_id)


def proofs(session: Session, account_id: UUID) -> Sequence[BalanceProof]:
    statement = select(BalanceProof).where(BalanceProof.account_id == account_id)
    return session.scalars(statement.order_by(BalanceProof.day)).all()


def prove_again(session: Session, account: Account, house: SandboxHouse) -> None:
    locked = lock_account(session, account.tenant_id, account.id)
    prove_account(session, locked, now=house.clock())


def verdicts(
    found: Iterable[BalanceProof],
) -> dict[date, tuple[ProofStatus, tuple[Decimal | None, ...]]]:
    """Return of each day how it stands, and with which amounts."""
    return {
        proof.day: (proof.status, (proof.opening, proof.booked, proof.closing)) for proof in found
    }


def days(found: Iterable[BalanceProof], status: ProofStatus) -> list[date]:
    return [proof.day for proof in found if proof.status is status]


class TestSandbox:
    def test_rows_that_state_the_balance_prove_the_history_before_the_connection(
        self, house: SandboxHouse
    ) -> None:
        bond = house.connect("HAVENKAS_HAVKNL2X")
        bond.sync(SyncTrigger.FIRST)

        (account,) = bond.accounts()
        with house.read() as session:
            found = proofs(session, account.id)
        assert len(days(found, PROVED)) == len(found) - 1 > 85
        assert found[-1].reason is ProofReason.DAY_NOT_OVER


class TestPeople:
    @pytest.mark.parametrize("institution", ["ALPENTAL_ALPTATW1", "HAVENKAS_HAVKNL2X"])
    def test_what_they_delete_or_divide_adds_up_as_before(
        self, house: SandboxHouse, institution: str
    ) -> None:
        """To the bank a row is what it was: its balances were said with it, and go on so."""
        bond = house.connect(institution)
        bond.sync(SyncTrigger.FIRST)
        for _ in range(4):
            house.pass_days(1)
            bond.sync()
        account = bond.accounts()[0]
        with house.read() as session:
            before = verdicts(proofs(session, account.id))
            proved = [day for day, (status, _) in before.items() if status is PROVED]
            deleted, divided = session.scalars(
                select(Transaction)
                .where(
                    Transaction.account_id == account.id,
                    Transaction.booking_date.in_(proved),
                    Transaction.amount < -1,
                )
                .order_by(Transaction.booking_date.desc(), Transaction.id)
                .limit(2)
            )
            delete_transaction(
                session,
                house.tenant_id,
                deleted.id,
                queue=FakeQueue(),
                actor_id=None,
                now=house.clock(),
            )
            parts = [SplitPart(divided.amount + 1), SplitPart(Decimal(-1))]
            replace_splits(session, house.tenant_id, divided.id, parts, actor_id=None)

        with house.read() as session:
            prove_again(session, account, house)

        with house.read() as session:
            assert verdicts(proofs(session, account.id)) == before
        house.pass_days(2)
        bond.sync()
        with house.read() as session:
            after = verdicts(proofs(session, account.id))
        assert {day: after[day] for day in proved} == {day: before[day] for day in proved}
        assert not [day for day, (status, _) in after.items() if status is FAILED]
        assert len([day for day, (status, _) in after.items() if status is PROVED]) > len(proved)


class TestMeddling:
    @pytest.fixture
    def committed(self, database: str) -> Iterator[sessionmaker[Session]]:
        engine = create_app_engine(database)
        yield create_sessions(engine)
        engine.dispose()

    @pytest.fixture
    def superuser(self, database: str) -> Iterator[Engine]:
        engine = create_engine(make_url(database).set(username=SUPERUSER_ROLE))
        yield engine
        engine.dispose()

    @pytest.mark.parametrize("institution", ["ALPENTAL_ALPTATW1", "HAVENKAS_HAVKNL2X"])
    @pytest.mark.parametrize("deed", ["removed", "doubled"])
    def test_one_row_too_few_or_too_many_makes_its_day_fail(
        self,
        settle: Settle,
        committed: sessionmaker[Session],
        superuser: Engine,
        institution: str,
        deed: str,
    ) -> None:
        with committed.begin() as session:
            house = settle(committed, add_tenant(session))
        bond = house.connect(institution)
        bond.sync(SyncTrigger.FIRST)
        for _ in range(12):
            house.pass_days(1)
            bond.sync()
        account = bond.accounts()[0]
        today = house.clock().date()
        with house.read() as session:
            wrong = session.scalars(
                select(Transaction)
                .where(
                    Transaction.account_id == account.id,
                    Transaction.booking_date.between(
                        today - timedelta(days=9), today - timedelta(days=2)
                    ),
                    Transaction.amount != 0,
                )
                .order_by(Transaction.booking_date, Transaction.id)
                .limit(1)
            ).one()
            proved = days(proofs(session, account.id), PROVED)
        (_take if deed == "removed" else _double)(superuser, wrong)

        with house.read() as session:
            prove_again(session, account, house)

        with house.read() as session:
            found = proofs(session, account.id)
            (failure,) = explain_failures(session, account)
            told = list_events(
                session, house.tenant_id, kind=EventKind.BALANCE_PROOF_FAILED, page=1, per_page=9
            )
        difference = wrong.amount if deed == "removed" else -wrong.amount
        assert days(found, FAILED) == [wrong.booking_date]
        assert set(days(found, PROVED)) == set(proved) - {wrong.booking_date}
        assert failure.proof.difference == difference
        assert failure.proof.closing is not None
        assert failure.proof.opening is not None
        assert failure.proof.closing - failure.proof.opening - failure.proof.booked == difference
        if deed == "doubled":
            assert failure.suspects[0].kind is SuspectKind.DOUBLED
            assert failure.suspects[0].row.amount == wrong.amount
        (event,) = told.rows
        assert event.payload == {
            "day": str(wrong.booking_date),
            "currency": account.currency,
            "difference": f"{difference:.4f}",
        }

        house.pass_days(1)
        bond.sync()

        with house.read() as session:
            told = list_events(
                session, house.tenant_id, kind=EventKind.BALANCE_PROOF_FAILED, page=1, per_page=9
            )
        assert told.total == 1


def _take(superuser: Engine, row: Transaction) -> None:
    """Take a row out of the ledger, as no part of Payymo could."""
    with superuser.begin() as connection:
        connection.execute(text("DELETE FROM transactions WHERE id = :id"), {"id": row.id})


def _double(superuser: Engine, row: Transaction) -> None:
    """Copy a row, as no part of Payymo would."""
    names = [
        column.name
        for column in Transaction.__table__.columns
        if column.name not in {"id", "is_credit"}
    ]
    columns = ", ".join(names)
    copied = (
        f"SELECT gen_random_uuid(), {columns} FROM transactions WHERE id = :id"  # names of columns
    )
    with superuser.begin() as connection:
        connection.execute(
            text(f"INSERT INTO transactions (id, {columns}) {copied}"), {"id": row.id}
        )
