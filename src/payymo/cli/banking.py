"""``payymo connections``, ``sync``, ``transactions``: the bank side, on the operator's machine."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
import typer

from payymo.assembly import Installation, open_installation
from payymo.cli.diagnosing import diagnose_connection
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, err, out, print_json, print_table
from payymo.domain.banking import ProviderCredentials
from payymo.domain.consents import READABLE
from payymo.domain.enums import (
    AccountSelection,
    ConsentStatus,
    DataDisposal,
    Direction,
    DoublesAnswer,
    Provider,
    RunStatus,
    SyncTrigger,
    TransactionSort,
)
from payymo.domain.errors import InvalidInputError, NotFoundError, PayymoError, ProviderQuotaError
from payymo.domain.money import format_amount
from payymo.postgres.auth.operations.credentials import delete_credentials, record_credentials
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.connections import get_connection, list_connections
from payymo.postgres.common.operations.doubles import list_doubles
from payymo.postgres.common.operations.institutions import list_institutions
from payymo.postgres.common.operations.transactions import (
    TransactionFilter,
    list_transactions,
)
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.account_choice import answer_doubles, change_account
from payymo.workflows.connect import (
    StartedConnection,
    delete_connection,
    disconnect,
    finish_connection,
    renew_connection,
    start_connection,
)
from payymo.workflows.institutions import ensure_institutions
from payymo.workflows.permits import check_refresh
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport
from payymo.workflows.undo import revert_run

connections_app = typer.Typer(
    help="Connect banks, and see how they stand.", no_args_is_help=True, add_completion=False
)
transactions_app = typer.Typer(help="See transactions.", no_args_is_help=True, add_completion=False)

connections_app.command("diagnose")(diagnose_connection)

ConnectionArgument = Annotated[UUID, typer.Argument(help="Id of the connection.")]
WaitOption = Annotated[bool, typer.Option(help="Wait until the consent is given.")]

#: As many as a list on the terminal may have.
_ROWS_MAX = 200
_CONSENT_POLL_SECONDS = 3.0
_PUBLIC_URL_DEFAULT = "http://127.0.0.1:8000"


@connections_app.command("banks")
def list_banks(
    country: Annotated[str, typer.Argument(help="ISO country code; XX for the test bank.")],
    q: Annotated[str | None, typer.Option("--name", help="Part of the bank's name.")] = None,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """List the banks of a country that can be connected."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        ensure_institutions(
            house.sessions,
            house.providers,
            tenant_id=tenant_id,
            provider=Provider.GOCARDLESS,
            country=country.upper(),
            clock=house.clock,
        )
        with house.sessions.begin() as session:
            page = list_institutions(
                session, country=country.upper(), q=q, page=1, per_page=_ROWS_MAX
            )
            rows = [
                (bank.reference, bank.name, bank.history_days_max, bank.consent_days_max)
                for bank in page.rows
            ]
    _show(json, "Banks", ("id", "name", "history days #", "consent days #"), rows)


