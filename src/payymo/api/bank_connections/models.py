"""Bodies of bank connections."""

import re
from datetime import date, datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    ConfigDict,
    Field,
    StringConstraints,
    UrlConstraints,
    model_validator,
)

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.faults import Fault
from payymo.api.fields import ShortText, refuse
from payymo.api.jobs.models import JobRead
from payymo.domain.enums import (
    AccountSelection,
    ConnectionStatus,
    ConsentStatus,
    DoublesAnswer,
    Provider,
    RunStatus,
    SyncRemark,
    SyncTrigger,
)
from payymo.postgres.common.models import BankConsent, Connection, SyncRun, SyncRunAccount
from payymo.postgres.common.operations.doubles import Double
from payymo.workflows.permits import Waiting
from payymo.workflows.undo import Reversal

ReturnUrl = Annotated[
    AnyHttpUrl,
    UrlConstraints(max_length=2000),
    Field(
        description="Where the browser goes once the consent is given or refused.",
        examples=["https://example.com/done"],
    ),
]


ConnectionName = Annotated[
    ShortText,
    Field(description="Tells several logins at one bank apart.", examples=["Joint login"]),
]

_INSTITUTION: Final = re.compile(r"[A-Za-z0-9_.-]+")


def _check_institution(given: str) -> str:
    if not _INSTITUTION.fullmatch(given):
        raise refuse("This must be the id of a bank: find it with GET /api/v1/institutions.")
    return given


