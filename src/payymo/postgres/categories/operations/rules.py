"""A tenant's rules, in their order, and what decides beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.categories.decisions import Categoriser, Rule
from payymo.domain.categories.memory import PayeeKey
from payymo.domain.categories.rules import RULES_MAX, Conditions, Matcher, check_conditions
from payymo.domain.errors import InvalidInputError, NotFoundError, Problem, RuleError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.categories.models import Category, CategoryRule
from payymo.postgres.categories.operations.categories import get_category

_CONDITIONS: Final = tuple(field.name for field in fields(Conditions))
_LISTS: Final = ("payees", "texts", "merchant_category_codes", "bank_transaction_codes")


def conditions_of(rule: CategoryRule) -> Conditions:
    """Return what must hold of a transaction for a rule to match.

    :param rule: The rule.
    """
    values = {name: getattr(rule, name) for name in _CONDITIONS}
    return Conditions(**values | {name: tuple(values[name]) for name in _LISTS})


def list_rules(session: Session, tenant_id: UUID) -> Sequence[CategoryRule]:
    """Return the tenant's rules, in the order in which they are tried.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    return session.scalars(
        select(CategoryRule)
        .where(CategoryRule.tenant_id == tenant_id)
        .order_by(CategoryRule.position, CategoryRule.id)
    ).all()


def get_rule(session: Session, tenant_id: UUID, rule_id: UUID) -> CategoryRule:
    """Return one of the tenant's rules.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param rule_id: Rule to return.
    :raises NotFoundError: If the tenant has no such rule.
    """
    rule = session.scalars(
        select(CategoryRule).where(CategoryRule.tenant_id == tenant_id, CategoryRule.id == rule_id)
    ).one_or_none()
    if rule is None:
        raise NotFoundError("There is no such category rule.")
    return rule


def create_rule(
    session: Session,
    tenant_id: UUID,
    *,
    name: str,
    category_id: UUID,
    conditions: Conditions,
    is_enabled: bool = True,
    position: int | None = None,
    actor_id: UUID | None,
) -> CategoryRule:
    """Add a rule, and return it; it changes no transaction that is known.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param name: What people call it.
    :param category_id: What it assigns.
    :param conditions: Of which transactions.
    :param is_enabled: Whether it is tried.
    :param position: Which one it becomes, from 1; ``None`` is the last.
    :param actor_id: User who adds it; ``None`` on the operator's machine.
    :raises NotFoundError: If the tenant has no such category.
    :raises InvalidInputError: If the conditions cannot be.
    :raises RuleError: ``too_many_rules`` if the tenant has as many as there may be.
    """
    get_category(session, tenant_id, category_id)
    check_conditions(conditions)
    others = _lock_rules(session, tenant_id)
    if len(others) >= RULES_MAX:
        raise RuleError(
            f"There are {RULES_MAX:,} rules already: name several payees in one.",
            code="too_many_rules",
        )
    rule = CategoryRule(
        tenant_id=tenant_id,
        category_id=category_id,
        position=0,
        name=name,
        is_enabled=is_enabled,
        **_columns_of(conditions),
    )
    session.add(rule)
    session.flush()
    _arrange(others, rule, position)
    session.flush()
    _audit(session, rule, "added", before=None, after=_plain(rule), actor_id=actor_id)
    return rule


def update_rule(
    session: Session,
    tenant_id: UUID,
    rule_id: UUID,
    *,
    name: str,
    category_id: UUID,
    conditions: Conditions,
    is_enabled: bool,
    position: int | None = None,
    actor_id: UUID | None,
) -> CategoryRule:
    """Write a rule anew, and return it; it changes no transaction that is known.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param rule_id: Rule to write.
    :param name: What people call it.
    :param category_id: What it assigns.
    :param conditions: Of which transactions.
    :param is_enabled: Whether it is tried.
    :param position: Which one it becomes, from 1; ``None`` leaves it where it is.
    :param actor_id: User who writes it; ``None`` on the operator's machine.
    :raises NotFoundError: If the tenant has no such rule or category.
    :raises InvalidInputError: If the conditions cannot be.
    """
    rule = get_rule(session, tenant_id, rule_id)
    get_category(session, tenant_id, category_id)
    check_conditions(conditions)
    before = _plain(rule)
    rule.name, rule.category_id, rule.is_enabled = name, category_id, is_enabled
    for column, value in _columns_of(conditions).items():
        setattr(rule, column, value)
    if position is not None:
        others = [each for each in _lock_rules(session, tenant_id) if each.id != rule_id]
        _arrange(others, rule, position)
    session.flush()
    after = _plain(rule)
    if after != before:
        _audit(session, rule, "changed", before=before, after=after, actor_id=actor_id)
    return rule


