"""``payymo analytics datasets``, ``query`` and ``export``, as the operator sees them."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import pytest
from testing.api.analytics.conftest import the_rows
from testing.factories import add_tenant
from testing.marts import described_marts, publish
from typer.testing import CliRunner, Result

from payymo.analytics.warehouse import BuildFailure, Warehouse
from payymo.cli.app import app
from payymo.domain.errors import (
    InvalidInputError,
    NotFoundError,
    RuleError,
    WarehouseNotBuiltError,
)
from payymo.postgres.core import create_app_engine, create_sessions


@dataclass
class House:
    """An installation with two tenants."""

    mine: UUID
    theirs: UUID
    folder: Path


@pytest.fixture
def house(
    monkeypatch: pytest.MonkeyPatch, database: str, bare_environment: Path
) -> Iterator[House]:
    monkeypatch.setenv("DATABASE_URL", database)
    engine = create_app_engine(database)
    with create_sessions(engine).begin() as session:
        mine, theirs = add_tenant(session, "Mine"), add_tenant(session, "Theirs")
    yield House(mine, theirs, bare_environment / "analytics")
    engine.dispose()


@pytest.fixture
def warehouse(house: House) -> Warehouse:
    now = datetime.now(UTC)
    return publish(house.folder, the_rows(house.mine, house.theirs), as_of=now, built_at=now)


def payymo(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["analytics", *arguments], prog_name="payymo")


def told(*arguments: str) -> str:
    result = payymo(*arguments)
    assert result.exception is None, result.exception
    return result.stdout


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    "arguments",
    [("datasets",), ("query", "select 1", "--tenant=Mine"), ("export", "x", "--tenant=Mine")],
)
def test_before_the_first_build_it_is_said_what_to_do(arguments: tuple[str, ...]) -> None:
    assert isinstance(payymo(*arguments).exception, WarehouseNotBuiltError)


@pytest.mark.usefixtures("warehouse")
class TestDatasets:
    def test_are_listed(self) -> None:
        said = told("datasets")

        assert all(name in said for name in described_marts())

    def test_one_says_what_its_columns_are(self) -> None:
        said = told("datasets", "fct_monthly_cash_flow")

        assert "Money in less money out." in said
        assert "No two rows share account_id, currency, month_start_date." in said

    def test_programs_get_json(self) -> None:
        every = json.loads(told("datasets", "--json"))
        one = json.loads(told("datasets", "fct_monthly_cash_flow", "--json"))

        assert one in every["datasets"]
        assert one["columns"][2]["name"] == "month_start_date"
        assert every["freshness"]["is_stale"] is False

    def test_an_unknown_one_is_an_error(self) -> None:
        assert isinstance(payymo("datasets", "nothing").exception, NotFoundError)


@pytest.mark.usefixtures("warehouse")
class TestQuery:
    SQL = "select payee, amount, currency from fct_transactions order by amount"

    def test_answers_as_a_table(self) -> None:
        result = payymo("query", self.SQL, "--tenant", "Mine")

        assert "Müller & Söhne" in result.stdout
        assert "secret" not in result.stdout
        assert "The warehouse shows" in result.stderr

    def test_answers_in_json(self) -> None:
        assert json.loads(told("query", self.SQL, "--tenant", "Mine", "--json")) == [
            {"payee": "=HYPERLINK(1)", "amount": "-40.50", "currency": "EUR"},
            {"payee": "Müller & Söhne", "amount": "250.00", "currency": "EUR"},
            {"payee": "Tokyo", "amount": "1200.00", "currency": "JPY"},
        ]

    def test_answers_in_csv_without_formulas(self) -> None:
        answer = told("query", self.SQL, "--tenant", "Mine", "--csv")

        assert list(csv.reader(io.StringIO(answer))) == [
            ["payee", "amount", "currency"],
            ["'=HYPERLINK(1)", "-40.50", "EUR"],
            ["Müller & Söhne", "250.00", "EUR"],
            ["Tokyo", "1200.00", "JPY"],
        ]

    def test_a_long_table_is_cut_and_the_rest_counted(self) -> None:
        result = payymo("query", "from range(1234)", "--tenant", "Mine")

        assert "\n99" in result.stdout
        assert "\n100" not in result.stdout
        assert "… and 1,134 more rows" in result.stderr

    def test_another_tenant_sees_the_own_rows(self) -> None:
        answer = told("query", "select payee from fct_transactions", "--tenant=Theirs", "--json")

        assert json.loads(answer) == [{"payee": "Their secret customer"}]

    def test_which_tenant_has_to_be_said(self) -> None:
        error = payymo("query", "select 1").exception

        assert isinstance(error, InvalidInputError)
        assert "--tenant" in error.message

    def test_what_is_wrong_is_a_sentence(self) -> None:
        error = payymo("query", "delete from fct_transactions", "--tenant=Mine").exception
        both = payymo("query", "select 1", "--tenant=Mine", "--json", "--csv").exception

        assert isinstance(error, InvalidInputError)
        assert error.message == "Write one SELECT: nothing else is run here."
        assert isinstance(both, InvalidInputError)

    def test_it_may_take_so_long_and_no_longer(self) -> None:
        endless = "select count(*) from range(100000000000) where range % 3 = 1"

        error = payymo("query", endless, "--tenant=Mine", "--seconds=0.2").exception

        assert isinstance(error, RuleError)

    def test_an_old_answer_and_a_failed_build_are_told(
        self, house: House, warehouse: Warehouse
    ) -> None:
        long_ago = datetime.now(UTC) - timedelta(days=3)
        publish(house.folder, {}, as_of=long_ago, built_at=long_ago)
        warehouse.note_failure(BuildFailure(long_ago, "It failed.", []))

        said = payymo("query", "select 1", "--tenant=Mine").stderr

        assert "more than a day ago" in said
        assert "UTC failed. It failed." in said


@pytest.mark.usefixtures("warehouse")
class TestExport:
    def test_writes_each_dataset_as_parquet(self, tmp_path: Path) -> None:
        folder = tmp_path / "it's here" / "parquet"

        said = told("export", str(folder), "--tenant=Mine")

        names = sorted(path.name for path in folder.iterdir())
        assert names == sorted(
            [*(f"{name}.parquet" for name in described_marts()), "datasets.json"]
        )
        assert f"{len(described_marts())} datasets with 35 rows" in said
        with duckdb.connect() as connection:
            connection.execute("set file_search_path = ?", [str(folder)])
            written = connection.execute(
                "select sum(amount) filter (currency = 'EUR'), count(*) "
                "from 'fct_transactions.parquet'"
            ).fetchall()
        assert written == [(209.5, 3)]
        assert json.loads((folder / "datasets.json").read_text())["datasets"]

    def test_writes_one_as_csv_again_and_again(self, tmp_path: Path) -> None:
        for _ in range(2):
            report = told(
                *("export", str(tmp_path), "--format=csv", "--dataset=fct_transactions"),
                *("--tenant=Theirs", "--json"),
            )

        assert json.loads(report)["rows"] == {"fct_transactions": 1}
        text = (tmp_path / "fct_transactions.csv").read_text()
        assert "Their secret customer" in text
        assert "Tokyo" not in text
        assert not list(tmp_path.glob("*.draft"))

    def test_what_is_wrong_is_a_sentence(self, tmp_path: Path) -> None:
        unknown = payymo("export", str(tmp_path), "--dataset=nothing", "--tenant=Mine")
        as_json = payymo("export", str(tmp_path), "--format=json", "--tenant=Mine")

        assert isinstance(unknown.exception, NotFoundError)
        assert isinstance(as_json.exception, InvalidInputError)
