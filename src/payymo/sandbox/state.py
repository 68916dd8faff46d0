"""What the sandbox remembers: tokens, consents, accounts, counts, faults and its clock's offset."""

import contextlib
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from payymo.domain.errors import ConfigurationError

type RequisitionStatus = Literal["CR", "ID", "LN", "RJ", "ER", "SU", "EX", "GC", "UA", "GA", "SA"]
type AccountState = Literal["DISCOVERED", "PROCESSING", "READY", "ERROR", "EXPIRED", "SUSPENDED"]
type Scope = Literal["details", "balances", "transactions"]
type Body = dict[str, Any]

SCOPES: tuple[Scope, ...] = ("balances", "details", "transactions")

#: Days that a reconfirmed consent lasts before it must be reconfirmed, and the window around it.
RECONFIRMATION_DAYS = 90
RECONFIRMATION_WINDOW = timedelta(days=14)


def stamp(moment: datetime) -> str:
    """Return a moment as the service writes it: ``2026-01-31T07:58:23.836351Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Token(msgspec.Struct):
    """A token, known by the SHA-256 of its text."""

    kind: Literal["access", "refresh"]
    expires: datetime


class Agreement(msgspec.Struct):
    """An end user agreement: how far back, how long, and what may be read."""

    id: str
    created: datetime
    institution_id: str
    max_historical_days: int
    access_valid_for_days: int
    access_scope: list[str]
    reconfirmation: bool
    accepted: datetime | None = None

    def expires(self) -> datetime | None:
        """Return when the access ends, or nothing while the agreement is not accepted."""
        if self.accepted is None:
            return None
        return self.accepted + timedelta(days=self.access_valid_for_days)

    def body(self) -> Body:
        """Return the agreement as the service answers it."""
        return {
            "id": self.id,
            "created": stamp(self.created),
            "institution_id": self.institution_id,
            "max_historical_days": self.max_historical_days,
            "access_valid_for_days": self.access_valid_for_days,
            "access_scope": self.access_scope,
            "accepted": stamp(self.accepted) if self.accepted else None,
            "reconfirmation": self.reconfirmation,
        }


class Reconfirmation(msgspec.Struct):
    """A request to extend an agreement, and what the account holder answered."""

    created: datetime
    url_valid_from: datetime
    url_valid_to: datetime
    redirect: str | None
    last_accessed: datetime | None = None
    last_submitted: datetime | None = None
    confirmed: dict[str, datetime] = {}
    rejected: dict[str, datetime] = {}


class Requisition(msgspec.Struct):
    """One attempt of an account holder to give access."""

    id: str
    created: datetime
    redirect: str
    status: RequisitionStatus
    institution_id: str
    agreement: str
    reference: str
    link: str
    accounts: list[str] = []
    user_language: str | None = None
    ssn: str | None = None
    account_selection: bool = False
    redirect_immediate: bool = False
    scenario: str | None = None
    selected: list[str] = []
    revoked: bool = False

    def body(self) -> Body:
        """Return the requisition as the service answers it."""
        body: Body = {
            "id": self.id,
            "created": stamp(self.created),
            "redirect": self.redirect,
            "status": self.status,
            "institution_id": self.institution_id,
            "agreement": self.agreement,
            "reference": self.reference,
            "accounts": self.accounts,
            "link": self.link,
            "account_selection": self.account_selection,
            "redirect_immediate": self.redirect_immediate,
        }
        if self.user_language is not None:
            body["user_language"] = self.user_language
        if self.ssn is not None:
            body["ssn"] = self.ssn
        return body


class Account(msgspec.Struct):
    """A bank account as one consent sees it; ``key`` names it within its book."""

    id: str
    created: datetime
    last_accessed: datetime
    requisition: str
    institution_id: str
    scenario: str
    key: str
    iban: str
    owner_name: str
    name: str
    status: AccountState = "READY"
    ready_from: datetime | None = None
    failures: int = 0
    pulls: int = 0


class Window(msgspec.Struct):
    """How many calls were counted since the window began."""

    began: datetime
    count: int


class Fault(msgspec.Struct):
    """Something that is to go wrong, where, and how often (``times`` None: until cleared)."""

    id: str
    kind: str
    endpoint: str | None = None
    account: str | None = None
    institution: str | None = None
    times: int | None = None
    seconds: float = 60.0
    status: int = 401


class Company(msgspec.Struct):
    """What the sandbox's only customer may do, and the limits it has."""

    can_accept_agreements: bool = False
    can_reconfirm: bool = True
    connections_max: int | None = None
    limits: dict[str, int] = {}


class State(msgspec.Struct):
    """Everything that outlives a request."""

    secret_id: str
    secret_key: str
    offset_seconds: float = 0.0
    company: Company = msgspec.field(default_factory=Company)
    tokens: dict[str, Token] = {}
    agreements: dict[str, Agreement] = {}
    requisitions: dict[str, Requisition] = {}
    accounts: dict[str, Account] = {}
    reconfirmations: dict[str, Reconfirmation] = {}
    windows: dict[str, Window] = {}
    faults: list[Fault] = []


def load_state(path: Path | None) -> State | None:
    """Return the state that a file holds.

    :param path: File written by :func:`save_state`; it need not exist.
    :returns: The state, or nothing where there is no file.
    :raises ConfigurationError: If the file is not a state of this sandbox.
    """
    if path is None or not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(
            "The sandbox's state file cannot be read; delete it to start with an empty sandbox."
        ) from error


def save_state(state: State, path: Path) -> None:
    """Write the state so that a reader sees the old file or the new one, never a part.

    :param state: What to write; it holds the secret key, hence mode 0600.
    :param path: File to replace; its folder is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(state))
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise
