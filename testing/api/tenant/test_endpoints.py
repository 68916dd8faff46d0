"""What a tenant lets happen without a person."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import JobKind
from payymo.postgres.auth.models import AuditEntry, Tenant
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/tenant"


def settings(client: TestClient) -> dict[str, Any]:
    answer = client.get(URL)
    assert answer.status_code == 200
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_nothing_is_applied_by_itself_for_a_new_tenant(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        tenant = Tenant(name="New Ltd")
        session.add(tenant)
        session.flush()

        assert not tenant.auto_apply


def test_anybody_of_the_tenant_reads_them(viewer: TestClient, tenant_id: UUID) -> None:
    shown = settings(viewer)

    assert shown["id"] == str(tenant_id)
    assert (shown["auto_apply"], shown["auto_apply_threshold"]) == (True, 0.95)
    assert (shown["auto_apply_demand"], shown["auto_apply_decisions_min"]) == (
        "proven_precision",
        50,
    )


def test_an_admin_changes_them_and_what_waits_is_judged_anew(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, user_id: UUID
) -> None:
    change = {
        "auto_apply": False,
        "auto_apply_threshold": 0.97,
        "auto_apply_demand": "issued_reference",
        "auto_apply_decisions_min": 200,
    }

    answer = client.patch(URL, json=change)

    assert answer.status_code == 200
    assert answer.json()["data"] | change == answer.json()["data"] == settings(client)
    with tenant_transaction(sessions, tenant_id) as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.entity, entry.action, entry.actor_id) == ("tenants", "changed", user_id)
        assert entry.before == {
            "auto_apply": True,
            "auto_apply_threshold": "0.9500",
            "auto_apply_demand": "proven_precision",
            "auto_apply_decisions_min": 50,
        }
        assert session.scalars(select(Job.kind)).all() == [JobKind.MATCH]


def test_what_changes_nothing_is_not_written_down(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
) -> None:
    assert client.patch(URL, json={"auto_apply": True}).status_code == 200

    with tenant_transaction(sessions, tenant_id) as session:
        assert session.scalars(select(AuditEntry)).all() == []


@pytest.mark.parametrize(
    "change",
    [
        {"auto_apply_threshold": 0.79},
        {"auto_apply_threshold": 1},
        {"auto_apply_decisions_min": 49},
        {"auto_apply_demand": "trust"},
        {"auto_apply": None},
        {"currency": "XYZ"},
    ],
)
def test_what_would_prove_nothing_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    before = settings(client)

    assert client.patch(URL, json=change).status_code == 400
    assert settings(client) == before


def test_a_member_may_not_change_them(member: TestClient) -> None:
    assert member.patch(URL, json={"auto_apply": False}).status_code == 403


def test_another_tenant_changes_its_own(
    stranger: TestClient, client: TestClient, other_tenant_id: UUID
) -> None:
    assert stranger.patch(URL, json={"auto_apply": False}).status_code == 200

    assert settings(stranger)["id"] == str(other_tenant_id)
    assert (settings(stranger)["auto_apply"], settings(client)["auto_apply"]) == (False, True)
