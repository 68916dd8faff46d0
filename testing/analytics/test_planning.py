"""What an incremental build has to do again: a project of a few models, worked out by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from payymo.analytics.planning import (
    Project,
    RowCounts,
    Table,
    Work,
    WrittenCounts,
    count_known_rows,
    touched_tenants,
)

ANNA, BERT, CLEO = (UUID(int=number) for number in (1, 2, 3))

#: Two tables, one of them everybody's, and what is made of them.
#:
#:     payments ── src_payments ── stg_payments ──┬── totals ── today
#:     rates ───── src_rates ───── stg_rates ─────┘              │
#:     (the day) ─ days ─────────────────────────────────────────┘
KNOWN: Mapping[str, RowCounts] = {"payments": {ANNA: 5, BERT: 2, CLEO: 1}, "rates": {None: 9}}
SAME: Mapping[str, WrittenCounts] = {
    "payments": {ANNA: (5, 0), BERT: (2, 0), CLEO: (1, 0)},
    "rates": {None: (9, 0)},
}


def model(
    name: str, *reads: str, kind: str = "table", tenant: str | None = None, macros: Any = ()
) -> dict[str, Any]:
    read = " and ".join(each.rpartition(".")[2] for each in reads if "source" not in each)
    return {
        "resource_type": "model",
        "name": name,
        "config": {
            "materialized": kind,
            "meta": {"tenant": tenant},
            "unique_key": ["tenant_id", "id"] if tenant else "day",
        },
        "depends_on": {"nodes": list(reads), "macros": list(macros)},
        "relation_name": f"[{name}]",
        "compiled_code": f"{name} of [{read}]",
    }


def check(name: str, *reads: str, generic: bool = True) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": name,
        "config": {"materialized": "test"},
        "depends_on": {"nodes": [f"model.payymo.{read}" for read in reads], "macros": []},
        "compiled_code": "what breaks " + " and ".join(f"[{read}]" for read in reads),
    } | ({"test_metadata": {}} if generic else {})


@pytest.fixture
def project() -> Project:
    models = [
        model("src_payments", "source.payments", tenant="tenant_id"),
        model("src_rates", "source.rates"),
        model("stg_payments", "model.payymo.src_payments", kind="view"),
        model("stg_rates", "model.payymo.src_rates", kind="view"),
        model("totals", "model.payymo.stg_payments", "model.payymo.stg_rates"),
        model("days", macros=["macro.payymo.as_of_date"]),
        model("today", "model.payymo.totals", "model.payymo.days", macros=["macro.payymo.late"]),
    ]
    checks = [
        check("payments_have_a_key", "src_payments"),
        check("totals_have_payments", "totals", "stg_payments"),
        check("rates_have_a_key", "src_rates"),
        check("money_adds_up", "totals", generic=False),
    ]
    return Project(
        {
            "nodes": {
                **{f"model.payymo.{each['name']}": each for each in models},
                **{f"test.payymo.{each['name']}": each for each in checks},
            },
            "sources": {f"source.{name}": {"identifier": name} for name in ("payments", "rates")},
            "macros": {
                "macro.payymo.as_of_date": {"depends_on": {"macros": []}},
                "macro.payymo.late": {"depends_on": {"macros": ["macro.payymo.as_of_date"]}},
            },
        }
    )


def plan(
    project: Project, *, another_day: bool = False, **present: WrittenCounts
) -> dict[str, Work]:
    works = project.plan(KNOWN, {**SAME, **present}, is_another_day=another_day)
    assert all(work.unique_id.endswith(f".payymo.{work.name}") for work in works)
    return {work.name: work for work in works}


def narrowed(works: Mapping[str, Work]) -> set[str]:
    """Return the names of those steps that look at some tenants' rows alone."""
    return {
        name
        for name, work in works.items()
        if any("where (tenant_id in (" in statement for statement in work.statements)
    }


def test_the_tables_and_whose_their_rows_are(project: Project) -> None:
    assert project.tables == [
        Table("payments", "src_payments", "tenant_id"),
        Table("rates", "src_rates", None),
    ]


def test_where_nothing_changed_only_the_arithmetic_is_tried(project: Project) -> None:
    assert plan(project) == {
        "money_adds_up": Work(
            "test.payymo.money_adds_up",
            "money_adds_up",
            ["select count(*) from (what breaks [totals]\n)"],
        )
    }


@pytest.mark.parametrize("bert", [(2, 1), (3, 1), (1, 0)], ids=["changed", "added", "gone"])
def test_a_tenants_rows_are_made_again_in_what_reads_them(
    project: Project, bert: tuple[int, int]
) -> None:
    found = plan(project, payments={**SAME["payments"], BERT: bert})

    # In an order in which each finds what it reads, and tests after all.
    assert list(found) == [
        *("src_payments", "totals", "today"),
        *("payments_have_a_key", "totals_have_payments", "money_adds_up"),
    ]
    theirs = f"(tenant_id in ('{BERT}'))"
    payments = f"(select * from [stg_payments] where {theirs})"
    # What is everybody's has no tenant to be narrowed by.
    assert found["totals"].statements == [
        f"delete from [totals] where {theirs}",
        "insert into [totals] by name select * from "
        f"(totals of [stg_payments and stg_rates]\n) where {theirs}",
    ]
    assert found["totals_have_payments"].statements == [
        "select count(*) from (what breaks "
        f"(select * from [totals] where {theirs}) and {payments}\n)"
    ]
    assert found["money_adds_up"].statements == ["select count(*) from (what breaks [totals]\n)"]
    assert narrowed(found) == {"totals", "today", "payments_have_a_key", "totals_have_payments"}


