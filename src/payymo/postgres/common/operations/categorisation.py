"""What transactions are for: a person's word, and what rules, memory and defaults say."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, Uuid, any_, bindparam, func, select, text, update
from sqlalchemy.orm import Session

from payymo.domain.categories.decisions import Categoriser, Decision
from payymo.domain.categories.memory import Choice, PayeeKey, learn
from payymo.domain.categories.rules import Subject
from payymo.domain.enums import CategorySource, Direction, TransactionStatus
from payymo.domain.errors import NotFoundError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.categories.operations.categories import list_categories
from payymo.postgres.categories.operations.rules import load_categoriser
from payymo.postgres.common.models import Account, Transaction

#: Choices that memory looks at, the latest first.
CHOICES_MAX: Final = 50_000

#: Rows that are read, and written, at a time.
BATCH: Final = 5_000

_STANDING: Final = (TransactionStatus.PENDING, TransactionStatus.BOOKED)

#: What a person said meanwhile stands: the row is looked at again as it is written.
_RECORD: Final = text(
    """
    UPDATE transactions AS row
    SET category_id = said.category_id, category_source = said.source,
        category_rule_id = said.rule_id, categorised_at = :now, updated_at = now()
    FROM unnest(:ids, :category_ids, :sources, :rule_ids)
        AS said (id, category_id, source, rule_id)
    WHERE row.tenant_id = :tenant_id AND row.id = said.id AND row.category_source <> 'user'
    """
).bindparams(
    bindparam("tenant_id", type_=Uuid()),
    bindparam("ids", type_=ARRAY(Uuid())),
    bindparam("category_ids", type_=ARRAY(Uuid())),
    bindparam("sources", type_=ARRAY(Text)),
    bindparam("rule_ids", type_=ARRAY(Uuid())),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A transaction, and what is said of it so far.

    :ivar day: Its transaction date.
    :ivar said: What it is for so far, and who says so.
    """

    id: UUID
    day: date
    subject: Subject
    said: Decision


def choose_category(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    category_id: UUID | None,
    *,
    now: datetime,
    actor_id: UUID | None = None,
) -> None:
    """Let a person's word on what a transaction is for stand, whatever comes.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own both.
    :param transaction_id: The transaction.
    :param category_id: The category; ``None`` says that it has none.
    :param now: The time (aware).
    :param actor_id: User who says so; ``None`` where that is not known.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    _say(
        session,
        tenant_id,
        transaction_id,
        category_id=category_id,
        category_source=CategorySource.USER,
        categorised_at=now,
    )
    chosen = None if category_id is None else str(category_id)
    _audit(session, tenant_id, transaction_id, "categorised", chosen, actor_id=actor_id)


def release_category(
    session: Session, tenant_id: UUID, transaction_id: UUID, *, actor_id: UUID | None = None
) -> None:
    """Take a person's word back: rules, memory and defaults may decide again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: The transaction.
    :param actor_id: User who takes it back; ``None`` where that is not known.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    _say(
        session,
        tenant_id,
        transaction_id,
        category_id=None,
        category_source=CategorySource.NONE,
        categorised_at=None,
    )
    _audit(session, tenant_id, transaction_id, "released", None, actor_id=actor_id)


def _audit(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    action: str,
    category_id: str | None,
    *,
    actor_id: UUID | None,
) -> None:
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action=action,
        entity="transactions",
        entity_id=transaction_id,
        after={"category_id": category_id},
    )


def categorise_transactions(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID], *, now: datetime
) -> int:
    """Decide what some transactions are for on which no person has, and return how many changed.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The transactions.
    :param now: The time (aware).
    """
    if not transaction_ids or not list_categories(session, tenant_id):
        return 0
    categoriser = recall_categoriser(session, tenant_id)
    changed = 0
    own_ibans = list_own_ibans(session, tenant_id)
    for some in batched(sorted(transaction_ids), BATCH):
        ids = bindparam("ids", list(some), type_=ARRAY(Uuid()))
        statement = _judged(tenant_id).where(
            Transaction.id == any_(ids), Transaction.category_source != CategorySource.USER
        )
        changed += decide_on(
            session, tenant_id, categoriser, _read(session, statement, own_ibans), now=now
        )
    return changed


def recall_categoriser(session: Session, tenant_id: UUID) -> Categoriser:
    """Return all that decides on the tenant's transactions besides people.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose transactions are decided on.
    """
    return load_categoriser(session, tenant_id, recall_choices(session, tenant_id))


def recall_choices(session: Session, tenant_id: UUID) -> Mapping[PayeeKey, UUID]:
    """Return which category each payee's transactions have, by what people chose.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose people chose.
    """
    rows = session.execute(
        select(
            func.coalesce(Transaction.payee, Transaction.counterparty_name).label("payee"),
            Transaction.is_credit,
            Transaction.category_id,
        )
        .where(
            Transaction.tenant_id == tenant_id,
            Transaction.category_source == CategorySource.USER,
            Transaction.category_id.is_not(None),
            Transaction.deleted_at.is_(None),
        )
        .order_by(Transaction.categorised_at.desc(), Transaction.id.desc())
        .limit(CHOICES_MAX)
    )
    return learn(
        Choice(row.payee, Direction.CREDIT if row.is_credit else Direction.DEBIT, row.category_id)
        for row in rows
    )


