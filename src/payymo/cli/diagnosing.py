"""``payymo connections diagnose``: what to paste into a report."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from payymo.assembly import open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, out, print_json
from payymo.domain.ledger.coverage import DayRange
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.diagnostics import diagnose


def diagnose_connection(
    connection: Annotated[UUID, typer.Argument(help="Id of the connection.")],
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Say how a connection stands, to be pasted into a report: nobody is named in it."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            diagnosis = diagnose(session, tenant_id, connection, now=house.clock())
    if json:
        print_json(diagnosis)
        return
    for line in _lines(diagnosis, indent=""):
        out.print(line, markup=False)


def _lines(record: object, *, indent: str) -> Iterator[str]:
    """Yield a record as lines of ``name: value``; what is absent is left out."""
    if not is_dataclass(record):
        return
    for field in fields(record):
        value, name = getattr(record, field.name), field.name.replace("_", " ")
        if value is None or value in ((), {}):
            continue
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            for key, item in value.items():
                yield from _entry(str(key), item, indent=f"{indent}  ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield f"{indent}{name}:{'' if value else ' none'}"
            for item in value:
                yield from _item(item, indent=f"{indent}  ")
        else:
            yield from _entry(name, value, indent=indent)


def _entry(name: str, value: object, *, indent: str) -> Iterator[str]:
    if is_dataclass(value):
        yield f"{indent}{name}:"
        yield from _lines(value, indent=f"{indent}  ")
    else:
        yield f"{indent}{name}: {_cell(value)}"


def _item(item: object, *, indent: str) -> Iterator[str]:
    if isinstance(item, DayRange):
        yield f"{indent}- {item.first_day} to {item.last_day}"
        return
    for number, line in enumerate(_lines(item, indent="")):
        yield f"{indent}{'  ' if number else '- '}{line}"


def _cell(value: object) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
