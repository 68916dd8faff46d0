"""``payymo demo`` and ``payymo up``: the whole house on one command."""

import json as json_module
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as ProgressBar

from payymo.cli.conducting import DagsterPortOption
from payymo.cli.journey import Api, Login, Outcome, Progress, new_login, register, run_journey
from payymo.cli.questions import Answer, list_questions, print_answers
from payymo.cli.scoring import Score
from payymo.cli.serving import PortOption
from payymo.cli.stack import Stack, running_stack, told_to_stop
from payymo.cli.terminal import JsonOption, err, out, print_json, print_table
from payymo.domain.errors import ConfigurationError
from payymo.sandbox.books.customers import CUSTOMER_COUNT_DEFAULT
from payymo.settings import load_settings

SeedOption = Annotated[int, typer.Option(help="Same seed, same invented books.")]
CustomersOption = Annotated[int, typer.Option(min=1, help="Customers of the invented business.")]

_OWNER_FILE = "owner.json"
_CHECK_SECONDS = 0.5


def demo(
    seed: SeedOption = 1,
    customers: CustomersOption = CUSTOMER_COUNT_DEFAULT,
    *,
    json: JsonOption = False,
) -> None:
    """Connect a sandbox bank, sync it, match its invoices, build the warehouse and ask it."""
    settings = load_settings()
    _refuse_real_provider(is_given=settings.is_gocardless_address_given)
    with (
        _showing_progress() as progress,
        running_stack(
            data_dir=settings.data_dir.resolve(),
            port=0,
            sandbox_options=_sandbox_options(seed, customers),
        ) as stack,
    ):
        outcome, answers = _demonstrate(stack, progress)
    if json:
        print_json(_summary(outcome) | {each.question.name: each.rows for each in answers})
        return
    _print_outcome(outcome)
    _print_questions(answers, "http://127.0.0.1:8000", outcome.login, later=True)


def up(
    port: PortOption = 8000,
    seed: SeedOption = 1,
    customers: CustomersOption = CUSTOMER_COUNT_DEFAULT,
    *,
    with_demo: Annotated[bool, typer.Option("--demo", help="Run the demonstration first.")] = False,
    with_dagster: Annotated[
        bool, typer.Option("--with-dagster", help="Open Dagster's pages as well.")
    ] = False,
    dagster_port: DagsterPortOption = 3000,
    json: JsonOption = False,
) -> None:
    """Serve API, worker and sandbox until Ctrl-C.

    With GOCARDLESS_BASE_URL set, no sandbox is started and that address is talked to. With --json,
    one line is printed when ready: url, email, password, sandbox_url, dagster_url.
    """
    settings = load_settings()
    with_sandbox = not settings.is_gocardless_address_given
    if with_demo:
        _refuse_real_provider(is_given=not with_sandbox)
    data_dir = settings.data_dir.resolve()
    with (
        told_to_stop() as stop,
        running_stack(
            data_dir=data_dir,
            port=port,
            sandbox_options=_sandbox_options(seed, customers) if with_sandbox else None,
            dagster_port=dagster_port if with_dagster else None,
        ) as stack,
    ):
        outcome = None
        if with_demo:
            with _showing_progress() as progress:
                outcome, answers = _demonstrate(stack, progress)
            login = outcome.login
        else:
            login = _owner(stack.url, data_dir / _OWNER_FILE)
        sandbox_url = stack.sandbox.base_url if stack.sandbox else None
        if json:
            print_json(
                {
                    "url": stack.url,
                    "email": login.email,
                    "password": login.password,
                    "sandbox_url": sandbox_url,
                    "dagster_url": stack.dagster_url,
                }
            )
        else:
            if outcome is not None:
                _print_outcome(outcome)
                _print_questions(answers, stack.url, login, later=False)
            _print_address(stack, login)
        while not stop.wait(_CHECK_SECONDS):
            stack.check()
        err.print("Stopping.")


def _sandbox_options(seed: int, customers: int) -> list[str]:
    return ["--seed", str(seed), "--customers", str(customers)]


def _refuse_real_provider(*, is_given: bool) -> None:
    if is_given:
        raise ConfigurationError(
            "The demonstration needs the sandbox, whose invoices and truth it knows: unset "
            "GOCARDLESS_BASE_URL."
        )


def _demonstrate(stack: Stack, progress: Progress) -> tuple[Outcome, list[Answer]]:
    if stack.sandbox is None:
        raise AssertionError("a demonstration has a sandbox")
    outcome = run_journey(stack.url, stack.sandbox, progress)
    progress("Asking the warehouse", None, None)
    questions = list_questions(datetime.fromisoformat(outcome.warehouse["as_of"]).date())
    with _signed_in(stack.url, outcome.login) as http:
        answers = [Answer(each, Api(http).page(each.path)["data"]) for each in questions]
    return outcome, answers


