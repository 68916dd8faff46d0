"""The body of a diagnosis: what can be shown to anybody."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.domain.enums import (
    AccessScope,
    AccountSelection,
    AccountStatus,
    AccountType,
    ConnectionStatus,
    ConsentStatus,
    FaultKind,
    JobKind,
    JobStatus,
    Provider,
    RunStatus,
    SyncRemark,
    SyncTrigger,
)


class FaultFactsRead(ResponseModel):
    """What went wrong, in codes."""

    kind: FaultKind | None
    code: Annotated[str, Field(examples=["provider_unavailable"])]
    provider_code: Annotated[str | None, Field(examples=["ServiceError"])]
    http_status: Annotated[int | None, Field(examples=[503])]
    request_id: Annotated[
        str | None,
        Field(
            description="By what name the provider's support can find the request.",
            examples=["912d33138a2171ec-LHR"],
        ),
    ]


class ConsentFactsRead(ResponseModel):
    """A consent that was asked for."""

    status: ConsentStatus
    provider_status: Annotated[str | None, Field(examples=["LN"])]
    history_days: int
    access_days: int
    asked_at: datetime
    granted_at: datetime | None
    expires_at: datetime | None
    error_code: str | None


class DayRangeRead(ResponseModel):
    """Days from the first to the last, both included."""

    first_day: date
    last_day: date


class StandingRead(ResponseModel):
    """How many of a day's calls of a scope are used and left."""

    limit: int
    used: int
    left_for_schedule: int
    left_for_people: int
    resets_at: datetime | None


class AccountFactsRead(ResponseModel):
    """An account, under a name that says nothing of it."""

    alias: Annotated[str, Field(examples=["account-1f0a9c3e"])]
    account_type: AccountType
    currency: str | None
    status: AccountStatus
    fault: FaultFactsRead | None
    is_sync_enabled: bool
    is_offered: bool
    failure_count: Annotated[int, Field(description="Failures in a row.")]
    retry_at: datetime | None
    details_fetched_at: datetime | None
    last_synced_at: datetime | None
    synced_through: date | None
    known: list[DayRangeRead]
    holes: list[DayRangeRead]
    not_given: list[DayRangeRead]
    quotas: dict[AccessScope, StandingRead]


class RunPartFactsRead(ResponseModel):
    """What one run did for one account."""

    alias: str
    status: RunStatus
    since: date | None
    until: date | None
    pulled: int
    added: int
    updated: int
    unchanged: int
    superseded: int
    fault: FaultFactsRead | None
    remark: SyncRemark | None
    retry_at: datetime | None
    request_ids: Annotated[
        dict[AccessScope, str],
        Field(description="By what names the provider's support can find what was answered."),
    ]


class RunFactsRead(ResponseModel):
    """One attempt to bring the connection up to date."""

    id: UUID
    trigger: SyncTrigger
    status: RunStatus
    started_at: datetime
    seconds: float | None
    fault: FaultFactsRead | None
    remark: SyncRemark | None
    accounts: list[RunPartFactsRead]


class JobFactsRead(ResponseModel):
    """A job that waits or runs."""

    id: UUID
    kind: JobKind
    status: JobStatus
    attempt_count: int
    asked_at: datetime
    error_code: str | None


class DiagnosisRead(ResponseModel):
    """How a connection stands; no name, number, text or secret of anybody is in it."""

    made_at: datetime
    payymo_version: Annotated[str, Field(examples=["0.1.0"])]
    schema_version: Annotated[str | None, Field(examples=["0013"])]
    identity_version: int
    connection_id: UUID
    provider: Provider
    institution: Annotated[str, Field(examples=["SANDBOXFINANCE_SFIN0000"])]
    status: ConnectionStatus
    fault: FaultFactsRead | None
    account_selection: AccountSelection
    created_at: datetime
    expires_at: datetime | None
    last_synced_at: datetime | None
    next_sync_at: datetime | None
    consents: list[ConsentFactsRead]
    accounts: list[AccountFactsRead]
    jobs: list[JobFactsRead]
    runs: list[RunFactsRead]
