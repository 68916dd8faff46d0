"""SQL written by hand sees one tenant's rows, whatever it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from testing.marts import AS_OF, described_marts, publish

from payymo.analytics.copies import Copy, open_copy
from payymo.analytics.warehouse import Warehouse
from payymo.domain.errors import InvalidInputError, RuleError, WarehouseNotBuiltError

MINE, THEIRS = UUID(int=1), UUID(int=2)
SECRET = "their secret"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    months = [
        {"tenant_id": MINE, "account_id": UUID(int=3), "currency": "EUR", "money_in": "12.50"},
        {"tenant_id": THEIRS, "account_id": UUID(int=4), "currency": SECRET, "money_in": "99"},
    ]
    payments = [
        {"tenant_id": MINE, "payee": "mine", "amount": "-3.10", "created_at": AS_OF},
        {"tenant_id": THEIRS, "payee": SECRET, "amount": "777"},
    ]
    rows = {"fct_monthly_cash_flow": months, "fct_transactions": payments}
    return publish(tmp_path_factory.mktemp("it's a warehouse"), rows)


@pytest.fixture(scope="module")
def copy(warehouse: Warehouse) -> Iterator[Copy]:
    with open_copy(warehouse, MINE, now=AS_OF) as copy:
        yield copy


def ask(copy: Copy, sql: str) -> list[Any]:
    with copy.ask(sql, seconds_max=20) as answer:
        return [dict(zip(answer.names, row, strict=True)) for row in answer]


HOSTILE = [
    "attach '{file}' as theirs (read_only)",
    "attach '{file}'; select * from warehouse.mart.fct_transactions",
    "select * from warehouse.mart.fct_transactions",
    "select * from mart.fct_transactions",
    "select * from '{file}'",
    "from read_duckdb('{file}')",
    "from read_blob('{file}')",
    "from read_text('{folder}/build.json')",
    "from read_csv('{folder}/build.json')",
    "from read_json('{folder}/build.json')",
    "from '{folder}/build.json'",
    "from glob('{folder}/*')",
    "from sniff_csv('{folder}/build.json')",
    "from parquet_metadata('{folder}/x.parquet')",
    "from sqlite_scan('{file}', 'x')",
    "from postgres_scan('host=localhost', 'public', 'tenants')",
    "from read_csv('https://example.com/x.csv')",
    "copy fct_transactions to '{folder}/stolen.csv'",
    "copy (select 1) to '/dev/stdout'",
    "copy fct_transactions from '{folder}/build.json'",
    "export database '{folder}/stolen'",
    "import database '{folder}'",
    "pragma enable_external_access",
    "pragma database_list; from mart.fct_transactions",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "set allowed_paths = ['{file}']",
    "reset enable_external_access",
    "set lock_configuration = false",
    "set python_enable_replacements = true",
    "install postgres",
    "load '{folder}/evil.duckdb_extension'",
    "create secret (type s3)",
    "create view theirs as from warehouse.mart.fct_transactions",
    "create macro theirs() as table from warehouse.mart.fct_transactions",
    "delete from fct_transactions",
    "drop table fct_transactions",
    "call pragma_version()",
    "checkpoint",
    "use warehouse",
    "prepare p as select 1",
    "execute p",
    "begin",
    "detach memory",
    "select query('from warehouse.mart.fct_transactions')",
    "from query('from warehouse.mart.fct_transactions')",
    "from query_table('warehouse.mart.fct_transactions')",
    "select getenv('HOME')",
    "from SECRET",
    "from months",
    "from described_marts",
]


def folder_of(warehouse: Warehouse) -> Path:
    record = warehouse.current()
    assert record is not None
    return warehouse.file(record).parent


def named(sql: str, warehouse: Warehouse) -> str:
    """Return SQL with the names of the published build's file and folder in it."""
    folder = str(folder_of(warehouse)).replace("'", "''")
    return sql.replace("{file}", f"{folder}/warehouse.duckdb").replace("{folder}", folder)


