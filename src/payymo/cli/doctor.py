"""``payymo doctor``: whether everything is well, and what to do where it is not."""

from collections.abc import Iterator

import typer
from rich.text import Text

from payymo.analytics.warehouse import Warehouse
from payymo.api.health.checks import READY, check_readiness
from payymo.assembly import Installation, open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, out, print_json
from payymo.domain.enums import CheckStatus
from payymo.domain.errors import ConfigurationError, OutageError
from payymo.postgres.auth.operations.tenants import list_tenants
from payymo.workflows.doctor import (
    Check,
    examine_rates,
    examine_tenant,
    examine_warehouse,
)

_COLOURS = {
    CheckStatus.OK: "green",
    CheckStatus.ATTENTION: "yellow",
    CheckStatus.FAILED: "red",
}


def doctor(tenant: TenantOption = None, *, json: JsonOption = False) -> None:
    """Check the installation and every account, of all tenants or of one.

    Does each account add up, are its days known, was every row understood, is it fresh; did every
    sync end, and the last matching; are database, migrations, queue, worker and keys in order. One
    line for each check. Exit code 1 when something failed.
    """
    checks: list[Check] = []
    try:
        with open_installation(load_settings_beside_stack()) as house:
            for check in _examine(house, tenant):
                checks.append(check)
                if not json:
                    _print(check)
    except (ConfigurationError, OutageError) as error:
        checks.append(Check("installation", CheckStatus.FAILED, error.message))
        if not json:
            _print(checks[-1])
    if json:
        print_json(checks)
    if any(check.status is CheckStatus.FAILED for check in checks):
        raise typer.Exit(1)


def _examine(house: Installation, tenant: str | None) -> Iterator[Check]:
    for name, told in check_readiness(house.api_services(fallback_url="")).items():
        status = CheckStatus.OK if told == READY else CheckStatus.FAILED
        if name == "worker" and told != READY:
            status = CheckStatus.ATTENTION
        yield Check(name, status, "It is in order." if told == READY else told)
    yield examine_rates(house.sessions, clock=house.clock)
    yield examine_warehouse(Warehouse(house.settings.warehouse_dir))
    if tenant is None:
        with house.sessions.begin() as session:
            tenant_ids = [each.id for each in list_tenants(session)]
    else:
        tenant_ids = [choose_tenant(house.sessions, tenant)]
    for tenant_id in tenant_ids:
        yield from examine_tenant(
            house.sessions, tenant_id=tenant_id, key_ring=house.key_ring, clock=house.clock
        )


def _print(check: Check) -> None:
    out.print(
        Text.assemble((f"{check.status.value:<10}", _COLOURS[check.status]), f"{check.name}:"),
        check.message,
        markup=False,
    )
