"""The application's role: what serves requests owns nothing and sees one tenant at a time."""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from payymo.domain.errors import ConfigurationError
from payymo.postgres.core import APP_ROLE

_MAKE_ROLE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN
        CREATE ROLE {APP_ROLE} NOLOGIN NOINHERIT NOCREATEDB NOCREATEROLE;
    END IF;
EXCEPTION
    -- Another database of the same server is being set up at the same moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$
"""


def ensure_app_role(connection: Connection) -> None:
    """Make the application's role and let the login act as it, unless that is so already.

    :param connection: Open connection of the owner; the caller manages the transaction.
    :raises ConfigurationError: If the role is too mighty, or the login may not make or use it.
    """
    try:
        with connection.begin_nested():
            connection.execute(text(_MAKE_ROLE))
        _refuse_mighty_role(connection)
        if not _may_act(connection):
            with connection.begin_nested():
                connection.execute(text(f"GRANT {APP_ROLE} TO CURRENT_USER"))
    except DBAPIError as error:
        raise _refusal(connection) from error
    if not _may_act(connection):
        raise _refusal(connection)


def _may_act(connection: Connection) -> bool:
    """Return whether the login may become the application's role."""
    try:
        with connection.begin_nested():
            connection.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))
            connection.execute(text("RESET ROLE"))
    except DBAPIError:
        return False
    return True


def _refuse_mighty_role(connection: Connection) -> None:
    statement = text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role")
    if connection.execute(statement, {"role": APP_ROLE}).scalar_one():
        raise ConfigurationError(
            f"The role {APP_ROLE} passes row-level security, which keeps tenants apart: "
            f"ALTER ROLE {APP_ROLE} NOSUPERUSER NOBYPASSRLS."
        )


def _refusal(connection: Connection) -> ConfigurationError:
    login = connection.execute(text("SELECT quote_ident(current_user)")).scalar_one()
    return ConfigurationError(
        f"The database login may not make or use the role {APP_ROLE}. Give it CREATEROLE, or have "
        f"an administrator run: CREATE ROLE {APP_ROLE} NOLOGIN; GRANT {APP_ROLE} TO {login};"
    )
