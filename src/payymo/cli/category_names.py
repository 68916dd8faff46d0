"""Categories as they are named on the command line."""

from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.orm import Session

from payymo.domain.errors import InvalidInputError, NotFoundError
from payymo.postgres.categories.models import Category
from payymo.postgres.categories.operations.categories import find_category

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The category's name.")]


def clean_name(written: str) -> str:
    """Return a name without blanks around it.

    :param written: What was typed.
    :raises InvalidInputError: If nothing is left.
    """
    name = written.strip()
    if not name:
        raise InvalidInputError("A name needs a letter.")
    return name


def named_category(session: Session, tenant_id: UUID, name: str) -> Category:
    """Return the tenant's category of a name, in any case.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param name: What was typed.
    :raises NotFoundError: If the tenant has no such category.
    """
    found = find_category(session, tenant_id, name.strip())
    if found is None:
        raise NotFoundError(
            f"There is no category {name.strip()}: see `payymo categories list`, or add it with "
            "`payymo categories add`."
        )
    return found
