"""Builds that are published, kept and read; without dbt."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import duckdb
import pytest

from payymo.analytics.warehouse import (
    WAREHOUSE_FILE,
    BuildFailure,
    BuildRecord,
    Warehouse,
)
from payymo.domain.enums import BuildKind
from payymo.domain.errors import WarehouseNotBuiltError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RECORD = BuildRecord(
    id="",
    kind=BuildKind.FULL,
    started_at=NOW,
    finished_at=NOW,
    as_of=NOW,
    source="1-1-1",
    horizon=700,
    fingerprint="abc",
    model_count=2,
    test_count=3,
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "analytics")


def publish(
    warehouse: Warehouse, numbers: Sequence[int], base: BuildRecord | None = None
) -> BuildRecord:
    """Publish a build that adds numbers to those of its base."""
    with warehouse.building(on_wait=lambda: None):
        draft = warehouse.draft(base)
        with duckdb.connect(str(draft / WAREHOUSE_FILE)) as connection:
            connection.execute("create table if not exists numbers (number integer)")
            for number in numbers:
                connection.execute("insert into numbers values (?)", [number])
        record = replace(RECORD, id=draft.name)
        warehouse.tidy(draft)
        warehouse.publish(draft, record)
    return record


def read(connection: duckdb.DuckDBPyConnection) -> list[int]:
    rows = connection.execute("select number from numbers order by 1").fetchall()
    return [number for (number,) in rows]


def test_before_the_first_build_there_is_nothing_to_read(warehouse: Warehouse) -> None:
    assert warehouse.current() is None
    assert warehouse.latest_failure() is None
    with pytest.raises(WarehouseNotBuiltError, match="payymo analytics build"), warehouse.reading():
        pass


def test_what_is_published_is_read_back(warehouse: Warehouse) -> None:
    record = publish(warehouse, [1])

    assert warehouse.current() == record
    with warehouse.reading() as (seen, connection):
        assert seen == record
        assert read(connection) == [1]


def test_a_build_goes_on_from_a_copy(warehouse: Warehouse) -> None:
    first = publish(warehouse, [1])

    publish(warehouse, [2], base=first)

    with warehouse.reading() as (_, connection):
        assert read(connection) == [1, 2]


def test_a_reader_keeps_what_it_opened_however_many_builds_follow(warehouse: Warehouse) -> None:
    publish(warehouse, [1])

    with warehouse.reading() as (_, connection):
        for number in range(10):
            publish(warehouse, [number])
        assert read(connection) == [1]

    with warehouse.reading() as (_, connection):
        assert read(connection) == [9]


def test_few_builds_are_kept_and_none_of_what_was_never_finished(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    with warehouse.building(on_wait=lambda: None):
        abandoned = warehouse.draft(None)
    records = [publish(warehouse, [number]) for number in range(5)]

    kept = {folder.name for folder in (tmp_path / "analytics" / "builds").iterdir()}

    assert abandoned.name not in kept
    assert kept == {record.id for record in records[-3:]}


def test_a_draft_goes_on_from_what_its_base_parsed_and_described(warehouse: Warehouse) -> None:
    base = publish(warehouse, [1])
    target = warehouse.file(base).parent / "target"
    (target / "partial_parse.msgpack").write_bytes(b"parsed")
    (target / "manifest.json").write_bytes(b"described")

    draft, new = (warehouse.draft(each) / "target" for each in (base, None))

    assert (draft / "partial_parse.msgpack").read_bytes() == b"parsed"
    assert (draft / "manifest.json").read_bytes() == b"described"
    assert (new / "partial_parse.msgpack").read_bytes() == b"parsed"
    assert not (new / "manifest.json").exists()


def test_nothing_goes_on_from_a_build_of_which_a_part_is_gone(warehouse: Warehouse) -> None:
    record = publish(warehouse, [1])
    manifest = warehouse.manifest(record)
    manifest.parent.mkdir(exist_ok=True)
    manifest.write_bytes(b"described")
    assert warehouse.can_go_on_from(record)

    manifest.unlink()

    assert not warehouse.can_go_on_from(record)


def test_a_failure_is_remembered_until_a_build_succeeds(warehouse: Warehouse) -> None:
    failure = BuildFailure(NOW, "It failed.", ["one: broke", "two: broke"])
    record = publish(warehouse, [1])

    warehouse.note_failure(failure)

    assert warehouse.latest_failure() == failure
    assert warehouse.current() == record
    publish(warehouse, [1])
    assert warehouse.latest_failure() is None


def test_a_second_builder_waits(warehouse: Warehouse) -> None:
    waits, enters = Event(), Event()

    def build() -> None:
        with warehouse.building(on_wait=waits.set):
            enters.set()

    with warehouse.building(on_wait=lambda: None):
        second = Thread(target=build)
        second.start()
        assert waits.wait(30)
        assert not enters.is_set()
    second.join(30)

    assert enters.is_set()


@pytest.mark.parametrize(
    "statement",
    [
        "insert into numbers values (2)",
        "drop table numbers",
        "select * from read_csv('/etc/passwd')",
        "copy numbers to '/tmp/numbers.csv'",
        "attach '/tmp/other.duckdb'",
        "set enable_external_access = true",
        "install httpfs",
    ],
)
def test_a_reader_reaches_nothing_but_rows(warehouse: Warehouse, statement: str) -> None:
    publish(warehouse, [1])

    with (
        warehouse.reading() as (_, connection),
        pytest.raises((duckdb.InvalidInputException, duckdb.PermissionException)),
    ):
        connection.execute(statement)