@connections_app.command("list")
def list_all(tenant: TenantOption = None, *, json: JsonOption = False) -> None:
    """List the tenant's bank connections."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            page = list_connections(session, tenant_id, page=1, per_page=_ROWS_MAX)
            rows = [
                (
                    connection.id,
                    connection.institution.name,
                    connection.name,
                    connection.status,
                    _minute(connection.expires_at),
                    _minute(connection.last_synced_at),
                    connection.error_message,
                )
                for connection in page.rows
            ]
    columns = ("id", "bank", "name", "status", "expires at", "last synced at", "error")
    _show(json, "Connections", columns, rows)


@connections_app.command("start")
def start(
    bank: Annotated[str, typer.Argument(help="The bank's id: see `payymo connections banks`.")],
    tenant: TenantOption = None,
    *,
    name: Annotated[str | None, typer.Option(help="What to call this login.")] = None,
    accounts: Annotated[
        AccountSelection, typer.Option(help="Read all, or ask before anything is read.")
    ] = AccountSelection.ALL,
    wait: WaitOption = True,
) -> None:
    """Connect a bank: print the page where consent is given, and wait for it."""
    with open_installation(load_settings_beside_stack()) as house:
        started = start_connection(
            house.sessions,
            house.providers,
            tenant_id=choose_tenant(house.sessions, tenant),
            institution=bank,
            callback_url=_callback_url(house),
            return_url=None,
            actor_id=None,
            clock=house.clock,
            name=name,
            account_selection=accounts,
        )
        _lead_to_consent(house, started, wait=wait)


@connections_app.command("renew")
def renew(
    connection: ConnectionArgument, tenant: TenantOption = None, *, wait: WaitOption = True
) -> None:
    """Renew a connection's consent; its history and edits stay."""
    with open_installation(load_settings_beside_stack()) as house:
        started = renew_connection(
            house.sessions,
            house.providers,
            tenant_id=choose_tenant(house.sessions, tenant),
            connection_id=connection,
            callback_url=_callback_url(house),
            return_url=None,
            actor_id=None,
            clock=house.clock,
        )
        _lead_to_consent(house, started, wait=wait)


@connections_app.command("accounts")
def choose_accounts(
    connection: ConnectionArgument,
    read: Annotated[
        list[UUID] | None, typer.Option(help="Id of an account to read from now on.")
    ] = None,
    leave: Annotated[
        list[UUID] | None, typer.Option(help="Id of an account not to read any more.")
    ] = None,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """List a connection's accounts, and choose which are read."""
    answers = dict.fromkeys(read or (), True) | dict.fromkeys(leave or (), False)
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            get_connection(session, tenant_id, connection)
            known = list_connection_accounts(session, tenant_id, connection)
            if not answers.keys() <= {account.id for account in known}:
                raise NotFoundError("The connection has no such account.")
            for account_id, is_read in answers.items():
                change_account(
                    session,
                    house.queue,
                    tenant_id,
                    account_id,
                    name=None,
                    is_sync_enabled=is_read,
                    actor_id=None,
                )
            rows = [
                (
                    account.id,
                    account.name,
                    account.iban or account.masked_number,
                    "offered" if account.is_offered else account.is_sync_enabled,
                    account.error_message,
                )
                for account in known
            ]
    _show(json, "Accounts", ("id", "name", "number", "read", "error"), rows)


@connections_app.command("doubles")
def answer_for_doubles(
    connection: ConnectionArgument,
    tenant: TenantOption = None,
    *,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Read them here, with their history, and no more there.")
    ] = False,
    leave: Annotated[bool, typer.Option("--leave", help="Leave them where they are.")] = False,
    json: JsonOption = False,
) -> None:
    """List accounts that another connection has already, and answer once for all of them."""
    if adopt and leave:
        raise InvalidInputError("Say --adopt or --leave, not both.")
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            if adopt or leave:
                answer_doubles(
                    session,
                    house.queue,
                    tenant_id,
                    connection,
                    answer=DoublesAnswer.ADOPT if adopt else DoublesAnswer.LEAVE,
                    actor_id=None,
                )
            found = list_doubles(session, get_connection(session, tenant_id, connection))
            rows = [
                (
                    double.account.id,
                    double.account.name,
                    double.account.is_offered,
                    double.holder.connection_id,
                )
                for double in found
            ]
    columns = ("id", "name", "waits for an answer", "other connection")
    _show(json, "Accounts that another connection has", columns, rows)


@connections_app.command("end")
def end(
    connection: ConnectionArgument,
    tenant: TenantOption = None,
    *,
    data: Annotated[
        DataDisposal, typer.Option(help="Whether its accounts and transactions stay.")
    ] = DataDisposal.KEEP,
) -> None:
    """End a connection's consent at the bank; its history and edits stay unless purged."""
    is_purged = data is DataDisposal.PURGE
    verb = delete_connection if is_purged else disconnect
    with open_installation(load_settings_beside_stack()) as house:
        verb(
            house.sessions,
            house.providers,
            tenant_id=choose_tenant(house.sessions, tenant),
            connection_id=connection,
            actor_id=None,
            clock=house.clock,
        )
    what_stays = "nothing of it is kept" if is_purged else "its history is kept"
    out.print(f"The connection is ended, and {what_stays}.")