class ConnectionCreate(RequestModel):
    """Which bank to connect."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "institution_id": "SANDBOXFINANCE_SFIN0000",
                    "return_url": "https://example.com/done",
                }
            ]
        }
    )

    institution_id: Annotated[
        str,
        StringConstraints(max_length=200),
        AfterValidator(_check_institution),
        Field(
            json_schema_extra={"pattern": f"^{_INSTITUTION.pattern}$"},
            description="Payymo's id of the bank, or the provider's.",
            examples=["SANDBOXFINANCE_SFIN0000"],
        ),
    ]
    return_url: ReturnUrl | None = None
    name: ConnectionName | None = None
    account_selection: Annotated[
        AccountSelection,
        Field(description="`ask` reads nothing of an account until you choose it."),
    ] = AccountSelection.ALL
    provider: Provider = Provider.GOCARDLESS


class RenewalCreate(RequestModel):
    """How to renew a consent."""

    return_url: ReturnUrl | None = None


class ConnectionUpdate(RequestModel):
    """The name of a connection, or its end; what is left out stays."""

    name: ConnectionName | None = None
    status: Annotated[
        Literal[ConnectionStatus.REVOKED] | None,
        Field(
            description="The consent ends at the bank, and nothing is synced any more; accounts, "
            "transactions and edits stay. A renewal goes on with them."
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def refuse_nothing(cls, given: object) -> object:
        """Refuse a body that changes nothing."""
        if isinstance(given, dict) and not any(value is not None for value in given.values()):
            raise refuse('Say what to change: a name, or {"status": "revoked"}.')
        return given


class ConsentRefusal(ResponseModel):
    """Why a consent was not given."""

    code: Annotated[str, Field(description="For programs.", examples=["consent_rejected"])]
    message: Annotated[
        str, Field(description="In a sentence.", examples=["Consent was not given at the bank."])
    ]

    @classmethod
    def of(cls, code: str | None, message: str | None) -> Self | None:
        """Present a refusal, where there is one."""
        return None if code is None else cls(code=code, message=message or code)


class RemarkRead(ResponseModel):
    """Why a sync brought nothing, though nothing failed."""

    code: SyncRemark
    message: Annotated[
        str,
        Field(
            description="In a sentence.",
            examples=["All 52 rows of the bank's answer were known already."],
        ),
    ]

    @classmethod
    def of(cls, code: SyncRemark | None, message: str | None) -> Self | None:
        """Present a remark, where there is one."""
        return None if code is None else cls(code=code, message=message or code.value)


class ConnectedInstitution(ResponseModel):
    """The bank of a connection."""

    id: UUID
    reference: Annotated[str, Field(examples=["SANDBOXFINANCE_SFIN0000"])]
    name: Annotated[str, Field(examples=["Sandbox Finance"])]
    bic: Annotated[str | None, Field(examples=["SFIN0000"])]
    logo_url: Annotated[str | None, Field(examples=["https://example.com/logo.png"])]


class ConsentRead(ResponseModel):
    """The consent that was last asked for: perhaps one that is to renew the present one."""

    status: ConsentStatus
    error: Annotated[
        ConsentRefusal | None, Field(description="Why it was not given, or is of no use.")
    ]
    history_days: Annotated[int, Field(description="Days of history asked for.", examples=[90])]
    access_days: Annotated[int, Field(description="Days of access asked for.", examples=[180])]
    created_at: datetime
    granted_at: datetime | None
    expires_at: datetime | None

    @classmethod
    def of(cls, consent: BankConsent) -> Self:
        """Present a consent."""
        return cls(
            status=consent.status,
            error=ConsentRefusal.of(consent.error_code, consent.error_message),
            history_days=consent.history_days,
            access_days=consent.access_days,
            created_at=consent.created_at,
            granted_at=consent.granted_at,
            expires_at=consent.expires_at,
        )


class ConnectionRead(ResponseModel):
    """A connection to a bank; consents come and go, it stays."""

    id: UUID
    provider: Provider
    name: Annotated[str | None, Field(description="The tenant's own.", examples=["Joint login"])]
    account_selection: AccountSelection
    institution: ConnectedInstitution
    status: ConnectionStatus
    error: Annotated[
        Fault | None, Field(description="Why it is not active, or what its last sync met.")
    ]
    expires_at: Annotated[
        datetime | None, Field(description="When the present consent ends: renew it before.")
    ]
    latest_consent: Annotated[
        ConsentRead | None,
        Field(description="The consent last asked for; a refused renewal shows here."),
    ]
    open_double_count: Annotated[
        int,
        Field(
            description="Accounts that another connection has already: answer for all of them with "
            "POST `doubles`.",
            examples=[0],
        ),
    ]
    last_synced_at: datetime | None
    next_sync_at: Annotated[
        datetime | None, Field(description="When what could not be read is asked for again.")
    ]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(
        cls, connection: Connection, latest_consent: BankConsent | None, open_double_count: int
    ) -> Self:
        """Present a connection.

        :param connection: Row of a session that is still open.
        :param latest_consent: Consent last asked for, where one was.
        :param open_double_count: Accounts that wait for an answer because another one has them.
        """
        return cls(
            id=connection.id,
            provider=connection.provider,
            name=connection.name,
            account_selection=connection.account_selection,
            institution=ConnectedInstitution.model_validate(connection.institution),
            status=connection.status,
            error=Fault.of(connection),
            expires_at=connection.expires_at,
            latest_consent=ConsentRead.of(latest_consent) if latest_consent else None,
            open_double_count=open_double_count,
            last_synced_at=connection.last_synced_at,
            next_sync_at=connection.next_sync_at,
            created_at=connection.created_at,
            updated_at=connection.updated_at,
        )


class ConnectionStarted(ConnectionRead):
    """A connection whose account holder has to consent."""

    consent_url: Annotated[
        str,
        Field(
            description="Send the account holder's browser there.",
            examples=["https://ob.example.com/psd2/start/3fa85f64"],
        ),
    ]


class SyncRunAccountRead(ResponseModel):
    """What a sync did for one account."""

    account_id: UUID
    status: RunStatus
    since: Annotated[date | None, Field(description="First day asked for; null is all history.")]
    until: date | None
    pulled_count: Annotated[int, Field(examples=[52])]
    added_count: Annotated[int, Field(examples=[7])]
    updated_count: Annotated[int, Field(examples=[1])]
    unchanged_count: Annotated[int, Field(examples=[44])]
    superseded_count: Annotated[int, Field(examples=[0])]
    error: Fault | None
    retry_at: datetime | None
    remark: Annotated[RemarkRead | None, Field(description="Why a success brought nothing.")]

    @classmethod
    def of(cls, result: SyncRunAccount) -> Self:
        """Present what a sync did for one account."""
        return cls(
            account_id=result.account_id,
            status=result.status,
            since=result.since,
            until=result.until,
            pulled_count=result.pulled_count,
            added_count=result.added_count,
            updated_count=result.updated_count,
            unchanged_count=result.unchanged_count,
            superseded_count=result.superseded_count,
            error=Fault.of(result),
            retry_at=result.retry_at,
            remark=RemarkRead.of(result.remark_code, result.remark),
        )


class SyncRunRead(ResponseModel):
    """One attempt to bring a connection up to date."""

    id: UUID
    job_id: UUID | None
    trigger: SyncTrigger
    reverts: Annotated[UUID | None, Field(description="The run that this one took back.")]
    status: RunStatus
    error: Fault | None
    remark: Annotated[RemarkRead | None, Field(description="Why a success brought nothing.")]
    started_at: datetime
    finished_at: datetime | None
    accounts: list[SyncRunAccountRead]

    @classmethod
    def of(cls, run: SyncRun) -> Self:
        """Present a sync run.

        :param run: Row with its accounts.
        """
        return cls(
            id=run.id,
            job_id=run.job_id,
            trigger=run.trigger,
            reverts=run.reverts,
            status=run.status,
            error=Fault.of(run),
            remark=RemarkRead.of(run.remark_code, run.remark),
            started_at=run.started_at,
            finished_at=run.finished_at,
            accounts=[SyncRunAccountRead.of(account) for account in run.accounts],
        )


class DoublesAnswerCreate(RequestModel):
    """What becomes of all accounts that other connections have."""

    answer: Annotated[
        DoublesAnswer,
        Field(
            description="`adopt` reads them here from now on, with their history and edits, and "
            "no more there; `leave` leaves them where they are. Nothing is read twice."
        ),
    ]


class DoubleRead(ResponseModel):
    """An account that another connection has."""

    account_id: UUID
    is_offered: Annotated[bool, Field(description="It waits for an answer.")]
    holder_account_id: Annotated[UUID, Field(description="The one with the history.")]
    holder_bank_connection_id: UUID

    @classmethod
    def of(cls, double: Double) -> Self:
        """Present an account that another connection has."""
        return cls(
            account_id=double.account.id,
            is_offered=double.account.is_offered,
            holder_account_id=double.holder.id,
            holder_bank_connection_id=double.holder.connection_id,
        )


class ReversalCreate(RequestModel):
    """How a sync run is taken back."""

    dry_run: Annotated[
        bool, Field(description="Only say what would happen, and what stands in the way.")
    ] = False


class ReversalRead(ResponseModel):
    """What taking a sync run back did, or would do."""

    sync_run: Annotated[
        SyncRunRead | None, Field(description="The reversal's own run; null for a dry run.")
    ]
    removed_count: Annotated[int, Field(description="Transactions that the run had added.")]
    restored_count: Annotated[int, Field(description="Transactions that it had changed.")]
    blockers: Annotated[
        list[str], Field(description="Why it cannot be done; empty where it was, or could be.")
    ]

    @classmethod
    def of(cls, reversal: Reversal) -> Self:
        """Present a reversal."""
        return cls(
            sync_run=None if reversal.run is None else SyncRunRead.of(reversal.run),
            removed_count=reversal.removed_count,
            restored_count=reversal.restored_count,
            blockers=[blocker.message for blocker in reversal.blockers],
        )


class WaitingAccount(ResponseModel):
    """An account that the bank lets nobody read now."""

    account_id: UUID
    until: datetime

    @classmethod
    def of(cls, waiting: Waiting) -> Self:
        """Present it."""
        return cls(account_id=waiting.account_id, until=waiting.until)


class SyncStarted(JobRead):
    """The job of a sync that was asked for."""

    waiting: Annotated[
        list[WaitingAccount],
        Field(description="Accounts of which no call is left; they are read as soon as there is."),
    ]
