"""Forecasts of invented books: what they know, how far off they are, how often their band holds."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import duckdb
import pytest
from jinja2 import Environment, FileSystemLoader

from payymo.analytics.project import project_folder
from payymo.sandbox.books.hosting import business_book
from payymo.sandbox.books.household import household_book
from payymo.sandbox.books.records import Book

TODAY: Final = date(2026, 11, 27)
KNOWN_FROM: Final = TODAY - timedelta(days=730)
THEN: Final = TODAY - timedelta(days=7 * 28)

#: One alone may be lucky, as the errors of its days have to do with each other.
HOUSEHOLDS: Final = 8

#: In the order in which each finds what it reads.
MODELS: Final = (
    "int_told_balances",
    "int_forecast_days",
    "int_payment_days",
    "int_invoice_settlements",
    "int_invoice_receipts",
    "int_recurring_payments",
    "int_known_accounts",
    "int_expected_receipts",
    "int_usual_flows",
    "int_cash_expectations",
    "int_cash_forecasts",
    "fct_cash_forecast_backtest",
)
TABLES: Final = """
create table dim_accounts (tenant_id uuid, account_id uuid, iban varchar, currency varchar,
    is_sync_enabled boolean, known_from_date date);
create view stg_accounts as select * from dim_accounts;
create table fct_daily_balances (tenant_id uuid, account_id uuid, currency varchar,
    balance_date date, closing_balance decimal(38, 4));
create table stg_balances (tenant_id uuid, account_id uuid, currency varchar,
    balance_type varchar, amount decimal(20, 4), is_retracted boolean,
    last_observed_at timestamptz);
create table stg_transactions (tenant_id uuid, transaction_id uuid, account_id uuid,
    transaction_status varchar, is_deleted boolean, currency varchar, direction varchar,
    payee varchar, counterparty_name varchar, counterparty_iban varchar, category_id uuid,
    transaction_date date, amount decimal(20, 4), allocated decimal(20, 4));
create table stg_allocations (tenant_id uuid, allocation_id uuid, transaction_id uuid,
    invoice_id uuid, amount decimal(20, 4), settled decimal(20, 4), is_reversed boolean);
create table stg_invoices (tenant_id uuid, invoice_id uuid, customer_id uuid, currency varchar,
    total decimal(20, 4), issue_date date, due_date date, voided_at timestamptz);
create table stg_customers (tenant_id uuid, customer_id uuid, customer_name varchar);
create table stg_categories (tenant_id uuid, category_id uuid, category_kind varchar);
create table stg_adjustments (tenant_id uuid, adjustment_id uuid, invoice_id uuid,
    amount decimal(20, 4), created_at timestamptz, is_reversed boolean);
create table stg_credit_uses (tenant_id uuid, credit_use_id uuid, invoice_id uuid,
    amount decimal(20, 4), created_at timestamptz, is_reversed boolean);
