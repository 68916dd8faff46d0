"""The roles that Payymo acts as: none owns anything, and each may do no more than its work needs.

The application's role serves requests and sees one tenant at a time. The warehouse's role reads,
of all tenants, the columns that reports are made from.
"""

from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from payymo.domain.errors import ConfigurationError
from payymo.postgres.core import ANALYTICS_ROLE, APP_ROLE

#: Each role, and why it must not pass row-level security.
ROLES: Final = {
    APP_ROLE: "which keeps tenants apart",
    ANALYTICS_ROLE: "which shows it only what reports need",
}


def ensure_roles(connection: Connection) -> None:
    """Make the roles and let the login act as them, unless that is so already.

    :param connection: Open connection of the owner; the caller manages the transaction.
    :raises ConfigurationError: If a role is too mighty, or the login may not make or use it.
    """
    for role in ROLES:
        _ensure_role(connection, role)


def _ensure_role(connection: Connection, role: str) -> None:
    try:
        with connection.begin_nested():
            connection.execute(text(_make_role(role)))
        _refuse_mighty_role(connection, role)
        if not _may_act(connection, role):
            with connection.begin_nested():
                connection.execute(text(f"GRANT {role} TO CURRENT_USER"))
    except DBAPIError as error:
        raise _refusal(connection, role) from error
    if not _may_act(connection, role):
        raise _refusal(connection, role)


def _make_role(role: str) -> str:
    return f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION
    -- Another database of the same server is being set up at the same moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$
"""


def _may_act(connection: Connection, role: str) -> bool:
    """Return whether the login may become the role."""
    try:
        with connection.begin_nested():
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            connection.execute(text("RESET ROLE"))
    except DBAPIError:
        return False
    return True


def _refuse_mighty_role(connection: Connection, role: str) -> None:
    statement = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role")
    if connection.execute(statement, {"role": role}).scalar_one():
        raise ConfigurationError(
            f"The role {role} passes row-level security, {ROLES[role]}: "
            f"ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS."
        )


def _refusal(connection: Connection, role: str) -> ConfigurationError:
    login: str = connection.execute(text("SELECT quote_ident(current_user)")).scalar_one()
    return ConfigurationError(
        f"The database login may not make or use the role {role}. Give it CREATEROLE, or have "
        f"an administrator run: CREATE ROLE {role} NOLOGIN; GRANT {role} TO {login};"
    )