def delete_rule(session: Session, tenant_id: UUID, rule_id: UUID, *, actor_id: UUID | None) -> None:
    """Remove a rule; what it assigned stays until rules are applied again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param rule_id: Rule to remove.
    :param actor_id: User who removes it; ``None`` on the operator's machine.
    :raises NotFoundError: If the tenant has no such rule.
    """
    rule = get_rule(session, tenant_id, rule_id)
    before = _plain(rule)
    session.delete(rule)
    session.flush()
    _number(_lock_rules(session, tenant_id))
    session.flush()
    _audit(session, rule, "deleted", before=before, after=None, actor_id=actor_id)


def order_rules(
    session: Session, tenant_id: UUID, rule_ids: Sequence[UUID], *, actor_id: UUID | None
) -> Sequence[CategoryRule]:
    """Put the tenant's rules in an order, and return them in it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param rule_ids: Every rule, once.
    :param actor_id: User who does it; ``None`` on the operator's machine.
    :raises InvalidInputError: If a rule is missing, there twice, or not the tenant's.
    """
    known = {rule.id: rule for rule in _lock_rules(session, tenant_id)}
    if len(rule_ids) != len(known) or set(rule_ids) != known.keys():
        raise InvalidInputError(
            "The input is not valid.",
            problems=[Problem("rule_ids", "Name each of the tenant's rules exactly once.")],
        )
    before = list(known)
    if before != list(rule_ids):
        ordered = [known[rule_id] for rule_id in rule_ids]
        _number(ordered)
        session.flush()
        record_audit(
            session,
            tenant_id,
            actor_id=actor_id,
            action="ordered",
            entity="category_rules",
            entity_id=tenant_id,
            before={"rule_ids": [str(rule_id) for rule_id in before]},
            after={"rule_ids": [str(rule_id) for rule_id in rule_ids]},
        )
    return list_rules(session, tenant_id)


def load_categoriser(
    session: Session, tenant_id: UUID, memory: Mapping[PayeeKey, UUID]
) -> Categoriser:
    """Return all that decides on the tenant's transactions besides people.

    The categories are held until the transaction ends: none is removed meanwhile.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose transactions are decided on.
    :param memory: What people's choices taught.
    """
    categories = session.execute(
        select(Category.id, Category.key)
        .where(Category.tenant_id == tenant_id, Category.is_active)
        .with_for_update(read=True, key_share=True)
    ).all()
    active = {row.id for row in categories}
    rules = list_rules(session, tenant_id) if active else ()
    return Categoriser(
        rules=[
            Rule(rule.id, rule.category_id, Matcher(conditions_of(rule)))
            for rule in rules
            if rule.is_enabled and rule.category_id in active
        ],
        memory={key: category for key, category in memory.items() if category in active},
        defaults={row.key: row.id for row in categories if row.key is not None},
    )


def _lock_rules(session: Session, tenant_id: UUID) -> Sequence[CategoryRule]:
    return session.scalars(
        select(CategoryRule)
        .where(CategoryRule.tenant_id == tenant_id)
        .order_by(CategoryRule.position, CategoryRule.id)
        .with_for_update()
    ).all()


def _arrange(others: Sequence[CategoryRule], rule: CategoryRule, position: int | None) -> None:
    """Put a rule in its place among the others, and number all of them."""
    place = len(others) if position is None else min(position - 1, len(others))
    _number([*others[:place], rule, *others[place:]])


def _number(rules: Sequence[CategoryRule]) -> None:
    for position, rule in enumerate(rules, 1):
        rule.position = position


def _columns_of(conditions: Conditions) -> dict[str, Any]:
    values = asdict(conditions)
    return values | {name: list(values[name]) for name in _LISTS}


def _plain(rule: CategoryRule) -> dict[str, Any]:
    """Return a rule as the audit log keeps it."""
    names = ("name", "category_id", "is_enabled", "position", *_CONDITIONS)
    values = {name: getattr(rule, name) for name in names}
    return {
        name: value if value is None or isinstance(value, bool | int | list) else str(value)
        for name, value in values.items()
    }


def _audit(
    session: Session,
    rule: CategoryRule,
    action: str,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    actor_id: UUID | None,
) -> None:
    record_audit(
        session,
        rule.tenant_id,
        actor_id=actor_id,
        action=action,
        entity="category_rules",
        entity_id=rule.id,
        before=before,
        after=after,
    )
