"""``payymo rates``: what currencies are worth, taken in, looked up and overridden."""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from payymo.assembly import open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, err, out, print_json, print_table
from payymo.domain.enums import RunStatus
from payymo.domain.errors import InvalidInputError
from payymo.domain.exchange import FIRST_DAY, PIVOT, DayRate, check_rate
from payymo.domain.money import check_currency, format_amount, format_number, parse_amount
from payymo.postgres.fx.models import FxImport
from payymo.postgres.fx.operations.overrides import delete_override, list_rates, record_override
from payymo.postgres.fx.operations.rates import find_last_rate_day, list_imports
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.rates import convert_amount, get_day_rate, import_rates, update_rates

app = typer.Typer(
    help="What currencies are worth against the euro.", no_args_is_help=True, add_completion=False
)

_IMPORTS_SHOWN = 5
_STDIN = "-"

CurrencyArgument = Annotated[
    str, typer.Argument(metavar="CURRENCY", help="ISO 4217 code, such as USD.")
]
DayArgument = Annotated[str, typer.Argument(metavar="DAY", help="Such as 2026-02-27.")]
DayOption = Annotated[
    str | None, typer.Option("--date", metavar="DAY", help="Such as 2026-02-27; today if left out.")
]


@app.callback()
def rates() -> None:
    """What currencies are worth against the euro."""


