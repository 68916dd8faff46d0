"""Tenants, users, their tokens, and the record of what they did.

``tenants`` and ``users`` stand outside the tenants' walls: signing in has to find them before a
tenant is known. They hold nothing but what signing in needs.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from payymo.domain.enums import GateDemand, Provider, Role
from payymo.domain.matching.gate import DECISIONS_MIN
from payymo.postgres.core import Base, Stamped, TenantRow


class Tenant(Stamped, Base):
    """A business or a person whose data stands apart from all others'.

    :ivar currency: ISO 4217 code of what it reports in; amounts stay in their own.
    :ivar auto_apply: Whether sure matches are applied without asking.
    :ivar auto_apply_threshold: How sure (0 to 1) a match must be for that.
    :ivar auto_apply_demand: What it needs besides.
    :ivar auto_apply_decisions_min: Decisions of people without which no precision is proven.
    """

    __tablename__ = "tenants"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    name: Mapped[str]
    currency: Mapped[str] = mapped_column(default="EUR")
    auto_apply: Mapped[bool] = mapped_column(default=False)
    auto_apply_threshold: Mapped[Decimal] = mapped_column(Numeric(5, 4), default=Decimal("0.95"))
    auto_apply_demand: Mapped[GateDemand] = mapped_column(
        default=GateDemand.PROVEN_PRECISION, server_default=GateDemand.PROVEN_PRECISION.value
    )
    auto_apply_decisions_min: Mapped[int] = mapped_column(
        default=DECISIONS_MIN, server_default=str(DECISIONS_MIN)
    )


class User(Stamped, Base):
    """A person who can sign in.

    :ivar email: Lower case; unique in the installation.
    :ivar password_hash: Argon2id.
    :ivar failed_login_count: Wrong passwords since the last right one.
    :ivar locked_until: No login is answered before, whatever the password.
    """

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    email: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    failed_login_count: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]


class Membership(Stamped, Base):
    """What a user may do within a tenant: read before the tenant is known, so without walls."""

    __tablename__ = "memberships"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    member_of: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[Role]


class RefreshToken(TenantRow):
    """A refresh token: only its hash is kept.

    :ivar family_id: All tokens that descend from one login.
    :ivar used_at: When it was exchanged for its successor; a second use revokes the family.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (Index(None, "tenant_id", "family_id"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    family_id: Mapped[UUID]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEntry(TenantRow):
    """Who did what, with the values before and after; never changed.

    :ivar actor_id: The user; absent when Payymo acted by itself.
    :ivar action: Verb in the past tense (``confirmed``).
    :ivar entity: Table of the thing (``matches``).
    """

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "tenant_id", "entity", "entity_id"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    entity: Mapped[str]
    entity_id: Mapped[UUID]
    before: Mapped[Mapping[str, Any] | None]
    after: Mapped[Mapping[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IdempotencyKey(TenantRow):
    """The first answer to a request that carried an ``Idempotency-Key``.

    :ivar request_hash: SHA-256 of method, path and body: the same key with another is a conflict.
    :ivar status: HTTP status of the answer.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    key: Mapped[str]
    request_hash: Mapped[bytes]
    status: Mapped[int]
    headers: Mapped[Mapping[str, Any]]
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ProviderCredential(Stamped, TenantRow):
    """A tenant's own credentials at a provider, encrypted (see ``postgres/encryption.py``)."""

    __tablename__ = "provider_credentials"
    __table_args__ = (UniqueConstraint("tenant_id", "provider"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    provider: Mapped[Provider]
    secret_id: Mapped[bytes]
    secret_key: Mapped[bytes]
