"""No question reaches another tenant's rows, or anything but the datasets, whatever it holds."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from testing.marts import AS_OF, described_marts, publish

from payymo.analytics.datasets import SHARED, read_catalogue
from payymo.analytics.parameters import read_question
from payymo.analytics.reading import Reader, open_reader
from payymo.analytics.warehouse import READING
from payymo.analytics.writing import csv_chunks, write_parquet
from payymo.domain.enums import ColumnKind
from payymo.domain.errors import InvalidInputError, RuleError

MINE, THEIRS = UUID(int=1), UUID(int=2)
#: Stands in every text of the other tenant's rows, and nowhere else.
SECRET = "their secret"
#: The same for numbers.
SECRET_NUMBER = 7777

VALUES: dict[str, tuple[object, object]] = {
    "uuid": (UUID(int=11), UUID(int=SECRET_NUMBER)),
    "varchar": ("mine", SECRET),
    "boolean": (False, True),
    "integer": (1, SECRET_NUMBER),
    "bigint": (1, SECRET_NUMBER),
    "decimal": (1, SECRET_NUMBER),
    "double": (1, SECRET_NUMBER),
    "date": (date(2026, 1, 1), date(1977, 7, 7)),
    "timestamptz": (datetime(2026, 1, 1, tzinfo=UTC), datetime(1977, 7, 7, tzinfo=UTC)),
}


def a_row(mart: str, tenant_id: UUID) -> dict[str, object]:
    """Return a row of a tenant, all of whose values say whose it is."""
    place = 0 if tenant_id == MINE else 1
    return {
        name: tenant_id
        if name == "tenant_id"
        else VALUES[told["data_type"].partition("(")[0]][place]
        for name, told in described_marts()[mart]["columns"].items()
    }


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """The warehouse open for a tenant, beside whose rows another's stand in every dataset."""
    rows = {
        mart: [a_row(mart, MINE), a_row(mart, THEIRS)]
        for mart in described_marts()
        if mart not in SHARED
    }
    warehouse = publish(tmp_path_factory.mktemp("warehouse"), rows)
    with open_reader(warehouse, MINE, now=AS_OF) as reader:
        yield reader


def tells_of_them(answer: object) -> bool:
    text = str(answer)
    return SECRET in text or str(SECRET_NUMBER) in text or "1977-07-07" in text


DATASETS = sorted(set(described_marts()) - SHARED)


def test_every_mart_is_of_a_tenant_or_meant_for_all() -> None:
    for name, mart in described_marts().items():
        assert ("tenant_id" in mart["columns"]) != (name in SHARED), name
        assert ("tenant_id" in mart["config"]["meta"]["grain"]) != (name in SHARED), name


@pytest.mark.parametrize("name", DATASETS)
def test_every_amount_says_which_currency_it_is_in(reader: Reader, name: str) -> None:
    """Where a row has several, or none that could be meant, the model's YAML has to say it."""
    columns = reader.catalogue.get(name).columns
    currencies = {each for each in columns if each.endswith("currency")}
    for column in columns.values():
        if column.kind is not ColumnKind.DECIMAL:
            continue
        told = described_marts()[name]["columns"][column.name]["config"]["meta"]
        assert "currency" in told or "currency" in currencies or len(currencies) == 1, column.name
        assert column.currency is None or column.currency in currencies


def test_a_mart_that_names_no_tenant_is_offered_to_nobody(tmp_path: Path) -> None:
    mart = {**described_marts()["dim_dates"], "name": "fct_forgotten"}
    warehouse = publish(tmp_path, {}, marts={"fct_forgotten": mart})

    assert read_catalogue(warehouse, now=AS_OF).datasets == {}


@pytest.mark.parametrize("name", DATASETS)
class TestEachDataset:
    def test_shows_one_tenants_rows(self, reader: Reader, name: str) -> None:
        question = read_question(reader.catalogue.get(name), {})

        assert reader.count(question) == 1
        (row,) = reader.rows(question)
        assert not tells_of_them(row)
        assert all(value is not None for value in row.values())

    def test_writes_one_tenants_rows(self, reader: Reader, name: str, tmp_path: Path) -> None:
        question = read_question(reader.catalogue.get(name), {})

        assert not tells_of_them(b"".join(csv_chunks(reader, question)))
        write_parquet(reader, question, tmp_path / "rows.parquet")
        with duckdb.connect() as connection:
            written = connection.execute(f"from '{tmp_path}/rows.parquet'").fetchall()
        assert len(written) == 1
        assert not tells_of_them(written)

    def test_sums_up_one_tenants_rows(self, reader: Reader, name: str) -> None:
        dataset = reader.catalogue.get(name)
        currencies = {column.currency for column in dataset.columns.values() if column.currency}
        within = {each.sum_within for each in dataset.columns.values() if each.sum_within}
        group_by = ",".join(sorted(currencies | within)) or None
        for column in dataset.columns.values():
            functions = ["count", "count_distinct"]
            functions += ["avg", "max", "min"] if column.is_measure else []
            functions += ["sum"] if column.is_additive else []
            for function in functions:
                question = read_question(
                    dataset, {}, group_by=group_by, aggregates=f"{column.name}.{function}"
                )
                (row,) = reader.rows(question)
                assert not tells_of_them(row)
                if "count" in function:
                    assert row[f"{column.name}_{function}"] == 1

    def test_is_no_way_to_ask_about_theirs(self, reader: Reader, name: str) -> None:
        """Also not by looking whether a filter finds something."""
        dataset = reader.catalogue.get(name)
        for column, value in a_row(name, THEIRS).items():
            if column == "tenant_id" or isinstance(value, bool):
                continue
            text = value.isoformat() if isinstance(value, datetime) else str(value)
            assert reader.count(read_question(dataset, {column: text})) == 0