class TestAnswers:
    def test_values_are_as_the_api_writes_them(self, copy: Copy) -> None:
        assert ask(copy, "select payee, amount, created_at from fct_transactions") == [
            {"payee": "mine", "amount": "-3.10", "created_at": "2026-03-02T08:00:00Z"}
        ]

    def test_what_has_no_form_in_json_is_text(self, copy: Copy) -> None:
        sql = (
            "select time '10:00' as one, interval 1 day as two, [1, 2] as three, 'x'::blob as four"
        )

        assert ask(copy, sql) == [
            {"one": "10:00:00", "two": "1 day, 0:00:00", "three": [1, 2], "four": "b'x'"}
        ]

    def test_every_dataset_is_a_table(self, copy: Copy) -> None:
        names = {row["name"] for row in ask(copy, "show tables")}

        assert names == set(described_marts())

    @pytest.mark.parametrize(
        "sql",
        ["from fct_transactions", "with mine as (from fct_transactions) from mine", "values (1)"],
    )
    def test_every_way_to_read_is_taken(self, copy: Copy, sql: str) -> None:
        assert len(ask(copy, sql)) == 1

    def test_before_the_first_build_it_is_said_what_to_do(self, tmp_path: Path) -> None:
        with (
            pytest.raises(WarehouseNotBuiltError),
            open_copy(Warehouse(tmp_path), MINE, now=AS_OF),
        ):
            pass


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("selec 1", 'syntax error at or near "selec"'),
            ("select nothing from fct_transactions", 'Referenced column "nothing" not found'),
            ("from nothing", "Table with name nothing does not exist"),
            ("select 1 / 'a'", "Could not convert string 'a'"),
            ("select 1 as a, 2 as a", "Several columns are named a"),
            ("", "Write one SELECT"),
            ("-- nothing", "Write one SELECT"),
            ("select 1; select 2", "Write one SELECT"),
        ],
    )
    def test_it_is_a_sentence(self, copy: Copy, sql: str, said: str) -> None:
        with pytest.raises(InvalidInputError) as told:
            ask(copy, sql)

        assert said in told.value.message
        assert "\n" not in told.value.message

    def test_what_never_ends_is_given_up(self, copy: Copy) -> None:
        sql = "select count(*) from range(100000000000) where range % 3 = 1"

        with pytest.raises(RuleError, match="took longer"), copy.ask(sql, seconds_max=0.2):
            pass

    def test_what_needs_too_much_memory_is_given_up(
        self, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("payymo.analytics.copies.MEMORY_MAX", "30MB")

        with (
            open_copy(warehouse, MINE, now=AS_OF) as copy,
            pytest.raises(RuleError, match="more memory"),
        ):
            ask(copy, "select list(range) from range(20000000)")


class TestHostileSql:
    @pytest.mark.parametrize("sql", HOSTILE)
    def test_is_refused(self, copy: Copy, warehouse: Warehouse, sql: str) -> None:
        with pytest.raises(InvalidInputError):
            ask(copy, named(sql, warehouse))

        assert not list(folder_of(warehouse).glob("stolen*"))

    @pytest.mark.parametrize("sql", HOSTILE)
    def test_would_find_nothing_of_theirs_if_anything_were_run(
        self, warehouse: Warehouse, sql: str
    ) -> None:
        """The check of what a statement is only makes errors clearer: the wall is the copy."""
        with open_copy(warehouse, MINE, now=AS_OF) as copy:
            try:
                told = str(copy._connection.execute(named(sql, warehouse)).fetchall())
            except duckdb.Error:
                told = ""
            kept = str(copy._connection.execute("from duckdb_databases()").fetchall())

        assert SECRET not in told
        assert str(warehouse.folder) not in told + kept
        assert not list(folder_of(warehouse).glob("stolen*"))

    @pytest.mark.parametrize(
        "sql",
        [
            "from information_schema.tables",
            "from information_schema.columns",
            "from information_schema.schemata",
            "from duckdb_tables()",
            "from duckdb_columns()",
            "from duckdb_databases()",
            "from duckdb_views()",
            "from duckdb_constraints()",
            "from duckdb_settings()",
            "from duckdb_logs()",
            "from duckdb_temporary_files()",
            "from pg_catalog.pg_tables",
            "from sqlite_master",
            "pragma database_list",
            "pragma show_tables",
            "pragma storage_info('fct_transactions')",
            "summarize fct_transactions",
            "describe fct_transactions",
            "explain analyze from fct_transactions",
            "select * from fct_transactions union all by name from fct_monthly_cash_flow",
            "select count(*), sum(amount), max(payee) from fct_transactions",
            "from query_table('fct_transactions')",
            "from query('from fct_transactions')",
            "select rowid, * from fct_transactions",
            "from main.fct_transactions",
            "from memory.main.fct_transactions",
        ],
    )
    def test_that_may_look_around_finds_nothing_of_theirs(
        self, copy: Copy, warehouse: Warehouse, sql: str
    ) -> None:
        told = str(ask(copy, sql))

        assert SECRET not in told
        assert "777" not in told
        assert str(THEIRS) not in told
        assert str(warehouse.folder) not in told

    @settings(max_examples=200, deadline=None)
    @given(
        sql=st.lists(
            st.sampled_from(
                """select * from fct_transactions warehouse mart . , ( ) ; ' " union all where
                attach memory main fct_monthly_cash_flow payee amount tenant_id as limit 1 order by
                query
                with x read_text pragma -- /* */ information_schema tables pivot on using""".split()
            ),
            max_size=14,
        ).map(" ".join)
    )
    def test_words_in_any_order_find_nothing_of_theirs(self, copy: Copy, sql: str) -> None:
        try:
            told = str(ask(copy, sql))
        except (InvalidInputError, RuleError):
            return
        assert SECRET not in told
        assert "777" not in told
