"""``payymo tenants``: what a tenant lets happen without a person."""

from decimal import Decimal
from typing import Annotated

import typer

from payymo.assembly import open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, out, print_json
from payymo.domain.enums import GateDemand
from payymo.domain.matching.gate import DECISIONS_MIN, THRESHOLD_MAX, THRESHOLD_MIN
from payymo.domain.money import check_currency
from payymo.postgres.auth.models import Tenant
from payymo.postgres.auth.operations.tenants import TenantChanges, get_tenant, update_tenant
from payymo.postgres.tenancy import tenant_transaction

app = typer.Typer(help="Tenants and their settings.", no_args_is_help=True, add_completion=False)


@app.callback()
def tenants() -> None:
    """Tenants and their settings."""


@app.command("settings")
def settings(
    tenant: TenantOption = None,
    *,
    currency: Annotated[
        str | None, typer.Option(help="What to report in: an ISO 4217 code such as EUR.")
    ] = None,
    auto_apply: Annotated[
        bool | None,
        typer.Option(
            "--auto-apply/--no-auto-apply",
            help="Apply matches by themselves, where the gate lets them.",
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=float(THRESHOLD_MIN),
            max=float(THRESHOLD_MAX),
            help="How sure a match must be for that.",
        ),
    ] = None,
    demand: Annotated[
        GateDemand | None,
        typer.Option(
            help="What it needs besides: only exact amounts for issued references, or others too "
            "once your own decisions prove the threshold."
        ),
    ] = None,
    decisions_min: Annotated[
        int | None,
        typer.Option(min=DECISIONS_MIN, help="Decisions without which nothing is proven."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show a tenant's settings, after changing those that are named."""
    changes: TenantChanges = {}
    if currency is not None:
        changes["currency"] = check_currency(currency)
    if auto_apply is not None:
        changes["auto_apply"] = auto_apply
    if threshold is not None:
        changes["auto_apply_threshold"] = Decimal(str(threshold))
    if demand is not None:
        changes["auto_apply_demand"] = demand
    if decisions_min is not None:
        changes["auto_apply_decisions_min"] = decisions_min
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            if changes:
                chosen = update_tenant(session, tenant_id, actor_id=None, **changes)
                house.queue.queue_match(session, tenant_id, requested_by=None)
            else:
                chosen = get_tenant(session, tenant_id)
            shown = _settings_of(chosen)
    if json:
        print_json(shown)
    else:
        for name, value in shown.items():
            out.print(f"{name:<26}{value}", markup=False)


def _settings_of(tenant: Tenant) -> dict[str, str | bool | int]:
    return {
        "name": tenant.name,
        "currency": tenant.currency,
        "auto_apply": tenant.auto_apply,
        "auto_apply_threshold": f"{tenant.auto_apply_threshold.normalize():f}",
        "auto_apply_demand": tenant.auto_apply_demand.value,
        "auto_apply_decisions_min": tenant.auto_apply_decisions_min,
    }