HOSTILE = st.sampled_from(
    [
        "' or '1'='1",
        '" or "1"="1',
        "1; drop table mart.fct_transactions; --",
        "amount) from mart.fct_transactions --",
        '"amount"',
        "tenant_id",
        "mart.fct_transactions.payee",
        "(select payee from mart.fct_transactions limit 1)",
        "* from mart.fct_transactions --",
        "amount desc, (select 1)",
        "-amount' --",
        "payee union all select payee from mart.fct_transactions",
        "count(*)",
        "?",
        "$1",
        "\\",
        "%",
        "'",
        '"',
        "/*",
        "--",
        ";",
        "1e400",
        "-0",
        "٣",
        "read_csv('/etc/passwd')",
        "amount.sum(*)",
        "count_distinct",
    ]
)
ANYTHING = st.one_of(
    st.text(max_size=60),
    HOSTILE,
    st.builds(lambda one, two: f"{one}{two}", HOSTILE, st.text(max_size=10)),
    st.sampled_from(["amount", "payee", "currency", "transaction_date", "is_missing_at_bank"]),
)
OPERATORS = st.sampled_from(
    ["", ".eq", ".ne", ".lt", ".gte", ".in", ".contains", ".is_null", ".like", ".sum"]
)
NAMES = st.one_of(st.none(), ANYTHING, st.lists(ANYTHING, max_size=3).map(",".join))


@settings(max_examples=400, deadline=None)
@given(
    filters=st.dictionaries(
        st.builds(lambda name, operator: f"{name}{operator}", ANYTHING, OPERATORS),
        ANYTHING,
        max_size=3,
    ),
    columns=NAMES,
    group_by=NAMES,
    aggregates=st.one_of(NAMES, st.sampled_from(["amount.sum", "payee.max,count", "count"])),
    sort=NAMES,
)
def test_a_hostile_question_is_refused_or_answered_from_ones_own_rows(
    reader: Reader, **asked: Any
) -> None:
    dataset = reader.catalogue.get("fct_transactions")
    try:
        question = read_question(dataset, asked.pop("filters"), **asked)
    except (InvalidInputError, RuleError):
        return
    rows = reader.rows(question, limit=10)
    assert len(rows) <= 1
    assert reader.count(question) == len(rows)
    assert not tells_of_them(rows)


@settings(max_examples=300, deadline=None)
@given(value=ANYTHING, operator=st.sampled_from(["eq", "ne", "lt", "gte", "contains", "in"]))
def test_a_value_is_never_more_than_a_value(reader: Reader, value: str, operator: str) -> None:
    question = read_question(reader.catalogue.get("fct_transactions"), {f"payee.{operator}": value})

    rows = reader.rows(question)

    holds = {
        "eq": value == "mine",
        "ne": value != "mine",
        "lt": value > "mine",
        "gte": value <= "mine",
        "contains": value.lower() in "mine",
        "in": "mine" in value.split(","),
    }
    assert [row["payee"] for row in rows] == (["mine"] if holds[operator] else [])


class TestTheConnection:
    """What a question could do if it were SQL after all."""

    @pytest.mark.parametrize(
        "sql",
        [
            "attach '/tmp/other.duckdb'",
            "copy (select 1) to '/tmp/payymo-written.csv'",
            "from read_csv('/etc/passwd')",
            "from read_text('/etc/passwd')",
            "from glob('/*')",
            "install httpfs",
            "load httpfs",
            "set enable_external_access = true",
            "set memory_limit = '100GB'",
            "reset lock_configuration",
            "export database '/tmp/payymo-exported'",
            "create table mart.mine as select 1",
            "delete from mart.fct_transactions",
            "update mart.fct_transactions set payee = 'x'",
        ],
    )
    def test_may_neither_write_nor_reach_another_file(self, reader: Reader, sql: str) -> None:
        with pytest.raises(duckdb.Error):
            reader._connection.execute(sql)

    def test_sees_no_variables_of_python(self, reader: Reader) -> None:
        hidden = {"a": [1]}

        with pytest.raises(duckdb.CatalogException):
            reader._connection.execute("from hidden")
        assert hidden


def test_a_question_without_end_is_given_up(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payymo.analytics.reading.SECONDS_MAX", 0.2)
    monkeypatch.setattr(
        "payymo.analytics.reading.count_statement",
        lambda *_: type(
            "Endless",
            (),
            {
                "sql": "select count(*) from range(100000000000) where range % 3 = 1",
                "parameters": (),
            },
        ),
    )
    question = read_question(reader.catalogue.get("fct_transactions"), {})

    with pytest.raises(RuleError, match=r"took longer than 0\.2 seconds"):
        reader.count(question)


def test_a_question_that_needs_too_much_memory_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READING, "memory_limit", "30MB")
    monkeypatch.setattr(
        "payymo.analytics.reading.count_statement",
        lambda *_: type(
            "Huge", (), {"sql": "select list(range) from range(20000000)", "parameters": ()}
        ),
    )

    with open_reader(publish(tmp_path, {}), MINE, now=AS_OF) as reader:
        question = read_question(reader.catalogue.get("fct_transactions"), {})
        with pytest.raises(RuleError, match="more memory") as told:
            reader.count(question)

    assert told.value.code == "query_too_large"
