"""What an incremental build has to do again: a project of a few models, worked out by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from payymo.analytics.planning import (
    Plan,
    Project,
    RowCounts,
    Table,
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
    name: str, *reads: str, kind: str = "derived", tenant: str | None = None, macros: Any = ()
) -> dict[str, Any]:
    return {
        "resource_type": "model",
        "name": name,
        "config": {"materialized": kind, "meta": {"tenant": tenant}},
        "depends_on": {"nodes": list(reads), "macros": list(macros)},
    }


def check(name: str, *reads: str, generic: bool = True) -> dict[str, Any]:
    return {
        "resource_type": "test",
        "name": name,
        "config": {"materialized": "test"},
        "depends_on": {"nodes": [f"model.payymo.{read}" for read in reads], "macros": []},
    } | ({"test_metadata": {}} if generic else {})


@pytest.fixture
def project() -> Project:
    models = [
        model("src_payments", "source.payments", kind="copied", tenant="tenant_id"),
        model("src_rates", "source.rates", kind="copied"),
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


def plan(project: Project, *, another_day: bool = False, **present: WrittenCounts) -> Plan:
    return project.plan(KNOWN, {**SAME, **present}, is_another_day=another_day)


def test_the_tables_and_whose_their_rows_are(project: Project) -> None:
    assert project.tables == [
        Table("payments", "src_payments", "tenant_id"),
        Table("rates", "src_rates", None),
    ]


def test_where_nothing_changed_only_the_arithmetic_is_tried(project: Project) -> None:
    assert plan(project) == Plan(
        steps=["money_adds_up"],
        narrowed={},
        tenants=[],
        patched=[],
        row_counts={"src_payments": 8, "src_rates": 9},
    )


@pytest.mark.parametrize("bert", [(2, 1), (3, 1), (1, 0)], ids=["changed", "added", "gone"])
def test_a_tenants_rows_are_made_again_in_what_reads_them(
    project: Project, bert: tuple[int, int]
) -> None:
    found = plan(project, payments={**SAME["payments"], BERT: bert})

    assert found.tenants == [BERT]
    assert set(found.steps) == {
        *("src_payments", "totals", "today"),
        *("payments_have_a_key", "totals_have_payments", "money_adds_up"),
    }
    # What is everybody's has no tenant to be narrowed by.
    assert found.narrowed == {"totals": ["stg_payments"], "today": ["totals"]}
    assert set(found.patched) == {"src_payments", "totals", "today"}
    assert found.row_counts["src_payments"] == 5 + bert[0] + 1


def test_a_tenant_without_rows_any_more_is_one_whose_rows_changed(project: Project) -> None:
    found = plan(project, payments={ANNA: (5, 0), BERT: (2, 0)})

    assert found.tenants == [CLEO]


def test_what_is_everybodys_is_made_again_for_all(project: Project) -> None:
    found = plan(project, payments={**SAME["payments"], BERT: (2, 1)}, rates={None: (10, 1)})

    assert found.narrowed == {}
    assert found.patched == ["src_payments"]
    assert {"src_payments", "src_rates", "totals", "today"} < set(found.steps)


def test_another_day_is_asked_for_by_way_of_macros(project: Project) -> None:
    found = plan(project, another_day=True)

    assert set(found.steps) == {"days", "today", "money_adds_up"}
    assert found.narrowed == {}


def test_another_day_and_a_tenant(project: Project) -> None:
    found = plan(project, another_day=True, payments={**SAME["payments"], BERT: (2, 1)})

    assert found.narrowed == {"totals": ["stg_payments"]}
    assert set(found.patched) == {"src_payments", "totals"}


def test_when_most_tenants_changed_tables_are_made_anew(project: Project) -> None:
    """Two of three; one of three is less than half."""
    found = plan(project, payments={ANNA: (5, 1), BERT: (2, 1), CLEO: (1, 0)})

    assert found.narrowed == {}
    assert found.patched == []
    assert "totals" in found.steps


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
