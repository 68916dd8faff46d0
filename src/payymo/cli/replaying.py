"""``payymo replay``: the raw archive entered anew, and compared with the ledger."""

from typing import Annotated
from uuid import UUID

import typer

from payymo.assembly import open_installation
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, ProgressLine, TenantOption, out, print_json
from payymo.domain.enums import ReplayVerdict
from payymo.workflows.replay import AccountReplay
from payymo.workflows.replay import replay as replay_archive

_FINDINGS_SHOWN_MAX = 50


def replay(
    account: Annotated[
        UUID | None, typer.Option("--account", help="Only this account; all without it.")
    ] = None,
    identity_version: Annotated[
        int | None,
        typer.Option(help="By an older version of the rules that recognise rows, to compare."),
    ] = None,
    tenant: TenantOption = None,
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Bring the ledger in line with the archive.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Enter the raw archive anew by today's rules, and say what would be otherwise.

    Nothing is written without --apply. With it, every transaction keeps its id, its category and
    note, and the invoices that it pays; what people touched is never closed.
    """
    shown = _Progress()
    with open_installation(load_settings_beside_stack()) as house:
        reports = replay_archive(
            house.sessions,
            tenant_id=choose_tenant(house.sessions, tenant),
            account_id=account,
            identity_version=identity_version,
            apply=apply,
            clock=house.clock,
            progress=shown.count_account,
            watch=shown.watch_account,
        )
    if json:
        print_json([_plain(report) for report in reports])
        return
    for report in reports:
        _print_report(report, is_applied=apply)


class _Progress:
    """Where a replay is, on one line of the terminal."""

    def __init__(self) -> None:
        self._accounts = ""
        self._line = ProgressLine()

    def count_account(self, done: int, total: int) -> None:
        """Show how many accounts are done."""
        self._accounts = f"{done} of {total} accounts"
        self._line.show(self._accounts)

    def watch_account(self, done: int, total: int, read: int) -> None:
        """Show how far the account is that is under way."""
        self._line.show(f"{self._accounts}, {done} of {total} answers, {read:,} payloads read")


def _plain(report: AccountReplay) -> dict[str, object]:
    return {
        "account_id": report.account_id,
        "raw_rows": report.row_count,
        "answers": report.answer_count,
        "answers_in_part": report.partial_answer_count,
        "counts": {verdict.value: report.counts.get(verdict, 0) for verdict in ReplayVerdict},
        "differences": [
            {
                "verdict": finding.verdict,
                "transaction_id": finding.transaction_id,
                "explanation": finding.explain(),
                "is_kept_back": finding in report.kept_back,
            }
            for finding in report.findings
        ],
    }


def _print_report(report: AccountReplay, *, is_applied: bool) -> None:
    counted = ", ".join(
        f"{report.counts.get(verdict, 0)} {verdict.value.replace('_', ' ')}"
        for verdict in ReplayVerdict
    )
    out.print(
        f"{report.account_name}: {report.row_count} raw rows in {report.answer_count} answers; "
        f"{counted}.",
        markup=False,
    )
    if report.partial_answer_count:
        out.print(
            f"  Of {report.partial_answer_count} answers it was not noted which known rows they "
            "repeated: what left them is not judged."
        )
    for finding in report.findings[:_FINDINGS_SHOWN_MAX]:
        out.print(f"  {finding.explain()}", markup=False)
    if len(report.findings) > _FINDINGS_SHOWN_MAX:
        out.print(f"  … and {len(report.findings) - _FINDINGS_SHOWN_MAX} more: see --json.")
    if is_applied and report.findings:
        done = len(report.findings) - len(report.kept_back)
        out.print(
            f"  {done} applied; {len(report.kept_back)} kept as they are, for the reasons above."
        )
