"""``payymo invoices``, and ``match`` for a tenant: on the operator's machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from payymo.assembly import open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, err, out, print_json
from payymo.domain.errors import InvalidInputError
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.invoices import import_invoices
from payymo.workflows.reconcile import reconcile

invoices_app = typer.Typer(help="Take invoices in.", no_args_is_help=True, add_completion=False)


@invoices_app.callback()
def invoices() -> None:
    """Take invoices in."""


@invoices_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV or JSON Lines.")],
    tenant: TenantOption = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; write nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Import invoices, all or none; faults are named line by line."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}.") from error
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            report = import_invoices(
                session,
                tenant_id,
                content=content,
                filename=file.name,
                dry_run=dry_run,
                actor_id=None,
                now=house.clock(),
            )
            if not dry_run:
                house.queue.queue_match(session, tenant_id, requested_by=None)
    if json:
        print_json(report)
    else:
        verb = "would be imported" if dry_run else "imported"
        out.print(
            f"{report.invoice_count:,} invoices {verb}, {report.customer_count:,} new customers."
        )


def match_tenant(tenant: str | None, *, json: bool) -> None:
    """Match a tenant's unexplained payments to its open invoices now.

    :param tenant: Name or id; not needed for only one.
    :param json: Whether to print JSON.
    """
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=err, transient=True) as bar:
            task = bar.add_task("Matching payments", total=None)
            report = reconcile(
                house.sessions,
                tenant_id,
                clock=house.clock,
                progress=lambda done, total: bar.update(task, completed=done, total=total or None),
            )
    if json:
        print_json(report)
    else:
        out.print(
            f"{report.payment_count:,} payments, {report.invoice_count:,} open invoices: "
            f"{report.applied_count:,} applied, {report.suggested_count:,} suggested, "
            f"{report.unexplained_count:,} unexplained."
        )
