"""When to ask a bank, how a run went, and why one that went well brought nothing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from payymo.domain.enums import RunStatus, SyncRemark

#: How often the details of an account are read; they rarely change, and each reading is counted.
DETAILS_EVERY: Final = timedelta(days=7)


def are_details_due(fetched_at: datetime | None, now: datetime) -> bool:
    """Return whether the details of an account are to be read.

    :param fetched_at: When they were read last (aware); ``None`` where they never were.
    :param now: The time (aware).
    """
    return fetched_at is None or now - fetched_at >= DETAILS_EVERY


@dataclass(frozen=True, slots=True)
class Remark:
    """Why a sync brought nothing, though nothing failed.

    :ivar message: In a sentence.
    """

    code: SyncRemark
    message: str


@dataclass(frozen=True, slots=True)
class AnswerNews:
    """What is to be known of an answer to say why it brought nothing.

    :ivar pulled: Rows of the answer.
    :ivar is_news: Whether anything was added or changed by it.
    :ivar asked_from: First day asked for; ``None`` when all was.
    :ivar answered_on: The day on which it came.
    :ivar bank_asked_on: When the provider last asked the bank, where it says so.
    :ivar newest_known: The last day of which a booked row is known; ``None`` without one.
    :ivar has_known_rows: Booked rows are known of the days asked for.
    """

    pulled: int
    is_news: bool
    asked_from: date | None
    answered_on: date
    bank_asked_on: date | None
    newest_known: date | None
    has_known_rows: bool


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """How many accounts of a connection are not read, and why not.

    :ivar offered: They wait for an answer whether they are to be read.
    :ivar switched_off: The tenant does not want them read.
    :ivar unreadable: The bank, the provider or the consent does not let us.
    """

    offered: int
    switched_off: int
    unreadable: int


def remark_on_answer(news: AnswerNews) -> Remark | None:
    """Return why an answer brought nothing; ``None`` where it did.

    An answer from the provider's store is remarked on even if something in it was new to us: what
    the bank booked since is not in it.

    :param news: What is to be known of it.
    """
    if news.bank_asked_on is not None and news.bank_asked_on < news.answered_on:
        return Remark(
            SyncRemark.STALE_ANSWER,
            f"The provider answered from its store of {news.bank_asked_on}, without asking the "
            "bank: what was booked since is not known. If that goes on, renew the connection.",
        )
    if news.is_news:
        return None
    asked = f"from {news.asked_from} on" if news.asked_from else "for all it has"
    if news.pulled:
        latest = f"; the latest is of {news.newest_known}" if news.newest_known else ""
        rows = "The one row" if news.pulled == 1 else f"All {news.pulled:,} rows"
        known = "was" if news.pulled == 1 else "were"
        return Remark(
            SyncRemark.ALL_KNOWN,
            f"{rows} of the bank's answer {known} known already{latest}.",
        )
    if news.has_known_rows:
        return Remark(
            SyncRemark.EMPTY_ANSWER,
            f"The bank was asked {asked} and answered with nothing, although transactions of these "
            "days are known: nothing is concluded from that, and they are asked for again.",
        )
    return Remark(
        SyncRemark.QUIET,
        f"The bank was asked {asked}, and has no transactions.",
    )


def remark_on_choice(choice: AccountChoice) -> Remark:
    """Return why nothing was asked for, where no account of a connection is read.

    :param choice: Why not.
    """
    reasons = [
        (choice.offered, "wait for your choice"),
        (choice.switched_off, "switched off"),
        (choice.unreadable, "cannot be read with the present consent"),
    ]
    told = ", ".join(f"{count} {why}" for count, why in reasons if count)
    return Remark(
        SyncRemark.NO_ACCOUNT,
        f"The bank was not asked: no account of the connection is read ({told or 'it has none'}). "
        "Choose one with `payymo connections accounts`, or renew the connection.",
    )


def remark_on_run(remarks: Sequence[Remark | None]) -> Remark | None:
    """Return why a run brought nothing; ``None`` where any account brought something.

    :param remarks: Of each account that was asked for.
    """
    told = [remark for remark in remarks if remark is not None]
    if not told or len(told) < len(remarks):
        return None
    ranks = list(SyncRemark)
    gravest = min(told, key=lambda remark: ranks.index(remark.code))
    if len(told) == 1:
        return gravest
    alike = sum(remark.code is gravest.code for remark in told)
    return Remark(
        gravest.code,
        f"None of {len(told)} accounts had anything new. For {alike} of them: {gravest.message}",
    )


def summarise(statuses: Collection[RunStatus]) -> RunStatus:
    """Return how a run went whose accounts went so.

    :param statuses: One for each account; none at all is a success.
    """
    if all(status is RunStatus.SUCCEEDED for status in statuses):
        return RunStatus.SUCCEEDED
    if all(status is RunStatus.FAILED for status in statuses):
        return RunStatus.FAILED
    return RunStatus.PARTIAL


def stagger(key: UUID, within: timedelta) -> timedelta:
    """Return a time within a span, always the same for one thing and spread evenly over many.

    :param key: Id of the thing: a UUIDv7, of which the last digits are random, and stay.
    :param within: The span.
    """
    return timedelta(seconds=key.int % int(within.total_seconds()))