@app.command("import")
def import_file(
    file: Annotated[
        str,
        typer.Argument(
            help="As the European Central Bank publishes it: eurofxref-hist.csv or .zip, "
            "eurofxref-daily.xml, eurofxref-hist.xml; - reads standard input."
        ),
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Take the reference rates of a file in, for all tenants; all of them or none."""
    content = _read(file)
    with open_installation(load_settings_beside_stack()) as house:
        report = import_rates(house.sessions, content, clock=house.clock)
    _print_import(report, json=json)


@app.command("update")
def update(*, json: JsonOption = False) -> None:
    """Ask the European Central Bank for the rates that are not known yet; a worker does so daily.

    Exit code 1 when that failed.
    """
    if not json:
        err.print("Asking the European Central Bank …")
    with open_installation(load_settings_beside_stack()) as house:
        report = update_rates(house.sessions, house.rates, clock=house.clock)
    _print_import(report, json=json)
    if report.status is RunStatus.FAILED:
        raise typer.Exit(1)


@app.command("status")
def status(*, json: JsonOption = False) -> None:
    """Show the last day that has rates, and how the last attempts to take some in went."""
    with open_installation(load_settings_beside_stack()) as house:
        with house.sessions.begin() as session:
            last = find_last_rate_day(session)
            attempts = list_imports(session, page=1, per_page=_IMPORTS_SHOWN).rows
        updates = house.settings.rates_update
    if json:
        print_json(
            {"last_date": last, "updates": updates, "imports": [_plain(each) for each in attempts]}
        )
        return
    out.print(
        "There are no rates yet: run `payymo rates update`, or `payymo rates import FILE`."
        if last is None
        else f"Rates are known up to {last}.",
        markup=False,
    )
    if not updates:
        out.print("Workers ask for none, as PAYYMO_RATES_UPDATE is false.")
    for attempt in attempts:
        out.print(f"{attempt.finished_at:%Y-%m-%d %H:%M} UTC  {_say(attempt)}", markup=False)


@app.command("list")
def list_all(
    currency: Annotated[str | None, typer.Option(help="Only of this currency.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Last day.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Rates to show.")] = 50,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """List the rates that count for a tenant, latest day first."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            page = list_rates(
                session,
                tenant_id,
                currency=None if currency is None else currency.strip().upper(),
                start_date=None if since is None else _day(since),
                end_date=None if until is None else _day(until),
                page=1,
                per_page=limit,
            )
    if json:
        print_json([line._asdict() for line in page.rows])
        return
    print_table(
        f"{len(page.rows):,} of {page.total:,} rates: units of a currency for one euro",
        ("date", "currency", "rate#", "source", "published#", "note"),
        [
            (
                line.rate_date,
                line.currency,
                format_number(line.rate),
                line.source.value,
                None if line.reference_rate is None else format_number(line.reference_rate),
                line.note,
            )
            for line in page.rows
        ],
    )


@app.command("show")
def show(
    currency: CurrencyArgument,
    day: DayOption = None,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show the rate that holds on a day: its own, or the last of the seven days before it."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        wanted = house.clock().date() if day is None else _day(day)
        with tenant_transaction(house.sessions, tenant_id) as session:
            rate = get_day_rate(session, tenant_id, currency=_quoted(currency), day=wanted)
    if json:
        print_json(rate)
    else:
        out.print(_say_rate(rate), markup=False)


@app.command("set")
def set_rate(
    currency: CurrencyArgument,
    day: DayArgument,
    rate: Annotated[str, typer.Argument(help="Units of the currency for one euro: 1.0842.")],
    note: Annotated[str | None, typer.Option(help="Where it is from.")] = None,
    tenant: TenantOption = None,
) -> None:
    """Let a rate of a tenant's own count for a day; the published one stays as it is."""
    code, wanted, value = check_currency(_quoted(currency)), _day(day), _rate(rate)
    if wanted < FIRST_DAY:
        raise InvalidInputError(f"Rates begin with the euro, on {FIRST_DAY}.")
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            record_override(
                session, tenant_id, currency=code, day=wanted, rate=value, note=note, actor_id=None
            )
    out.print(f"On {wanted} one euro is {format_number(value)} {code} for this tenant.")


@app.command("unset")
def unset_rate(currency: CurrencyArgument, day: DayArgument, tenant: TenantOption = None) -> None:
    """Remove a rate of a tenant's own: the published one counts again."""
    code, wanted = _quoted(currency), _day(day)
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            delete_override(session, tenant_id, currency=code, day=wanted, actor_id=None)
    out.print(f"The tenant has no rate of its own of {code} for {wanted} any more.")


@app.command("convert")
def convert(
    amount: Annotated[str, typer.Argument(help="Such as 100.00; after -- it may be negative.")],
    currency: CurrencyArgument,
    to: Annotated[
        str | None, typer.Option("--to", help="Left out: what the tenant reports in.")
    ] = None,
    day: DayOption = None,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Say what an amount is in another currency; without a rate there is no amount."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        wanted = house.clock().date() if day is None else _day(day)
        with tenant_transaction(house.sessions, tenant_id) as session:
            found = convert_amount(
                session,
                tenant_id,
                amount=parse_amount(amount),
                original_currency=check_currency(currency),
                currency=None if to is None else check_currency(to),
                day=wanted,
            )
    if json:
        print_json(found)
        return
    original = format_amount(found.original, found.original_currency)
    result = format_amount(found.amount, found.currency)
    out.print(f"{original} {found.original_currency} = {result} {found.currency}", markup=False)
    for rate in found.rates:
        out.print(_say_rate(rate), markup=False)


def _read(file: str) -> bytes:
    if file == _STDIN:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}.") from error


def _quoted(currency: str) -> str:
    code = currency.strip().upper()
    if code == PIVOT:
        raise InvalidInputError("The euro has no rate: all rates are against it.")
    return code


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError as error:
        raise InvalidInputError("Write the day as YYYY-MM-DD, such as 2026-02-28.") from error


def _rate(written: str) -> Decimal:
    return check_rate(parse_amount(written))


def _print_import(attempt: FxImport, *, json: bool) -> None:
    if json:
        print_json(_plain(attempt))
    elif attempt.status is RunStatus.FAILED:
        err.print(f"Error: {attempt.error_message}", markup=False)
    else:
        out.print(_say(attempt), markup=False)


def _say(attempt: FxImport) -> str:
    if attempt.status is RunStatus.FAILED:
        return f"failed: {attempt.error_message}"
    return (
        f"{attempt.read_count:,} rates of {attempt.first_day} to {attempt.last_day}: "
        f"{attempt.added_count:,} new, {attempt.changed_count:,} corrected."
    )


def _plain(attempt: FxImport) -> dict[str, Any]:
    return {
        "origin": attempt.origin,
        "status": attempt.status,
        "started_at": attempt.started_at,
        "finished_at": attempt.finished_at,
        "read_count": attempt.read_count,
        "added_count": attempt.added_count,
        "changed_count": attempt.changed_count,
        "first_date": attempt.first_day,
        "last_date": attempt.last_day,
        "error_code": attempt.error_code,
        "error_message": attempt.error_message,
    }


def _say_rate(rate: DayRate) -> str:
    carried = f", carried forward from {rate.rate_day}" if rate.is_carried else ""
    return (
        f"1 EUR = {format_number(rate.rate)} {rate.currency} on {rate.day} "
        f"({rate.source.value}{carried})"
    )
