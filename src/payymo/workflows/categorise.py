"""Decide what transactions are for, and say beforehand what a rule would do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.domain.categories.decisions import Categoriser, Rule
from payymo.domain.categories.rules import Conditions, Matcher, check_conditions
from payymo.domain.enums import CategorySource
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.categories.operations.categories import get_category
from payymo.postgres.categories.operations.rules import get_rule, list_rules
from payymo.postgres.common.operations.categorisation import (
    BATCH,
    Judged,
    count_standing,
    decide_on,
    list_judged_after,
    list_own_ibans,
    recall_categoriser,
    stream_judged,
)
from payymo.postgres.tenancy import tenant_transaction

#: Transactions that a trial of a rule shows.
SAMPLES_MAX: Final = 20

#: Told now and then: how many transactions were looked at, of how many.
type Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CategoriseReport:
    """What became of a tenant's transactions.

    :ivar transaction_count: Those that were looked at.
    :ivar changed_count: Those of which something else is said now.
    :ivar kept_count: Those on which a person decided: they were left alone.
    """

    transaction_count: int
    changed_count: int
    kept_count: int


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule that is tried before it is written.

    :ivar position: Which one it would be, from 1; ``None`` is the last, or where it is.
    :ivar rule_id: The rule in whose place it is tried, if any.
    """

    category_id: UUID
    conditions: Conditions
    position: int | None = None
    rule_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RuleSample:
    """A transaction that a rule matches.

    :ivar judged: The transaction, and what is said of it so far.
    :ivar is_changed: Whether the rule would give it another category.
    """

    judged: Judged
    is_changed: bool


@dataclass(slots=True)
class RuleTrial:
    """What a rule would do to the transactions that are known; nothing was written.

    :ivar transaction_count: Transactions that were looked at.
    :ivar matched_count: Those of which its conditions hold.
    :ivar changed_count: Those that would get another category from it.
    :ivar chosen_count: Those that match, and keep what a person chose.
    :ivar earlier_count: Those that match, and that an earlier rule decides on.
    :ivar samples: Some that match: first those that would change, each kind the latest first.
    """

    transaction_count: int = 0
    matched_count: int = 0
    changed_count: int = 0
    chosen_count: int = 0
    earlier_count: int = 0
    samples: list[RuleSample] = field(default_factory=list)


def categorise_all(
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    *,
    clock: Clock,
    progress: Progress,
    batch: int = BATCH,
) -> CategoriseReport:
    """Decide anew on all of a tenant's transactions on which no person has.

    Some thousands at a time, each in a transaction of its own, and nothing is written that is
    said already: whatever is stopped goes on where it was.

    :param sessions: Opener of transactions.
    :param tenant_id: Tenant that owns them.
    :param clock: Tells the time (aware).
    :param progress: Told how far it is.
    :param batch: How many at a time.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        total = count_standing(session, tenant_id)
    seen = changed = kept = 0
    last_id: UUID | None = None
    progress(0, total)
    while True:
        with tenant_transaction(sessions, tenant_id) as session:
            own_ibans = list_own_ibans(session, tenant_id)
            judged = list_judged_after(
                session, tenant_id, last_id, own_ibans=own_ibans, limit=batch
            )
            categoriser = recall_categoriser(session, tenant_id)
            changed += decide_on(session, tenant_id, categoriser, judged, now=clock())
        seen += len(judged)
        kept += sum(each.said.source is CategorySource.USER for each in judged)
        progress(min(seen, total), total)
        if len(judged) < batch:
            if changed:
                with tenant_transaction(sessions, tenant_id) as session:
                    record_audit(
                        session,
                        tenant_id,
                        actor_id=None,
                        action="categorised",
                        entity="tenants",
                        entity_id=tenant_id,
                        after={"changed_count": changed},
                    )
            return CategoriseReport(seen, changed, kept)
        last_id = judged[-1].id


def try_rule(session: Session, tenant_id: UUID, draft: RuleDraft) -> RuleTrial:
    """Say what a rule would do to the transactions that are known; nothing is written.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param draft: The rule.
    :raises NotFoundError: If the tenant has no such category or rule.
    :raises InvalidInputError: If the conditions cannot be.
    """
    get_category(session, tenant_id, draft.category_id)
    check_conditions(draft.conditions)
    tried = Rule(None, draft.category_id, Matcher(draft.conditions))
    categoriser = _with_draft(session, tenant_id, draft, tried)
    trial = RuleTrial()
    unchanged: list[RuleSample] = []
    own_ibans = list_own_ibans(session, tenant_id)
    for each in stream_judged(session, tenant_id, own_ibans=own_ibans):
        trial.transaction_count += 1
        if not tried.matcher.matches(each.subject):
            continue
        trial.matched_count += 1
        sample = _judge(categoriser, tried, each, trial)
        samples = trial.samples if sample.is_changed else unchanged
        if len(samples) < SAMPLES_MAX:
            samples.append(sample)
    trial.samples = [*trial.samples, *unchanged][:SAMPLES_MAX]
    return trial


def _judge(categoriser: Categoriser, tried: Rule, each: Judged, trial: RuleTrial) -> RuleSample:
    is_changed = False
    if each.said.source is CategorySource.USER:
        trial.chosen_count += 1
    elif categoriser.find_rule(each.subject) is not tried:
        trial.earlier_count += 1
    else:
        is_changed = each.said.category_id != tried.category_id
        trial.changed_count += is_changed
    return RuleSample(each, is_changed)


def _with_draft(session: Session, tenant_id: UUID, draft: RuleDraft, tried: Rule) -> Categoriser:
    """Return the rules as they would be with the one that is tried, and nothing else."""
    if draft.rule_id is not None:
        get_rule(session, tenant_id, draft.rule_id)
    order = [rule.id for rule in list_rules(session, tenant_id)]
    place = len(order) if draft.rule_id is None else order.index(draft.rule_id)
    if draft.rule_id is not None:
        order.remove(draft.rule_id)
    if draft.position is not None:
        place = draft.position - 1
    before = set(order[:place])
    rules: Sequence[Rule] = recall_categoriser(session, tenant_id).rules
    return Categoriser(rules=[*(rule for rule in rules if rule.id in before), tried])