@contextmanager
def _signed_in(url: str, login: Login) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as http:
        credentials = {"email": login.email, "password": login.password}
        token = Api(http).post("/auth/login", credentials)["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        yield http


def _owner(url: str, path: Path) -> Login:
    """Return the login of the tenant that ``up`` made on its first start, or make it now."""
    if path.exists():
        kept = json_module.loads(path.read_text(encoding="utf-8"))
        return Login(kept["email"], kept["password"])
    login = new_login("owner")
    with httpx.Client(base_url=url, timeout=60) as http:
        register(http, name="My business", login=login)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json_module.dump({"email": login.email, "password": login.password}, file)
    return login


@contextmanager
def _showing_progress() -> Iterator[Progress]:
    """Give a function that shows each step, with a bar while its length is known."""
    bar = ProgressBar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    started = time.monotonic()
    shown: list[str] = []

    def show(what: str, done: int | None, total: int | None) -> None:
        if not shown or shown[-1] != what:
            shown.append(what)
            bar.console.print(f"{time.monotonic() - started:6.1f} s  {what}", highlight=False)
        bar.update(task, description=what, completed=done or 0, total=total)

    with bar:
        task = bar.add_task("Starting PostgreSQL, API, worker and sandbox", total=None)
        show("Starting PostgreSQL, API, worker and sandbox", None, None)
        yield show


def _print_outcome(outcome: Outcome) -> None:
    out.print()
    print_table(
        "Accounts",
        ("name", "iban", "booked balance #", "currency"),
        [
            (account["name"], account["iban"], _booked(account), account["currency"])
            for account in outcome.accounts
        ],
    )
    rate = outcome.transaction_count / outcome.sync_seconds
    out.print(
        f"\n{outcome.transaction_count:,} transactions synced in {outcome.sync_seconds:.1f} s "
        f"({rate:,.0f} rows/s) after {outcome.pages_walked} pages of consent.\n"
        f"{outcome.invoice_count:,} invoices of {outcome.customer_count:,} customers imported.\n"
    )
    print_table(
        f"Matches of {outcome.payment_count:,} payments, found in {outcome.match_seconds:.1f} s, "
        "against the sandbox's own truth",
        ("", "payments #", "links #", "precision #", "recall #"),
        [
            ("applied", f"{outcome.applied_count:,}", *_score_cells(outcome.applied)),
            ("suggested", f"{outcome.suggested_count:,}", "", "", ""),
            ("applied or suggested", "", *_score_cells(outcome.proposed)),
            ("none", f"{outcome.unexplained_count:,}", "", "", ""),
        ],
    )
    out.print(
        f"\nOf {outcome.negative_count:,} payments that pay no invoice, "
        f"{outcome.negatives_applied:,} were applied to one.\n\n"
        f"The warehouse was built in {outcome.build_seconds:.1f} s: "
        f"{outcome.warehouse['model_count']} models, and {outcome.warehouse['test_count']} tests "
        "of them hold."
    )


def _print_questions(answers: list[Answer], url: str, login: Login, *, later: bool) -> None:
    when = "to be repeated after `make up`" if later else "to be repeated"
    out.print(f"\n[bold]Three questions[/], {when}:\n")
    out.print(
        f"  TOKEN=$(curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' \\\n"
        f"    -d '{json_module.dumps({'email': login.email, 'password': login.password})}' \\\n"
        '    | sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\')',
        markup=False,
    )
    print_answers(answers, url)


def _print_address(stack: Stack, login: Login) -> None:
    out.print(f"\nPayymo serves at [bold]{stack.url}[/] (documentation: {stack.url}/docs)")
    out.print(f"  e-mail    {login.email}\n  password  {login.password}", markup=False)
    if stack.sandbox is not None:
        out.print(f"  sandbox   {stack.sandbox.base_url}", markup=False)
    if stack.dagster_url is not None:
        out.print(f"  Dagster   {stack.dagster_url}", markup=False)
    out.print(f"  logs      {stack.log_folder}\nCtrl-C stops it.", markup=False)


def _booked(account: Mapping[str, Any]) -> str:
    booked = [
        balance["amount"]
        for kind in ("closing_booked", "interim_booked", "expected")
        for balance in account["balances"]
        if balance["balance_type"] == kind
    ]
    return booked[0] if booked else "not told"


def _score_cells(score: Score) -> tuple[str, str, str]:
    return (f"{score.found:,}", _share(score.precision), _share(score.recall))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _summary(outcome: Outcome) -> dict[str, Any]:
    return {
        "accounts": [
            {"iban": account["iban"], "balance": _booked(account), "currency": account["currency"]}
            for account in outcome.accounts
        ],
        "transactions": outcome.transaction_count,
        "sync_seconds": outcome.sync_seconds,
        "rows_per_second": outcome.transaction_count / outcome.sync_seconds,
        "invoices": outcome.invoice_count,
        "customers": outcome.customer_count,
        "payments": outcome.payment_count,
        "applied": outcome.applied_count,
        "suggested": outcome.suggested_count,
        "none": outcome.unexplained_count,
        "applied_precision": outcome.applied.precision,
        "applied_recall": outcome.applied.recall,
        "proposed_precision": outcome.proposed.precision,
        "proposed_recall": outcome.proposed.recall,
        "negatives": outcome.negative_count,
        "negatives_applied": outcome.negatives_applied,
        "match_seconds": outcome.match_seconds,
        "build_seconds": outcome.build_seconds,
    }
