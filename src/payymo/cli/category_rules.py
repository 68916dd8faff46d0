"""``payymo categories rules``: which transactions get which category by themselves."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy.orm import Session

from payymo.assembly import open_installation
from payymo.cli.category_names import NameArgument, clean_name, named_category
from payymo.cli.stack import load_settings_beside_stack
from payymo.cli.tenants import choose_tenant
from payymo.cli.terminal import JsonOption, TenantOption, out, print_json, print_table
from payymo.domain.categories.rules import Conditions
from payymo.domain.enums import Direction
from payymo.domain.errors import InvalidInputError, NotFoundError
from payymo.domain.money import check_currency, format_amount, parse_amount
from payymo.postgres.categories.models import CategoryRule
from payymo.postgres.categories.operations.categories import list_categories
from payymo.postgres.categories.operations.rules import (
    conditions_of,
    create_rule,
    delete_rule,
    get_rule,
    list_rules,
    order_rules,
)
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.categorise import RuleDraft, RuleTrial, try_rule

app = typer.Typer(
    help="Rules that assign categories: the first that matches decides.",
    no_args_is_help=True,
    add_completion=False,
)

RuleArgument = Annotated[
    str, typer.Argument(metavar="RULE", help="The rule's id, or its position.")
]
PayeeOption = Annotated[
    list[str] | None,
    typer.Option("--payee", help="Part of the payee's name; repeat it for several."),
]
TextOption = Annotated[
    list[str] | None, typer.Option("--text", help="Part of the text; repeat it for several.")
]
MerchantOption = Annotated[
    list[str] | None,
    typer.Option("--mcc", help="Merchant category code (ISO 18245), or a range: 3000-3350."),
]
BankCodeOption = Annotated[
    list[str] | None,
    typer.Option("--code", help="Bank transaction code (ISO 20022), or its beginning: PMNT-CCRD."),
]
DirectionOption = Annotated[Direction | None, typer.Option(help="Money in (credit) or out.")]
CurrencyOption = Annotated[str | None, typer.Option(help="Needed for amounts.")]
LeastOption = Annotated[
    str | None, typer.Option("--min-amount", help="Least amount, without a sign.")
]
MostOption = Annotated[
    str | None, typer.Option("--max-amount", help="Greatest amount, without a sign.")
]
AccountOption = Annotated[UUID | None, typer.Option("--account", help="Only of this account.")]
PositionOption = Annotated[
    int | None, typer.Option(min=1, help="Which rule it is; the last if left out.")
]


@app.callback()
def rules() -> None:
    """Rules that assign categories: the first that matches decides."""


@app.command("list")
def list_all(tenant: TenantOption = None, *, json: JsonOption = False) -> None:
    """List a tenant's rules, in the order in which they are tried."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            names = {each.id: each.name for each in list_categories(session, tenant_id)}
            found = list_rules(session, tenant_id)
            shown = [_plain(rule, names) for rule in found]
    if json:
        print_json(shown)
        return
    print_table(
        "Rules: the first that matches decides",
        ("#", "name", "category", "enabled", "when"),
        [
            (
                rule["position"],
                rule["name"],
                rule["category"],
                "yes" if rule["is_enabled"] else "no",
                "; ".join(f"{name} {value}" for name, value in rule["conditions"].items()),
            )
            for rule in shown
        ],
    )


