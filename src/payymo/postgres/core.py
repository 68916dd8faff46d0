"""The ground every table stands on: engine, base classes, pages of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    DateTime,
    Engine,
    Enum,
    ForeignKeyConstraint,
    MetaData,
    Numeric,
    Text,
    create_engine,
    func,
    make_url,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from uuid_utils.compat import uuid7

from payymo.domain.errors import ConfigurationError
from payymo.domain.money import AMOUNT_PRECISION, AMOUNT_SCALE

#: The application's role: it owns nothing, and row-level security binds it.
APP_ROLE = "payymo_app"

#: The warehouse's role: it reads what reports need, of all tenants, and writes nothing.
ANALYTICS_ROLE = "payymo_analytics"

#: Connections that one process keeps at most (pool and overflow together).
CONNECTIONS_MAX = 20


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    # What the database computes is read back at once: a row stays whole after its transaction.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012  # SQLAlchemy reads it so
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it so
        str: Text,
        datetime: DateTime(timezone=True),
        Decimal: Numeric(AMOUNT_PRECISION, AMOUNT_SCALE),
        list[str]: ARRAY(Text),
        Mapping[str, Any]: JSONB,
        StrEnum: Enum(
            StrEnum,
            native_enum=False,
            length=32,
            values_callable=lambda members: [member.value for member in members],
        ),
    }


class Stamped:
    """When a row was written, and last changed."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), sort_order=91
    )


class TenantRow(Base):
    """A row that belongs to exactly one tenant.

    The tenant leads the primary key, so that a reference to the row always names its tenant:
    see :func:`tenant_reference`.
    """

    __abstract__ = True

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7, sort_order=-1)


def tenant_reference(
    column: str, target: str, *, ondelete: str | None = None
) -> ForeignKeyConstraint:
    """Return a foreign key that cannot leave the tenant.

    :param column: Referring column.
    :param target: Table referred to, whose key is ``(tenant_id, id)``.
    :param ondelete: SQL action when the target goes.
    """
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], ondelete=ondelete
    )


@dataclass(frozen=True, slots=True)
class Page[Row]:
    """Some rows of a longer list.

    :ivar rows: The rows of this page, in order.
    :ivar total: How many rows the whole list has.
    """

    rows: Sequence[Row]
    total: int


def driver_url(url: str) -> str:
    """Return a PostgreSQL address in the form that SQLAlchemy's psycopg dialect wants.

    :param url: ``postgres://…``, ``postgresql://…`` or ``postgresql+psycopg://…``.
    :raises ConfigurationError: If the address is not one of PostgreSQL's.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # Not chained: the cause quotes the address, and the address holds a password.
        raise ConfigurationError("DATABASE_URL is not a database address.") from None
    if parsed.drivername not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise ConfigurationError("DATABASE_URL must name a PostgreSQL server: postgresql://…")
    return parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def create_app_engine(url: str) -> Engine:
    """Return an engine whose connections act as the application's role.

    :param url: Address of a database whose login is a member of :data:`APP_ROLE`.
    """
    return create_engine(
        driver_url(url),
        connect_args={"options": f"-c role={APP_ROLE} -c timezone=UTC"},
        pool_size=CONNECTIONS_MAX // 2,
        max_overflow=CONNECTIONS_MAX // 2,
        pool_pre_ping=True,
    )


def create_owner_engine(url: str) -> Engine:
    """Return an engine that acts as the login itself: for migrations, never for serving.

    :param url: Address of the database, with the owner's login.
    """
    return create_engine(driver_url(url), connect_args={"options": "-c timezone=UTC"})


def create_sessions(engine: Engine) -> sessionmaker[Session]:
    """Return the opener of transactions: ``with sessions.begin() as session``.

    :param engine: Engine of :func:`create_app_engine`.
    """
    return sessionmaker(engine, expire_on_commit=False)
