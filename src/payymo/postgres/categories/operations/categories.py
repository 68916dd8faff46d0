"""A tenant's categories."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypedDict, Unpack
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payymo.domain.categories.defaults import SETS
from payymo.domain.enums import CategoryKind, CategorySet
from payymo.domain.errors import DuplicateError, NotFoundError, RuleError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.categories.models import Category


class CategoryChanges(TypedDict, total=False):
    """What to change of a category: what is left out stays."""

    name: str
    kind: CategoryKind
    is_active: bool


def list_categories(
    session: Session, tenant_id: UUID, *, is_active: bool | None = None
) -> Sequence[Category]:
    """Return the tenant's categories, by name.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param is_active: Only those that may be assigned, or may not.
    """
    statement = select(Category).where(Category.tenant_id == tenant_id)
    if is_active is not None:
        statement = statement.where(Category.is_active == is_active)
    return session.scalars(statement.order_by(func.lower(Category.name), Category.id)).all()


def get_category(session: Session, tenant_id: UUID, category_id: UUID) -> Category:
    """Return one of the tenant's categories.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param category_id: Category to return.
    :raises NotFoundError: If the tenant has no such category.
    """
    category = session.scalars(
        select(Category).where(Category.tenant_id == tenant_id, Category.id == category_id)
    ).one_or_none()
    if category is None:
        raise NotFoundError("There is no such category.")
    return category


def find_category(session: Session, tenant_id: UUID, name: str) -> Category | None:
    """Return the tenant's category of a name, in any case; ``None`` if it has none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param name: What people call it.
    """
    return session.scalars(
        select(Category).where(
            Category.tenant_id == tenant_id, func.lower(Category.name) == func.lower(name)
        )
    ).one_or_none()


def create_category(
    session: Session,
    tenant_id: UUID,
    *,
    name: str,
    kind: CategoryKind,
    actor_id: UUID | None,
    key: str | None = None,
) -> Category:
    """Add a category, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param name: What people call it.
    :param kind: What its transactions do.
    :param actor_id: User who adds it; ``None`` on the operator's machine.
    :param key: Which of Payymo's own it is.
    :raises DuplicateError: If the tenant has one of that name.
    """
    category = Category(tenant_id=tenant_id, name=name, kind=kind, key=key)
    with _naming(session):
        session.add(category)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="added",
        entity="categories",
        entity_id=category.id,
        after={"name": name, "kind": kind, "key": key},
    )
    return category


def name_category(
    session: Session, tenant_id: UUID, name: str, *, kind: CategoryKind, actor_id: UUID | None
) -> Category:
    """Return the tenant's category of a name; a new one where it has none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param name: What people call it, in any case.
    :param kind: What the transactions of a new one do.
    :param actor_id: User who names it; ``None`` on the operator's machine.
    """
    known = find_category(session, tenant_id, name)
    if known is not None:
        return known
    return create_category(session, tenant_id, name=name, kind=kind, actor_id=actor_id)


def update_category(
    session: Session,
    tenant_id: UUID,
    category_id: UUID,
    *,
    actor_id: UUID | None,
    **changes: Unpack[CategoryChanges],
) -> Category:
    """Change a category, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param category_id: Category to change.
    :param actor_id: User who changes it; ``None`` on the operator's machine.
    :param changes: New values; what is left out stays.
    :raises NotFoundError: If the tenant has no such category.
    :raises DuplicateError: If the tenant has another one of that name.
    """
    category = get_category(session, tenant_id, category_id)
    before = {name: getattr(category, name) for name in changes}
    if before == dict(changes):
        return category
    with _naming(session):
        for name, value in changes.items():
            setattr(category, name, value)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="changed",
        entity="categories",
        entity_id=category_id,
        before=before,
        after=dict(changes),
    )
    return category


def delete_category(
    session: Session, tenant_id: UUID, category_id: UUID, *, actor_id: UUID | None
) -> None:
    """Remove a category that nothing has.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param category_id: Category to remove.
    :param actor_id: User who removes it; ``None`` on the operator's machine.
    :raises NotFoundError: If the tenant has no such category.
    :raises RuleError: ``category_is_used`` if a transaction, a part of one or a rule has it.
    """
    category = get_category(session, tenant_id, category_id)
    try:
        with session.begin_nested():
            session.delete(category)
            session.flush()
    except IntegrityError as error:
        raise RuleError(
            "Transactions, parts of them or rules have this category: give them another, or let "
            "it rest with is_active false, which assigns it no more.",
            code="category_is_used",
        ) from error
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="deleted",
        entity="categories",
        entity_id=category_id,
        before={"name": category.name, "kind": category.kind, "key": category.key},
    )


def add_category_set(
    session: Session, tenant_id: UUID, wanted: CategorySet, *, actor_id: UUID | None
) -> Sequence[Category]:
    """Give the tenant those of a set's categories that it lacks, and return them.

    One that has the name of a tenant's own is that one from now on: it keeps its kind.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that gets them.
    :param wanted: The set.
    :param actor_id: User who asks for it; ``None`` on the operator's machine.
    """
    known = {category.key for category in list_categories(session, tenant_id)}
    added = []
    for default in SETS[wanted]:
        if default.key in known:
            continue
        namesake = find_category(session, tenant_id, default.name)
        if namesake is not None and namesake.key is None:
            namesake.key = default.key
            session.flush()
        elif namesake is None:
            added.append(
                create_category(
                    session,
                    tenant_id,
                    name=default.name,
                    kind=default.kind,
                    actor_id=actor_id,
                    key=default.key,
                )
            )
    return added


@contextmanager
def _naming(session: Session) -> Iterator[None]:
    """Write what the block does; if a name is taken, nothing but that is lost."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        raise DuplicateError("There is a category of that name already.") from error