@app.command("add")
def add_rule(
    category: NameArgument,
    *,
    payee: PayeeOption = None,
    text: TextOption = None,
    mcc: MerchantOption = None,
    code: BankCodeOption = None,
    direction: DirectionOption = None,
    currency: CurrencyOption = None,
    min_amount: LeastOption = None,
    max_amount: MostOption = None,
    account: AccountOption = None,
    position: PositionOption = None,
    name: Annotated[str | None, typer.Option(help="What to call it: else the category's.")] = None,
    tenant: TenantOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do; write nothing.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Add a rule, and say what it would do to the transactions that are known.

    All conditions must hold that are given. New transactions are decided on by it at once;
    `payymo categories apply` brings known ones in line.
    """
    conditions = Conditions(
        payees=tuple(payee or ()),
        texts=tuple(text or ()),
        merchant_category_codes=tuple(mcc or ()),
        bank_transaction_codes=tuple(code or ()),
        direction=direction,
        currency=None if currency is None else check_currency(currency),
        min_amount=_amount(min_amount),
        max_amount=_amount(max_amount),
        account_id=account,
    )
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            known = named_category(session, tenant_id, category)
            trial = try_rule(session, tenant_id, RuleDraft(known.id, conditions, position))
            if not dry_run:
                create_rule(
                    session,
                    tenant_id,
                    name=known.name if name is None else clean_name(name),
                    category_id=known.id,
                    conditions=conditions,
                    position=position,
                    actor_id=None,
                )
    if json:
        print_json(_plain_trial(trial))
    else:
        _print_trial(trial, is_written=not dry_run)


@app.command("move")
def move_rule(
    rule: RuleArgument,
    to: Annotated[int, typer.Argument(min=1, help="Its new position, from 1.")],
    tenant: TenantOption = None,
) -> None:
    """Put a rule in another place."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            moved = _rule(session, tenant_id, rule).id
            order = [each.id for each in list_rules(session, tenant_id) if each.id != moved]
            order.insert(to - 1, moved)
            place = order.index(moved) + 1
            order_rules(session, tenant_id, order, actor_id=None)
    out.print(f"The rule is number {place} now.")


@app.command("remove")
def remove_rule(rule: RuleArgument, tenant: TenantOption = None) -> None:
    """Remove a rule; what it assigned stays until `payymo categories apply`."""
    with open_installation(load_settings_beside_stack()) as house:
        tenant_id = choose_tenant(house.sessions, tenant)
        with tenant_transaction(house.sessions, tenant_id) as session:
            known = _rule(session, tenant_id, rule)
            delete_rule(session, tenant_id, known.id, actor_id=None)
    out.print("The rule is removed.")


def _amount(written: str | None) -> Decimal | None:
    return None if written is None else parse_amount(written)


def _rule(session: Session, tenant_id: UUID, written: str) -> CategoryRule:
    if written.isdecimal():
        for rule in list_rules(session, tenant_id):
            if rule.position == int(written):
                return rule
        raise NotFoundError(
            f"There is no rule number {written}: see `payymo categories rules list`."
        )
    try:
        return get_rule(session, tenant_id, UUID(written))
    except ValueError as error:
        raise InvalidInputError("Name the rule by its id or its position.") from error


def _plain(rule: CategoryRule, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "position": rule.position,
        "name": rule.name,
        "category": names[rule.category_id],
        "is_enabled": rule.is_enabled,
        "conditions": _say(conditions_of(rule)),
    }


def _say(conditions: Conditions) -> dict[str, str]:
    """Return the conditions that are given, as texts."""
    said = {}
    for each in fields(conditions):
        value = getattr(conditions, each.name)
        if isinstance(value, tuple):
            value = ", ".join(value) or None
        if value is not None:
            said[each.name] = str(value)
    return said


def _plain_trial(trial: RuleTrial) -> dict[str, Any]:
    counts = {name: value for name, value in asdict(trial).items() if name != "samples"}
    return counts | {
        "samples": [
            {
                "transaction_id": sample.judged.id,
                "transaction_date": sample.judged.day,
                "amount": str(sample.judged.subject.amount),
                "currency": sample.judged.subject.currency,
                "payee": sample.judged.subject.payee,
                "is_changed": sample.is_changed,
            }
            for sample in trial.samples
        ]
    }


def _print_trial(trial: RuleTrial, *, is_written: bool) -> None:
    out.print(
        f"{trial.matched_count:,} of {trial.transaction_count:,} transactions match: "
        f"{trial.changed_count:,} would change, {trial.chosen_count:,} keep what a person chose, "
        f"{trial.earlier_count:,} are decided by an earlier rule."
    )
    if trial.samples:
        print_table(
            "Some of them",
            ("date", "amount#", "currency", "payee", "would change"),
            [
                (
                    sample.judged.day,
                    format_amount(sample.judged.subject.amount, sample.judged.subject.currency),
                    sample.judged.subject.currency,
                    sample.judged.subject.payee or sample.judged.subject.counterparty_name,
                    "yes" if sample.is_changed else "no",
                )
                for sample in trial.samples
            ],
        )
    out.print(
        "The rule is written; `payymo categories apply` brings known transactions in line."
        if is_written
        else "Nothing was written."
    )
