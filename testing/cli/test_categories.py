"""``payymo categories``, as the operator sees it."""

import json
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.cli.running import payymo, told
from testing.factories import add_account, add_tenant, add_transaction

from payymo.domain.errors import DuplicateError, InvalidInputError, NotFoundError, RuleError
from payymo.postgres.common.models import Transaction
from payymo.postgres.tenancy import tenant_transaction


@pytest.fixture(autouse=True)
def tenant(committed: sessionmaker[Session]) -> UUID:
    with committed.begin() as session:
        return add_tenant(session)


@pytest.fixture
def rows(committed: sessionmaker[Session], tenant: UUID) -> None:
    with tenant_transaction(committed, tenant) as session:
        account = add_account(session, tenant)
        for payee, code in (("Hetzner", None), ("Hetzner", None), ("Corner", "5411")):
            add_transaction(
                session,
                tenant,
                account,
                payee=payee,
                amount=Decimal("-7.50"),
                merchant_category_code=code,
            )


def test_a_set_is_given_and_applied(
    committed: sessionmaker[Session],
    tenant: UUID,
    rows: None,
) -> None:
    assert "categories defaults household" in told("categories", "list")

    assert "21 categories added" in told("categories", "defaults", "household")
    assert "0 categories added" in told("categories", "defaults", "household")
    applied = told("categories", "apply")

    assert applied == "3 transactions: 1 changed, 0 kept as people chose.\n"
    listed = json.loads(told("categories", "list", "--json"))
    groceries = next(each for each in listed if each["key"] == "groceries")
    with tenant_transaction(committed, tenant) as session:
        corner = session.scalars(select(Transaction).where(Transaction.payee == "Corner")).one()
        assert str(corner.category_id) == groceries["id"]
    assert json.loads(told("categories", "apply", "--json"))["changed_count"] == 0


def test_one_is_added_changed_and_removed() -> None:
    told("categories", "add", "Hosting")
    assert isinstance(payymo("categories", "add", "hosting").exception, DuplicateError)

    changed = told("categories", "change", "hosting", "--rename", "Servers", "--kind", "transfer")
    resting = told("categories", "change", "Servers", "--inactive")

    assert changed == "Servers: transfer.\n"
    assert resting == "Servers: transfer, at rest.\n"
    assert "Servers" in told("categories", "list")
    told("categories", "remove", "servers")
    assert isinstance(payymo("categories", "remove", "Servers").exception, NotFoundError)
    assert isinstance(payymo("categories", "change", "x").exception, InvalidInputError)
    assert isinstance(payymo("categories", "add", " ").exception, InvalidInputError)


@pytest.mark.usefixtures("rows")
def test_a_rule_is_tried_written_moved_and_removed() -> None:
    told("categories", "add", "Hosting")
    told("categories", "add", "Food")
    add = ("categories", "rules", "add", "Hosting", "--payee", "hetzner")

    tried = told(*add, "--dry-run")
    counts = json.loads(told(*add, "--json"))
    told("categories", "rules", "add", "food", "--mcc", "5411", "--direction", "debit")

    assert tried.startswith("2 of 3 transactions match: 2 would change,")
    assert tried.endswith("Nothing was written.\n")
    assert (counts["matched_count"], len(counts["samples"])) == (2, 2)
    shown = json.loads(told("categories", "rules", "list", "--json"))
    assert [(rule["position"], rule["name"], rule["conditions"]) for rule in shown] == [
        (1, "Hosting", {"payees": "hetzner"}),
        (2, "Food", {"merchant_category_codes": "5411", "direction": "debit"}),
    ]
    assert "payees hetzner" in told("categories", "rules", "list")
    assert "3 changed" in told("categories", "apply")
    assert "number 1 now" in told("categories", "rules", "move", "2", "1")
    assert isinstance(payymo("categories", "remove", "Food").exception, RuleError)
    told("categories", "rules", "remove", shown[0]["id"])
    left = json.loads(told("categories", "rules", "list", "--json"))
    assert [(rule["position"], rule["name"]) for rule in left] == [(1, "Food")]


@pytest.mark.parametrize(
    "arguments",
    [
        ("rules", "add", "Hosting"),
        ("rules", "add", "Hosting", "--payee", "x", "--min-amount", "5"),
        ("rules", "add", "Hosting", "--mcc", "fish"),
        ("rules", "remove", "first"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...]) -> None:
    told("categories", "add", "Hosting")

    assert isinstance(payymo("categories", *arguments).exception, InvalidInputError)


@pytest.mark.parametrize(
    "arguments", [("rules", "add", "Nowhere", "--payee", "x"), ("rules", "remove", "7")]
)
def test_what_is_not_there_is_not_found(arguments: tuple[str, ...]) -> None:
    assert isinstance(payymo("categories", *arguments).exception, NotFoundError)
