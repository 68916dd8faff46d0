"""The warehouse, built by the real dbt from a real PostgreSQL."""

import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import (
    add_account,
    add_category,
    add_customer,
    add_invoice,
    add_tenant,
    add_transaction,
)

from payymo.analytics.project import project_folder
from payymo.analytics.warehouse import WAREHOUSE_FILE, BuildRecord, Warehouse
from payymo.domain.enums import BuildKind, CategorySource, ProofStatus, TransactionStatus
from payymo.domain.errors import BuildFailedError, ConfigurationError
from payymo.postgres.auth.models import Tenant
from payymo.postgres.categories.models import Category
from payymo.postgres.common.models import BalanceProof, Connection, Transaction
from payymo.postgres.core import create_app_engine
from payymo.postgres.fx.models import FxRate, FxRateOverride
from payymo.postgres.reconciliation.models import Invoice
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.warehouse import build_warehouse

# dbt takes some ten seconds to start, and a test builds several times.
pytestmark = pytest.mark.timeout(900)

#: What a build that changed no row still makes, where the last one was of another day.
DECIDED_BY_THE_DAY = (
    "intermediate.int_recurring_payments",
    "mart.dim_dates",
    "mart.fct_cash_forecast",
    "mart.fct_cash_forecast_backtest",
    "mart.fct_customer_payment_behaviour",
    "mart.fct_days_sales_outstanding",
    "mart.fct_net_worth",
    "mart.fct_receivables_ageing",
    "mart.fct_recurring_payments",
)

#: A moment before every build: the database's own clock is not ours to set.
LONG_AGO = date(2020, 1, 1)