@connections_app.command("revert")
def revert(
    sync_run: Annotated[UUID, typer.Argument(help="Id of the sync run to take back.")],
    tenant: TenantOption = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
) -> None:
    """Take back what a sync did; nothing is deleted, and the next sync asks again."""
    with open_installation(load_settings_beside_stack()) as house:
        reversal = revert_run(
            house.sessions,
            house.queue,
            tenant_id=choose_tenant(house.sessions, tenant),
            sync_run_id=sync_run,
            connection_id=None,
            is_trial=dry_run,
            actor_id=None,
            clock=house.clock,
        )
    for blocker in reversal.blockers:
        out.print(f"In the way: {blocker.message}", markup=False)
    told = "were" if reversal.run else "would be"
    out.print(
        f"{reversal.removed_count} transactions {told} removed and {reversal.restored_count} "
        f"{told} restored."
    )


@connections_app.command("credentials")
def credentials(
    file: Annotated[
        Path | None,
        typer.Option(help="The JSON file that GoCardless offers: secret_id and secret_key."),
    ] = None,
    tenant: TenantOption = None,
    *,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the tenant's own.")] = False,
) -> None:
    """Enter a tenant's own GoCardless credentials; they are stored encrypted."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        if forget:
            with tenant_transaction(house.sessions, tenant_id) as session:
                delete_credentials(session, tenant_id, Provider.GOCARDLESS)
            out.print("The tenant's own credentials are removed.")
            return
        entered = _read_credentials(file) if file else _ask_credentials()
        with tenant_transaction(house.sessions, tenant_id) as session:
            record_credentials(
                session, tenant_id, Provider.GOCARDLESS, entered, key_ring=house.key_ring
            )
    out.print("The credentials are stored.")


def sync(
    connection: Annotated[
        UUID | None, typer.Argument(help="Id of the connection; all active ones if absent.")
    ] = None,
    tenant: TenantOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Bring bank connections up to date now, and say what came."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        connection_ids = [connection] if connection else _active_connections(house, tenant_id)
        if not connection_ids:
            raise PayymoError(
                "There is no active connection: start one with `payymo connections start`."
            )
        reports = {}
        for connection_id in connection_ids:
            try:
                with tenant_transaction(house.sessions, tenant_id) as session:
                    waiting = check_refresh(session, tenant_id, connection_id, now=house.clock())
            except ProviderQuotaError as error:
                if connection is not None:
                    raise
                err.print(f"{connection_id}: {error.message}", markup=False, soft_wrap=True)
                continue
            err.print(f"Syncing {connection_id} …")
            for each in waiting:
                err.print(f"  account {each.account_id} waits until {_minute(each.until)} UTC")
            reports[connection_id] = sync_connection(
                house.sessions,
                house.providers,
                house.queue,
                tenant_id=tenant_id,
                connection_id=connection_id,
                trigger=SyncTrigger.REQUEST,
                clock=house.clock,
                progress=lambda done, total: err.print(f"  {done} of {total} accounts"),
            )
    if json:
        print_json({str(connection_id): report for connection_id, report in reports.items()})
    else:
        for connection_id, report in reports.items():
            _print_report(connection_id, report)
    is_refused = len(reports) < len(connection_ids)
    if is_refused or any(report.status is RunStatus.FAILED for report in reports.values()):
        raise typer.Exit(1)


@transactions_app.callback()
def transactions() -> None:
    """See transactions."""


@transactions_app.command("list")
def list_some(
    q: Annotated[str | None, typer.Option("--search", help="Part of a text, name or id.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    direction: Annotated[Direction | None, typer.Option(help="Money in or money out.")] = None,
    tenant: TenantOption = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=_ROWS_MAX)] = 20,
    json: JsonOption = False,
) -> None:
    """List the newest transactions."""
    criteria = TransactionFilter(
        q=q,
        start_date=since.date() if since else None,
        end_date=until.date() if until else None,
        direction=direction,
    )
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            page = list_transactions(
                session,
                tenant_id,
                criteria,
                sort=TransactionSort.NEWEST_FIRST,
                page=1,
                per_page=limit,
            )
    rows = [
        (
            row.transaction_date,
            row.account_name,
            format_amount(row.amount, row.currency),
            row.currency,
            row.payee,
            row.description,
            row.status,
            row.match_status,
        )
        for row in page.rows
    ]
    columns = ("date", "account", "amount #", "currency", "payee", "text", "status", "match")
    _show(json, f"{len(rows)} of {page.total:,} transactions", columns, rows)


def _show(
    json: bool,  # handed on from the option as it is
    title: str,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[object]],
) -> None:
    """Print rows as the user wants them."""
    if json:
        names = [column.removesuffix("#").strip().replace(" ", "_") for column in columns]
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(title, columns, rows)


def _callback_url(house: Installation) -> str:
    public_url = house.settings.public_url or _PUBLIC_URL_DEFAULT
    return f"{public_url}/api/v1/bank_connections/callback"


def _lead_to_consent(house: Installation, started: StartedConnection, *, wait: bool) -> None:
    """Print the page where consent is given, and wait for it where that is wanted."""
    out.print(f"Open this page and consent: {started.consent_url}", markup=False)
    if wait:
        _wait_for_consent(house, started.reference)


def _wait_for_consent(house: Installation, reference: str) -> None:
    err.print("Waiting for the consent; Ctrl-C stops the waiting, not the consent.")
    while True:
        finished = finish_connection(
            house.sessions, house.providers, house.queue, reference=reference, clock=house.clock
        )
        if finished.consent_status is not ConsentStatus.PENDING:
            break
        time.sleep(_CONSENT_POLL_SECONDS)
    if finished.consent_status is not ConsentStatus.GRANTED:
        reason = finished.consent_error
        raise PayymoError(reason or f"The consent was not given: it is {finished.consent_status}.")
    connection = finished.connection
    out.print(f"Connected: {connection.id}. `payymo sync {connection.id}` reads it now.")


def _active_connections(house: Installation, tenant_id: UUID) -> list[UUID]:
    with tenant_transaction(house.sessions, tenant_id) as session:
        page = list_connections(session, tenant_id, page=1, per_page=_ROWS_MAX)
        return [connection.id for connection in page.rows if connection.status in READABLE]


def _read_credentials(file: Path) -> ProviderCredentials:
    try:
        kept = msgspec.json.decode(file.read_bytes())
        return ProviderCredentials(kept["secret_id"], kept["secret_key"])
    except (OSError, msgspec.DecodeError, KeyError, TypeError):
        # Not chained: the cause may quote the file.
        raise InvalidInputError(
            "The file must be JSON with secret_id and secret_key, as GoCardless offers it."
        ) from None


def _ask_credentials() -> ProviderCredentials:
    return ProviderCredentials(
        typer.prompt("Secret id", err=True), typer.prompt("Secret key", hide_input=True, err=True)
    )


def _print_report(connection_id: UUID, report: SyncReport) -> None:
    out.print(
        f"{connection_id}: {report.status}, {report.added_count:,} added, "
        f"{report.updated_count:,} updated, {report.unchanged_count:,} unchanged.",
        markup=False,
    )
    for account in report.accounts:
        told = account.fault or account.remark
        if told:
            out.print(f"  account {account.account_id}: {told.message}", markup=False)
    if report.fault:
        out.print(f"  {report.fault.kind.capitalize()}: {report.fault.message}", markup=False)
    elif report.remark and len(report.accounts) != 1:
        out.print(f"  {report.remark.message}", markup=False)


def _minute(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%d %H:%M") if moment else None
