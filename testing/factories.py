"""Builders of rows for tests: they fill in what a test does not care about.

Each adds one row to the tenant that the session works for, and returns it. Keywords set the
columns that the test does care about.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from payymo.domain.enums import (
    AccountStatus,
    AccountType,
    CategoryKind,
    ConnectionStatus,
    ConsentStatus,
    IdentityTier,
    MatchOrigin,
    MatchStatus,
    Provider,
    TransactionStatus,
)
from payymo.domain.matching.engine import ENGINE_VERSION
from payymo.domain.settlement import Paid, Settlement
from payymo.postgres.auth.models import Tenant
from payymo.postgres.categories.models import Category
from payymo.postgres.categories.operations.categories import name_category
from payymo.postgres.common.models import (
    Account,
    BankConsent,
    Connection,
    Institution,
    Transaction,
)
from payymo.postgres.common.operations.categorisation import choose_category
from payymo.postgres.common.operations.transactions import annotate_transaction
from payymo.postgres.core import Base
from payymo.postgres.reconciliation.models import Customer, Invoice, Match

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def add_tenant(session: Session, name: str = "Example Ltd") -> UUID:
    """Add a tenant, which lets sure matches be applied, and return its id."""
    tenant = Tenant(name=name, auto_apply=True)
    session.add(tenant)
    session.flush()
    return tenant.id


def add_institution(session: Session, **columns: Any) -> Institution:
    """Add a bank, which all tenants see."""
    defaults = {
        "provider": Provider.GOCARDLESS,
        "reference": f"BANK_{uuid4().hex}",
        "name": "Example Bank",
        "countries": ["GB"],
        "history_days_max": 730,
        "consent_days_max": 90,
        "features": [],
        "fetched_at": NOW,
    }
    return _add(session, Institution(**defaults | columns))


def add_connection(
    session: Session, tenant_id: UUID, institution: Institution | None = None, **columns: Any
) -> Connection:
    """Add an active connection, to a bank of its own unless one is given."""
    bank = institution or add_institution(session)
    defaults = {"provider": bank.provider, "status": ConnectionStatus.ACTIVE}
    connection = Connection(tenant_id=tenant_id, institution=bank, **defaults | columns)
    return _add(session, connection)


def add_consent(
    session: Session, tenant_id: UUID, connection: Connection, **columns: Any
) -> BankConsent:
    """Add a granted consent of a connection."""
    defaults = {
        "status": ConsentStatus.GRANTED,
        "reference": uuid4().hex,
        "provider_reference": uuid4().hex,
        "consent_url": "https://bank.test/consent",
        "history_days": 730,
        "access_days": 90,
    }
    consent = BankConsent(tenant_id=tenant_id, connection_id=connection.id, **defaults | columns)
    return _add(session, consent)


def add_account(
    session: Session, tenant_id: UUID, connection: Connection | None = None, **columns: Any
) -> Account:
    """Add an account, with a consent and a connection of its own unless one is given."""
    owner = connection or add_connection(session, tenant_id)
    defaults = {
        "consent_id": columns.get("consent_id") or add_consent(session, tenant_id, owner).id,
        "provider_reference": uuid4().hex,
        "name": "Main account",
        "currency": "EUR",
        "account_type": AccountType.CURRENT,
        "status": AccountStatus.ACTIVE,
    }
    account = Account(tenant_id=tenant_id, connection_id=owner.id, **defaults | columns)
    return _add(session, account)


def add_category(
    session: Session, tenant_id: UUID, name: str = "Office", **columns: Any
) -> Category:
    """Add a category of expenses."""
    defaults = {"name": name, "kind": CategoryKind.EXPENSE}
    return _add(session, Category(tenant_id=tenant_id, **defaults | columns))


def say(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    *,
    category: str | None,
    note: str | None,
) -> None:
    """Let a person say what a transaction is for, by a category's name, and write a note on it."""
    category_id = None
    if category is not None:
        category_id = name_category(
            session, tenant_id, category, kind=CategoryKind.EXPENSE, actor_id=None
        ).id
    choose_category(session, tenant_id, transaction_id, category_id, now=NOW)
    annotate_transaction(session, tenant_id, transaction_id, note=note)


def add_transaction(
    session: Session, tenant_id: UUID, account: Account, **columns: Any
) -> Transaction:
    """Add a booked transaction of 100.00 EUR on 2 February 2026."""
    defaults = {
        "status": TransactionStatus.BOOKED,
        "amount": Decimal("100.00"),
        "currency": "EUR",
        "transaction_date": date(2026, 2, 2),
        "fingerprint": hashlib.sha256(uuid4().bytes).digest(),
        "occurrence": 1,
        "raw_id": uuid4(),
        "identity_version": 1,
        "identity_tier": IdentityTier.NEW,
    }
    transaction = Transaction(tenant_id=tenant_id, account_id=account.id, **defaults | columns)
    return _add(session, transaction)


def add_customer(session: Session, tenant_id: UUID, **columns: Any) -> Customer:
    """Add a customer."""
    defaults = {"number": f"C-{uuid4().hex[:8]}", "name": "Customer Ltd", "ibans": []}
    return _add(session, Customer(tenant_id=tenant_id, **defaults | columns))


def add_invoice(
    session: Session, tenant_id: UUID, customer: Customer | None = None, **columns: Any
) -> Invoice:
    """Add an open invoice of 100.00 EUR, to a customer of its own unless one is given."""
    debtor = customer or add_customer(session, tenant_id)
    defaults = {
        "number": f"INV-{uuid4().hex[:8]}",
        "currency": "EUR",
        "total": Decimal("100.00"),
        "issue_date": date(2026, 1, 15),
        "due_date": date(2026, 2, 14),
    }
    invoice = Invoice(tenant_id=tenant_id, customer_id=debtor.id, **defaults | columns)
    return _add(session, invoice)


def add_decisions(
    session: Session,
    tenant_id: UUID,
    account: Account,
    decisions: Iterable[tuple[float, bool]],
    *,
    engine_version: str = ENGINE_VERSION,
    pause: timedelta = timedelta(seconds=30),
) -> list[Match]:
    """Add matches of the engine that one person confirmed or rejected, one after the other.

    :param decisions: What the engine said of each, and whether it was confirmed.
    :param pause: Between two of them.
    """
    actor_id, moment, matches = uuid4(), NOW - timedelta(days=30), []
    for confidence, is_right in decisions:
        # A payment out of the account: no matching looks at it again.
        payment = add_transaction(session, tenant_id, account, amount=Decimal(-1))
        moment += pause
        match = Match(
            tenant_id=tenant_id,
            transaction_id=payment.id,
            status=MatchStatus.CONFIRMED if is_right else MatchStatus.REJECTED,
            origin=MatchOrigin.ENGINE,
            confidence=Decimal(f"{confidence:.4f}"),
            engine_confidence=Decimal(f"{confidence:.4f}"),
            evidence={"items": []},
            engine_version=engine_version,
            decided_by=actor_id,
            decided_at=moment,
        )
        matches.append(_add(session, match))
    return matches


def paying(*shares: tuple[UUID, Decimal]) -> Settlement:
    """Return that a payment goes to invoices, so much to each, and nothing else is booked."""
    return Settlement(tuple(Paid(invoice_id, amount) for invoice_id, amount in shares))


def _add[Row: Base](session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    session.refresh(row)
    return row