def test_a_copy_takes_what_was_written_and_comes_to_what_is_there(project: Project) -> None:
    found = plan(project, payments={**SAME["payments"], BERT: (1, 1)}, rates={None: (8, 1)})

    payments, rates = found["src_payments"], found["src_rates"]
    assert payments.statements == [
        "create temp table src_payments_read as (src_payments of []\n)",
        "delete from [src_payments] as known using temp.src_payments_read as present "
        "where present.tenant_id = known.tenant_id and present.id = known.id",
        "insert into [src_payments] by name select * from temp.src_payments_read",
        "drop table temp.src_payments_read",
    ]
    assert payments.copy is not None
    assert rates.copy is not None
    assert (payments.copy.relation, payments.copy.row_count) == ("[src_payments]", 7)
    assert payments.copy.forget == (
        f"delete from [src_payments] as known where (tenant_id in ('{BERT}')) and not exists ("
        "select 1 from postgres_query('operational', 'select tenant_id, id from public.payments "
        f"where (tenant_id in (''{BERT}''))') as present "
        "where present.tenant_id = known.tenant_id and present.id = known.id)"
    )
    assert rates.copy.forget == (
        "delete from [src_rates] as known where true and not exists ("
        "select 1 from postgres_query('operational', 'select day from public.rates') as present "
        "where present.day = known.day)"
    )


def test_a_tenant_without_rows_any_more_is_one_whose_rows_changed(project: Project) -> None:
    found = plan(project, payments={ANNA: (5, 0), BERT: (2, 0)})

    assert str(CLEO) in found["totals"].statements[0]
    assert found["src_payments"].copy is not None
    assert found["src_payments"].copy.row_count == 7


def test_what_is_everybodys_is_made_again_for_all(project: Project) -> None:
    found = plan(project, payments={**SAME["payments"], BERT: (2, 1)}, rates={None: (10, 1)})

    assert {"src_payments", "src_rates", "totals", "today"} < found.keys()
    assert narrowed(found) == {"payments_have_a_key"}
    assert found["totals"].statements == [
        "truncate [totals]",
        "insert into [totals] by name (totals of [stg_payments and stg_rates]\n)",
    ]


def test_another_day_is_asked_for_by_way_of_macros(project: Project) -> None:
    found = plan(project, another_day=True)

    assert found.keys() == {"days", "today", "money_adds_up"}
    assert narrowed(found) == set()


def test_another_day_and_a_tenant(project: Project) -> None:
    found = plan(project, another_day=True, payments={**SAME["payments"], BERT: (2, 1)})

    assert narrowed(found) == {"totals", "payments_have_a_key", "totals_have_payments"}


def test_when_most_tenants_changed_tables_are_made_anew(project: Project) -> None:
    """Two of three; one of three is less than half."""
    found = plan(project, payments={ANNA: (5, 1), BERT: (2, 1), CLEO: (1, 0)})

    assert narrowed(found) == set()
    assert "totals" in found


def test_whose_a_row_is_stands_where_its_copy_says(project: Project) -> None:
    """A table whose rows are the tenants themselves names them by another column."""
    tenants = model("src_tenants", "source.tenants", tenant="id")
    manifest = {
        "nodes": {
            "model.payymo.src_tenants": tenants,
            "test.payymo.they_have_a_key": check("they_have_a_key", "src_tenants"),
        },
        "sources": {"source.tenants": {"identifier": "tenants"}},
        "macros": {},
    }
    known: Mapping[str, RowCounts] = {"tenants": {ANNA: 1, BERT: 1}}
    present: Mapping[str, WrittenCounts] = {"tenants": {ANNA: (1, 0), BERT: (1, 1)}}

    _, tried = Project(manifest).plan(known, present, is_another_day=False)

    assert tried.statements == [
        "select count(*) from (what breaks "
        f"(select * from [src_tenants] where (id in ('{BERT}')))\n)"
    ]


def test_rows_are_the_same_only_where_none_is_newer_and_none_is_gone() -> None:
    known: RowCounts = {ANNA: 5, BERT: 2, CLEO: 1}

    assert touched_tenants(known, {ANNA: (5, 0), BERT: (2, 0), CLEO: (1, 0)}) == set()
    assert touched_tenants(known, {ANNA: (5, 5), BERT: (1, 0)}) == {ANNA, BERT, CLEO}
    assert touched_tenants({}, {None: (1, 1)}) == {None}


def test_known_rows_are_counted_for_each_tenant(tmp_path: Path) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema source")
        connection.execute(
            "create table source.src_payments as select unnest([?, ?, ?])::uuid as tenant_id",
            [str(ANNA), str(ANNA), str(BERT)],
        )
        connection.execute("create table source.src_rates as select 1 as rate")
        connection.execute("create table source.src_none as select 1 as rate where false")

    counts = count_known_rows(
        file,
        [
            Table("payments", "src_payments", "tenant_id"),
            Table("rates", "src_rates", None),
            Table("none", "src_none", None),
        ],
    )

    assert counts == {"payments": {ANNA: 2, BERT: 1}, "rates": {None: 1}, "none": {}}
