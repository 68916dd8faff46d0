"""``payymo analytics datasets``, ``query`` and ``export``: one tenant's rows of the warehouse."""

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from payymo.access import system_clock
from payymo.analytics.copies import Answer, open_copy
from payymo.analytics.datasets import Catalogue, Dataset, Freshness, read_catalogue
from payymo.analytics.queries import Question, checked
from payymo.analytics.reading import Reader, open_reader
from payymo.analytics.warehouse import Warehouse
from payymo.analytics.writing import csv_chunks, harmless, write_parquet
from payymo.assembly import Installation, open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import (
    JsonOption,
    ProgressLine,
    TenantOption,
    err,
    out,
    print_json,
    print_table,
    write_json,
)
from payymo.domain.enums import RowFormat
from payymo.domain.errors import InvalidInputError
from payymo.settings import load_settings

_ROWS_SHOWN_MAX: Final = 100
_SECONDS_MAX: Final = 60.0
_CATALOGUE_FILE: Final = "datasets.json"


def datasets(
    name: Annotated[
        str | None, typer.Argument(help="One of them, to see its columns.", show_default=False)
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """List what can be asked, or the columns of one dataset."""
    catalogue = read_catalogue(Warehouse(load_settings().warehouse_dir), now=system_clock())
    if name is not None:
        _print_dataset(catalogue.get(name), json=json)
    elif json:
        print_json(_describe(catalogue))
    else:
        rows = [(each.name, each.description) for each in catalogue.datasets.values()]
        print_table("Datasets", ("name", "what it holds"), rows)
    _tell_freshness(catalogue.freshness)


def query(
    sql: Annotated[str, typer.Argument(help="One SELECT, in DuckDB's SQL.", show_default=False)],
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long it may take.")
    ] = _SECONDS_MAX,
) -> None:
    """Answer a SELECT from a tenant's rows: each dataset is a table of its name.

    The rows are copied into memory first, and the SELECT sees nothing but this copy.
    """
    if json and as_csv:
        raise InvalidInputError("Choose one of --json and --csv.")
    with (
        _tenant(tenant) as (house, tenant_id),
        open_copy(Warehouse(house.settings.warehouse_dir), tenant_id, now=house.clock()) as copy,
    ):
        with copy.ask(sql, seconds_max=seconds) as answer:
            if as_csv:
                _print_csv(answer)
            elif json:
                print_json([dict(zip(answer.names, row, strict=True)) for row in answer])
            else:
                _print_rows(answer)
        _tell_freshness(copy.catalogue.freshness)


def export(
    folder: Annotated[
        Path, typer.Argument(help="Where the files go; made if need be.", file_okay=False)
    ],
    file_format: Annotated[
        RowFormat, typer.Option("--format", help="csv or parquet.")
    ] = RowFormat.PARQUET,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only this one; may be there several times.")
    ] = None,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Write a tenant's datasets to files, one each, with datasets.json to say what they hold."""
    if file_format is RowFormat.JSON:
        raise InvalidInputError("Choose --format csv or --format parquet.")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        _tenant(tenant) as (house, tenant_id),
        open_reader(
            Warehouse(house.settings.warehouse_dir), tenant_id, now=house.clock()
        ) as reader,
    ):
        wanted = [
            reader.catalogue.get(name) for name in dataset or sorted(reader.catalogue.datasets)
        ]
        shown = ProgressLine()
        counts = {each.name: _write(reader, each, folder, file_format, shown) for each in wanted}
        shown.clear()
        catalogue = write_json(_describe(reader.catalogue), indent=2)
        (folder / _CATALOGUE_FILE).write_text(f"{catalogue}\n", encoding="utf-8")
        freshness = reader.catalogue.freshness
    if json:
        print_json({"folder": str(folder), "rows": counts, "as_of": freshness.as_of})
        return
    out.print(
        f"{len(counts)} datasets with {sum(counts.values()):,} rows are in {folder}.", markup=False
    )
    _tell_freshness(freshness)


@contextmanager
def _tenant(wanted: str | None) -> Iterator[tuple[Installation, UUID]]:
    with open_installation(load_settings_beside_stack()) as house:
        yield house, choose_tenant(house.sessions, wanted)


def _write(
    reader: Reader, dataset: Dataset, folder: Path, file_format: RowFormat, shown: ProgressLine
) -> int:
    """Write a dataset; a file is whole or absent. Return how many rows it has."""
    shown.show(f"{dataset.name} …")
    question = checked(Question(dataset))
    target = folder / f"{dataset.name}.{file_format.value}"
    draft = target.with_suffix(".draft")
    try:
        if file_format is RowFormat.PARQUET:
            write_parquet(reader, question, draft)
        else:
            with draft.open("wb") as file:
                file.writelines(csv_chunks(reader, question))
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return reader.count(question)


def _print_dataset(dataset: Dataset, *, json: bool) -> None:
    if json:
        print_json(_describe_dataset(dataset))
        return
    rows = [
        (column.name, column.data_type, column.description) for column in dataset.columns.values()
    ]
    print_table(dataset.description, (dataset.name, "type", "what it holds"), rows)
    out.print(f"No two rows share {', '.join(dataset.grain)}.", markup=False)


def _print_rows(answer: Answer) -> None:
    """Print the first rows as a table, and say how many more there are."""
    rows = iter(answer)
    shown = list(islice(rows, _ROWS_SHOWN_MAX))
    print_table("", answer.names, shown)
    more = sum(1 for _ in rows)
    if more:
        err.print(f"… and {more:,} more rows: --csv and --json print all of them.")


def _print_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(answer.names)
    for row in answer:
        writer.writerow(
            [
                harmless(cell) if isinstance(cell, str) and not is_number else cell
                for is_number, cell in zip(answer.are_numbers, row, strict=True)
            ]
        )


def _describe(catalogue: Catalogue) -> dict[str, Any]:
    return {
        "freshness": catalogue.freshness,
        "datasets": [_describe_dataset(each) for each in catalogue.datasets.values()],
    }


def _describe_dataset(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "description": dataset.description,
        "grain": dataset.grain,
        "columns": list(dataset.columns.values()),
    }


def _tell_freshness(freshness: Freshness) -> None:
    err.print(f"The warehouse shows {freshness.as_of:%Y-%m-%d %H:%M} UTC.")
    if freshness.is_stale:
        err.print("That is more than a day ago: `payymo analytics build` brings it up to date.")
    if freshness.failure is not None:
        err.print(freshness.failure, markup=False)