@dataclass
class Builder:
    """Builds one database's warehouse into one folder."""

    url: str
    folder: Path
    project: Path | None = None
    waited: list[bool] = field(default_factory=list)
    steps: list[tuple[int, int]] = field(default_factory=list)

    def build(self, *, full: bool = False) -> BuildRecord:
        return build_warehouse(
            self.url,
            self.folder,
            full=full,
            clock=lambda: datetime.now(UTC),
            progress=lambda done, total, _: self.steps.append((done, total)),
            on_wait=lambda: self.waited.append(True),
            project=self.project,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with Warehouse(self.folder).reading() as (_, connection):
            return connection.execute(query).fetchall()

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of all tables, in an order that only their values decide."""
        names = self.rows(
            "select table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('source', 'intermediate', 'mart')"
        )
        return {name: self.rows(f"select * from {name} order by all") for (name,) in names}


@pytest.fixture
def app_engine(database: str) -> Iterator[Engine]:
    engine = create_app_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def books(app_engine: Engine) -> sessionmaker[Session]:
    """An opener of transactions that really commit."""
    return sessionmaker(app_engine, expire_on_commit=False)


@pytest.fixture
def tenants(books: sessionmaker[Session]) -> list[UUID]:
    with books.begin() as session:
        return [add_tenant(session, name) for name in ("First", "Second")]


@pytest.fixture
def builder(database: str, tmp_path: Path) -> Builder:
    return Builder(database, tmp_path / "analytics")


@contextmanager
def uncommitted(books: sessionmaker[Session], tenant_id: UUID) -> Iterator[Session]:
    """Keep a transaction open within the block, and commit it at its end."""
    with tenant_transaction(books, tenant_id) as session:
        yield session


def change_at_random(rng: random.Random, session: Session, tenant_id: UUID) -> None:
    """Do to a tenant's rows what syncs, people and deletions do, a few times."""
    accounts = [add_account(session, tenant_id)]
    for _ in range(rng.randint(3, 8)):
        add_transaction(
            session,
            tenant_id,
            rng.choice(accounts),
            amount=Decimal(rng.randint(-99_999, 99_999)) / 100,
            currency=rng.choice(["EUR", "USD"]),
            transaction_date=date(2026, 1, 1) + timedelta(days=rng.randint(0, 90)),
            status=rng.choice(list(TransactionStatus)),
        )
    for invoice in (add_invoice(session, tenant_id), add_invoice(session, tenant_id)):
        invoice.total = Decimal(rng.randint(1, 99_999)) / 100
    known = session.scalars(
        select(Transaction).where(Transaction.tenant_id == tenant_id).order_by(Transaction.id)
    ).all()
    for transaction in rng.sample(known, k=len(known) // 3):
        transaction.amount += 1
        transaction.status = rng.choice(list(TransactionStatus))
        transaction.payee = rng.choice(["Landlord", None])
        transaction.deleted_at = rng.choice([datetime.now(UTC), None])
    session.flush()
    invoices = session.scalars(
        select(Invoice.id).where(Invoice.tenant_id == tenant_id).order_by(Invoice.id)
    ).all()
    for invoice_id in rng.sample(invoices, k=len(invoices) // 4):
        session.execute(
            delete(Invoice).where(Invoice.tenant_id == tenant_id, Invoice.id == invoice_id)
        )
    connections = session.scalars(
        select(Connection.id).where(Connection.tenant_id == tenant_id).order_by(Connection.id)
    ).all()
    if len(connections) > 2:
        gone = rng.choice(connections)
        session.execute(
            delete(Connection).where(Connection.tenant_id == tenant_id, Connection.id == gone)
        )


def change_what_is_said(rng: random.Random, session: Session, tenant_id: UUID) -> None:
    """Change what rows are shown with: categories, and the tenant's own rates."""
    categories = session.scalars(
        select(Category).where(Category.tenant_id == tenant_id).order_by(Category.id)
    ).all()
    for category in categories:
        category.name += "!"
    categories = [*categories, add_category(session, tenant_id, f"New {rng.random()}")]
    for transaction in session.scalars(
        select(Transaction).where(Transaction.tenant_id == tenant_id).order_by(Transaction.id)
    ):
        transaction.category_id = rng.choice(categories).id
        transaction.category_source = CategorySource.USER
    rate = {"rate": Decimal(rng.randint(8_000, 12_000)) / 10_000, "rate_date": date(2026, 1, 1)}
    session.execute(delete(FxRateOverride).where(FxRateOverride.tenant_id == tenant_id))
    session.add(FxRateOverride(tenant_id=tenant_id, currency="USD", **rate))
    session.flush()


def pretend_it_was_of_yesterday(warehouse: Warehouse, record: BuildRecord) -> None:
    """Let a build say that it shows the day before, and spoil all in it that the day decides."""
    with duckdb.connect(str(warehouse.file(record))) as connection:
        for table in DECIDED_BY_THE_DAY:
            connection.execute(f"delete from {table}")
    path = warehouse.folder / "current" / "build.json"
    told = json.loads(path.read_text())
    told["as_of"] = str(record.as_of - timedelta(days=1))
    path.write_text(json.dumps(told))


def test_what_changed_comes_to_the_same_as_everything(
    builder: Builder, books: sessionmaker[Session], tenants: list[UUID], tmp_path: Path
) -> None:
    """Of one tenant, of most, and of what is everybody's; what was begun before a build and
    committed after it; and when a day has passed, which decides other tables than rows do.
    """
    rng = random.Random(2026)
    warehouse = Warehouse(builder.folder)
    for tenant_id in tenants:
        with tenant_transaction(books, tenant_id) as session:
            change_at_random(rng, session, tenant_id)
            change_what_is_said(rng, session, tenant_id)
    with uncommitted(books, tenants[0]) as session:
        account = add_account(session, tenants[0], name="Begun before")
        add_transaction(session, tenants[0], account)

        everything_then = builder.build()

        assert everything_then.kind is BuildKind.FULL
        assert (
            builder.rows("select * from mart.dim_accounts where account_name like 'Begun%'") == []
        )
    records = []
    pretend_it_was_of_yesterday(warehouse, everything_then)
    records.append(builder.build())
    begun = builder.rows("select 1 from mart.dim_accounts where account_name like 'Begun%'")
    assert len(begun) == 1
    with books.begin() as session:
        session.add(FxRate(currency="USD", rate_date=date(2026, 2, 1), rate=Decimal("1.5")))
    for tenant_id in tenants:
        with tenant_transaction(books, tenant_id) as session:
            change_at_random(rng, session, tenant_id)
    records.append(builder.build())
    with tenant_transaction(books, tenants[0]) as session:
        change_at_random(rng, session, tenants[0])
        change_what_is_said(rng, session, tenants[0])
        session.get_one(Tenant, tenants[0]).currency = "USD"
    records.append(builder.build())

    anew = Builder(builder.url, tmp_path / "anew")
    everything = anew.build()

    assert [record.kind for record in records] == [BuildKind.INCREMENTAL] * 3
    assert all(record.model_count < everything.model_count for record in records)
    assert all(record.test_count < everything.test_count for record in records)
    assert builder.tables() == anew.tables()
    assert len(builder.tables()["source.src_transactions"]) > 10


def test_the_marts_say_what_the_ledger_says(
    builder: Builder, books: sessionmaker[Session], tenants: list[UUID]
) -> None:
    mine, theirs = tenants
    with tenant_transaction(books, mine) as session:
        account = add_account(session, mine)
        add_transaction(session, mine, account, amount=Decimal("250.00"))
        add_transaction(session, mine, account, amount=Decimal("-40.50"))
        add_transaction(session, mine, account, amount=Decimal(7), status=TransactionStatus.PENDING)
        add_transaction(session, mine, account, deleted_at=datetime.now(UTC))
        add_transaction(session, mine, account, status=TransactionStatus.SUPERSEDED)
        customer = add_customer(session, mine, name="Debtor")
        add_invoice(session, mine, customer, total=Decimal("80.00"), due_date=LONG_AGO)
        add_proofs(session, mine, account.id)
    with tenant_transaction(books, theirs) as session:
        add_transaction(session, theirs, add_account(session, theirs), amount=Decimal(1))

    record = builder.build()

    assert record.test_count > record.model_count > 40
    steps, totals = zip(*builder.steps, strict=True)
    assert set(totals) == {record.model_count + record.test_count}
    assert steps == tuple(range(1, totals[0] + 1))
    assert builder.rows(
        "select tenant_id, count(*), sum(amount) from mart.fct_transactions group by all "
        "order by count(*)"
    ) == [(theirs, 1, Decimal(1)), (mine, 3, Decimal("216.50"))]
    assert builder.rows(
        f"select month_start_date, currency, money_in, money_out, net_cash_flow "
        f"from mart.fct_monthly_cash_flow where tenant_id = '{mine}'"
    ) == [(date(2026, 2, 1), "EUR", Decimal(250), Decimal("40.50"), Decimal("209.50"))]
    assert builder.rows(
        f"select category_name, is_transfer, money_out, money_back, payment_count "
        f"from mart.fct_spending_by_category where tenant_id = '{mine}'"
    ) == [("Uncategorised", False, Decimal("40.50"), Decimal(0), 1)]
    assert builder.rows(
        "select customer_name, balance, ageing_bucket from mart.fct_receivables_ageing"
    ) == [("Debtor", Decimal(80), "over_90")]
    assert builder.rows(
        "select balance_date, closing_balance, is_estimated from mart.fct_daily_balances order by 1"
    ) == [
        (date(2026, 2, 1), Decimal(100), False),
        (date(2026, 2, 2), Decimal("309.50"), True),
    ]
    assert run_unit_tests(builder.folder / "current") == 0


def run_unit_tests(build: Path) -> int:
    """Run the models' own tests of their logic: they need nothing but a build's tables."""
    options = ["--log-path", "logs", "test", "--target", "offline", "--select", "test_type:unit"]
    done = subprocess.run(
        [sys.executable, str(project_folder() / "run.py"), *options, "--target-path", "target"],
        cwd=build,
        env={"PAYYMO_WAREHOUSE": WAREHOUSE_FILE},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"PASS=[1-9]", done.stdout), done.stdout
    return done.returncode


def add_proofs(session: Session, tenant_id: UUID, account_id: UUID) -> None:
    """Say that an account held 100.00 on the first of February, and of the second nothing."""
    proved = {"opening": Decimal(90), "booked": Decimal(10), "closing": Decimal(100)}
    unknown = {"booked": Decimal("209.50")}
    for number, (status, amounts) in enumerate(
        [(ProofStatus.PROVED, proved), (ProofStatus.UNKNOWN, unknown)], start=1
    ):
        session.add(
            BalanceProof(
                tenant_id=tenant_id,
                account_id=account_id,
                currency="EUR",
                day=date(2026, 2, number),
                status=status,
                row_count=number,
                told_at=datetime.now(UTC),
                **amounts,
            )
        )
    session.flush()


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """The dbt project without its marts, for what does not depend on how many models there are."""
    project = tmp_path / "project"
    left_out = shutil.ignore_patterns("target", "logs", "intermediate", "mart", "tests")
    shutil.copytree(project_folder(), project, ignore=left_out)
    (project / "tests").mkdir()
    return project


@pytest.mark.usefixtures("tenants")
def test_a_build_that_fails_leaves_the_last_good_one(builder: Builder, small_project: Path) -> None:
    builder.project = small_project
    good = builder.build()
    warehouse = Warehouse(builder.folder)
    (small_project / "tests" / "nothing_is_true.sql").write_text("select 1 as row_number\n")

    with pytest.raises(BuildFailedError, match="stays in use") as raised:
        builder.build()

    problems = [problem.message for problem in raised.value.problems]
    assert problems == ["nothing_is_true: Got 1 result, configured to fail if != 0"]
    assert warehouse.current() == good
    failure = warehouse.latest_failure()
    assert failure is not None
    assert list(failure.problems) == problems
    assert [folder.name for folder in (builder.folder / "builds").iterdir()] == [good.id]


def test_an_incremental_build_that_fails_leaves_it_too(
    builder: Builder, small_project: Path, books: sessionmaker[Session], tenants: list[UUID]
) -> None:
    builder.project = small_project
    (small_project / "tests" / "nobody_has_dollars.sql").write_text(
        "select * from {{ ref('src_tenants') }} where currency = 'USD'\n"
    )
    good = builder.build()
    with tenant_transaction(books, tenants[0]) as session:
        session.get_one(Tenant, tenants[0]).currency = "USD"

    with pytest.raises(BuildFailedError, match="stays in use") as raised:
        builder.build()

    assert [problem.message for problem in raised.value.problems] == [
        "nobody_has_dollars: Got 1 result, configured to fail if != 0"
    ]
    warehouse = Warehouse(builder.folder)
    assert warehouse.current() == good
    assert [folder.name for folder in (builder.folder / "builds").iterdir()] == [good.id]
    with tenant_transaction(books, tenants[0]) as session:
        session.get_one(Tenant, tenants[0]).currency = "CHF"
    assert builder.build().kind is BuildKind.INCREMENTAL
    assert warehouse.latest_failure() is None
    assert builder.rows(f"select currency from source.src_tenants where id = '{tenants[0]}'") == [
        ("CHF",)
    ]


def test_two_builders_wait_for_each_other(builder: Builder, small_project: Path) -> None:
    builder.project = small_project
    other = Builder(builder.url, builder.folder, small_project)

    with ThreadPoolExecutor(2) as pool:
        builds = [pool.submit(each.build) for each in (builder, other)]
        records = [build.result() for build in builds]

    assert len({record.id for record in records}) == 2
    assert builder.waited + other.waited == [True]
    assert Warehouse(builder.folder).current() == max(records, key=lambda each: each.finished_at)


def test_a_database_without_the_role_is_named_as_such(tmp_path: Path, server: Any) -> None:
    with pytest.raises(ConfigurationError, match="payymo db init"):
        Builder(server.url("no_such_database"), tmp_path / "analytics").build()
