"""Customers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Text,
    any_,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.errors import DuplicateError, NotFoundError, Problem, RuleError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import (
    Customer,
    CustomerCredit,
    Invoice,
    MatchDifference,
)


@dataclass(frozen=True, slots=True)
class CustomerValues:
    """A customer as it is to be stored.

    :ivar number: The tenant's own number for the customer; unique.
    :ivar ibans: Accounts that it pays from, normalised.
    """

    number: str
    name: str
    email: str | None = None
    country: str | None = None
    ibans: tuple[str, ...] = ()


class CustomerChanges(TypedDict, total=False):
    """What to change of a customer: what is left out stays."""

    number: str
    name: str
    email: str | None
    country: str | None
    ibans: Sequence[str]


def get_customer(session: Session, tenant_id: UUID, customer_id: UUID) -> Customer:
    """Return one of the tenant's customers.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param customer_id: Customer to return.
    :raises NotFoundError: If the tenant has no such customer.
    """
    customer = session.scalars(
        select(Customer).where(Customer.tenant_id == tenant_id, Customer.id == customer_id)
    ).one_or_none()
    if customer is None:
        raise NotFoundError("There is no such customer.")
    return customer


def list_customers(
    session: Session,
    tenant_id: UUID,
    *,
    q: str | None = None,
    page: int = 1,
    per_page: int = 100,
) -> Page[Customer]:
    """Return the tenant's customers by name.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param q: Only those with this text in number, name or e-mail address.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = select(Customer).where(Customer.tenant_id == tenant_id)
    if q:
        fields = (Customer.number, Customer.name, Customer.email)
        statement = statement.where(or_(*(field.icontains(q, autoescape=True) for field in fields)))
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Customer.id).subquery())
    )
    rows = session.scalars(
        statement.order_by(Customer.name, Customer.id).offset((page - 1) * per_page).limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def create_customer(
    session: Session, tenant_id: UUID, values: CustomerValues, *, actor_id: UUID | None
) -> Customer:
    """Add a customer, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that is to own it.
    :param values: What to store.
    :param actor_id: User who adds it.
    :raises DuplicateError: If a customer has that number.
    """
    customer = Customer(tenant_id=tenant_id, id=uuid7(), **_row(values))
    with _unique_number(session):
        session.add(customer)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="created",
        entity="customers",
        entity_id=customer.id,
        after=_row(values),
    )
    return customer


def update_customer(
    session: Session,
    tenant_id: UUID,
    customer_id: UUID,
    *,
    actor_id: UUID | None,
    **changes: Unpack[CustomerChanges],
) -> Customer:
    """Change a customer, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param customer_id: Customer to change.
    :param actor_id: User who changes it.
    :param changes: New values; what is left out stays.
    :raises NotFoundError: If the tenant has no such customer.
    :raises DuplicateError: If another customer has that number.
    """
    customer = get_customer(session, tenant_id, customer_id)
    wanted: dict[str, Any] = dict(changes)
    if "ibans" in wanted:
        wanted["ibans"] = list(wanted["ibans"])
    before = {name: getattr(customer, name) for name in wanted}
    if before == wanted:
        return customer
    with _unique_number(session):
        for name, value in wanted.items():
            setattr(customer, name, value)
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="changed",
        entity="customers",
        entity_id=customer_id,
        before=before,
        after=wanted,
    )
    return customer


def delete_customer(
    session: Session, tenant_id: UUID, customer_id: UUID, *, actor_id: UUID | None
) -> None:
    """Remove a customer who was never invoiced and never had credit.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param customer_id: Customer to remove.
    :param actor_id: User who removes it.
    :raises NotFoundError: If the tenant has no such customer.
    :raises RuleError: ``customer_has_invoices`` if there are invoices or credits.
    """
    customer = get_customer(session, tenant_id, customer_id)
    named = (
        exists().where(model.tenant_id == tenant_id, model.customer_id == customer_id)
        for model in (Invoice, CustomerCredit, MatchDifference)
    )
    if session.scalar(select(or_(*named))):
        raise RuleError(
            "A customer with invoices or credit cannot be removed: they would lose their name.",
            code="customer_has_invoices",
        )
    session.delete(customer)
    session.flush()
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="deleted",
        entity="customers",
        entity_id=customer_id,
        before={
            "number": customer.number,
            "name": customer.name,
            "email": customer.email,
            "country": customer.country,
            "ibans": list(customer.ibans),
        },
    )


def find_customer_ids(
    session: Session, tenant_id: UUID, numbers: Sequence[str]
) -> Mapping[str, UUID]:
    """Return the ids of those customers whose numbers are known, by number.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param numbers: The tenant's own numbers of customers.
    """
    rows = session.execute(
        select(Customer.number, Customer.id).where(
            Customer.tenant_id == tenant_id, Customer.number == any_(_texts(numbers))
        )
    )
    return {row.number: row.id for row in rows}


def record_customers(
    session: Session, tenant_id: UUID, customers: Sequence[CustomerValues]
) -> Mapping[str, UUID]:
    """Store customers that a file names: add the new ones, complete the known ones.

    What is known stays where the file says nothing; accounts are added, never taken away.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param customers: What to store, each number once.
    :returns: The ids of all of them, by number.
    """
    statement = select(Customer).where(
        Customer.tenant_id == tenant_id,
        Customer.number == any_(_texts([values.number for values in customers])),
    )
    known = {customer.number: customer for customer in session.scalars(statement)}
    new = [
        {"tenant_id": tenant_id, "id": uuid7(), **_row(values)}
        for values in customers
        if values.number not in known
    ]
    if new:
        session.execute(insert(Customer), new)
    changes = [
        change
        for values in customers
        if values.number in known and (change := _completion(known[values.number], values))
    ]
    if changes:
        session.execute(update(Customer), changes)
    return {number: customer.id for number, customer in known.items()} | {
        row["number"]: row["id"] for row in new
    }


def _completion(customer: Customer, values: CustomerValues) -> dict[str, Any] | None:
    """Return the row that brings a customer up to what a file says; ``None`` if it is already."""
    wanted = {
        "name": values.name,
        "email": values.email or customer.email,
        "country": values.country or customer.country,
        "ibans": list(dict.fromkeys([*customer.ibans, *values.ibans])),
    }
    if all(getattr(customer, name) == value for name, value in wanted.items()):
        return None
    return {"tenant_id": customer.tenant_id, "id": customer.id, **wanted}


def _row(values: CustomerValues) -> dict[str, Any]:
    return asdict(values) | {"ibans": list(values.ibans)}


def _texts(values: Sequence[str]) -> BindParameter[list[str]]:
    """Return many texts as one parameter: PostgreSQL takes no more than 65,535."""
    return literal(list(values), ARRAY(Text))


@contextmanager
def _unique_number(session: Session) -> Iterator[None]:
    """Write what the block changes, and nothing of it if its number is taken."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        message = "There is a customer with this number already."
        raise DuplicateError(message, problems=[Problem("number", message)]) from error