"""


class Ledger:
    """Staged rows of some tenants, and the forecasts that the models make of them."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.engine = engine
        self._folder = folder
        self._ids = (UUID(int=number) for number in range(1, 10**9))
        engine.execute(f"set TimeZone = 'UTC'; {TABLES}")
        engine.execute(f"create macro main.as_of() as '{TODAY} 12:00:00+00'::timestamptz")

    def add(self, book: Book) -> UUID:
        """Enter a book as a tenant's, with each payment on the invoices that it was for."""
        tenant_id = next(self._ids)
        accounts = {account.key: next(self._ids) for account in book.accounts}
        self._insert(
            "dim_accounts",
            (
                (tenant_id, accounts[each.key], each.iban, each.currency, True, KNOWN_FROM)
                for each in book.accounts
            ),
        )
        invoices = {invoice.number: next(self._ids) for invoice in book.invoices}
        customers: dict[str, UUID] = {}
        for invoice in book.invoices:
            customers.setdefault(invoice.customer_name, next(self._ids))
        self._insert(
            "stg_customers", ((tenant_id, known, name) for name, known in customers.items())
        )
        self._insert(
            "stg_invoices",
            (
                (
                    *(tenant_id, invoices[each.number], customers[each.customer_name]),
                    *(each.currency, each.total, each.issued_on, each.due_on, None),
                )
                for each in book.invoices
            ),
        )
        paid = {(each.account_key, each.entry_key): each.allocations for each in book.truths}
        rows: list[Sequence[object]] = []
        allocations: list[Sequence[object]] = []
        balances: list[Sequence[object]] = []
        for account in book.accounts:
            held = account.opening
            for entry in book.entries[account.key]:
                if not KNOWN_FROM <= entry.booked_on <= TODAY:
                    continue
                held += entry.amount
                transaction_id = next(self._ids)
                side = "debtor" if entry.amount > 0 else "creditor"
                lines = paid.get((account.key, entry.key), ())
                allocated = min(sum((amount for _, amount in lines), Decimal(0)), entry.amount)
                rows.append(
                    (
                        *(tenant_id, transaction_id, accounts[account.key], "booked", False),
                        *(account.currency, "credit" if entry.amount > 0 else "debit"),
                        *(entry.fields.get(f"{side}Name"), None),
                        (entry.fields.get(f"{side}Account") or {}).get("iban"),
                        *(None, entry.booked_on, entry.amount, allocated if lines else 0),
                    )
                )
                allocations += (
                    (
                        *(tenant_id, next(self._ids), transaction_id, invoices[number]),
                        *(min(amount, entry.amount), amount, False),
                    )
                    for number, amount in lines
                )
            balances.append(
                (
                    *(tenant_id, accounts[account.key], account.currency, "interim_booked"),
                    *(held, False, f"{TODAY} 12:00:00+00"),
                )
            )
        self._insert("stg_transactions", rows)
        self._insert("stg_allocations", allocations)
        self._insert("stg_balances", balances)
        return tenant_id

    def forget_after(self, day: date) -> None:
        """Undo all that was booked after a day, also in what the bank says is held."""
        self.engine.execute(
            """
            update stg_balances set amount = amount - coalesce((
                select sum(later.amount) from stg_transactions as later
                where later.account_id = stg_balances.account_id and later.transaction_date > $day
            ), 0);
            delete from stg_allocations where transaction_id in (
                select transaction_id from stg_transactions where transaction_date > $day
            );
            delete from stg_transactions where transaction_date > $day;
            delete from stg_invoices where issue_date > $day;
            """.replace("$day", f"'{day}'::date")
        )

    def forecast(self) -> None:
        """Build the models as dbt does."""
        for name in MODELS:
            self.engine.execute(f"create or replace table {name} as ({render(name)})")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.engine.execute(query).fetchall()

    def _insert(self, table: str, rows: Iterable[Sequence[object]]) -> None:
        path = self._folder / f"{table}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        self.engine.execute(f"copy {table} from '{path}' (auto_detect false, header false)")


def render(name: str) -> str:
    """Return a model's SQL, in which each model that it reads is a table of its name."""
    macros = "as_of convert expected_date known_dates round_to_coin running_amounts".split()
    folder = project_folder()
    environment = Environment(loader=FileSystemLoader(folder), autoescape=False)
    settings: Mapping[str, Any] = {"ref": lambda model: model}
    (path,) = (folder / "models").glob(f"*/{name}.sql")
    texts = [(folder / "macros" / f"{macro}.sql").read_text() for macro in macros]
    return environment.from_string("".join(texts) + path.read_text()).render(settings)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with duckdb.connect() as engine:
        ledger = Ledger(engine, tmp_path_factory.mktemp("rows"))
        for number in range(HOUSEHOLDS):
            ledger.add(household_book(f"household {number}", "NL", TODAY))
        ledger.add(business_book("business", "NL", TODAY, customer_count=40))
        ledger.forecast()
        yield ledger


def test_a_balance_lies_within_the_band_on_about_eight_days_of_ten(ledger: Ledger) -> None:
    ((forecasts, inside),) = ledger.rows(
        "select sum(band_count), sum(inside_count) from fct_cash_forecast_backtest"
    )

    assert forecasts > 1000
    assert 0.7 <= inside / forecasts <= 0.9


def test_households_are_foreseen_twice_as_well_as_by_expecting_no_change(ledger: Ledger) -> None:
    rows = ledger.rows(
        "select mean_absolute_error_amount, unchanged_absolute_error_amount "
        "from fct_cash_forecast_backtest where horizon_days = 90 and tenant_id not in "
        "(select tenant_id from stg_invoices)"
    )

    assert len(rows) == HOUSEHOLDS
    assert all(error < unchanged for error, unchanged in rows)
    assert 2 * sum(error for error, _ in rows) < sum(unchanged for _, unchanged in rows)


def test_a_forecast_of_then_knows_nothing_of_what_came(ledger: Ledger) -> None:
    query = (
        "select * exclude (actual_balance) from int_cash_forecasts "
        f"where known_date <= '{THEN}' order by all"
    )
    known = ledger.rows(query)

    ledger.forget_after(THEN)
    ledger.forecast()

    assert len(known) > 500
    assert ledger.rows(query) == known
