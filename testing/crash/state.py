"""All that a tenant's database says, without what must differ from one time to the next."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import JobStatus, RunStatus
from payymo.domain.ledger.coverage import assess
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.models import (
    Account,
    AccountQuota,
    CoverageRow,
    Event,
    SyncRun,
    SyncRunAccount,
    Transaction,
)
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.core import TenantRow
from payymo.postgres.gocardless.models import (
    GcAgreement,
    GcBalance,
    GcBankAccount,
    GcFetch,
    GcRequisitionLink,
    GcTransaction,
)
from payymo.postgres.jobs.models import Job
from payymo.postgres.reconciliation.models import Match, MatchRun
from payymo.postgres.tenancy import tenant_transaction

#: When the database wrote a row, by its own clock.
_STAMPS: Final = frozenset({"created_at", "updated_at"})

#: What names a row or the run that wrote it, or numbers the rows of an answer: another each time.
_NAMES: Final = frozenset(
    {"id", "fetch_id", "sync_run_id", "added_by", "match_run_id", "applied_run_id", "position"}
)

#: What is appended at each answer, whether or not it is new: compared as a set.
_EACH_CONTENT: Final = (GcAgreement, GcBalance, GcBankAccount, GcRequisitionLink)

#: What each try leaves of its own; of these, what must agree is told by ``coverage`` and ``work``.
#: A try that was cut short leaves its calls counted.
_OF_EACH_TRY: Final = (
    AccountQuota,
    CoverageRow,
    GcFetch,
    Job,
    MatchRun,
    SyncRun,
    SyncRunAccount,
)

#: All other tables of a tenant, compared row by row.
_EACH_ROW: Final = [
    table for table in TenantRow.__subclasses__() if table not in {*_EACH_CONTENT, *_OF_EACH_TRY}
]

type State = Mapping[str, Any]


def read_state(sessions: sessionmaker[Session], tenant_id: UUID, *, today: date) -> State:
    """Return all that there is to compare of a tenant.

    :param sessions: Opener of transactions.
    :param tenant_id: The tenant.
    :param today: The present day.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        names = _name_rows(session)
        state: dict[str, Any] = {
            table.__tablename__: _sorted(_rows(session, table, names)) for table in _EACH_ROW
        }
        state |= {
            table.__tablename__: sorted(set(_sorted(_rows(session, table, names))))
            for table in _EACH_CONTENT
        }
        state["coverage"] = {
            str(account_id): assess(list_coverage(session, tenant_id, account_id), today=today)
            for account_id in session.scalars(select(Account.id).order_by(Account.id))
        }
        state["work"] = _read_work(session)
    return state


def differences(one: State, other: State) -> list[str]:
    """Return what differs between two states, a line for each row that only one of them has."""
    found = []
    for name in one:
        if one[name] == other[name]:
            continue
        if isinstance(one[name], list):
            these: Counter[str] = Counter(one[name])
            those: Counter[str] = Counter(other[name])
            found += [f"{name}: lacks {row}" for row in these - those]
            found += [f"{name}: has {row}" for row in those - these]
        else:
            found.append(f"{name}: {one[name]} became {other[name]}")
    return found


def _name_rows(session: Session) -> Mapping[UUID, str]:
    """Return lasting names of raw rows and of transactions: what the bank said of them."""
    names: dict[UUID, str] = {}
    raws = session.scalars(
        select(GcTransaction).order_by(
            GcTransaction.account_id, GcTransaction.content_hash, GcTransaction.occurrence
        )
    )
    for raw in raws:
        name = f"{raw.account_id}/{raw.content_hash.hex()}/{raw.occurrence}/{raw.is_booked}"
        names[raw.id] = name
        if raw.transaction_id is not None:
            names.setdefault(raw.transaction_id, name)
    for match in session.scalars(select(Match)):
        names[match.id] = f"match of {names[match.transaction_id]}"
    return names


def _rows(
    session: Session, table: type[TenantRow], names: Mapping[UUID, str]
) -> Iterable[Mapping[str, Any]]:
    columns = [column for column in table.__table__.columns if column.name not in _STAMPS | _NAMES]
    own = [table.__table__.c.id] if table in {Transaction, GcTransaction} else []
    for row in session.execute(select(*columns, *own)).mappings():
        values = {name: _as_named(value, names) for name, value in row.items()}
        if table is AuditEntry and values["entity"] == "sync_runs":
            del values["entity_id"]
        if table is Event and str(values["kind"]).startswith("invoice_"):
            # It names the line that settled the invoice, which is another one each time.
            values["dedupe_key"] = str(values["dedupe_key"]).rpartition(":")[0]
        yield values


def _as_named(value: object, names: Mapping[UUID, str]) -> object:
    """Return a value with the lasting names of the rows that it names: events do so in texts."""
    if isinstance(value, UUID):
        return names.get(value, value)
    if not isinstance(value, str | Mapping):
        return value
    named = str(value)
    for row_id, name in names.items():
        named = named.replace(str(row_id), name)
    return named


def _sorted(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(str(sorted(row.items(), key=lambda item: item[0])) for row in rows)


def _read_work(session: Session) -> Mapping[str, Any]:
    """Return what became of jobs and runs: each is done, and each row was added by one run."""
    jobs = Counter((job.kind, job.status) for job in session.scalars(select(Job)))
    waiting = session.scalars(
        text("SELECT task_name FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")
    )
    added = session.execute(
        select(
            SyncRunAccount.account_id,
            func.sum(SyncRunAccount.added_count),
            func.sum(SyncRunAccount.updated_count),
            func.sum(SyncRunAccount.superseded_count),
        )
        .group_by(SyncRunAccount.account_id)
        .order_by(SyncRunAccount.account_id)
    )
    last = session.execute(
        select(SyncRun.trigger, SyncRun.status).order_by(SyncRun.id.desc()).limit(1)
    ).one()
    running = sum(
        session.scalar(select(func.count()).select_from(run).where(run.status == RunStatus.RUNNING))
        or 0
        for run in (SyncRun, MatchRun)
    )
    return {
        "syncs": {str(key): count for key, count in jobs.items() if key[0] == "sync"},
        # Between two tries of a sync another worker may match: then there is one matching more.
        "matchings": {str(status) for kind, status in jobs if kind == "match"},
        "unfinished": [
            str(key) for key in jobs if key[1] not in {JobStatus.SUCCEEDED, JobStatus.FAILED}
        ],
        "waiting": list(waiting),
        "running": running,
        "counts": [tuple(map(str, row)) for row in added],
        "last_run": tuple(map(str, last)),
    }