def list_own_ibans(session: Session, tenant_id: UUID) -> frozenset[str]:
    """Return the numbers of the tenant's accounts: money to and from them only moves.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the accounts.
    """
    return frozenset(
        session.scalars(
            select(Account.iban).where(Account.tenant_id == tenant_id, Account.iban.is_not(None))
        )
    )


def list_judged_after(
    session: Session,
    tenant_id: UUID,
    last_id: UUID | None,
    *,
    own_ibans: frozenset[str],
    limit: int,
) -> Sequence[Judged]:
    """Return the next of the tenant's transactions that stand, in the order of their ids.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param last_id: The last one that was seen; ``None`` begins.
    :param own_ibans: Numbers of the tenant's accounts.
    :param limit: How many at most.
    """
    statement = _standing(tenant_id).order_by(Transaction.id).limit(limit)
    if last_id is not None:
        statement = statement.where(Transaction.id > last_id)
    return list(_read(session, statement, own_ibans))


def stream_judged(
    session: Session, tenant_id: UUID, *, own_ibans: frozenset[str]
) -> Iterator[Judged]:
    """Return all of the tenant's transactions that stand, the latest first, some at a time.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param own_ibans: Numbers of the tenant's accounts.
    """
    statement = _standing(tenant_id).order_by(
        Transaction.transaction_date.desc(), Transaction.id.desc()
    )
    return _read(session, statement, own_ibans)


def count_standing(session: Session, tenant_id: UUID) -> int:
    """Return how many transactions of the tenant's stand.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    return session.scalar(select(func.count()).select_from(_standing(tenant_id).subquery())) or 0


def decide_on(
    session: Session,
    tenant_id: UUID,
    categoriser: Categoriser,
    judged: Iterator[Judged] | Sequence[Judged],
    *,
    now: datetime,
) -> int:
    """Write what some transactions are for, where it is new, and return how many that were.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param categoriser: Decides.
    :param judged: The transactions; those on which a person decided are left alone.
    :param now: The time (aware).
    """
    changes = [
        (each.id, decision)
        for each in judged
        if each.said.source is not CategorySource.USER
        if (decision := categoriser.decide(each.subject)) != each.said
    ]
    if not changes:
        return 0
    values: dict[str, Any] = {
        "tenant_id": tenant_id,
        "now": now,
        "ids": [each for each, _ in changes],
        "category_ids": [decision.category_id for _, decision in changes],
        "sources": [decision.source.value for _, decision in changes],
        "rule_ids": [decision.rule_id for _, decision in changes],
    }
    return session.execute(_RECORD, values).rowcount  # type: ignore[attr-defined,no-any-return]  # an update has one


def _say(session: Session, tenant_id: UUID, transaction_id: UUID, **values: object) -> None:
    changed = session.scalars(
        update(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == transaction_id)
        .values(category_rule_id=None, **values)
        .returning(Transaction.id)
    ).one_or_none()
    if changed is None:
        raise NotFoundError("There is no such transaction.")


_JUDGED: Final = tuple(
    getattr(Transaction, name)
    for name in (
        "id",
        "transaction_date",
        "account_id",
        "amount",
        "currency",
        "payee",
        "counterparty_name",
        "counterparty_iban",
        "description",
        "remittance",
        "merchant_category_code",
        "bank_transaction_code",
        "purpose_code",
        "category_id",
        "category_source",
        "category_rule_id",
    )
)


def _judged(tenant_id: UUID) -> Select[Any]:
    return select(*_JUDGED).where(Transaction.tenant_id == tenant_id)


def _standing(tenant_id: UUID) -> Select[Any]:
    return _judged(tenant_id).where(
        Transaction.status.in_(_STANDING), Transaction.deleted_at.is_(None)
    )


def _read(session: Session, statement: Select[Any], own_ibans: frozenset[str]) -> Iterator[Judged]:
    for row in session.execute(statement.execution_options(yield_per=BATCH)):
        yield Judged(
            id=row.id,
            day=row.transaction_date,
            subject=Subject(
                account_id=row.account_id,
                amount=row.amount,
                currency=row.currency,
                payee=row.payee,
                counterparty_name=row.counterparty_name,
                description=row.description,
                remittance=row.remittance,
                merchant_category_code=row.merchant_category_code,
                bank_transaction_code=row.bank_transaction_code,
                purpose_code=row.purpose_code,
                is_own_counterparty=row.counterparty_iban in own_ibans,
            ),
            said=Decision(row.category_id, row.category_source, row.category_rule_id),
        )
