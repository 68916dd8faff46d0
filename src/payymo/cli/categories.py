"""``payymo categories``: what transactions are for, and the rules that say so."""

from typing import Annotated, Any

import typer
from rich.progress import Progress

from payymo.assembly import open_installation
from payymo.cli.category_names import NameArgument, clean_name, named_category
from payymo.cli.category_rules import app as rules_app
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, err, out, print_json, print_table
from payymo.domain.enums import CategoryKind, CategorySet
from payymo.domain.errors import InvalidInputError
from payymo.postgres.categories.models import Category
from payymo.postgres.categories.operations.categories import (
    CategoryChanges,
    add_category_set,
    create_category,
    delete_category,
    list_categories,
    update_category,
)
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.categorise import categorise_all

app = typer.Typer(
    help="What transactions are for, and the rules that say so.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(rules_app, name="rules")


@app.callback()
def categories() -> None:
    """What transactions are for, and the rules that say so."""


@app.command("list")
def list_all(tenant: TenantOption = None, *, json: JsonOption = False) -> None:
    """List a tenant's categories."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            shown = [_plain(category) for category in list_categories(session, tenant_id)]
    if json:
        print_json(shown)
    elif not shown:
        out.print(
            "There are no categories yet: run `payymo categories defaults household`, or business."
        )
    else:
        print_table(
            f"{len(shown):,} categories",
            ("name", "kind", "Payymo's own", "active"),
            [(c["name"], c["kind"], c["key"], "yes" if c["is_active"] else "no") for c in shown],
        )


@app.command("defaults")
def defaults(wanted: Annotated[CategorySet, typer.Argument()], tenant: TenantOption = None) -> None:
    """Give a tenant those of Payymo's own categories that it lacks.

    They are assigned by merchant category codes, bank transaction codes, purposes and words of
    the text, where neither a person nor a rule nor what was learned says otherwise.
    """
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            added = add_category_set(session, tenant_id, wanted, actor_id=None)
    out.print(f"{len(added):,} categories added. `payymo categories apply` assigns them.")


@app.command("add")
def add(
    name: NameArgument,
    kind: Annotated[CategoryKind, typer.Option()] = CategoryKind.EXPENSE,
    tenant: TenantOption = None,
) -> None:
    """Add a category."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            create_category(session, tenant_id, name=clean_name(name), kind=kind, actor_id=None)
    out.print(f"There is a category {clean_name(name)} now.", markup=False)


@app.command("change")
def change(
    name: NameArgument,
    rename: Annotated[str | None, typer.Option("--rename", help="Its new name.")] = None,
    kind: Annotated[CategoryKind | None, typer.Option()] = None,
    *,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether it may be assigned.")
    ] = None,
    tenant: TenantOption = None,
) -> None:
    """Rename a category, change its kind, or let it rest; what has it keeps it."""
    changes: CategoryChanges = {}
    if rename is not None:
        changes["name"] = clean_name(rename)
    if kind is not None:
        changes["kind"] = kind
    if active is not None:
        changes["is_active"] = active
    if not changes:
        raise InvalidInputError("Say what to change: --rename, --kind, --active or --inactive.")
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            known = named_category(session, tenant_id, name)
            shown = update_category(session, tenant_id, known.id, actor_id=None, **changes)
            rest = "" if shown.is_active else ", at rest"
            said = f"{shown.name}: {shown.kind.value}{rest}."
    out.print(said, markup=False)


@app.command("remove")
def remove(name: NameArgument, tenant: TenantOption = None) -> None:
    """Remove a category that nothing has."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            known = named_category(session, tenant_id, name)
            delete_category(session, tenant_id, known.id, actor_id=None)
    out.print("The category is removed.")


@app.command("apply")
def apply(tenant: TenantOption = None, *, json: JsonOption = False) -> None:
    """Decide anew on all transactions on which no person has, by rules, memory and defaults."""
    with (
        open_installation(load_settings_beside_stack()) as house,
        Progress(console=err, transient=True, disable=json) as shown,
    ):
        tenant_id = choose_tenant(house.sessions, tenant)
        task = shown.add_task("Deciding", total=None)
        report = categorise_all(
            house.sessions,
            tenant_id,
            clock=house.clock,
            progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if json:
        print_json(report)
    else:
        out.print(
            f"{report.transaction_count:,} transactions: {report.changed_count:,} changed, "
            f"{report.kept_count:,} kept as people chose."
        )


def _plain(category: Category) -> dict[str, Any]:
    return {
        "id": category.id,
        "name": category.name,
        "kind": category.kind.value,
        "key": category.key,
        "is_active": category.is_active,
    }
