"""``payymo match``: a tenant's payments, or two files of JSON Lines without a database."""

import time
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from payymo.cli.terminal import JsonOption, TenantOption, err, out, print_json
from payymo.domain.errors import InvalidInputError
from payymo.workflows.match_files import match_files

_FILES = "Files, without a database"

InvoicesOption = Annotated[
    Path | None,
    typer.Option(
        "--invoices", help="Open invoices, as JSON Lines.", rich_help_panel=_FILES, dir_okay=False
    ),
]
TransactionsOption = Annotated[
    Path | None,
    typer.Option(
        "--transactions",
        help="Bank transactions, as JSON Lines.",
        rich_help_panel=_FILES,
        dir_okay=False,
    ),
]
HistoryOption = Annotated[
    Path | None,
    typer.Option(
        "--history",
        help="Confirmed past matches, as JSON Lines: teaches payers and habits.",
        rich_help_panel=_FILES,
        dir_okay=False,
    ),
]
MetaOption = Annotated[
    Path | None,
    typer.Option(
        "--meta",
        help="JSON with mid rates under fx_per_eur, for payments in another currency.",
        rich_help_panel=_FILES,
        dir_okay=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Where the proposals go, as JSON Lines.",
        rich_help_panel=_FILES,
        dir_okay=False,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=2,
        help="Processes; as many as the size of the book calls for unless said.",
        rich_help_panel=_FILES,
    ),
]


def match(
    tenant: TenantOption = None,
    *,
    invoices: InvoicesOption = None,
    transactions: TransactionsOption = None,
    history: HistoryOption = None,
    meta: MetaOption = None,
    out_file: OutOption = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """Match unexplained payments to open invoices now.

    Without files, those of a tenant. With --invoices, --transactions and --out, those of the
    files, and nothing is kept: see docs/matching_format.md.
    """
    if not any((invoices, transactions, history, meta, out_file)):
        import_module("payymo.cli.invoicing").match_tenant(tenant, json=json)
        return
    if not (invoices and transactions and out_file) or tenant:
        raise InvalidInputError(
            "To match files, name --invoices, --transactions and --out, and no tenant."
        )
    start = time.perf_counter()
    report = match_files(
        invoices=invoices,
        transactions=transactions,
        history=history,
        meta=meta,
        out=out_file,
        workers=workers,
        progress=err.print,
    )
    if json:
        print_json(report)
    else:
        out.print(
            f"{report.payment_count:,} payments, {report.invoice_count:,} open invoices: "
            f"{report.proposal_count:,} proposals, {report.sure_count:,} of them at 0.95 or more, "
            f"in {time.perf_counter() - start:.1f} s. {out_file} has them."
        )
